"""Firstock's websocket: JSON text; prices in paise; one mode that holds everything; order updates as Noren's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
import numpy as np
import numpy.typing as npt

from brokers.noren.feed import order_update
from brokers.noren.instruments import token_of
from openalgo_lab.broker import FrameContent
from openalgo_lab.broker.columns import tick
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.reading import moment
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import BrokerError, DecodeError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["FirstockFeed"]

NAME: Final = "Firstock"
_PRICES: Final = {
    "i_last_traded_price": "ltp",
    "i_open_price": "open",
    "i_high_price": "high",
    "i_low_price": "low",
    "i_closing_price": "prev_close",
    "i_average_trade_price": "average",
}
_COUNTS: Final = {"i_volume_traded_today": "volume", "i_last_trade_quantity": "ltq", "i_open_interest": "oi"}
_NEVER: Final = 9e18
"""From here on a value is the gateway's sign for "unchanged" (2^63)."""


class FirstockFeed(PlainFeed):
    """One socket. A value of 0, 2^63, or none at all means "as before", so the book is kept here."""

    needs_ready: ClassVar[bool] = True

    def __init__(self) -> None:
        self._books: dict[int, npt.NDArray[np.float64]] = {}

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[str]:
        del mode  # there is only one
        return (_text("subscribe", instruments),)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[str]:
        for instrument in instruments:
            self._books.pop(instrument.token, None)
        return (_text("unsubscribe", instruments),)

    def received(self, frame: str | bytes) -> FrameContent:
        message = parsed(frame, NAME)
        row = Record(message, NAME)
        if "status" in row and "message" in row:
            return _greeted(row)
        if "norenordno" in row:
            return order_update(row)
        if "brkname" in row:  # a position: the ledger makes its own of the fills
            return FrameContent()
        if "c_symbol" in row:  # as the first version of the socket sends it
            message = {f"{row.text('c_exch_seg')}:{row.text('c_symbol')}": message}
        return FrameContent(ticks=tuple(self._tick(key, Record(fields, NAME)) for key, fields in message.items()))

    def _tick(self, key: str, row: Record) -> TickBatch:
        exchange, _, code = key.partition(":")
        token = token_of(exchange, code)
        found = {name: value / 100 for field, name in _PRICES.items() if (value := _said(row.raw(field))) > 0}
        found = {name: round(value, 4) for name, value in found.items()}
        found |= {name: value for field, name in _COUNTS.items() if (value := _said(row.raw(field))) > 0}
        book = self._book(token, row)
        if book is not None:
            found |= {"bid": book[0, 0], "bid_qty": book[1, 0], "ask": book[2, 0], "ask_qty": book[3, 0]}
        when = row.raw("i_feed_time") or row.raw("i_last_trade_time")
        return tick(token, found, moment(when) if _said(when) > 0 else 0, book)

    def _book(self, token: int, row: Record) -> npt.NDArray[np.float64] | None:
        changed = False
        book = self._books.get(token, np.full((4, DEPTH_LEVELS), math.nan))
        for side, name in ((0, "best_buy"), (2, "best_sell")):
            for level, each in enumerate(row.records(name)[:DEPTH_LEVELS]):
                for place, field, unit in ((side, "price", 100), (side + 1, "quantity", 1)):
                    if (value := _said(each.raw(field))) > 0:
                        book[place, level] = value / unit
                        changed = True
        if changed:
            self._books[token] = book
        return book if changed else None


def _said(value: Any) -> float:
    """A number, or 0 for every sign of "unchanged". Raises DecodeError."""
    if value is None or value == "":
        return 0.0
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise DecodeError(f"{NAME} sent a tick whose values are no numbers.") from None
    return found if 0 < found < _NEVER else 0.0


def _greeted(row: Record) -> FrameContent:
    text = row.text("message")
    if row.text("status") == "success":
        return FrameContent(ready=True)
    if "unauthenticated" in text.casefold():
        return FrameContent(refused=SessionExpired(f"{NAME} no longer knows this session; log in again."))
    return FrameContent(
        refused=BrokerError(f"{NAME} refused the feed ({text[:200]}); close other programs that use it.")
    )


def _text(action: str, instruments: Sequence[Instrument]) -> str:
    return msgspec.json.encode({"action": action, "tokens": "|".join(i.broker_token for i in instruments)}).decode()
