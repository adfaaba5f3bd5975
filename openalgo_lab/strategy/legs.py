"""Legs that live and end together: a straddle, a spread, a condor with one stop over all of it."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.vocabulary import OptionType, Side
from openalgo_lab.strategy.orders import StrategyOrder

if TYPE_CHECKING:
    from openalgo_lab.strategy.strategy import Strategy

__all__ = ["GroupState", "Leg", "LegGroup"]


class Leg(msgspec.Struct, frozen=True):
    """One leg: an instrument of the universe by ``symbol``, or an option by its place in that day's chain.

    ``lots`` in lots of the instrument. With ``underlying`` and ``kind`` the strike is chosen when the group enters, and
    chosen anew at each re-entry.
    """

    side: Side
    lots: int = 1
    symbol: str = ""
    underlying: str = ""
    kind: OptionType | None = None
    moneyness: str = "ATM"
    expiry: int = 0


class GroupState(StrEnum):
    """Where a group is in its life."""

    ENTERING = "entering"
    OPEN = "open"
    LEAVING = "leaving"
    DONE = "done"


class LegGroup:
    """A group of legs with one P&L (rupees, without charges).

    Leaves when the P&L falls to ``-stop``, reaches ``target``, or falls ``trail`` below its best while that was a gain
    (0 = none). After a stop or a trailing exit it enters again at the next bar, ``re_entries`` times. A leg that is
    refused makes the others leave. The levels are looked at once all bars of a moment are in.
    """

    def __init__(
        self, strategy: Strategy, legs: tuple[Leg, ...], *, stop: float, target: float, trail: float, re_entries: int
    ) -> None:
        if not legs or any(leg.lots <= 0 for leg in legs):
            raise InputError("A group needs legs of at least one lot each.", field="legs")
        if any(not leg.symbol and (not leg.underlying or leg.kind is None) for leg in legs):
            raise InputError("A leg needs a symbol, or an underlying and CE or PE.", field="legs")
        self._strategy = strategy
        self._legs = legs
        self.stop = stop
        self.target = target
        self.trail = trail
        self.re_entries = re_entries
        self.state = GroupState.DONE
        self.exit_reason = ""
        self.realised = 0.0
        self.best = 0.0
        self._entries: list[StrategyOrder] = []
        self._exits: list[StrategyOrder] = []
        self._again = False

    @property
    def orders(self) -> tuple[StrategyOrder, ...]:
        """The orders of the present round, entries first."""
        return (*self._entries, *self._exits)

    @property
    def pnl(self) -> float:
        """Rupees of this and all earlier rounds at the last prices."""
        return self.realised + self._round_pnl()

    def enter(self) -> None:
        """Send the entries."""
        self.best = 0.0
        self._exits = []
        self._entries = []
        self.state = GroupState.ENTERING
        for leg in self._legs:
            symbol = self._symbol(leg)
            lot = self._strategy.bars_of(symbol).instrument.lot_size
            self._entries.append(self._strategy.order(leg.side, leg.lots * lot, symbol, tag="group"))

    def leave(self, reason: str = "closed") -> None:
        """Close every leg and stay out."""
        if self.state in (GroupState.LEAVING, GroupState.DONE):
            return
        self.exit_reason = reason
        self.state = GroupState.LEAVING
        for order in self._entries:
            self._strategy.cancel(order)
            if order.filled:
                self._exits.append(self._strategy.order(order.side.opposite, order.filled, order.symbol, tag="group"))

    def check(self) -> None:
        """Follow the orders and look at the levels; the strategy calls it after each moment's bars."""
        if self.state is GroupState.ENTERING and all(order.is_done for order in self._entries):
            whole = all(order.remaining == 0 for order in self._entries)
            self.state = GroupState.OPEN
            if not whole:
                self.leave("a leg was refused")
        if self.state is GroupState.LEAVING and all(order.is_done for order in self._exits):
            self._finish()
        elif self.state is GroupState.DONE and self._again:
            self._again = False
            self.enter()
        if self.state is GroupState.OPEN:
            self._look()

    def _look(self) -> None:
        pnl = self._round_pnl()
        self.best = max(self.best, pnl)
        if self.stop > 0 and pnl <= -self.stop:
            self._leave_for_now("stop")
        elif self.target > 0 and pnl >= self.target:
            self.leave("target")
        elif self.trail > 0 and self.best > 0 and pnl <= self.best - self.trail:
            self._leave_for_now("trail")

    def _leave_for_now(self, reason: str) -> None:
        if self.re_entries > 0:
            self.re_entries -= 1
            self._again = True
        self.leave(reason)

    def _finish(self) -> None:
        left = [order for order in self._exits if order.remaining]
        if left:  # an exit that was refused or has expired is tried again: the position is still there
            self._exits = [order for order in self._exits if order.filled]
            for order in left:
                self._exits.append(self._strategy.order(order.side, order.remaining, order.symbol, tag="group"))
            return
        self.realised += self._round_pnl()
        self._entries, self._exits = [], []
        self.state = GroupState.DONE

    def _round_pnl(self) -> float:
        total = 0.0
        for order in self.orders:
            if not order.filled:
                continue
            data = self._strategy.bars_of(order.symbol)
            last = data.close[-1] if len(data) else math.nan
            total += order.side.sign * order.filled * (last - order.average)
        return total

    def _symbol(self, leg: Leg) -> str:
        if leg.symbol:
            return leg.symbol
        assert leg.kind is not None
        return self._strategy.option(leg.underlying, leg.kind, leg.moneyness, leg.expiry).symbol
