"""The simulated exchange's own durable record: orders, trades, positions, holdings, money, in one SQLite file.

Every change is committed before it is answered or published, so a killed process finds the same books after its
restart. WAL with ``synchronous=NORMAL``: safe against the death of the process; a power cut may take the last moments.
One process at a time: the file is held with SQLite's exclusive lock, which dies with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Settlement, Side, Validity
from openalgo_lab.sim.account import Holding, Money, Position

__all__ = ["FILE_NAME", "CarriedBooks", "Loaded", "Records", "State", "VenueOrder", "VenueTrade"]

FILE_NAME: Final = "simulated-exchange.sqlite"
_KEEP_DAYS: Final = 30
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, day TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS trades (number INTEGER PRIMARY KEY, day TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS orders_day ON orders (day);
CREATE INDEX IF NOT EXISTS trades_day ON trades (day);
CREATE TABLE IF NOT EXISTS positions (client TEXT, token INTEGER, product TEXT, body BLOB NOT NULL,
    PRIMARY KEY (client, token, product));
CREATE TABLE IF NOT EXISTS holdings (client TEXT, token INTEGER, body BLOB NOT NULL, PRIMARY KEY (client, token));
CREATE TABLE IF NOT EXISTS money (client TEXT PRIMARY KEY, body BLOB NOT NULL);
"""


class State(StrEnum):
    """Where an order stands at the venue."""

    RECEIVED = "received"
    WORKING = "working"
    WAITING = "waiting"  # for its trigger
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def alive(self) -> bool:
        """Whether it can still trade."""
        return self in (State.RECEIVED, State.WORKING, State.WAITING)


class VenueOrder(msgspec.Struct):
    """One order as the venue keeps it. Prices in ten-thousandths of a rupee, times in UTC ns of the market's clock.

    ``limit`` is the price it works at now (0 before its trigger), ``basis`` the price by which its margin is blocked;
    ``value`` is the sum of quantity × price of its fills; ``day`` the trade date as ISO text.
    """

    number: int
    day: str
    client: str
    token: int
    exchange: Exchange
    symbol: str
    side: Side
    product: Product
    price_type: PriceType
    validity: Validity
    quantity: int
    price: int
    trigger: int
    disclosed: int
    tag: str
    placed_ns: int
    updated_ns: int
    state: State = State.RECEIVED
    limit: int = 0
    basis: int = 0
    triggered: bool = False
    filled: int = 0
    value: int = 0
    modifications: int = 0
    reason: str = ""
    settlement: Settlement = Settlement.NONE

    @property
    def remaining(self) -> int:
        """Units that may still trade."""
        return self.quantity - self.filled if self.state.alive else 0

    @property
    def average(self) -> int:
        """Average price of its fills, rounded; 0 without one."""
        return round(self.value / self.filled) if self.filled else 0


class VenueTrade(msgspec.Struct, frozen=True):
    """One fill."""

    number: int
    day: str
    client: str
    order: int
    token: int
    exchange: Exchange
    symbol: str
    side: Side
    product: Product
    quantity: int
    price: int
    time_ns: int
    tag: str
    settlement: Settlement = Settlement.NONE


class Loaded(msgspec.Struct):
    """What the file holds for its last day: books as they were."""

    day: str
    last_number: int
    orders: list[VenueOrder]
    trades: list[VenueTrade]
    positions: dict[str, list[Position]]
    holdings: dict[str, list[Holding]]
    money: dict[str, Money]


class CarriedBooks(Protocol):
    """What of a client goes on into the next day."""

    name: str
    money: Money
    positions: dict[tuple[int, Product], Position]
    holdings: dict[int, Holding]


T = TypeVar("T")


class Records:
    """The open file. ``Records(":memory:")`` keeps nothing. Raises StoreError when it is held or unreadable."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._encoder = msgspec.msgpack.Encoder()
        try:
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=0.2)
        except sqlite3.Error as error:
            raise StoreError(f"The exchange record {self._path} cannot be opened ({error}).") from error
        try:
            self._open()
        except sqlite3.Error as error:
            self._db.close()
            raise self._unusable(error) from error

    def _open(self) -> None:
        # Exclusive before the first access: WAL then needs no shared memory, and the lock is ours until we die.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("COMMIT")
        self._db.executescript(_SCHEMA)

    def _unusable(self, error: sqlite3.Error) -> StoreError:
        if "locked" in str(error):
            return StoreError(
                f"The exchange record {self._path} is held by another process: close it, or use another profile."
            )
        return StoreError(f"The exchange record {self._path} cannot be read ({error}): move it away to start afresh.")

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._db.close()

    # Writing ---------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Raises StoreError when the disk refuses; nothing is written then."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"The exchange record {self._path} cannot be written ({error}): free the disk.") from error

    def save_order(self, order: VenueOrder) -> None:
        """Insert or replace."""
        self._db.execute(
            "INSERT OR REPLACE INTO orders VALUES (?,?,?)", (order.number, order.day, self._encoder.encode(order))
        )

    def save_trade(self, trade: VenueTrade) -> None:
        """Insert."""
        self._db.execute("INSERT INTO trades VALUES (?,?,?)", (trade.number, trade.day, self._encoder.encode(trade)))

    def save_position(self, client: str, position: Position) -> None:
        """Insert or replace."""
        key = (client, position.token, position.product.value)
        self._db.execute("INSERT OR REPLACE INTO positions VALUES (?,?,?,?)", (*key, self._encoder.encode(position)))

    def save_money(self, client: str, money: Money) -> None:
        """Insert or replace."""
        self._db.execute("INSERT OR REPLACE INTO money VALUES (?,?)", (client, self._encoder.encode(money)))

    def save_changes(
        self,
        orders: Iterable[VenueOrder],
        trades: Iterable[VenueTrade],
        positions: Iterable[tuple[str, Position]],
        money: Iterable[tuple[str, Money]],
    ) -> None:
        """Everything that one step of the venue has changed."""
        for order in orders:
            self.save_order(order)
        for trade in trades:
            self.save_trade(trade)
        for client, position in positions:
            self.save_position(client, position)
        for client, cash in money:
            self.save_money(client, cash)

    def start_day(self, day: str, books: Iterable[CarriedBooks]) -> None:
        """Write what is carried into ``day`` in place of the old positions and holdings; drop very old orders."""
        self._db.execute("DELETE FROM positions")
        self._db.execute("DELETE FROM holdings")
        for book in books:
            for position in book.positions.values():
                self.save_position(book.name, position)
            rows = ((book.name, held.token, self._encoder.encode(held)) for held in book.holdings.values())
            self._db.executemany("INSERT INTO holdings VALUES (?,?,?)", rows)
            self.save_money(book.name, book.money)
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('day',?)", (day,))
        for table in ("orders", "trades"):
            self._db.execute(
                f"DELETE FROM {table} WHERE day < date(?, ?)",  # noqa: S608 - the names are the two above
                (day, f"-{_KEEP_DAYS} days"),
            )

    # Reading ---------------------------------------------------------------------------------------------------

    def load(self) -> Loaded:
        """Everything of the last day that was started; empty for a new file. Raises StoreError when damaged."""
        try:
            return self._load()
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise StoreError(
                f"The exchange record {self._path} is damaged ({error}): move it away to start afresh."
            ) from error

    def _load(self) -> Loaded:
        row = self._db.execute("SELECT value FROM meta WHERE key='day'").fetchone()
        day = row[0] if row else ""
        last = self._db.execute(
            "SELECT max((SELECT ifnull(max(number),0) FROM orders), (SELECT ifnull(max(number),0) FROM trades))"
        ).fetchone()[0]
        return Loaded(
            day=day,
            last_number=last,
            orders=self._bodies("SELECT body FROM orders WHERE day=? ORDER BY number", (day,), VenueOrder),
            trades=self._bodies("SELECT body FROM trades WHERE day=? ORDER BY number", (day,), VenueTrade),
            positions=self._by_client("SELECT client, body FROM positions ORDER BY token", Position),
            holdings=self._by_client("SELECT client, body FROM holdings ORDER BY token", Holding),
            money={
                client: msgspec.msgpack.decode(body, type=Money)
                for client, body in self._db.execute("SELECT client, body FROM money")
            },
        )

    def _bodies(self, query: str, values: tuple[str, ...], shape: type[T]) -> list[T]:
        decoder = msgspec.msgpack.Decoder(shape)
        return [decoder.decode(body) for (body,) in self._db.execute(query, values)]

    def _by_client(self, query: str, shape: type[T]) -> dict[str, list[T]]:
        decoder = msgspec.msgpack.Decoder(shape)
        found: dict[str, list[T]] = {}
        for client, body in self._db.execute(query):
            found.setdefault(client, []).append(decoder.decode(body))
        return found
