"""Stand-ins for `curl` and `sqlite3`, as far as the documentation uses them."""

import json
import sqlite3
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Final


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        """Do not follow redirects, like curl without -L."""


def curl(arguments: Sequence[str]) -> int:
    """`curl -s [-X METHOD] [-H HEADER]… [-d DATA]… URL`: print the body."""
    options, url = _read(arguments)
    data = "&".join(options["-d"]).encode() if options["-d"] else None
    headers = dict(_header(line) for line in options["-H"])
    method = options["-X"][-1] if options["-X"] else None
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 README's own
    try:
        with opener.open(request, timeout=20) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
    except OSError:
        return 7  # as curl: could not connect
    sys.stdout.buffer.write(body)
    return 0


def sqlite(arguments: Sequence[str]) -> int:
    """`sqlite3 [-readonly] FILE SQL`: print the rows, with bars between the columns."""
    readonly = "-readonly" in arguments
    path, sql = (argument for argument in arguments if argument != "-readonly")
    mode = "ro" if readonly else "rwc"
    uri = f"file:{urllib.parse.quote(path)}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        for row in connection.execute(sql):
            print(*("" if value is None else value for value in row), sep="|")  # noqa: T201
    return 0


def _read(arguments: Sequence[str]) -> tuple[Mapping[str, list[str]], str]:
    options: dict[str, list[str]] = {"-X": [], "-H": [], "-d": []}
    urls = []
    rest = iter(arguments)
    for argument in rest:
        if argument in options:
            options[argument].append(next(rest))
        elif argument.startswith("http"):
            urls.append(argument)
        elif argument != "-s":
            raise SystemExit(f"the stand-in for curl does not know {json.dumps(argument)}")
    return options, urls[0]


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {"curl": curl, "sqlite3": sqlite}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
