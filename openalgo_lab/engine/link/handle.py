"""The engine of a profile for this process: hosts it or attaches, and takes over or follows when the host dies.

The object stays the same for its users through all of that; only what is inside changes.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.handle import Listener, Role
from openalgo_lab.engine.link.attached import HostLost, LinkClient
from openalgo_lab.engine.link.books import implied_events
from openalgo_lab.engine.link.claim import Claim, Hosting
from openalgo_lab.engine.link.host import LinkHost
from openalgo_lab.engine.link.mirror import Mirror
from openalgo_lab.engine.link.places import HostRecord, LinkPlaces
from openalgo_lab.engine.link.served import ServedEngine
from openalgo_lab.engine.link.sides import AttachedSide, HostSide
from openalgo_lab.engine.link.warm import warm_soon
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.engine.thread import LoopThread
from openalgo_lab.model.commands import ClosePosition, Command, ControlReplay, KillSwitch, ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import CallTimeout, EngineBusy, EngineDead, EngineError, LabError, OutcomeUnknown
from openalgo_lab.model.events import AnyEvent, Books, EngineStatus, ErrorRaised, ReplayStatus
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["CALL_S", "Hosting", "LinkedHandle", "Starter"]

R = TypeVar("R")

Starter = Callable[[EngineConfig], Coroutine[Any, Any, ServedEngine]]
"""Starts an engine on the running loop: journal, reconcile, go on. The same whether first or after a death."""

CALL_S = 10.0
"""How long a call may take unless its caller says otherwise."""
GRACE_S = 0.5
"""How much later than its time a call may tell a blocking caller that it was not answered."""

_LOOK_S = 0.01  # between two looks at lock and record while neither helps
_SILENT_S = 0.6  # four missed heartbeats: now the lock decides whether the host is dead
_GREET_S = 2.0
_AFTER_FAILURE_S = 1.0


async def start_engine(config: EngineConfig) -> ServedEngine:
    """The real engine."""
    from openalgo_lab.engine.engine import Engine

    return await Engine.start(config)


class LinkedHandle:
    """The :class:`~openalgo_lab.engine.handle.EngineHandle` of one profile in this process; any thread may use it."""

    def __init__(
        self,
        config: EngineConfig,
        hosting: Hosting = Hosting.AUTO,
        *,
        name: str = "kernel",
        start: Starter = start_engine,
    ) -> None:
        self._config = config
        self._hosting = hosting
        self._name = name
        self._start = start
        self._pid = os.getpid()
        self._engine_id = ""
        folder = profile_dir(config.profile)
        self._places = LinkPlaces(folder)
        self._claim = Claim(folder, hosting, name)
        self._listeners: dict[object, Listener] = {}
        self._wants: dict[str, dict[InstrumentKey, FeedMode]] = {}
        self._side: HostSide | AttachedSide | None = None
        self._last: HostSide | AttachedSide | None = None
        self._closing = False
        self._warmed = False
        self._fault: LabError | None = None
        self._thread = LoopThread(f"openalgo-{config.profile}")
        self._opened: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._changed: asyncio.Event | None = None
        self._mirror = Mirror(self._emit)

    # ---- the life of the handle

    def open(self, timeout_s: float = 15.0) -> LinkedHandle:
        """Host or attach; returns when commands can be given.

        Raises EngineBusy or EngineDead when there is no host to be had in time, or why the engine cannot start.
        """
        self._thread.start()
        keeper = self._thread.submit(self._keep(time.monotonic() + timeout_s))
        keeper.add_done_callback(self._on_keeper_done)
        try:
            self._opened.result(timeout_s + 60.0)
        except BaseException:  # Ctrl-C too must not leave the thread behind; raised again
            self._thread.stop()
            raise
        return self

    def close(self) -> None:
        """Leave; a host stops its engine (orders and positions at the broker are not touched)."""
        if self._pid != os.getpid() or not self._thread.alive:
            return
        try:
            self._thread.call(self._leave_for_good(), 10.0)
        finally:
            self._thread.stop()

    @property
    def role(self) -> Role:
        """Host, attached, recovering between the two, or closed."""
        if self._closing or not self._thread.alive or self._pid != os.getpid():
            return Role.CLOSED
        if self._side is None:
            return Role.RECOVERING
        return Role.HOST if isinstance(self._side, HostSide) else Role.ATTACHED

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the handle's thread; the same one through every take-over."""
        return self._thread.loop

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self._config.profile

    # ---- reading: never hops threads

    @property
    def folder(self) -> Path:
        """The profile's private folder."""
        return self._places.folder

    @property
    def board(self) -> Board:
        """The engine's board, or its mirror: ask for it each time, a take-over changes which."""
        return self._known().board

    @property
    def books(self) -> Books:
        """The latest books."""
        return self._known().books

    @property
    def status(self) -> EngineStatus:
        """The latest health sheet."""
        return self._known().status

    @property
    def instruments(self) -> InstrumentStore:
        """Today's instruments."""
        return self._known().instruments

    def _known(self) -> HostSide | AttachedSide:
        side = self._side or self._last
        if side is None:
            raise EngineDead("The engine has not started: make a Lab().")
        return side

    # ---- calling

    async def call(self, command: Command[R], timeout_s: float = CALL_S) -> R:
        """Give a command, from any loop. While a take-over runs it waits, as long as its time lasts.

        Raises the command's LabError, CallTimeout, EngineDead; OutcomeUnknown when the host died on an order.
        """
        self._check_process()
        if asyncio.get_running_loop() is self._thread.loop:
            return await self._call(command, timeout_s)
        return await asyncio.wrap_future(self._thread.submit(self._call(command, timeout_s)))

    def call_sync(self, command: Command[R], timeout_s: float = CALL_S) -> R:
        """The same and wait, from any thread but the handle's own."""
        self._check_process()
        if self._thread.inside:
            raise EngineError(
                "A blocking call was made from the engine's own thread, which would wait for itself: in a callback "
                "use the method that ends in _async, or hand the work to a thread of your own."
            )
        # The inner limit speaks first; the outer one is for a loop that no longer turns.
        return self._thread.call(self._call(command, timeout_s), timeout_s, grace_s=GRACE_S)

    async def _call(self, command: Command[R], timeout_s: float) -> R:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._call_until_done(command)
        except TimeoutError:
            raise CallTimeout(
                f"The engine did not answer within {timeout_s:g} s; what became of the request stands in the books."
            ) from None

    async def _call_until_done(self, command: Command[R]) -> R:
        while True:
            side = await self._ready()
            try:
                return await side.call(command)
            except HostLost as error:
                if error.sent and not _repeatable(command):
                    raise OutcomeUnknown(
                        "The engine's host ended while it worked on this request, so it may or may not have been "
                        "carried out: look at the orders and positions, which are right again after the take-over, "
                        "before you repeat it."
                    ) from error
            await asyncio.sleep(0)  # the loss is noted in this turn of the loop

    async def _ready(self) -> HostSide | AttachedSide:
        while (side := self._side) is None or side.over.done():
            if self._closing:
                raise EngineDead("The engine was closed: make a new Lab().")
            if self._fault is not None and self._claim.possible:
                raise self._fault
            assert self._changed is not None
            await self._changed.wait()
            if self._side is None or self._side.over.done():
                await asyncio.sleep(_LOOK_S)
        return side

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise EngineDead("This process was forked from the one that made the Lab: make a Lab() of its own here.")

    # ---- wanting and hearing

    def subscribe(self, keys: Sequence[InstrumentKey], feed_mode: FeedMode, owner: str) -> None:
        """Want these symbols on the board, for ``owner``; adds to what it wants already. Returns at once."""
        self._post(self._want, owner, tuple(keys), feed_mode)

    def unsubscribe(self, owner: str) -> None:
        """``owner`` wants nothing any more. Returns at once."""
        self._post(self._drop, owner)

    def add_listener(self, listener: Listener) -> Callable[[], None]:
        """Hear every event, on the handle's loop; answers with a function that ends it."""
        token = object()
        self._listeners[token] = listener

        def leave() -> None:
            self._listeners.pop(token, None)

        return leave

    def _post(self, work: Callable[..., None], *args: object) -> None:
        if self._thread.alive and self._pid == os.getpid():
            self._thread.loop.call_soon_threadsafe(work, *args)

    def _want(self, owner: str, keys: tuple[InstrumentKey, ...], mode: FeedMode) -> None:
        wants = self._wants.setdefault(owner, {})
        for key in keys:
            wants[key] = _higher(mode, wants.get(key, mode))
        if self._side is not None:
            self._tell_wants(self._side, owner, dict.fromkeys(keys, mode))

    def _drop(self, owner: str) -> None:
        if self._wants.pop(owner, None) is not None and self._side is not None:
            self._side.drop(owner)

    def _tell_wants(self, side: HostSide | AttachedSide, owner: str, wants: dict[InstrumentKey, FeedMode]) -> None:
        for mode in FeedMode:
            keys = tuple(key for key, wanted in wants.items() if wanted is mode)
            if not keys:
                continue
            try:
                side.want(owner, keys, mode)
            except LabError as error:
                self._emit(ErrorRaised("feed", str(error)))

    def _emit(self, event: AnyEvent) -> None:
        for listener in tuple(self._listeners.values()):
            listener(event)
        if isinstance(self._side, HostSide) and event.topic.endswith(":status"):
            self._side.refresh()

    # ---- hosting, attaching, taking over

    async def _keep(self, deadline: float) -> None:
        """From the first side to the last, until the handle is closed."""
        self._changed = asyncio.Event()
        try:
            while not self._closing:
                side = await self._next_side(deadline)
                self._enter(side)
                if isinstance(side, AttachedSide):
                    self._claim.stand_by()
                    await side.watch(self._claim.take, _SILENT_S)
                await side.over
                self._side = None
                if isinstance(side, HostSide) and not self._closing:
                    await side.close()  # the engine stopped by itself: whoever is first starts it anew
        finally:
            self._claim.release()

    def _enter(self, side: HostSide | AttachedSide) -> None:
        before, self._fault = self._last, None
        if isinstance(side, HostSide):
            side.listen(self._emit)
        self._side = self._last = side
        for owner, wants in self._wants.items():
            self._tell_wants(side, owner, wants)
        if isinstance(side, HostSide) and before is not None:
            for event in implied_events(before.books, side.books):
                self._emit(event)
        self._wake_callers()
        if not self._opened.done():
            self._opened.set_result(None)

    async def _next_side(self, deadline: float) -> HostSide | AttachedSide:
        """Take the free lock and host, or attach to who hosts; whichever is possible first."""
        while True:
            try:
                if self._claim.take():
                    return await self._host()
                record = self._places.read_record()
                if record is not None:
                    return await self._attach(record)
            except HostLost:
                pass  # it died, or is not there yet
            except LabError as error:
                if not self._opened.done():
                    raise
                self._note(error)
                await asyncio.sleep(_AFTER_FAILURE_S)
            if not self._opened.done() and time.monotonic() > deadline:
                raise self._nobody()
            await asyncio.sleep(_LOOK_S)

    async def _host(self) -> HostSide:
        """Start the engine here and let others in. The lock is given back if it cannot start."""
        hosted = False
        self._engine_id = secrets.token_hex(6)  # guests know by it whose facts they have seen
        try:
            self._places.drop_record()
            config = self._next_config()
            engine = await self._start(config)
            try:
                await self._resume_replay(engine)
                link = LinkHost(engine, self._engine_id, self._places.secret(), msgspec.msgpack.encode(config))
                side = HostSide(engine, link, self._claim, self._places, self._engine_id)
                hosted = True
            finally:
                if not hosted:
                    await engine.close()
        finally:
            if not hosted:
                self._claim.release()
        return side

    def _next_config(self) -> EngineConfig:
        """What an engine started here is started with: like the one that we were attached to, else our own."""
        if not self._mirror.config:
            return self._config
        return msgspec.msgpack.decode(self._mirror.config, type=EngineConfig)

    async def _resume_replay(self, engine: ServedEngine) -> None:
        """Go on with a recording where the dead host was."""
        was: ReplayStatus | None = self._mirror.status.replay if self._mirror.status else None
        if was is not None:
            await engine.call(ControlReplay(paused=was.paused, speed=was.speed, seek_ns=was.now_ns), LOCAL)

    async def _attach(self, record: HostRecord) -> AttachedSide:
        over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def lost(reason: str) -> None:
            if not over.done():
                over.set_result(reason)

        client = LinkClient(record, self._places.secret(), self._mirror, self._name, lost)
        await client.open(_GREET_S)
        if self._claim.possible and not self._warmed:
            self._warmed = True
            warm_soon(self._next_config())
        return AttachedSide(client, self._mirror, over)

    def _note(self, error: LabError) -> None:
        """The engine cannot start here: callers hear why, and it is tried again."""
        self._fault = error
        self._emit(ErrorRaised("engine", str(error)))
        self._wake_callers()

    def _wake_callers(self) -> None:
        """Whoever waits for a side looks again."""
        if self._changed is not None:
            self._changed.set()
        self._changed = asyncio.Event()

    def _nobody(self) -> EngineError:
        holder = self._claim.holder()
        if self._hosting is Hosting.NEVER:
            return EngineDead(
                f"No engine runs for the profile {self.profile!r}: start one with Lab() in a notebook, or the app."
            )
        return EngineBusy(
            f"The engine of profile {self.profile!r} belongs to {holder or 'another process'}, which does not answer: "
            "wait until it is less busy, or end that process."
        )

    async def _leave_for_good(self) -> None:
        self._closing = True
        self._wake_callers()
        if self._side is not None:
            await self._side.close()

    def _on_keeper_done(self, keeper: concurrent.futures.Future[None]) -> None:
        error = None if keeper.cancelled() else keeper.exception()
        if not self._opened.done():
            self._opened.set_exception(error or EngineDead("The engine was closed while it started."))


def _higher(first: FeedMode, second: FeedMode) -> FeedMode:
    order = tuple(FeedMode)
    return max(first, second, key=order.index)


def _repeatable(command: Command[Any]) -> bool:
    """Whether carrying it out twice is the same as once."""
    if isinstance(command, KillSwitch):
        return not command.close_positions
    if isinstance(command, PlaceOrder):
        # The journal knows the key before the order leaves: the same key is the same order.
        return bool(command.client_key)
    return not isinstance(command, ModifyOrder | ClosePosition)
