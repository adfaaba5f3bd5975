"""How live data reaches widgets: windows, events in between, broken views, the way back onto the kernel's loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from openalgo_lab.model.errors import EngineDead, InputError, LabError
from openalgo_lab.ui.live import QUIET_S, WINDOW_S, KernelLoop, Publisher, publisher_of
from tests.support.waiting import eventually


class Handle:
    """A board that ticks and events that come, as the test says."""

    def __init__(self) -> None:
        self.board = SimpleNamespace(seq=0)
        self.listeners: list[Callable[[object], None]] = []

    def add_listener(self, listener: Callable[[object], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tick(self) -> None:
        self.board.seq += 1

    def event(self) -> None:
        for listener in self.listeners:
            listener(object())


class View:
    def __init__(self, fault: Exception | None = None) -> None:
        self.times: list[float] = []
        self._fault = fault

    def publish(self) -> None:
        self.times.append(time.monotonic())
        if self._fault is not None:
            raise self._fault


@pytest.fixture
def handle() -> Handle:
    return Handle()


@pytest.fixture
def publisher(handle: Handle) -> Iterator[Publisher]:
    made = Publisher(cast("Any", handle))
    yield made
    made.close()
    made._thread.join(5)
    assert not made._thread.is_alive()
    assert handle.listeners == []


def once_in(seconds: float, times: list[float]) -> bool:
    """Whether no span holds more calls than it has windows; a first call that came late may count for one more."""
    return times[-1] - times[0] >= (len(times) - 2) * seconds


def test_without_ticks_views_are_asked_seldom_and_with_ticks_once_a_window(
    handle: Handle, publisher: Publisher
) -> None:
    view = View()
    publisher.add(view)
    eventually(lambda: len(view.times) >= 7)
    assert once_in(QUIET_S, view.times[1:])  # the first one came at once, when the view was added
    view.times.clear()
    eventually(lambda: (handle.tick(), len(view.times) >= 12)[1])
    assert once_in(WINDOW_S, view.times)


def test_an_event_is_shown_before_the_window_is_over(handle: Handle, publisher: Publisher) -> None:
    view = View()
    publisher.add(view)
    eventually(lambda: len(view.times) >= 2)
    shown = len(view.times)
    at = time.monotonic()
    handle.event()
    eventually(lambda: len(view.times) > shown)
    assert view.times[shown] >= at


@pytest.mark.parametrize("fault", [EngineDead("it changes hands"), ValueError("a defect")])
def test_a_broken_view_stops_nobody_else(publisher: Publisher, fault: Exception) -> None:
    broken, well = View(fault), View()
    publisher.add(broken)
    publisher.add(well)
    eventually(lambda: len(well.times) >= 3 and len(broken.times) >= 3)


def test_views_are_held_weakly_and_can_be_removed(publisher: Publisher) -> None:
    gone, removed, stays = View(), View(), View()
    for view in (gone, removed, stays):
        publisher.add(view)
    eventually(lambda: bool(stays.times))
    publisher.remove(removed)
    count = len(removed.times)
    del gone
    eventually(lambda: len(stays.times) >= 4 and (gc.collect(), len(publisher._views) == 1)[1])
    assert len(removed.times) <= count + 1


def test_one_publisher_a_handle(handle: Handle) -> None:
    first = publisher_of(cast("Any", handle))
    assert publisher_of(cast("Any", handle)) is first
    first.close()


def test_answers_come_back_on_the_kernels_own_loop() -> None:
    engine = asyncio.new_event_loop()
    thread = threading.Thread(target=engine.run_forever, daemon=True)
    thread.start()
    heard: list[tuple[str, int]] = []

    async def answer() -> int:
        return 7

    async def refuse() -> int:
        raise InputError("no such thing")

    async def defect() -> int:
        raise ZeroDivisionError

    async def cell() -> None:
        loop, handle = KernelLoop(), SimpleNamespace(loop=engine)

        def note(what: object) -> None:
            heard.append((str(what), threading.get_ident()))

        for request in (answer, refuse, defect):
            loop.ask(cast("Any", handle), request(), note, cast("Callable[[LabError], None]", note))
        while len(heard) < 3:
            await asyncio.sleep(0.005)

    asyncio.run(asyncio.wait_for(cell(), 20))
    engine.call_soon_threadsafe(engine.stop)
    thread.join(5)
    engine.close()
    words = {text for text, _ in heard}
    assert {"7", "no such thing"} <= words
    assert any("ZeroDivisionError" in text for text in words)
    assert {ident for _, ident in heard} == {threading.get_ident()}
