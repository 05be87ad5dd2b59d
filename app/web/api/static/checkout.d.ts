// The types of checkout.js.

/** One price of the shop, and how many of it. */
export interface LineItem {
  /** A Stripe price id, `price_…`. */
  price: string;
  /** A whole number, 1 or more. */
  quantity: number;
}

/** What a buyer is about to pay for. */
export interface Cart {
  /** 1 to 100 of them, 40 for a subscription. */
  lineItems: LineItem[];
  /** `"payment"` where it is left out. */
  mode?: "payment" | "subscription";
  /**
   * Where the buyer returns after paying, with `session_id` and `checkout_id` in the query, in the
   * place of earlier ones; in the query of a hash router's fragment, too.
   */
  successUrl?: string;
  /** Where the buyer returns after turning back. */
  cancelUrl?: string;
  /** Your order's number: 1 to 200 of `A-Z a-z 0-9 _ -`. */
  clientReferenceId?: string;
}

/**
 * What became of a payment. After `expired`, Stripe may bring the buyer back and the checkout may
 * still be paid (Stripe's recovery): a stream waits for that, a browser without streams does not.
 */
export type PaymentStatus =
  | "open"
  | "processing"
  | "paid"
  | "failed"
  | "expired"
  | "partially_refunded"
  | "refunded"
  | "disputed";

/** What is known of a subscription, in Stripe's words. */
export interface Subscription {
  id: string;
  status: string | null;
  current_period_end: string | null;
  cancel_at: string | null;
  cancel_at_period_end: boolean | null;
}

/** What became of a checkout. Amounts are in the currency's minor unit, times RFC 3339 in UTC. */
export interface Payment {
  /** null for a session that this service did not start. */
  checkout_id: string | null;
  session_id: string | null;
  mode: "payment" | "subscription" | null;
  status: PaymentStatus;
  amount_total: number | null;
  currency: string | null;
  amount_refunded: number;
  paid_at: string | null;
  updated_at: string;
  /** In mode `"subscription"` only; null until something is known of it. */
  subscription?: Subscription | null;
}

/** What the service says is wrong. Stable; README's table of errors says what to do about each. */
export type ServiceErrorCode =
  | "altan_pay_malformed"
  | "altan_pay_misconfigured"
  | "altan_pay_timeout"
  | "altan_pay_unavailable"
  | "body_timeout"
  | "body_too_large"
  | "cart_refused"
  | "checkout_in_progress"
  | "idempotency_key_reused"
  | "internal_error"
  | "invalid_cart"
  | "invalid_json"
  | "method_not_allowed"
  | "not_found"
  | "origin_not_allowed"
  | "overloaded"
  | "price_not_for_sale"
  | "rate_limited"
  | "redirect_not_allowed"
  | "storage_unavailable"
  | "unsupported_media_type";

/**
 * Or the service was not heard at all: it did not answer within 30 s, or cannot be reached. A page
 * on an origin that ALLOWED_ORIGINS does not name looks the same to a script.
 */
export type CheckoutErrorCode = ServiceErrorCode | "network_error" | "timeout";

/** Why a checkout did not start, or cannot be watched. `message` is for people. */
export class CheckoutError extends Error {
  readonly name: "CheckoutError";
  readonly code: CheckoutErrorCode;
  /** The answer's HTTP status; undefined where the service did not answer. */
  readonly status?: number;
  /** What is wrong with the cart, each with an RFC 6901 pointer such as `/line_items/0/quantity`. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  /** What the service's log calls the request. */
  readonly requestId?: string;
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
}

/**
 * Sends the buyer to the payment page of a cart.
 *
 * The same cart leads to the same payment page after a second click, a reload, and an answer that
 * got lost: its idempotency key is kept in sessionStorage until the outcome is known.
 *
 * `signal` ends the waiting: the buyer goes nowhere, and the next call goes on from there.
 *
 * @throws {CheckoutError} the buyer stays on this page
 * @throws `signal.reason` once `signal` is aborted
 */
export function startCheckout(cart: Cart, options?: { signal?: AbortSignal }): Promise<void>;

/**
 * Calls back with what became of a checkout, at once and on each change, until nothing more can
 * happen. Streams; asks again and again where a stream does not get through; outlasts restarts.
 *
 * @param id the `checkout_id` of the success URL, or a `cs_…` session id
 * @param onError told once, where there is no such checkout
 * @returns ends it; nothing is called any more
 */
export function watchCheckout(
  id: string,
  callback: (payment: Payment) => void,
  options?: { onError?: (error: CheckoutError) => void },
): () => void;
