"""Readings of a chain as answers of commands: NaN becomes None, every number rounded to what can be meant by it."""

from __future__ import annotations

import math
from datetime import date

from openalgo_lab.engine.option_data.contracts import ChainContracts
from openalgo_lab.engine.option_data.reading import ChainReading
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.option_commands import ChainReply, ChainRow, OptionFigures, OptionGreeks
from openalgo_lab.model.underlyings import Moneyness, Offset
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["chain_reply", "greeks_of", "number"]

_CE, _PE = InstrumentType.CE, InstrumentType.PE


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
    rows = tuple(
        ChainRow(
            float(contracts.strikes[index]),
            _figures(contracts, reading, _CE, index),
            _figures(contracts, reading, _PE, index),
        )
        for index in range(first, end)
    )
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
    figures = _figures(contracts, reading, item.kind, index)
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


def _figures(
    contracts: ChainContracts, reading: ChainReading, kind: InstrumentType, index: int
) -> OptionFigures | None:
    item = contracts.at(index, kind)
    if item is None:
        return None
    side = reading.side(kind)

    def at(name: str, decimals: int = 4) -> float | None:
        return number(side[name][index], decimals)

    return OptionFigures(
        symbol=item.symbol,
        label=_label(reading.atm, index, kind),
        ltp=at("ltp"),
        bid=at("bid"),
        ask=at("ask"),
        volume=at("volume"),
        oi=at("oi"),
        oi_change=at("oi_change"),
        iv=at("iv"),
        delta=at("delta", 6),
        gamma=at("gamma", 8),
        theta=at("theta"),
        vega=at("vega"),
        rho=at("rho", 6),
        note=reading.why(kind, index, item.strike),
    )


def _label(atm: int | None, index: int, kind: InstrumentType) -> str:
    if atm is None:
        return ""
    steps = (index - atm) * (1 if kind is _CE else -1)
    where = Moneyness.ATM if steps == 0 else Moneyness.OTM if steps > 0 else Moneyness.ITM
    return Offset(where, abs(steps)).text
