"""An estimate of the margin of futures and options together, hedges counted: scenarios of the price, and exposure.

The clearing house's own risk arrays are not public in advance; this follows their shape: the loss at intrinsic value
over moves of the scan range, in thirds, and of twice the range at 35 %; exposure for every sold leg, hedged or not.
Published examples of brokers' calculators are met to about 2 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.option_margins import OptionMarginRow
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["HedgedMargin", "MarginLeg", "hedged_margin"]

FloatArray = npt.NDArray[np.float64]

_SHARES: Final = np.array([0.0, -1 / 3, 1 / 3, -2 / 3, 2 / 3, -1.0, 1.0, -2.0, 2.0])
_WEIGHTS: Final = np.array([1.0] * 7 + [0.35] * 2)


class MarginLeg(msgspec.Struct, frozen=True):
    """``quantity`` signed units; ``price`` rupees now; ``expiry_order`` 0 for the first expiry of the group, 1 …;
    ``expires_today`` whether it is the leg's last day.
    """

    kind: InstrumentType
    strike: float
    quantity: int
    price: float
    expiry_order: int = 0
    expires_today: bool = False


class HedgedMargin(msgspec.Struct, frozen=True):
    """Rupees. ``span`` (gross of the premium received), ``exposure``, ``premium`` paid for bought options; ``benefit``:
    how much less the legs need together than one by one.
    """

    span: float
    exposure: float
    premium: float
    benefit: float

    @property
    def total(self) -> float:
        """To be blocked, and the premium to be paid."""
        return self.span + self.exposure + self.premium


def hedged_margin(legs: Sequence[MarginLeg], spot: float, rates: OptionMarginRow) -> HedgedMargin:
    """Of all legs of one underlying. On the expiry day a leg that ends stands alone where the rates say so."""
    groups = _groups(legs, rates)
    span = sum(_span(group, spot, rates) for group in groups)
    exposure = sum(_exposure(leg, spot, rates) for leg in legs)
    alone = sum(_span([leg], spot, rates) + _exposure(leg, spot, rates) for leg in legs)
    premium = sum(leg.quantity * leg.price for leg in legs if _is_option(leg) and leg.quantity > 0)
    return HedgedMargin(span, exposure, premium, max(alone - span - exposure, 0.0))


def _groups(legs: Sequence[MarginLeg], rates: OptionMarginRow) -> list[list[MarginLeg]]:
    ending = [leg for leg in legs if leg.expires_today]
    if rates.calendar_on_expiry or not ending or len(ending) == len(legs):
        return [list(legs)] if legs else []
    return [ending, [leg for leg in legs if not leg.expires_today]]


def _span(legs: Sequence[MarginLeg], spot: float, rates: OptionMarginRow) -> float:
    levels = spot * (1.0 + _SHARES * rates.scan / 100.0)
    loss = np.zeros(len(levels))
    for leg in legs:
        gain = levels - spot if not _is_option(leg) else _intrinsic(leg, levels) - leg.price
        loss -= leg.quantity * gain
    risk = max(float((loss * _WEIGHTS).max()), 0.0)
    value = -sum(leg.quantity * leg.price for leg in legs if _is_option(leg))  # sold premiums less bought ones
    return max(risk + value, 0.0) + _calendar(legs, spot, rates)


def _calendar(legs: Sequence[MarginLeg], spot: float, rates: OptionMarginRow) -> float:
    """On what one expiry hedges of another: the smaller of both sides, in units of delta at the money."""
    by_expiry: dict[int, float] = {}
    for leg in legs:
        lean = 1.0 if leg.kind is not InstrumentType.PE else -1.0
        by_expiry[leg.expiry_order] = by_expiry.get(leg.expiry_order, 0.0) + lean * leg.quantity
    net = list(by_expiry.values())
    hedged = min(sum(q for q in net if q > 0), -sum(q for q in net if q < 0)) if len(net) > 1 else 0.0
    return hedged * spot * rates.calendar / 100.0


def _exposure(leg: MarginLeg, spot: float, rates: OptionMarginRow) -> float:
    if not _is_option(leg):
        return abs(leg.quantity) * spot * rates.exposure / 100.0
    if leg.quantity >= 0:
        return 0.0
    out = leg.strike - spot if leg.kind is InstrumentType.CE else spot - leg.strike
    rate = rates.far_exposure if out > spot * rates.far_from / 100.0 else rates.exposure
    rate += rates.expiry_day if leg.expires_today else 0.0
    return -leg.quantity * spot * rate / 100.0


def _is_option(leg: MarginLeg) -> bool:
    return leg.kind in (InstrumentType.CE, InstrumentType.PE)


def _intrinsic(leg: MarginLeg, levels: FloatArray) -> FloatArray:
    sign = 1.0 if leg.kind is InstrumentType.CE else -1.0
    return np.asarray(np.maximum(sign * (levels - leg.strike), 0.0), dtype=np.float64)
