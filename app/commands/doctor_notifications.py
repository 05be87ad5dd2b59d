"""What `altan-checkout doctor` reports about notifications: who is told, and how."""

from app.commands.findings import Finding, Verdict
from app.settings.settings import Settings


def notifications_of(settings: Settings) -> Finding:
    """Say what is configured; nothing is sent."""
    if settings.notify_host is None:
        message = "off: nothing is posted until NOTIFY_URL is set"
        return Finding("notifications", Verdict.OK, message)
    count = len(settings.notify_secrets)
    message = f"posted to {settings.notify_host}, signed with {count} secret"
    message += "" if count == 1 else "s"
    if settings.notify_auth_header_name:
        message += f", with the header {settings.notify_auth_header_name}"
    return Finding("notifications", Verdict.OK, message)
