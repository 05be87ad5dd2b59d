// Refreshes the list of webhooks, resends one without leaving the page, and blocks a second click.
// Without this script, the page works by reloading.

const REFRESH_MS = 700;

const list = document.getElementById("webhooks-list");
const acts = document.getElementById("acts");
let shown = "";

async function refresh() {
  const answer = await fetch(list.dataset.source);
  const html = await answer.text();
  if (!answer.ok || html === shown) return;
  const focusedId = list.contains(document.activeElement) ? document.activeElement.id : "";
  list.innerHTML = html;
  document.getElementById(focusedId)?.focus();
  shown = html;
}

async function refreshAlways() {
  if (!document.hidden) {
    await refresh().catch(() => {}); // The sandbox may be restarting; try again next time.
  }
  setTimeout(refreshAlways, REFRESH_MS);
}

list.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { action } = event.target;
  await fetch(action, { method: "POST", redirect: "manual" }).catch(() => {});
  await refresh().catch(() => {});
});

acts?.addEventListener("submit", (event) => {
  if (acts.hasAttribute("aria-busy")) event.preventDefault();
  acts.setAttribute("aria-busy", "true");
});

// The browser's back button may show the page as it was left.
window.addEventListener("pageshow", () => acts?.removeAttribute("aria-busy"));

refreshAlways();
