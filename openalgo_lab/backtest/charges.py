"""Charges of executed orders as rows of numbers that both engines use, one row for each change of the dated tables."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.kernel import RATE_FIELDS
from openalgo_lab.backtest.settings import FlatCharges, PlanCharges
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Product

__all__ = ["charge_rows", "charge_segment", "exercise_rate"]

FloatArray = npt.NDArray[np.float64]

_LEVIES: Final = ("stt", "ctt", "txn", "ipft", "sebi", "stamp")
_TAXED: Final = ("txn", "ipft", "sebi")
_NOT_LEVIED: Final = frozenset({"stt", "ctt", "ipft", "stamp"})
"""Levies that some segments do not know; a missing exchange or regulator fee is an error."""


def charge_segment(instrument: Instrument, product: Product) -> str:
    """The segment's name in the tables. A share bought for delivery pays as delivery, also when it is sold that day."""
    if instrument.kind is InstrumentType.EQ:
        return "equity_delivery" if product is Product.CNC else "equity_intraday"
    kind = "option" if instrument.kind.is_option else "future"
    if instrument.exchange in (Exchange.CDS, Exchange.BCD):
        return f"currency_{kind}"
    if instrument.exchange in (Exchange.MCX, Exchange.NCDEX, Exchange.NCO):
        return f"commodity_{kind}"
    return f"equity_{kind}"


def charge_rows(
    charges: PlanCharges | FlatCharges, instrument: Instrument, product: Product, days: Sequence[date], rules: RuleBook
) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """(rows of :data:`RATE_FIELDS`, the row's number for each of ``days``).

    Raises RuleError for a day or a plan that the tables do not know.
    """
    if not instrument.tradable:
        return np.zeros((1, len(RATE_FIELDS))), np.zeros(len(days), dtype=np.int32)
    if isinstance(charges, FlatCharges):
        row = _flat_row(charges)
        return np.array([row]), np.zeros(len(days), dtype=np.int32)
    segment = charge_segment(instrument, product)
    changes = _changes(rules)
    found: dict[tuple[date, ...], int] = {}
    rows: list[tuple[float, ...]] = []
    numbers = np.empty(len(days), dtype=np.int32)
    for index, day in enumerate(days):
        period = changes[: bisect_right(changes, day)][-1:]
        if period not in found:
            found[period] = len(rows)
            rows.append(_row(charges, rules, segment, instrument, day))
        numbers[index] = found[period]
    return np.array(rows), numbers


def exercise_rate(charges: PlanCharges | FlatCharges, instrument: Instrument, rules: RuleBook) -> float:
    """What the holder of an equity option that expires in the money is taxed, as a part of its intrinsic value."""
    if isinstance(charges, FlatCharges) or instrument.expiry is None or not instrument.kind.is_option:
        return 0.0
    if not charge_segment(instrument, Product.NRML).startswith("equity"):
        return 0.0
    return float(rules.charge("stt", "equity_exercise", instrument.exchange, instrument.expiry).fraction)


def _changes(rules: RuleBook) -> tuple[date, ...]:
    """The days on which any rate may have become another."""
    rows = (*rules.charges, *rules.brokerage)
    starts = {row.effective_from for row in rows}
    return tuple(sorted(starts | {row.effective_to + timedelta(days=1) for row in rows if row.effective_to}))


def _flat_row(charges: FlatCharges) -> tuple[float, ...]:
    # The percentage stands as a levy of both sides, the sum as a fee without tax: both are added.
    part = charges.percent / 100
    return (charges.rupees * 100, -1.0, part, part, 0.0, 0.0, 0.0)


def _row(charges: PlanCharges, rules: RuleBook, segment: str, instrument: Instrument, day: date) -> tuple[float, ...]:
    levies = {"buy": Decimal(0), "sell": Decimal(0)}
    taxed = Decimal(0)
    for levy in _LEVIES:
        fraction, sides = _levy(rules, levy, segment, instrument, day)
        for side in sides:
            levies[side] += fraction
        if levy in _TAXED:
            taxed += fraction
    gst = rules.charge("gst", segment, instrument.exchange, day).fraction
    plan = rules.brokerage_of(charges.plan, segment, day)
    flat = math.inf if plan.flat is None else float(plan.flat) * 100
    percent = -1.0 if plan.percent is None else float(plan.percent / 100)
    return (
        flat,
        percent,
        float(levies["buy"]),
        float(levies["sell"]),
        float(taxed),
        float(gst),
        _debit(rules, segment, instrument, day, gst),
    )


def _levy(
    rules: RuleBook, levy: str, segment: str, instrument: Instrument, day: date
) -> tuple[Decimal, tuple[str, ...]]:
    try:
        row = rules.charge(levy, segment, instrument.exchange, day, underlying=instrument.underlying)
    except RuleError:
        if levy in _NOT_LEVIED:
            return Decimal(0), ()
        raise
    if row.unit == "rupees" or row.side in ("holder", "none"):
        return Decimal(0), ()
    return row.fraction, ("buy", "sell") if row.side == "both" else (row.side,)


def _debit(rules: RuleBook, segment: str, instrument: Instrument, day: date, gst: Decimal) -> float:
    """What leaving the demat account costs on the first sale of a day, with tax, in paise."""
    if segment != "equity_delivery":
        return 0.0
    try:
        row = rules.charge("dp_client", segment, instrument.exchange, day)
    except RuleError:  # the rows begin on 1 October 2024; before, the depository's part alone varied by broker
        return 0.0
    return math.floor(float(row.rate * (1 + gst)) * 100 + 0.5)
