"""DataFrames from the model's values. pandas and NumPy are imported when the first one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openalgo_lab.model.times import IST

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.model.commands import BarsReply

__all__ = ["bars_frame", "frame_of", "ist_times"]

_COLUMNS = ("open", "high", "low", "close", "volume", "oi")


def frame_of(columns: Mapping[str, Sequence[Any]], index: str | None = None) -> pd.DataFrame:
    """A frame with these columns in this order, also when there are no rows; ``index`` names the index column."""
    import pandas as pd

    frame = pd.DataFrame(dict(columns), columns=list(columns))
    return frame.set_index(index) if index else frame


def ist_times(times_ns: Sequence[int]) -> pd.DatetimeIndex:
    """UTC ns as aware Indian times; 0 (= did not happen) becomes NaT."""
    import numpy as np
    import pandas as pd

    values = np.asarray(times_ns, dtype=np.int64)
    stamps = np.where(values == 0, np.datetime64("NaT", "ns"), values.astype("datetime64[ns]"))
    return pd.DatetimeIndex(stamps).tz_localize("UTC").tz_convert(IST)


def bars_frame(reply: BarsReply, symbol: str = "") -> pd.DataFrame:
    """Candles as a frame: open, high, low, close, volume, oi by the candle's first moment (index ``time``, IST).

    ``frame.attrs["gaps"]`` says in sentences what the source could not deliver, ``frame.attrs["symbol"]`` whose
    candles these are (``"NSE:SBIN"``).
    """
    import numpy as np
    import pandas as pd

    start = np.frombuffer(reply.start_ns, dtype="<i8")
    index = ist_times(start.tolist()).rename("time")
    data = {name: np.frombuffer(getattr(reply, name), dtype="<f8") for name in _COLUMNS}
    frame = pd.DataFrame(data, index=index)
    frame.attrs["gaps"] = list(reply.gaps)
    if symbol:
        frame.attrs["symbol"] = symbol
    return frame
