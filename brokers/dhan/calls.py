"""What Dhan's calls share: the request, and how an order row reads in the book and on the order socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from brokers.dhan import tables
from brokers.dhan.tables import NAME
from openalgo_lab.broker import Call, Session, reading
from openalgo_lab.broker.asking import json_call
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import Evidence, OrderReport
from openalgo_lab.model.vocabulary import Exchange

T = TypeVar("T")
_LONGEST_REFUSAL: Final = 4_000


def call(
    session: Session, target: str, give: Callable[[Any], T], body: dict[str, Any] | None = None, **how: Any
) -> Call[T]:
    """One call; ``how`` as in `json_call`. Every body names the client."""
    headers = (
        ("access-token", session.token), ("client-id", session.client),
        ("content-type", "application/json"), ("accept", "application/json"),
    )  # fmt: skip
    method, path = target.split(" ")
    content = None if body is None else {"dhanClientId": session.client, **body}
    return json_call(NAME, f"{method} /v2{path}", headers, give, content, **{"pool": "other", **how})


def stated(body: bytes) -> tuple[str, str]:
    """Code and text of an error in either form: of the trading calls, or of the data calls, whose code is a key.
    Empty for a success. Raises DecodeError for what is no JSON, or an error in a form that is not Dhan's."""
    if len(body) > _LONGEST_REFUSAL or body.lstrip().startswith(b"["):
        return "", ""
    row = Record(parsed(body, NAME), NAME)
    for prefix in ("error", "internalError"):
        if f"{prefix}Code" in row:
            return row.text(f"{prefix}Code"), row.text(f"{prefix}Message", "")[:200]
    if str(row.raw("status")).lower() in ("failed", "failure") and isinstance(data := row.raw("data"), dict):
        return next(((code, str(text)[:200]) for code, text in data.items()), ("", ""))
    if "timestamp" in row and "path" in row:
        raise DecodeError("Dhan's server knows no such path.")
    return "", ""


def rows(value: Any) -> list[Record]:
    """The objects of an answer that is a list, or one object where that is all there is."""
    return Record.all([value] if isinstance(value, dict) else value, NAME)


def as_ns(text: str) -> int:
    """UTC ns of a time on the Indian clock; 0 for Dhan's several ways of saying that there is none."""
    return 0 if text in ("", "NA", "0") or text.startswith("0001-") else reading.moment(text.replace("/", "-"))


def order_report(row: Record, exchange: Exchange, source: Evidence) -> OrderReport:
    """Dhan has no state of its own for a stop order that waits: it is PENDING with nothing filled."""
    word = row.text("orderStatus").upper()
    status = reading.from_word(tables.STATUSES, word, "order state", NAME)
    price_type = row.word(tables.PRICE_TYPES, "orderType", "order type")
    filled = row.count("filledQty")
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    elif word == "PENDING" and price_type.has_trigger:
        status = OrderStatus.TRIGGER_PENDING
    tag = row.text("correlationId", "")
    return OrderReport(
        row.text("orderId"), "" if tag == "NA" else tag, status, source, exchange, row.text("securityId"),
        row.word(tables.SIDES, "transactionType", "side"), row.word(tables.PRODUCTS, "productType", "product"),
        price_type, row.count("quantity"), filled, row.number("averageTradedPrice", 0.0), row.number("price", 0.0),
        trigger_price=row.number("triggerPrice", 0.0),
        reason=row.text("omsErrorDescription", "") if status is OrderStatus.REJECTED else "",
        exchange_ns=as_ns(row.text("exchangeTime", "")) or as_ns(row.text("updateTime", "")),
    )  # fmt: skip
