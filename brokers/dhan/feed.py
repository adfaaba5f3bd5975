"""Dhan's sockets: the binary market feed and the order updates in JSON, as protocol state without a socket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from brokers.dhan import tables
from brokers.dhan.orders import order_report
from brokers.dhan.tables import NAME
from openalgo_lab.broker import FrameContent, Session, reading
from openalgo_lab.broker.deep import packed_levels
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.packed import PackedFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.spec import DeepBook
from openalgo_lab.model.errors import BrokerError, DecodeError, LabError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["BookFeed", "MarketFeed", "OrderFeed"]

_PER_MESSAGE = 100


class MarketFeed(PackedFeed):
    """One socket of the market feed."""

    broker = NAME
    layouts = tables.PACKETS
    zone_s = 19_800  # the feed's times show the Indian wall clock as if it were UTC

    def messages(self, instruments: Sequence[Instrument], mode: FeedMode, *, on: bool) -> Sequence[str]:
        listed = _listed(instruments)
        batches = (listed[start : start + _PER_MESSAGE] for start in range(0, len(listed), _PER_MESSAGE))
        code = tables.MODES[mode] + (not on)
        return [_json({"RequestCode": code, "InstrumentCount": len(b), "InstrumentList": b}) for b in batches]

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, str):
            raise DecodeError(f"Dhan's market feed sent text: {frame[:60]!r}.")
        offsets = self.packets(frame)
        if tables.DISCONNECT in offsets:
            at = offsets[tables.DISCONNECT][0]
            return FrameContent(refused=_farewell(int.from_bytes(frame[at + 8 : at + 10], "little")))
        known = ((code, at) for code, at in offsets.items() if code in tables.PACKETS)
        return FrameContent(ticks=tuple(self.batch(frame, code, at) for code, at in known))

    def size(self, frame: bytes, at: int) -> tuple[int, int]:
        """By the code: the length field's byte order is disputed. An index packet of the layout that is not published
        is passed over by its length."""
        if frame[at] == 1 and frame[at + 1 : at + 2] != b"\x10":
            return 0, max(8, int.from_bytes(frame[at + 1 : at + 3], "little"))
        return frame[at], tables.SIZES.get(frame[at], 0)

    def token(self, row: Sequence[Any]) -> int:
        if row[2] not in tables.CODES:
            raise DecodeError(f"Dhan's market feed sent an unknown segment: {row[2]}.")
        return int(row[2] << 40 | row[3])

    def cents(self, row: Sequence[Any]) -> int:
        return 10_000 if row[2] in tables.CURRENCY else 100


class BookFeed(PlainFeed):
    """One socket of books of 20 levels, or of 200 for a single instrument."""

    def __init__(self, levels: int) -> None:
        self._single = levels == tables.MOST_LEVELS

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[str]:
        return self._messages(23, instruments)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[str]:
        return self._messages(24, instruments)

    def _messages(self, code: int, instruments: Sequence[Instrument]) -> Sequence[str]:
        listed = _listed(instruments)
        if self._single:
            return [_json({"RequestCode": code, **one}) for one in listed]
        return (_json({"RequestCode": code, "InstrumentCount": len(listed), "InstrumentList": listed}),)

    def received(self, frame: str | bytes) -> FrameContent:
        """Packets of one side each, stacked."""
        if isinstance(frame, str):
            raise DecodeError(f"Dhan's depth feed sent text: {frame[:60]!r}.")
        books: list[DeepBook] = []
        at = 0
        while at < len(frame):
            if frame[at + 2 : at + 3] == bytes([tables.DISCONNECT]):
                return FrameContent(refused=_farewell(_reason(frame[at:])))
            if at + tables.BOOK_HEAD.size > len(frame):
                raise DecodeError("A depth frame of Dhan ends within a packet.")
            size, code, segment, number, _ = tables.BOOK_HEAD.unpack_from(frame, at)
            body, side = frame[at + tables.BOOK_HEAD.size : at + size], tables.BOOK_SIDES.get(code)
            fits = len(body) == size - tables.BOOK_HEAD.size and len(body) % tables.BOOK_ROW == 0
            if side is None or segment not in tables.CODES or not fits:
                raise DecodeError(f"A depth frame of Dhan does not fit: code {code}, segment {segment}, {size} bytes.")
            levels = packed_levels(body, tables.BOOK_LEVEL, 1.0, NAME)
            books.append(msgspec.structs.replace(DeepBook(segment << 40 | number), **{side: levels}))
            at += size
        return FrameContent(books=tuple(books))


def _reason(packet: bytes) -> int:
    """Of a farewell: the manual and the official client disagree about its place."""
    found = (int.from_bytes(packet[at : at + 2], "little") for at in (12, 8))
    return next((reason for reason in found if reason in tables.FAREWELLS), 0)


def _listed(instruments: Sequence[Instrument]) -> list[dict[str, Any]]:
    return [{"ExchangeSegment": tables.segment(i.exchange), "SecurityId": i.broker_symbol} for i in instruments]


def _json(body: dict[str, Any]) -> str:
    return msgspec.json.encode(body).decode()


def _farewell(reason: int) -> LabError:
    """Where nothing changes before the user acts, the feed ends for good."""
    said = tables.FAREWELLS.get(reason, "for an unknown reason")
    if reason in tables.FINAL:
        return SessionExpired(f"Dhan closed this feed ({reason}, {said}); put that right and log in again.")
    return BrokerError(f"Dhan closed this feed ({reason}, {said}).")


class OrderFeed(PlainFeed):
    """The order-update socket of one account. The live feed writes camelCase where the manual writes PascalCase, and
    some keys twice: they are compared in small letters, the last one counts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def opened(self) -> Sequence[str]:
        login = {"MsgCode": 42, "ClientId": self._session.client, "Token": self._session.token}
        return (_json({"LoginReq": login, "UserType": "SELF"}),)

    def received(self, frame: str | bytes) -> FrameContent:
        message = _small(parsed(frame, NAME))
        said, status = (str(message.raw(name) or "")[:80] for name in ("message", "status"))
        if message.text("type", "").lower() != "order_alert":
            if status.lower() in ("failed", "failure", "error"):
                return FrameContent(refused=SessionExpired(f"Dhan refused its order feed ({said}); log in again."))
            return FrameContent(notice=said or status or message.text("type", ""))
        update = _small(message.raw("data"))
        place = f"{update.text('exchange')}:{update.text('segment')}"
        exchange = reading.from_word(tables.SOCKET_EXCHANGES, place, "segment", NAME)
        row = Record({ours: update.raw(theirs) for theirs, ours in tables.SOCKET_FIELDS.items()}, NAME)
        row = row.also(exchangeSegment=tables.segment(exchange))
        return FrameContent(reports=(order_report(row, Evidence.STREAM),))


def _small(value: Any) -> Record:
    items: Iterable[tuple[str, Any]] = value.items() if isinstance(value, dict) else ()
    return Record({key.lower(): item for key, item in items} if isinstance(value, dict) else value, NAME)
