"""`altan-checkout doctor --probe`: one session, and what came back."""

import asyncio
from pathlib import Path

import orjson
import pytest

from app.commands.doctor_probe import ProbeError, probe
from app.settings.settings import Settings
from tests.support.builders import settings
from tests.support.wire import answer, closed_port, hangs, upstream

TEST_PAGE = "https://checkout.stripe.com/c/pay/cs_test_a1#fid"
LIVE_PAGE = "https://checkout.stripe.com/c/pay/cs_live_a1#fid"


def page(url: str) -> bytes:
    return answer(orjson.dumps({"url": url}), "Content-Type: application/json")


async def said(probed: Settings, *, price: str | None = "price_A", even_live: bool = False) -> str:
    lines = await asyncio.to_thread(lambda: list(probe(probed, price=price, even_live=even_live)))
    return "\n".join(lines)


async def test_one_session_is_made_as_this_deployment_makes_them(tmp_path: Path) -> None:
    async with upstream(page(TEST_PAGE)) as server:
        text = await said(
            settings(
                tmp_path,
                altan_pay_url=server.url,
                altan_pay_extra='{"allow_promotion_codes": true}',
                altan_pay_pass="metadata,locale",
            )
        )

    (request,) = server.requests
    payload = orjson.loads(request.body)["payload"]
    assert payload["line_items"] == [{"price": "price_A", "quantity": 1}]
    assert payload["allow_promotion_codes"] is True
    assert payload["metadata"] == {"altan_checkout": "probe"}
    assert "Altan Pay created cs_test_a1 at checkout.stripe.com." in text
    assert "allow_promotion_codes, metadata, locale." in text
    assert text.endswith(TEST_PAGE)


@pytest.mark.parametrize(
    ("more", "mode"), [("", "subscription"), ("recurring = false", "payment")], ids=["club", "fee"]
)
async def test_the_catalogs_first_price_is_probed_in_its_own_mode(
    tmp_path: Path, more: str, mode: str
) -> None:
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(f'[[price]]\nid = "price_CLUB"\nmode = "subscription"\n{more}\n')

    async with upstream(page(TEST_PAGE)) as server:
        text = await said(
            settings(tmp_path, altan_pay_url=server.url, catalog_file=catalog), price=None
        )

    payload = orjson.loads(server.requests[0].body)["payload"]
    assert payload["mode"] == mode
    assert payload["line_items"] == [{"price": "price_CLUB", "quantity": 1}]
    assert "Only the four documented fields were sent." in text


@pytest.mark.parametrize("livemode", [None, True])
async def test_an_account_that_may_be_live_is_not_probed_without_live(
    tmp_path: Path, *, livemode: bool | None
) -> None:
    real = settings(tmp_path, altan_pay_url="https://altan.invalid", stripe_livemode=livemode)

    with pytest.raises(ProbeError, match="--live"):
        await said(real)


async def test_with_live_it_is_probed(tmp_path: Path) -> None:
    real = settings(tmp_path, altan_pay_url=f"https://127.0.0.1:{closed_port()}")

    with pytest.raises(ProbeError, match="The payment provider is unavailable"):
        await said(real, even_live=True)


@pytest.mark.parametrize(("livemode", "url"), [(True, TEST_PAGE), (False, LIVE_PAGE)])
async def test_a_session_of_the_wrong_mode_fails(
    tmp_path: Path, *, livemode: bool, url: str
) -> None:
    async with upstream(page(url)) as server:
        with pytest.raises(ProbeError, match="STRIPE_LIVEMODE does not count"):
            await said(settings(tmp_path, altan_pay_url=server.url, stripe_livemode=livemode))


async def test_a_refusal_names_the_fields_that_may_be_the_reason(tmp_path: Path) -> None:
    refused = answer(b"{}", status="400 Bad Request")
    async with upstream(refused, refused) as server:
        with pytest.raises(ProbeError) as bare:
            await said(settings(tmp_path, altan_pay_url=server.url))
        with pytest.raises(ProbeError) as more:
            await said(settings(tmp_path, altan_pay_url=server.url, altan_pay_pass="locale"))

    assert "ALTAN_PAY_EXTRA" not in str(bare.value)
    assert "with ALTAN_PAY_EXTRA and ALTAN_PAY_PASS unset" in str(more.value)


async def test_an_altan_pay_that_hangs_is_not_waited_for_long(tmp_path: Path) -> None:
    async with upstream(hangs) as server:
        with pytest.raises(ProbeError, match=r"did not answer within 0\.2 s"):
            await said(settings(tmp_path, altan_pay_url=server.url, altan_pay_timeout_s=0.2))


async def test_without_a_price_it_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="--price price_…"):
        await said(settings(tmp_path), price=None)


async def test_a_broken_catalog_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="CATALOG_FILE is wrong"):
        await said(settings(tmp_path, catalog_file=tmp_path / "none.toml"))
