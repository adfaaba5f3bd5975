"""Drives a strategy through a market whose clock it moves itself: every moment in its order, none waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from openalgo_lab.lab.strategy_host import LiveHost
from openalgo_lab.lab.strategy_host_gate import Stepper
from openalgo_lab.model.market import Quote

__all__ = ["Changes", "run_steps"]

_JUST_BEFORE_NS: Final = 1_000
"""Times travel in microseconds: a moment just before another one is that much earlier."""


class Changes:
    """Which quotes differ from those that were told last, apart from their time."""

    def __init__(self) -> None:
        self._told: dict[str, Quote] = {}

    def of(self, quotes: Sequence[Quote]) -> list[Quote]:
        """Those that are news."""
        news = []
        for quote in quotes:
            plain = msgspec.structs.replace(quote, time_ns=0)
            if repr(self._told.get(quote.symbol)) != repr(plain):  # as text: NaN is like NaN there
                self._told[quote.symbol] = plain
                news.append(quote)
        return news


def run_steps(
    host: LiveHost,
    stepper: Stepper,
    *,
    after_bars: Callable[[], object] | None = None,
    stopped: Callable[[], bool] | None = None,
) -> None:
    """Until the last prices, which end the session, or until ``stopped``.

    What falls due at a moment (a bar's end, a timer) is told before the prices of that moment: it stands just before.
    """
    changes = Changes()
    changes.of(stepper.step(0))
    while not (stopped is not None and stopped()):
        prices, due = stepper.next_ns, host.moments.next_ns()
        if not prices:
            return
        if due <= prices:
            stepper.step(due - _JUST_BEFORE_NS)
            host.bars_end(due)
            _come_to_rest(host, stepper)
            if after_bars is not None:
                after_bars()
        elif prices >= stepper.end_ns:
            return
        else:
            host.tick(changes.of(stepper.step(prices)), prices)
            _come_to_rest(host, stepper)


def _come_to_rest(host: LiveHost, stepper: Stepper) -> None:
    """Orders that were given reach the market at this very moment; their news may lead to further orders."""
    given = -1
    while given != len(host.orders):
        given = len(host.orders)
        if host.busy:
            stepper.step(0)
        host.settle()
