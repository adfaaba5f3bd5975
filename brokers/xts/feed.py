"""The XTS sockets: Socket.IO. Market data is subscribed by REST, since a subscription belongs to the token."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from brokers.xts import tables
from brokers.xts.instruments import number_of, segment_of
from brokers.xts.market import json_tick, packets, partial_tick
from brokers.xts.rows import fill, report
from openalgo_lab.broker import Call, FrameContent
from openalgo_lab.broker.feeding import ModalFeed, PlainFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.socketio import SocketIo
from openalgo_lab.model.errors import DecodeError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES, FeedMode

__all__ = ["MarketFeed", "OrderFeed", "asked", "pictures"]

_TICKS: Final = re.compile(r"(1501|1502|1510|1512)-json-(full|partial)")
_PASSED: Final = re.compile(
    r"joined|success|disconnect|position|tradeConversion|gttOrder(Rejection)?|marketStatusUpdate|exchangeAdapterState"
    r"|\d{4}-json-(full|partial)"
)
"""Events that say nothing which the workbench does not learn elsewhere."""
_BINARY: Final = "xts-binary-packet"


class _XtsSocket(SocketIo):
    """What both sockets know."""

    def event(self, name: str, argument: Any) -> FrameContent:
        if name == "logout" or (name == "error" and "token" in str(argument).casefold()):
            return FrameContent(refused=SessionExpired(f"{self.broker} ended the session; log in again."))
        if name in ("error", "warning"):
            return FrameContent(notice=str(argument)[:300])
        if _PASSED.fullmatch(name):
            return FrameContent()
        raise DecodeError(f"{self.broker} sent an unknown event: {name[:40]!r}.")

    def row(self, argument: Any) -> Record:
        """The object of an event, which is JSON within text."""
        return Record(parsed(argument, self.broker) if isinstance(argument, str) else argument, self.broker)


class MarketFeed(_XtsSocket, ModalFeed):
    """Ticks. ``ask(code, instruments, on)`` is the REST call that subscribes or drops."""

    def __init__(
        self, broker: str, ltp_code: int, ask: Callable[[int, Sequence[Instrument], bool], Call[FrameContent]]
    ) -> None:
        ModalFeed.__init__(self)
        self.broker = broker
        self._ask = ask
        self._codes = {FeedMode.LTP: ltp_code, FeedMode.QUOTE: tables.QUOTE, FeedMode.DEPTH: tables.DEPTH}
        self._books: dict[int, npt.NDArray[np.float64]] = {}

    def messages(self, instruments: Sequence[Instrument], mode: FeedMode, *, on: bool) -> Sequence[Call[FrameContent]]:
        """Open interest is a subscription of its own."""
        dated = [i for i in instruments if i.exchange in DERIVATIVE_EXCHANGES]
        calls = [self._ask(self._codes[mode], instruments, on)]
        if dated and mode is not FeedMode.LTP:
            calls.append(self._ask(tables.INTEREST, dated, on))
        return calls

    def packet(self, name: str, payload: bytes) -> FrameContent:
        return FrameContent(ticks=tuple(packets(payload)) if name in ("", _BINARY) else ())

    def event(self, name: str, argument: Any) -> FrameContent:
        match = _TICKS.fullmatch(name)
        if match is None:
            return super().event(name, argument)
        if match[2] == "full":
            return FrameContent(ticks=(json_tick(self.row(argument)),))
        found = partial_tick(int(match[1]), str(argument), self._books)
        return FrameContent(ticks=() if found is None else (found,))


class OrderFeed(_XtsSocket, PlainFeed):
    """Order and trade updates of the interactive socket; positions are the ledger's own sum."""

    def __init__(self, broker: str) -> None:
        self.broker = broker

    def event(self, name: str, argument: Any) -> FrameContent:
        if name == "order":
            return FrameContent(reports=(report(self.row(argument), Evidence.STREAM),))
        if name == "trade":
            return FrameContent(reports=(fill(self.row(argument), Evidence.STREAM),))
        return super().event(name, argument)


def asked(instruments: Sequence[Instrument]) -> list[dict[str, int]]:
    """Instruments as the market-data side names them."""
    return [{"exchangeSegment": segment_of(i), "exchangeInstrumentID": number_of(i)} for i in instruments]


def pictures(result: Any, broker: str) -> list[Record]:
    """The messages of an answer's ``listQuotes``: text, objects, or one text."""
    quotes = result.get("listQuotes") if isinstance(result, dict) else None
    each = [quotes] if isinstance(quotes, str) else quotes if isinstance(quotes, list) else []
    return [Record(parsed(x, broker) if isinstance(x, str) else x, broker) for x in each]
