"""Fyers' tick-by-tick socket: books of fifty levels as protocol buffers, whole at first, then what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from brokers.fyers.tables import NAME
from openalgo_lab.broker import FrameContent
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.messages import reader
from openalgo_lab.broker.spec import DeepBook
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DepthLevel
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


class _Side:
    """Fifty levels of price in paise, quantity and orders. What a message leaves out of a level is unchanged."""

    def __init__(self) -> None:
        self.rows = [[0, 0, 0] for _ in range(LEVELS)]

    def apply(self, levels: Iterable[Any]) -> None:
        for level in levels:
            if not 0 <= level.num.value < LEVELS:
                raise DecodeError(f"A book of {NAME} has a level {level.num.value}.")
            for place, name in enumerate(("price", "qty", "nord")):
                if level.HasField(name):
                    self.rows[level.num.value][place] = getattr(level, name).value

    def levels(self) -> tuple[DepthLevel, ...]:
        if any(number < 0 for row in self.rows for number in row):
            raise DecodeError(f"A book of {NAME} holds a number that is none.")
        return tuple(DepthLevel(price / 100, qty, orders) for price, qty, orders in self.rows if price and qty)


class BookFeed(PlainFeed):
    """One socket, one channel. Nothing flows before the channel is resumed."""

    def __init__(self) -> None:
        self._books: dict[str, tuple[int, _Side, _Side]] = {}

    def opened(self) -> Sequence[str]:
        return (_json(2, {"resumeChannels": [_CHANNEL], "pauseChannels": []}),)

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[str]:
        self._books.update((i.broker_symbol, (i.token, _Side(), _Side())) for i in instruments)
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
            bids, asks = _Side(), _Side()
            self._books[key] = token, bids, asks
        bids.apply(feed.depth.bids)
        asks.apply(feed.depth.asks)
        return DeepBook(token, _ns(feed.feed_time.value), bids.levels(), asks.levels())


def _json(kind: int, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": kind, "data": data}).decode()


def _ns(moment: int) -> int:
    """UTC ns of a Unix time whose unit is told by its size: seconds, milliseconds, microseconds or nanoseconds."""
    for unit, most in ((10**9, 10**11), (10**6, 10**14), (10**3, 10**17), (1, 10**20)):
        if 0 <= moment < most:
            return moment * unit
    raise DecodeError(f"A book of {NAME} has a time that is none.")
