"""F1: the network is cut at every byte of a submit and of its answer. Never two orders for one tag, never a lie."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from openalgo_lab.model.errors import DecodeError, OutcomeUnknown, Rejected, Throttled, WireError
from openalgo_lab.model.orders import OrderIntent, OrderStatus
from openalgo_lab.model.vocabulary import PriceType
from openalgo_lab.sim.faults import Act, Fault, Flow, random_fault
from tests.brokers.simulated.exchange import SHARE, Rig, intent, rig

SUBMIT = b"POST /orders"
LENGTHS = {Flow.TO_SERVER: 480, Flow.TO_CLIENT: 240}
"""A little more than a submit and its answer are long, so that the last cuts fall behind them."""


CHANGING = (Act.GARBLE, Act.DROP)
"""Under TLS these are cuts: TCP and TLS keep bytes as they are and in order. Without it nobody can tell a changed
submit or answer from a true one, nor a submit that came twice from two."""


def a_limit() -> OrderIntent:
    return intent(PriceType.LIMIT, price=790.0, quantity=1)


def in_the_book(made: Rig) -> Counter[str]:
    return Counter(order.tag for order in made.driver.venue.client("ME").orders.values())


async def submit(made: Rig, wanted: OrderIntent) -> str:
    """The outcome's name; every outcome must be true of the exchange's own book."""
    outcome, report = "placed", None
    try:
        report = await made.adapter.place(wanted, SHARE)
    except OutcomeUnknown:
        outcome = "unknown"
    except (WireError, Throttled, Rejected):
        outcome = "not_placed"
    found = in_the_book(made)[wanted.order_id]
    assert found in {"placed": (1,), "not_placed": (0,), "unknown": (0, 1)}[outcome]
    if report is not None:
        assert report.status is OrderStatus.ACCEPTED
        mine = made.driver.venue.order("ME", int(report.broker_order_id[2:]))
        assert mine.tag == wanted.order_id, "the answer is another order's"
    return outcome


@pytest.mark.parametrize("flow", list(Flow))
async def test_a_cut_at_every_byte(flow: Flow) -> None:
    outcomes: Counter[str] = Counter()
    async with rig("proxied", connect=False) as made:
        assert made.proxy is not None
        for place in range(0, LENGTHS[flow], 3):
            made.proxy.schedule(Fault(Act.CUT, flow, place, SUBMIT))
            wanted = a_limit()
            outcomes[await submit(made, wanted)] += 1
            made.proxy.clear()
            # The books answer at once afterwards, and tell which it was.
            tags = [report.order_id for report in await made.adapter.order_book()]
            assert tags.count(wanted.order_id) == in_the_book(made)[wanted.order_id] <= 1
    assert max(in_the_book(made).values()) == 1
    assert outcomes["unknown"] > 50
    assert outcomes["placed"] > 5
    placed = sum(in_the_book(made).values())
    if flow is Flow.TO_CLIENT:
        assert placed == sum(outcomes.values()), "every submit had arrived when its answer was cut"
    else:
        assert placed == outcomes["placed"], "a submit that was cut was not half understood"


@pytest.mark.long
async def test_ten_thousand_random_cuts() -> None:
    source = random.Random(2)
    outcomes: Counter[str] = Counter()
    async with rig("proxied", connect=False, starting_cash_rupees=1e9) as made:
        assert made.proxy is not None
        for _ in range(10_000):
            flow = source.choice(list(Flow))
            made.proxy.schedule(Fault(Act.CUT, flow, source.randrange(LENGTHS[flow]), SUBMIT))
            outcomes[await submit(made, a_limit())] += 1
            made.proxy.clear()
        tags = Counter(report.order_id for report in await made.adapter.order_book())
    assert max(tags.values()) == 1
    assert outcomes["unknown"] > 1000


@pytest.mark.parametrize("seed", range(4))
async def test_any_fault_at_any_place(seed: int) -> None:
    source = random.Random(seed)
    async with rig("proxied", connect=False) as made:
        assert made.proxy is not None
        made.adapter.spec = _patient(made, 0.4)
        for _ in range(25):
            fault = random_fault(source, SUBMIT, reach=420)
            if fault.act in CHANGING or (fault.act is Act.DUPLICATE and fault.flow is Flow.TO_SERVER):
                continue
            if fault.act is Act.STATUS and fault.status == 429:
                continue  # a broker's own 429 means that it took nothing; one made up behind its back would be a lie
            made.proxy.schedule(fault)
            wanted = a_limit()
            await submit(made, wanted)
            made.proxy.clear()
            assert in_the_book(made)[wanted.order_id] <= 1
        await made.adapter.order_book()
        assert made.proxy.struck


async def test_an_answer_that_comes_twice_is_never_taken_for_the_next_order() -> None:
    async with rig("proxied", connect=False) as made:
        assert made.proxy is not None
        for place in range(0, 200, 40):
            made.proxy.schedule(Fault(Act.DUPLICATE, Flow.TO_CLIENT, place, SUBMIT))
            await submit(made, a_limit())
            made.proxy.clear()
            for _ in range(2):
                assert await submit(made, a_limit()) == "placed"


@pytest.mark.parametrize("act", CHANGING)
async def test_a_changed_answer_is_unknown_or_at_least_never_a_crash(act: Act) -> None:
    async with rig("proxied", connect=False) as made:
        assert made.proxy is not None
        made.adapter.spec = _patient(made, 0.4)
        for place in range(0, 200, 7):
            made.proxy.schedule(Fault(act, Flow.TO_CLIENT, place, SUBMIT, count=5))
            wanted = a_limit()
            try:
                await made.adapter.place(wanted, SHARE)
            except (OutcomeUnknown, Rejected, Throttled):
                pass
            except DecodeError as error:
                pytest.fail(f"a submit's unreadable answer must be an unknown outcome: {error}")
            made.proxy.clear()
            assert in_the_book(made)[wanted.order_id] == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_an_error_page_in_place_of_the_answer(status: int) -> None:
    async with rig("proxied", connect=False) as made:
        assert made.proxy is not None
        made.proxy.schedule(Fault(Act.STATUS, Flow.TO_CLIENT, 0, SUBMIT, status=status))
        expected = Throttled if status == 429 else OutcomeUnknown
        with pytest.raises(expected):
            await made.adapter.place(a_limit(), SHARE)


def _patient(made: Rig, seconds: float):  # type: ignore[no-untyped-def]
    """The spec with a short patience, so that stalls end soon."""
    import msgspec

    spec = made.adapter.spec
    limits = msgspec.structs.replace(spec.limits, order_timeout_s=seconds, data_timeout_s=seconds)
    return msgspec.structs.replace(spec, limits=limits)
