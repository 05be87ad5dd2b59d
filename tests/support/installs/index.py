"""A local package index: generated wheels with real names, and newer versions of each."""

import base64
import hashlib
import re
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from tests.support.installs.locks import Pin, requires

NEWER: Final = "9999.1"
# A dependency of every package that no lock file names. It breaks any install that resolves
# dependencies, with every version of pip.
UNLOCKED: Final = "in-no-lock"


def offer(folder: Path, locked: Sequence[Pin]) -> str:
    """Put each package into an index, in its locked version and in a newer one.

    Returns: the text of a lock file that differs from the real one only in the hashes.
    """
    lines = []
    _publish(folder, UNLOCKED, [NEWER], [])
    for pin in locked:
        asked = [*(requires(pin) or ()), UNLOCKED]
        wheels = _publish(folder, pin.name, [pin.version, NEWER], asked)
        digest = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
        lines.append(f"{pin.name}=={pin.version} --hash=sha256:{digest}\n")
    return "".join(lines)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the index over HTTP; yield its URL."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Log nothing."""


def _publish(
    folder: Path, name: str, versions: Sequence[str], asked: Sequence[str]
) -> Sequence[Path]:
    wheels = [_wheel(folder / name, name, version, asked) for version in versions]
    page = "".join(f'<a href="{wheel.name}">{wheel.name}</a>\n' for wheel in wheels)
    (folder / name / "index.html").write_text(page)
    return wheels


def _wheel(folder: Path, name: str, version: str, asked: Sequence[str]) -> Path:
    """Return a minimal wheel: a name, a version, and its dependencies."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{re.sub(r'[-.]+', '_', name)}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {one}\n" for one in asked)
    files = {
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{stem}.dist-info/RECORD"
    rows = [f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items()]
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in {**files, record: "".join([*rows, f"{record},,\n"])}.items():
            wheel.writestr(inside, text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
