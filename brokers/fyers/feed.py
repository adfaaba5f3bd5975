"""Fyers' sockets: the binary data socket (HSM) and the order socket in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from brokers.fyers import tables
from brokers.fyers.orders import fill_report, order_report
from brokers.fyers.tables import NAME
from openalgo_lab.broker import FrameContent, Session
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.hsm import HsmFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.reports import Evidence

__all__ = ["MarketFeed", "OrderFeed"]

_SOURCE: Final = b"openalgo-lab"


class MarketFeed(HsmFeed):
    """One data socket. Quote and depth of a symbol are two topics; indices have a kind of their own."""

    broker = NAME
    kinds = tables.KINDS
    channel = 11

    def __init__(self, session: Session, source: bytes = _SOURCE) -> None:
        super().__init__((session.extra["hsm_key"].encode(), b"P", b"\x01", source))

    def keys(self, instrument: Instrument, *, depth: bool) -> Sequence[str]:
        if not instrument.tradable:
            return (f"if|{instrument.broker_token}",)
        quote = f"sf|{instrument.broker_token}"
        return (quote, f"dp|{instrument.broker_token}") if depth else (quote,)


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
