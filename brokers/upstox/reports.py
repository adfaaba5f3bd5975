"""What the rows of Upstox's answers say in our words. An instrument is named by its key."""

from __future__ import annotations

from typing import Final

from brokers.upstox import tables
from openalgo_lab.broker.enveloped import Rows, paise
from openalgo_lab.broker.reading import from_word
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.gtt import GttLeg, GttReport
from openalgo_lab.model.portfolio import Holding
from openalgo_lab.model.reports import PositionReport
from openalgo_lab.model.vocabulary import Exchange, Product

__all__ = ["BROKER", "ROWS", "gtt", "holding", "position"]

BROKER: Final = "Upstox"
_NS_PER_US: Final = 1_000
_MICROSECONDS: Final = 10**14
"""Times of a GTT come in milliseconds or microseconds: above this they are the latter."""


def _product(row: Record, exchange: Exchange) -> Product:
    """The word D is delivery on the stock exchanges and carrying forward elsewhere."""
    table = tables.CASH if exchange in (Exchange.NSE, Exchange.BSE) else tables.DERIVATIVES
    return row.word(table, "product", "product")


ROWS = Rows(
    broker=BROKER,
    symbol="instrument_token",
    exchanges=tables.EXCHANGES,
    sides=tables.SIDES,
    price_types=tables.PRICE_TYPES,
    statuses=tables.STATUSES,
    product=_product,
)


def position(row: Record) -> PositionReport:
    """The average is null for positions that came over night: then it is the price of the open side."""
    net, exchange = row.whole("quantity"), row.word(tables.EXCHANGES, "exchange", "exchange")
    side = "buy" if net > 0 else "sell"
    prices = (row.number(name, 0.0) for name in ("average_price", f"{side}_price", f"day_{side}_price"))
    return PositionReport(
        exchange=exchange,
        symbol=row.text("instrument_token"),
        product=_product(row, exchange),
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
        product=_product(row, exchange),
        legs=legs,
        created_ns=_moment(row.count("created_at", 0)),
        expires_ns=_moment(row.count("expires_at", 0)),
        reason=entry.text("message", ""),
    )


def _moment(stamp: int) -> int:
    return stamp * _NS_PER_US if stamp > _MICROSECONDS else stamp * _NS_PER_US * 1_000
