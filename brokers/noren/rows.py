"""Rows of Noren's books, quotes and order updates, and what they mean. Any field may be absent or blank."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from brokers.noren import tables
from openalgo_lab.broker.reading import Number, from_word, number, words
from openalgo_lab.broker.record import Record
from openalgo_lab.broker.shapes import RowShape
from openalgo_lab.model.portfolio import Holding
from openalgo_lab.model.reports import Evidence, OrderReport

__all__ = ["UPDATES", "columns", "holding", "report"]

_NO_PRICE: Final = 40_000_000.0
"""Above this a price is the order system's sign for "at the open" (2^32 - 1 paise)."""
_PRICES: Final = frozenset(list(tables.TICK_COLUMNS)[: tables.PRICES])
UPDATES: Final = RowShape(
    "Noren", tables.EXCHANGES, tables.SIDES, tables.PRODUCTS, tables.PRICE_TYPES,
    words(
        str,
        "id=norenordno tag=remarks exchange=exch symbol=tsym side=trantype product=prd|pcode price_type=prctyp "
        "quantity=qty filled=fillshares average=avgprc price=prc trigger=trgprc reason=rejreason "
        "time=exch_tm|norentm|tm trade_id=flid trade_quantity=flqty trade_price=flprc trade_time=fltm|exch_tm|norentm "
        "net=netqty long_average=netavgprc short_average=netavgprc realised=rpnl",
    ),
)  # fmt: skip


def report(row: Record, source: Evidence, shape: RowShape = UPDATES) -> OrderReport:
    """The order's state, of a row of order book or history, or of an update."""
    word = "_".join(row.text("status").upper().split())
    return shape.order(row, from_word(tables.STATUSES, word, "order state", shape.broker), source)


def holding(row: Record, account: str) -> Holding:
    """Shares of a demat account; what two exchanges list is told as NSE's."""
    listed = row.records("exch_tsym")
    best = next((each for each in listed if each.text("exch") == "NSE"), listed[0] if listed else Record({}, "Noren"))
    parts = ("btstqty", "holdqty", "brkcolqty", "unplgdqty", "benqty")
    pledged = max(row.count("npoadqty", row.count("npoaqty", 0)), row.count("dpqty", 0))
    quantity = sum(row.count(part, 0) for part in parts) + pledged - row.count("usedqty", 0)
    exchange = best.word(tables.EXCHANGES, "exch", "exchange")
    return Holding(account, exchange, best.text("tsym"), quantity, row.number("upldprc", 0.0))


def columns(row: Mapping[str, Number]) -> dict[str, float]:
    """The fields of a quote or tick that the row has; NaN for a price of 0 and for "at the open"."""
    found = {name: number(row[key], math.nan) for key, name in tables.TICK_COLUMNS.items() if key in row}
    for key in _PRICES & row.keys():
        name = tables.TICK_COLUMNS[key]
        if not 0 < found[name] < _NO_PRICE:
            found[name] = math.nan
    return found
