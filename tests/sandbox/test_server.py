import httpx
import pytest

from tests.support.sandbox.local_servers import CREATE_PATH, open_session


async def test_the_sandbox_says_that_it_is_live(sandbox: httpx.AsyncClient) -> None:
    response = await sandbox.get("/health/live")

    assert response.status_code == 200
    assert response.json() == {"status": "live"}


async def test_an_unknown_address_is_a_page_with_a_way_back(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get("/nowhere")

    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert '<a href="/">' in page.text


async def test_a_wrong_method_names_the_right_one(sandbox: httpx.AsyncClient) -> None:
    response = await sandbox.get(CREATE_PATH)

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert "error" in response.json()


async def test_a_wrong_method_on_a_page_names_the_right_ones(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.post("/")

    assert page.status_code == 405
    assert "GET" in page.headers["allow"]


@pytest.mark.parametrize("path", [CREATE_PATH, "/sandbox/sessions/{id}/pay", "/c/pay/{id}/pay"])
async def test_a_body_beyond_the_limit_is_refused(sandbox: httpx.AsyncClient, path: str) -> None:
    session_id = await open_session(sandbox)

    response = await sandbox.post(
        path.replace("{id}", session_id),
        content=b"x" * (64 * 1024 + 1),
        headers={"Content-Type": "application/json"},
    )

    assert response.status_code == 413
    session = (await sandbox.get(f"/sandbox/sessions/{session_id}")).json()
    assert session["status"] == "open"
