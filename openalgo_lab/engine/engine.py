"""The engine of one profile: all live state, on one asyncio loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.bus import Bus
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.principal import Principal
from openalgo_lab.model.commands import Command
from openalgo_lab.model.events import Books, EngineStatus
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import FeedMode

if TYPE_CHECKING:
    from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["Engine"]

R = TypeVar("R")


class Engine:
    """Everything lives on the loop that called :meth:`start`; only ``books`` and ``board`` are read from any thread."""

    bus: Bus
    board: Board
    instruments: InstrumentStore

    @classmethod
    async def start(cls, config: EngineConfig) -> Engine:
        """Open the journal, replay it, connect, reconcile, open for orders. Start-up and recovery are this one path."""
        raise NotImplementedError

    async def call(self, command: Command[R], principal: Principal) -> R:
        """Give a command; raises its LabError. The caller may give up waiting: an order under way goes on."""
        raise NotImplementedError

    @property
    def books(self) -> Books:
        """The latest immutable snapshot; from any thread."""
        raise NotImplementedError

    def status(self) -> EngineStatus:
        """The health sheet, as of now."""
        raise NotImplementedError

    def subscribe(self, owner: str, keys: Sequence[InstrumentKey], feed_mode: FeedMode) -> None:
        """Want these on the board for ``owner`` (counted); returns at once. On the loop."""
        raise NotImplementedError

    def unsubscribe(self, owner: str) -> None:
        """``owner`` wants nothing any more; returns at once. On the loop."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop all tasks, close adapters and the journal. Orders and positions at the broker are not touched."""
        raise NotImplementedError
