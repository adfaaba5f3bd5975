"""The engine as everyone above sees it, whether it runs in this process or another: calls, books, board, events.

``Lab`` and all widgets use only this. Two implementations: the host's own (this process runs the engine) and the
attached one (ZeroMQ to the host, with mirrors of books and board); a take-over swaps one for the other inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio

    from openalgo_lab.engine.board import Board
    from openalgo_lab.model.commands import Command
    from openalgo_lab.model.events import AnyEvent, Books, EngineStatus
    from openalgo_lab.model.instruments import InstrumentKey
    from openalgo_lab.model.vocabulary import FeedMode
    from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["EngineHandle", "Listener", "Role"]

R = TypeVar("R")

Listener = Callable[["AnyEvent"], None]
"""Called on the handle's own loop thread for every event; must return at once and never raise."""


class Role(StrEnum):
    """Who runs the engine."""

    HOST = "host"
    ATTACHED = "attached"
    RECOVERING = "recovering"
    CLOSED = "closed"


class EngineHandle(Protocol):
    """The engine of one profile. Thread-safe: ``call_soon`` style methods may be used from any thread."""

    @property
    def role(self) -> Role:
        """Host, attached, or between the two while a take-over runs."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the handle's own thread; user code never runs in it."""

    @property
    def board(self) -> Board:
        """Market data in columns: the engine's own, or its mirror. Reads never hop threads."""

    @property
    def books(self) -> Books:
        """The latest immutable snapshot of the books. Reads never hop threads."""

    @property
    def status(self) -> EngineStatus:
        """The latest health sheet (refreshed at least once a second)."""

    @property
    def instruments(self) -> InstrumentStore:
        """Today's instruments, read straight from their file."""

    async def call(self, command: Command[R]) -> R:
        """Give a command; on the handle's loop. Raises the command's LabError, EngineDead, or CallTimeout."""

    def call_sync(self, command: Command[R], timeout_s: float = 10.0) -> R:
        """The same from any other thread."""

    def subscribe(self, keys: Sequence[InstrumentKey], feed_mode: FeedMode, owner: str) -> None:
        """Want these symbols on the board, for ``owner`` (counted); returns at once, from any thread."""

    def unsubscribe(self, owner: str) -> None:
        """``owner`` wants nothing any more; returns at once, from any thread."""

    def add_listener(self, listener: Listener) -> Callable[[], None]:
        """Hear every event; answers with a function that ends it."""

    def close(self) -> None:
        """Leave; a host stops its engine (positions and orders at the broker are not touched)."""
