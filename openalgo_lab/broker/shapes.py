"""Rows of orders and trades read by a table of field names: what differs between brokers is where a value stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from openalgo_lab.broker.reading import from_word
from openalgo_lab.broker.record import Record
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

__all__ = ["RowShape"]

V = TypeVar("V")


class RowShape(msgspec.Struct, frozen=True):
    """Words in capitals, and by our names those of a broker's rows; `a|b` is the first of them that says something.

    Names: id tag exchange symbol side product price_type quantity filled average price trigger reason time, of a trade
    trade_id trade_quantity trade_price trade_time, of a net position net, long_average, short_average and realised
    (rupees). All but id, exchange, symbol, side, product, price_type, quantity and net may be missing from a row.
    ``symbol`` is the broker's own text: the layer looks it up. ``chatty``: the reason's field says something also where
    nothing was refused.
    """

    broker: str
    exchanges: Mapping[str, Exchange]
    sides: Mapping[str, Side]
    products: Mapping[str, Product]
    price_types: Mapping[str, PriceType]
    names: Mapping[str, str]
    chatty: bool = False

    def order(self, row: Record, status: OrderStatus, source: Evidence, *, waits: bool = False) -> OrderReport:
        """One order as it stands. What an open one's numbers tell goes before its word: part of it may be filled, and
        where ``waits`` says that a stop has no state of its own before it is triggered, that it waits. Raises
        DecodeError.
        """
        filled, quantity = self.filled(row), row.count(self._name(row, "quantity"))
        if status is OrderStatus.OPEN and 0 < filled < quantity:
            status = OrderStatus.PARTIALLY_FILLED
        elif status is OrderStatus.OPEN and waits and self.price_type(row).has_trigger:
            status = OrderStatus.TRIGGER_PENDING
        tells = status is OrderStatus.REJECTED or not self.chatty
        return OrderReport(
            **self._shared(row),
            source=source,
            status=status,
            price_type=self.price_type(row),
            quantity=quantity,
            filled_quantity=filled,
            average_price=row.number(self._name(row, "average"), 0.0),
            price=row.number(self._name(row, "price"), 0.0),
            trigger_price=row.number(self._name(row, "trigger"), 0.0),
            reason=row.text(self._name(row, "reason"), "").strip() if tells else "",
            exchange_ns=self._moment(row, "time"),
        )

    def fill(self, row: Record, source: Evidence) -> FillReport:
        """One trade: its own quantity and price, not the order's. Raises DecodeError."""
        return FillReport(
            **self._shared(row),
            source=source,
            trade_id=row.text(self._name(row, "trade_id")),
            quantity=row.count(self._name(row, "trade_quantity")),
            price=row.number(self._name(row, "trade_price")),
            exchange_ns=self._moment(row, "trade_time"),
        )

    def position(self, row: Record) -> PositionReport:
        """A net position. Raises DecodeError."""
        quantity = row.whole(self._name(row, "net"))
        side = "long_average" if quantity > 0 else "short_average"
        return PositionReport(
            exchange=self._word(row, self.exchanges, "exchange"),
            symbol=row.text(self._name(row, "symbol")),
            product=self._word(row, self.products, "product"),
            quantity=quantity,
            average_price=row.number(self._name(row, side), 0.0) if quantity else 0.0,
            realised_paise=to_paise(row.number(self._name(row, "realised"), 0.0)),
        )

    def price_type(self, row: Record) -> PriceType:
        """The order's type."""
        return self._word(row, self.price_types, "price_type")

    def filled(self, row: Record) -> int:
        """How much of it is done."""
        return row.count(self._name(row, "filled"), 0)

    def _shared(self, row: Record) -> dict[str, Any]:
        return {
            "broker_order_id": row.text(self._name(row, "id")),
            "order_id": self._tag(row),
            "exchange": self._word(row, self.exchanges, "exchange"),
            "symbol": row.text(self._name(row, "symbol")),
            "side": self._word(row, self.sides, "side"),
            "product": self._word(row, self.products, "product"),
        }

    def _tag(self, row: Record) -> str:
        """Our order id, where the row carries one: brokers say NA of an order that somebody else placed."""
        tag = row.text(self._name(row, "tag"), "").strip() if "tag" in self.names else ""
        return "" if tag == "NA" else tag

    def _name(self, row: Record, ours: str) -> str:
        first, *others = self.names[ours].split("|")
        return next((name for name in (first, *others) if name in row), first) if others else first

    def _word(self, row: Record, table: Mapping[str, V], ours: str) -> V:
        what = ours.replace("_", " ")
        return from_word(table, row.text(self._name(row, ours)).upper(), what, self.broker)

    def _moment(self, row: Record, ours: str) -> int:
        return next((when for name in self.names[ours].split("|") if (when := row.moment(name))), 0)
