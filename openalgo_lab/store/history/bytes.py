"""Candles as plain bytes and back, as they travel between kernels."""

from __future__ import annotations

import numpy as np

from openalgo_lab.model.history_commands import BarsReply
from openalgo_lab.model.market import Bars

__all__ = ["bars_of_reply", "reply_of"]


def bars_of_reply(reply: BarsReply) -> Bars:
    """Candles of an answer."""
    start_ns = np.frombuffer(reply.start_ns, dtype="<i8").astype(np.int64)
    names = Bars.__struct_fields__[1:]
    return Bars(start_ns, **{name: np.frombuffer(getattr(reply, name), dtype="<f8") for name in names})


def reply_of(bars: Bars, gaps: tuple[str, ...] = ()) -> BarsReply:
    """The same back, with what is missing in sentences."""
    start_ns = np.ascontiguousarray(bars.start_ns, dtype="<i8").tobytes()
    names = Bars.__struct_fields__[1:]
    columns = {name: np.ascontiguousarray(getattr(bars, name), dtype="<f8").tobytes() for name in names}
    return BarsReply(start_ns, gaps=gaps, **columns)
