"""Fyers' tick-by-tick socket: books of fifty levels as protocol buffers, whole at first, then what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from brokers.fyers.tables import NAME
from openalgo_lab.broker import FrameContent
from openalgo_lab.broker.deep import LevelTable
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.messages import reader
from openalgo_lab.broker.reading import unix_ns
from openalgo_lab.broker.spec import DeepBook
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["LEVELS", "BookFeed"]

LEVELS: Final = 50
_CHANNEL: Final = "1"
_read: Final = reader(
    "fyers",
    {
        "Value": "value:1:int64",
        "Level": "price:1:Value qty:2:Value nord:3:Value num:4:Value",
        "Depth": "asks:3:Level* bids:4:Level*",
        "Feed": "depth:5:Depth feed_time:6:Value snapshot:10:int32",
        "Entry": "key:1:string value:2:Feed",
        "Message": "feeds:2:Entry* snapshot:3:int32 msg:4:string error:5:int32",
    },
    NAME,
)


class BookFeed(PlainFeed):
    """One socket, one channel. Nothing flows before the channel is resumed."""

    def __init__(self) -> None:
        self._books: dict[str, tuple[int, LevelTable, LevelTable]] = {}

    def opened(self) -> Sequence[str]:
        return (_json(2, {"resumeChannels": [_CHANNEL], "pauseChannels": []}),)

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[str]:
        self._books.update((i.broker_symbol, (i.token, *_sides())) for i in instruments)
        return (self._message(1, instruments),)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[str]:
        for instrument in instruments:
            self._books.pop(instrument.broker_symbol, None)
        return (self._message(-1, instruments),)

    def _message(self, subs: int, instruments: Sequence[Instrument]) -> str:
        symbols = [instrument.broker_symbol for instrument in instruments]
        return _json(1, {"subs": subs, "symbols": symbols, "mode": "depth", "channel": _CHANNEL})

    def ping(self) -> str:
        return "ping"

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, str):
            if frame == "pong":
                return FrameContent()
            raise DecodeError(f"{NAME}' tick-by-tick socket sent text: {frame[:60]!r}.")
        message = _read(frame)
        if message.error:
            return FrameContent(notice=message.msg[:200])
        books = (self._book(entry.key, entry.value, bool(message.snapshot)) for entry in message.feeds)
        return FrameContent(books=tuple(book for book in books if book is not None))

    def _book(self, key: str, feed: Any, snapshot: bool) -> DeepBook | None:
        known = self._books.get(key)
        if known is None or not feed.HasField("depth"):
            return None
        token, bids, asks = known
        if snapshot or feed.snapshot:
            _, bids, asks = self._books[key] = (token, *_sides())
        for side, told in ((bids, feed.depth.bids), (asks, feed.depth.asks)):
            for level in told:
                numbers = (getattr(level, n).value if level.HasField(n) else None for n in ("price", "qty", "nord"))
                side.tell(level.num.value, *numbers)
        return DeepBook(token, unix_ns(feed.feed_time.value), bids.levels(), asks.levels())


def _sides() -> tuple[LevelTable, LevelTable]:
    """Prices are in paise."""
    return LevelTable(LEVELS, 100, NAME), LevelTable(LEVELS, 100, NAME)


def _json(kind: int, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": kind, "data": data}).decode()
