"""``lab.history`` and ``lab.lake``: candles, kept ones from the lake, missing ones fetched by the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.words import Moment, SymbolLike, moment_ns, resolve_key
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.history_commands import PrepareHistory
from openalgo_lab.model.vocabulary import Exchange

if TYPE_CHECKING:
    from openalgo_lab.lab.history_frame import HistoryFrame
    from openalgo_lab.lab.history_lake import HistoryLake

__all__ = ["PREPARE_S", "HistoryCalls", "span_ns"]

PREPARE_S = 60.0
"""The engine answers within a quarter of it and is asked again while more is to come."""


class HistoryCalls(LabCore):
    """The part of :class:`~openalgo_lab.lab.Lab` that looks back."""

    def history(
        self,
        symbol: SymbolLike,
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        exchange: Exchange | str | None = None,
        fetch: bool = True,
    ) -> HistoryFrame:
        """Candles as a DataFrame: open, high, low, close, volume, oi by the candle's first moment (IST).

        What is kept comes from the lake, what is missing is fetched from the account whose market is shown, kept, and
        given; today's candles are fetched anew each time and the running one closes at the live price. ``.gaps`` says
        what the trading calendar expects and nobody has.

        Args:
            interval: ``"1m"``, ``"5m"``, ``"15m"``, ``"1h"``, ``"D"``, ``"W"`` … or any number of them.
            start: first candle: ``"2026-01-31"``, ``"2026-01-31 09:15"`` (Indian time), a date or an aware datetime.
            end: a moment that candles start before; a day without a time is included whole. None = up to now.
            fetch: False asks nobody: what is kept, and the rest in ``.gaps``.

        Raises:
            InputError, NotSupported: the interval cannot be had; none stands in for another.
            BrokerError, WireError: the rest could not be fetched; what came before is kept.
        """
        from openalgo_lab.lab.history_frame import frame_of_found
        from openalgo_lab.lab.history_reading import read_history

        ask = self._history_ask(symbol, interval, start, end, exchange, fetch=fetch)
        return frame_of_found(read_history(self, ask))

    async def history_async(
        self,
        symbol: SymbolLike,
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        exchange: Exchange | str | None = None,
        fetch: bool = True,
    ) -> HistoryFrame:
        """The twin of :meth:`history` for ``await``; the lake is read on a thread."""
        from openalgo_lab.lab.history_frame import frame_of_found
        from openalgo_lab.lab.history_reading import read_history_async

        ask = self._history_ask(symbol, interval, start, end, exchange, fetch=fetch)
        return frame_of_found(await read_history_async(self, ask))

    @property
    def lake(self) -> HistoryLake:
        """What is kept: coverage, downloads, schedules, groups, import and export."""
        from openalgo_lab.lab.history_lake import HistoryLake

        return HistoryLake(self)

    def _history_ask(
        self,
        symbol: SymbolLike,
        interval: str,
        start: Moment,
        end: Moment | None,
        exchange: Exchange | str | None,
        *,
        fetch: bool,
    ) -> PrepareHistory:
        key = resolve_key(self.handle.instruments, symbol, exchange)
        return PrepareHistory(key, interval, *span_ns(self, start, end), fetch)


def span_ns(lab: LabCore, start: Moment, end: Moment | None) -> tuple[int, int]:
    """[start, end) in UTC ns; without an end up to the market's present moment. Raises InputError."""
    start_ns = moment_ns(start, "start")
    end_ns = lab.handle.status.market_ns + 1 if end is None else moment_ns(end, "end", day_end=True)
    if end_ns <= start_ns:
        raise InputError(f"The history would end ({end or 'now'}) before it starts ({start}): swap them.", "end")
    return start_ns, end_ns
