"""Readings of a chain as answers of commands: NaN becomes None, every number rounded to what can be meant by it."""

from __future__ import annotations

import math
from datetime import date
from typing import Final

import msgspec

from openalgo_lab.engine.option_data.contracts import ChainContracts
from openalgo_lab.engine.option_data.reading import ChainReading
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.option_commands import ChainReply, ChainRow, OptionFigures, OptionGreeks
from openalgo_lab.model.underlyings import Moneyness, Offset
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["chain_reply", "greeks_of", "number"]

_CE, _PE = InstrumentType.CE, InstrumentType.PE

_COLUMNS: Final = (
    ("ltp", 4), ("bid", 4), ("ask", 4), ("volume", 0), ("oi", 0), ("oi_change", 0), ("iv", 4), ("delta", 6),
    ("gamma", 8), ("theta", 4), ("vega", 4), ("rho", 6),
)  # fmt: skip
"""The figures of an option, and the decimals that mean something."""

_NAMES: Final = tuple(name for name, _ in _COLUMNS)


def number(value: float, decimals: int = 4) -> float | None:
    """Rounded; None for what is not known."""
    return round(float(value), decimals) if math.isfinite(value) else None


def chain_reply(
    contracts: ChainContracts, reading: ChainReading, expiries: tuple[date, ...], strike_count: int
) -> ChainReply:
    """All of it, or ``strike_count`` strikes either side of the money."""
    first, end = 0, len(contracts)
    if strike_count > 0 and reading.atm is not None:
        first, end = max(reading.atm - strike_count, 0), min(reading.atm + strike_count + 1, end)
    calls, puts = (_side(contracts, reading, kind, slice(first, end)) for kind in (_CE, _PE))
    strikes = contracts.strikes[first:end].tolist()
    rows = tuple(ChainRow(*row) for row in zip(strikes, calls, puts, strict=True))
    return ChainReply(
        underlying=contracts.underlying,
        expiry=contracts.expiry,
        expiries=expiries,
        lot_size=contracts.lot_size,
        spot=number(reading.spot),
        forward=number(reading.forward),
        forward_source=reading.forward_source,
        days=round(reading.days, 4),
        conventions=str(reading.conventions),
        atm=None if reading.atm is None else float(contracts.strikes[reading.atm]),
        atm_iv=number(reading.atm_iv),
        pcr=number(reading.pcr),
        max_pain=number(reading.max_pain),
        straddle=number(reading.straddle),
        synthetic=number(reading.synthetic),
        expected_move=number(reading.move),
        support=number(reading.walls.support),
        resistance=number(reading.walls.resistance),
        rows=rows,
    )


def greeks_of(contracts: ChainContracts, reading: ChainReading, item: Instrument) -> OptionGreeks:
    """One contract of the chain."""
    index = int((contracts.strikes == item.strike).argmax())
    (figures,) = _side(contracts, reading, item.kind, slice(index, index + 1))
    assert figures is not None  # the contract was listed
    return OptionGreeks(
        key=item.key,
        underlying=contracts.underlying,
        expiry=contracts.expiry,
        strike=item.strike,
        kind=item.kind,
        days=round(reading.days, 4),
        spot=number(reading.spot),
        forward=number(reading.forward),
        forward_source=reading.forward_source,
        figures=figures,
    )


def _side(
    contracts: ChainContracts, reading: ChainReading, kind: InstrumentType, rows: slice
) -> list[OptionFigures | None]:
    """The options of one side; None where a strike has none."""
    side, reasons = reading.side(kind), reading.reasons(kind, rows)
    columns = [_numbers(side[name][rows].tolist(), decimals) for name, decimals in _COLUMNS]
    found: list[OptionFigures | None] = []
    for index, reason, *values in zip(range(rows.start, rows.stop), reasons, *columns, strict=True):
        item = contracts.at(index, kind)
        if item is None:
            found.append(None)
            continue
        figures = dict(zip(_NAMES, values, strict=True))
        named = {"symbol": item.symbol, "label": _label(reading.atm, index, kind), "note": reason.sentence}
        found.append(msgspec.convert(figures | named, OptionFigures))
    return found


def _numbers(values: list[float], decimals: int) -> list[float | None]:
    return [round(value, decimals) if math.isfinite(value) else None for value in values]


def _label(atm: int | None, index: int, kind: InstrumentType) -> str:
    if atm is None:
        return ""
    steps = (index - atm) * (1 if kind is _CE else -1)
    where = Moneyness.ATM if steps == 0 else Moneyness.OTM if steps > 0 else Moneyness.ITM
    return Offset(where, abs(steps)).text
