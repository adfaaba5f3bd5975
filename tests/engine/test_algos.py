"""Chase, TWAP, iceberg: progress, pause, stop, kill switch, restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.algos import equal_parts
from openalgo_lab.engine.engine import Engine
from openalgo_lab.model import algo_commands as c
from openalgo_lab.model.commands import KillSwitch
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.orders import OrderStatus
from tests.support.engine_parts import TRADER, limit, market
from tests.support.scripted_broker import Cut, ScriptedBroker
from tests.support.works import engine_of, quote

A, K = c.AlgoStatus, c.AlgoKind


@given(st.integers(1, 500), st.integers(1, 100), st.integers(1, 60))
def test_parts_add_up_and_differ_by_a_lot(lots: int, lot: int, parts: int) -> None:
    found = equal_parts(lots * lot, lot, parts)
    assert sum(found) == lots * lot
    assert len(found) <= parts and min(found) > 0
    assert max(found) - min(found) in (0, lot)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def has(broker: ScriptedBroker, number: int) -> Callable[[], bool]:
    return lambda: f"B{number}" in broker.rows


async def ended(engine: Engine) -> c.Algo:
    async with asyncio.timeout(10):
        while not (found := (await engine.call(c.GetAlgos(), TRADER))[-1]).status.ended:
            await asyncio.sleep(0.005)
    return found


def start(kind: K, order: Any = None, **terms: Any) -> c.StartAlgo:
    return c.StartAlgo(c.AlgoTerms(kind, order or market(quantity=10), **terms))


BERG = start(K.ICEBERG, limit(99.0, 10), visible=4)


async def test_twap(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(start(K.TWAP, parts=3, duration_s=0.1), TRADER)
    for number, size in ((1, 4), (2, 3), (3, 3)):
        await until(has(broker, number))
        assert broker.rows[f"B{number}"].report.quantity == size
        broker.fill(f"B{number}", size)
    done = await ended(engine)
    assert (done.status, done.filled, done.placed, done.progress) == (A.DONE, 10, 3, 1.0)
    await engine.close()


async def test_what_a_limit_part_leaves_goes_with_the_next(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(start(K.TWAP, limit(99.0, 10), parts=2, duration_s=0.05), TRADER)
    await until(has(broker, 1))
    broker.fill("B1", 2, 99.0)
    await until(has(broker, 2))
    assert broker.rows["B1"].report.status is OrderStatus.CANCELLED
    assert broker.rows["B2"].report.quantity == 8
    broker.fill("B2", 8, 99.0)
    assert (await ended(engine)).filled == 10
    await engine.close()


@pytest.mark.parametrize("kind", [K.TWAP, K.CHASE])
async def test_a_part_whose_cancel_comes_to_nothing_is_not_placed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: K
) -> None:
    monkeypatch.setattr("openalgo_lab.engine.algos.CANCEL_WAIT_S", 0.05)
    broker = ScriptedBroker()

    async def lost(_: object) -> None:
        """Taken by the broker, and never carried out."""

    broker.cancel = lost  # type: ignore[method-assign]
    engine = await engine_of(broker, tmp_path)
    quote(engine, 100.0, bid=99.0, ask=101.0)
    if kind is K.TWAP:
        await engine.call(start(kind, limit(99.0, 10), parts=2, duration_s=0.05), TRADER)
        await until(has(broker, 2))
        assert [row.report.quantity for row in broker.rows.values()] == [5, 5]  # not 5 and 10
        broker.fill("B1", 5, 99.0)
        broker.fill("B2", 5, 99.0)
    else:
        await engine.call(start(kind, every_s=0.05, duration_s=0.1, finish_at_market=True), TRADER)
        await until(has(broker, 1))
        stopped = await ended(engine)
        assert len(broker.rows) == 1 and "10 not filled" in stopped.message
        broker.fill("B1", 10, 99.0)
    done = await ended(engine)
    assert done.filled == 10
    await engine.close()


async def test_iceberg_shows_one_part_at_a_time(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(BERG, TRADER)
    for number, size in ((1, 4), (2, 4), (3, 2)):
        await until(has(broker, number))
        assert len(broker.rows) == number
        assert broker.rows[f"B{number}"].report.quantity == size
        broker.fill(f"B{number}", size, 99.0)
    assert (await ended(engine)).status is A.DONE
    await engine.close()


async def test_chase_follows_and_never_beyond_the_worst(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    quote(engine, 99.0, bid=99.0, ask=99.1)
    await engine.call(start(K.CHASE, limit(99.5, 10), every_s=0.05), TRADER)
    await until(has(broker, 1))
    assert broker.rows["B1"].report.price == 99.0
    quote(engine, 99.3, bid=99.3, ask=99.4)
    await until(lambda: broker.rows["B1"].report.price == 99.3)
    quote(engine, 100.0, bid=100.0, ask=100.1)
    await until(lambda: broker.rows["B1"].report.price == 99.5)
    broker.fill("B1", 10, 99.5)
    assert (await ended(engine)).status is A.DONE
    assert len(broker.rows) == 1
    await engine.close()


@pytest.mark.parametrize("at_market", [True, False])
async def test_a_chase_whose_time_is_over(tmp_path: Path, at_market: bool) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    quote(engine, 99.0, bid=99.0, ask=99.1)
    chase = start(K.CHASE, every_s=0.05, duration_s=0.15, finish_at_market=at_market)
    await engine.call(chase, TRADER)
    await until(has(broker, 1))
    broker.fill("B1", 3, 99.0)
    if at_market:
        await until(has(broker, 2))
        assert broker.rows["B2"].report.quantity == 7
        broker.fill("B2", 7)
    done = await ended(engine)
    assert (done.status, done.filled) == ((A.DONE, 10) if at_market else (A.STOPPED, 3))
    assert at_market or "7 not filled" in done.message
    await engine.close()


async def test_pause_resume_stop(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    begun = await engine.call(BERG, TRADER)
    await until(has(broker, 1))
    broker.fill("B1", 1, 99.0)
    paused = await engine.call(c.ControlAlgo(begun.algo_id, c.AlgoAct.PAUSE), TRADER)
    assert (paused.status, paused.filled) == (A.PAUSED, 1)
    assert broker.rows["B1"].report.status is OrderStatus.CANCELLED
    await engine.call(c.ControlAlgo(begun.algo_id, c.AlgoAct.RESUME), TRADER)
    await until(has(broker, 2))
    assert broker.rows["B2"].report.quantity == 4
    stopped = await engine.call(c.ControlAlgo(begun.algo_id, c.AlgoAct.STOP), TRADER)
    assert stopped.status is A.STOPPED
    assert (await engine.call(c.ControlAlgo(begun.algo_id, c.AlgoAct.RESUME), TRADER)).status is A.STOPPED
    with pytest.raises(InputError, match="no algorithm"):
        await engine.call(c.ControlAlgo("x", c.AlgoAct.STOP), TRADER)
    await engine.close()


async def test_refusals_end_it_and_so_does_the_kill_switch(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.REFUSE]
    engine = await engine_of(broker, tmp_path)
    await engine.call(start(K.TWAP, parts=2, duration_s=5.0), TRADER)
    failed = await ended(engine)
    assert (failed.status, failed.message) == (A.FAILED, "margin exceeds")
    await engine.call(BERG, TRADER)
    await until(has(broker, 1))
    await engine.call(KillSwitch(engage=True), TRADER)
    assert (await ended(engine)).status is A.STOPPED
    assert len(broker.rows) == 1
    await engine.close()


async def test_after_a_restart_it_is_paused_and_counts_what_was_filled(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(BERG, TRADER)
    await until(has(broker, 1))
    await engine.close()
    broker.fill("B1", 4, 99.0)
    engine = await engine_of(broker, tmp_path)
    (found,) = await engine.call(c.GetAlgos(), TRADER)
    assert (found.status, found.filled) == (A.PAUSED, 4) and "resume" in found.message
    await engine.call(c.ControlAlgo(found.algo_id, c.AlgoAct.RESUME), TRADER)
    await until(has(broker, 2))
    assert broker.rows["B2"].report.quantity == 4
    await engine.close()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (start(K.TWAP, parts=1, duration_s=1.0), "at least 2 parts"), (start(K.TWAP, parts=2), "duration"),
        (start(K.ICEBERG, limit(99.0), visible=0), "visible"), (start(K.ICEBERG, visible=5), "needs a price"),
        (start(K.CHASE, every_s=0.01), "0.05"), (start(K.CHASE, market(quantity=0)), "multiple of the lot"),
    ],
)  # fmt: skip
async def test_terms_that_do_not_fit(tmp_path: Path, command: c.StartAlgo, words: str) -> None:
    engine = await engine_of(ScriptedBroker(), tmp_path)
    with pytest.raises(InputError, match=words):
        await engine.call(command, TRADER)
    await engine.close()
