// Keeps the success page true: whenever the payment changes, the page's own HTML is fetched anew
// and shown. All words stand there; this script knows none.

import { watchCheckout } from "../checkout.js";

const LATE_MS = 30_000;
const PAUSE_MS = 5_000;
const UNSETTLED = ["open", "processing"];

const main = document.querySelector("main");
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

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
let stopWatching;

function watch() {
  stopWatching = watchCheckout(main.dataset.checkout, (payment) => {
    showing = showing.then(() => show(payment));
  });
}

watch();
setTimeout(() => { main.dataset.late = ""; }, LATE_MS);

// Once it is settled, only who looks is told: tabs stay open for days, each with a connection.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !stopWatching) watch();
  if (document.hidden && !UNSETTLED.includes(main.dataset.status)) {
    stopWatching?.();
    stopWatching = undefined;
  }
});
