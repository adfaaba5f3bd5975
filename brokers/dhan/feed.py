"""Dhan's sockets: the binary market feed and the order updates in JSON, as protocol state without a socket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from brokers.dhan import tables
from brokers.dhan.calls import order_report
from brokers.dhan.tables import NAME
from openalgo_lab.broker import FrameContent, Session, reading
from openalgo_lab.broker.feeding import ModalFeed, PlainFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import BrokerError, DecodeError, LabError, Rejected, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["MarketFeed", "OrderFeed"]

_PER_MESSAGE = 100
_PRICES = ("ltp", "open", "high", "low", "prev_close")
_COUNTS = ("ltq", "volume", "oi", "prev_oi")
_BEST = ("bid", "bid_qty", "ask", "ask_qty")
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class MarketFeed(ModalFeed):
    """One socket of the market feed. Remembers each instrument's last time, as some packets lack it."""

    def __init__(self) -> None:
        super().__init__()
        self._times: dict[int, int] = {}

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
        known = ((tables.PACKETS[code], at) for code, at in offsets.items() if code in tables.PACKETS)
        return FrameContent(ticks=tuple(self._batch(_rows(frame, layout, at)) for layout, at in known))

    def _batch(self, rows: npt.NDArray[Any]) -> TickBatch:
        names = rows.dtype.names or ()
        tokens = rows["segment"].astype(np.int64) << 40 | rows["id"]
        cents = np.where(np.isin(rows["segment"], tables.CURRENCY), 0.0001, 0.01)
        ticks = self._ticks(tokens, cents)
        columns = {name: _snapped(rows[name], ticks) for name in _PRICES if name in names}
        columns |= {name: rows[name].astype(np.float64) for name in _COUNTS if name in names}
        depth = None
        if "average" in names:
            columns["average"] = _snapped(rows["average"], cents)
        if "book" in names:
            depth = _book(rows["book"], ticks)
            columns |= {name: depth[:, side, 0] for side, name in enumerate(_BEST)}
        return TickBatch(tokens, self._stamps(tokens, rows["time"] if "time" in names else None), columns, depth)

    def _ticks(self, tokens: Whole, cents: Floats) -> Floats:
        """Tick sizes; index values move in paise, whatever tick the file gives them."""
        held = (self.asked.get(token) for token in tokens.tolist())
        return np.array([h[0].tick_size if h and h[0].tradable else c for h, c in zip(held, cents, strict=True)])

    def _stamps(self, tokens: Whole, seconds: npt.NDArray[Any] | None) -> Whole:
        """UTC ns; a packet without a time takes the instrument's last one."""
        if seconds is None:
            return np.array([self._times.get(token, 0) for token in tokens.tolist()], dtype=np.int64)
        stamps: Whole = np.maximum(seconds.astype(np.int64) - tables.ZONE_S, 0) * 1_000_000_000
        self._times.update(zip(tokens.tolist(), stamps.tolist(), strict=True))
        return stamps


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


def _rows(frame: bytes, layout: np.dtype[Any], offsets: Sequence[int]) -> npt.NDArray[Any]:
    if len(offsets) == 1:
        return np.frombuffer(frame, layout, 1, offsets[0])
    places = np.add.outer(np.array(offsets), np.arange(layout.itemsize))
    found: npt.NDArray[Any] = np.frombuffer(frame, np.uint8)[places].view(layout)[:, 0]
    return found


def _snapped(prices: npt.NDArray[Any], ticks: Floats) -> Floats:
    """Rupees of float32 prices, on the tick they stand for; NaN for zero, which means that there is none."""
    exact = np.where((prices != 0) & np.isfinite(prices), prices, np.nan).astype(np.float64)
    return np.round(np.rint(exact / ticks) * ticks, 4)


def _book(levels: npt.NDArray[Any], ticks: Floats) -> Floats:
    depth = np.full((len(levels), 4, 5), np.nan)
    for row, side in ((0, "bid"), (2, "ask")):
        depth[:, row] = _snapped(levels[side], ticks[:, None])
        depth[:, row + 1] = np.where(np.isnan(depth[:, row]), np.nan, levels[f"{side}_qty"])
    return depth


def _farewell(reason: int) -> LabError:
    match reason:
        case 805:
            return BrokerError("Dhan closed this feed, as too many are open for this client; close another one.")
        case 806:
            return Rejected("Dhan's data plan is not active for this client; activate it on Dhan's site.")
        case 807 | 808 | 809 | 810:
            return SessionExpired(f"Dhan does not accept this token for its feed ({reason}); log in again.")
        case _:
            return BrokerError(f"Dhan closed this feed for the unknown reason {reason}.")


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
