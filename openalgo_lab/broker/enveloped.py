"""Brokers that wrap their answers as ``{"status": ..., "data": ...}`` and give fields the commonest names: what
several of them share, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from openalgo_lab.broker.columns import depth_of, quote
from openalgo_lab.broker.record import Record, book_of, parsed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Depth, Quote
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Side
from openalgo_lab.wire.transport import HttpResponse

__all__ = ["Rows", "full_depth", "full_quote", "paise"]

T = TypeVar("T")

_ORDER_TIMES = ("exchange_update_timestamp", "exchange_timestamp", "order_timestamp")
_FILL_TIMES = ("fill_timestamp", "exchange_timestamp", "order_timestamp")


def paise(rupees: float) -> int:
    """Rupees, as sums come, in whole paise."""
    return round(rupees * 100)


class Rows(msgspec.Struct, frozen=True):
    """A broker's words, and with them the reading of its answers. ``symbol`` is the field that names an instrument;
    ``product`` reads a row's product on an exchange. Every reading raises DecodeError."""

    broker: str
    symbol: str
    exchanges: Mapping[str, Exchange]
    sides: Mapping[str, Side]
    price_types: Mapping[str, PriceType]
    statuses: Mapping[str, OrderStatus]
    product: Callable[[Record, Exchange], Product]

    def whole(self, answer: HttpResponse) -> Record:
        """An answer that is an object."""
        return Record(parsed(answer.body, self.broker), self.broker)

    def one(self, answer: HttpResponse) -> Record:
        """The object in an envelope."""
        return self.whole(answer).record("data")

    def many(self, answer: HttpResponse) -> list[Record]:
        """The list of objects in an envelope."""
        return self.whole(answer).records("data")

    def each(self, make: Callable[[Record], T]) -> Callable[[HttpResponse], tuple[T, ...]]:
        """A decoder of lists: ``make`` of each object."""
        return lambda answer: tuple(map(make, self.many(answer)))

    def done(self, answer: HttpResponse) -> None:
        """A success without news; it is JSON all the same."""
        self.whole(answer)

    def exchange(self, row: Record) -> Exchange:
        """The exchange of a row."""
        return row.word(self.exchanges, "exchange", "exchange")

    def order(self, row: Record, source: Evidence) -> OrderReport:
        """An order of a book, a history or a stream; what was filled in part is told by its quantities."""
        quantity, filled, exchange = row.count("quantity"), row.count("filled_quantity"), self.exchange(row)
        if filled > quantity:
            raise DecodeError(f"An order of {self.broker} is filled beyond its quantity.")
        status = row.word(self.statuses, "status", "order status")
        if status is OrderStatus.OPEN and filled:
            status = OrderStatus.PARTIALLY_FILLED
        return OrderReport(
            broker_order_id=row.text("order_id"),
            order_id=row.text("tag", ""),
            status=status,
            source=source,
            exchange=exchange,
            symbol=row.text(self.symbol),
            side=row.word(self.sides, "transaction_type", "side"),
            product=self.product(row, exchange),
            price_type=row.word(self.price_types, "order_type", "price type"),
            quantity=quantity,
            filled_quantity=filled,
            average_price=row.number("average_price", 0.0),
            price=row.number("price", 0.0),
            trigger_price=row.number("trigger_price", 0.0),
            reason=row.text("status_message", ""),
            exchange_ns=_first_moment(row, *_ORDER_TIMES),
        )

    def booked(self, row: Record) -> OrderReport:
        """An order of the book."""
        return self.order(row, Evidence.ORDER_BOOK)

    def fill(self, row: Record) -> FillReport:
        """A trade; it carries no tag."""
        exchange = self.exchange(row)
        return FillReport(
            trade_id=row.text("trade_id"),
            broker_order_id=row.text("order_id"),
            order_id="",
            source=Evidence.TRADE_BOOK,
            exchange=exchange,
            symbol=row.text(self.symbol),
            side=row.word(self.sides, "transaction_type", "side"),
            product=self.product(row, exchange),
            quantity=row.count("quantity"),
            price=row.number("average_price"),
            exchange_ns=_first_moment(row, *_FILL_TIMES),
        )


def _first_moment(row: Record, *names: str) -> int:
    return next((found for name in names if (found := row.moment(name))), 0)


def full_depth(instrument: Instrument, row: Record) -> Depth:
    """The book of a quote with depth."""
    bids, asks = book_of(row)
    return depth_of(instrument, bids, asks, row.moment("timestamp"))


def full_quote(instrument: Instrument, row: Record, prev_close: float, sizes: Mapping[str, str]) -> Quote:
    """A quote with depth; a price of 0 stands for none. ``sizes``: our column by the field that holds it, for what an
    index has not."""
    ohlc = row.record("ohlc")
    prices = {name: ohlc.number(name, 0.0) for name in ("open", "high", "low")}
    prices |= {"ltp": row.number("last_price"), "average": row.number("average_price", 0.0), "prev_close": prev_close}
    known: dict[str, float] = {}
    for name, side in zip(("bid", "ask"), book_of(row), strict=True):
        if side and side[0][0]:
            prices[name], known[f"{name}_qty"] = side[0][:2]
    if instrument.kind is not InstrumentType.INDEX:
        known |= {ours: row.number(theirs, 0.0) for theirs, ours in sizes.items()}
    return quote(instrument, {name: price for name, price in prices.items() if price} | known, row.moment("timestamp"))
