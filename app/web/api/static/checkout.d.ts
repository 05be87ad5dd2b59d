// The types of checkout.js.

/** One of the shop's prices and a quantity. */
export interface LineItem {
  /** A Stripe price id, `price_…`. */
  price: string;
  /** A whole number, 1 or more. */
  quantity: number;
}

/** A cart to pay for. */
export interface Cart {
  /** 1 to 100 items, or 40 for a subscription. */
  lineItems: LineItem[];
  /** The default is `"payment"`. */
  mode?: "payment" | "subscription";
  /**
   * Where the buyer returns after paying. `session_id` and `checkout_id` are added to the query,
   * replacing earlier ones, and also to the query in a hash router's fragment.
   */
  successUrl?: string;
  /** Where the buyer returns without paying. */
  cancelUrl?: string;
  /** Your order's number: 1 to 200 of `A-Z a-z 0-9 _ -`. */
  clientReferenceId?: string;
  /** Prefills the payment page. This and the next two must be allowed by ALTAN_PAY_PASS. */
  customerEmail?: string;
  /** The payment page's language, one of Stripe's, such as `"de"`. */
  locale?: string;
  /** Your own data, which Stripe stores: 50 entries, names up to 40, values up to 500 characters. */
  metadata?: Record<string, string>;
}

/**
 * A payment's status. After `expired`, Stripe may bring the buyer back and the checkout may
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

/** What is known about a subscription, with Stripe's values. */
export interface Subscription {
  id: string;
  status: string | null;
  current_period_end: string | null;
  cancel_at: string | null;
  cancel_at_period_end: boolean | null;
}

/** A checkout's payment. Amounts are in the currency's minor unit, times are RFC 3339 in UTC. */
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
  /** In mode `"subscription"` only; null until something is known about it. */
  subscription?: Subscription | null;
}

/** The service's error codes. They are stable; docs/api.md says what to do about each. */
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
 * Or there was no response: the service did not answer within 30 s, or cannot be reached. If the
 * page's origin is not in ALLOWED_ORIGINS, a script gets the same error.
 */
export type CheckoutErrorCode = ServiceErrorCode | "network_error" | "timeout";

/** Why a checkout could not be started or watched. `message` is for people. */
export class CheckoutError extends Error {
  readonly name: "CheckoutError";
  readonly code: CheckoutErrorCode;
  /** The response's HTTP status; undefined if there was no response. */
  readonly status?: number;
  /** The cart's faults, each with an RFC 6901 pointer such as `/line_items/0/quantity`. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  /** The request's id in the service's log. */
  readonly requestId?: string;
  /** Seconds to wait before trying again. */
  readonly retryAfter?: number;
}

/**
 * Redirects the buyer to the cart's payment page.
 *
 * The same cart leads to the same payment page after a second click, a reload or a lost response:
 * its idempotency key is kept in sessionStorage until the outcome is known.
 *
 * `signal` stops waiting: the buyer stays on this page, and the next call continues from there.
 *
 * @throws {CheckoutError} if it fails; the buyer stays on this page
 * @throws `signal.reason` once `signal` is aborted
 */
export function startCheckout(cart: Cart, options?: { signal?: AbortSignal }): Promise<void>;

/**
 * Calls `callback` with the checkout's payment, immediately and on each change, until no more changes
 * are possible. It uses a stream, or polls if streams don't get through, and survives restarts.
 *
 * @param id the `checkout_id` of the success URL, or a `cs_…` session id
 * @param onError called once if there is no such checkout
 * @returns a function that stops watching; nothing is called afterwards
 */
export function watchCheckout(
  id: string,
  callback: (payment: Payment) => void,
  options?: { onError?: (error: CheckoutError) => void },
): () => void;
