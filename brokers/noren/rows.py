"""Rows of Noren's books, quotes and order updates, and what they mean. Any field may be absent or blank."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from brokers.noren import tables
from openalgo_lab.broker.reading import Number, from_word, number
from openalgo_lab.broker.record import Record
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport

__all__ = ["columns", "fill", "report"]

_NO_PRICE: Final = 40_000_000.0
"""Above this a price is the order system's sign for "at the open" (2^32 - 1 paise)."""
_PRICES: Final = frozenset(list(tables.TICK_COLUMNS)[: tables.PRICES])


def report(row: Record, source: Evidence, broker: str) -> OrderReport:
    """The order's state, of a row of order book or history, or of an update. ``symbol`` is the trading symbol."""
    quantity, filled = row.count("qty"), row.count("fillshares", 0)
    status = from_word(tables.STATUSES, "_".join(row.text("status").upper().split()), "order state", broker)
    if status is OrderStatus.OPEN and 0 < filled < quantity:
        status = OrderStatus.PARTIALLY_FILLED
    return OrderReport(
        **_shared(row),
        source=source,
        status=status,
        price_type=row.word(tables.PRICE_TYPES, "prctyp", "price type"),
        quantity=quantity,
        filled_quantity=filled,
        average_price=row.number("avgprc", 0.0),
        price=row.number("prc", 0.0),
        trigger_price=row.number("trgprc", 0.0),
        reason=row.text("rejreason", "").strip(),
        exchange_ns=row.moment("exch_tm") or row.moment("norentm") or row.moment("tm"),
    )


def fill(row: Record, source: Evidence) -> FillReport:
    """One trade: its own quantity and price, not the order's."""
    return FillReport(
        **_shared(row),
        source=source,
        trade_id=row.text("flid"),
        quantity=row.count("flqty"),
        price=row.number("flprc"),
        exchange_ns=row.moment("fltm") or row.moment("exch_tm") or row.moment("norentm"),
    )


def _shared(row: Record) -> dict[str, Any]:
    return {
        "broker_order_id": row.text("norenordno"),
        "order_id": row.text("remarks", "").strip(),
        "exchange": row.word(tables.EXCHANGES, "exch", "exchange"),
        "symbol": row.text("tsym"),
        "side": row.word(tables.SIDES, "trantype", "side"),
        "product": row.word(tables.PRODUCTS, "prd" if "prd" in row else "pcode", "product"),
    }


def columns(row: Mapping[str, Number]) -> dict[str, float]:
    """The fields of a quote or tick that the row has; NaN for a price of 0 and for "at the open"."""
    found = {name: number(row[key], math.nan) for key, name in tables.TICK_COLUMNS.items() if key in row}
    for key in _PRICES & row.keys():
        name = tables.TICK_COLUMNS[key]
        if not 0 < found[name] < _NO_PRICE:
            found[name] = math.nan
    return found
