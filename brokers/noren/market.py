"""Candles, depth and GTT rows of the Noren order system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from brokers.noren import tables
from openalgo_lab.broker.columns import Bar, Level
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.gtt import GttLeg, GttReport, GttStatus
from openalgo_lab.model.market import DEPTH_LEVELS
from openalgo_lab.model.times import NS_PER_SECOND

__all__ = ["OCO", "PAIR", "candles", "depth_levels", "gtt_report", "tidied"]

_DAY_S: Final = 86_400
_IST_S: Final = 19_800
OCO: Final = "LMT_BOS_O"
PAIR: Final = "/OCO"
"""Ends our id of a pair: it is changed and cancelled by routes of its own."""


def candles(rows: Iterable[Record], *, daily: bool) -> Iterator[Bar]:
    """Bars of TPSeries or EODChartData; those without prices are none. A day's row says 00:00 UTC of its date."""
    for row in rows:
        prices = [row.number(name) for name in ("into", "inth", "intl", "intc")]
        if not all(prices):
            continue
        start_s = (row.moment("ssboe") or row.moment("time")) // NS_PER_SECOND
        if daily:
            start_s = (start_s + (0 if "ssboe" in row else _IST_S)) // _DAY_S * _DAY_S - _IST_S
        first, high, low, last = prices
        yield start_s * NS_PER_SECOND, first, high, low, last, row.number("intv", 0.0), row.number("oi", 0.0)


def depth_levels(row: Record) -> tuple[list[Level], list[Level]]:
    """Both sides of a quote, best first; the order count is spelt So5 at times."""
    return _side(row, "b"), _side(row, "s")


def _side(row: Record, side: str) -> list[Level]:
    return [
        (
            row.number(f"{side}p{n}", 0.0),
            row.number(f"{side}q{n}", 0.0),
            row.count(f"{side}o{n}", row.count(f"{side.upper()}o{n}", 0)),
        )
        for n in range(1, DEPTH_LEVELS + 1)
    ]


def tidied(value: Any) -> Any:
    """JSON with keys in small letters (Flattrade capitalises some) and without text around rows (of days)."""
    if isinstance(value, dict):
        return {str(key).lower(): tidied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [tidied(parsed(item, "Noren") if isinstance(item, str) and item[:1] == "{" else item) for item in value]
    return value


def gtt_report(row: Record) -> GttReport:
    """A pending GTT or OCO. Leg 1 of a pair is the upper trigger x, leg 2 the lower one y."""
    first = row.record("place_order_params") if "place_order_params" in row else row
    if row.text("ai_t") == OCO:
        triggers = {each.text("var_name"): each.number("d") for each in row.records("oivariable")}
        if not {"x", "y"} <= triggers.keys():
            raise DecodeError("A pair of triggers has other names than x and y.")
        legs: tuple[GttLeg, ...] = (
            _leg(row.record("place_order_params_leg2"), triggers["y"]),
            _leg(first, triggers["x"]),
        )
    else:
        legs = (_leg(first, row.number("d")),)
    return GttReport(
        broker_gtt_id=row.text("al_id") + (PAIR if len(legs) == 2 else ""),
        status=GttStatus.ACTIVE,
        exchange=row.word(tables.EXCHANGES, "exch", "exchange"),
        symbol=row.text("tsym"),
        side=first.word(tables.SIDES, "trantype", "side"),
        product=first.word(tables.PRODUCTS, "prd", "product"),
        legs=legs,
        created_ns=row.moment("norentm"),
    )


def _leg(row: Record, trigger: float) -> GttLeg:
    kind = row.word(tables.PRICE_TYPES, "prctyp", "price type")
    return GttLeg(trigger, row.number("prc", 0.0), row.count("qty"), kind)
