"""What the rows of Kite Connect's answers say in our words."""

from __future__ import annotations

from brokers.zerodha import tables
from openalgo_lab.broker.enveloped import Rows, paise
from openalgo_lab.broker.reading import words
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.gtt import GttLeg, GttReport
from openalgo_lab.model.portfolio import Holding
from openalgo_lab.model.reports import PositionReport
from openalgo_lab.model.vocabulary import Exchange, Product

__all__ = ["BROKER", "ROWS", "SIZES", "gtt", "holding", "position"]

BROKER = "Zerodha"

SIZES = words(str, "volume oi last_quantity=ltq")
"""Fields of a quote that an index has not, by our column."""


def _product(row: Record, exchange: Exchange) -> Product:
    del exchange
    return row.word(tables.PRODUCTS, "product", "product")


ROWS = Rows(
    broker=BROKER,
    symbol="tradingsymbol",
    exchanges=tables.EXCHANGES,
    sides=tables.SIDES,
    price_types=tables.PRICE_TYPES,
    statuses=tables.STATUSES,
    product=_product,
)


def position(row: Record) -> PositionReport:
    """Kite's split into realised and unrealised is not to be trusted: what was bought and sold is realised."""
    closed, net = min(row.count("buy_quantity"), row.count("sell_quantity")), row.whole("quantity")
    profit = closed * (row.number("sell_price") - row.number("buy_price")) * row.number("multiplier")
    return PositionReport(
        exchange=row.word(tables.EXCHANGES, "exchange", "exchange"),
        symbol=row.text("tradingsymbol"),
        product=row.word(tables.PRODUCTS, "product", "product"),
        quantity=net,
        average_price=row.number("average_price") if net else 0.0,
        realised_paise=paise(profit),
    )


def holding(row: Record, account: str) -> Holding:
    """Shares in the account, those of the coming delivery unless they are counted already, and pledged ones."""
    quantity, coming = row.count("quantity"), row.count("t1_quantity")
    if coming and row.count("realised_quantity") + coming == quantity:
        coming = 0
    owned = quantity + coming + row.count("collateral_quantity", 0)
    exchange = row.word(tables.EXCHANGES, "exchange", "exchange")
    return Holding(account, exchange, row.text("tradingsymbol"), owned, row.number("average_price"))


def gtt(row: Record) -> GttReport:
    """A trigger with an order for each of its values."""
    condition, orders = row.record("condition"), row.records("orders")
    triggers = condition.raw("trigger_values")
    if not isinstance(triggers, list) or len(triggers) != len(orders) or not orders:
        raise DecodeError(f"A GTT of {BROKER} has other triggers than orders.")
    legs = tuple(
        GttLeg(
            Record({"value": value}, BROKER).number("value"),
            order.number("price"),
            order.count("quantity"),
            order.word(tables.PRICE_TYPES, "order_type", "price type"),
        )
        for value, order in zip(triggers, orders, strict=True)
    )
    return GttReport(
        broker_gtt_id=row.text("id"),
        status=row.word(tables.GTT_STATUSES, "status", "GTT status"),
        exchange=condition.word(tables.EXCHANGES, "exchange", "exchange"),
        symbol=condition.text("tradingsymbol"),
        side=orders[0].word(tables.SIDES, "transaction_type", "side"),
        product=orders[0].word(tables.PRODUCTS, "product", "product"),
        legs=legs,
        created_ns=row.moment("created_at"),
        updated_ns=row.moment("updated_at"),
        expires_ns=row.moment("expires_at"),
    )
