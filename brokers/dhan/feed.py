"""Dhan's sockets: the binary market feed and the order updates in JSON, as protocol state without a socket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from brokers.dhan import tables
from brokers.dhan.orders import order_report
from brokers.dhan.tables import NAME
from openalgo_lab.broker import FrameContent, Session, reading
from openalgo_lab.broker.deep import packed_levels
from openalgo_lab.broker.feeding import ModalFeed, PlainFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.spec import DeepBook
from openalgo_lab.model.errors import BrokerError, DecodeError, LabError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["BookFeed", "MarketFeed", "OrderFeed"]

_PER_MESSAGE = 100
_BEST = ("bid", "bid_qty", "ask", "ask_qty")
Floats = npt.NDArray[np.float64]


class MarketFeed(ModalFeed):
    """One socket of the market feed. Remembers each instrument's last time, as some packets lack it."""

    def __init__(self) -> None:
        super().__init__()
        self._times: dict[int, int] = {}
        self._steps: dict[int, int] = {}

    def messages(self, instruments: Sequence[Instrument], mode: FeedMode, *, on: bool) -> Sequence[str]:
        listed = [{"ExchangeSegment": tables.segment(i.exchange), "SecurityId": i.broker_symbol} for i in instruments]
        batches = (listed[start : start + _PER_MESSAGE] for start in range(0, len(listed), _PER_MESSAGE))
        code = tables.MODES[mode] + (not on)
        return [_json({"RequestCode": code, "InstrumentCount": len(b), "InstrumentList": b}) for b in batches]

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, str):
            raise DecodeError(f"Dhan's market feed sent text: {frame[:60]!r}.")
        offsets = _packets(frame)
        if tables.DISCONNECT in offsets:
            at = offsets[tables.DISCONNECT][0]
            return FrameContent(refused=_farewell(int.from_bytes(frame[at + 8 : at + 10], "little")))
        known = ((code, at) for code, at in offsets.items() if code in tables.PACKETS)
        return FrameContent(ticks=tuple(self._batch(frame, code, at) for code, at in known))

    def _batch(self, frame: bytes, code: int, offsets: Sequence[int]) -> TickBatch:
        """All packets of one kind, each number in one array first: that costs least for one packet and for many."""
        layout = tables.PACKETS[code]
        rows = [layout.fields.unpack_from(frame, at) for at in offsets]
        tokens = [row[2] << 40 | row[3] for row in rows]
        table = np.array(rows, dtype=np.float64)
        places = {name: place for place, name in enumerate(layout.names)}
        columns: dict[str, Floats] = {name: table[:, places[name]] for name in tables.COUNTS if name in places}
        cents = np.array([[10_000 if row[2] in tables.CURRENCY else 100] for row in rows], dtype=np.float64)
        steps = np.array([[self._step(token, row[2])] for token, row in zip(tokens, rows, strict=True)])
        if layout.prices:
            prices = _snapped(table[:, [places[name] for name in layout.prices]], steps)
            columns |= dict(zip(layout.prices, prices.T, strict=True))
        if "average" in places:
            columns["average"] = _snapped(table[:, [places["average"]]], cents)[:, 0]
        depth = None
        if code == tables.FULL:
            depth = _book(table[:, len(places) :].reshape(-1, 5, 6), steps)
            columns |= {name: depth[:, side, 0] for side, name in enumerate(_BEST)}
        stamps = self._stamps(tokens, [row[places["time"]] for row in rows] if "time" in places else None)
        return TickBatch(np.array(tokens), stamps, columns, depth)

    def _step(self, token: int, segment: int) -> int:
        """How many steps of its price a rupee has. Index values move in paise, whatever tick the file gives them."""
        known = self._steps.get(token)
        if known is None:
            held = self.asked.get(token)
            exact = 1 / held[0].tick_size if held and held[0].tradable else 0.0
            whole = abs(exact - round(exact)) < 1e-6 and exact > 0.5
            known = round(exact) if whole else 10_000 if segment in tables.CURRENCY else 100
            if held is not None:
                self._steps[token] = known
        return known

    def _stamps(self, tokens: Sequence[int], seconds: Sequence[int] | None) -> npt.NDArray[np.int64]:
        """UTC ns; a packet without a time takes the instrument's last one."""
        if seconds is not None:
            found = [max(second - tables.ZONE_S, 0) * 1_000_000_000 for second in seconds]
            self._times.update(zip(tokens, found, strict=True))
        return np.array([self._times.get(token, 0) for token in tokens], dtype=np.int64)


class BookFeed(PlainFeed):
    """One socket of books of 20 levels, or of 200 for a single instrument."""

    def __init__(self, levels: int) -> None:
        self._single = levels == tables.MOST_LEVELS

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[str]:
        return self._messages(23, instruments)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[str]:
        return self._messages(24, instruments)

    def _messages(self, code: int, instruments: Sequence[Instrument]) -> Sequence[str]:
        listed = [{"ExchangeSegment": tables.segment(i.exchange), "SecurityId": i.broker_symbol} for i in instruments]
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


def _json(body: dict[str, Any]) -> str:
    return msgspec.json.encode(body).decode()


def _packets(frame: bytes) -> dict[int, list[int]]:
    """Where the packets of each code begin. Sizes go by the code: the length field's byte order is disputed."""
    offsets: dict[int, list[int]] = {}
    at = 0
    while at < len(frame):
        code = frame[at]
        size = tables.SIZES.get(code)
        if code == 1 and frame[at + 1 : at + 2] != b"\x10":
            # The index packet of unpublished layout: passed over by its length.
            code, size = 0, max(8, int.from_bytes(frame[at + 1 : at + 3], "little"))
        if size is None or at + size > len(frame):
            raise DecodeError(f"A market frame of Dhan does not fit: code {code} at byte {at} of {len(frame)}.")
        if code in tables.PACKETS and frame[at + 3] not in tables.CODES:
            raise DecodeError(f"Dhan's market feed sent an unknown segment: {frame[at + 3]}.")
        offsets.setdefault(code, []).append(at)
        at += size
    return offsets


def _snapped(prices: Floats, steps: Floats) -> Floats:
    """Rupees of float32 prices, on the step they stand for; NaN for zero, which means that there is none."""
    prices[(prices == 0) | ~np.isfinite(prices)] = np.nan
    found: Floats = np.rint(prices * steps) / steps
    return found


def _book(levels: Floats, steps: Floats) -> Floats:
    """Five levels of (bid quantity, ask quantity, bid orders, ask orders, bid, ask) as (n, 4, 5)."""
    depth = levels[:, :, (4, 0, 5, 1)].transpose(0, 2, 1).copy()
    depth[:, ::2] = _snapped(depth[:, ::2], steps[:, :, None])
    depth[:, 1::2][np.isnan(depth[:, ::2])] = np.nan
    return depth


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
        return FrameContent(reports=(order_report(row, exchange, Evidence.STREAM),))


def _small(value: Any) -> Record:
    items: Iterable[tuple[str, Any]] = value.items() if isinstance(value, dict) else ()
    return Record({key.lower(): item for key, item in items} if isinstance(value, dict) else value, NAME)
