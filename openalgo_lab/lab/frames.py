"""DataFrames from the model's values. pandas and NumPy are imported when the first one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openalgo_lab.model.times import IST

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame_of", "ist_times"]


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
