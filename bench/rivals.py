"""Simple implementations to compare the service with: `python -m bench.rivals NAME`.

All run on uvicorn with uvloop and httptools and without access log, as the service does.
"""

import argparse
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Final

import httpx
import stripe
import uvicorn
from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.responses import RedirectResponse

SHOP_URL: Final = "https://shop.example/"


def bare() -> FastAPI:
    """Return a handler that only reads the body and answers, to measure FastAPI itself."""
    app = FastAPI()

    @app.post("/webhooks/stripe")
    async def webhook(request: Request) -> dict[str, object]:
        return {"received": len(await request.body())}

    return app


def tutorial() -> FastAPI:
    """Return the handler from Stripe's tutorial: `construct_event`, nothing is stored."""
    app = FastAPI()
    secret = os.environ["STRIPE_WEBHOOK_SECRETS"]

    @app.post("/webhooks/stripe")
    async def webhook(
        request: Request, stripe_signature: Annotated[str, Header()]
    ) -> dict[str, object]:
        payload = await request.body()
        try:
            event = stripe.Webhook.construct_event(payload, stripe_signature, secret)
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise HTTPException(400) from error
        return {"event_id": event.id}

    return app


def relay() -> FastAPI:
    """Return a handler that passes the cart on with a stock httpx client, and redirects."""
    clients: list[httpx.AsyncClient] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient() as client:
            clients.append(client)
            yield

    app = FastAPI(lifespan=lifespan)
    url = f"{os.environ['ALTAN_PAY_URL']}/v2/connect/checkout/bench/create_checkout_session"

    @app.post("/checkout")
    async def checkout(request: Request) -> RedirectResponse:
        cart = await request.json()
        order = {
            "success_url": SHOP_URL,
            "cancel_url": SHOP_URL,
            "line_items": cart["line_items"],
            "mode": cart["mode"],
        }
        answer = await clients[0].post(
            url, params={"stripe_connect_id": "acct_bench"}, json={"payload": order}
        )
        answer.raise_for_status()
        return RedirectResponse(answer.json()["url"], 303)

    return app


RIVALS: Final[Mapping[str, Callable[[], FastAPI]]] = {
    "bare": bare,
    "tutorial": tutorial,
    "relay": relay,
}


def main() -> None:
    """Serve the implementation that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RIVALS)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    app = RIVALS[options.name]()
    uvicorn.run(app, port=options.port, loop="uvloop", http="httptools", access_log=False)


if __name__ == "__main__":
    main()
