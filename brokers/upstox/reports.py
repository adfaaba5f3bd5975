"""What the rows of Upstox's answers say in our words. An instrument is named by its key."""

from __future__ import annotations

from typing import Final

from brokers.upstox import tables
from openalgo_lab.broker.columns import quote
from openalgo_lab.broker.reading import from_word
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.gtt import GttLeg, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.portfolio import Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Product

__all__ = ["BROKER", "fill", "gtt", "holding", "levels", "paise", "position", "product_of", "report", "shown"]

BROKER: Final = "Upstox"
_NS_PER_US: Final = 1_000
_MICROSECONDS: Final = 10**14
"""Times of a GTT come in milliseconds or microseconds: above this they are the latter."""


def product_of(row: Record, exchange: Exchange) -> Product:
    """The word D is delivery on the stock exchanges and carrying forward elsewhere."""
    table = tables.CASH if exchange in (Exchange.NSE, Exchange.BSE) else tables.DERIVATIVES
    return row.word(table, "product", "product")


def report(row: Record, source: Evidence) -> OrderReport:
    """An order of the book, of its details or of the stream."""
    quantity, filled = row.count("quantity"), row.count("filled_quantity")
    if filled > quantity:
        raise DecodeError(f"An order of {BROKER} is filled beyond its quantity.")
    status = row.word(tables.STATUSES, "status", "order status")
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    exchange = row.word(tables.EXCHANGES, "exchange", "exchange")
    return OrderReport(
        broker_order_id=row.text("order_id"),
        order_id=row.text("tag", ""),
        status=status,
        source=source,
        exchange=exchange,
        symbol=row.text("instrument_token"),
        side=row.word(tables.SIDES, "transaction_type", "side"),
        product=product_of(row, exchange),
        price_type=row.word(tables.PRICE_TYPES, "order_type", "price type"),
        quantity=quantity,
        filled_quantity=filled,
        average_price=row.number("average_price", 0.0),
        price=row.number("price", 0.0),
        trigger_price=row.number("trigger_price", 0.0),
        reason=row.text("status_message", ""),
        exchange_ns=row.moment("exchange_timestamp") or row.moment("order_timestamp"),
    )


def fill(row: Record) -> FillReport:
    """A trade; it carries no tag."""
    exchange = row.word(tables.EXCHANGES, "exchange", "exchange")
    return FillReport(
        trade_id=row.text("trade_id"),
        broker_order_id=row.text("order_id"),
        order_id="",
        source=Evidence.TRADE_BOOK,
        exchange=exchange,
        symbol=row.text("instrument_token"),
        side=row.word(tables.SIDES, "transaction_type", "side"),
        product=product_of(row, exchange),
        quantity=row.count("quantity"),
        price=row.number("average_price"),
        exchange_ns=row.moment("exchange_timestamp") or row.moment("order_timestamp"),
    )


def position(row: Record) -> PositionReport:
    """The average is null for positions that came over night: then it is the price of the open side."""
    net, exchange = row.whole("quantity"), row.word(tables.EXCHANGES, "exchange", "exchange")
    side = "buy" if net > 0 else "sell"
    prices = (row.number(name, 0.0) for name in ("average_price", f"{side}_price", f"day_{side}_price"))
    return PositionReport(
        exchange=exchange,
        symbol=row.text("instrument_token"),
        product=product_of(row, exchange),
        quantity=net,
        average_price=next((price for price in prices if price), 0.0) if net else 0.0,
        realised_paise=paise(row.number("realised", 0.0)),
    )


def holding(row: Record, account: str) -> Holding:
    """Shares in the account and those of the coming delivery; the average of a transfer may be unknown, then 0."""
    owned = row.count("quantity") + row.count("t1_quantity", 0)
    exchange = row.word(tables.EXCHANGES, "exchange", "exchange")
    return Holding(account, exchange, row.text("instrument_token"), owned, row.number("average_price", 0.0))


def gtt(row: Record) -> GttReport:
    """Its rules one after the other, as legs; the first one is the entry, whose side it bears."""
    key, rules = row.text("instrument_token"), row.records("rules")
    if not rules:
        raise DecodeError(f"A GTT of {BROKER} has no rules.")
    exchange = from_word(tables.SEGMENTS, key.partition("|")[0], "segment", BROKER)
    entry, quantity = rules[0], row.count("quantity")
    legs = tuple(GttLeg(rule.number("trigger_price"), rule.number("trigger_price"), quantity) for rule in rules)
    return GttReport(
        broker_gtt_id=row.text("gtt_order_id"),
        status=entry.word(tables.GTT_STATUSES, "status", "GTT status"),
        exchange=exchange,
        symbol=key,
        side=entry.word(tables.SIDES, "transaction_type", "side"),
        product=product_of(row, exchange),
        legs=legs,
        created_ns=_moment(row.count("created_at", 0)),
        expires_ns=_moment(row.count("expires_at", 0)),
        reason=entry.text("message", ""),
    )


def _moment(stamp: int) -> int:
    return stamp * _NS_PER_US if stamp > _MICROSECONDS else stamp * _NS_PER_US * 1_000


def levels(row: Record) -> tuple[list[tuple[float, float, int]], ...]:
    """Bids and offers of a quote as (price, quantity, orders)."""
    depth = row.record("depth") if "depth" in row else Record({}, BROKER)
    return tuple(
        [(x.number("price"), float(x.count("quantity")), x.count("orders", 0)) for x in depth.records(side)]
        for side in ("buy", "sell")
    )


def shown(instrument: Instrument, row: Record) -> Quote:
    """A full quote; a price of 0 stands for none. The previous close is told by the change, not by ``ohlc.close``."""
    ltp, ohlc = row.number("last_price"), row.record("ohlc")
    prices = {name: ohlc.number(name, 0.0) for name in ("open", "high", "low")}
    prices |= {"ltp": ltp, "average": row.number("average_price", 0.0)}
    prices["prev_close"] = round(ltp - row.number("net_change"), 4) if "net_change" in row else 0.0
    sizes: dict[str, float] = {}
    for name, side in zip(("bid", "ask"), levels(row), strict=True):
        if side and side[0][0]:
            prices[name], sizes[f"{name}_qty"] = side[0][:2]
    if instrument.kind is not InstrumentType.INDEX:
        sizes |= {"volume": row.number("volume", 0.0), "oi": row.number("oi", 0.0)}
    return quote(instrument, {n: v for n, v in prices.items() if v} | sizes, row.moment("timestamp"))


def paise(rupees: float) -> int:
    return round(rupees * 100)
