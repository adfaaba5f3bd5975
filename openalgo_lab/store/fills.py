"""The fill book: every trade of every day, with what was written to it. One SQLite file a profile and market.

A trade is kept under (account, day, trade id); a better report of it replaces it, notes stay. Its tags are the one of
its order and those written to it. ``FillStore(None)`` keeps nothing (a replay). Used on one thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from openalgo_lab.model.accounting import BookedFill
from openalgo_lab.model.errors import InputError, StoreError
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.times import trade_date

__all__ = ["FillStore"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fills (
    account TEXT, day TEXT, trade TEXT, order_id TEXT NOT NULL, strategy TEXT NOT NULL, time_ns INTEGER NOT NULL,
    opening INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (account, day, trade)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fills_day ON fills (day, time_ns);
CREATE TABLE IF NOT EXISTS notes (
    account TEXT, day TEXT, trade TEXT, note TEXT NOT NULL, tags TEXT NOT NULL, PRIMARY KEY (account, day, trade)
) WITHOUT ROWID;
"""
_SELECT = """
SELECT f.body, f.day, f.opening, n.note, n.tags FROM fills f LEFT JOIN notes n USING (account, day, trade)
WHERE (?1 = '' OR f.account = ?1) AND (?2 = '' OR f.day >= ?2) AND (?3 = '' OR f.day <= ?3)
AND (?4 = '' OR f.strategy = ?4) ORDER BY f.time_ns, f.opening DESC, f.trade
"""


class FillStore:
    """The open file. Raises StoreError when it cannot be opened, read or written."""

    def __init__(self, path: Path | None) -> None:
        self._name = path.name if path is not None else ":memory:"
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Fill)
        self._last_write = 0
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            if path is not None:
                path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The fill book {self._name} cannot be opened ({error}): move it away, the broker's trades of today "
                "come back by themselves."
            ) from error

    @property
    def version(self) -> int:
        """Grows with every write."""
        return self._last_write

    def put(self, fills: Iterable[Fill], *, opening: bool = False) -> None:
        """Enter trades, or replace them by better reports."""
        rows = [
            (
                fill.account, trade_date(fill.time_ns).isoformat(), fill.trade_id, fill.order_id, fill.strategy,
                fill.time_ns, int(opening), self._encoder.encode(fill),
            )
            for fill in fills
        ]  # fmt: skip
        self._write("INSERT OR REPLACE INTO fills VALUES (?,?,?,?,?,?,?,?)", rows)

    def annotate(
        self, account: str, *, trade_id: str, order_id: str, note: str | None, tags: tuple[str, ...] | None
    ) -> int:
        """Write to a trade, or to all trades of an order; answers to how many. Raises InputError when there is none."""
        column, value = ("trade", trade_id) if trade_id else ("order_id", order_id)
        found = self._rows(
            f"SELECT day, trade FROM fills WHERE account = ? AND {column} = ?",  # noqa: S608 - one of two names
            (account, value),
        )
        if not value or not found:
            raise InputError(f"The fill book has no trade of {value!r} on {account}: take an id from lab.trades.")
        for day, trade in found:
            old = self._rows(
                "SELECT note, tags FROM notes WHERE account = ? AND day = ? AND trade = ?", (account, day, trade)
            )
            before_note, before_tags = old[0] if old else ("", "[]")
            text = before_note if note is None else note
            words = before_tags if tags is None else msgspec.json.encode(tags).decode()
            self._write("INSERT OR REPLACE INTO notes VALUES (?,?,?,?,?)", [(account, day, trade, text, words)])
        return len(found)

    def read(
        self, *, account: str = "", start: date | None = None, end: date | None = None, strategy: str = ""
    ) -> list[BookedFill]:
        """Trades, oldest first; "" and None do not narrow."""
        bounds = (start.isoformat() if start else "", end.isoformat() if end else "")
        return [self._booked(*row) for row in self._rows(_SELECT, (account, *bounds, strategy))]

    def _booked(self, body: bytes, day: str, opening: int, note: str | None, tags: str | None) -> BookedFill:
        fill = self._decoder.decode(body)
        written = msgspec.json.decode(tags, type=tuple[str, ...]) if tags else ()
        return BookedFill(
            fill=fill,
            day=date.fromisoformat(day),
            note=note or "",
            tags=tuple(dict.fromkeys((fill.tag, *written) if fill.tag else written)),
            opening=bool(opening),
        )

    def forget(self, account: str) -> None:
        """Drop all trades and notes of an account that begins anew."""
        for table in ("fills", "notes"):
            self._write(f"DELETE FROM {table} WHERE account = ?", [(account,)])  # noqa: S608 - one of two names

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _write(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        self._last_write += 1
        try:
            self._db.execute("BEGIN")
            self._db.executemany(sql, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StoreError(f"The fill book {self._name} cannot be written ({error}): free some space.") from error

    def _rows(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"The fill book {self._name} cannot be read ({error}): move it away.") from error
