"""Bars of a running strategy: they grow as they become complete, and with them the columns derived from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from openalgo_lab.backtest.guard import check_causal, computed
from openalgo_lab.lab.strategy_host_book import no_bars
from openalgo_lab.lab.strategy_host_clock import Moments
from openalgo_lab.lab.strategy_host_gate import Gate
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.strategy.host import Indicator
from openalgo_lab.strategy.series import BarData, Series

__all__ = ["LiveBars", "settlement"]

_DAY_NS: Final = 86_400 * 10**9
_SHAPE: Final = 64
"""Bars of a made-up column, by which a function shows how many columns it gives while there are no bars yet."""


class LiveBars:
    """``data`` is by symbol, the order of following. A strategy begins with up to ``warm_up`` bars of the past."""

    def __init__(self, gate: Gate, moments: Moments, length_ns: int, warm_up: int) -> None:
        self.data: dict[str, BarData] = {}
        self._gate = gate
        self._moments = moments
        self._length_ns = length_ns
        self._warm_up = warm_up
        self._derived: dict[str, list[tuple[Indicator, tuple[Series, ...], tuple[Series, ...]]]] = {}

    def follow(self, instrument: Instrument, now_ns: int) -> BarData:
        """Another instrument, with its past. Raises InputError for one that is followed already."""
        if instrument.symbol in self.data:
            raise InputError(f"{instrument.symbol} is given twice: give each instrument once.", field="universe")
        self._gate.follow([instrument])
        data = self.data[instrument.symbol] = BarData(instrument, no_bars(), np.empty(0, dtype=np.int64))
        self._derived[instrument.symbol] = []
        self.extend(data, now_ns)
        return data

    def extend(self, data: BarData, now_ns: int) -> bool:
        """Take the bars that have become complete by now; whether there were any."""
        since = int(data.start[-1]) + 1 if len(data) else now_ns - self._warm_up_ns
        bars = self._gate.bars(data.instrument, since, now_ns)
        complete = bars.start_ns + self._length_ns <= now_ns
        if not complete.any():
            return False
        columns = {name: getattr(bars, name)[complete] for name in bars.__struct_fields__}
        if not len(data) and self._warm_up:  # the latest of a generous span
            columns = {name: column[-self._warm_up :] for name, column in columns.items()}
        whole = Bars(**columns)
        data.extend(whole, whole.start_ns + self._length_ns)
        self._moments.anchor(int(data.start[-1]))
        for function, inputs, outputs in self._derived[data.symbol]:
            made = computed(function, [series.whole() for series in inputs])
            for series, column in zip(outputs, made, strict=True):
                series.replace(column)
        return True

    def derive(self, function: Indicator, inputs: Sequence[Series], *, guard: bool) -> tuple[Series, ...]:
        """Columns over all bars so far, computed anew with every bar; ``guard`` checks them for looking ahead."""
        data = inputs[0].data
        if any(series.data is not data for series in inputs):
            raise InputError("The inputs of an indicator must be of one instrument.", field="inputs")
        arrays = [series.whole() for series in inputs]
        if len(arrays[0]):
            columns = computed(function, arrays)
            if guard:
                check_causal(function, arrays, columns)
        else:
            shape = computed(function, [np.ones(_SHAPE, dtype=array.dtype) for array in arrays])
            columns = tuple(column[:0] for column in shape)
        made = tuple(Series(column, data) for column in columns)
        self._derived[data.symbol].append((function, tuple(inputs), made))
        return made

    @property
    def _warm_up_ns(self) -> int:
        """A span that holds the bars of the warm-up even where a day trades six hours only, holidays between."""
        return self._warm_up * self._length_ns * 6 + 10 * _DAY_NS if self._warm_up else 0


def settlement(data: Mapping[str, BarData], instrument: Instrument) -> float:
    """What a contract is worth when it ends: intrinsic by the underlying's last close where it is followed, else its
    own last close.
    """
    spot = data.get(instrument.underlying)
    if spot is None or not len(spot) or not instrument.kind.is_option:
        return data[instrument.symbol].close[-1]
    sign = 1 if instrument.kind is InstrumentType.CE else -1
    return max(sign * (spot.close[-1] - instrument.strike), 0.0)
