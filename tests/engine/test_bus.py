"""The bus: nothing of orders is lost, nobody holds the engine up."""

from __future__ import annotations

import asyncio
import threading

from openalgo_lab.engine.bus import Bus, Lagged
from openalgo_lab.model.events import AnyEvent, ErrorRaised, KillSwitchChanged


def event(n: int) -> ErrorRaised:
    return ErrorRaised("test", str(n))


def test_listeners_hear_all_in_order_until_they_leave() -> None:
    bus, heard = Bus(), []
    leave = bus.listen(heard.append)
    for n in range(3):
        bus.publish(event(n))
    leave()
    leave()
    bus.publish(event(9))
    assert heard == [event(0), event(1), event(2)]


def test_a_listener_that_fails_is_dropped_and_the_others_hear_on() -> None:
    bus, heard = Bus(), []

    def broken(_: AnyEvent) -> None:
        raise ValueError

    bus.listen(broken)
    bus.listen(heard.append)
    bus.publish(event(1))
    bus.publish(event(2))
    assert len(heard) == 2


def test_topics() -> None:
    bus = Bus()
    errors = bus.subscribe(["error:global"])
    everything = bus.subscribe()
    bus.publish(event(1))
    bus.publish(KillSwitchChanged(True))
    assert errors.drain() == [event(1)]
    assert everything.drain() == [event(1), KillSwitchChanged(True)]
    errors.close()
    bus.publish(event(2))
    assert errors.drain() == []


def test_a_sleeper_is_cut_off_told_so_and_goes_on() -> None:
    bus = Bus()
    slow = bus.subscribe(limit=100)
    for n in range(250):
        bus.publish(event(n))
    assert slow.waiting == 0
    assert slow.drain() == [Lagged(250)]
    bus.publish(event(300))
    assert slow.drain() == [event(300)]


def test_conflated_topics_hold_the_newest_only() -> None:
    bus = Bus()
    quotes = bus.subscribe(["quote:NSE:SBIN"])
    for price in range(1000):
        bus.publish_newest("quote:NSE:SBIN", price)
        bus.publish_newest("quote:NSE:INFY", price)
    assert quotes.drain_newest() == {"quote:NSE:SBIN": 999}
    assert quotes.drain_newest() == {}


async def test_waiting() -> None:
    bus = Bus()
    one = bus.subscribe()
    asyncio.get_running_loop().call_later(0.01, bus.publish, event(1))
    async with asyncio.timeout(5):
        await one.wait()
        assert one.drain() == [event(1)]
        bus.publish(event(2))
        await one.wait()


def test_a_slow_thread_gets_every_event() -> None:
    """F15 in short: the publisher never waits, the reader on another thread loses nothing."""
    bus = Bus()
    slow = bus.subscribe(limit=1_000_000)
    got: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set() or slow.waiting:
            got.extend(slow.drain())

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(20_000):
        bus.publish(event(n))
    done.set()
    reader.join()
    assert got == [event(n) for n in range(20_000)]
