// Keeps the success page true: whenever the payment changes, the page's own HTML is fetched anew
// and shown. All words stand there; this script knows none.

const LATE_MS = 30_000;
const WAIT_S = 25;
const PAUSE_MS = 5_000;
const STREAM_FAILURES_MAX = 3;
const FINAL = ["failed", "expired"];
const UNSETTLED = ["open", "processing"];

const main = document.querySelector("main");
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** Calls `onPayment` at once and on each change, until `signal` is aborted or all is over. */
function watch(id, onPayment, signal) {
  const stream = new EventSource(`../${id}/events`);
  let failures = 0;
  signal.addEventListener("abort", () => stream.close());
  stream.addEventListener("status", ({ data }) => {
    failures = 0;
    const payment = JSON.parse(data);
    if (FINAL.includes(payment.status)) stream.close();
    onPayment(payment);
  });
  stream.addEventListener("error", () => {
    failures += 1;
    const isOver = stream.readyState === EventSource.CLOSED || failures >= STREAM_FAILURES_MAX;
    if (!isOver || signal.aborted) return; // the browser opens it anew by itself
    stream.close();
    poll(id, onPayment, signal);
  });
}

/** The same where streams do not pass. */
async function poll(id, onPayment, signal) {
  let etag = "";
  let wait = 0;
  while (!signal.aborted) {
    const answer = await fetch(`../${id}?wait=${wait}`, {
      headers: { "If-None-Match": etag },
      signal: AbortSignal.timeout((wait + 15) * 1000),
    }).catch(() => null);
    const payment = answer?.ok ? await answer.json().catch(() => null) : null;
    if (payment) {
      etag = answer.headers.get("ETag");
      onPayment(payment);
      if (FINAL.includes(payment.status)) return;
    }
    wait = payment || answer?.status === 304 ? WAIT_S : 0;
    if (!wait) await pause();
  }
}

/** This page as it would be now; asked for until it comes. */
async function fetchPage() {
  for (;;) {
    const limit = AbortSignal.timeout(15_000);
    const answer = await fetch(location.href, { signal: limit }).catch(() => null);
    const html = answer?.ok ? await answer.text().catch(() => "") : "";
    const page = new DOMParser().parseFromString(html, "text/html");
    if (page.querySelector("main")) return page;
    await pause();
  }
}

async function show(payment) {
  if (JSON.stringify(payment) === main.dataset.payment) return;
  const page = await fetchPage();
  const now = document.querySelector("#news");
  const next = page.querySelector("#news");
  const { payment: shown, status } = page.querySelector("main").dataset;
  Object.assign(main.dataset, { payment: shown, status });
  if (now.innerHTML === next.innerHTML) return;
  document.title = page.title;
  main.dataset.changed = "";
  now.replaceChildren(...next.childNodes);
}

// One after the other, so that the last to be shown is the latest.
let showing = Promise.resolve();
let listening;

function listen() {
  listening = new AbortController();
  const onPayment = (payment) => { showing = showing.then(() => show(payment)); };
  watch(main.dataset.checkout, onPayment, listening.signal);
}

listen();
setTimeout(() => { main.dataset.late = ""; }, LATE_MS);

// Once it is settled, only who looks is told: tabs stay open for days, each with a connection.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && listening.signal.aborted) listen();
  if (document.hidden && !UNSETTLED.includes(main.dataset.status)) listening.abort();
});
