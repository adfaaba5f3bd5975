"""The sandbox's own numbers for instruments: stable over days and data sources, and kept with their names.

Brokers number instruments each in their own way and anew every day; a sandbox position must outlive both.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.sim.clients import Catalogue
from openalgo_lab.sim.records import Records

__all__ = ["LazyCatalogue", "SandboxRecords", "token_of"]

_NAMES = "CREATE TABLE IF NOT EXISTS names (token INTEGER PRIMARY KEY, exchange TEXT NOT NULL, symbol TEXT NOT NULL)"


def token_of(key: InstrumentKey) -> int:
    """A positive 62-bit number of the name."""
    digest = hashlib.blake2b(str(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 2


class SandboxRecords(Records):
    """The venue's records, and the names of its numbers."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._db.execute(_NAMES)

    def remember(self, token: int, key: InstrumentKey) -> None:
        """Keep a name. Raises StoreError when the disk refuses."""
        try:
            self._db.execute("INSERT OR REPLACE INTO names VALUES (?,?,?)", (token, key.exchange.value, key.symbol))
        except sqlite3.Error as error:
            raise StoreError(f"The sandbox's record cannot be written ({error}): free some space.") from error

    def names(self) -> dict[int, InstrumentKey]:
        """All that are kept."""
        rows = self._db.execute("SELECT token, exchange, symbol FROM names")
        return {token: InstrumentKey(Exchange(exchange), symbol) for token, exchange, symbol in rows}


class LazyCatalogue(Catalogue):
    """Looks instruments up as they are met, instead of holding a whole master contract."""

    def __init__(
        self,
        find: Callable[[InstrumentKey], Instrument | None],
        underlyings: Callable[[], Sequence[str]],
        records: SandboxRecords,
    ) -> None:
        super().__init__(())
        self._find = find
        self._underlyings = underlyings
        self._records = records
        self._names = records.names()

    def admit(self, instrument: Instrument) -> Instrument:
        """The instrument under the sandbox's own number."""
        token = token_of(instrument.key)
        if token not in self._names:
            self._records.remember(token, instrument.key)
            self._names[token] = instrument.key
        return msgspec.structs.replace(instrument, token=token)

    def name(self, token: int) -> InstrumentKey:
        """What a number stands for. Raises KeyError for one that was never given."""
        return self._names[token]

    def get(self, token: int) -> Instrument | None:
        """The instrument of a number, if it is listed today."""
        key = self._names.get(token)
        found = self._find(key) if key is not None else None
        return msgspec.structs.replace(found, token=token) if found is not None else None

    def spot(self, exchange: Exchange, name: str) -> Instrument | None:
        """The index or share called ``name`` beside the derivatives of ``exchange``."""
        for key in spot_keys(exchange, name):
            found = self._find(key)
            if found is not None:
                return self.admit(found)
        return None

    def has_derivatives(self, instrument: Instrument) -> bool:
        """Whether futures or options on a share are listed."""
        return instrument.symbol in self._underlyings()


def spot_keys(exchange: Exchange, name: str) -> list[InstrumentKey]:
    """Where an underlying may be quoted, in the order to look."""
    homes = {
        Exchange.NFO: (Exchange.NSE_INDEX, Exchange.NSE),
        Exchange.BFO: (Exchange.BSE_INDEX, Exchange.BSE),
        Exchange.MCX: (Exchange.MCX_INDEX,),
    }
    return [InstrumentKey(home, name) for home in homes.get(exchange, ())]
