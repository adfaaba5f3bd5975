"""The handlers of the commands about candles. Small on purpose: what they need is loaded when they are used."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Final, Protocol

from openalgo_lab.engine.bar_source import BarSource
from openalgo_lab.engine.bus import Bus
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.market_data import MarketData
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.scheduler import EngineScheduler
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.engine.table import Idempotency, handles
from openalgo_lab.model import history_commands as h
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError
from openalgo_lab.store.instruments import InstrumentStore

if TYPE_CHECKING:
    from openalgo_lab.engine.history.keeper import HistoryKeeper

__all__ = ["HistoryDesk"]

_BOOK: Final = "history.db"


class Host(Protocol):
    """What the engine gives."""

    router: Router
    data: MarketData
    supervisor: Supervisor
    bus: Bus
    scheduler: EngineScheduler

    @property
    def instruments(self) -> InstrumentStore:
        """Today's instruments. Raises StoreError while there are none."""

    def report(self, where: str, message: str) -> None:
        """Tell everyone a sentence."""


class HistoryDesk:
    """On the engine's loop. ``worker`` computes candles where a market is a function."""

    def __init__(self, host: Host, parts: Composition, worker: Executor) -> None:
        self._host = host
        self._parts = parts
        self._candles = BarSource(parts, host.router, worker, lambda: host.instruments)
        self._keeper: HistoryKeeper | None = None
        self._opening = asyncio.Lock()

    def start(self) -> None:
        """Go on with what the last engine left, if it left anything."""
        if self._parts.history_source and (self._parts.folder / _BOOK).exists():
            self._host.supervisor.start("history", self._open())

    async def close(self) -> None:
        """With the engine; the supervisor has ended the downloads."""
        if self._keeper is not None:
            await asyncio.to_thread(self._keeper.close)

    @handles(h.GetHistory, permission=Permission.READ)
    async def get_history(self, command: h.GetHistory, _: Principal) -> h.BarsReply:
        """Candles: from the lake what is kept, else from the source."""
        _check(command.start_ns, command.end_ns)
        ask = h.PrepareHistory(command.key, command.interval, command.start_ns, command.end_ns)
        return await (await self._open()).preparer.bars(ask)

    @handles(h.PrepareHistory, permission=Permission.READ)
    async def prepare_history(self, command: h.PrepareHistory, _: Principal) -> h.HistoryReady:
        """Have them in the lake."""
        _check(command.start_ns, command.end_ns)
        return await (await self._open()).preparer.prepare(command)

    @handles(h.DownloadHistory, permission=Permission.TRADE, idempotency=Idempotency.IDEMPOTENT)
    async def download_history(self, command: h.DownloadHistory, _: Principal) -> h.HistoryJob:
        """In the background. It spends the account's requests and the disk's room, so it is not for readers."""
        return await (await self._open()).jobs.download(command)

    @handles(h.ControlHistoryJob, permission=Permission.TRADE, idempotency=Idempotency.IDEMPOTENT)
    async def control_history_job(self, command: h.ControlHistoryJob, _: Principal) -> h.HistoryJob:
        """Steer one."""
        return await (await self._open()).jobs.control(command.job_id, command.action)

    @handles(h.GetHistoryJobs, permission=Permission.READ)
    async def get_history_jobs(self, _: h.GetHistoryJobs, __: Principal) -> tuple[h.HistoryJob, ...]:
        """All."""
        return (await self._open()).jobs.all()

    @handles(h.PutHistoryGroup, permission=Permission.TRADE, idempotency=Idempotency.IDEMPOTENT)
    async def put_history_group(self, command: h.PutHistoryGroup, _: Principal) -> h.HistoryGroup:
        """Make or change one."""
        return await (await self._open()).groups.put(command)

    @handles(h.DropHistoryGroup, permission=Permission.TRADE, idempotency=Idempotency.IDEMPOTENT)
    async def drop_history_group(self, command: h.DropHistoryGroup, _: Principal) -> Done:
        """Remove one."""
        await (await self._open()).groups.drop(command.name)
        return Done()

    @handles(h.GetHistoryGroups, permission=Permission.READ)
    async def get_history_groups(self, _: h.GetHistoryGroups, __: Principal) -> tuple[h.HistoryGroup, ...]:
        """All."""
        return (await self._open()).groups.all()

    @handles(h.PutHistorySchedule, permission=Permission.TRADE, audit=True, idempotency=Idempotency.BY_KEY)
    async def put_history_schedule(self, command: h.PutHistorySchedule, _: Principal) -> h.HistorySchedule:
        """Make or change one."""
        return await (await self._open()).schedules.put(command)

    @handles(h.DropHistorySchedule, permission=Permission.TRADE, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def drop_history_schedule(self, command: h.DropHistorySchedule, _: Principal) -> Done:
        """Remove one."""
        await (await self._open()).schedules.drop(command.schedule_id)
        return Done()

    @handles(h.RunHistorySchedule, permission=Permission.TRADE, idempotency=Idempotency.IDEMPOTENT)
    async def run_history_schedule(self, command: h.RunHistorySchedule, _: Principal) -> h.HistoryJob:
        """Now."""
        return await (await self._open()).schedules.run(command.schedule_id)

    @handles(h.GetHistorySchedules, permission=Permission.READ)
    async def get_history_schedules(self, _: h.GetHistorySchedules, __: Principal) -> tuple[h.HistorySchedule, ...]:
        """All."""
        return (await self._open()).schedules.all()

    async def _open(self) -> HistoryKeeper:
        """Loaded now: NumPy code and tables that an engine without questions about candles never needs."""
        async with self._opening:
            if self._keeper is None:
                from openalgo_lab.engine.history.keeper import HistoryKeeper

                host = self._host
                keeper = HistoryKeeper(
                    parts=self._parts,
                    router=host.router,
                    candles=self._candles,
                    instruments=lambda: host.instruments,
                    quote=host.data.live_quote,
                    supervisor=host.supervisor,
                    publish=host.bus.publish,
                    report=host.report,
                    scheduler=host.scheduler,
                )
                self._keeper = keeper
                await keeper.restore()
            return self._keeper


def _check(start_ns: int, end_ns: int) -> None:
    if start_ns >= end_ns:
        raise InputError("The history's start must lie before its end.", field="start")
