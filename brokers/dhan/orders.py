"""Orders, GTT and the account at Dhan, and what all its calls share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final, TypeVar

import msgspec

from brokers.dhan import tables
from brokers.dhan.tables import NAME
from openalgo_lab.broker import Call, Lane, OrderChange, PlainCodec, Session
from openalgo_lab.broker.asking import json_call
from openalgo_lab.broker.reading import from_word, to_word, words
from openalgo_lab.broker.receipt import accepted
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.shapes import RowShape
from openalgo_lab.model.errors import DecodeError, NotSupported, Rejected
from openalgo_lab.model.gtt import GttIntent, GttKind, GttLeg, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import Exchange, PriceType, Side

__all__ = ["OrderCalls", "call", "order_report", "stated"]

T = TypeVar("T")
_LONGEST_REFUSAL: Final = 4_000
_MAY_BE_NONE: Final = frozenset({400, 404, 500})
_HOLDING_EXCHANGES: Final = {"ALL": Exchange.NSE, "NSE": Exchange.NSE, "BSE": Exchange.BSE}

_ROWS: Final = RowShape(
    NAME, tables.EXCHANGES, tables.SIDES, tables.PRODUCTS, tables.PRICE_TYPES,
    words(
        str,
        "id=orderId tag=correlationId exchange=exchangeSegment symbol=securityId side=transactionType "
        "product=productType price_type=orderType quantity filled=filledQty average=averageTradedPrice price "
        "trigger=triggerPrice reason=omsErrorDescription time=exchangeTime|updateTime trade_id=exchangeTradeId "
        "trade_quantity=tradedQuantity trade_price=tradedPrice trade_time=exchangeTime net=netQty "
        "long_average=costPrice short_average=costPrice realised=realizedProfit",
    ),
    chatty=True,
)  # fmt: skip


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


def _each(make: Callable[[Record], T]) -> Callable[[Any], tuple[T, ...]]:
    return lambda answer: tuple(map(make, rows(answer)))


def order_report(row: Record, source: Evidence) -> OrderReport:
    """Dhan has no state of its own for a stop order that waits: it is PENDING with nothing filled."""
    word = row.text("orderStatus").upper()
    return _ROWS.order(row, from_word(tables.STATUSES, word, "order state", NAME), source, waits=word == "PENDING")


class OrderCalls(PlainCodec):
    """Everything about orders and the account. Reports name instruments by Dhan's security id (`broker_symbol`)."""

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        body = _leg(intent, instrument) | {
            "correlationId": intent.order_id, "validity": intent.validity.value,
            "disclosedQuantity": intent.disclosed_quantity, "afterMarketOrder": False,
        }  # fmt: skip

        def give(answer: Any) -> OrderReport:
            # The state in an answer is not final: only a refusal is taken at its word.
            row = Record(answer, NAME)
            refused = row.word(tables.STATUSES, "orderStatus", "order state") is OrderStatus.REJECTED
            return accepted(intent, row.text("orderId"), OrderStatus.REJECTED if refused else OrderStatus.ACCEPTED)

        return call(session, "POST /orders", give, body, lane=Lane.ORDER)

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        body = _terms(change.price_type, change.price, change.trigger_price) | {
            "orderId": order.broker_order_id, "quantity": change.quantity,
            "disclosedQuantity": order.disclosed_quantity, "validity": order.validity.value,
        }  # fmt: skip
        return call(session, f"PUT /orders/{order.broker_order_id}", _done, body, lane=Lane.ORDER)

    def cancel(self, session: Session, order: Order) -> Call[None]:
        return call(session, f"DELETE /orders/{order.broker_order_id}", _done, lane=Lane.ORDER)

    def order(self, session: Session, order: Order) -> Call[OrderReport]:
        """By Dhan's number, or by our own where that is not known yet. Raises Rejected when there is no such order."""

        def give(answer: Any) -> OrderReport:
            found = rows(answer)
            if not found:
                raise Rejected("Dhan does not know this order.")
            return order_report(found[0], Evidence.ORDER_BOOK)

        return call(session, f"GET /orders/{order.broker_order_id or f'external/{order.order_id}'}", give)

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        return call(
            session, "GET /orders", lambda answer: tuple(order_report(row, Evidence.ORDER_BOOK) for row in rows(answer))
        )

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        return call(
            session, "GET /trades", lambda answer: tuple(_ROWS.fill(row, Evidence.TRADE_BOOK) for row in rows(answer))
        )

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        return call(session, "GET /positions", _each(_ROWS.position))

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        """A share that is listed twice is said to be of ALL exchanges: that is its NSE number. That there is none
        comes as an error object."""

        def give(answer: Any) -> tuple[Holding, ...]:
            if isinstance(answer, dict) and stated(msgspec.json.encode(answer))[0] in tables.NOTHING_THERE:
                return ()
            return tuple(
                Holding(
                    account, row.word(_HOLDING_EXCHANGES, "exchange", "exchange"), row.text("securityId"),
                    row.count("totalQty"), row.number("avgCostPrice"),
                )
                for row in Record.all(answer, NAME)
            )  # fmt: skip

        return call(session, "GET /holdings", give, accepts=_MAY_BE_NONE)

    def funds(self, session: Session, account: str) -> Call[Funds]:
        def give(answer: Any) -> Funds:
            row = Record(answer, NAME)
            names = ("availabelBalance", "utilizedAmount", "collateralAmount")
            return Funds(account, *(to_paise(row.number(name)) for name in names))

        return call(session, "GET /fundlimit", give)

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        """One order is answered in camel case, several in snake case or camel case."""

        def give(answer: Any) -> int:
            row = Record(answer, NAME)
            return to_paise(row.number("total_margin" if "total_margin" in row else "totalMargin"))

        scrips = [_leg(*leg) for leg in legs]
        if len(scrips) == 1:
            return call(session, "POST /margincalculator", give, scrips[0])
        body = {"includePosition": True, "includeOrder": True, "scripList": scrips}
        return call(session, "POST /margincalculator/multi", give, body)

    # GTT: Dhan's forever orders ---------------------------------------------------------------------------------

    def place_gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> Call[str]:
        """The stop goes first and the target second, as they lie for the side."""
        first, *rest = gtt.legs if gtt.side is Side.SELL else gtt.legs[::-1]
        body = _forever(gtt, first) | {
            "correlationId": gtt.gtt_id, "transactionType": gtt.side.value, "securityId": instrument.broker_symbol,
            "exchangeSegment": tables.segment(instrument.exchange),
            "productType": to_word(tables.PRODUCTS, gtt.product, "product", NAME),
        }  # fmt: skip
        for leg in rest:
            body |= {"price1": leg.price, "triggerPrice1": leg.trigger_price, "quantity1": leg.quantity}
        return call(session, "POST /forever/orders", lambda a: Record(a, NAME).text("orderId"), body, lane=Lane.ORDER)

    def modify_gtt(self, session: Session, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> Call[None]:
        """Single ones only: Dhan changes one leg a call, and half a changed pair protects nobody."""
        if gtt.kind is GttKind.OCO:
            raise NotSupported("Dhan changes the legs of an OCO one by one; cancel this one and place it anew.")
        body = _forever(gtt, gtt.legs[0]) | {"orderId": gtt_id, "legName": "ENTRY_LEG"}
        return call(session, f"PUT /forever/orders/{gtt_id}", _done, body, lane=Lane.ORDER)

    def cancel_gtt(self, session: Session, gtt_id: str) -> Call[None]:
        return call(session, f"DELETE /forever/orders/{gtt_id}", _done, lane=Lane.ORDER)

    def gtt_book(self, session: Session) -> Call[tuple[GttReport, ...]]:
        def give(answer: Any) -> tuple[GttReport, ...]:
            ordered = sorted(rows(answer), key=lambda row: (row.text("orderId"), row.number("triggerPrice")))
            return tuple(_gtt(list(legs)) for _, legs in groupby(ordered, key=lambda row: row.text("orderId")))

        return call(session, "GET /forever/orders", give)


def _done(answer: Any) -> None:
    Record(answer, NAME).text("orderId")


def _terms(price_type: PriceType, price: float, trigger_price: float) -> dict[str, Any]:
    return {
        "orderType": to_word(tables.PRICE_TYPES, price_type, "price type", NAME),
        "price": price if price_type.has_price else 0.0,
        "triggerPrice": trigger_price if price_type.has_trigger else 0.0,
    }


def _leg(intent: OrderIntent, instrument: Instrument) -> dict[str, Any]:
    return _terms(intent.price_type, intent.price, intent.trigger_price) | {
        "exchangeSegment": tables.segment(instrument.exchange), "transactionType": intent.side.value,
        "quantity": intent.quantity, "securityId": instrument.broker_symbol,
        "productType": to_word(tables.PRODUCTS, intent.product, "product", NAME),
    }  # fmt: skip


def _forever(gtt: GttIntent, leg: GttLeg) -> dict[str, Any]:
    return {
        "orderFlag": gtt.kind.name, "validity": "DAY", "quantity": leg.quantity, "disclosedQuantity": 0,
        "orderType": to_word(tables.PRICE_TYPES, leg.price_type, "price type", NAME),
        "price": leg.price, "triggerPrice": leg.trigger_price,
    }  # fmt: skip


def _gtt(legs: list[Record]) -> GttReport:
    """One row a leg, the lower trigger first. The pair is as alive as its liveliest leg."""
    first = legs[0]
    states = {row.word(tables.FOREVER_STATUSES, "orderStatus", "state of a forever order") for row in legs}
    return GttReport(
        first.text("orderId"), min(states, key=list(tables.FOREVER_STATUSES.values()).index),
        first.word(tables.EXCHANGES, "exchangeSegment", "segment"), first.text("securityId"),
        first.word(tables.SIDES, "transactionType", "side"), first.word(tables.PRODUCTS, "productType", "product"),
        tuple(map(_gtt_leg, legs)), first.moment("createTime"), first.moment("updateTime"),
    )  # fmt: skip


def _gtt_leg(row: Record) -> GttLeg:
    """The list does not tell the order type: without a price it is MARKET."""
    price = row.number("price")
    kind = PriceType.LIMIT if price else PriceType.MARKET
    return GttLeg(row.number("triggerPrice"), price, row.count("quantity"), kind)
