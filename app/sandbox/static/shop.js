// The second way to buy: the page posts JSON itself and follows the answer's URL.
// Without this script the forms work as they are; its buttons stay hidden.

const notice = document.getElementById("notice");

function cartOf(form) {
  const fields = new FormData(form);
  const quantities = fields.getAll("quantity");
  return {
    line_items: fields
      .getAll("price")
      .map((price, index) => ({ price, quantity: Number(quantities[index]) })),
    mode: fields.get("mode"),
    success_url: fields.get("success_url"),
    cancel_url: fields.get("cancel_url"),
  };
}

async function startCheckout(form) {
  const response = await fetch(form.action, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(cartOf(form)),
    signal: AbortSignal.timeout(20_000),
  });
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(answer.detail ?? answer.title ?? `The shop answered ${response.status}.`);
  }
  return answer.url;
}

async function buy(button) {
  const form = button.form;
  if (!form.reportValidity()) return;
  notice.hidden = true;
  button.disabled = true;
  try {
    window.location.assign(await startCheckout(form));
  } catch (error) {
    notice.textContent = `${form.dataset.product}: ${error.message}`;
    notice.hidden = false;
    notice.scrollIntoView({ block: "nearest" });
  } finally {
    button.disabled = false;
  }
}

for (const button of document.querySelectorAll("[data-fetch]")) {
  button.hidden = false;
  button.addEventListener("click", () => buy(button));
}
