"""Hosts strategies: keeps them in the profile, runs each in a process of its own, starts them by the clock."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from openalgo_lab.engine.principal import LOCAL, Permission, Principal
from openalgo_lab.engine.strategies.book import book_of
from openalgo_lab.engine.strategies.child import Child, exit_words
from openalgo_lab.engine.strategies.order import RunOrder
from openalgo_lab.engine.strategies.timing import Timing, due_now, next_start_ns
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.events import AnyEvent, WorksChanged
from openalgo_lab.model.risk import GetRiskSettings, SetRiskSettings, StopTarget
from openalgo_lab.model.strategy_commands import (
    HostedStrategy,
    StrategyInfo,
    StrategySchedule,
    StrategyStart,
    StrategyState,
)
from openalgo_lab.store.kept import KeptStore

if TYPE_CHECKING:
    from openalgo_lab.engine.identity import Identity
    from openalgo_lab.engine.scheduler import EngineScheduler
    from openalgo_lab.engine.supervisor import Supervisor

__all__ = ["MAY", "StrategyKeeper"]

KIND: Final = "strategy"
MAY: Final = frozenset({"place_order", "cancel_order", "get_order_of_key", "get_history"})
"""The commands that a strategy's ticket is good for."""
CALM_S: Final = 600.0
_MOST_STARTS: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")


class Kept(msgspec.Struct, frozen=True):
    """A hosted strategy as it outlives the engine. ``wanted``: it should run; ``armed``: the clock may start it."""

    strategy: HostedStrategy
    wanted: bool = False
    armed: bool = True
    digest: bytes = b""
    by: str = ""
    starts: tuple[StrategyStart, ...] = ()


class _Live:
    """What is known of one while the engine runs."""

    def __init__(self) -> None:
        self.state = StrategyState.STOPPED
        self.message = ""
        self.child: Child | None = None
        self.started_ns = 0
        self.crashes = 0
        self.task: asyncio.Task[Any] | None = None
        self.busy = asyncio.Lock()


class StrategyKeeper:
    """On the engine's loop."""

    def __init__(
        self,
        *,
        profile: str,
        folder: Path,
        store: KeptStore,
        supervisor: Supervisor,
        scheduler: EngineScheduler,
        identity: Identity,
        call: Callable[[Any, Principal], Awaitable[Any]],
        account: Callable[[str], str],
        publish: Callable[[AnyEvent], None],
    ) -> None:
        self._profile = profile
        self._folder = folder / "strategies"
        self._store = store
        self._supervisor = supervisor
        self._scheduler = scheduler
        self._identity = identity
        self._call = call
        self._account = account
        self._publish = publish
        self._timing = Timing()
        self._kept: dict[str, Kept] = store.all(KIND, Kept)
        self._live: dict[str, _Live] = {name: _Live() for name in self._kept}

    async def open(self) -> None:
        """Find the processes that an earlier engine has left, start what should run, set the clock."""
        for name, kept in tuple(self._kept.items()):
            child = await asyncio.to_thread(Child.find, self._place(name))
            if child is not None:
                self._identity.admit(kept.digest, self._holder(kept))
                self._watch(name, child)
            elif kept.wanted or (kept.armed and due_now(self._timing.calendar, kept.strategy.schedule)):
                self._begin(name, "it should be running")
            await self._set_clock(name)

    # ---- asking

    def names(self) -> list[str]:
        """All of them."""
        return list(self._kept)

    async def info(self, name: str) -> StrategyInfo:
        """How one stands. Raises InputError."""
        kept, live = self._require(name), self._live[name]
        schedule = kept.strategy.schedule if kept.armed else None
        state = live.state
        if state is StrategyState.STOPPED and schedule is not None:
            state = StrategyState.SCHEDULED
        book = await asyncio.to_thread(book_of, self._place(name) / "state.json")
        next_ns = 0 if schedule is None else next_start_ns(self._timing.calendar, schedule, time.time_ns())
        pid = live.child.pid if live.child is not None else 0
        return StrategyInfo(kept.strategy, state, live.message, pid, live.started_ns, next_ns, live.crashes, book)

    def starts(self, name: str) -> tuple[StrategyStart, ...]:
        """Its audit."""
        return self._require(name).starts

    def folder(self, name: str) -> Path:
        """Its files. Raises InputError."""
        self._require(name)
        return self._place(name)

    # ---- changing

    async def add(self, strategy: HostedStrategy, source: bytes, file_name: str, *, replace: bool) -> StrategyInfo:
        """Keep one. Raises InputError for a name that is taken, or a file that is not there."""
        name = strategy.name.strip()
        if _NAME.fullmatch(name) is None:
            raise InputError("Give the strategy a name of up to 40 letters, digits, blanks, '.', '_' or '-'.", "name")
        old = self._kept.get(name)
        if old is not None and not replace:
            raise InputError(f"There is a strategy {name} already: choose another name, or replace it.", field="name")
        if old is not None and self._live[name].child is not None:
            raise InputError(f"{name} is running: stop it before you change it.", field="name")
        place = self._place(name)
        path = await asyncio.to_thread(_keep_source, place, strategy.path, source, file_name)
        account = self._account(strategy.account)
        made = msgspec.structs.replace(strategy, name=name, path=path, account=account)
        kept = Kept(made) if old is None else msgspec.structs.replace(old, strategy=made)
        self._live.setdefault(name, _Live())
        self._keep(name, kept)
        await self._set_clock(name)
        return await self.info(name)

    async def remove(self, name: str, *, files: bool) -> None:
        """Stop it and forget it."""
        await self.stop(name, close_positions=False)
        self._scheduler.drop(_job(name, "start"))
        self._scheduler.drop(_job(name, "stop"))
        del self._kept[name], self._live[name]
        self._store.drop(KIND, name)
        if files:
            await asyncio.to_thread(shutil.rmtree, self._place(name), ignore_errors=True)
        self._publish(WorksChanged(KIND, name))

    async def start(self, name: str, by: str, why: str = "by hand") -> StrategyInfo:
        """Start it now; it is armed again."""
        kept, live = self._require(name), self._live[name]
        if live.child is None:
            live.crashes = 0
            self._keep(name, msgspec.structs.replace(kept, wanted=True, armed=True, by=by))
            await self._cancel_task(live)
            await self._launch(name, why)
        return await self.info(name)

    async def stop(self, name: str, *, close_positions: bool, disarm: bool = True) -> StrategyInfo:
        """End it; the clock leaves it alone from now on."""
        kept, live = self._require(name), self._live[name]
        armed = kept.armed and not disarm
        self._keep(name, msgspec.structs.replace(kept, wanted=False, armed=armed))
        child = live.child
        if child is not None:
            await child.end(close_positions=close_positions)
        await self._cancel_task(live)
        live.child, live.state, live.message = None, StrategyState.STOPPED, ""
        self._identity.dismiss(kept.digest)
        self._publish(WorksChanged(KIND, name))
        return await self.info(name)

    async def schedule(self, name: str, schedule: StrategySchedule | None) -> StrategyInfo:
        """Set its times; arms it. Raises InputError for times that are none."""
        kept = self._require(name)
        if schedule is not None:
            next_start_ns(self._timing.calendar, schedule, time.time_ns())
        strategy = msgspec.structs.replace(kept.strategy, schedule=schedule)
        self._keep(name, msgspec.structs.replace(kept, strategy=strategy, armed=True))
        await self._set_clock(name)
        return await self.info(name)

    # ---- running

    def _begin(self, name: str, why: str) -> None:
        self._live[name].task = self._supervisor.start(f"strategy {name}", self._launch(name, why))

    async def _launch(self, name: str, why: str) -> None:
        """One process, now. What keeps it from starting is its state, not an error of whoever asked."""
        kept, live = self._require(name), self._live[name]
        async with live.busy:
            if live.child is not None:
                return
            text, digest = self._identity.new_ticket()
            place, strategy = self._place(name), kept.strategy
            try:
                source, sha = await asyncio.to_thread(_freeze_source, place, strategy.path)
                await self._limit_loss(strategy)
                self._identity.admit(digest, self._holder(kept))
                order = RunOrder(self._profile, str(place), source, text, strategy)
                started = StrategyStart(time.time_ns(), kept.by, why, sha, strategy.parameters)
                starts = (*kept.starts, started)[-_MOST_STARTS:]
                self._keep(name, msgspec.structs.replace(kept, digest=digest, starts=starts, wanted=True))
                child = await Child.start(order, strategy.python)
            except (LabError, OSError) as error:
                live.state, live.message = StrategyState.FAILED, f"It could not start: {error}"
                self._publish(WorksChanged(KIND, name))
                return
            self._watch(name, child)

    def _watch(self, name: str, child: Child) -> None:
        live = self._live[name]
        live.child, live.state, live.message, live.started_ns = child, StrategyState.RUNNING, "", time.time_ns()
        live.task = self._supervisor.start(f"strategy {name}", self._follow(name, child))
        self._publish(WorksChanged(KIND, name))

    async def _follow(self, name: str, child: Child) -> None:
        """Until it ends; after a crash it starts again, later each time, up to its limit."""
        status = await child.wait()
        kept, live = self._kept.get(name), self._live.get(name)
        if kept is None or live is None or live.child is not child:
            return
        live.child = None
        self._identity.dismiss(kept.digest)
        if not kept.wanted or status == 0:
            live.state = StrategyState.STOPPED
            self._keep(name, msgspec.structs.replace(kept, wanted=False))
            return
        live.message = exit_words(status, self._place(name))
        policy = kept.strategy.restarts
        calm = time.time_ns() - live.started_ns > CALM_S * 1e9
        live.crashes = 1 if calm else live.crashes + 1
        if live.crashes > policy.most:
            live.state = StrategyState.FAILED
            self._keep(name, msgspec.structs.replace(kept, wanted=False))
            return
        live.state = StrategyState.WAITING
        self._publish(WorksChanged(KIND, name))
        await asyncio.sleep(min(policy.first_s * 2.0 ** (live.crashes - 1), policy.longest_s))
        await self._launch(name, f"after a crash ({live.message})")

    async def _limit_loss(self, strategy: HostedStrategy) -> None:
        """The risk gate's own stop for everything that carries the strategy's tag."""
        if not strategy.limits.max_loss > 0:
            return
        settings = await self._call(GetRiskSettings(), LOCAL)
        wanted = StopTarget(stop=strategy.limits.max_loss)
        if settings.strategies.get(strategy.name) != wanted:
            rules = settings.strategies | {strategy.name: wanted}
            await self._call(SetRiskSettings(msgspec.structs.replace(settings, strategies=rules)), LOCAL)

    def _holder(self, kept: Kept) -> Principal:
        strategy = kept.strategy
        return Principal(
            f"strategy {strategy.name}", Permission.TRADE, local=False, accounts=frozenset({strategy.account}),
            commands=MAY, user=kept.by,
        )  # fmt: skip

    # ---- the clock

    async def _set_clock(self, name: str) -> None:
        schedule = self._kept[name].strategy.schedule
        if schedule is None:
            self._scheduler.drop(_job(name, "start"))
            self._scheduler.drop(_job(name, "stop"))
            return
        start, stop = self._timing.times(schedule)

        async def begin() -> None:
            await self._clock_starts(name)

        async def end() -> None:
            if self._live[name].child is not None:
                await self.stop(name, close_positions=False, disarm=False)

        await self._scheduler.daily(_job(name, "start"), start, schedule.days, begin)
        await self._scheduler.daily(_job(name, "stop"), stop, range(7), end)

    async def _clock_starts(self, name: str) -> None:
        kept = self._kept[name]
        if kept.armed and due_now(self._timing.calendar, kept.strategy.schedule):
            await self._launch(name, "by schedule")

    # ----------------------------------------------------------------------------------------------------------------

    def _require(self, name: str) -> Kept:
        found = self._kept.get(name)
        if found is None:
            known = ", ".join(self._kept) or "none yet"
            raise InputError(f"There is no strategy {name!r}: there is {known}.", field="name")
        return found

    def _place(self, name: str) -> Path:
        return self._folder / re.sub(r"[^A-Za-z0-9._-]", "_", name)

    def _keep(self, name: str, kept: Kept) -> None:
        self._kept[name] = kept
        self._store.put(KIND, name, kept)
        self._publish(WorksChanged(KIND, name))

    @staticmethod
    async def _cancel_task(live: _Live) -> None:
        task, live.task = live.task, None
        if task is not None and task is not asyncio.current_task() and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _job(name: str, what: str) -> str:
    return f"strategy {name}: {what}"


def _keep_source(place: Path, path: str, source: bytes, file_name: str) -> str:
    """Where its source is read at each start. Raises InputError."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = Path(path).expanduser() if not source else place / f"source{Path(file_name).suffix}"
    if target.suffix not in (".py", ".ipynb"):
        raise InputError(f"{target.name} is neither a .py file nor a notebook (.ipynb).", field="path")
    if source:
        target.write_bytes(source)
        target.chmod(0o600)
    elif not target.is_file():
        raise InputError(f"There is no file {target}: give the path of a .py file or a notebook.", field="path")
    return str(target.resolve())


def _freeze_source(place: Path, path: str) -> tuple[str, str]:
    """(the copy that will run, its SHA-256): what stands in the audit is what runs."""
    body = Path(path).read_bytes()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    frozen = place / f"running{Path(path).suffix}"
    frozen.write_bytes(body)
    return str(frozen), hashlib.sha256(body).hexdigest()
