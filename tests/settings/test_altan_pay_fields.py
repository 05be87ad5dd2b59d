"""ALTAN_PAY_EXTRA and ALTAN_PAY_PASS: how they are written, and what is refused at the start."""

from pathlib import Path

import pytest

from app.domain.checkout.passed_fields import PassedField
from app.settings.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def _required(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALTAN_ACCOUNT_ID", "00000000-0000-4000-8000-000000000000")
    monkeypatch.setenv("ALTAN_STRIPE_CONNECT_ID", "acct_1")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRETS", "whsec_abcdefgh")
    monkeypatch.setenv("APP_URL", "https://shop.example")


@pytest.mark.parametrize(
    "text", ["locale,metadata", " locale , metadata ", '["locale","metadata"]']
)
def test_fields_to_pass_on_are_a_list(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ALTAN_PAY_PASS", text)

    assert load_settings().altan_pay_pass == (PassedField.LOCALE, PassedField.METADATA)


def test_further_parameters_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTAN_PAY_EXTRA", '{"automatic_tax": {"enabled": true}}')

    assert load_settings().altan_pay_extra == {"automatic_tax": {"enabled": True}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not valid JSON"),
        ('{"a": NaN}', "is not valid JSON"),
        ("[]", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ('{"success_url": "x"}', "success_url is one of the fields that each cart fills in"),
        ('{"cancel_url": "x"}', "cancel_url is one"),
        ('{"line_items": []}', "line_items is one"),
        ('{"mode": "setup"}', "mode is one"),
        (f'{{"a": "{"x" * 20_000}"}}', "at most 16384 bytes"),
        ('{"a":' * 300 + "1" + "}" * 300, "cannot be written as JSON"),
    ],
)
def test_what_is_no_further_parameter_stops_the_start_without_its_value(
    monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.setenv("ALTAN_PAY_EXTRA", text)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    (line,) = caught.value.lines
    assert line.startswith("ALTAN_PAY_EXTRA is wrong: ")
    assert words in line
    assert "xxx" not in line


@pytest.mark.parametrize("text", ["email", "locale,mode", ","])
def test_an_unknown_field_to_pass_on_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ALTAN_PAY_PASS", text)

    with pytest.raises(
        SettingsError, match=r"ALTAN_PAY_PASS (is wrong: must be customer_email, |is)"
    ):
        load_settings()


def test_a_field_comes_from_one_side_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTAN_PAY_EXTRA", '{"locale": "de"}')
    monkeypatch.setenv("ALTAN_PAY_PASS", "metadata,locale")

    with pytest.raises(SettingsError, match=r"locale comes from the cart \(ALTAN_PAY_PASS\)"):
        load_settings()
