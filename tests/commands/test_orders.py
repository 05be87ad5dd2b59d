"""`altan-checkout orders list|show`: tables, JSON, CSV, and nothing personal unasked."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.commands.cli import cli
from app.usecases.storage import Database
from tests.support.builders import CHECKOUT_ID, NOW_S, SESSION_ID, Document, event, session
from tests.support.recording import checkout, keep, prune, record
from tests.support.shop_with_events import Shop, make_shop
from tests.support.stripe_objects import dispute, payment_intent

BUYER = {"email": "ana@example.com", "name": "=HYPERLINK(1)", "phone": "+49301234"}
ERROR = {
    "code": "card_declined",
    "decline_code": "insufficient_funds",
    "message": "Your card has insufficient funds.",
}
LIVE = "cs_live_b1"


@dataclass(frozen=True, slots=True)
class OrdersShop:
    shop: Shop

    def orders(self, *arguments: str, columns: int = 200) -> Result:
        return CliRunner().invoke(cli, ["orders", *arguments], env={"COLUMNS": str(columns)})

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 any JSON
        ended = self.orders(*arguments, "--json")
        assert (ended.exit_code, ended.stderr) == (0, "")
        return json.loads(ended.stdout)

    def ids(self, *arguments: str) -> list[str]:
        return [each["id"] for each in self.json("list", *arguments)]

    def rows(self, *arguments: str) -> list[dict[str, str]]:
        ended = self.orders("list", "--csv", *arguments)
        assert (ended.exit_code, ended.stderr) == (0, "")
        return list(csv.DictReader(io.StringIO(ended.stdout)))

    def tell(self, *documents: Document) -> None:
        async def tell(database: Database) -> None:
            for document in documents:
                await record(database, document)

        self.shop.does(tell)


@pytest.fixture
def shop(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> OrdersShop:
    """A disputed order of ours, and a live one of others that their bank refused."""
    shop = OrdersShop(make_shop(database_path, monkeypatch))
    shop.shop.does(lambda database: keep(database, checkout()))
    failed = session(
        id=LIVE,
        payment_status="unpaid",
        payment_intent="pi_live",
        livemode=True,
        created=NOW_S + 60,
        success_url="https://other.example/",
        client_reference_id="-2+3",
    )
    intent = payment_intent(id="pi_live", latest_charge="ch_live", last_payment_error=ERROR)
    shop.tell(
        event(subject=session(customer_details=BUYER, amount_subtotal=1999), id="evt_paid"),
        event("charge.dispute.created", dispute(), id="evt_d"),
        event("checkout.session.async_payment_failed", failed, id="evt_f", livemode=True),
        event("payment_intent.payment_failed", intent, id="evt_pf", livemode=True),
    )
    return shop


# --- list


def test_orders_are_listed_with_where_stripe_shows_them_on_lines_that_can_be_copied(
    shop: OrdersShop,
) -> None:
    ended = shop.orders("list", columns=40)

    assert (ended.exit_code, ended.stderr) == (0, "")
    failed, disputed = ended.stdout.rstrip("\n").split("\n\n")
    assert [line.split() for line in disputed.splitlines()] == [
        ["2025-10-09", "08:53:20", "UTC", "disputed", "19.99", "EUR", "disputed"],
        [CHECKOUT_ID],
        ["https://dashboard.stripe.com/test/payments/pi_1"],
    ]
    assert failed.splitlines()[1:] == [
        f"  {LIVE}  -2+3",
        "  Your card has insufficient funds. (card_declined, insufficient_funds)",
        "  https://dashboard.stripe.com/payments/pi_live",
    ]


def test_no_orders_are_said_to_be_none(shop: OrdersShop) -> None:
    assert shop.orders("list", "--order", "nobody's").stdout == "No such order.\n"
    assert shop.json("list", "--order", "nobody's") == []


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], [LIVE, CHECKOUT_ID]),
        (["--limit", "1"], [LIVE]),
        (["--status", "failed"], [LIVE]),
        (["--status", "failed", "--status", "disputed"], [LIVE, CHECKOUT_ID]),
        (["--order=-2+3"], [LIVE]),
        (["--flagged"], [CHECKOUT_ID]),
        (["--since", "2025-10-09T08:54:00"], [LIVE]),
        (["--since", "2025-10-09"], [LIVE, CHECKOUT_ID]),
        (["--since", "1h"], []),
        (["--today"], []),
    ],
)
def test_those_that_are_asked_for_are_listed(
    shop: OrdersShop, arguments: list[str], found: list[str]
) -> None:
    assert shop.ids(*arguments) == found


def test_all_pages_are_read(shop: OrdersShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.commands.orders.PAGE", 1)

    assert shop.ids() == [LIVE, CHECKOUT_ID]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--status", "payed"], "payed"),
        (["--limit", "0"], "limit"),
        (["--since", "yesterday"], "--since: yesterday is not a time"),
        (["--since", "7d", "--today"], "not both"),
        (["--csv", "--json"], "not both"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    shop: OrdersShop, arguments: list[str], words: str
) -> None:
    ended = shop.orders("list", *arguments)

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert words in ended.stderr


def test_as_json_an_order_is_its_document_with_a_link_and_a_reason(shop: OrdersShop) -> None:
    failed, disputed = shop.json("list")

    assert failed["declined"] == ERROR | {
        "reason": "Your card has insufficient funds. (card_declined, insufficient_funds)"
    }
    assert disputed["declined"] is None
    assert (disputed["flags"], disputed["unseen_flags"]) == (["disputed"], ["disputed"])
    assert "customer" not in disputed
    assert shop.json("list", "--personal")[1]["customer"]["email"] == "ana@example.com"


def test_a_failure_without_a_reason_is_none(shop: OrdersShop) -> None:
    intent = payment_intent(id="pi_live", latest_charge="ch_live", last_payment_error=None)
    shop.tell(event("payment_intent.payment_failed", intent, id="evt_pf_2"))

    assert shop.json("show", LIVE)["declined"] is None


def test_a_decline_whose_event_was_forgotten_is_not_said(shop: OrdersShop) -> None:
    shop.shop.does(lambda database: prune(database, 4))

    assert shop.json("show", LIVE)["declined"] is None


# --- CSV


def test_csv_has_a_row_for_each_order(shop: OrdersShop) -> None:
    failed, disputed = shop.rows()

    assert (disputed["id"], disputed["status"], disputed["amount_total"]) == (
        CHECKOUT_ID,
        "disputed",
        "1999",
    )
    assert (disputed["line_items"], disputed["flags"]) == ("1xprice_A", "disputed")
    assert failed["declined"].startswith("Your card has insufficient funds.")
    assert "email" not in failed


def test_no_cell_is_a_formula(shop: OrdersShop) -> None:
    failed, disputed = shop.rows("--personal")

    assert failed["client_reference_id"] == "'-2+3"
    assert (disputed["name"], disputed["phone"]) == ("'=HYPERLINK(1)", "'+49301234")
    assert disputed["email"] == "ana@example.com"


# --- show


def test_one_order_is_shown(shop: OrdersShop) -> None:
    ended = shop.orders("show", SESSION_ID)

    assert (ended.exit_code, ended.stderr) == (0, "")
    for words in (CHECKOUT_ID, "dp_1", "price_A", "/test/payments/pi_1"):
        assert words in ended.stdout
    assert "ana@example.com" not in ended.stdout
    assert "ana@example.com" in shop.orders("show", SESSION_ID, "--personal").stdout


def test_a_long_id_is_shown_whole(shop: OrdersShop) -> None:
    id_ = f"cs_test_{'a1' * 35}"  # longer than a line; Stripe's have 66 characters
    shop.tell(event(subject=session(id=id_, success_url="https://x.example/"), id="evt_long"))

    shown = shop.orders("show", id_, columns=80).stdout

    assert f" {id_}\n" in shown


def test_an_order_that_is_unknown_is_said_to_be_so(shop: OrdersShop) -> None:
    ended = shop.orders("show", "cs_test_none")

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "There is no order with that id.\n"


HIDDEN = "evil\x1b[2J\x9b31m\u202egnp\u200b\n\r\x07[bold]end"


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--csv"],
        ["list", "--json"],
        ["show", "cs_test_evil"],
        ["show", "cs_test_evil", "--json", "--personal"],
    ],
)
def test_no_terminal_obeys_what_strangers_wrote(shop: OrdersShop, arguments: list[str]) -> None:
    subject = session(
        id="cs_test_evil",
        success_url="https://x.example/",
        payment_status="unpaid",
        payment_intent="pi_evil",
        customer_details={"name": HIDDEN},
    )
    error = {"message": HIDDEN}
    intent = payment_intent(id="pi_evil", latest_charge="ch_evil", last_payment_error=error)
    shop.tell(
        event("checkout.session.async_payment_failed", subject, id="evt_evil"),
        event("payment_intent.payment_failed", intent, id="evt_evil_pf"),
    )

    output = shop.orders(*arguments).stdout

    assert [character for character in "\x1b\x9b\u202e\u200b\x07" if character in output] == []
    assert "[bold]end" in output


def test_the_demos_orders_are_shown_without_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(cli, ["orders", "show", "--demo", "cs_test_1"])

    assert ended.exit_code == 1
    assert "There is no demo in data" in ended.stderr
