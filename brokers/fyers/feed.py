"""Fyers' sockets: the binary data socket with its snapshots and updates, and the order socket in JSON."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import ClassVar, Final

import msgspec
import numpy as np
import numpy.typing as npt

from brokers.fyers import tables
from brokers.fyers.orders import fill_report, order_report
from brokers.fyers.tables import CHANNEL, NAME
from openalgo_lab.broker import FrameContent, Session
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["MarketFeed", "OrderFeed", "auth_frame", "keys_frame", "mode_frame"]

_SOURCE: Final = "openalgo-lab"
_PING: Final = b"\x00\x01\x0b"
_BEST: Final = ("bid", "bid_qty", "ask", "ask_qty")
_AUTH, _ACK, _SUBSCRIBE, _UNSUBSCRIBE, _DATA, _MODE, _MESSAGE = 1, 3, 4, 5, 6, 12, 51


def _frame(kind: int, *fields: bytes) -> bytes:
    body = struct.pack(">BB", kind, len(fields))
    body += b"".join(struct.pack(">BH", number, len(f)) + f for number, f in enumerate(fields, 1))
    return struct.pack(">H", len(body)) + body


def auth_frame(hsm_key: str, source: str = _SOURCE) -> bytes:
    """The first frame: who we are, by the key within the access token."""
    return _frame(_AUTH, hsm_key.encode(), b"P", b"\x01", source.encode())


def mode_frame() -> bytes:
    """Full records on our channel."""
    return _frame(_MODE, struct.pack(">Q", 1 << CHANNEL), b"F")


def keys_frame(keys: Sequence[str], *, on: bool) -> bytes:
    """Ask for topics, or drop them."""
    listed = struct.pack(">H", len(keys)) + b"".join(bytes([len(key)]) + key.encode() for key in keys)
    return _frame(_SUBSCRIBE if on else _UNSUBSCRIBE, listed, bytes([CHANNEL]))


@dataclass(slots=True)
class _Topic:
    """One stream of a symbol on this connection: updates leave out what has not changed."""

    key: str
    token: int
    divisor: float
    values: list[int]


class MarketFeed(PlainFeed):
    """One data socket. Quote and depth of a symbol are two topics; indices have a kind of their own."""

    needs_ready: ClassVar[bool] = True

    def __init__(self, session: Session) -> None:
        self._hsm_key = session.extra["hsm_key"]
        self._tokens: dict[str, int] = {}
        self._topics: dict[int, _Topic] = {}
        self._times: dict[int, int] = {}
        self._every = self._unacknowledged = 0

    def opened(self) -> Sequence[bytes]:
        return (auth_frame(self._hsm_key),)

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[bytes]:
        found = [(key, i.token) for i in instruments for key in _keys(i, depth=mode is FeedMode.DEPTH)]
        fresh = {key: token for key, token in found if key not in self._tokens}
        self._tokens |= fresh
        return (keys_frame(list(fresh), on=True),) if fresh else ()

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[bytes]:
        known = [key for i in instruments for key in _keys(i, depth=True) if self._tokens.pop(key, None) is not None]
        return (keys_frame(known, on=False),) if known else ()

    def ping(self) -> bytes:
        return _PING

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, str):
            raise DecodeError(f"Fyers' data socket sent text: {frame[:60]!r}.")
        try:
            return self._read(frame)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise DecodeError(f"A frame of Fyers' data socket does not fit: {error}.") from error

    def _read(self, frame: bytes) -> FrameContent:
        kind = frame[2]
        if kind == _DATA:
            return self._data(frame)
        fields = _fields(frame)
        first = fields.get(1, b"")
        if kind == _AUTH:
            if first != b"K":
                return FrameContent(refused=SessionExpired("Fyers' data socket refused the session; log in again."))
            (self._every,) = struct.unpack(">I", fields.get(2, bytes(4)))
            return FrameContent(replies=(mode_frame(),), ready=True)
        if kind == _MESSAGE:
            return FrameContent(notice=f"{struct.unpack('>i', first)[0]}: {fields.get(2, b'').decode()}"[:200])
        if first != b"K":
            return FrameContent(notice=f"Fyers' data socket refused a request (type {kind}).")
        return FrameContent()

    def _data(self, frame: bytes) -> FrameContent:
        number, count = struct.unpack_from(">IH", frame, 3)
        at, heard = 9, []
        for _ in range(count):
            topic, at = self._record(frame, at)
            if topic is not None:
                heard.append(topic)
        if at > len(frame):
            raise DecodeError("A frame of Fyers' data socket ends within a record.")
        kinds: dict[str, list[_Topic]] = {}
        for topic in heard:
            if topic.key in self._tokens:
                kinds.setdefault(topic.key[:2], []).append(topic)
        self._unacknowledged += 1
        replies: tuple[bytes, ...] = ()
        if self._every and self._unacknowledged >= self._every:
            self._unacknowledged, replies = 0, (_frame(_ACK, struct.pack(">I", number)),)
        return FrameContent(ticks=tuple(starmap(self._batch, kinds.items())), replies=replies)

    def _record(self, frame: bytes, at: int) -> tuple[_Topic | None, int]:
        """The topic that a record speaks of, brought up to date, and where the next record begins."""
        kind, number = frame[at], int.from_bytes(frame[at + 1 : at + 3], "little")
        if kind == tables.SNAPSHOT:
            return self._snapshot(frame, at + 3, number)
        topic = self._topics.get(number)
        if kind == tables.LITE:
            (price,) = struct.unpack_from(">i", frame, at + 3)
            if topic is not None:
                topic.values[0] = price
            return topic, at + 7
        if kind != tables.UPDATE:
            raise DecodeError(f"Fyers' data socket sent a record of the unknown kind {kind}.")
        size = frame[at + 3]
        values = struct.unpack_from(f">{size}i", frame, at + 4)
        if topic is not None:
            if size != len(topic.values):
                raise DecodeError("An update of Fyers' data socket has another size than its snapshot.")
            pairs = zip(topic.values, values, strict=True)
            topic.values = [old if new == tables.UNSET else new for old, new in pairs]
        return topic, at + 4 + 4 * size

    def _snapshot(self, frame: bytes, at: int, number: int) -> tuple[_Topic | None, int]:
        name, at = _text(frame, at)
        size = frame[at]
        values = list(struct.unpack_from(f">{size}i", frame, at + 1))
        multiplier, precision = struct.unpack_from(">HB", frame, at + 3 + 4 * size)
        at += 6 + 4 * size
        for _ in range(3):
            _, at = _text(frame, at)
        kind = name[:2]
        if kind not in tables.KINDS or size != len(tables.KINDS[kind]) or not multiplier or precision > 9:
            raise DecodeError(f"Fyers' data socket sent a snapshot that does not fit: {name[:40]!r}.")
        token = self._tokens.get(name)
        if token is None:
            self._topics.pop(number, None)  # dropped meanwhile
            return None, at
        topic = self._topics[number] = _Topic(name, token, float(10**precision * multiplier), values)
        return topic, at

    def _batch(self, kind: str, topics: list[_Topic]) -> TickBatch:
        """Ticks of one kind; a price of zero is one that is not known."""
        table = np.array([topic.values for topic in topics], dtype=np.float64)
        table[table == tables.UNSET] = np.nan
        divisor = np.array([[topic.divisor] for topic in topics])
        tokens = [topic.token for topic in topics]
        if kind == "dp":
            depth = table[:, :20].reshape(-1, 4, 5)[:, (0, 2, 1, 3)]
            depth[:, ::2] = _prices(depth[:, ::2], divisor[:, :, None])
            depth[:, 1::2][np.isnan(depth[:, ::2])] = np.nan
            best = {name: depth[:, side, 0] for side, name in enumerate(_BEST)}
            return TickBatch(np.array(tokens), self._stamps(tokens), best, depth)
        seconds, prices, counts = tables.PLACES_OF[kind]
        stamps = [topic.values[seconds] for topic in topics]
        self._times.update(zip(tokens, (max(second, 0) * 1_000_000_000 for second in stamps), strict=True))
        scaled = _prices(table[:, list(prices.values())], divisor)
        columns = dict(zip(prices, scaled.T, strict=True)) | {name: table[:, at] for name, at in counts.items()}
        return TickBatch(np.array(tokens), self._stamps(tokens), columns)

    def _stamps(self, tokens: list[int]) -> npt.NDArray[np.int64]:
        return np.array([self._times.get(token, 0) for token in tokens], dtype=np.int64)


def _prices(values: npt.NDArray[np.float64], divisor: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values[values == 0] = np.nan
    return values / divisor


def _keys(instrument: Instrument, *, depth: bool) -> Iterable[str]:
    if not instrument.tradable:
        return (f"if|{instrument.broker_token}",)
    quote = f"sf|{instrument.broker_token}"
    return (quote, f"dp|{instrument.broker_token}") if depth else (quote,)


def _text(frame: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + frame[at]
    if end > len(frame):
        raise DecodeError("A frame of Fyers' data socket ends within a name.")
    return frame[at + 1 : end].decode(), end


def _fields(frame: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 4
    for _ in range(frame[3]):
        number, size = struct.unpack_from(">BH", frame, at)
        found[number] = frame[at + 3 : at + 3 + size]
        at += 3 + size
    return found


class OrderFeed(PlainFeed):
    """The order socket of one account. Order messages leave out what is zero or empty."""

    def opened(self) -> Sequence[str]:
        asked = {"T": "SUB_ORD", "SLIST": ["orders", "trades"], "SUB_T": 1}
        return (msgspec.json.encode(asked).decode(),)

    def ping(self) -> str:
        return "ping"

    def received(self, frame: str | bytes) -> FrameContent:
        if frame == "pong":
            return FrameContent()
        message = Record(parsed(frame, NAME), NAME)
        for name, fields, report in (
            ("orders", tables.SOCKET_ORDER, order_report),
            ("trades", tables.SOCKET_TRADE, fill_report),
        ):
            if name in message:
                raw = message.record(name)
                row = Record({ours: raw.raw(theirs) for theirs, ours in fields.items()}, NAME)
                return FrameContent(reports=(report(row, Evidence.STREAM),))
        said = message.text("message", "")[:200]
        return FrameContent(notice=said if message.raw("s") != "ok" else "")
