"""The engine's thread: work from any thread, and nobody waits for the dead."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from openalgo_lab.engine.thread import SWITCH_INTERVAL_S, LoopThread
from openalgo_lab.model.errors import CallTimeout, EngineDead, InputError


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    interval = sys.getswitchinterval()
    made = LoopThread("test-loop").start()
    yield made
    made.stop()
    sys.setswitchinterval(interval)


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def fail() -> None:
    raise InputError("wrong")


def test_work_goes_in_and_answers_come_back(thread: LoopThread) -> None:
    assert thread.call(answer(3)) == 3
    assert thread.submit(answer(4)).result(5) == 4
    with pytest.raises(InputError, match="wrong"):
        thread.call(fail())
    assert not thread.inside and thread.alive
    assert sys.getswitchinterval() <= SWITCH_INTERVAL_S * 1.01


def test_a_call_that_takes_too_long_is_told_so_and_goes_on(thread: LoopThread) -> None:
    done = threading.Event()

    async def slow() -> None:
        await asyncio.sleep(0.1)
        done.set()

    with pytest.raises(CallTimeout, match="0.01 s"):
        thread.call(slow(), timeout_s=0.01)
    assert done.wait(5)


def test_a_timeout_of_the_work_itself_is_its_own(thread: LoopThread) -> None:
    async def late() -> None:
        raise TimeoutError("the broker's")

    with pytest.raises(TimeoutError, match="the broker's"):
        thread.call(late())


def test_whoever_waits_hears_of_the_death(thread: LoopThread) -> None:
    """F25: the thread dies under a waiting call; the call ends at once, and so does every later one."""
    waiting = thread.submit(asyncio.sleep(60))

    def die() -> None:
        raise SystemExit

    thread.loop.call_soon_threadsafe(die)
    with pytest.raises(EngineDead, match="start it again"):
        waiting.result(10)
    with pytest.raises(EngineDead, match="SystemExit"):
        thread.call(answer(1))
    assert not thread.alive


def test_a_blocking_call_raises_engine_dead(thread: LoopThread) -> None:
    threading.Timer(0.05, thread.stop).start()
    with pytest.raises(EngineDead):
        thread.call(asyncio.sleep(60), timeout_s=30)


def test_the_thread_does_not_wait_for_itself(thread: LoopThread) -> None:
    async def inner() -> None:
        with pytest.raises(RuntimeError, match="wait for itself"):
            thread.call(answer(1))

    thread.call(inner())


def test_lag_is_sampled(thread: LoopThread) -> None:
    until = time.monotonic() + 5
    while not thread.lag().count and time.monotonic() < until:
        time.sleep(0.01)
    assert thread.lag().count
    assert thread.beat <= time.monotonic()
