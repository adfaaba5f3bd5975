"""Bases for feed sessions: one that asks for nothing, and one that keeps a single mode a symbol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from openalgo_lab.broker.spec import FeedMessage, FrameContent
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["ModalFeed", "PlainFeed"]


class PlainFeed:
    """Every part of a `FeedSession` but ``received``, for a socket that needs no login, subscription or ping."""

    needs_ready: ClassVar[bool] = False

    def opened(self) -> Sequence[str | bytes]:
        """Nothing is said first."""
        return ()

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[FeedMessage]:
        """Nothing to ask for."""
        del instruments, mode
        return ()

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[FeedMessage]:
        """Nothing to drop."""
        del instruments
        return ()

    def ping(self) -> str | bytes | None:
        """Nothing is sent by the clock."""
        return None

    def together(self, frames: Sequence[str | bytes]) -> FrameContent | None:
        """Messages are read one by one."""
        del frames
        return None


class ModalFeed(PlainFeed, ABC):
    """A feed that would send a symbol once a mode: a new mode drops the old one. ``asked`` is what stands now, by
    token."""

    def __init__(self) -> None:
        self.asked: dict[int, tuple[Instrument, FeedMode]] = {}

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[FeedMessage]:
        """Drop these symbols' other modes, then ask for this one."""
        known = self.asked
        dropped = self.unsubscribe([i for i in instruments if i.token in known and known[i.token][1] is not mode])
        known.update((i.token, (i, mode)) for i in instruments)
        return [*dropped, *self.messages(instruments, mode, on=True)]

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[FeedMessage]:
        """Drop each symbol in the mode that it has; unknown ones are passed over."""
        found = [self.asked.pop(i.token) for i in instruments if i.token in self.asked]
        sent: list[FeedMessage] = []
        for mode in FeedMode:
            listed = [instrument for instrument, held in found if held is mode]
            sent += self.messages(listed, mode, on=False) if listed else ()
        return sent

    @abstractmethod
    def messages(self, instruments: Sequence[Instrument], mode: FeedMode, *, on: bool) -> Sequence[FeedMessage]:
        """The broker's messages that ask for symbols in one mode, or drop them."""
