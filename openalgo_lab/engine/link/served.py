"""What the link needs of an engine: the few calls through which this process and others use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from openalgo_lab.engine.board import Board
    from openalgo_lab.engine.principal import Principal
    from openalgo_lab.model.commands import Command
    from openalgo_lab.model.events import AnyEvent, Books, EngineStatus
    from openalgo_lab.model.instruments import InstrumentKey
    from openalgo_lab.model.vocabulary import FeedMode
    from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["EngineStarter", "EventSource", "ServedEngine"]

R = TypeVar("R")


class EventSource(Protocol):
    """The engine's bus, as far as the link listens to it."""

    def listen(self, callback: Callable[[AnyEvent], None]) -> Callable[[], None]:
        """Hear every event on the engine's loop; answers with a function that ends it."""


class ServedEngine(Protocol):
    """A running engine. All on its loop, except that reading ``board`` and ``books`` is free to every thread."""

    @property
    def board(self) -> Board: ...

    @property
    def books(self) -> Books: ...

    @property
    def bus(self) -> EventSource: ...

    @property
    def instruments(self) -> InstrumentStore: ...

    @property
    def closed(self) -> bool: ...

    def status(self) -> EngineStatus: ...

    async def call(self, command: Command[R], principal: Principal) -> R: ...

    def subscribe(self, owner: str, keys: Sequence[InstrumentKey], feed_mode: FeedMode) -> None: ...

    def unsubscribe(self, owner: str) -> None: ...

    async def close(self) -> None: ...


EngineStarter = Callable[[], Awaitable[ServedEngine]]
"""Starts the engine on the running loop: journal, reconcile, go on. The same whether first or after a death."""
