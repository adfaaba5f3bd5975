"""Recorded ticks and chain snapshots beside the candles."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from openalgo_lab.lab.history_base import LakeReads
from openalgo_lab.lab.words import HasKey, SymbolLike, plain_underlying, resolve_key
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import InstrumentKey

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.tick_recorder import TickRecorder
    from openalgo_lab.store.history.chains import ChainStore
    from openalgo_lab.store.history.ticks import TickStore

__all__ = ["RecordCalls"]


class RecordCalls(LakeReads):
    """The part of ``lab.lake`` for what was recorded live."""

    def record_ticks(self, symbols: SymbolLike | Iterable[SymbolLike]) -> TickRecorder:
        """Record the ticks of some instruments into the lake until ``.stop()``.

        Raises InputError while the market is a replay, which is a recording already.
        """
        from openalgo_lab.lab.tick_recorder import TickRecorder

        one_symbol = isinstance(symbols, (str, InstrumentKey, HasKey))
        many: Iterable[SymbolLike] = (symbols,) if one_symbol else symbols  # type: ignore[assignment]  # a str is iterable
        keys = [resolve_key(self._lab.handle.instruments, symbol) for symbol in many]
        return TickRecorder(self._lab, keys, self._ticks(None))

    def tick_days(self, source: str | None = None) -> pd.DataFrame:
        """A row a day and instrument that has recorded ticks: how many, the first and the last."""
        from openalgo_lab.lab.frames import frame_of, ist_times

        store = self._ticks(source)
        rows = [row for day in store.days() for row in store.catalogue(day)]
        return frame_of(
            {
                "day": [row.day for row in rows],
                "symbol": [str(row.key) for row in rows],
                "ticks": [row.ticks for row in rows],
                "first": list(ist_times([row.first_ns for row in rows])),
                "last": list(ist_times([row.last_ns for row in rows])),
            }
        )

    def ticks(self, symbol: SymbolLike, day: date | str, *, source: str | None = None) -> pd.DataFrame:
        """The recorded ticks of an instrument on a day, by the exchange's time (index ``time``, IST); NaN = not known.

        Rupees and units: ltp, bid, ask, bid_qty, ask_qty, ltq, volume (of the day), oi.
        """
        import pandas as pd

        from openalgo_lab.lab.frames import ist_times

        key = self._key(symbol, None)
        found = self._ticks(source).read(_day(day), [key])
        frame = pd.DataFrame(dict(found.columns), index=ist_times(found.time_ns.tolist()).rename("time"))
        frame.attrs["symbol"] = str(key)
        return frame

    def replay_ticks(self, underlying: str, day: date | str, *, source: str | None = None) -> Path:
        """Make a recording of the ticks of an underlying and its options on a day, a snapshot a second, and keep it
        beside the recorded chains: ``Lab("again", replay=path)`` plays it. Raises InputError when they are not there.
        """
        from openalgo_lab.model.rules import RuleBook
        from openalgo_lab.store.history.tick_replay import write_replay

        name, when = plain_underlying(underlying), _day(day)
        file = self._chains().folder / f"{name}-ticks-{when:%Y%m%d}.parquet"
        write_replay(self._ticks(source).read(when), name, file, RuleBook.load())
        return file

    def recordings(self, underlying: str | None = None, day: date | str | None = None) -> pd.DataFrame:
        """Recorded chain snapshots (``lab.record_chain``), of an underlying and a day where they are given; a replay
        plays the file. A damaged one says why in ``damaged``.
        """
        from openalgo_lab.lab.frames import frame_of, ist_times

        store = self._chains()
        whole = underlying is None and day is None
        name = None if underlying is None else plain_underlying(underlying)
        rows = store.files() if whole else store.find(name, None if day is None else _day(day))
        return frame_of(
            {
                "file": [str(row.file) for row in rows],
                "underlyings": [", ".join(row.underlyings) for row in rows],
                "first": list(ist_times([row.first_ns for row in rows])),
                "last": list(ist_times([row.last_ns for row in rows])),
                "snapshots": [row.snapshots for row in rows],
                "rows": [row.rows for row in rows],
                "bytes": [row.size for row in rows],
                "damaged": [row.damaged for row in rows],
            }
        )

    def snapshots(self, file: Path | str) -> pd.DataFrame:
        """The rows of a recording by the snapshots' time (index ``time``, IST). Raises DecodeError."""
        import pandas as pd

        from openalgo_lab.lab.frames import ist_times

        columns = self._chains().read(Path(file))
        index = ist_times(columns.pop("time_ns").tolist()).rename("time")
        return pd.DataFrame(columns, index=index)

    def keep_recording(self, file: Path | str) -> Path:
        """Take a copy of a recording from elsewhere among ours. Raises InputError for a file that cannot be played."""
        return self._chains().keep(Path(file).expanduser()).file

    def _ticks(self, source: str | None) -> TickStore:
        from openalgo_lab.store.history.places import lake_root
        from openalgo_lab.store.history.ticks import TickStore

        name = source or self.source
        if not name:
            raise InputError("A replay is a recording already: its ticks are not kept again.", "source")
        return TickStore(lake_root(self._lab.handle.folder, name) / "ticks")

    def _chains(self) -> ChainStore:
        from openalgo_lab.store.history.chains import ChainStore

        return ChainStore([self._lab.handle.folder / "chains"])


def _day(day: date | str) -> date:
    try:
        return date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError:
        raise InputError(f"{day!r} is no date: write one such as '2026-01-31'.", "day") from None
