"""Socket.IO of its second version (Engine.IO 3) over a raw websocket, spoken by hand: it is small.

The client pings with `2`. An event is `42["name", argument]`; a binary one is `451-["name", placeholder]` and then a
binary frame whose first byte is 4.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from openalgo_lab.broker.record import parsed
from openalgo_lab.broker.spec import FrameContent
from openalgo_lab.model.errors import BrokerError, DecodeError

__all__ = ["SocketIo"]


class SocketIo(ABC):
    """Frames to events, for a `FeedSession`: ready when its namespace is connected. A feed says what an event means."""

    needs_ready: ClassVar[bool] = True
    broker: str
    """The name that errors say."""
    _awaited = ""

    def ping(self) -> str:
        """Asks for a pong."""
        return "2"

    def received(self, frame: str | bytes) -> FrameContent:
        """What a frame says. Raises DecodeError."""
        if isinstance(frame, bytes):
            name, self._awaited = self._awaited, ""
            if frame[:1] != b"\x04":
                raise DecodeError(f"A binary frame of {self.broker} begins with {frame[:1].hex() or 'nothing'}.")
            return self.packet(name, frame[1:])
        match frame[:2]:
            case "42":
                return self.event(*self._event(frame[2:]))
            case "45":
                self._awaited, _ = self._event(frame.partition("-")[2])
                return FrameContent()
            case "44":
                return self.event("error", frame[2:])
            case _:
                return self._control(frame)

    def _control(self, frame: str) -> FrameContent:
        match frame[:2]:
            case "40":
                return FrameContent(ready=True)
            case "41" | "1":
                return FrameContent(refused=BrokerError(f"{self.broker} closed the feed."))
            case "2":  # a server of the next version pings itself
                return FrameContent(replies=("3",))
            case "43" | "3" | "6":  # an answer, a pong, nothing
                return FrameContent()
        if frame[:1] == "0":  # the greeting
            return FrameContent()
        raise DecodeError(f"{self.broker} sent a frame that is no Socket.IO: {frame[:20]!r}.")

    @abstractmethod
    def event(self, name: str, argument: Any) -> FrameContent:
        """What an event means. Raises DecodeError."""

    def packet(self, name: str, payload: bytes) -> FrameContent:
        """What a binary event means; ``name`` is "" when nothing announced it. Raises DecodeError."""
        raise DecodeError(f"{self.broker} sent {len(payload)} bytes as {name[:40]!r} where only text belongs.")

    def _event(self, text: str) -> tuple[str, Any]:
        found = parsed(text, self.broker)
        if not isinstance(found, list) or not found or not isinstance(found[0], str):
            raise DecodeError(f"{self.broker} sent an event without a name.")
        return found[0], found[1] if len(found) > 1 else None
