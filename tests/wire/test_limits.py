"""Never above a broker's rates, whatever is asked; orders first."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import Throttled
from openalgo_lab.wire.limits import Limiter, Rate, Urgency, _Calendar, _Rolling


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@given(
    count=st.integers(1, 12),
    gaps=st.lists(st.floats(0.0, 0.6), min_size=1, max_size=80),
    skew=st.floats(-5.0, 5.0),
)
def test_no_second_of_any_clock_holds_more_than_the_limit(count: int, gaps: list[float], skew: float) -> None:
    window, now, sent = _Rolling(count, 1.0), 0.0, []
    for gap in gaps:
        now = max(now + gap, window.free_at(now + gap, 0))
        window.take(now)
        sent.append(now + skew)
    for start in sent:
        assert sum(start <= moment < start + 0.999 for moment in sent) <= count
    for second in {int(moment // 1) for moment in sent}:
        assert sum(int(moment // 1) == second for moment in sent) <= count


def test_a_calendar_window_opens_with_the_clock_and_not_when_it_is_set_back() -> None:
    window = _Calendar(2, 60.0, lambda: 0.0)
    assert window.free_at(59.0, 0) == 59.0
    window.take(59.0)
    window.take(59.5)
    assert window.free_at(59.6, 0) == 60.0
    assert window.free_at(60.0, 0) == 60.0
    window.take(60.0)
    window.take(60.1)
    assert window.free_at(30.0, 0) == 120.0


def test_a_day_begins_at_midnight_in_india() -> None:
    clock = Clock(0.0)
    limiter = Limiter([Rate("order", 1, 86_400, "calendar")], monotonic=clock, wall=lambda: 18_000.0 + clock.now)

    async def run() -> float:
        await limiter.enter("order", Urgency.ORDER, 1.0)
        with pytest.raises(Throttled) as caught:
            await limiter.enter("order", Urgency.ORDER, 10.0)
        return caught.value.retry_after_s

    assert asyncio.run(run()) == pytest.approx(86_400 - 18_000 - 19_800)


async def test_what_must_wait_goes_by_urgency_then_in_its_order() -> None:
    limiter = Limiter([Rate("order", 1, 0.02)])
    passed: list[str] = []

    async def send(name: str, urgency: Urgency) -> None:
        await limiter.enter("order", urgency, 5.0)
        passed.append(name)

    await send("first", Urgency.ORDER)
    waiting = [asyncio.create_task(send(f"order {n}", Urgency.ORDER)) for n in range(3)]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(send("cancel", Urgency.CANCEL)))
    await asyncio.gather(*waiting)
    assert passed == ["first", "cancel", "order 0", "order 1", "order 2"]


async def test_downloads_wait_behind_everything() -> None:
    limiter = Limiter([Rate("history", 1, 0.02)])
    passed: list[str] = []

    async def send(name: str, urgency: Urgency) -> None:
        await limiter.enter("history", urgency, 5.0)
        passed.append(name)

    await send("first", Urgency.BACKGROUND)
    waiting = [asyncio.create_task(send(f"download {n}", Urgency.BACKGROUND)) for n in range(2)]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(send("chart", Urgency.DATA)))
    await asyncio.gather(*waiting)
    assert passed == ["first", "chart", "download 0", "download 1"]


async def test_data_leaves_room_for_orders_in_a_rate_that_binds_everything() -> None:
    limiter = Limiter([Rate("all", 10, 60.0)])
    for _ in range(8):
        await limiter.enter("data", Urgency.DATA, 0.0)
    with pytest.raises(Throttled):
        await limiter.enter("quote", Urgency.DATA, 0.0)
    await limiter.enter("order", Urgency.ORDER, 0.0)
    await limiter.enter("order", Urgency.CANCEL, 0.0)
    with pytest.raises(Throttled, match="nothing was sent; wait"):
        await limiter.enter("order", Urgency.ORDER, 0.0)


async def test_pools_do_not_wait_for_each_other() -> None:
    limiter = Limiter([Rate("quote", 1, 60.0), Rate("history", 1, 60.0)])
    await limiter.enter("quote", Urgency.DATA, 0.0)
    await limiter.enter("history", Urgency.DATA, 0.0)
    await limiter.enter("order", Urgency.ORDER, 0.0)  # no rate is known: never held up
    with pytest.raises(Throttled):
        await limiter.enter("quote", Urgency.DATA, 0.0)


async def test_a_pool_is_silent_for_as_long_as_the_broker_asked() -> None:
    clock = Clock()
    limiter = Limiter([], monotonic=clock)
    limiter.hold("data", 7.0)
    limiter.hold("data", 3.0)
    with pytest.raises(Throttled) as caught:
        await limiter.enter("data", Urgency.DATA, 1.0)
    assert caught.value.retry_after_s == pytest.approx(7.0)
    await limiter.enter("order", Urgency.ORDER, 0.0)
    clock.now += 7.0
    await limiter.enter("data", Urgency.DATA, 0.0)


async def test_who_gives_up_takes_no_place() -> None:
    limiter = Limiter([Rate("order", 1, 0.05)])
    await limiter.enter("order", Urgency.ORDER, 1.0)
    gone = asyncio.create_task(limiter.enter("order", Urgency.ORDER, 1.0))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await limiter.enter("order", Urgency.ORDER, 1.0)
    assert limiter._waiting == []


async def test_real_time_keeps_the_rolling_limit() -> None:
    limiter, passed = Limiter([Rate("x", 3, 0.03)]), list[float]()

    async def one(urgency: Urgency) -> None:
        await limiter.enter("x", urgency, 5.0)
        passed.append(asyncio.get_running_loop().time())

    await asyncio.gather(*(one(urgency) for urgency in [*Urgency] * 4))
    assert len(passed) == 4 * len(Urgency)
    assert all(later - earlier >= 0.03 for earlier, later in zip(passed, passed[3:], strict=False))
