"""/docs and its files, all from this service. tests/e2e opens it in a browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.bootstrap import create_app
from tests.support.builders import in_process, settings


@pytest.fixture
async def client(database_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with in_process(create_app(settings(database_path.parent))) as client:
        yield client


async def test_the_docs_are_a_page_that_loads_only_files_of_this_service(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/docs")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    addresses = re.findall(r'(?:src|href)="(.+?)"', page.text)
    assert addresses == [
        "data:,",
        "docs/swagger-ui.css",
        "docs/swagger-ui-bundle.js",
        "docs/start.js",
    ]
    for address in addresses[1:]:
        file = await client.get(f"/{address}")
        assert file.status_code == 200
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["content-type"].startswith(
            "text/css" if address.endswith("css") else "text/javascript"
        )


async def test_the_docs_allow_no_inline_script_and_no_eval(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")

    policy = page.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in page.headers["content-security-policy"]
    assert re.findall(r"<script(?! src=)", page.text) == []


async def test_the_docs_begin_with_the_document_beside_them(client: httpx.AsyncClient) -> None:
    script = (await client.get("/docs/start.js")).text

    assert 'url: "openapi.json"' in script


@pytest.mark.parametrize("name", ["redoc.standalone.js", "..%2fpages.py", "start.js.map", ""])
async def test_nothing_else_of_that_folder_is_served(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/docs/{name}")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
