// Three ways to buy, chosen on the page. Without this script the forms work as they are.

const ways = document.getElementById("ways");
const service = ways.dataset.service;
const wayField = (way) => ways.querySelector(`input[value="${way}"]`);
const chosenWay = () => ways.querySelector("input:checked").value;

const FOLLOW = { fetch: buyByFetch, module: buyByModule }; // a plain form goes by itself

async function buyByFetch({ key, cart }) {
  const response = await fetch(`${service}/checkout`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      "Idempotency-Key": key,
    },
    body: JSON.stringify(cart),
    signal: AbortSignal.timeout(30_000),
  });
  // A proxy in between may answer with something that is not JSON.
  const answer = await response.json().catch(() => ({ code: "not_json" }));
  if (!response.ok) throw Object.assign(new Error(answer.detail ?? "Please try again."), answer);
  location.assign(answer.url);
}

async function buyByModule({ cart }) {
  const { startCheckout } = await import(`${service}/checkout.js`);
  await startCheckout({
    lineItems: cart.line_items,
    mode: cart.mode,
    successUrl: cart.success_url,
    cancelUrl: cart.cancel_url,
  });
}

function orderOf(form) {
  const fields = new FormData(form);
  const quantities = fields.getAll("quantity").map(Number);
  return {
    key: fields.get("idempotency_key"),
    cart: {
      line_items: fields.getAll("price").map((price, n) => ({ price, quantity: quantities[n] })),
      mode: fields.get("mode"),
      success_url: fields.get("success_url"),
      cancel_url: fields.get("cancel_url"),
    },
  };
}

const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

// Only the service's own problems have a code; everything else is a network's or a browser's.
function tell(form, problem) {
  const box = form.querySelector("[role=alert]");
  const words = problem.code ? problem.message : "The checkout does not answer. Please try again.";
  const faults = (problem.errors ?? []).map((fault) => `${fault.pointer}: ${fault.detail}`);
  box.replaceChildren(...[words, ...faults].map((text) => element("p", text)));
  if (problem.code) box.append(element("code", problem.code));
  box.hidden = false;
}

const hush = (form) => Object.assign(form.querySelector("[role=alert]"), { hidden: true });
const setBusy = (form, isBusy) => {
  form.querySelector("button").disabled = isBusy;
  form.setAttribute("aria-busy", isBusy);
};

// What is typed into the cart but not yet in its total is never bought unseen.
function changesFirst(form) {
  const change = form.closest("#cart") && document.getElementById("change");
  const fields = [...(change?.querySelectorAll("input") ?? [])];
  if (fields.every((field) => field.value === field.defaultValue)) return false;
  sessionStorage.setItem("changed", "yes");
  change.requestSubmit();
  return true;
}

async function submit(event) {
  const form = event.target;
  const follow = FOLLOW[chosenWay()];
  if (changesFirst(form)) return event.preventDefault();
  hush(form);
  if (follow) event.preventDefault();
  setBusy(form, true); // until the page is left; a plain form is sent all the same
  try {
    await follow?.(orderOf(form));
  } catch (problem) {
    setBusy(form, false);
    tell(form, problem);
  }
}

function showWay() {
  sessionStorage.setItem("way", chosenWay());
  document.getElementById("copied").textContent = "";
  for (const lines of ways.querySelectorAll("pre")) lines.hidden = lines.dataset.way !== chosenWay();
}

async function copy() {
  await navigator.clipboard.writeText(ways.querySelector("pre:not([hidden])").textContent);
  document.getElementById("copied").textContent = "Copied.";
}

const forms = document.querySelectorAll("[data-checkout]");
for (const form of forms) form.addEventListener("submit", submit);
// The browser's back button may bring the page back just as it was left. Who buys then starts anew.
addEventListener("pageshow", ({ persisted }) => {
  for (const form of forms) {
    setBusy(form, false);
    if (persisted) form.elements.idempotency_key.value = crypto.randomUUID();
  }
});

const changed = document.getElementById("changed");
if (changed) changed.hidden = sessionStorage.getItem("changed") === null;
sessionStorage.removeItem("changed");

wayField(sessionStorage.getItem("way") ?? "fetch").checked = true;
ways.addEventListener("change", showWay);
document.getElementById("copy").addEventListener("click", copy);
showWay();
ways.hidden = false;
