"""`npm ci` installs the locked version, although the registry offers a newer one."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from bench.peers import installed
from tests.support.installs.commands import ROOT, npm_commands, pip_commands

FOLDERS: Final = (
    *(ROOT / "tests" / "e2e", ROOT / "tests" / "clients"),
    ROOT / "bench" / "peers" / "node",
)
NEWER: Final = "9999.1.0"


def lock_of(folder: Path) -> dict[str, Any]:
    lock: dict[str, Any] = json.loads((folder / "package-lock.json").read_text())
    return lock


def tarball(name: str, version: str) -> bytes:
    """The smallest package that npm installs."""
    text = json.dumps({"name": name, "version": version}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/package.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return packed.getvalue()


def integrity(packed: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(packed).digest()).decode()


@contextmanager
def registry(name: str, packages: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A registry with one package in these versions: its address, and the paths it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            here = f"http://{self.headers['Host']}"
            versions = {
                version: {
                    "name": name,
                    "version": version,
                    "dist": {"tarball": f"{here}/{version}.tgz", "integrity": integrity(packed)},
                }
                for version, packed in packages.items()
            }
            document = {"name": name, "dist-tags": {"latest": NEWER}, "versions": versions}
            version = self.path.rsplit("/", 1)[-1].removesuffix(".tgz").removeprefix(f"{name}-")
            self.answer(packages.get(version) or json.dumps(document).encode())

        def do_POST(self) -> None:
            asked.append(self.path)  # an audit, which nobody asked for
            self.answer(b"{}")

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Keep the test's output its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        thread.join()


def test_a_newer_version_in_the_registry_changes_nothing_of_what_is_installed(
    tmp_path: Path,
) -> None:
    command = npm_commands()[0]
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(FOLDERS[0] / name, tmp_path)
    lock = lock_of(tmp_path)
    locked = lock["packages"]["node_modules/axe-core"]
    packages = {version: tarball("axe-core", version) for version in (locked["version"], NEWER)}
    locked["integrity"] = integrity(packages[locked["version"]])
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))

    with registry("axe-core", packages) as (url, asked):
        done = subprocess.run(  # noqa: S603 - the Makefile's own words
            ["npm", *command.words, "--registry", url, "--cache", str(tmp_path / "cache")],  # noqa: S607
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert done.returncode == 0, done.stderr
    installed_json = (tmp_path / "node_modules" / "axe-core" / "package.json").read_text()
    assert json.loads(installed_json)["version"] == locked["version"]
    assert [path for path in asked if NEWER in path or "audit" in path] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_package_of_an_npm_lock_has_a_hash_and_no_address(folder: Path) -> None:
    packages = {name: entry for name, entry in lock_of(folder)["packages"].items() if name}

    assert [
        n for n, entry in packages.items() if not entry["integrity"].startswith("sha512-")
    ] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if entry.get("hasInstallScript")] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_npm_lock_is_its_package_file_s(folder: Path) -> None:
    wanted = json.loads((folder / "package.json").read_text())
    top = lock_of(folder)["packages"][""]

    for group in ("dependencies", "devDependencies"):
        assert top.get(group) == wanted.get(group)
        assert [v for v in wanted.get(group, {}).values() if not v[0].isdigit()] == []


def test_the_benchmark_installs_its_peers_as_everything_else_is_installed() -> None:
    first = next(command for command in pip_commands() if command.locks)

    assert ["install", *installed.LOCKED] == first.flags
    assert {(*installed.NPM_CI,)} == {npm.words for npm in npm_commands()}
