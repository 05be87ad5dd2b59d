// What a shop's page imports to buy and to watch; checkout.d.ts says how to use it.
// It is served without comments and indentation, in less than 3,000 bytes.

const SERVICE = new URL("checkout", import.meta.url);

// By cart: the promise of its payment page, and its key until the outcome is known.
let pages = {};
let keys = {};
try {
  keys = sessionStorage;
} catch {
  // A private mode; this page remembers by itself.
}

// Whoever comes back to this page and buys again starts anew.
addEventListener("pagehide", () => (pages = {}));

export class CheckoutError extends Error {
  name = "CheckoutError";
}

export async function startCheckout(cart, { signal } = {}) {
  signal?.throwIfAborted();
  // lineItems is line_items to the service. In JSON, only a name stands before a colon.
  const body = JSON.stringify(cart).replace(/[A-Z](?=\w*":)/g, (c) => "_" + c.toLowerCase());
  const left = new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
  location.assign(await Promise.race([(pages[body] ??= makePage(body)), left]));
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
  const json = "application/json";
  const headers = { "Content-Type": json, Accept: json, "Idempotency-Key": key };
  try {
    const [{ url }] = await ask("", { method: "POST", headers, body });
    delete keys[body];
    return url;
  } catch (error) {
    delete pages[body];
    // This cart is refused. Any other failure says nothing of an earlier try, whose answer got lost.
    if (error.status === 422) delete keys[body];
    throw error;
  }
}

export function watchCheckout(id, callback, { onError } = {}) {
  const path = "/" + encodeURIComponent(id);
  const stream = globalThis.EventSource && new EventSource(SERVICE + path + "/events");
  // A proxy may hold the stream back.
  let timer = setTimeout(poll, stream && 5000);
  let isOver, request, shown, failures = 0;

  stream?.addEventListener("status", ({ data }) => {
    clearTimeout(timer);
    failures = 0;
    show(JSON.parse(data));
  });
  stream?.addEventListener("error", () => {
    // Unless it is closed, the browser tries again by itself.
    if (stream.readyState === 2 || ++failures === 3) poll();
  });
  return stop;

  function show(payment) {
    const text = JSON.stringify(payment);
    if (text === shown) return;
    shown = text;
    if (/failed|expired/.test(payment.status)) stop();
    callback(payment);
  }

  async function poll(etag, pause = 1000) {
    stream?.close();
    clearTimeout(timer);
    request = new AbortController();
    const headers = etag && { "If-None-Match": etag };
    let payment;
    try {
      [payment, etag] = await ask(path + (etag ? "?wait=25" : ""), { headers }, request);
      pause = 1000;
    } catch (error) {
      if (error.status === 404) return onError?.(error);
      pause = Math.min(2 * pause, 30000);
    }
    if (isOver) return;
    timer = setTimeout(poll, pause, etag, pause);
    if (payment) show(payment);
  }

  function stop() {
    isOver = true;
    stream?.close();
    request?.abort();
    clearTimeout(timer);
  }
}

// The answer, if there is a new one, and its tag.
async function ask(path, init, request = new AbortController()) {
  setTimeout(() => request.abort("timeout"), 30000);
  let response, answer;
  try {
    response = await fetch(SERVICE + path, { ...init, signal: request.signal });
    if (response.status !== 304) answer = await response.json();
    if (response.status < 400) return [answer, response.headers.get("ETag")];
  } catch {
    // No network, or a proxy's page.
  }
  throw Object.assign(new CheckoutError(answer?.detail ?? "The checkout cannot be reached."), {
    code: request.signal.reason ?? "network_error",
    ...answer,
    requestId: answer?.request_id,
    retryAfter: +response?.headers.get("Retry-After") || undefined,
  });
}
