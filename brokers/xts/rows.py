"""Rows of XTS's books and order updates, and what they mean."""

from __future__ import annotations

from typing import Final

from brokers.xts import tables
from openalgo_lab.broker.reading import from_word, words
from openalgo_lab.broker.record import Record
from openalgo_lab.broker.shapes import RowShape
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.reports import Evidence, OrderReport
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["fill", "funds", "holding", "position", "report"]

_ROWS: Final = RowShape(
    "XTS", tables.EXCHANGES, tables.SIDES, tables.PRODUCTS, tables.PRICE_TYPES,
    words(
        str,
        "id=AppOrderID tag=OrderUniqueIdentifier exchange=ExchangeSegment side=OrderSide product=ProductType "
        "symbol=ExchangeInstrumentID|ExchangeInstrumentId price_type=OrderType quantity=OrderQuantity "
        "filled=CumulativeQuantity average=OrderAverageTradedPrice price=OrderPrice trigger=OrderStopPrice "
        "reason=CancelRejectReason "
        "time=LastUpdateDateTime|ExchangeTransactTime trade_id=ExecutionID trade_quantity=LastTradedQuantity "
        "trade_price=LastTradedPrice trade_time=LastExecutionTransactTime|ExchangeTransactTime "
        "net=Quantity|NetPosition long_average=BuyAveragePrice short_average=SellAveragePrice realised=RealizedMTM",
    ),
)  # fmt: skip
fill: Final = _ROWS.fill
position: Final = _ROWS.position


def report(row: Record, source: Evidence) -> OrderReport:
    """The order's state. Instruments go by their id. A stop that has not triggered says New, as it does afterwards."""
    word = row.text("OrderStatus").upper()
    status = from_word(tables.STATUSES, word, "order state", "XTS")
    return _ROWS.order(row, status, source, waits=word in ("NEW", "REPLACED"))


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
