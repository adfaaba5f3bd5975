"""Values that end at the present: a strategy reads bars and indicators through these and cannot see beyond now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import from_ns
from openalgo_lab.strategy.orders import Position

__all__ = ["Bar", "BarData", "Series"]

COLUMNS: Final = ("open", "high", "low", "close", "volume", "oi")


class Series:
    """A column up to the present bar: ``s[-1]`` is the present value, ``s[-2]`` the one before, ``s[0]`` the first.

    Reading beyond either end raises InputError. ``s.values`` is the past as a read-only array.
    """

    __slots__ = ("_all", "_data", "_view")

    def __init__(self, values: npt.NDArray[Any], data: BarData) -> None:
        self._all = np.ascontiguousarray(values)
        self._view = self._all.data
        self._data = data

    def __getitem__(self, index: int) -> float:
        # Written for speed: a strategy reads several values a bar.
        count = self._data.count
        if index < 0:
            if index + count >= 0:
                return self._view[index + count]
        elif index < count:
            return self._view[index]
        raise InputError(f"Value {index} is not known yet or lies before the first bar: only {count} bars have passed.")

    def __len__(self) -> int:
        return self._data.count

    def __iter__(self) -> Iterator[float]:
        return iter(self.values.tolist())

    @property
    def values(self) -> npt.NDArray[Any]:
        """All values up to the present, first to last, read-only."""
        past = self._all[: self._data.count]
        past.flags.writeable = False
        return past

    @property
    def data(self) -> BarData:
        """The bars it belongs to."""
        return self._data

    def replace(self, values: npt.NDArray[Any]) -> None:
        """Another column in its place, for a host whose bars grow; whoever holds the series reads on."""
        self._all = np.ascontiguousarray(values)
        self._view = self._all.data

    def whole(self) -> npt.NDArray[Any]:
        """The column with its future, for the host that computes indicators; a strategy must not ask for it."""
        return self._all

    def __repr__(self) -> str:
        return f"<Series of {len(self)}: … {', '.join(f'{value:.6g}' for value in self.values[-3:])}>"


class BarData:
    """The bars of one instrument up to the present, its position, and what the strategy's host keeps of it.

    ``count`` is how many bars have passed; the host moves it. The columns are :class:`Series`.
    """

    __slots__ = (
        "_ends",
        "close",
        "count",
        "high",
        "instrument",
        "key",
        "low",
        "oi",
        "open",
        "position",
        "start",
        "volume",
    )

    def __init__(self, instrument: Instrument, bars: Bars, ends_ns: npt.NDArray[np.int64]) -> None:
        self.instrument = instrument
        self.key = instrument.symbol
        self.count = 0
        self.start = Series(bars.start_ns, self)
        self.open = Series(bars.open, self)
        self.high = Series(bars.high, self)
        self.low = Series(bars.low, self)
        self.close = Series(bars.close, self)
        self.volume = Series(bars.volume, self)
        self.oi = Series(bars.oi, self)
        self.position = Position(instrument.symbol)
        self._ends = ends_ns

    @property
    def row(self) -> int:
        """The present bar's number, -1 before the first."""
        return self.count - 1

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @property
    def end_ns(self) -> int:
        """The moment (UTC ns) at which the present bar was complete."""
        return int(self._ends[self.count - 1])

    def extend(self, bars: Bars, ends_ns: npt.NDArray[np.int64]) -> None:
        """Bars that have become complete, for a host whose bars grow; the present moves to the last of them."""
        self.start.replace(np.concatenate((self.start.whole(), bars.start_ns)))
        for name in COLUMNS:
            column: Series = getattr(self, name)
            column.replace(np.concatenate((column.whole(), getattr(bars, name))))
        self._ends = np.concatenate((self._ends, ends_ns))
        self.count = len(self._ends)

    def bars(self) -> Bars:
        """All bars up to the present."""
        return Bars(self.start.values, *(getattr(self, name).values for name in COLUMNS))

    def whole(self) -> Bars:
        """The bars with their future, for the host that computes indicators."""
        return Bars(self.start.whole(), *(getattr(self, name).whole() for name in COLUMNS))

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"<BarData {self.instrument.key}: {self.count} bars>"


class Bar(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One complete bar: number ``row`` of ``data``. Prices in rupees, ``time`` its first moment on the Indian clock."""

    data: BarData
    row: int

    @property
    def symbol(self) -> str:
        return self.data.instrument.symbol

    @property
    def open(self) -> float:
        return self.data.open[self.row]

    @property
    def high(self) -> float:
        return self.data.high[self.row]

    @property
    def low(self) -> float:
        return self.data.low[self.row]

    @property
    def close(self) -> float:
        return self.data.close[self.row]

    @property
    def volume(self) -> float:
        return self.data.volume[self.row]

    @property
    def oi(self) -> float:
        return self.data.oi[self.row]

    @property
    def start_ns(self) -> int:
        """UTC ns of its first moment."""
        return int(self.data.start[self.row])

    @property
    def time(self) -> Any:
        """Its first moment, an aware datetime in IST."""
        return from_ns(self.start_ns)

    def __repr__(self) -> str:
        return f"<Bar {self.symbol} {self.time:%Y-%m-%d %H:%M}: {self.open} {self.high} {self.low} {self.close}>"
