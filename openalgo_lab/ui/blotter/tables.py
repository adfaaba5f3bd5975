"""The five tables of the blotter as pure functions: books and board in, rows of a grid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.money import price_decimals
from openalgo_lab.model.orders import Order, OrderStatus, Pending
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.ui.grid import Action, Column, Empty

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle
    from openalgo_lab.model.events import Books

__all__ = ["QUICK_POSITIONS", "TABLES", "Row", "Table", "status_text"]

MODIFY = Action(key="modify", title="Modify", name="Modify the order", shortcut="m")
CANCEL = Action(key="cancel", title="Cancel", name="Cancel the order", tone="danger", shortcut="x")
CLOSE = Action(key="close", title="Close", name="Close the position at market", tone="danger", shortcut="c")

NAN = float("nan")


class Row(msgspec.Struct, frozen=True):
    """One row: a stable key, its instrument for tick and price, texts and numbers by column, its actions as bits."""

    key: str
    instrument: InstrumentKey | None
    texts: dict[str, str]
    numbers: dict[str, float]
    actions: int = 0


class Table(msgspec.Struct, frozen=True):
    """A tab: its columns, how rows come from the books, and the numbers that follow the market."""

    key: str
    title: str
    columns: tuple[Column, ...]
    empty: Empty
    rows: Callable[[Books], Sequence[Row]]
    count: Callable[[Books], int]
    live: Callable[[Books, npt.NDArray[np.float64]], dict[str, npt.NDArray[np.float64]]] | None = None


def status_text(order: Order) -> str:
    """An order's state in words, with what has been asked of it."""
    words = "filled" if order.status is OrderStatus.COMPLETE else order.status.value.replace("_", " ")
    if order.status is OrderStatus.UNKNOWN:
        words = "UNKNOWN"
    asked = {Pending.NONE: "", Pending.MODIFY: " · modifying", Pending.CANCEL: " · cancelling"}[order.pending]
    return words + asked


def _price(value: float) -> float:
    return value or NAN


def _order_rows(books: Books) -> Sequence[Row]:
    return [
        Row(
            key=order.order_id,
            instrument=InstrumentKey(order.exchange, order.symbol),
            texts={
                "symbol": order.symbol,
                "side": order.side.value,
                "type": order.price_type.value,
                "product": order.product.value,
                "status": status_text(order),
                "account": f"{order.account} · {order.mode.value.upper()}",
                "reason": "; ".join((order.reason, *order.alarms)).strip("; "),
                "strategy": order.strategy,
                "tag": order.tag,
                "id": order.broker_order_id or order.order_id,
            },
            numbers={
                "time": order.created_ns / 1e6,
                "quantity": order.quantity,
                "filled": order.filled_quantity,
                "price": _price(order.price),
                "trigger": _price(order.trigger_price),
                "average": _price(order.average_price),
            },
            actions=3 if order.working and order.pending is Pending.NONE else 2 if order.working else 0,
        )
        for order in reversed(books.orders)
    ]


def _trade_rows(books: Books) -> Sequence[Row]:
    return [
        Row(
            key=f"{fill.account}/{fill.trade_id}",
            instrument=InstrumentKey(fill.exchange, fill.symbol),
            texts={
                "symbol": fill.symbol,
                "side": fill.side.value,
                "product": fill.product.value,
                "account": fill.account,
                "strategy": fill.strategy,
                "tag": fill.tag,
                "id": fill.trade_id,
            },
            numbers={
                "time": fill.time_ns / 1e6,
                "quantity": fill.quantity,
                "price": fill.price,
                "value": fill.price * fill.quantity,
            },
        )
        for fill in reversed(books.fills)
    ]


def _position_rows(books: Books) -> Sequence[Row]:
    return [
        Row(
            key=f"{position.account}/{position.exchange}:{position.symbol}/{position.product}",
            instrument=InstrumentKey(position.exchange, position.symbol),
            texts={
                "symbol": position.symbol,
                "product": position.product.value,
                "account": position.account,
                "exchange": position.exchange.value,
            },
            numbers={
                "quantity": position.quantity,
                "average": _price(position.average_price),
                "realised": position.realised_paise / 100,
                "bought": position.buy_quantity,
                "sold": position.sell_quantity,
            },
            actions=1 if position.quantity else 0,
        )
        for position in sorted(books.positions, key=lambda one: (one.quantity == 0, one.symbol))
    ]


def _position_live(books: Books, ltp: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    positions = sorted(books.positions, key=lambda one: (one.quantity == 0, one.symbol))
    quantity = np.array([one.quantity for one in positions], dtype=float)
    average = np.array([one.average_price for one in positions], dtype=float)
    units = np.array([one.multiplier for one in positions], dtype=float)
    realised = np.array([one.realised_paise / 100 for one in positions], dtype=float)
    open_profit = np.where(quantity == 0, 0.0, (ltp - average) * quantity * units)
    return {"ltp": ltp, "open": open_profit, "profit": open_profit + realised}


def _holding_rows(books: Books) -> Sequence[Row]:
    return [
        Row(
            key=f"{holding.account}/{holding.exchange}:{holding.symbol}",
            instrument=InstrumentKey(holding.exchange, holding.symbol),
            texts={"symbol": holding.symbol, "account": holding.account},
            numbers={
                "quantity": holding.quantity,
                "average": holding.average_price,
                "invested": holding.average_price * holding.quantity,
            },
        )
        for holding in books.holdings
    ]


def _holding_live(books: Books, ltp: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    quantity = np.array([one.quantity for one in books.holdings], dtype=float)
    average = np.array([one.average_price for one in books.holdings], dtype=float)
    return {"ltp": ltp, "value": ltp * quantity, "profit": (ltp - average) * quantity}


def _funds_rows(books: Books) -> Sequence[Row]:
    return [
        Row(
            key=funds.account,
            instrument=None,
            texts={"account": funds.account},
            numbers={
                "available": funds.available_paise / 100,
                "used": funds.used_paise / 100,
                "collateral": funds.collateral_paise / 100,
                "total": (funds.available_paise + funds.used_paise) / 100,
            },
        )
        for funds in books.funds
    ]


_SYMBOL = Column(key="symbol", title="Symbol", kind="text", width=172, pinned=True)
_SIDE = Column(key="side", title="Side", kind="side")
_PRODUCT = Column(key="product", title="Product", kind="text", width=62)
_ACCOUNT = Column(key="account", title="Account", kind="text", width=140, hidden=True)
_TIME = Column(key="time", title="Time", kind="time")
_STRATEGY = Column(key="strategy", title="Strategy", kind="text", hidden=True)
_TAG = Column(key="tag", title="Tag", kind="text", hidden=True)


def _money(key: str, title: str, *, width: int = 112, signed: bool = False, tint: bool = False) -> Column:
    return Column(key=key, title=title, kind="money", width=width, signed=signed, tint=tint)


def _at(key: str, title: str) -> Column:
    return Column(key=key, title=title, kind="price", decimals="row", tint=False)


TABLES: tuple[Table, ...] = (
    Table(
        key="orders",
        title="Orders",
        columns=(
            # What is needed to see and stop an order comes first: the rest may lie beyond a narrow view's edge.
            msgspec.structs.replace(_TIME, min_view=640),
            msgspec.structs.replace(_SYMBOL, width=150),
            _SIDE,
            Column(key="quantity", title="Qty", kind="qty", width=60),
            Column(key="filled", title="Filled", kind="qty", width=60, min_view=700),
            msgspec.structs.replace(_at("price", "Price"), width=78, min_view=430),
            Column(key="status", title="Status", kind="status", width=112),
            Column(key="do", title="", kind="action", width=118, actions=(MODIFY, CANCEL)),
            msgspec.structs.replace(_at("average", "Average"), width=80, min_view=800),
            Column(key="type", title="Type", kind="text", width=66, min_view=860),
            msgspec.structs.replace(_PRODUCT, min_view=920),
            msgspec.structs.replace(_at("trigger", "Trigger"), width=78, min_view=1000),
            Column(key="reason", title="Reason", kind="text", width=260),
            msgspec.structs.replace(_ACCOUNT, hidden=False),
            _STRATEGY,
            _TAG,
            Column(key="id", title="Order id", kind="text", width=150, hidden=True),
        ),
        empty=Empty(text="No orders today. Press B or S on a symbol to open the ticket."),
        rows=_order_rows,
        count=lambda books: len(books.orders),
    ),
    Table(
        key="trades",
        title="Trades",
        columns=(
            _TIME,
            _SYMBOL,
            _SIDE,
            Column(key="quantity", title="Qty", kind="qty"),
            _at("price", "Price"),
            _money("value", "Value"),
            _PRODUCT,
            msgspec.structs.replace(_ACCOUNT, hidden=False),
            _STRATEGY,
            _TAG,
            Column(key="id", title="Trade id", kind="text", width=150, hidden=True),
        ),
        empty=Empty(text="No trades today: nothing has been filled yet."),
        rows=_trade_rows,
        count=lambda books: len(books.fills),
    ),
    Table(
        key="positions",
        title="Positions",
        columns=(
            _SYMBOL,
            _PRODUCT,
            Column(key="quantity", title="Qty", kind="qty", signed=True),
            _at("average", "Average"),
            Column(key="ltp", title="LTP", kind="price", decimals="row"),
            _money("profit", "P&L", signed=True),
            _money("open", "Open P&L", signed=True),
            _money("realised", "Realised", signed=True),
            Column(key="do", title="", kind="action", width=72, actions=(CLOSE,)),
            Column(key="bought", title="Bought", kind="qty", hidden=True),
            Column(key="sold", title="Sold", kind="qty", hidden=True),
            Column(key="exchange", title="Exch", kind="text", width=74, hidden=True),
            msgspec.structs.replace(_ACCOUNT, hidden=False),
        ),
        empty=Empty(text="No positions: a filled order opens one."),
        rows=_position_rows,
        count=lambda books: sum(1 for one in books.positions if one.quantity),
        live=_position_live,
    ),
    Table(
        key="holdings",
        title="Holdings",
        columns=(
            _SYMBOL,
            Column(key="quantity", title="Qty", kind="qty"),
            _at("average", "Average"),
            Column(key="ltp", title="LTP", kind="price", decimals="row"),
            _money("invested", "Invested"),
            _money("value", "Value"),
            _money("profit", "P&L", signed=True),
            msgspec.structs.replace(_ACCOUNT, hidden=False),
        ),
        empty=Empty(text="No holdings: shares bought as CNC arrive here after settlement."),
        rows=_holding_rows,
        count=lambda books: len(books.holdings),
        live=_holding_live,
    ),
    Table(
        key="funds",
        title="Funds",
        columns=(
            Column(key="account", title="Account", kind="text", width=160, pinned=True),
            _money("available", "Available ₹", width=150),
            _money("used", "Used ₹", width=150),
            _money("collateral", "Collateral ₹", width=150),
            _money("total", "Total ₹", width=150),
        ),
        empty=Empty(text="No account is connected."),
        rows=_funds_rows,
        count=lambda books: len(books.funds),
    ),
)


QUICK_POSITIONS: tuple[Table, ...] = (
    Table(
        key="quick-positions",
        title="Positions",
        columns=(
            msgspec.structs.replace(_SYMBOL, width=120),
            Column(key="quantity", title="Qty", kind="qty", width=58, signed=True),
            _money("profit", "P&L", width=90, signed=True),
            Column(key="do", title="", kind="action", width=58, actions=(CLOSE,)),
        ),
        empty=Empty(text="No positions yet."),
        rows=_position_rows,
        count=lambda books: sum(1 for one in books.positions if one.quantity),
        live=_position_live,
    ),
)
"""Positions at a glance, for a narrow column beside the ticket."""


def decimals_of(handle: EngineHandle, rows: Sequence[Row]) -> list[int]:
    """Decimals of each row's prices, by its instrument's tick; 2 where the contract is no longer listed."""
    found = [handle.instruments.find(row.instrument) if row.instrument else None for row in rows]
    return [price_decimals(item.tick_size) if item else 2 for item in found]


def key_of(row: Row) -> InstrumentKey:
    """The row's instrument, or an impossible key where it has none (the board answers NaN for it)."""
    return row.instrument or InstrumentKey(Exchange.NSE, "")
