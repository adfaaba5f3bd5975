"""The world of the sandbox machine: one sandbox account under a whole engine, on a clock that only the machine moves.

Nothing here waits for the machine it runs on: the venue steps when a rule says so, the journal's rows are written where
they are given, and the files lie in memory where the system has such a folder (that a commit reaches the disk is
tested with the journal, not here).
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openalgo_lab.engine.bands import RuleBookBands
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.config import EngineConfig, ReconcileTimes
from openalgo_lab.engine.cut_offs import IntradayCutOffs
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.orders import OrderIntent
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.sandbox import SandboxSettings
from openalgo_lab.model.times import from_ns, trade_date
from openalgo_lab.model.vocabulary import Mode
from openalgo_lab.sim.clients import Client
from openalgo_lab.sim.records import VenueTrade
from openalgo_lab.sim.sandbox.adapter import CLIENT, SandboxAdapter
from openalgo_lab.sim.sandbox.venue import SandboxVenue
from openalgo_lab.store.journal_file import Row, SqliteFile
from openalgo_lab.store.journal_records import Ended, Intended, JournalRecord, decode_record, encode_record
from tests.sim.sandbox.desk import CALENDAR, LISTED, RULES, Sandbox

__all__ = ["CASH", "SandboxWorld"]

CASH = SandboxSettings().starting_capital
BY_HAND = ReconcileTimes(every_s=3600, doubt_every_s=3600, proof_age_s=0.0, proof_gap_s=0.0)
_RISK = RiskSettings(duplicate_window_s=0.0, max_order_value=0.0)
_MEMORY = Path("/dev/shm")


class _Hours:
    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        return CALENDAR.is_open(instrument.exchange, from_ns(now_ns))

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        return None


class _Journal:
    """A journal without a thread: rows are written with the next intent, and at the end."""

    notice = ""
    failure = ""
    sync_ms = ()

    def __init__(self, world: SandboxWorld, path: Path, day: date) -> None:
        self._world = world
        self._file, _ = SqliteFile.open(path, day)
        self._rows: list[Row] = []

    async def intend(self, intent: OrderIntent, client_key: str = "") -> None:
        self.append(Intended(intent, client_key))
        self._write()

    def append(self, record: JournalRecord) -> None:
        now = self._world.desk.clock.now_ns()
        self._rows.append(Row(trade_date(now), record.order, isinstance(record, Ended), now, encode_record(record)))

    def replay(self) -> Iterator[JournalRecord]:
        return map(decode_record, self._file.read())

    async def close(self) -> None:
        self._write()
        self._file.close()

    def _write(self) -> None:
        rows, self._rows = self._rows, []
        self._file.write(rows)


class _Adapter(SandboxAdapter):
    async def instruments(self) -> Sequence[Instrument]:
        return LISTED

    async def _run(self) -> None:
        """The machine steps the venue."""


class SandboxWorld:
    """The engine, its venue, and every trade that ever was; :meth:`restart` is the power supply."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="oals-", dir=_MEMORY if _MEMORY.is_dir() else None))
        self._loop = asyncio.new_event_loop()
        self.desk = Sandbox(self._folder)
        self.desk.cut_off = IntradayCutOffs(RULES, CALENDAR)
        self.desk.board.shown = 200
        self.desk.venue.close()
        self.trades: dict[int, VenueTrade] = {}
        self.adapter: SandboxAdapter
        self.engine = self._start()

    @property
    def client(self) -> Client:
        """The venue's books."""
        return self.adapter.venue.client(CLIENT)

    @property
    def now(self) -> datetime:
        """On the Indian clock."""
        return from_ns(self.desk.clock.now_ns())

    def restart(self, at: datetime | None = None) -> None:
        """Down, and up again at a later moment."""
        self.run(self.engine.close())
        if at is not None:
            self.desk.clock.set(at)
        self.engine = self._start()

    def close(self) -> None:
        self.run(self.engine.close())
        self._loop.close()
        shutil.rmtree(self._folder)

    def run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def step(self) -> None:
        """Let the venue follow clock and prices, and the engine hear of it."""
        self.run(self._settle())

    def travel(self, to: datetime) -> None:
        """Let time pass with everything running; on another day the engine looks at the books, as it does by itself."""
        day = self.now.date()
        self.desk.clock.set(to)
        self.step()
        if to.date() != day:
            self.run(self.engine.reconciler.look(self.engine.router.line("")))

    async def _settle(self) -> None:
        self.adapter.venue.step(self.desk.clock.monotonic_ns())  # on the loop: a fill starts tasks of the engine
        for _ in range(3):
            await asyncio.sleep(0)

    def _start(self) -> Engine:
        return self.run(Engine.start(EngineConfig(reconcile=BY_HAND, risk=_RISK), self._compose))  # type: ignore[no-any-return]

    def _compose(self, _: EngineConfig) -> Composition:
        desk, folder = self.desk, self._folder

        async def prices(keys: Sequence[InstrumentKey]) -> list[Quote]:
            found = [desk.board.quote(key) for key in keys]
            return [one for one in found if one is not None]

        def open_venue() -> SandboxVenue:
            venue = desk._open()
            for trade in venue.client(CLIENT).trades:  # what was caught up at the opening
                self.trades.setdefault(trade.number, trade)
            venue.listen(self._hear)
            return venue

        def never(_: object) -> None:
            return None

        self.adapter = _Adapter(
            Account("SANDBOX", "sandbox", Mode.SANDBOX), open_venue, (),
            source=lambda: self.adapter, want=never, prices=prices, clock=desk.clock,
        )  # fmt: skip
        day = trade_date(desk.clock.now_ns())
        return Composition(
            adapters=(self.adapter,),
            journals={"SANDBOX": _Journal(self, folder / "journal.db", day)},
            hours=_Hours(),
            bands=RuleBookBands(RULES),
            folder=folder,
            instrument_file=folder / f"instruments-{day}.db",
            day=day,
            now_ns=desk.clock.now_ns,
            fills_file=folder / "fills.db",
            works_file=folder / "works.db",
            cut_off=desk.cut_off,
        )

    def _hear(self, _: str, update: object) -> None:
        if isinstance(update, VenueTrade):
            self.trades[update.number] = update
