"""A Django project with dj-stripe on PostgreSQL and gunicorn, as its documentation describes.

Run `python -m bench.peers.djstripe.shop migrate` once, then `… --port PORT`.
"""

import importlib
import os
import sys
import uuid
from typing import Any, Final
from urllib.parse import urlsplit

ENDPOINT: Final = uuid.UUID("11111111-2222-4333-8444-555555555555")

_STRIPE_KEY: Final = "sk_test_" + "bench" * 6  # made up; only its form is checked
_APPS: Final = ["admin", "auth", "contenttypes", "messages", "sessions"]
_MIDDLEWARE: Final = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
_CONTEXT: Final = [
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "django.template.context_processors.request",
]
_TEMPLATES: Final = {
    "APP_DIRS": True,
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "OPTIONS": {"context_processors": _CONTEXT},
}


def wsgi() -> object:
    """Return the application, for gunicorn."""
    _set_up()
    application: object = importlib.import_module("django.core.wsgi").get_wsgi_application()
    return application


def main() -> None:
    """Migrate, or run gunicorn: one worker for its one core, with threads because it waits."""
    match sys.argv[1:]:
        case ["migrate"]:
            _migrate()
        case ["--port", port]:
            options = ["-b", f"127.0.0.1:{port}", "-k", "gthread", "--threads", "16"]
            options.append("--no-control-socket")
            application = f"{__spec__.name}:wsgi()"
            command = [sys.executable, "-m", "gunicorn", *options, application]
            os.execv(sys.executable, command)  # noqa: S606 our own command
        case _:
            sys.exit(__doc__)


def _set_up() -> None:
    django: Any = importlib.import_module("django")
    url = urlsplit(os.environ["DATABASE_URL"])
    database = {
        "CONN_MAX_AGE": 600,
        "ENGINE": "django.db.backends.postgresql",
        "HOST": url.hostname,
        "NAME": url.path.removeprefix("/"),
        "PORT": url.port,
        "USER": url.username,
    }
    apps = [*(f"django.contrib.{name}" for name in _APPS), "djstripe"]
    importlib.import_module("django.conf").settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
        INSTALLED_APPS=apps,
        MIDDLEWARE=_MIDDLEWARE,
        # Create the tables from the models; the migrations take a minute for the same result.
        MIGRATION_MODULES={app.rpartition(".")[2]: None for app in apps},
        ROOT_URLCONF="bench.peers.djstripe.urls",
        SECRET_KEY="bench",  # noqa: S106 made up
        STRIPE_API_HOST=f"http://127.0.0.1:{os.environ['STRIPE_API_PORT']}",
        STRIPE_LIVE_MODE=False,
        STRIPE_TEST_SECRET_KEY=_STRIPE_KEY,
        TEMPLATES=[_TEMPLATES],
        USE_TZ=True,
    )
    django.setup()


def _migrate() -> None:
    _set_up()
    importlib.import_module("django.core.management").call_command(
        "migrate", run_syncdb=True, verbosity=0
    )
    endpoints = importlib.import_module("djstripe.models").WebhookEndpoint.objects
    endpoints.update_or_create(
        djstripe_uuid=ENDPOINT,
        defaults={
            "api_version": "2025-08-27.basil",
            "djstripe_tolerance": 300,
            "djstripe_validation_method": "verify_signature",
            "enabled_events": ["*"],
            "id": "we_bench",
            "livemode": False,
            "secret": os.environ["STRIPE_WEBHOOK_SECRETS"],
            "status": "enabled",
            "url": f"https://shop.example/stripe/webhook/{ENDPOINT}/",
        },
    )


if __name__ == "__main__":
    main()
