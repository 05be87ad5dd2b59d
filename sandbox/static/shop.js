// Three ways to buy, chosen on the page. Without this script, the plain forms work.

const ways = document.getElementById("ways");
const service = ways.dataset.service;
const wayField = (way) => ways.querySelector(`input[value="${way}"]`);
const chosenWay = () => ways.querySelector("input:checked").value;

const cart = document.getElementById("buy"); // null if the cart is empty
// Not randomUUID, which browsers lack without TLS, as when a phone opens the shop in the LAN.
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
const newOrderNumber = () => `order-${crypto.getRandomValues(new Uint32Array(1))[0]}`;

const BUY = { fetch: buyByFetch, module: buyByModule }; // a plain form needs no script

async function buyByFetch({ key, order }) {
  const response = await fetch(`${service}/checkout`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      "Idempotency-Key": key,
    },
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(30_000),
  });
  // A proxy in between may answer with something that is not JSON.
  const answer = await response.json().catch(() => ({ code: "not_json" }));
  if (!response.ok) throw Object.assign(new Error(answer.detail ?? "Please try again."), answer);
  location.assign(answer.url);
}

async function buyByModule({ order }) {
  const { startCheckout } = await import(`${service}/checkout.js`);
  await startCheckout({
    lineItems: order.line_items,
    mode: order.mode,
    successUrl: order.success_url,
    cancelUrl: order.cancel_url,
    clientReferenceId: order.client_reference_id,
  });
}

function readForm(form) {
  const fields = new FormData(form);
  const quantities = fields.getAll("quantity").map(Number);
  return {
    key: fields.get("idempotency_key"),
    order: {
      line_items: fields.getAll("price").map((price, n) => ({ price, quantity: quantities[n] })),
      mode: fields.get("mode"),
      success_url: fields.get("success_url"),
      cancel_url: fields.get("cancel_url"),
      client_reference_id: fields.get("client_reference_id"),
    },
  };
}

const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

// Only the service's own errors have a code; all others come from the network or the browser.
function showProblem(form, problem) {
  const box = form.querySelector("[role=alert]");
  const message = problem.code ? problem.message : "The checkout does not respond. Please try again.";
  const faults = (problem.errors ?? []).map((fault) => `${fault.pointer}: ${fault.detail}`);
  box.replaceChildren(...[message, ...faults].map((text) => element("p", text)));
  if (problem.code) box.append(element("code", problem.code));
  box.hidden = false;
}

const hideProblem = (form) => Object.assign(form.querySelector("[role=alert]"), { hidden: true });
const setBusy = (form, isBusy) => {
  form.querySelector("[data-buy]").disabled = isBusy;
  form.setAttribute("aria-busy", isBusy);
};

const money = (currency, amountMinor) =>
  new Intl.NumberFormat("en-US", { style: "currency", currency }).format(amountMinor / 100);

function show(what, text) {
  for (const place of document.querySelectorAll(`[data-shows="${what}"]`)) place.textContent = text;
}

// Buy sends the cart's fields; everything else that shows them is updated when they change.
function follow() {
  const fields = [...cart.querySelectorAll("[type=number]")];
  if (!fields.every((field) => field.validity.valid)) return; // an incomplete number, which Buy rejects too
  const address = new URLSearchParams();
  let [count, totalMinor] = [0, 0];
  for (const { valueAsNumber: quantity, dataset } of fields) {
    const amountMinor = quantity * dataset.unitAmountMinor;
    show(`${dataset.product}-quantity`, quantity);
    show(`${dataset.product}-amount`, money(cart.dataset.currency, amountMinor));
    address.set(dataset.product, quantity);
    count += quantity;
    totalMinor += amountMinor;
  }
  show("count", count);
  show("total", money(cart.dataset.currency, totalMinor));
  remember(address);
}

// Keeps what was typed on a reload, on the way back from the payment page and for other buttons.
function remember(address) {
  history.replaceState(history.state, "", `/?${address}`);
  for (const [product, quantity] of address) {
    for (const field of document.querySelectorAll(`[type=hidden][name="${product}"]`)) {
      field.value = quantity;
    }
  }
  for (const field of document.querySelectorAll("[name=cancel_url]")) {
    const url = new URL(field.value);
    url.search = address;
    field.value = url;
  }
  cart.elements.idempotency_key.value = newKey(); // another cart
}

async function submit(event) {
  const form = event.target;
  const buy = BUY[chosenWay()];
  hideProblem(form);
  if (buy) event.preventDefault();
  setBusy(form, true); // until the page is left; a plain form is still sent
  try {
    await buy?.(readForm(form));
  } catch (problem) {
    setBusy(form, false);
    showProblem(form, problem);
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
// The browser's back button may show the page as it was left; buying again is another order.
addEventListener("pageshow", ({ persisted }) => {
  for (const form of forms) {
    setBusy(form, false);
    if (!persisted) continue;
    form.elements.idempotency_key.value = newKey();
    form.elements.client_reference_id.value = newOrderNumber();
  }
});

// The total is updated by script. With the first button disabled, Enter in a field does nothing.
if (cart) {
  cart.addEventListener("input", follow);
  Object.assign(document.getElementById("update"), { hidden: true, disabled: true });
}

wayField(sessionStorage.getItem("way") ?? "fetch").checked = true;
ways.addEventListener("change", showWay);
document.getElementById("copy").addEventListener("click", copy);
showWay();
ways.hidden = false;
