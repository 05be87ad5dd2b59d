"""What the operator sees of webhooks."""

import json
import resource
from pathlib import Path

from tests.support.builders import ACCOUNT, Service, event, session, to_body
from tests.support.processes import ServiceProcess, running_process
from tests.support.webhook_endpoint import PATHS, head, raw_exchange, webhooks_counted


async def test_every_outcome_is_counted(local_service: Service) -> None:
    await local_service.deliver(event())
    await local_service.deliver(event())
    await local_service.deliver(event(account="acct_other"))
    await local_service.deliver(event(id="evt_2", subject=session(payment_status="unforeseen")))
    await local_service.deliver(b"null")
    await local_service.deliver(b"{")
    await local_service.deliver(event(), secret="whsec_of_somebody_else")
    await local_service.client.post("/webhooks/stripe")
    await local_service.client.get("/webhooks/stripe")

    assert await webhooks_counted(local_service) == {
        "recorded": 1,
        "duplicate": 1,
        "other_account": 1,
        "failed": 1,
        "invalid_event": 1,
        "invalid_json": 1,
        "signature_invalid": 1,
        "signature_missing": 1,
        "method_not_allowed": 1,
    }


async def test_the_requests_are_counted_by_route_method_and_status(local_service: Service) -> None:
    for path in PATHS:
        await local_service.deliver(event(), path=path)

    text = (await local_service.client.get("/metrics")).text

    labels = '{method="POST",route="/webhooks/stripe",status="200"}'
    assert f"altan_checkout_http_requests_total{labels} 2.0" in text


async def test_forged_webhooks_by_the_thousand_do_not_flood_the_log(
    process: ServiceProcess,
) -> None:
    lines_before = len(process.lines)
    forged = head("Content-Length: 2", "Stripe-Signature: t=1,v1=00", "Connection: {}") + b"{}"

    sixteen = [forged.replace(b"{}", b"keep-alive", 1)] * 15 + [forged.replace(b"{}", b"close", 1)]
    answers = b""
    for _ in range(63):
        answers += await raw_exchange(process.service, *sixteen)
    await process.service.deliver(b"null")  # its line, if any, comes after all of theirs

    assert answers.count(b"HTTP/1.1 400 ") == 1008
    counted = await webhooks_counted(process.service)
    assert counted["signature_invalid"] == 1008
    process.process.terminate()
    await process.process.wait()
    about_webhooks = [line for line in process.lines[lines_before:] if "webhook" in line]
    assert 1 <= len(about_webhooks) <= 2


async def test_no_log_line_contains_a_secret_or_a_payload(database_path: Path) -> None:
    personal = session(customer_details={"email": "buyer@example.com"}, payment_status="odd")
    async with running_process(database_path.parent, LOG_LEVEL="debug") as process:
        service = process.service
        await service.deliver(event(subject=session(customer_email="buyer@example.com")))
        await service.deliver(event(id="evt_2", subject=personal))
        await service.deliver(b'{"email": "buyer@example.com"')
        await service.deliver(event(), secret="whsec_of_somebody_else")
        await service.deliver(to_body(event(id="evt_3", email="buyer@example.com")) * 2)
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (1, -1))
        await service.deliver(event(id="evt_4"))
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (-1, -1))

    log = "".join(process.lines)
    assert "webhook" in log
    for told in ("whsec_", "buyer@example.com", "v1=", "payment_intent", ACCOUNT):
        assert told not in log
    assert all(json.loads(line) for line in process.lines)
