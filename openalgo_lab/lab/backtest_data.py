"""From what people hold (frames, symbols) to what a backtest runs on, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from openalgo_lab.lab.frames import ist_times
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.store.history.bytes import bars_of_reply

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bars_of_frame", "bars_of_reply", "frame_of_bars", "named_frames", "series_of", "unique_symbols"]

_PRICES = ("open", "high", "low", "close")


def bars_of_frame(frame: pd.DataFrame, name: str = "The frame") -> Bars:
    """Candles of a frame: columns open, high, low, close and, if there are any, volume and oi, in any case; its index
    is aware times. A volume that is not there counts as none.

    Raises InputError that says what is missing.
    """
    import pandas as pd

    index = frame.index
    if not isinstance(index, pd.DatetimeIndex):
        raise InputError(f"{name} needs the candles' times as its index; set_index('time') first.", field="data")
    if index.tz is None:
        raise InputError(
            f"{name} has times without a zone; say which they are, frame.tz_localize('Asia/Kolkata').", field="data"
        )
    columns = {str(column).lower(): column for column in frame.columns}
    if missing := [word for word in _PRICES if word not in columns]:
        raise InputError(f"{name} has no column {missing[0]!r}; it needs open, high, low and close.", field="data")

    def values(word: str) -> npt.NDArray[np.float64]:
        if word not in columns:
            return np.zeros(len(frame))
        column = frame[columns[word]].to_numpy(dtype=np.float64)
        return np.ascontiguousarray(column if word in _PRICES else np.nan_to_num(column))

    start = np.ascontiguousarray(index.as_unit("ns").asi8)
    return Bars(start, **{word: values(word) for word in (*_PRICES, "volume", "oi")})


def frame_of_bars(bars: Bars) -> pd.DataFrame:
    """The same back, as ``lab.history`` gives it."""
    import pandas as pd

    index = ist_times(bars.start_ns.tolist()).rename("time")
    return pd.DataFrame({name: getattr(bars, name) for name in (*_PRICES, "volume", "oi")}, index=index)


def series_of(time_ns: npt.NDArray[np.int64], values: npt.NDArray[Any], name: str) -> pd.Series[float]:
    """A column by Indian time."""
    import pandas as pd

    return pd.Series(values, index=ist_times(time_ns.tolist()).rename("time"), name=name)


def named_frames(data: pd.DataFrame | Mapping[Any, pd.DataFrame], symbol: Any | None) -> list[tuple[Any, pd.DataFrame]]:
    """(symbol, frame) of what was given: one frame and its symbol, or frames by symbol. Raises InputError."""
    if isinstance(data, str | tuple):
        raise InputError("Give a frame of lab.history, frames by symbol, or a span: ('15m', '2026-01-31').", "data")
    if isinstance(data, Mapping):
        if symbol is not None:
            raise InputError("The frames are given by symbol already: leave symbol out.", field="symbol")
        return list(data.items())
    known = symbol if symbol is not None else data.attrs.get("symbol")
    if known is None:
        raise InputError(
            "The frame does not say which instrument it is of: give symbol, for example symbol='SBIN'.", field="symbol"
        )
    return [(known, data)]


def unique_symbols(instruments: Sequence[Instrument]) -> None:
    """Raises InputError where two instruments of a run have one symbol."""
    seen: set[str] = set()
    for instrument in instruments:
        if instrument.symbol in seen:
            raise InputError(f"{instrument.symbol} is given twice: give each instrument once.", field="data")
        seen.add(instrument.symbol)
