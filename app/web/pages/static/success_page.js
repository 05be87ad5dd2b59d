// Keeps the success page up to date: whenever the payment changes, fetches the page's HTML again and
// shows it. All text is in the HTML; this script has none.

import { watchCheckout } from "../checkout.js";

const LATE_MS = 30_000;
const PAUSE_MS = 5_000;
const UNSETTLED = ["open", "processing"];

const main = document.querySelector("main");
/** Adds the reader's local time beside UTC, as the reader's own country writes it. */
function addLocalTimes(page) {
  const { lang } = document.documentElement;
  const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang.split("-")[0]) ?? lang;
  const fields = { year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit" };
  for (const time of page.querySelectorAll("time.local")) {
    const at = new Date(time.dateTime);
    if (!at.getTimezoneOffset()) continue;
    time.textContent = at.toLocaleString(locale, { ...fields, timeZoneName: "short" });
    time.hidden = false;
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** Returns this page as it would be now; retries until it succeeds. */
async function fetchPage() {
  for (;;) {
    const limit = AbortSignal.timeout(15_000);
    const answer = await fetch(location.href, { signal: limit }).catch(() => null);
    const html = answer?.ok ? await answer.text().catch(() => "") : "";
    const page = new DOMParser().parseFromString(html, "text/html");
    addLocalTimes(page);
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
  const wayBack = page.querySelector(".way-back a").getAttribute("href");
  document.querySelector(".way-back a").setAttribute("href", wayBack);
}

// One at a time, so that the latest state is shown last.
let showing = Promise.resolve();
let stopWatching;

function watch() {
  stopWatching = watchCheckout(main.dataset.checkout, (payment) => {
    showing = showing.then(() => show(payment));
  });
}

addLocalTimes(document);
watch();
setTimeout(() => { main.dataset.late = ""; }, LATE_MS);

// After that, watch only while the page is visible: tabs stay open for days, each with a connection.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !stopWatching) watch();
  if (document.hidden && !UNSETTLED.includes(main.dataset.status)) {
    stopWatching?.();
    stopWatching = undefined;
  }
});
