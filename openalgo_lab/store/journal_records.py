"""What stands in the order journal: intents, evidence, and the few local facts that no broker can give back."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.errors import JournalError
from openalgo_lab.model.orders import OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Funds, Holding, Position
from openalgo_lab.model.reports import PositionReport, Report
from openalgo_lab.store.journal_file import ALWAYS

__all__ = [
    "Asked",
    "Ended",
    "Intended",
    "JournalRecord",
    "KillSwitched",
    "Opening",
    "Reported",
    "Settled",
    "Snapshotted",
    "decode_record",
    "encode_record",
]


class Intended(msgspec.Struct, frozen=True, tag="intend"):
    """An order is about to leave."""

    intent: OrderIntent
    client_key: str = ""

    @property
    def order(self) -> str:
        return self.intent.order_id


class Reported(msgspec.Struct, frozen=True, tag="report"):
    """What an account's broker said."""

    account: str
    order: str
    report: Report


class Settled(msgspec.Struct, frozen=True, tag="settle"):
    """What we concluded ourselves: UNKNOWN, NOT_PLACED, EXPIRED."""

    order: str
    status: OrderStatus
    reason: str


class Asked(msgspec.Struct, frozen=True, tag="ask"):
    """A cancel or a modify was asked for, in words: for the audit trail."""

    order: str
    what: str
    by: str


class Ended(msgspec.Struct, frozen=True, tag="end"):
    """The order has ended: days to come need not look at it."""

    order: str


class Opening(msgspec.Struct, frozen=True, tag="opening"):
    """A position that the account held before the first trade of the day."""

    account: str
    position: PositionReport

    @property
    def order(self) -> str:
        return ""


class KillSwitched(msgspec.Struct, frozen=True, tag="kill"):
    """The kill switch was engaged or released; it outlives a restart."""

    engaged: bool

    @property
    def order(self) -> str:
        return ALWAYS


class Snapshotted(msgspec.Struct, frozen=True, tag="snapshot"):
    """What an account held when its broker's books and ours agreed. Of the day's, the last one counts."""

    account: str
    positions: tuple[Position, ...]
    holdings: tuple[Holding, ...]
    funds: Funds | None

    @property
    def order(self) -> str:
        return ""


JournalRecord = Intended | Reported | Settled | Asked | Ended | Opening | KillSwitched | Snapshotted

_decoder = msgspec.msgpack.Decoder(JournalRecord)


def encode_record(record: JournalRecord) -> bytes:
    """MessagePack, tagged."""
    return msgspec.msgpack.encode(record)


def decode_record(body: bytes) -> JournalRecord:
    """The record of :func:`encode_record`. Raises JournalError for bytes that are none."""
    try:
        record: JournalRecord = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise JournalError(
            f"A record of the order journal does not fit ({error}): it was written by another version; start that one."
        ) from error
    return record
