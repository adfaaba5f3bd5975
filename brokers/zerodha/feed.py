"""Kite's ticker: binary frames are market data, text frames are JSON; order updates come without asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from brokers.zerodha import tables
from brokers.zerodha.packets import decode_frame, decode_frames
from brokers.zerodha.reports import BROKER, ROWS
from openalgo_lab.broker import FrameContent
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["KiteFeed"]


class KiteFeed(PlainFeed):
    """One socket of the ticker. It keeps no state: every packet is whole."""

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[str]:
        """A subscription begins in Kite's mode "quote"; the mode wanted follows."""
        tokens = [instrument.token for instrument in instruments]
        return (_message("subscribe", tokens), _message("mode", [tables.MODES[mode], tokens]))

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[str]:
        return (_message("unsubscribe", [instrument.token for instrument in instruments]),)

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, bytes):
            return FrameContent(ticks=decode_frame(frame))
        message = Record(parsed(frame, BROKER), BROKER)
        match message.text("type"):
            case "order":
                return FrameContent(reports=(ROWS.order(message.record("data"), Evidence.STREAM),))
            case "error" | "message" as kind:
                return FrameContent(notice=f"{kind}: {str(message.raw('data'))[:500]}")
            case _:
                return FrameContent()  # Kite adds kinds of its own apps' without notice

    def together(self, frames: Sequence[str | bytes]) -> FrameContent | None:
        """Market data that waited together in the socket."""
        packed = [frame for frame in frames if isinstance(frame, bytes)]
        return FrameContent(ticks=decode_frames(packed)) if len(packed) == len(frames) else None


def _message(act: str, value: Sequence[Any]) -> str:
    return msgspec.json.encode({"a": act, "v": value}).decode()
