"""Sessions, outcomes and pace of REST calls: what is sent, what is not, and what is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from openalgo_lab.broker import HttpRequest, HttpResponse, Limits, Rate
from openalgo_lab.broker.caller import Caller
from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.broker.tokens import MemoryTokens, next_expiry
from openalgo_lab.model.errors import (
    BrokerError,
    InputError,
    OutcomeUnknown,
    SessionExpired,
    Throttled,
    WireError,
)
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import at_ist, from_ns, to_ns
from openalgo_lab.wire.limits import Urgency
from tests.broker.tiny import ACCOUNT, SPEC, Session, Wire, answer, order, spec, trade
from tests.brokers.simulated.exchange import Sink, until

DAY = 86_400 * 10**9


def adapter_on(wire: Wire, tokens: MemoryTokens | None = None, now_ns: Callable[[], int] = lambda: DAY, **what: object):  # type: ignore[no-untyped-def]
    return GenericAdapter(spec(feeds=(), **what), ACCOUNT, wire, {"pin": "1"}, tokens=tokens, now_ns=now_ns)


async def test_a_login_is_a_conversation() -> None:
    wire = Wire()
    caller = Caller(SPEC, wire, now_ns=lambda: DAY)
    session = await caller.log_in({"pin": "1", "totp": "123456"})
    assert [(asked.path, asked.body) for asked in wire.asked] == [("/otp", b"123456"), ("/session", b"r1")]
    assert session.expires_ns == next_expiry(DAY, "06:00") > DAY
    with pytest.raises(InputError) as caught:
        await caller.log_in({})
    assert caught.value.field == "pin"


async def test_three_logins_in_ten_minutes_are_enough() -> None:
    now = 0.0
    caller = Caller(SPEC, Wire(), monotonic=lambda: now)
    for _ in range(3):
        await caller.log_in({"pin": "1"})
    with pytest.raises(Throttled, match="does not lock the account"):
        await caller.log_in({"pin": "1"})
    now = 601.0
    await caller.log_in({"pin": "1"})


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-25 05:59", "2026-11-25 06:00"),
        ("2026-11-25 06:00", "2026-11-26 06:00"),
        ("2026-12-31 23:59", "2027-01-01 06:00"),
    ],
)
def test_when_a_session_ends(now: str, end: str) -> None:
    from datetime import datetime

    def ns(text: str) -> int:
        moment = datetime.fromisoformat(text)
        return to_ns(at_ist(moment.date(), moment.time()))

    assert from_ns(next_expiry(ns(now), "06:00")) == from_ns(ns(end))
    assert next_expiry(ns(now), "") == 0


async def test_the_kept_session_is_taken_up_and_a_dead_one_replaced() -> None:
    tokens = MemoryTokens()
    await tokens.save("tiny", "ME", Session("ME", "kept", expires_ns=2 * DAY))
    wire = Wire()
    adapter = adapter_on(wire, tokens)
    await adapter.connect(Sink())
    assert wire.count("/session") == 0
    await adapter.close()
    wire.answers["/funds"] = lambda asked: answer({}, 403) if ("x-token", "kept") in asked.headers else answer(1)
    adapter = adapter_on(wire, tokens)
    await adapter.connect(Sink())
    kept = await tokens.load("tiny", "ME")
    assert wire.count("/session") == 1 and kept is not None and kept.token != "kept"
    await adapter.close()


async def test_a_session_whose_time_has_come_is_not_taken_up() -> None:
    tokens, wire = MemoryTokens(), Wire()
    await tokens.save("tiny", "ME", Session("ME", "kept", expires_ns=DAY))
    adapter = adapter_on(wire, tokens)
    await adapter.connect(Sink())
    assert [asked.path for asked in wire.asked[:2]] == ["/otp", "/session"]
    await adapter.close()


async def test_a_refused_session_asks_once_and_then_nothing_leaves() -> None:
    wire = Wire()
    adapter = adapter_on(wire)
    await adapter.connect(Sink())
    wire.answers["/funds"] = lambda _: answer({}, 403)
    before = wire.count("/funds")
    for _ in range(4):
        with pytest.raises(SessionExpired):
            await adapter.funds()
    assert wire.count("/funds") == before + 1
    await adapter.close()


async def test_reads_are_repeated_once_and_orders_never() -> None:
    wire, failures = Wire(), [WireError("gone"), OutcomeUnknown("cut")]
    adapter = adapter_on(wire)
    await adapter.connect(Sink())

    def flaky(_: HttpRequest) -> HttpResponse:
        if failures:
            raise failures.pop(0)
        return answer(7)

    wire.answers["/funds"] = flaky
    with pytest.raises(OutcomeUnknown):
        await adapter.funds()
    failures.append(WireError("gone"))
    assert (await adapter.funds()).available_paise == 7
    wire.answers["/order"] = lambda _: (_ for _ in ()).throw(OutcomeUnknown("cut"))
    with pytest.raises(OutcomeUnknown):
        await adapter.cancel(None)  # type: ignore[arg-type]
    assert wire.count("/order") == 1
    await adapter.close()


async def test_when_the_broker_asks_for_silence_there_is_silence() -> None:
    wire, slow = Wire(), [True]
    adapter = adapter_on(wire)
    await adapter.connect(Sink())
    wire.answers["/funds"] = lambda _: answer({}, 429, retry_after="0.1") if slow.pop() else answer(9)
    slow[:] = [False, True]
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await adapter.funds()).available_paise == 9
    assert loop.time() - began >= 0.1
    wire.answers["/funds"] = lambda _: answer({}, 429, retry_after="90")
    with pytest.raises(Throttled):
        await adapter.funds()
    asked = wire.count("/funds")
    with pytest.raises(Throttled, match="nothing was sent"):
        await adapter.funds()
    assert wire.count("/funds") == asked
    await adapter.close()


async def test_a_cancel_overtakes_what_waits() -> None:
    wire = Wire()
    adapter = adapter_on(wire, limits=Limits(rates=(Rate("order", 1, 0.05),)))
    await adapter.connect(Sink())
    passed: list[str] = []

    async def waiting(name: str) -> None:
        await adapter._calls.limiter.enter("order", Urgency.ORDER, 5.0)
        passed.append(name)

    async def cancelling() -> None:
        await adapter.cancel(None)  # type: ignore[arg-type]
        passed.append("cancel")

    await adapter._calls.limiter.enter("order", Urgency.ORDER, 5.0)
    tasks = [asyncio.create_task(waiting(f"order {n}")) for n in range(3)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(cancelling()))
    await asyncio.gather(*tasks)
    assert passed[0] == "cancel"
    await adapter.close()


async def test_an_order_that_would_wait_too_long_is_refused_here() -> None:
    wire = Wire()
    adapter = adapter_on(wire, limits=Limits(rates=(Rate("order", 1, 3600),), order_timeout_s=1.0))
    await adapter.connect(Sink())
    await adapter.cancel(None)  # type: ignore[arg-type]
    with pytest.raises(Throttled):
        await adapter.cancel(None)  # type: ignore[arg-type]
    assert wire.count("/order") == 1
    await adapter.close()


async def test_logging_out_forgets_the_session() -> None:
    tokens, wire = MemoryTokens(), Wire()
    adapter = adapter_on(wire, tokens)
    await adapter.connect(Sink())
    await adapter.logout()
    assert await tokens.load("tiny", "ME") is None
    with pytest.raises(SessionExpired):
        await adapter.funds()


# Polling ------------------------------------------------------------------------------------------------------------


async def test_where_no_feed_carries_orders_the_books_are_read_again_and_again() -> None:
    wire, sink = Wire(), Sink()
    adapter = adapter_on(wire)
    await adapter.connect(sink)
    wire.answers["/orders"] = lambda _: answer([msgspec.to_builtins(order())])
    adapter._stir()
    await until(lambda: sink.statuses("TAG") == [OrderStatus.OPEN])
    await asyncio.sleep(0.1)
    assert len(sink.reports) == 1, "what has not changed is not told again"
    assert wire.count("/trades") == 0
    wire.answers["/orders"] = lambda _: answer([msgspec.to_builtins(order(OrderStatus.PARTIALLY_FILLED, 4))])
    await until(lambda: sink.statuses("TAG")[-1] is OrderStatus.PARTIALLY_FILLED)
    assert not sink.fills("TAG"), "the trade book may lag behind"
    wire.answers["/trades"] = lambda _: answer([msgspec.to_builtins(trade(4))])
    await until(lambda: [fill.quantity for fill in sink.fills("TAG")] == [4])
    await adapter.close()


async def test_a_book_that_cannot_be_read_is_read_again() -> None:
    wire, sink = Wire(), Sink()
    adapter = adapter_on(wire)
    wire.answers["/orders"] = lambda _: answer({}, 500)
    await adapter.connect(sink)
    adapter._stir()
    await until(lambda: wire.count("/orders") >= 3)
    wire.answers["/orders"] = lambda _: answer([msgspec.to_builtins(order())])
    await until(lambda: sink.statuses("TAG") == [OrderStatus.OPEN])
    await adapter.close()


def test_a_session_never_shows_its_tokens() -> None:
    session = Session("ME", "very-secret", {"feed": "more-secret"})
    assert "secret" not in repr(session) + str(session)


async def test_what_passes_is_counted_by_endpoint() -> None:
    wire = Wire()
    adapter = adapter_on(wire, limits=Limits(rates=(Rate("data", 5, 60.0),)))
    await adapter.connect(Sink())
    before = sum(point.requests for name, point in adapter.meter.endpoints.items() if name.endswith("/funds"))
    await adapter.funds()
    (name,) = [one for one in adapter.meter.endpoints if one.endswith("/funds")]
    point = adapter.meter.endpoints[name]
    assert (point.requests, point.answers, point.refused) == (before + 1, before + 1, 0)
    assert point.received_bytes >= len(b"500")
    wire.answers["/funds"] = lambda _: answer({}, 500)
    with pytest.raises(BrokerError):
        await adapter.funds()
    assert point.refused >= 1
    ((rate, used, waiting),) = adapter.limiter.usage()
    assert (rate.pool, rate.count, waiting) == ("data", 5, 0)
    assert used == sum(one.requests for one in adapter.meter.endpoints.values())
    while adapter.limiter.usage()[0][1] < 5:
        await adapter.limiter.enter("data", Urgency.CANCEL, 1.0)
    await adapter.close()
