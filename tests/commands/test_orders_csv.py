"""No cell of `altan-checkout orders list --csv` is a formula, whatever a buyer typed."""

import csv
import io
from collections import defaultdict
from typing import Any

import pytest

from app.commands.orders_csv import orders_csv


def name_of(typed: str) -> str:
    """Return the cell of an order whose buyer typed this name."""
    document: dict[str, Any] = defaultdict(lambda: None)
    document |= {"customer": {"name": typed}, "line_items": [], "flags": []}
    (row,) = csv.DictReader(io.StringIO(orders_csv([document])))
    return row["name"]


@pytest.mark.parametrize("letter", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
@pytest.mark.parametrize("before", ["", " ", '"', "'", '" ', "\t", "\r", "\n", "\u3000"])
def test_whatever_begins_a_formula_is_defused(before: str, letter: str) -> None:
    assert name_of(f"{before}{letter}1").startswith("'")


@pytest.mark.parametrize("letter", ["\t", "\r", "\n"])
def test_no_cell_begins_with_a_control_character(letter: str) -> None:
    assert name_of(f"{letter}1").startswith("'")


def test_a_formula_is_defused_where_a_semicolon_begins_a_cell() -> None:
    """Excel splits lines there in countries with a decimal comma."""
    assert name_of('Jo;=1+1; "@SUM(A1);x') == "Jo;'=1+1;' \"@SUM(A1);x"


@pytest.mark.parametrize("name", ["Jo", "Jo-Ann; x", "", " Jo", "a=b", "1"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert name_of(name) == name
