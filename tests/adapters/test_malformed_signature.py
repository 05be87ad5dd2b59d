"""Headers that no sender makes by accident."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.stripe_signature import HEADER_BYTES_MAX
from app.domain.errors import SignatureInvalidError
from tests.support.builders import NOW_S, SECRET, sign
from tests.support.signatures import (
    BODY,
    MAC,
    OLD_SECRET,
    OTHER_MAC,
    check,
    signatures,
    verify,
)

ROOT = Path(__file__).parents[2]


def test_a_byte_that_is_not_ascii_is_refused() -> None:
    with pytest.raises(SignatureInvalidError, match="not ASCII"):
        verify(f"t={NOW_S},v1=".encode() + b"\xe9" + MAC[1:].encode())


@pytest.mark.parametrize(
    "body",
    [gzip.compress(BODY), BODY.decode().encode("utf-16"), b"\xff"],
    ids=["gzip", "utf-16", "one byte"],
)
def test_bytes_that_are_no_text_are_verified_like_text(body: bytes) -> None:
    right = sign(body, at_s=NOW_S)

    verify(right, body)
    verify(f"v0={OTHER_MAC}," + right.replace("v1=", f"v1={OTHER_MAC},v1="), body)
    check(signatures(OLD_SECRET, SECRET), body, [right.encode()])


@pytest.mark.parametrize(
    "header",
    [
        sign(b"\xfe", at_s=NOW_S),
        sign(b"\xff", at_s=NOW_S - 1),
        sign(b"\xff", at_s=NOW_S, secret=OLD_SECRET),
        sign(b"\xff", at_s=NOW_S).replace("v1=", "v0="),
        sign(b"\xff", at_s=NOW_S).replace(f"t={NOW_S}", f"t={NOW_S + 1}"),
        f"t={NOW_S},v1=",
    ],
    ids=["another body", "an earlier time", "another secret", "v0", "another time", "empty"],
)
def test_bytes_that_are_no_text_are_refused_with_a_wrong_signature(header: str) -> None:
    moved = header.replace(f"t={NOW_S - 1}", f"t={NOW_S}")

    with pytest.raises(SignatureInvalidError, match="does not match"):
        verify(moved, b"\xff")


def test_ten_thousand_signatures_are_refused_before_one_is_compared() -> None:
    flood = f"t={NOW_S}" + f",v1={OTHER_MAC}" * 10_000 + f",v1={MAC}"

    with pytest.raises(SignatureInvalidError, match="malformed"):
        verify(flood)


def test_a_header_one_byte_too_long_is_refused() -> None:
    header = sign(BODY, at_s=NOW_S)

    with pytest.raises(SignatureInvalidError, match="malformed"):
        verify(header + ",v2=" + "x" * (HEADER_BYTES_MAX - len(header) - 3))


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        ",",
        "=",
        "garbage",
        "t",
        "t=",
        "t=,v1=",
        f"t={NOW_S}",
        f"t={NOW_S},",
        f"t={NOW_S},v1",
        f"t={NOW_S},v1=",
        f"t={NOW_S},v1=x",
        f"t={NOW_S},,v1={MAC}",
        f",t={NOW_S},v1={MAC}",
        f"t={NOW_S},v1={MAC},",
        f"t={NOW_S}, v1={MAC}",
        f"t={NOW_S};v1={MAC}",
        f"t={NOW_S},V1={MAC}",
        f"t={NOW_S},v1={MAC.upper()}",
        f"T={NOW_S},v1={MAC}",
        f"v1={MAC}",
        f"t=now,v1={MAC}",
        f"t={NOW_S}.0,v1={MAC}",
        f"t=+{NOW_S},v1={MAC}",
        f"t=-{NOW_S},v1={MAC}",
        f"t=0x68E77780,v1={MAC}",
        f"t=1_760_000_000,v1={MAC}",
        f"t=9{'0' * 400},v1={MAC}",
        f"t={NOW_S},t={NOW_S},v1={MAC}",
        f"t={NOW_S},v1={MAC}\n",
        f"t={NOW_S},v1={MAC}\x00",
        f"t={NOW_S}\r\n,v1={MAC}",
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    with pytest.raises(SignatureInvalidError):
        verify(header)


def test_a_header_made_to_be_read_slowly_is_refused_at_once() -> None:
    """In a process of its own: nothing else can end a regular expression that backtracks."""
    program = (
        "from tests.adapters.test_stripe_signature import SignatureInvalidError, verify\n"
        "for header in ('a=' + ',a=' * 1300 + ' ', ',=' * 2000 + ' ', '=' * 4000 + ' '):\n"
        "    try:\n"
        "        verify(header)\n"
        "    except SignatureInvalidError:\n"
        "        print('refused')\n"
    )

    ended = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=60, check=True, cwd=ROOT
    )

    assert ended.stdout.split() == [b"refused"] * 3


def test_digits_of_other_scripts_are_no_time() -> None:
    arabic_digits = str(NOW_S).translate({ord("0") + n: 0x0660 + n for n in range(10)})

    with pytest.raises(SignatureInvalidError):
        verify(f"t={arabic_digits},v1={MAC}")


@given(st.binary(), st.binary())
def test_garbage_is_refused_and_nothing_worse(header: bytes, body: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        verify(header, body)


@given(st.text(st.sampled_from("t=,v10 9a.-+\n\0é"), max_size=40), st.sampled_from([BODY, b""]))
def test_garbage_that_looks_like_a_signature_is_refused(header: str, body: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        verify(header.encode(), body)


@given(st.lists(st.binary(), min_size=2))
def test_several_headers_of_any_kind_are_refused(headers: list[bytes]) -> None:
    with pytest.raises(SignatureInvalidError):
        check(signatures(), BODY, headers)
