"""Instruments on disk: one SQLite file a broker and day, built once, read by every process of the profile.

The file is written aside and renamed into place, so a reader sees a whole one or none. It opens in well under a
millisecond and holds a trigram index for search; nothing is loaded ahead. A file that cannot be trusted raises
StoreError and can simply be built again from the broker's master contract.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

from openalgo_lab.model.errors import StoreError, SymbolError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES, Exchange, InstrumentType
from openalgo_lab.store.search import search

__all__ = ["InstrumentStore"]

_FORMAT = "2"

_SCHEMA = """
PRAGMA page_size = 8192;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE instruments (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL, exchange TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, token INTEGER NOT NULL,
    lot_size INTEGER NOT NULL, tick_size REAL NOT NULL, freeze_quantity INTEGER NOT NULL, underlying TEXT NOT NULL,
    expiry TEXT NOT NULL, strike REAL NOT NULL, broker_symbol TEXT NOT NULL, broker_token TEXT NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='trigram', detail='none', columnsize=0);
"""

_INDEXES = """
CREATE UNIQUE INDEX by_symbol ON instruments (symbol, exchange);
CREATE INDEX by_token ON instruments (token);
CREATE INDEX by_broker_symbol ON instruments (broker_symbol);
CREATE INDEX by_broker_token ON instruments (broker_token) WHERE broker_token <> '';
CREATE INDEX by_expiry ON instruments (underlying, expiry, strike);
CREATE INDEX by_strike ON instruments (underlying, strike, kind, expiry);
CREATE INDEX plain ON instruments (symbol) WHERE underlying = '';
ANALYZE;
"""

_COLUMNS = (
    "symbol, exchange, kind, name, token, lot_size, tick_size, freeze_quantity, underlying, expiry, strike"
    ", broker_symbol, broker_token"
)


class InstrumentStore:
    """Today's instruments of one broker. Safe to read from any thread; each thread has its own connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._found: dict[InstrumentKey, Instrument] = {}
        self._named: dict[InstrumentKey, Instrument | None] = {}
        self._underlyings: Sequence[str] | None = None
        self._names: Sequence[str] | None = None
        self.dated = date.fromisoformat(self._checked_meta())
        """The trading day that the file is for."""

    @classmethod
    def open(cls, path: Path) -> InstrumentStore:
        """Open a built file. Raises StoreError when it is missing, damaged, or of another format."""
        return cls(path)

    @classmethod
    def build(cls, path: Path, instruments: Iterable[Instrument], dated: date) -> InstrumentStore:
        """Write ``instruments`` of trading day ``dated`` to ``path`` (replacing it at the end) and open it.

        Raises StoreError when the file cannot be written or a (exchange, symbol) stands twice.
        """
        scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
        scratch.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(scratch)) as db:
                _fill(db, instruments, dated)
            scratch.replace(path)
        except (sqlite3.Error, OSError) as error:
            scratch.unlink(missing_ok=True)
            raise StoreError(
                f"The instrument file {path.name} cannot be written ({error}): free some space or fix the folder's "
                "permissions, then start again."
            ) from error
        return cls(path)

    @property
    def path(self) -> Path:
        """The file, for readers in other processes."""
        return self._path

    def __len__(self) -> int:
        return int(self._value("SELECT count(*) FROM instruments"))

    def find(self, key: InstrumentKey) -> Instrument | None:
        """The instrument, or None when it is not listed."""
        known = self._found.get(key)
        if known is None:
            rows = self.select("symbol = ? AND exchange = ?", (key.symbol, key.exchange.value))
            if not rows:
                return None
            known = self._found[key] = rows[0]
        return known

    def require(self, key: InstrumentKey) -> Instrument:
        """The instrument; a SymbolError that names the nearest listed symbols when there is none."""
        found = self.find(key)
        if found is None:
            raise SymbolError(_not_listed(key, self.search(key.symbol, limit=3)), field="symbol")
        return found

    def by_broker_name(self, exchange: Exchange, name: str) -> Instrument | None:
        """The instrument that the broker's reports call ``name``: its text for orders, for the feed, or our symbol."""
        key = InstrumentKey(exchange, name)
        if key not in self._named:
            rows = self.select(
                "exchange = ? AND (broker_symbol = ? OR broker_token = ? OR symbol = ?) ORDER BY broker_symbol <> ?",
                (exchange.value, name, name, name, name),
            )
            self._named[key] = rows[0] if rows else None
        return self._named[key]

    def by_symbol(self, symbol: str) -> Sequence[Instrument]:
        """The instruments of that symbol on every exchange, NSE's first: it is the one that a bare symbol means, since
        most shares are listed on BSE as well and trade there far less."""
        return self.select("symbol = ? ORDER BY exchange <> 'NSE', exchange", (symbol,))

    def by_token(self, token: int) -> Instrument | None:
        """The instrument of a broker's token."""
        rows = self.select("token = ?", (token,))
        return rows[0] if rows else None

    def all(self, exchange: Exchange | None = None) -> Sequence[Instrument]:
        """Every instrument (of one exchange), in the master contract's order."""
        if exchange is None:
            return self.select("1 ORDER BY id", ())
        return self.select("exchange = ? ORDER BY id", (exchange.value,))

    def expiries(self, underlying: str, kind: InstrumentType | None = None) -> Sequence[date]:
        """Expiries listed for ``underlying``, ascending: of one kind (FUT, CE, PE) or of options when None."""
        kinds = (kind,) if kind else (InstrumentType.CE, InstrumentType.PE)
        marks = ",".join("?" * len(kinds))
        rows = self._rows(
            f"SELECT DISTINCT expiry FROM instruments WHERE underlying = ? AND expiry <> '' AND kind IN ({marks}) "  # noqa: S608
            "ORDER BY expiry",
            (underlying, *(kind.value for kind in kinds)),
        )
        return [date.fromisoformat(row[0]) for row in rows]

    def chain(self, underlying: str, expiry: date) -> Sequence[Instrument]:
        """The calls and puts of one expiry, ascending by strike, the call first."""
        return self.select(
            "underlying = ? AND expiry = ? AND kind IN ('CE', 'PE') ORDER BY strike, kind",
            (underlying, expiry.isoformat()),
        )

    def futures(self, underlying: str) -> Sequence[Instrument]:
        """The futures of ``underlying``, nearest expiry first."""
        return self.select("underlying = ? AND kind = 'FUT' ORDER BY expiry", (underlying,))

    def underlyings(self) -> Sequence[str]:
        """Every underlying that has derivatives, alphabetical."""
        if self._underlyings is None:
            rows = self._rows("SELECT DISTINCT underlying FROM instruments WHERE underlying <> '' ORDER BY 1", ())
            self._underlyings = [row[0] for row in rows]
        return self._underlyings

    def search(self, query: str, exchange: Exchange | None = None, limit: int = 20) -> Sequence[Instrument]:
        """Instruments by words, best first (see :mod:`openalgo_lab.store.search`)."""
        return search(self, query, exchange, limit)

    def select(self, where: str, values: tuple[object, ...]) -> Sequence[Instrument]:
        """Instruments by an SQL condition over the columns; for this package's own modules."""
        return [_instrument(row) for row in self._rows(f"SELECT {_COLUMNS} FROM instruments WHERE {where}", values)]  # noqa: S608

    def names(self) -> Sequence[str]:
        """The symbol of everything that is not a derivative: what a typing error is compared with."""
        if self._names is None:
            rows = self._rows("SELECT DISTINCT symbol FROM instruments WHERE underlying = ''", ())
            self._names = [row[0] for row in rows]
        return self._names

    def close(self) -> None:
        """Close this thread's connection."""
        db = getattr(self._local, "db", None)
        if db is not None:
            db.close()
            del self._local.db

    def _rows(self, sql: str, values: tuple[object, ...]) -> list[tuple[str, ...]]:
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"The instrument file {self._path.name} cannot be read ({error}): delete it and start the "
                "engine again, it is rebuilt from the broker's list."
            ) from error

    def _value(self, sql: str) -> str | int:
        return self._rows(sql, ())[0][0]

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            if not self._path.is_file():
                raise StoreError(f"The instrument file {self._path.name} is missing: start the engine to build it.")
            db = self._local.db = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        return db

    def _checked_meta(self) -> str:
        meta = {row[0]: row[1] for row in self._rows("SELECT name, value FROM meta", ())}
        if meta.get("format") != _FORMAT:
            raise StoreError(
                f"The instrument file {self._path.name} is of another version: start the engine to rebuild it."
            )
        return str(meta["dated"])


def _fill(db: sqlite3.Connection, instruments: Iterable[Instrument], dated: date) -> None:
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    db.executescript(_SCHEMA)
    rows = [
        (number, *_row(instrument), _searchable(instrument)) for number, instrument in enumerate(instruments, start=1)
    ]
    marks = ",".join("?" * 14)
    db.executemany(f"INSERT INTO instruments VALUES ({marks})", (row[:14] for row in rows))  # noqa: S608
    db.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", ((row[0], row[14]) for row in rows))
    db.execute("INSERT INTO words (words) VALUES ('optimize')")
    db.executescript(_INDEXES)
    db.executemany("INSERT INTO meta VALUES (?, ?)", [("format", _FORMAT), ("dated", dated.isoformat())])
    db.commit()


def _searchable(instrument: Instrument) -> str:
    """The text that the trigram index holds."""
    return f"{instrument.symbol} {instrument.name}".upper()


def _row(item: Instrument) -> tuple[object, ...]:
    return (
        item.symbol,
        item.exchange.value,
        item.kind.value,
        item.name,
        item.token,
        item.lot_size,
        item.tick_size,
        item.freeze_quantity,
        item.underlying,
        item.expiry.isoformat() if item.expiry else "",
        item.strike,
        item.broker_symbol,
        item.broker_token,
    )


def _instrument(row: tuple[object, ...]) -> Instrument:
    symbol, exchange, kind, name, token, lot, tick, freeze, underlying, expiry, strike, *broker = row
    return Instrument(
        symbol=str(symbol),
        exchange=Exchange(str(exchange)),
        kind=InstrumentType(str(kind)),
        name=str(name),
        token=int(str(token)),
        lot_size=int(str(lot)),
        tick_size=float(str(tick)),
        freeze_quantity=int(str(freeze)),
        underlying=str(underlying),
        expiry=date.fromisoformat(str(expiry)) if expiry else None,
        strike=float(str(strike)),
        broker_symbol=str(broker[0]),
        broker_token=str(broker[1]),
    )


def _not_listed(key: InstrumentKey, near: Sequence[Instrument]) -> str:
    kind = "contract" if key.exchange in DERIVATIVE_EXCHANGES else "symbol"
    sentence = f"{key.symbol} is no listed {kind} on {key.exchange}"
    if not near:
        return f"{sentence}: look it up with lab.search('...')."
    return f"{sentence}; the nearest are {', '.join(str(item.key) for item in near)}."
