"""Price-time matching of users' orders against a displayed five-level book and against each other. Pure.

Prices are integers in ten-thousandths of a rupee (the currency tick 0.0025 is 25 of them), so that "at or better"
is exact. Nothing here knows accounts, clocks or randomness: the same calls give the same trades.

An incoming order takes the best price first and pays what it finds there. What is left rests at its limit behind
the quantity that the market shows at that price. A resting order is filled at its own limit when the market's
opposite side comes to it, or when the market trades at its price and the queue before it is eaten up.
"""

from __future__ import annotations

from bisect import bisect, insort
from typing import Final, NamedTuple

from openalgo_lab.model.vocabulary import Side

__all__ = ["PRICE_SCALE", "Book", "Match", "View", "to_rupees", "to_units"]

PRICE_SCALE: Final = 10_000

Levels = tuple[tuple[int, int], ...]


def to_units(rupees: float) -> int:
    """A price in ten-thousandths of a rupee."""
    return round(rupees * PRICE_SCALE)


def to_rupees(units: int) -> float:
    """A price in rupees."""
    return units / PRICE_SCALE


class View(NamedTuple):
    """The market of one instrument at a moment: last price (0 = none yet), the day's volume, levels best first,
    and the previous close (0 = not known)."""

    ltp: int
    volume: int
    bids: Levels
    asks: Levels
    previous_close: int = 0


class Match(NamedTuple):
    """One fill of one user's order. ``passive``: it rested and was come to."""

    number: int
    quantity: int
    price: int
    passive: bool


class _Resting:
    __slots__ = ("ahead", "limit", "number", "passive", "rank", "remaining", "side")

    def __init__(self, number: int, side: Side, limit: int, remaining: int, rank: int) -> None:
        self.number = number
        self.side = side
        self.limit = limit
        self.remaining = remaining
        self.rank = rank
        self.ahead = 0  # displayed quantity that came to this price earlier
        self.passive = False  # whether the market has stood away from the limit since it rests

    def priority(self) -> tuple[int, int]:
        return (-self.side.sign * self.limit, self.rank)


class _Stop(NamedTuple):
    side: Side
    trigger: int


def _crosses(side: Side, price: int, limit: int) -> bool:
    """Whether an order of ``side`` with ``limit`` may trade at ``price``."""
    return price <= limit if side is Side.BUY else price >= limit


class Book:
    """The book of one instrument: the market's displayed levels and the users' resting orders and stops."""

    __slots__ = ("_levels", "_rank", "_resting", "_stops", "_view")

    def __init__(self, view: View) -> None:
        self._resting: dict[Side, list[_Resting]] = {Side.BUY: [], Side.SELL: []}
        self._stops: dict[int, _Stop] = {}
        self._levels: dict[Side, list[list[int]]] = {}
        self._rank = 0
        self._show(view)

    @property
    def view(self) -> View:
        """The market as last shown (what orders took from its levels since is not subtracted)."""
        return self._view

    @property
    def idle(self) -> bool:
        """Whether no user's order waits here."""
        return not (self._stops or self._resting[Side.BUY] or self._resting[Side.SELL])

    def numbers(self) -> list[int]:
        """Every order that rests or waits for its trigger."""
        return [*(o.number for side in self._resting.values() for o in side), *self._stops]

    def remaining(self, number: int) -> int:
        """Units of a resting order that are not filled; 0 when it does not rest here."""
        return next((o.remaining for orders in self._resting.values() for o in orders if o.number == number), 0)

    # Orders ----------------------------------------------------------------------------------------------------

    def enter(self, number: int, side: Side, quantity: int, limit: int, *, rest: bool = True) -> list[Match]:
        """Match an incoming order; what is left rests at ``limit``, or is dropped when ``rest`` is false (IOC)."""
        order = _Resting(number, side, limit, quantity, self._next_rank())
        matches = self._take(order)
        if order.remaining and rest:
            order.passive = not matches
            order.ahead = self._queue_at(order)
            insort(self._resting[side], order, key=_Resting.priority)
        return matches

    def wait(self, number: int, side: Side, trigger: int) -> None:
        """Keep a stop until the last price reaches ``trigger`` (see `fired`)."""
        self._stops[number] = _Stop(side, trigger)

    def fired(self) -> list[int]:
        """Stops whose trigger the last price has reached, in order of entry; they are taken out."""
        ltp = self._view.ltp
        if not ltp:
            return []
        due = [n for n, stop in self._stops.items() if _crosses(stop.side, stop.trigger, ltp)]
        for number in due:
            del self._stops[number]
        return due

    def remove(self, number: int) -> None:
        """Take an order out; one that is not here is no error (it may have been filled a moment ago)."""
        self._stops.pop(number, None)
        for side, orders in self._resting.items():
            self._resting[side] = [order for order in orders if order.number != number]

    def reduce(self, number: int, remaining: int) -> None:
        """Lower the open quantity of a resting order without losing its place in the queue."""
        for orders in self._resting.values():
            for order in orders:
                if order.number == number:
                    order.remaining = min(order.remaining, remaining)

    # The market ------------------------------------------------------------------------------------------------

    def refresh(self, view: View) -> list[Match]:
        """Show the market's new levels and give the resting orders what they are due."""
        traded = max(0, view.volume - self._view.volume)
        self._show(view)
        matches: list[Match] = []
        for side in (Side.BUY, Side.SELL):
            matches += self._cross(side)
            matches += self._trade_through(side, traded)
            self._resting[side] = [order for order in self._resting[side] if order.remaining]
        return matches

    def _show(self, view: View) -> None:
        self._view = view
        self._levels = {Side.BUY: [list(level) for level in view.bids], Side.SELL: [list(level) for level in view.asks]}

    def _next_rank(self) -> int:
        self._rank += 1
        return self._rank

    def _best(self, side: Side) -> list[int] | None:
        return next((level for level in self._levels[side] if level[1] > 0), None)

    def _queue_at(self, order: _Resting) -> int:
        """What stands before a new order at its price: shown there, or the last shown level when it lies deeper."""
        levels = [level for level in self._levels[order.side] if level[1] > 0]
        shown = next((quantity for price, quantity in levels if price == order.limit), 0)
        if levels and not shown and _crosses(order.side, order.limit, levels[-1][0]):
            shown = levels[-1][1]
        resting = self._resting[order.side]
        place = bisect(resting, order.priority(), key=_Resting.priority)
        before = resting[place - 1] if place else None
        return max(shown, before.ahead) if before is not None and before.limit == order.limit else shown

    def _take(self, order: _Resting) -> list[Match]:
        """Walk the opposite side: best price first; at one price the earlier quantity first."""
        matches: list[Match] = []
        other_side = order.side.opposite
        while order.remaining:
            level = self._best(other_side)
            user = next((o for o in self._resting[other_side] if o.remaining), None)
            if level and user and level[0] == user.limit:
                user_first = user.ahead <= 0
            else:
                user_first = user is not None and (level is None or _crosses(order.side, user.limit, level[0]))
            if user is not None and user_first:
                if not _crosses(order.side, user.limit, order.limit):
                    break
                matches += self._meet(order, user)
            elif level is not None and _crosses(order.side, level[0], order.limit):
                most = user.ahead if user is not None and user.limit == level[0] else level[1]
                matches.append(self._eat(order, level, min(order.remaining, level[1], most)))
            else:
                break
        if matches:
            self._resting[other_side] = [o for o in self._resting[other_side] if o.remaining]
        return matches

    @staticmethod
    def _meet(order: _Resting, user: _Resting) -> list[Match]:
        quantity = min(order.remaining, user.remaining)
        order.remaining -= quantity
        user.remaining -= quantity
        return [
            Match(user.number, quantity, user.limit, passive=True),
            Match(order.number, quantity, user.limit, passive=False),
        ]

    def _eat(self, order: _Resting, level: list[int], quantity: int, price: int | None = None) -> Match:
        """Take displayed quantity; users' orders behind it at that price move up."""
        level[1] -= quantity
        order.remaining -= quantity
        for other in self._resting[order.side.opposite]:
            if other.limit == level[0]:
                other.ahead = max(0, other.ahead - quantity)
        return Match(order.number, quantity, level[0] if price is None else price, passive=price is not None)

    def _cross(self, side: Side) -> list[Match]:
        """The opposite side has come to resting orders: those that were passed over trade at their own limit, the
        rest of an order that came in as a taker goes on taking."""
        matches: list[Match] = []
        for order in self._resting[side]:
            level = self._best(side.opposite)
            while order.remaining and level and _crosses(side, level[0], order.limit):
                price = order.limit if order.passive else None
                matches.append(self._eat(order, level, min(order.remaining, level[1]), price))
                level = self._best(side.opposite)
            if level is None or not _crosses(side, level[0], order.limit):
                order.passive = True
        return matches

    def _trade_through(self, side: Side, traded: int) -> list[Match]:
        """The market's own trades at or beyond a resting price reach it after the queue before it."""
        matches: list[Match] = []
        ltp = self._view.ltp
        best = self._view.bids[:1] if side is Side.BUY else self._view.asks[:1]
        shown = dict(self._view.bids if side is Side.BUY else self._view.asks)
        before = 0  # users' quantity with priority over the order at hand
        for order in self._resting[side]:
            if order.limit in shown:
                order.ahead = min(order.ahead, shown[order.limit])
            elif not best or _crosses(side.opposite, order.limit, best[0][0]):
                order.ahead = 0  # better than everything shown: first in the queue
            if not (ltp and traded and order.remaining and _crosses(side, ltp, order.limit)):
                before += order.remaining if ltp and _crosses(side, ltp, order.limit) else 0
                continue
            if ltp != order.limit:
                order.ahead = 0  # the market traded at a worse price than ours: ours comes first
            quantity = min(order.remaining, max(0, traded - before - order.ahead))
            before += order.remaining
            order.ahead = max(0, order.ahead - traded)
            if quantity:
                order.remaining -= quantity
                matches.append(Match(order.number, quantity, order.limit, passive=True))
        return matches
