"""`altan-checkout demo`: runs the service, the sandbox and its shop together, until Ctrl-C.

Both run as separate processes, as they do in production; this one starts, watches and stops them.
It ignores the caller's settings, so a demo never touches a real shop.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from app.commands.demo_folder import keep, new_token, used_folder
from app.commands.demo_processes import (
    POLL_S,
    ended_by_signal,
    require_free,
    require_running,
    wait_until_ready,
)
from app.commands.demo_receiver import ReceiverWatch
from app.domain.checkout.urls import read_web_url
from app.settings.origins import ANY_LOOPBACK
from app.settings.receivers import SANDBOX_NOTIFY_SECRET
from app.settings.settings import Settings
from sandbox.shop.products import CATALOG_PATH, SHOP_NAME

STOP_TIMEOUT_S: Final = 25.0
DATABASE_NAME: Final = "demo.db"

_ACCOUNT_ID: Final = "00000000-0000-4000-8000-000000000000"
_CONNECT_ID: Final = "acct_sandbox"
_WEBHOOK_SECRET: Final = "whsec_sandbox_0123456789abcdef"  # noqa: S105 published on purpose


def database_url(folder: Path) -> str:
    """Return the DATABASE_URL of a demo in `folder`, which need not exist."""
    return f"sqlite:///{(folder / DATABASE_NAME).absolute()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Two ports, a folder, the origins of other pages that may buy here, and tokens.

    `api_token` is for the shop's own server, `admin_token` for the console. `notify_url` receives
    the notifications instead of the sandbox.
    """

    port: int
    sandbox_port: int
    folder: Path
    allowed_origins: tuple[str, ...] = ()
    notify_url: str | None = None
    api_token: str = field(default_factory=new_token, repr=False)
    admin_token: str = field(default_factory=new_token, repr=False)

    @property
    def shop_url(self) -> str:
        """The shop's URL, the one to open."""
        return f"http://localhost:{self.sandbox_port}"

    @property
    def service_url(self) -> str:
        """The service's URL, to which the shop's page posts its cart."""
        return f"http://localhost:{self.port}"

    @property
    def database_path(self) -> Path:
        """The demo's SQLite file."""
        return self.folder / DATABASE_NAME

    @property
    def notified_url(self) -> str:
        """Where the service posts notifications."""
        return self.notify_url or f"{self.shop_url}/sandbox/notifications"

    def run(self) -> None:
        """Start everything, print the URLs, and wait for Ctrl-C or SIGTERM.

        Raises:
            DemoError: one of the processes did not start or has stopped.
        """
        with ended_by_signal(), self.service() as service, self.sandbox() as sandbox:
            self.wait_for_service(service)
            self.wait_for_sandbox(sandbox)
            self._introduce()
            watch = self._receiver_watch()
            while True:
                require_running(service)
                require_running(sandbox)
                if watch:
                    watch.look()
                time.sleep(POLL_S)

    def _receiver_watch(self) -> ReceiverWatch | None:
        """Return what reports the receiver's refusals; the sandbox's own refuses on purpose."""
        if self.notify_url is None:
            return None
        receiver = read_web_url(self.notify_url).origin
        resume = shlex.join([*_program(), "notifications", "resume", "--demo", str(self.folder)])
        return ReceiverWatch(
            self.database_path,
            receiver=receiver,
            resume=resume,
            say=lambda text: _say(escape(text)),
        )

    def service(self, **settings: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Run the service as a process until the block ends; `settings` override the demo's."""
        return self._process("serve", self.port, settings)

    def sandbox(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Run the sandbox as a process until the block ends."""
        return self._process("sandbox", self.sandbox_port, {})

    def wait_for_service(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the service accepts carts.

        Raises:
            DemoError: it has stopped, or does not respond.
        """
        wait_until_ready(f"{self.service_url}/health/ready", process)

    def wait_for_sandbox(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the sandbox serves its pages.

        Raises:
            DemoError: it has stopped, or does not respond.
        """
        wait_until_ready(f"{self.shop_url}/health/live", process)

    @contextmanager
    def _process(
        self, command: str, port: int, settings: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        # Its own folder and session: it reads no .env of the caller's, and only we forward Ctrl-C.
        process = subprocess.Popen(  # noqa: S603 our own program
            [
                sys.executable,
                "-P",
                "-m",
                "app",
                command,
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
            ],
            cwd=self.folder,
            env={**self._environment(), **settings},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _environment(self) -> dict[str, str]:
        ours = {name.upper() for name in Settings.model_fields} | {"STRIPE_WEBHOOK_SECRET"}
        kept = {name: value for name, value in os.environ.items() if name.upper() not in ours}
        package_root = str(Path(__file__).parents[2])
        sandbox = f"http://127.0.0.1:{self.sandbox_port}"
        return kept | {
            "PYTHONPATH": os.pathsep.join(filter(None, (package_root, kept.get("PYTHONPATH")))),
            "ALTAN_ACCOUNT_ID": _ACCOUNT_ID,
            "ALTAN_STRIPE_CONNECT_ID": _CONNECT_ID,
            "ALTAN_PAY_URL": sandbox,
            "CHECKOUT_URL_HOSTS": f"localhost:{self.sandbox_port}",
            "STRIPE_WEBHOOK_SECRETS": _WEBHOOK_SECRET,
            "STRIPE_API_KEY": "rk_test_sandbox",
            "STRIPE_API_URL": sandbox,
            "RECONCILE_EVERY_S": "2",
            "NOTIFY_URL": self.notify_url or f"{sandbox}/sandbox/notifications",
            "NOTIFY_SECRETS": SANDBOX_NOTIFY_SECRET,
            "APP_URL": self.shop_url,
            "SUCCESS_URL": f"{self.shop_url}/thanks",
            "SHOP_NAME": SHOP_NAME,
            "BRAND_COLOR": "#93401d",
            "CATALOG_FILE": str(CATALOG_PATH),
            "ALLOWED_ORIGINS": ",".join((self.shop_url, ANY_LOOPBACK, *self.allowed_origins)),
            "DATABASE_URL": database_url(self.folder),
            "RATE_LIMIT_CHECKOUT": "300/minute",  # for people who try wrong carts, too
            "API_TOKENS": self.api_token,
            "ADMIN_API_TOKEN": self.admin_token,
            "LOG_FORMAT": "console",
            "LOG_LEVEL": "error",
            "SANDBOX_PUBLIC_URL": self.shop_url,
            "SANDBOX_CHECKOUT_URL": self.service_url,
            "SANDBOX_WEBHOOK_URL": f"http://127.0.0.1:{self.port}/webhooks/stripe",
            "SANDBOX_WEBHOOK_SECRET": _WEBHOOK_SECRET,
            "SANDBOX_API_TOKEN": self.api_token,
            "SANDBOX_NOTIFIED": read_web_url(self.notify_url).origin if self.notify_url else "",
        }

    def _introduce(self) -> None:
        follow = shlex.join([*_program(), "events", "tail", "--demo", str(self.folder.absolute())])
        names = ("http://localhost", "http://127.0.0.1", escape("http://[::1]"))
        this_machine = "{}, {} and {}".format(*(f"[cyan]{name}[/]" for name in names))
        lines = (
            "",
            "[bold]altan-checkout demo[/]: a shop, its checkout, and a simulated Stripe",
            "",
            f"  Open   [bold cyan]{self.shop_url}[/]",
            "",
            "  1  Add something to the cart and press Buy.",
            "  2  On the payment page, choose how the payment ends.",
            "  3  See the buyer's result. Refund or dispute it under Payments.",
            "",
            "Your own pages can buy here too; README has one to copy. Allowed origins:",
            f"  any port on {this_machine}",
            *(f"  [cyan]{escape(origin)}[/]" for origin in self.allowed_origins),
            "",
            "Follow the events live, in a second terminal:",
            f"  [green]{escape(follow)}[/]",
            "",
            "Look at orders, events and notifications as an operator, in the console:",
            f"  [cyan]{self.service_url}/console[/]",
            f"  Sign in with [green]{self.admin_token}[/]",
            "",
            "Fulfil from your own server, as docs/fulfil.md describes:",
            f"  [green]export API_TOKEN={self.api_token}[/]",
            f"  [green]export NOTIFY_SECRET={SANDBOX_NOTIFY_SECRET}[/]",
            "",
            f"[dim]The orders     {self.shop_url}/sandbox/orders[/]",
            f"[dim]Notifications  {escape(self.notified_url)}[/]",
            f"[dim]The service    {self.service_url}/docs[/]",
            f"[dim]The database   {escape(str(self.database_path.absolute()))}[/]",
            "",
            "No money moves. Press [bold]Ctrl-C[/] to stop everything.",
        )
        _say("\n".join(lines))


def run_demo(demo: Demo) -> None:
    """Run a demo alone in its folder, with the folder's tokens.

    Raises:
        DemoError: a port or the folder cannot be used; or as for `Demo.run`.
    """
    for port in (demo.port, demo.sandbox_port):
        require_free(port)
    with used_folder(demo.folder):
        api_token, admin_token = keep(demo.folder, notify_url=demo.notified_url)
        replace(demo, api_token=api_token, admin_token=admin_token).run()


def _say(text: str) -> None:
    # Don't wrap lines, so that they can be copied.
    Console(highlight=False).print(text, soft_wrap=True)


def _program() -> list[str]:
    """Return how to run this command in another terminal of the same user."""
    if shutil.which("altan-checkout"):
        return ["altan-checkout"]
    script = Path(sys.executable).with_name("altan-checkout")
    return [str(script)] if script.exists() else [sys.executable, "-m", "app"]
