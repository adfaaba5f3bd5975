"""The DataFrame of ``lab.history``: candles that know whose they are, where they come from and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pandas as pd

from openalgo_lab.model.history_commands import HistoryReady, PrepareHistory
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import IST
from openalgo_lab.store.history.gaps import Gap

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle
    from openalgo_lab.model.commands import BarsReply

__all__ = ["HistoryFrame", "bars_of_answer", "frame_of_history", "history_frame"]

_MOST_SENTENCES: Final = 20
_COLUMNS: Final = ("open", "high", "low", "close", "volume", "oi")


class HistoryFrame(pd.DataFrame):
    """A DataFrame of candles. What is cut or computed from it stays one and says the same of itself."""

    _metadata: ClassVar[list[str]] = ["_gaps"]  # handed on as it is; attrs are copied deeply at every step
    _gaps: tuple[Gap, ...] = ()

    @property
    def _constructor(self) -> type[HistoryFrame]:
        return HistoryFrame

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What the trading calendar expects of the span that was asked and nobody has; print one for a sentence.

        Illiquid instruments have minutes without a trade: they are listed too, for nobody can tell them from a loss.
        """
        return self._gaps

    @property
    def source(self) -> str:
        """Whose candles these are: a broker's name, or the simulated exchange's."""
        return str(self.attrs.get("source", ""))


def history_frame(bars: Bars, *, symbol: str, source: str = "", gaps: tuple[Gap, ...] = ()) -> HistoryFrame:
    """Candles as a frame by their first moment (index ``time``, IST); ``attrs`` hold ``symbol``, ``source`` and the
    first gaps as sentences.
    """
    index = pd.DatetimeIndex(bars.start_ns.view("datetime64[ns]"), name="time").tz_localize("UTC").tz_convert(IST)
    frame = HistoryFrame({name: getattr(bars, name) for name in _COLUMNS}, index=index, copy=False)
    object.__setattr__(frame, "_gaps", gaps)
    frame.attrs["gaps"] = _sentences(gaps)
    frame.attrs["symbol"] = symbol
    frame.attrs["source"] = source
    return frame


def _sentences(gaps: tuple[Gap, ...]) -> list[str]:
    more = len(gaps) - _MOST_SENTENCES
    return [*map(str, gaps[:_MOST_SENTENCES]), *([f"{more} more: see .gaps"] if more > 0 else [])]


def frame_of_history(handle: EngineHandle, ask: PrepareHistory, ready: HistoryReady) -> tuple[HistoryFrame, bool]:
    """(the frame, whether the lake still covers what it was said to: a damaged file is found on reading)."""
    fresh = None if ready.fresh is None else bars_of_answer(ready.fresh)
    symbol = str(ask.key)
    if not ready.root:
        assert fresh is not None
        return history_frame(fresh, symbol=symbol, source=ready.source), True
    from openalgo_lab.store.history.reading import LakeBars

    now_ns = handle.status.market_ns
    end_ns = min(ask.end_ns, now_ns + 1)
    lake = LakeBars(ready.root, ask.key, ask.interval, ask.start_ns, end_ns, ready.always_open)
    before = lake.damaged()
    candles = lake.candles(fresh, now_ns)
    frame = history_frame(candles.bars, symbol=symbol, source=ready.source, gaps=candles.gaps)
    if ready.notes:
        frame.attrs["notes"] = list(ready.notes)
    return frame, lake.damaged() == before


def bars_of_answer(reply: BarsReply) -> Bars:
    """Candles of an answer of the engine."""
    start_ns = np.frombuffer(reply.start_ns, dtype="<i8").astype(np.int64)
    columns: dict[str, Any] = {name: np.frombuffer(getattr(reply, name), dtype="<f8") for name in _COLUMNS}
    return Bars(start_ns, **columns)
