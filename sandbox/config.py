"""The sandbox's configuration and timeouts."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Addresses and ids that the sandbox and the service must agree on."""

    public_url: str = "http://localhost:9000"
    """Where a browser reaches the sandbox."""
    checkout_url: str = "http://localhost:8000"
    """Where a browser reaches the service."""
    webhook_url: str = "http://127.0.0.1:8000/webhooks/stripe"
    """Where the sandbox itself reaches the service's webhook."""
    webhook_secret: str = "whsec_sandbox_0123456789abcdef"  # noqa: S105 - made up, guards nothing
    api_token: str = field(default="", repr=False)
    """One of the service's API_TOKENS, for the order desk; empty: it has none."""
    notify_secret: str = "whsec_c2FuZGJveC1ub3RpZmljYXRpb25zLTAx"  # noqa: S105 - as above
    """The demo's NOTIFY_SECRETS."""
    notified: str = ""
    """The origin of the server that the service notifies instead of the sandbox, if any."""
    account_id: str = "00000000-0000-4000-8000-000000000000"
    stripe_connect_id: str = "acct_sandbox"
    retry_delays_s: tuple[float, ...] = (1, 2, 5, 10, 30, 60)
    """Pauses between a failed delivery's attempts: Stripe's schedule of days, sped up."""

    @property
    def api_url(self) -> str:
        """Where the sandbox itself reaches the service."""
        return self.webhook_url.rstrip("/").removesuffix("/webhooks/stripe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """The upper bound of each wait, in seconds; tests shorten them."""

    buyer_s: float = 10
    """Checkout holds the buyer this long for the answer to checkout.session.completed
    (Stripe's docs: checkout/fulfillment)."""
    attempt_s: float = 20
    """One webhook delivery, from connecting to the last byte of the answer."""
    hang_s: float = 60
    """How long the hanging fault waits for the caller to disconnect."""
    slow_s: float = 20
    """How late the slow receiver of notifications answers: the service waits 15 s."""
