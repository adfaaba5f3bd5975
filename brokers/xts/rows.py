"""Rows of XTS's books and order updates, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from brokers.xts import tables
from openalgo_lab.broker.reading import from_word
from openalgo_lab.broker.record import Record
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["fill", "funds", "holding", "position", "report"]

V = TypeVar("V")


def _word(row: Record, table: Mapping[str, V], name: str, what: str) -> V:
    return from_word(table, row.text(name).upper(), what, "XTS")


def report(row: Record, source: Evidence) -> OrderReport:
    """The order's state. ``symbol`` is the instrument's id, which orders go by; the layer looks it up."""
    kind = _word(row, tables.PRICE_TYPES, "OrderType", "order type")
    filled = row.count("CumulativeQuantity", 0)
    status = _word(row, tables.STATUSES, "OrderStatus", "order state")
    if status is OrderStatus.OPEN:
        if filled:
            status = OrderStatus.PARTIALLY_FILLED
        elif kind.has_trigger and row.text("OrderStatus").upper() in ("NEW", "REPLACED"):
            status = OrderStatus.TRIGGER_PENDING
    return OrderReport(
        **_shared(row),
        source=source,
        status=status,
        price_type=kind,
        quantity=row.count("OrderQuantity"),
        filled_quantity=filled,
        average_price=row.number("OrderAverageTradedPrice", 0.0),
        price=row.number("OrderPrice", 0.0),
        trigger_price=row.number("OrderStopPrice", 0.0),
        reason=row.text("CancelRejectReason", "").strip(),
        exchange_ns=row.moment("LastUpdateDateTime") or row.moment("ExchangeTransactTime"),
    )


def fill(row: Record, source: Evidence) -> FillReport:
    """One trade: its own quantity and price, not the order's."""
    return FillReport(
        **_shared(row),
        source=source,
        trade_id=row.text("ExecutionID"),
        quantity=row.count("LastTradedQuantity"),
        price=row.number("LastTradedPrice"),
        exchange_ns=row.moment("LastExecutionTransactTime") or row.moment("ExchangeTransactTime"),
    )


def _shared(row: Record) -> dict[str, Any]:
    return {
        "broker_order_id": row.text("AppOrderID"),
        "order_id": row.text("OrderUniqueIdentifier", ""),
        "exchange": _word(row, tables.EXCHANGES, "ExchangeSegment", "segment"),
        "symbol": row.text("ExchangeInstrumentID"),
        "side": _word(row, tables.SIDES, "OrderSide", "side"),
        "product": _word(row, tables.PRODUCTS, "ProductType", "product"),
    }


def position(row: Record) -> PositionReport:
    """A net position; installs before 2021 name its quantity otherwise."""
    quantity = row.whole("Quantity" if "Quantity" in row else "NetPosition")
    side = "Buy" if quantity > 0 else "Sell"
    return PositionReport(
        exchange=_word(row, tables.EXCHANGES, "ExchangeSegment", "segment"),
        symbol=row.text("ExchangeInstrumentId" if "ExchangeInstrumentId" in row else "ExchangeInstrumentID"),
        product=_word(row, tables.PRODUCTS, "ProductType", "product"),
        quantity=quantity,
        average_price=row.number(f"{side}AveragePrice", 0.0) if quantity else 0.0,
        realised_paise=to_paise(row.number("RealizedMTM", 0.0)),
    )


def holding(row: Record, account: str) -> Holding:
    """By its id at NSE, else at BSE."""
    at_nse = row.whole("ExchangeNSEInstrumentId", 0)
    code = at_nse or row.whole("ExchangeBSEInstrumentId")
    exchange = Exchange.NSE if at_nse else Exchange.BSE
    return Holding(account, exchange, str(code), row.count("HoldingQuantity"), row.number("BuyAvgPrice", 0.0))


def funds(rows: list[Record], account: str) -> Funds:
    """The account's total is the entry ALL|ALL|ALL, else the first."""
    if not rows:
        return Funds(account, 0, 0)
    chosen = next((row for row in rows if row.text("limitHeader", "") == "ALL|ALL|ALL"), rows[0])
    limits = chosen.record("limitObject").record("RMSSubLimits")
    names = ("netMarginAvailable", "marginUtilized", "collateral", "RealizedMTM", "UnrealizedMTM")
    return Funds(account, *(to_paise(limits.number(name, 0.0)) for name in names))
