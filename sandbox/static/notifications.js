// Shows what arrives without a reload: asks for the page once a second, and takes over its list.
const told = document.getElementById("told");

setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("told");
    if (answer.ok && fresh && fresh.innerHTML !== told.innerHTML) told.innerHTML = fresh.innerHTML;
  } catch {
    // The sandbox is restarting; the next second tries again.
  }
}, 1000);
