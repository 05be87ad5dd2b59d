// Keeps the list of webhooks fresh, sends one without leaving the page, and stops a second click.
// Without it all of this works by loading pages.

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

async function refreshForEver() {
  if (!document.hidden) {
    await refresh().catch(() => {}); // The sandbox may be restarting; the next look will tell.
  }
  setTimeout(refreshForEver, REFRESH_MS);
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

// Where the browser's back button shows the page as it was left.
window.addEventListener("pageshow", () => acts?.removeAttribute("aria-busy"));

refreshForEver();
