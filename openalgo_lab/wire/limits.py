"""Keeping below a broker's request rates by construction, orders first.

A rolling window allows `count` requests within any span of its length. A calendar window counts anew with each second,
minute or day of the broker's clock. Since that clock is not ours, calendar windows shorter than a minute are kept as
rolling ones: a rolling second never holds more than the limit whichever way the two clocks are set against each other.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import Final, Literal, Protocol

import msgspec

from openalgo_lab.model.errors import Throttled

__all__ = ["ALL", "Limiter", "Rate", "Urgency"]

ALL: Final = "all"
"""The pool in which every request counts, whatever its own."""

_IST_S: Final = 19_800
_SHORT_S: Final = 60.0
_MARGIN: Final = 1.02
"""Requests that are sent a little apart may arrive a little closer together: windows are kept 2 % longer."""


class Urgency(IntEnum):
    """Who goes first: the end of an order, an order, data that somebody waits for, downloads."""

    CANCEL = 0
    ORDER = 1
    DATA = 2
    BACKGROUND = 3


class Rate(msgspec.Struct, frozen=True):
    """At most ``count`` requests of ``pool`` within ``per_s`` seconds.

    "rolling": within any such span. "calendar": within each second (minute, day) of the broker's clock, days in IST.
    Several rates may bind one pool; rates of the pool "all" bind every request besides.
    """

    pool: str
    count: int
    per_s: float
    window: Literal["rolling", "calendar"] = "rolling"


class _Window(Protocol):
    """One rate's memory of what was sent."""

    def free_at(self, now: float, spare: int) -> float:
        """When one more may be sent and ``spare`` still be left; at most ``now`` when that is at once."""

    def take(self, now: float) -> None:
        """One is sent."""

    def used(self, now: float) -> int:
        """How many of the present span are used."""


class _Rolling:
    """No more than ``count`` within any ``span``."""

    def __init__(self, count: int, span: float) -> None:
        self._count = count
        self._span = span
        self._sent: deque[float] = deque(maxlen=count)

    def free_at(self, now: float, spare: int) -> float:
        left = max(self._count - spare, 1)
        return self._sent[-left] + self._span if len(self._sent) >= left else now

    def take(self, now: float) -> None:
        self._sent.append(now)

    def used(self, now: float) -> int:
        return sum(at > now - self._span for at in self._sent)


class _Calendar:
    """No more than ``count`` within a window that is aligned with the clock in IST."""

    def __init__(self, count: int, span: float, offset: Callable[[], float]) -> None:
        self._count = count
        self._span = span
        self._offset = offset
        self._number = -1
        self._sent = 0

    def free_at(self, now: float, spare: int) -> float:
        self._turn(now)
        if self._sent < max(self._count - spare, 1):
            return now
        return (self._number + 1) * self._span - self._offset()

    def take(self, now: float) -> None:
        self._turn(now)
        self._sent += 1

    def used(self, now: float) -> int:
        self._turn(now)
        return self._sent

    def _turn(self, now: float) -> None:
        number = int((now + self._offset()) // self._span)
        if number > self._number:  # a clock that is set back frees nothing
            self._number, self._sent = number, 0


class _Bound:
    """A rate and how much of it data must leave to orders."""

    __slots__ = ("reserve", "window")

    def __init__(self, window: _Window, reserve: int) -> None:
        self.window = window
        self.reserve = reserve


class _Waiter:
    __slots__ = ("bounds", "future", "urgency")

    def __init__(self, bounds: Sequence[_Bound], urgency: Urgency, future: asyncio.Future[None]) -> None:
        self.bounds = bounds
        self.urgency = urgency
        self.future = future


class Limiter:
    """The rates of one login. Requests that must wait go by urgency, then in the order they came.

    Of a rate that binds everything, data leaves a fifth to orders. Belongs to one event loop.
    """

    def __init__(
        self,
        rates: Iterable[Rate],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._now = monotonic
        self._wall = wall
        self._bounds: dict[str, list[_Bound]] = {}
        self._rates: list[tuple[Rate, _Bound]] = []
        for rate in rates:
            bound = self._bound(rate)
            self._rates.append((rate, bound))
            self._bounds.setdefault(rate.pool, []).append(bound)
        self._held: dict[str, float] = {}
        self._waiting: list[tuple[tuple[Urgency, int], str, _Waiter]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, pool: str, urgency: Urgency, most_s: float) -> None:
        """Return when one request may be sent. Raises Throttled when that is further away than ``most_s``."""
        bounds = [*self._bounds.get(pool, ()), *self._bounds.get(ALL, ())]
        waiter = _Waiter(bounds, urgency, asyncio.get_running_loop().create_future())
        now = self._now()
        wait_s = self._free_at(pool, waiter, now) - now
        if wait_s > most_s:
            raise _too_long(wait_s)
        entry = ((urgency, next(self._numbers)), pool, waiter)
        bisect.insort(self._waiting, entry, key=lambda one: one[0])
        self._pump()
        if waiter.future.done():
            return
        try:
            async with asyncio.timeout(most_s):
                await waiter.future
        except TimeoutError:
            now = self._now()
            raise _too_long(max(self._free_at(pool, waiter, now) - now, 0.1)) from None
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    def usage(self) -> list[tuple[Rate, int, int]]:
        """Each rate, how many of it are used within its present span, and how many requests wait for it."""
        now = self._now()
        found = []
        for rate, bound in self._rates:
            waiting = sum(bound in waiter.bounds for _, _, waiter in self._waiting)
            found.append((rate, bound.window.used(now), waiting))
        return found

    def hold(self, pool: str, seconds: float) -> None:
        """The broker asked for silence: nothing of ``pool`` is sent for so long."""
        self._held[pool] = max(self._held.get(pool, 0.0), self._now() + seconds)

    def _pump(self) -> None:
        """Let pass who may; nobody overtakes a more urgent one that waits for the same rate."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now, blocked, soonest = self._now(), set[int](), float("inf")
        for entry in list(self._waiting):
            _, pool, waiter = entry
            mine = {id(bound) for bound in waiter.bounds}
            at = self._free_at(pool, waiter, now)
            if at > now or mine & blocked:
                soonest, blocked = min(soonest, at) if at > now else soonest, blocked | mine
                continue
            for bound in waiter.bounds:
                bound.window.take(now)
            self._waiting.remove(entry)
            if not waiter.future.done():
                waiter.future.set_result(None)
        if soonest < float("inf"):
            delay = max(soonest - now, 0.001)
            self._timer = asyncio.get_running_loop().call_later(delay, self._pump)

    def _free_at(self, pool: str, waiter: _Waiter, now: float) -> float:
        spare = waiter.urgency >= Urgency.DATA
        times = [bound.window.free_at(now, bound.reserve if spare else 0) for bound in waiter.bounds]
        return max([now, self._held.get(pool, now), *times])

    def _bound(self, rate: Rate) -> _Bound:
        reserve = max(1, rate.count // 5) if rate.pool == ALL and rate.count > 1 else 0
        if rate.window == "calendar" and rate.per_s >= _SHORT_S:
            return _Bound(_Calendar(rate.count, rate.per_s, self._to_ist), reserve)
        return _Bound(_Rolling(rate.count, rate.per_s * (_MARGIN if rate.per_s < _SHORT_S else 1.0)), reserve)

    def _to_ist(self) -> float:
        """What turns our monotonic seconds into seconds of IST."""
        return self._wall() - self._now() + _IST_S


def _too_long(wait_s: float) -> Throttled:
    return Throttled(
        f"The broker's request limit is used up, so nothing was sent; wait {wait_s:.0f} s and try again.", wait_s
    )
