"""The ladder's rows as a plain value: asks above, the last price, bids below, own orders at their prices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, Depth, DepthLevel, Quote
from openalgo_lab.model.orders import Order, OrderStatus
from openalgo_lab.model.vocabulary import Side
from openalgo_lab.ui.grid import Flag

__all__ = ["LAST_ROW", "Ladder", "Rung", "ladder_of", "price_of_row", "row_of_price"]

LAST_ROW = 0
"""Row id of the last price. Every other id is the price in ticks, so that a click means the price that was seen."""


class Rung(msgspec.Struct, frozen=True):
    """One row. NaN = nothing there; ``own_*`` are units of own working orders at this price, 0 without any."""

    row: int
    price: float
    bid_qty: float = math.nan
    ask_qty: float = math.nan
    own_buy: int = 0
    own_sell: int = 0
    flags: int = Flag.NONE


class Ladder(msgspec.Struct, frozen=True):
    """The rows from the top, and the sums over the levels that are shown. ``spread`` NaN: one side is empty.

    ``outside``: own working orders that lie at no shown price.
    """

    rungs: tuple[Rung, ...]
    bid_total: int
    ask_total: int
    spread: float
    outside: int


def row_of_price(price: float, tick: float) -> int:
    """The row id of a price."""
    return round(price / tick)


def price_of_row(row: int, tick: float) -> float:
    """The price of a row id, on the tick."""
    return round(row * tick, 8)


def ladder_of(
    item: Instrument, depth: Depth | None, quote: Quote | None, orders: Iterable[Order], *, stale: bool
) -> Ladder:
    """The ladder of ``item``. A feed without depth shows its best bid and ask as the only level."""
    bids, asks = _sides(depth, quote)
    tick = item.tick_size
    own = _own(item, orders)
    base = Flag.STALE if stale else Flag.NONE
    last = Rung(LAST_ROW, quote.ltp if quote is not None else math.nan, flags=base | Flag.ATM)
    above = [_rung(level, Side.SELL, tick, own, base) for level in asks]
    below = [_rung(level, Side.BUY, tick, own, base) for level in bids]
    above += [_blank(n, Side.SELL, base) for n in range(len(above), DEPTH_LEVELS)]
    below += [_blank(n, Side.BUY, base) for n in range(len(below), DEPTH_LEVELS)]
    shown = {rung.row for rung in (*above, *below)}
    return Ladder(
        rungs=(*reversed(above), last, *below),
        bid_total=sum(level.quantity for level in bids),
        ask_total=sum(level.quantity for level in asks),
        spread=asks[0].price - bids[0].price if asks and bids else math.nan,
        outside=sum(1 for row, _side in own if row not in shown),
    )


def _sides(depth: Depth | None, quote: Quote | None) -> tuple[Sequence[DepthLevel], Sequence[DepthLevel]]:
    if depth is not None:
        return depth.bids[:DEPTH_LEVELS], depth.asks[:DEPTH_LEVELS]
    if quote is None:
        return (), ()
    return _best(quote.bid, quote.bid_qty), _best(quote.ask, quote.ask_qty)


def _best(price: float, quantity: float) -> tuple[DepthLevel, ...]:
    return (DepthLevel(price, int(quantity)),) if price > 0 and quantity > 0 else ()


def _own(item: Instrument, orders: Iterable[Order]) -> dict[tuple[int, Side], int]:
    """Units of own orders that rest in this book, by row and side; an untriggered stop does not rest in it."""
    found: dict[tuple[int, Side], int] = {}
    for order in orders:
        rests = order.working and order.price_type.has_price and order.status is not OrderStatus.TRIGGER_PENDING
        if rests and order.symbol == item.symbol and order.exchange is item.exchange:
            place = (row_of_price(order.price, item.tick_size), order.side)
            found[place] = found.get(place, 0) + order.remaining
    return found


def _rung(level: DepthLevel, side: Side, tick: float, own: dict[tuple[int, Side], int], flags: int) -> Rung:
    row = row_of_price(level.price, tick)
    buy, sell = own.get((row, Side.BUY), 0), own.get((row, Side.SELL), 0)
    flags |= Flag.BUY_SIDE if side is Side.BUY else Flag.SELL_SIDE
    flags |= (Flag.OWN_BUY if buy else 0) | (Flag.OWN_SELL if sell else 0)
    return Rung(
        row=row,
        price=level.price,
        bid_qty=level.quantity if side is Side.BUY else math.nan,
        ask_qty=level.quantity if side is Side.SELL else math.nan,
        own_buy=buy,
        own_sell=sell,
        flags=flags,
    )


def _blank(level: int, side: Side, flags: int) -> Rung:
    """A level that the book does not have; its id is negative and no price."""
    number = -1 - level - (DEPTH_LEVELS if side is Side.SELL else 0)
    return Rung(number, math.nan, flags=flags | Flag.DISABLED)
