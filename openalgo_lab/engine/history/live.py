"""The candle that runs now, with the last price that was heard."""

from __future__ import annotations

import math

import numpy as np

from openalgo_lab.model.market import Bars, Quote
from openalgo_lab.store.history.series import Stored

__all__ = ["with_quote"]


def with_quote(bars: Bars, interval: Stored, quote: Quote | None, now_ns: int) -> Bars:
    """The same candles, the last one closing at the live price where that was made within it: a broker's own answer
    is a few seconds older. A candle that the source has not begun is not begun here: its opening is not known.
    """
    if quote is None or not len(bars) or not math.isfinite(quote.ltp):
        return bars
    start_ns = int(bars.start_ns[-1])
    end_ns = start_ns + interval.length_ns
    if not (start_ns <= quote.time_ns < end_ns and start_ns <= now_ns < end_ns):
        return bars
    last = {"close": quote.ltp, "high": max(bars.high[-1], quote.ltp), "low": min(bars.low[-1], quote.ltp)}
    columns = {name: getattr(bars, name) for name in Bars.__struct_fields__}
    for name, value in last.items():
        columns[name] = np.append(columns[name][:-1], value)
    return Bars(**columns)
