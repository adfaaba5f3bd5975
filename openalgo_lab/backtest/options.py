"""The options that were listed on a day, from their own bars: no contract is known before it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.market import Market
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND, trade_date
from openalgo_lab.model.vocabulary import OptionType

__all__ = ["RecordedOptions", "in_place"]

_IST_NS = (5 * 3600 + 1800) * NS_PER_SECOND


class RecordedOptions:
    """Contracts with their bars; a contract was listed on the days on which it has bars."""

    def __init__(self, bars: Mapping[Instrument, Bars], make: Callable[[Instrument, Bars], Market]) -> None:
        self._bars = {instrument.symbol: one for instrument, one in bars.items()}
        self._make = make
        self._made: dict[str, Market] = {}
        self._by_underlying: dict[tuple[str, str], list[Instrument]] = defaultdict(list)
        for instrument in bars:
            if not instrument.kind.is_option or instrument.expiry is None:
                raise InputError(f"{instrument.symbol} is no option: give options only.", field="options")
            self._by_underlying[instrument.underlying, instrument.kind.value].append(instrument)

    def find(
        self, underlying: str, kind: OptionType, *, offset: int, expiry: int, spot: float, now_ns: int
    ) -> Instrument:
        """The contract ``offset`` strikes out of the money from the one nearest to ``spot``, in that expiry."""
        today = trade_date(now_ns - 1)
        listed = self._listed(underlying, kind, today)
        return in_place(listed, underlying, kind, offset=offset, expiry=expiry, spot=spot, today=today)

    def market(self, instrument: Instrument) -> Market:
        """Its bars, ready to run."""
        if instrument.symbol not in self._made:
            self._made[instrument.symbol] = self._make(instrument, self._bars[instrument.symbol])
        return self._made[instrument.symbol]

    def _listed(self, underlying: str, kind: OptionType, today: date) -> list[Instrument]:
        number = today.toordinal() - date(1970, 1, 1).toordinal()
        return [
            one
            for one in self._by_underlying[underlying, kind.value]
            if one.expiry is not None and one.expiry >= today and _has_day(self._bars[one.symbol].start_ns, number)
        ]


def in_place(
    listed: Sequence[Instrument],
    underlying: str,
    kind: OptionType,
    *,
    offset: int,
    expiry: int,
    spot: float,
    today: date,
) -> Instrument:
    """Of the contracts of one kind that are listed today the one ``offset`` strikes out of the money from the nearest
    to ``spot``, in expiry number ``expiry``. One rule for every host. Raises InputError where there is none.
    """
    expiries = sorted({one.expiry for one in listed if one.expiry is not None})
    if not -1 < expiry < len(expiries):
        raise InputError(
            f"{len(expiries)} expiries of {underlying} {kind.value} were listed on {today}; ask for fewer, or give "
            "more option bars.",
            field="expiry",
        )
    ladder = sorted((one for one in listed if one.expiry == expiries[expiry]), key=lambda one: one.strike)
    nearest = min(range(len(ladder)), key=lambda number: (abs(ladder[number].strike - spot), number))
    place = nearest + (offset if kind is OptionType.CE else -offset)
    if not 0 <= place < len(ladder):
        raise InputError(
            f"{underlying} had {len(ladder)} {kind.value} strikes on {today}: the one {offset:+d} from the money "
            "was not listed.",
            field="moneyness",
        )
    return ladder[place]


def _has_day(start_ns: npt.NDArray[np.int64], day: int) -> bool:
    first = np.searchsorted(start_ns, day * NS_PER_DAY - _IST_NS)
    return bool(first < len(start_ns) and start_ns[first] < (day + 1) * NS_PER_DAY - _IST_NS)
