"""Reports: what a broker says, before the ledger has judged it. Never confused with events (facts of ours)."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Settlement, Side

__all__ = ["Evidence", "FillReport", "OrderReport", "PositionReport", "Report"]


class Evidence(IntEnum):
    """Where a report comes from; a higher rank outweighs a lower one about the same order."""

    HTTP_REPLY = 1
    STREAM = 2
    ORDER_BOOK = 3
    TRADE_BOOK = 4


class OrderReport(msgspec.Struct, frozen=True, tag="order"):
    """The broker's view of one order. ``filled_quantity`` is cumulative. ``order_id`` is our tag, "" where absent."""

    broker_order_id: str
    order_id: str
    status: OrderStatus
    source: Evidence
    exchange: Exchange
    symbol: str
    side: Side
    product: Product
    price_type: PriceType
    quantity: int
    filled_quantity: int = 0
    average_price: float = 0.0
    price: float = 0.0
    trigger_price: float = 0.0
    reason: str = ""
    exchange_ns: int = 0


class FillReport(msgspec.Struct, frozen=True, tag="fill"):
    """One trade as the broker reports it."""

    trade_id: str
    broker_order_id: str
    order_id: str
    source: Evidence
    exchange: Exchange
    symbol: str
    side: Side
    product: Product
    quantity: int
    price: float
    exchange_ns: int
    settlement: Settlement = Settlement.NONE


class PositionReport(msgspec.Struct, frozen=True, tag="position"):
    """The broker's net position; the ledger shows the difference to its own."""

    exchange: Exchange
    symbol: str
    product: Product
    quantity: int
    average_price: float
    realised_paise: int = 0


Report = OrderReport | FillReport
