"""What a fold remembers of the answers: which checkout a session pays, and which were asked for."""

from app.domain.fold.asking import Memory, Surroundings, Wanted
from app.domain.fold.records import Payment
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.facts import PaymentFacts
from tests.support.builders import NOW_S, SESSION_ID


def checkout(id_: str, session_id: str | None = None) -> SoldCheckout:
    return SoldCheckout(id=id_, session_id=session_id, key_digest=None, expected=None)


def naming(checkout_id: str | None) -> PaymentFacts:
    return PaymentFacts(checkout_id=checkout_id)


def memory_of(found: Surroundings, **wanted: list[str]) -> Memory:
    memory = Memory()
    memory.take(Wanted(**wanted), found)  # type: ignore[arg-type]
    return memory


def test_a_session_pays_the_checkout_that_knows_it_or_else_the_one_that_it_names() -> None:
    own, named, other = (
        checkout("chk_own", SESSION_ID),
        checkout("chk_n"),
        checkout("chk_o", "cs_o"),
    )
    memory = memory_of(Surroundings(checkouts=[named, own, other]))

    assert memory.sold(SESSION_ID, naming("chk_n")) == own
    assert memory.sold(SESSION_ID, naming(None)) == own
    assert memory.sold("cs_test_b", naming("chk_n")) == named
    assert memory.sold("cs_test_b", naming("chk_o")) == other
    assert memory.sold("cs_test_b", naming("chk_unknown")) is None
    assert memory.sold("cs_test_b", naming(None)) is None


def test_of_two_checkouts_that_know_one_session_the_latest_counts() -> None:
    checkouts = [checkout(f"chk_{number}", SESSION_ID) for number in (2, 3, 1)]

    memory = memory_of(Surroundings(checkouts=checkouts))

    assert memory.sold(SESSION_ID, naming(None)) == checkouts[1]


def test_a_checkout_is_asked_for_if_it_is_named_and_neither_found_nor_asked_for() -> None:
    payment = Payment(session_id="cs_p", facts=naming("chk_of_payment"), updated_at_ms=NOW_S)
    memory = memory_of(
        Surroundings(checkouts=[checkout("chk_found")], payments={"cs_p": payment}),
        checkout_ids=["chk_asked"],
    )
    names = ["chk_new", "chk_found", "chk_asked", "chk_of_payment", None]

    changed = {f"cs_{number}": naming(name) for number, name in enumerate(names)}

    assert memory.checkouts_to_ask(changed) == {"chk_new"}


def test_nothing_is_learned_while_another_transaction_holds_the_locks() -> None:
    found = Surroundings(is_locked=False, mentioned=["pi_1"], checkouts=[checkout("chk_1")])
    memory = memory_of(found, around=["pi_1"], checkout_ids=["chk_2"])

    assert (memory.around, memory.mentioned) == (set(), set())
    assert memory.checkouts_to_ask({"cs_1": naming("chk_1")}) == {"chk_1"}
    assert memory.checkouts_to_ask({"cs_1": naming("chk_2")}) == {"chk_2"}
