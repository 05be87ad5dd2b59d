import pytest

from sandbox.stripe.trouble import (
    Trouble,
    TroubleRefusedError,
    parse_trouble_form,
    parse_trouble_json,
)


def test_all_kinds_of_trouble_are_read_from_json() -> None:
    body = {"duplicate": 2, "reverse": True, "delay_s": 0.5, "withhold": True}

    assert parse_trouble_json(body) == Trouble(
        duplicate=2, reverse=True, delay_s=0.5, withhold=True
    )


def test_an_empty_object_or_form_asks_for_no_trouble() -> None:
    assert parse_trouble_json({}) == Trouble()
    assert parse_trouble_form({}) == Trouble()


def test_a_form_has_text_for_numbers_and_present_fields_for_ticks() -> None:
    fields = {"duplicate": "3", "delay_s": "1.5", "reverse": "on", "withhold": "on"}

    assert parse_trouble_form(fields) == Trouble(
        duplicate=3, reverse=True, delay_s=1.5, withhold=True
    )


def test_an_emptied_field_of_a_form_means_no_trouble() -> None:
    assert parse_trouble_form({"duplicate": "", "delay_s": ""}) == Trouble()


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"duplicates": 2},
        {"duplicate": 0},
        {"duplicate": 11},
        {"duplicate": True},
        {"duplicate": "2"},
        {"delay_s": -1},
        {"delay_s": 601},
        {"delay_s": float("nan")},
        {"delay_s": "3"},
        {"delay_s": True},
        {"reverse": 1},
        {"withhold": "yes"},
    ],
)
def test_trouble_that_makes_no_sense_is_refused(body: object) -> None:
    with pytest.raises(TroubleRefusedError):
        parse_trouble_json(body)


@pytest.mark.parametrize(
    "fields", [{"duplicate": "two"}, {"duplicate": "99"}, {"delay_s": "nan"}, {"delay_s": "x"}]
)
def test_a_form_with_trouble_that_makes_no_sense_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(TroubleRefusedError):
        parse_trouble_form(fields)
