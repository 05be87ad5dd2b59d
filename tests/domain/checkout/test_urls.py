"""The expected origins are those of a browser's URL parser (WHATWG)."""

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.checkout.urls import URL_LENGTH_MAX, is_loopback, read_web_url

LONG_S = "\N{LATIN SMALL LETTER LONG S}"
KELVIN = "\N{KELVIN SIGN}"
NOT_A_WEB_URL = "absolute http"
NO_VALID_PORT = "no valid port"

READ_ALIKE = {
    "https://shop.example": "https://shop.example",
    "HTTPS://Shop.Example/Thanks?a=B#C": "https://shop.example",
    "https://shop.example:443/x": "https://shop.example",
    "https://shop.example:0443/x": "https://shop.example",
    "https://shop.example:8443/x": "https://shop.example:8443",
    "https://shop.example:65535/": "https://shop.example:65535",
    "http://shop.example:80/x": "http://shop.example",
    "http://shop.example:443/x": "http://shop.example:443",
    "https://shop.example:80/x": "https://shop.example:80",
    "https://shop.example?x=1": "https://shop.example",
    "https://shop.example#top": "https://shop.example",
    "https://shop.example/{a}?b={c}": "https://shop.example",
    "https://shop.example/%2e%2e/%00": "https://shop.example",
    "https://shop.example/..//evil.example/": "https://shop.example",
    "https://shop.example/?q=https://evil.example/": "https://shop.example",
    "https://shop.example/@evil.example": "https://shop.example",
    "https://evil.example#@shop.example/": "https://evil.example",
    "https://evil.example?@shop.example/": "https://evil.example",
    "https://evil.example/https://shop.example": "https://evil.example",
    "https://shop.example.evil.example/": "https://shop.example.evil.example",
    "https://evilshop.example/": "https://evilshop.example",
    "https://a_b.shop.example/": "https://a_b.shop.example",
    "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example",
    "http://127.0.0.1:8080/": "http://127.0.0.1:8080",
    "http://localhost/": "http://localhost",
    "http://[::1]:80/x": "http://[::1]",
    "http://[2001:db8::1]:8080/x": "http://[2001:db8::1]:8080",
}

# A browser goes somewhere with many of these; Python, Stripe or another browser goes elsewhere.
NOT_READ = [
    "",
    "/thanks",
    "thanks",
    "//shop.example/",
    "///shop.example/",
    "https:/shop.example/",
    "https:shop.example/",
    "https:///shop.example/",
    "https://",
    "https:///",
    "https://?x",
    "https://#x",
    "https:\\\\shop.example/",
    "https://shop.example\\@evil.example/",
    "https://shop.example/\\evil.example",
    "https://shop.example\\",
    "https://user@shop.example/",
    "https://shop.example@evil.example/",
    "https://shop.example:443@evil.example/",
    "https://shop.example:pw@evil.example/",
    "https://@shop.example/",
    "javascript:alert(1)",
    "javascript://shop.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "ftp://shop.example/",
    "file:///etc/passwd",
    "blob:https://shop.example/1",
    "ws://shop.example/",
    "httpss://shop.example/",
    " https://shop.example/",
    "https://shop.example/ ",
    "https://shop.example/a b",
    "https://shop.example/\n",
    "https://shop.example\n",
    "\thttps://shop.example/",
    "ht\ntps://shop.example/",
    "https://sh\top.example/",
    "https://shop.example/\r\nSet-Cookie: a=b",
    "https://shop.example/\x00",
    "https://shop.example\x00.evil.example/",
    "https://shop.example/\x7f",
    "https://shop.example./",
    "https://.shop.example/",
    "https://-shop.example/",
    "https://shop.example-/",
    "https://shop.example,evil.example/",
    "https://shop.example;evil.example/",
    "https://shop.example|evil.example/",
    "https://shop.example$/",
    "https://sh%6Fp.example/",
    "https://shop.example%2eevil.example/",
    "https://shop.example%00/",
    "https://shop\N{IDEOGRAPHIC FULL STOP}example/",
    "https://b\xfccher.example/",
    "https://shop.example\xa0/",
    "https://shop.example/\xfc",
    "https://shop.example/\ud800",
    "https://shop.example/\N{RIGHT-TO-LEFT OVERRIDE}",
    f"https://{LONG_S}hop.example/",
    f"https://boo{KELVIN}s.example/",
    f"https://shop.example/{LONG_S}",
    f"https://shop.example/{KELVIN}",
    f"http{LONG_S}://shop.example/",
    f"http{LONG_S}://shop.example:443/",
    "https://\N{FULLWIDTH DIGIT ONE}27.0.0.1/",
    "https://shop.example:\N{FULLWIDTH DIGIT FOUR}43/",
    "https://shop.example:/",
    "https://shop.example:+443/",
    "https://shop.example:-1/",
    "https://shop.example:4 43/",
    "https://shop.example:443.0/",
    "https://shop.example:000443/",
    "https://shop.example:443:443/",
    "https://[::1",
    "https://::1/",
    "https://[]/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.x]/",
    "https://shop.example[::1]/",
]


@pytest.mark.parametrize(("text", "origin"), READ_ALIKE.items())
def test_a_plain_address_is_read_as_a_browser_reads_it(text: str, origin: str) -> None:
    url = read_web_url(text)

    assert url.origin == origin
    assert url.text == text


@pytest.mark.parametrize("text", NOT_READ, ids=ascii)
def test_an_address_that_parsers_disagree_about_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=NOT_A_WEB_URL):
        read_web_url(text)


@pytest.mark.parametrize("port", ["0", "00000", "65536", "99999"])
def test_a_port_that_does_not_exist_is_refused(port: str) -> None:
    with pytest.raises(ValueError, match=NO_VALID_PORT):
        read_web_url(f"https://shop.example:{port}/")


def test_an_address_may_have_as_many_characters_as_stripe_takes() -> None:
    longest = "https://shop.example/".ljust(URL_LENGTH_MAX, "a")

    accepted = read_web_url(longest)
    with pytest.raises(ValueError, match="longer than 5000"):
        read_web_url(longest + "a")

    assert len(accepted.text) == 5000


def test_the_parts_of_an_address_are_separated() -> None:
    url = read_web_url("HTTP://Shop.Example:8080/A?b#c")

    assert (url.scheme, url.host, url.port, url.rest) == (
        "http",
        "shop.example",
        8080,
        "/A?b#c",
    )


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.8.9.10", "[::1]", "[0:0:0:0:0:0:0:1]"]
)
def test_this_machine_is_known_by_name_and_by_address(host: str) -> None:
    assert is_loopback(host)
    assert read_web_url(f"http://{host}:1/").is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "128.0.0.1",
        "0.0.0.0",  # noqa: S104 an example, nothing listens
        "10.0.0.1",
        "[::]",
        "[2001:db8::1]",
        "127.1",
        "2130706433",
        "loopback",
    ],
)
def test_no_other_host_passes_for_this_machine(host: str) -> None:
    assert not is_loopback(host)


@settings(deadline=None)
@given(st.text() | st.text().map("https://shop.example".__add__) | st.text().map("http".__add__))
@example(f"http{LONG_S}://shop.example/")
def test_any_text_is_an_address_in_printable_ascii_or_a_value_error(text: str) -> None:
    try:
        url = read_web_url(text)
    except ValueError:
        return

    assert url.text == text
    assert text.isascii()
    assert text.isprintable()
    assert url.origin.startswith(("http://", "https://"))
    assert not set(url.origin) & set("@\\ ?#")


@pytest.mark.parametrize(
    "host",
    [
        "999.1.1.1",
        "1.2.3.04",
        "1.2.3",
        "1.2.3.4.5",
        "2852039166",
        "169.254.43518",
        "0x7f.1",
        "0xa9fea9fe",
        "0x",
        "shop.0x1f",
        "shop.1",
        "[::1::2]",
        "[1.2.3.4]",
        "[:]",
        "[12345::]",
    ],
)
def test_a_host_that_parsers_read_as_another_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="no valid IP address"):
        read_web_url(f"https://{host}/")


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "[::ffff:192.0.2.1]", "1and1.de"])
def test_an_address_is_a_host(host: str) -> None:
    assert read_web_url(f"https://{host}:81/").host == host


HOSTS = st.text("0123456789abcdefx.:-_", min_size=1, max_size=20)


@given(HOSTS | HOSTS.map("[{}]".format))
@example("1.2.3.04")
@example("[::1::2]")
def test_the_client_reads_every_accepted_host_the_same_way(host: str) -> None:
    try:
        url = read_web_url(f"https://{host}/")
    except ValueError:
        return

    assert httpx.URL(url.text).host == url.host.strip("[]")
