"""Files of candles in and out, and the catalogue of what is kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from openalgo_lab.lab.history import span_ns
from openalgo_lab.lab.history_base import IMPORTED, LakeReads
from openalgo_lab.lab.words import HasKey, Moment, SymbolLike
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.store.history.catalogue import Catalogue
    from openalgo_lab.store.history.gaps import Gap

__all__ = ["TransferCalls"]


class TransferCalls(LakeReads):
    """The part of ``lab.lake`` for files and for looking at what there is."""

    def import_file(
        self,
        file: Path | str,
        symbol: SymbolLike | None = None,
        interval: str = "1m",
        *,
        exchange: Exchange | str | None = None,
        source: str = IMPORTED,
    ) -> pd.DataFrame:
        """Take candles of 1 minute or a day out of a ``.csv``, ``.parquet`` or ``.xlsx`` file into the lake of
        ``source``; answers a row a series. A candle that is kept already is replaced.

        The file has the columns ``timestamp`` (or ``date`` and ``time``; without an offset it is Indian time), open,
        high, low, close, and may have volume and oi. Without ``symbol`` it says in exchange, symbol and interval what
        each row is of.

        Raises:
            InputError, DecodeError: the file does not fit; the sentence names the row and column. Nothing was kept.
        """
        from openalgo_lab.lab.frames import frame_of
        from openalgo_lab.store.history.resample import parse_interval
        from openalgo_lab.store.history.series import Series, Stored
        from openalgo_lab.store.history.transfer import import_file, import_many, shown_spans

        path = Path(file).expanduser()
        if symbol is None:
            parts = import_many(path)
        else:
            parse_interval(interval)
            if interval not in set(Stored):
                raise InputError(f"Candles of {interval} are not kept: import 1m or D.", "interval")
            series = Series(self._key(symbol, exchange), Stored(interval))
            parts = ((series, import_file(path, series)),)
        self.store(source).append_many((one, bars, shown_spans(bars)) for one, bars in parts)
        return frame_of(
            {
                "symbol": [str(one.key) for one, _ in parts],
                "interval": [one.interval.value for one, _ in parts],
                "candles": [len(bars) for _, bars in parts],
                "first": [from_ns(int(bars.start_ns[0])) if len(bars) else None for _, bars in parts],
                "last": [from_ns(int(bars.start_ns[-1])) if len(bars) else None for _, bars in parts],
                "source": [source] * len(parts),
            },
            index="symbol",
        )

    def export_file(
        self,
        file: Path | str,
        symbols: SymbolLike | Iterable[SymbolLike],
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        source: str | None = None,
        fetch: bool = True,
    ) -> Path:
        """Write candles of any interval to ``.csv``, ``.parquet`` or ``.xlsx``: one symbol, or many with the columns
        exchange, symbol and interval before. Times are Indian, with their offset; no text leaves as a formula.

        Args:
            source: None takes what ``lab.history`` gives; a name, what is kept of that source.
        """
        from openalgo_lab.lab.backtest_data import bars_of_frame
        from openalgo_lab.store.history.transfer import export_file, export_many

        path = Path(file).expanduser()
        one_symbol = isinstance(symbols, (str, InstrumentKey, HasKey))
        many: Iterable[SymbolLike] = (symbols,) if one_symbol else symbols  # type: ignore[assignment]  # a str is iterable
        start_ns, end_ns = span_ns(self._lab, start, end)
        span = from_ns(start_ns), from_ns(end_ns)
        parts = []
        for key in (self._key(symbol, None) for symbol in many):
            if source is None:
                frame = self._calls.history(key, interval, *span, fetch=fetch)
            else:
                frame = self.candles(key, interval, *span, source=source)
            parts.append((key, interval, bars_of_frame(frame, f"The history of {key}")))
        if one_symbol:
            export_file(path, parts[0][2], str(parts[0][0]))
        else:
            export_many(path, parts)
        return path

    def catalogue_of(self, source: str) -> Catalogue:
        """Looks into the lake of a source; whoever looks often keeps it, for only what changed is read again."""
        from openalgo_lab.store.history.catalogue import Catalogue

        return Catalogue(self.store(source), self._hours(source))

    def catalogue(self, source: str | None = None) -> pd.DataFrame:
        """A row a series that is kept: first and last candle, how many, how many the trading calendar misses, in how
        many gaps, and bytes. None = all sources.
        """
        from openalgo_lab.lab.frames import frame_of

        rows = [(name, one) for name in self._sources(source) for one in self.catalogue_of(name).entries()]
        return frame_of(
            {
                "source": [name for name, _ in rows],
                "symbol": [str(one.series.key) for _, one in rows],
                "interval": [one.series.interval.value for _, one in rows],
                "first": [from_ns(one.first_ns) if one.bars else None for _, one in rows],
                "last": [from_ns(one.last_ns) if one.bars else None for _, one in rows],
                "candles": [one.bars for _, one in rows],
                "missing": [one.missing for _, one in rows],
                "gaps": [len(one.gaps) for _, one in rows],
                "bytes": [one.size for _, one in rows],
                "damaged": [", ".join(one.damaged) for _, one in rows],
            }
        )

    def gaps(self, symbol: SymbolLike, interval: str = "1m", *, source: str | None = None) -> tuple[Gap, ...]:
        """What the trading calendar expects of the spans that were fetched or imported and is not there."""
        key = self._key(symbol, None)
        entries = self.catalogue_of(source or self.source).entries()
        return next((one.gaps for one in entries if (one.series.key, one.series.interval) == (key, interval)), ())

    def _sources(self, source: str | None) -> tuple[str, ...]:
        from openalgo_lab.store.history.places import sources_in

        return sources_in(self._lab.handle.folder) if source is None else (source,)
