"""Legs that live and end together: a straddle, a spread, a condor with one stop over all of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

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


_KEPT: Final = ("stop", "target", "trail", "re_entries", "exit_reason", "realised", "best")


class _Held:
    """One leg of the present round: its entry and what closed it, in one or several orders."""

    __slots__ = ("entry", "exits")

    def __init__(self, entry: StrategyOrder) -> None:
        self.entry = entry
        self.exits: list[StrategyOrder] = []

    @property
    def left(self) -> int:
        """Units that are still held."""
        return self.entry.filled - sum(order.filled for order in self.exits)


class LegGroup:
    """A group of legs with one P&L (rupees, without charges).

    Leaves when the P&L falls to ``-stop``, reaches ``target``, or falls ``trail`` below its best while that was a gain
    (0 = none). After a stop or a trailing exit it enters again at the next bar, ``re_entries`` times. A leg that is
    refused makes the others leave; legs that expire or are squared off by the host count as left at that price. The
    levels are looked at once all bars of a moment are in.
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
        self._held: list[_Held] = []
        self._again = False

    @property
    def orders(self) -> tuple[StrategyOrder, ...]:
        """The orders of the present round, leg by leg."""
        return tuple(order for leg in self._held for order in (leg.entry, *leg.exits))

    @property
    def pnl(self) -> float:
        """Rupees of this and all earlier rounds at the last prices."""
        return self.realised + self._round_pnl()

    def enter(self) -> None:
        """Send the entries."""
        self.best = 0.0
        self._held = []
        self.state = GroupState.ENTERING
        for leg in self._legs:
            symbol = self._symbol(leg)
            lot = self._strategy.bars_of(symbol).instrument.lot_size
            self._held.append(_Held(self._strategy.order(leg.side, leg.lots * lot, symbol, tag="group")))

    def leave(self, reason: str = "closed") -> None:
        """Close every leg and stay out."""
        if self.state in (GroupState.LEAVING, GroupState.DONE):
            return
        self.exit_reason = reason
        self.state = GroupState.LEAVING
        for leg in self._held:
            self._strategy.cancel(leg.entry)
        self._pursue()

    def check(self) -> None:
        """Follow the orders and look at the levels; the strategy calls it after each moment's bars."""
        if self.state is GroupState.ENTERING and all(leg.entry.is_done for leg in self._held):
            self.state = GroupState.OPEN
            if any(leg.entry.remaining for leg in self._held):
                self.leave("a leg was refused")
        if self.state is GroupState.LEAVING:
            self._pursue()
        elif self.state is GroupState.DONE and self._again:
            self._again = False
            self.enter()
        if self.state is GroupState.OPEN:
            self._look()

    def closed_by_host(self, order: StrategyOrder) -> None:
        """The host has closed all that is held of an instrument: it expired, or was squared off."""
        if self.state is GroupState.DONE:
            return
        for leg in self._held:
            if leg.entry.symbol == order.symbol and leg.left:
                leg.exits.append(_settled(leg, order))
        if all(leg.entry.is_done and not leg.left for leg in self._held):
            if self.state is not GroupState.LEAVING:
                self.exit_reason = order.tag
            self._finish()

    # ---- for a host that keeps it

    def kept(self) -> dict[str, Any]:
        """All that it is, orders by their numbers, in plain values."""
        held = [
            {"entry": leg.entry.number, "exits": [(one.number, one.filled, one.average, one.tag) for one in leg.exits]}
            for leg in self._held
        ]
        plain = {name: getattr(self, name) for name in _KEPT}
        return plain | {
            "legs": msgspec.to_builtins(self._legs), "state": self.state.value, "again": self._again, "held": held,
        }  # fmt: skip

    @classmethod
    def remade(cls, strategy: Strategy, kept: Mapping[str, Any], orders: Sequence[StrategyOrder]) -> LegGroup:
        """The group again, of :meth:`kept` and all orders by number."""
        legs = msgspec.convert(kept["legs"], tuple[Leg, ...])
        group = cls(
            strategy, legs, stop=kept["stop"], target=kept["target"], trail=kept["trail"], re_entries=kept["re_entries"]
        )
        for name in _KEPT:
            setattr(group, name, kept[name])
        group.state, group._again = GroupState(kept["state"]), kept["again"]
        for one in kept["held"]:
            leg = _Held(orders[one["entry"]])
            for number, filled, average, tag in one["exits"]:
                order = orders[number]
                if tag != "group":  # the leg's share of an order of the host's own
                    order = _settled(leg, order)
                    order.filled, order.average = filled, average
                leg.exits.append(order)
            group._held.append(leg)
        return group

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

    def _pursue(self) -> None:
        """Send what must still be closed; an exit that was refused or has expired is tried again."""
        for leg in self._held:
            if leg.left and all(order.is_done for order in leg.exits):
                entry = leg.entry
                leg.exits.append(self._strategy.order(entry.side.opposite, leg.left, entry.symbol, tag="group"))
        if all(leg.entry.is_done and not leg.left for leg in self._held):
            self._finish()

    def _finish(self) -> None:
        self.realised += self._round_pnl()
        self._held = []
        self.state = GroupState.DONE

    def _round_pnl(self) -> float:
        total = 0.0
        for order in self.orders:
            if order.filled:
                data = self._strategy.bars_of(order.symbol)
                last = data.close[-1] if len(data) else math.nan
                total += order.side.sign * order.filled * (last - order.average)
        return total

    def _symbol(self, leg: Leg) -> str:
        if leg.symbol:
            return leg.symbol
        assert leg.kind is not None
        return self._strategy.option(leg.underlying, leg.kind, leg.moneyness, leg.expiry).symbol


def _settled(leg: _Held, by: StrategyOrder) -> StrategyOrder:
    """The leg's share of an order of the host's own."""
    order = StrategyOrder(by.number, by.symbol, leg.entry.side.opposite, leg.left, by.price_type, tag=by.tag)
    order.status, order.filled, order.average = by.status, leg.left, by.average
    return order
