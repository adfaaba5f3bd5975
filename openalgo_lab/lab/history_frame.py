"""The DataFrame of ``lab.history``: candles that know whose they are, where they come from and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import pandas as pd

from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import IST
from openalgo_lab.store.history.gaps import Gap

if TYPE_CHECKING:
    from openalgo_lab.lab.history_reading import Found

__all__ = ["HistoryFrame", "frame_of_found", "history_frame"]

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


def frame_of_found(found: Found) -> HistoryFrame:
    """The frame of what was read."""
    frame = history_frame(found.candles.bars, symbol=str(found.key), source=found.source, gaps=found.candles.gaps)
    if found.notes:
        frame.attrs["notes"] = list(found.notes)
    return frame
