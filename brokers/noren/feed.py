"""The Noren websocket: JSON text frames; touchline and depth come as a whole once, then as changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
import numpy as np
import numpy.typing as npt

from brokers.noren.instruments import token_of
from brokers.noren.rows import UPDATES, columns, report
from openalgo_lab.broker import FrameContent, Session
from openalgo_lab.broker.columns import tick
from openalgo_lab.broker.feeding import ModalFeed
from openalgo_lab.broker.reading import Number, moment, number, read
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["NorenFeed", "order_update"]

_LEVELS: Final = {
    f"{key}{n + 1}": (row, n) for row, key in enumerate(("bp", "bq", "sp", "sq")) for n in range(DEPTH_LEVELS)
}
_SILENT: Final = frozenset({"hk", "uk", "udk", "ok", "uok", "pk", "pm", "upk", "am", "ms"})
"""Acknowledgements, heartbeats, and what the workbench learns elsewhere (positions, alerts, market status)."""


class _Kind(msgspec.Struct, frozen=True):
    t: str
    s: str = ""
    dmsg: str = ""


class NorenFeed(ModalFeed):
    """One socket. Depth and touchline are separate subscriptions: an instrument has one of them at a time."""

    needs_ready: ClassVar[bool] = True

    def __init__(self, session: Session, broker: str, *, automatic_orders: bool) -> None:
        super().__init__()
        self._session = session
        self._broker = broker
        self._automatic_orders = automatic_orders
        self._books: dict[int, npt.NDArray[np.float64]] = {}
        self._times: dict[int, int] = {}

    def opened(self) -> Sequence[str]:
        client = self._session.client
        return (_text({"t": "a", "uid": client, "actid": client, "source": "API", "accesstoken": self._session.token}),)

    def messages(self, instruments: Sequence[Instrument], mode: FeedMode, *, on: bool) -> Sequence[str]:
        ask, drop = ("d", "ud") if mode is FeedMode.DEPTH else ("t", "u")
        return (_text({"t": ask if on else drop, "k": "#".join(i.broker_token for i in instruments)}),)

    def ping(self) -> str:
        return '{"t":"h"}'

    def received(self, frame: str | bytes) -> FrameContent:
        message = read(frame, _Kind, self._broker)
        match message.t:
            case "tk" | "tf" | "dk" | "df":
                return FrameContent(ticks=(self._tick(read(frame, dict[str, Number], self._broker)),))
            case "om":
                return order_update(Record(parsed(frame, self._broker), self._broker))
            case "ak" | "ck":
                return self._greeted(message.s)
            case "rm":
                return FrameContent(notice=message.dmsg)
            case kind if kind in _SILENT:
                return FrameContent()
            case kind:
                raise DecodeError(f"{self._broker} sent an unknown message: {kind[:20]!r}.")

    def _greeted(self, state: str) -> FrameContent:
        if state.casefold() != "ok":
            return FrameContent(refused=SessionExpired(f"{self._broker} refused the feed's login; log in again."))
        ask = () if self._automatic_orders else (_text({"t": "o", "actid": self._session.client}),)
        return FrameContent(ready=True, replies=ask)

    def _tick(self, row: dict[str, Number]) -> TickBatch:
        token = token_of(str(row.get("e", "")), str(row.get("tk", "")))
        if row["t"] in ("tk", "dk"):  # a snapshot: what was known before is over
            self._books.pop(token, None)
        time_ns = self._times[token] = moment(row.get("ft")) or self._times.get(token, 0)
        return tick(token, columns(row), time_ns, self._book(token, row) if row["t"] in ("dk", "df") else None)

    def _book(self, token: int, row: dict[str, Number]) -> npt.NDArray[np.float64] | None:
        changes = [(place, number(row[key])) for key, place in _LEVELS.items() if key in row]
        if not changes:
            return None
        levels = self._books.setdefault(token, np.full((4, DEPTH_LEVELS), math.nan))
        for (side, level), value in changes:
            levels[side, level] = value if value > 0 else math.nan
        return levels


def order_update(row: Record) -> FrameContent:
    """An order's state, and the trade that brought it there."""
    told = report(row, Evidence.STREAM)
    if row.text("reporttype", "").casefold() == "fill" and row.text("flid", ""):
        return FrameContent(reports=(told, UPDATES.fill(row, Evidence.STREAM)))
    return FrameContent(reports=(told,))


def _text(message: dict[str, str]) -> str:
    return msgspec.json.encode(message).decode()
