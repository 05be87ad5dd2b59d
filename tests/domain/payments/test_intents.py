"""A payment intent remembers that an attempt was declined."""

import itertools

from app.domain.payments.intents import Intent, IntentState

KNOWN = [Intent(state=state) for state in IntentState]
DECLINED = [Intent(state=state, declined_before=True) for state in list(IntentState)[1:]]


def test_a_decline_is_remembered_in_any_order() -> None:
    for one, two, three in itertools.product([*KNOWN, *DECLINED], repeat=3):
        joined = one.join(two).join(three)
        assert joined == one.join(two.join(three)) == three.join(two).join(one)
        assert joined.was_declined == any(each.was_declined for each in (one, two, three))
        assert one.join(one) == one
