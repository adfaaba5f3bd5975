"""HSM, a binary socket protocol that brokers buy with their feed, in the version v1-5: frames of numbered fields,
market data as numbered topics whose values come whole at first and then as what has changed.

A frame is uint16 length, uint8 kind, uint8 how many fields, and per field uint8 number, uint16 length, bytes.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import ClassVar, Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.spec import FrameContent
from openalgo_lab.model.errors import DecodeError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["UNSET", "HsmFeed", "TopicKind", "hsm_frame"]

Floats = npt.NDArray[np.float64]

UNSET: Final = -(2**31)
"""In an update: unchanged; in a snapshot: not known."""

_PING: Final = b"\x00\x01\x0b"
_AUTH, _ACK, _SUBSCRIBE, _UNSUBSCRIBE, _DATA, _MODE, _MESSAGE = 1, 3, 4, 5, 6, 12, 51
_SNAPSHOT, _UPDATE, _LITE = 83, 85, 76
_BEST: Final = ("bid", "bid_qty", "ask", "ask_qty")


class TopicKind(msgspec.Struct, frozen=True):
    """One kind of topic: how many values it has and where ours stand among them.

    A ``book`` begins with five bids, five asks, five bid and five ask quantities, and has nothing else of ours.
    """

    size: int
    time: int = -1
    prices: Mapping[str, int] = {}
    counts: Mapping[str, int] = {}
    book: bool = False

    @classmethod
    def of(cls, names: str, counts: str) -> TopicKind:
        """From the names of all values in their order, ``time`` among them, and of those that are counts. A name with a
        minus is not ours."""
        listed = names.split()
        ours = {name: at for at, name in enumerate(listed) if not name.startswith("-") and name != "time"}
        number = {name: ours.pop(name) for name in counts.split() if name in ours}
        return cls(len(listed), listed.index("time"), ours, number)


@dataclass(slots=True)
class _Topic:
    """One stream of a symbol on this connection: updates leave out what has not changed."""

    key: str
    token: int
    divisor: float
    values: list[int]


def hsm_frame(kind: int, *fields: bytes) -> bytes:
    """A frame whose fields are numbered from 1."""
    body = struct.pack(">BB", kind, len(fields))
    body += b"".join(struct.pack(">BH", number, len(f)) + f for number, f in enumerate(fields, 1))
    return struct.pack(">H", len(body)) + body


class HsmFeed(PlainFeed, ABC):
    """One socket. A broker says its name, the kinds of its topics by the first letters of their names, its ``channel``,
    the fields of its first frame, and which topics an instrument has."""

    needs_ready: ClassVar[bool] = True
    broker: ClassVar[str]
    kinds: ClassVar[Mapping[str, TopicKind]]
    channel: ClassVar[int]

    def __init__(self, auth: Sequence[bytes]) -> None:
        self._auth = auth
        self._tokens: dict[str, int] = {}
        self._topics: dict[int, _Topic] = {}
        self._times: dict[int, int] = {}
        self._every = self._unacknowledged = 0

    @abstractmethod
    def keys(self, instrument: Instrument, *, depth: bool) -> Sequence[str]:
        """The names of an instrument's topics, with the one of its book where ``depth`` is wanted."""

    def opened(self) -> Sequence[bytes]:
        """Who we are."""
        return (hsm_frame(_AUTH, *self._auth),)

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[bytes]:
        """Topics that are not asked for yet."""
        found = [(key, i.token) for i in instruments for key in self.keys(i, depth=mode is FeedMode.DEPTH)]
        fresh = {key: token for key, token in found if key not in self._tokens}
        self._tokens |= fresh
        return (self.keys_frame(list(fresh), on=True),) if fresh else ()

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[bytes]:
        """Every topic of theirs that was asked for."""
        named = [key for instrument in instruments for key in self.keys(instrument, depth=True)]
        known = [key for key in named if self._tokens.pop(key, None) is not None]
        return (self.keys_frame(known, on=False),) if known else ()

    def keys_frame(self, keys: Sequence[str], *, on: bool) -> bytes:
        """Ask for topics, or drop them."""
        listed = struct.pack(">H", len(keys)) + b"".join(bytes([len(key)]) + key.encode() for key in keys)
        return hsm_frame(_SUBSCRIBE if on else _UNSUBSCRIBE, listed, bytes([self.channel]))

    def mode_frame(self) -> bytes:
        """Full records on our channel."""
        return hsm_frame(_MODE, struct.pack(">Q", 1 << self.channel), b"F")

    def ping(self) -> bytes:
        """Three bytes that need no answer."""
        return _PING

    def received(self, frame: str | bytes) -> FrameContent:
        """What a frame says. Raises DecodeError."""
        if isinstance(frame, str):
            raise DecodeError(f"The data socket of {self.broker} sent text: {frame[:60]!r}.")
        try:
            return self._data(frame) if frame[2] == _DATA else self._control(frame[2], _fields(frame))
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise DecodeError(f"A frame of the data socket of {self.broker} does not fit: {error}.") from error

    def _control(self, kind: int, fields: Mapping[int, bytes]) -> FrameContent:
        first = fields.get(1, b"")
        if kind == _AUTH:
            if first != b"K":
                refused = f"The data socket of {self.broker} refused the session; log in again."
                return FrameContent(refused=SessionExpired(refused))
            (self._every,) = struct.unpack(">I", fields.get(2, bytes(4)))
            return FrameContent(replies=(self.mode_frame(),), ready=True)
        if kind == _MESSAGE:
            return FrameContent(notice=f"{struct.unpack('>i', first)[0]}: {fields.get(2, b'').decode()}"[:200])
        if first != b"K":
            return FrameContent(notice=f"The data socket of {self.broker} refused a request (type {kind}).")
        return FrameContent()

    def _data(self, frame: bytes) -> FrameContent:
        number, count = struct.unpack_from(">IH", frame, 3)
        at, heard = 9, []
        for _ in range(count):
            topic, at = self._record(frame, at)
            if topic is not None:
                heard.append(topic)
        if at > len(frame):
            raise DecodeError(f"A frame of the data socket of {self.broker} ends within a record.")
        kinds: dict[str, list[_Topic]] = {}
        for topic in heard:
            if topic.key in self._tokens:
                kinds.setdefault(topic.key.partition("|")[0], []).append(topic)
        self._unacknowledged += 1
        replies: tuple[bytes, ...] = ()
        if self._every and self._unacknowledged >= self._every:
            self._unacknowledged, replies = 0, (hsm_frame(_ACK, struct.pack(">I", number)),)
        return FrameContent(ticks=tuple(starmap(self._batch, kinds.items())), replies=replies)

    def _record(self, frame: bytes, at: int) -> tuple[_Topic | None, int]:
        """The topic that a record speaks of, brought up to date, and where the next record begins."""
        kind, number = frame[at], int.from_bytes(frame[at + 1 : at + 3], "little")
        if kind == _SNAPSHOT:
            return self._snapshot(frame, at + 3, number)
        topic = self._topics.get(number)
        if kind == _LITE:
            (price,) = struct.unpack_from(">i", frame, at + 3)
            if topic is not None:
                topic.values[0] = price
            return topic, at + 7
        if kind != _UPDATE:
            raise DecodeError(f"The data socket of {self.broker} sent a record of the unknown kind {kind}.")
        size = frame[at + 3]
        values = struct.unpack_from(f">{size}i", frame, at + 4)
        if topic is not None:
            if size != len(topic.values):
                raise DecodeError(f"An update of {self.broker} has another size than its snapshot.")
            pairs = zip(topic.values, values, strict=True)
            topic.values = [old if new == UNSET else new for old, new in pairs]
        return topic, at + 4 + 4 * size

    def _snapshot(self, frame: bytes, at: int, number: int) -> tuple[_Topic | None, int]:
        name, at = self._text(frame, at)
        size = frame[at]
        values = list(struct.unpack_from(f">{size}i", frame, at + 1))
        multiplier, precision = struct.unpack_from(">HB", frame, at + 3 + 4 * size)
        at += 6 + 4 * size
        for _ in range(3):
            _, at = self._text(frame, at)
        kind = self.kinds.get(name.partition("|")[0])
        if kind is None or size != kind.size or not multiplier or precision > 9:
            raise DecodeError(f"The data socket of {self.broker} sent a snapshot that does not fit: {name[:40]!r}.")
        token = self._tokens.get(name)
        if token is None:
            self._topics.pop(number, None)  # dropped meanwhile
            return None, at
        topic = self._topics[number] = _Topic(name, token, float(10**precision * multiplier), values)
        return topic, at

    def _batch(self, name: str, topics: list[_Topic]) -> TickBatch:
        """Ticks of one kind; a price of zero is one that is not known."""
        kind, tokens = self.kinds[name], [topic.token for topic in topics]
        table = np.array([topic.values for topic in topics], dtype=np.float64)
        table[table == UNSET] = np.nan
        divisor = np.array([[topic.divisor] for topic in topics])
        if kind.book:
            depth = table[:, : 4 * DEPTH_LEVELS].reshape(-1, 4, DEPTH_LEVELS)[:, (0, 2, 1, 3)]
            depth[:, ::2] = _prices(depth[:, ::2], divisor[:, :, None])
            depth[:, 1::2][np.isnan(depth[:, ::2])] = np.nan
            best = {column: depth[:, side, 0] for side, column in enumerate(_BEST)}
            return TickBatch(np.array(tokens), self._stamps(tokens), best, depth)
        seconds = (topic.values[kind.time] for topic in topics)
        self._times.update(zip(tokens, (max(second, 0) * 1_000_000_000 for second in seconds), strict=True))
        scaled = _prices(table[:, list(kind.prices.values())], divisor)
        columns = dict(zip(kind.prices, scaled.T, strict=True)) | {n: table[:, at] for n, at in kind.counts.items()}
        return TickBatch(np.array(tokens), self._stamps(tokens), columns)

    def _stamps(self, tokens: Iterable[int]) -> npt.NDArray[np.int64]:
        return np.array([self._times.get(token, 0) for token in tokens], dtype=np.int64)

    def _text(self, frame: bytes, at: int) -> tuple[str, int]:
        end = at + 1 + frame[at]
        if end > len(frame):
            raise DecodeError(f"A frame of the data socket of {self.broker} ends within a name.")
        return frame[at + 1 : end].decode(), end


def _prices(values: Floats, divisor: Floats) -> Floats:
    values[values == 0] = np.nan
    return values / divisor


def _fields(frame: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 4
    for _ in range(frame[3]):
        number, size = struct.unpack_from(">BH", frame, at)
        found[number] = frame[at + 3 : at + 3 + size]
        at += 3 + size
    return found
