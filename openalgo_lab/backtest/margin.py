"""What positions must be covered by: a rate for shares, the scan of moves for derivatives of one underlying."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from importlib import resources
from typing import Final, Literal, NamedTuple

import msgspec

from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.tables import DatedRow, Table, in_force
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["Held", "MarginRow", "MarginRule", "load_margins", "scan_margin"]

_MOVES: Final = ((0.0, 1.0), (1 / 3, 1.0), (2 / 3, 1.0), (1.0, 1.0), (2.0, 0.35))
"""(part of the scan range, weight of the loss there), in both directions: the clearing house's scenarios in short."""

_SCANNED: Final = frozenset({Exchange.NFO, Exchange.BFO})


class MarginRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """margins.json. Per cent of the underlying's price: the scanned move, the exposure of each short option and
    future, and what is added to short index options on their last day.
    """

    scope: Literal["index", "stock"]
    scan_pct: float
    exposure_pct: float
    expiry_day_pct: float


class Held(NamedTuple):
    """A position: signed units at a price in rupees."""

    instrument: Instrument
    units: int
    price: float


def load_margins() -> tuple[MarginRow, ...]:
    """The package's dated rows."""
    content = resources.files("openalgo_lab.backtest").joinpath("data", "margins.json").read_bytes()
    return msgspec.json.decode(content, type=Table[MarginRow]).rows


def scan_margin(held: Iterable[Held], spot: float, row: MarginRow, on: date) -> float:
    """Rupees that positions on one underlying must be covered by, against an equity that counts options at market.

    The largest weighted loss over moves of the underlying (options at intrinsic value), at least the options' own net
    value; and the exposure of every short option and future, hedged or not.
    """
    legs = tuple(held)
    worst = max(
        weight * _loss(legs, spot, sign * part * row.scan_pct / 100) for part, weight in _MOVES for sign in (1, -1)
    )
    net_value = sum(leg.units * leg.price for leg in legs if leg.instrument.kind.is_option)
    exposure = sum(_exposed(leg, row, on) for leg in legs) * spot / 100
    return max(worst, net_value, 0.0) + exposure


def _loss(legs: Sequence[Held], spot: float, move: float) -> float:
    moved = spot * (1 + move)
    total = 0.0
    for leg in legs:
        match leg.instrument.kind:
            case InstrumentType.CE:
                change = max(moved - leg.instrument.strike, 0.0) - leg.price
            case InstrumentType.PE:
                change = max(leg.instrument.strike - moved, 0.0) - leg.price
            case _:
                change = spot * move
        total -= leg.units * change
    return total


def _exposed(leg: Held, row: MarginRow, on: date) -> float:
    """Per cent × units."""
    if not leg.instrument.kind.is_option:
        return abs(leg.units) * row.exposure_pct
    if leg.units >= 0:
        return 0.0
    extra = row.expiry_day_pct if leg.instrument.expiry == on else 0.0
    return -leg.units * (row.exposure_pct + extra)


class MarginRule:
    """The margin of a whole account. Shares: their value / ``leverage``; derivatives of NFO and BFO: the scan.

    Without ``scan`` everything is covered by value / leverage, long options by their whole premium.
    """

    def __init__(
        self, leverage: float, *, scan: bool, rows: Sequence[MarginRow] = (), is_index: Callable[[str], bool]
    ) -> None:
        self._rate = 1.0 / leverage
        self._scan = scan
        self._rows = rows
        self._is_index = is_index

    def is_scanned(self, instrument: Instrument) -> bool:
        """Whether the instrument's margin depends on what else is held."""
        if not self._scan or instrument.kind in (InstrumentType.EQ, InstrumentType.INDEX):
            return False
        if instrument.exchange not in _SCANNED:
            raise InputError(
                f"The margins of {instrument.exchange.value} are not known; give leverage and derivative_margin=False.",
                field="derivative_margin",
            )
        return True

    def rate(self, instrument: Instrument, on: date) -> float:
        """The part of a single position's value that must be covered: exact for shares and futures, a long option's
        whole premium.
        """
        if instrument.kind.is_option:
            return 1.0
        if not self.is_scanned(instrument):
            return self._rate
        row = self._row(instrument, on)
        return (row.scan_pct + row.exposure_pct) / 100

    def required(self, held: Sequence[Held], spots: Mapping[str, float], on: date) -> float:
        """Rupees that all positions must be covered by. ``spots``: last prices of underlyings by symbol; a future
        without one is scanned at its own price.

        Raises InputError for a short option whose underlying has no price.
        """
        total = 0.0
        groups: dict[str, list[Held]] = defaultdict(list)
        for leg in held:
            if self.is_scanned(leg.instrument):
                groups[leg.instrument.underlying].append(leg)
            elif leg.instrument.kind.is_option and leg.units > 0:
                total += leg.units * leg.price
            else:
                total += abs(leg.units) * leg.price * self._rate
        for underlying, legs in groups.items():
            total += scan_margin(legs, _spot(underlying, legs, spots), self._row(legs[0].instrument, on), on)
        return total

    def _row(self, instrument: Instrument, on: date) -> MarginRow:
        scope = "index" if self._is_index(instrument.underlying) else "stock"
        row = in_force((row for row in self._rows if row.scope == scope), on)
        if row is None:
            raise RuleError(f"The margin of {scope} derivatives on {on} is not known; give derivative_margin=False.")
        return row


def _spot(underlying: str, legs: Sequence[Held], spots: Mapping[str, float]) -> float:
    if underlying in spots:
        return spots[underlying]
    future = next((leg for leg in legs if not leg.instrument.kind.is_option), None)
    if future is not None:
        return future.price
    if all(leg.units >= 0 for leg in legs):
        return legs[0].instrument.strike  # bought options are covered by their premium wherever the market stands
    raise InputError(f"Short options on {underlying} need its price: add {underlying} to the universe.", field="bars")
