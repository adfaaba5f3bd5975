"""The two ways to have an engine: it runs here, or a session with the process where it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.link.attached import LinkClient
from openalgo_lab.engine.link.claim import Claim
from openalgo_lab.engine.link.host import LinkHost
from openalgo_lab.engine.link.mirror import Mirror
from openalgo_lab.engine.link.places import HostRecord, LinkPlaces
from openalgo_lab.engine.link.served import ServedEngine
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import Command
from openalgo_lab.model.errors import EngineDead
from openalgo_lab.model.events import AnyEvent, Books, EngineStatus
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["AttachedSide", "HostSide"]

R = TypeVar("R")

#: The health sheet is made anew at most this often, however many widgets look.
_STATUS_S = 0.25


class HostSide:
    """The engine in this process, served to others. ``over`` ends only by :meth:`close` or the engine's own death."""

    def __init__(self, engine: ServedEngine, link: LinkHost, claim: Claim, places: LinkPlaces, engine_id: str) -> None:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._engine = engine
        self._link = link
        self._claim = claim
        self._places = places
        endpoint = link.open(places.endpoint(engine_id))
        self._status = link.status()
        places.write_record(HostRecord(engine_id, self._status.pid, endpoint, self._status.started_ns))
        self._refresh = asyncio.get_running_loop().create_task(self._keep_status(), name="status")

    @property
    def board(self) -> Board:
        return self._engine.board

    @property
    def books(self) -> Books:
        return self._engine.books

    @property
    def status(self) -> EngineStatus:
        return self._status

    @property
    def instruments(self) -> InstrumentStore:
        return self._engine.instruments

    def listen(self, emit: Callable[[AnyEvent], None]) -> None:
        """Hear the engine's events."""
        self._engine.bus.listen(emit)

    async def call(self, command: Command[R]) -> R:
        """Give a command as the user of this very kernel."""
        if self.over.done():
            raise EngineDead(f"The engine is not running ({self.over.result()}): start it again with Lab().")
        answer = await self._engine.call(command, LOCAL)
        if isinstance(answer, EngineStatus):
            self._status = self._link.status()
            return self._status  # type: ignore[return-value]  # R, with the attached kernels in it
        return answer

    def want(self, owner: str, keys: Sequence[InstrumentKey], mode: FeedMode) -> None:
        self._engine.subscribe(owner, keys, mode)

    def drop(self, owner: str) -> None:
        self._engine.unsubscribe(owner)

    def refresh(self) -> None:
        """Make the health sheet anew now (the kill switch turned, a feed fell)."""
        self._status = self._link.status()

    async def close(self) -> None:
        """Guests hear it first, the lock goes last: nobody else opens the journal before it is closed here."""
        self._refresh.cancel()
        self._places.drop_record()
        await self._link.close()
        try:
            await self._engine.close()
        finally:
            self._claim.release()
        if not self.over.done():
            self.over.set_result("it was closed")

    async def _keep_status(self) -> None:
        while True:
            await asyncio.sleep(_STATUS_S)
            self._status = self._link.status()
            if self._engine.closed and not self.over.done():
                self.over.set_result("a part of the engine failed")


class AttachedSide:
    """A session with the host. ``over`` is done, with a sentence, when it has ended."""

    def __init__(self, client: LinkClient, mirror: Mirror, over: asyncio.Future[str]) -> None:
        self.over = over
        self.client = client
        self._mirror = mirror
        self._store: InstrumentStore | None = None
        self._store_path = ""

    @property
    def board(self) -> Board:
        return self._mirror.board

    @property
    def books(self) -> Books:
        return self._mirror.books

    @property
    def status(self) -> EngineStatus:
        assert self._mirror.status is not None  # a session begins with it
        return self._mirror.status

    @property
    def instruments(self) -> InstrumentStore:
        path = self.status.instruments_path
        if self._store is None or path != self._store_path:
            from pathlib import Path

            self._store, self._store_path = InstrumentStore.open(Path(path)), path
        return self._store

    async def call(self, command: Command[R]) -> R:
        return await self.client.call(command)

    def want(self, owner: str, keys: Sequence[InstrumentKey], mode: FeedMode) -> None:
        self.client.want(owner, keys, mode)

    def drop(self, owner: str) -> None:
        self.client.drop(owner)

    async def watch(self, take_lock: Callable[[], bool], after_s: float) -> None:
        """Return when the session is over; a silent host whose lock can be taken is dead, one that holds it is busy."""
        while not self.over.done():
            await asyncio.wait([self.over], timeout=0.1)
            if not self.over.done() and self.client.silent_s > after_s and take_lock():
                self.client.abandon(f"The engine's host was silent for {self.client.silent_s:.1f} s and holds no lock.")

    async def close(self) -> None:
        await self.client.leave()
        if not self.over.done():
            self.over.set_result("it was closed")

    def age_s(self) -> float:
        """Seconds since the host was heard."""
        return time.monotonic() - self.client.heard_s
