"""What the rows of Kite Connect's answers say in our words."""

from __future__ import annotations

from brokers.zerodha import tables
from openalgo_lab.broker.columns import quote
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.gtt import GttLeg, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.portfolio import Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["BROKER", "fill", "gtt", "holding", "levels", "paise", "position", "report", "shown"]

BROKER = "Zerodha"


def report(row: Record, source: Evidence) -> OrderReport:
    """An order of the book, of a history or of the ticker; the latter two lack some fields."""
    quantity, filled = row.count("quantity"), row.count("filled_quantity")
    if filled > quantity:
        raise DecodeError(f"An order of {BROKER} is filled beyond its quantity.")
    status = row.word(tables.STATUSES, "status", "order status")
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    times = ("exchange_update_timestamp", "exchange_timestamp", "order_timestamp")
    return OrderReport(
        broker_order_id=row.text("order_id"),
        order_id=row.text("tag", ""),
        status=status,
        source=source,
        exchange=row.word(tables.EXCHANGES, "exchange", "exchange"),
        symbol=row.text("tradingsymbol"),
        side=row.word(tables.SIDES, "transaction_type", "side"),
        product=row.word(tables.PRODUCTS, "product", "product"),
        price_type=row.word(tables.PRICE_TYPES, "order_type", "price type"),
        quantity=quantity,
        filled_quantity=filled,
        average_price=row.number("average_price"),
        price=row.number("price"),
        trigger_price=row.number("trigger_price"),
        reason=row.text("status_message", ""),
        exchange_ns=next((found for name in times if (found := row.moment(name))), 0),
    )


def fill(row: Record) -> FillReport:
    """A trade; it carries no tag."""
    return FillReport(
        trade_id=row.text("trade_id"),
        broker_order_id=row.text("order_id"),
        order_id="",
        source=Evidence.TRADE_BOOK,
        exchange=row.word(tables.EXCHANGES, "exchange", "exchange"),
        symbol=row.text("tradingsymbol"),
        side=row.word(tables.SIDES, "transaction_type", "side"),
        product=row.word(tables.PRODUCTS, "product", "product"),
        quantity=row.count("quantity"),
        price=row.number("average_price"),
        exchange_ns=row.moment("fill_timestamp") or row.moment("exchange_timestamp"),
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


def levels(row: Record) -> tuple[list[tuple[float, float, int]], ...]:
    """Bids and offers of a quote as (price, quantity, orders); an index has none."""
    depth = row.record("depth") if "depth" in row else Record({}, BROKER)
    return tuple(
        [(x.number("price"), float(x.count("quantity")), x.count("orders")) for x in depth.records(side)]
        for side in ("buy", "sell")
    )


def shown(instrument: Instrument, row: Record) -> Quote:
    """A quote; a price of 0 stands for none."""
    ohlc = row.record("ohlc")
    prices = {name: ohlc.number(theirs) for name, theirs in _OHLC}
    prices |= {"ltp": row.number("last_price"), "average": row.number("average_price", 0.0)}
    sizes: dict[str, float] = {}
    for name, side in zip(("bid", "ask"), levels(row), strict=True):
        if side and side[0][0]:
            prices[name], sizes[f"{name}_qty"] = side[0][:2]
    if instrument.kind is not InstrumentType.INDEX:
        sizes |= {ours: row.number(theirs) for ours, theirs in _SIZES}
    return quote(instrument, {n: v for n, v in prices.items() if v} | sizes, row.moment("timestamp"))


_OHLC = (("open", "open"), ("high", "high"), ("low", "low"), ("prev_close", "close"))
_SIZES = (("volume", "volume"), ("oi", "oi"), ("ltq", "last_quantity"))


def paise(rupees: float) -> int:
    return round(rupees * 100)
