"""What the parts of ``lab.lake`` that read have in common: lakes by the name of their source, and their hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.history import PREPARE_S, HistoryCalls, span_ns
from openalgo_lab.lab.words import Moment, SymbolLike, resolve_key
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.history_commands import HistoryReady, PrepareHistory
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Exchange

if TYPE_CHECKING:
    from openalgo_lab.lab.history_frame import HistoryFrame
    from openalgo_lab.store.history.hours import Hours
    from openalgo_lab.store.history.lake import Lake

__all__ = ["IMPORTED", "LakeReads"]

IMPORTED = "imported"
"""The source of candles that came in from files and whose source nobody named."""


class LakeReads:
    """The part of ``lab.lake`` that knows sources and reads what is kept of them."""

    _lab: LabCore

    def store(self, source: str) -> Lake:
        """The lake of a source, for reading and for keeping candles of your own. Raises InputError."""
        from openalgo_lab.store.history.lake import Lake
        from openalgo_lab.store.history.places import lake_root

        return Lake(lake_root(self._lab.handle.folder, source))

    @property
    def _calls(self) -> HistoryCalls:
        """The facade with ``history``."""
        assert isinstance(self._lab, HistoryCalls)
        return self._lab

    @property
    def source(self) -> str:
        """The source of the market that is shown; "" where nothing of it is kept (a replay)."""
        return self._shown().source

    def candles(
        self,
        symbol: SymbolLike,
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        source: str,
        exchange: Exchange | str | None = None,
    ) -> HistoryFrame:
        """Candles that are kept of a source, ``"imported"`` for example, as ``lab.history`` gives them; nobody is asked
        for what is missing. A symbol that is not listed names its exchange: ``"NSE:MYINDEX"``.
        """
        from openalgo_lab.lab.history_frame import history_frame
        from openalgo_lab.store.history.reading import read_candles

        key = self._key(symbol, exchange)
        span = span_ns(self._lab, start, end)
        found = read_candles(self.store(source), self._hours(source), key, interval, span)
        return history_frame(found.bars, symbol=str(key), source=source, gaps=found.gaps)

    def _key(self, symbol: SymbolLike, exchange: Exchange | str | None) -> InstrumentKey:
        """A listed instrument, or the one that a key or a text with an exchange spells."""
        if isinstance(symbol, InstrumentKey):
            return symbol
        text = symbol.strip().upper() if isinstance(symbol, str) else ""
        where, colon, name = text.partition(":")
        if colon and name and where in set(Exchange):
            return InstrumentKey(Exchange(where), name)
        return resolve_key(self._lab.handle.instruments, symbol, exchange)

    def _hours(self, source: str) -> Hours:
        """When a source's market trades: all but the one that is shown keep the calendar's hours."""
        from openalgo_lab.store.history.reading import hours_of

        shown = self._shown()
        return hours_of(shown.always_open and shown.source == source)

    def _shown(self) -> HistoryReady:
        """What the engine says of the source that it shows, without fetching anything."""
        first = next(iter(self._lab.handle.instruments.underlyings()), "")
        listed = self._lab.handle.instruments.search(first, None, 1)
        if not listed:
            raise InputError("No instruments are known yet: connect a broker first.")
        now = self._lab.handle.status.market_ns
        return self._lab.call(PrepareHistory(listed[0].key, "D", now - 1, now, fetch=False), PREPARE_S)
