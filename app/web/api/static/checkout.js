// The module for a shop's pages, to buy and to watch a payment; checkout.d.ts documents it.
// It is served without comments and indentation, in at most 3 KiB.

const SERVICE = new URL("checkout", import.meta.url);

// By cart: the promise of its payment page, and its idempotency key until the outcome is known.
let pages = {}, keys = {};
try {
  keys = sessionStorage;
} catch {
  // In a private mode, keep them in this page.
}

// A buyer who comes back to this page and buys again gets a new payment page.
addEventListener("pagehide", () => (pages = {}));

export class CheckoutError extends Error {
  name = "CheckoutError";
}

export async function startCheckout(cart, { signal } = {}) {
  signal?.throwIfAborted();
  // Convert lineItems to line_items, but not the names within metadata: they are the shop's own.
  const all = {};
  for (const key in cart) all[key.replace(/[A-Z]/g, "_$&").toLowerCase()] = cart[key];
  const body = JSON.stringify(all);
  const left = new Promise((_, fail) => {
    signal?.addEventListener("abort", () => fail(signal.reason));
  });
  location.assign(await Promise.race([pages[body] ??= makePage(body), left]));
}

async function makePage(body) {
  // Not randomUUID, which pages on plain http lack.
  const key = keys[body] ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
  try {
    keys[body] = key;
  } catch {
    // The storage is full.
    keys = { [body]: key };
  }
  const json = "application/json",
    headers = { "Content-Type": json, Accept: json, "Idempotency-Key": key };
  try {
    const [{ url }] = await ask("", { method: "POST", headers, body });
    delete keys[body];
    return url;
  } catch (error) {
    delete pages[body];
    if (!error.status) console.error("Is this origin in ALLOWED_ORIGINS?");
    // The cart was rejected. After any other failure, an earlier request may have succeeded.
    if (error.status === 422) delete keys[body];
    throw error;
  }
}

export function watchCheckout(id, callback, { onError } = {}) {
  const path = "/" + encodeURIComponent(id),
    stream = globalThis.EventSource && new EventSource(SERVICE + path + "/events");
  // The timer is needed because a proxy may buffer the stream.
  let isOver, request, shown, fails = 0, timer = setTimeout(poll, stream && 5e3);

  stream?.addEventListener("status", ({ data }) => {
    clearTimeout(timer);
    fails = 0;
    show(JSON.parse(data));
  });
  stream?.addEventListener("error", () => {
    // Unless it is closed, the browser reconnects automatically.
    if (stream.readyState > 1 || ++fails > 2) poll();
  });
  return stop;

  function show(payment) {
    // The service ends the stream, except while Stripe may recover an expired session.
    if (/fail|exp/.test(payment.status) && stream?.readyState !== 1) stop();
    if (shown === (shown = JSON.stringify(payment))) return;
    callback(payment);
  }

  async function poll(etag, pause = 1e3) {
    stream?.close();
    clearTimeout(timer);
    request = new AbortController();
    let payment, tag;
    try {
      [payment, tag, pause] = await (etag
        ? ask(path + "?wait=25", { headers: { "If-None-Match": etag } }, request)
        : ask(path, {}, request));
    } catch (error) {
      if (error.status === 404) return onError?.(error);
      // Without a tag: a plain request may succeed where a waiting one does not.
      pause = Math.min(2 * pause, 3e4);
    }
    if (isOver) return;
    timer = setTimeout(poll, pause, tag, pause);
    if (payment) show(payment);
  }

  function stop() {
    isOver = true;
    stream?.close();
    request?.abort();
    clearTimeout(timer);
  }
}

// Returns the new response, if any; its tag; and the pause before the next request, which is
// longer if the service has no room for waiting requests.
async function ask(path, init, request = new AbortController()) {
  setTimeout(() => request.abort("timeout"), 3e4);
  let answer, later;
  try {
    const reply = await fetch(SERVICE + path, { ...init, signal: request.signal });
    later = +reply.headers.get("Retry-After") || later;
    if (reply.status !== 304) answer = await reply.json();
    if (reply.status < 400) return [answer, reply.headers.get("ETag"), 1e3 * later || 1e3];
  } catch {
    // No network, or a proxy's page; or the browser lets no script of this page read the answer.
  }
  throw Object.assign(new CheckoutError(answer?.detail ?? "The checkout cannot be reached."), {
    code: request.signal.reason ?? "network_error",
    ...answer,
    requestId: answer?.request_id,
    retryAfter: later,
  });
}
