"""Orders, GTT and the account at Fyers, which counts lots on MCX and CDS: so do its reports (see the spec)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from brokers.fyers import tables
from brokers.fyers.tables import NAME
from openalgo_lab.broker import Call, Lane, OrderChange, PlainCodec, Session, reading
from openalgo_lab.broker.asking import json_call
from openalgo_lab.broker.receipt import accepted
from openalgo_lab.broker.record import Record
from openalgo_lab.broker.shapes import RowShape
from openalgo_lab.model.errors import InputError, OutcomeUnknown, Rejected
from openalgo_lab.model.gtt import GttIntent, GttLeg, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import Exchange, PriceType

__all__ = ["OrderCalls", "call", "fill_report", "order_report"]

T = TypeVar("T")
_GTT: Final = "/api/v3/gtt/orders/sync"

_ROWS: Final = RowShape(
    NAME, tables.PLACES, tables.SIDES, tables.PRODUCTS, tables.PRICE_TYPES,
    reading.words(
        str,
        "id tag=orderTag exchange=place symbol side product=productType price_type=type quantity=qty filled=filledQty "
        "average=tradedPrice price=limitPrice trigger=stopPrice reason=message time=orderDateTime "
        "trade_id=tradeNumber trade_quantity=tradedQty trade_price=tradePrice trade_time=orderDateTime net=netQty "
        "long_average=netAvg short_average=netAvg realised=realized_profit",
    ),
    chatty=True,
)  # fmt: skip


def call(
    session: Session, target: str, give: Callable[[Record], T], body: dict[str, Any] | None = None, **how: Any
) -> Call[T]:
    """One call; ``how`` as in `json_call`."""
    headers = (
        ("authorization", f"{session.extra['app_id']}:{session.token}"), ("content-type", "application/json"),
        ("version", "3"),
    )  # fmt: skip
    return json_call(NAME, target, headers, lambda answer: give(Record(answer, NAME)), body, **how)


class OrderCalls(PlainCodec):
    """Everything about orders and the account. Reports name instruments by the ticker (`broker_symbol`)."""

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        body = _leg(intent, instrument) | {
            "validity": intent.validity.value, "offlineOrder": False,
            "disclosedQty": _counted(intent.disclosed_quantity, instrument),
            "orderTag": intent.order_id,
        }  # fmt: skip

        def give(answer: Record) -> OrderReport:
            return accepted(intent, _done(answer))

        return call(session, "POST /api/v3/orders/sync", give, body, lane=Lane.ORDER)

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        body = _terms(change.price_type, change.price, change.trigger_price) | {
            "id": order.broker_order_id, "qty": _counted(change.quantity, instrument),
            "disclosedQty": _counted(order.disclosed_quantity, instrument),
        }  # fmt: skip
        return call(session, "PATCH /api/v3/orders/sync", _confirm, body, lane=Lane.ORDER)

    def cancel(self, session: Session, order: Order) -> Call[None]:
        return call(session, f"DELETE /api/v3/orders/{order.broker_order_id}/sync", _confirm, lane=Lane.ORDER)

    def order(self, session: Session, order: Order) -> Call[OrderReport]:
        """By Fyers' number, or by our tag where that is not known yet. Raises Rejected when there is no such order."""
        query = f"id={order.broker_order_id}" if order.broker_order_id else f"order_tag=1:{order.order_id}"

        def give(answer: Record) -> OrderReport:
            rows = answer.records("orderBook")
            if not rows:
                raise Rejected("Fyers does not know this order.")
            return order_report(rows[0], Evidence.ORDER_BOOK)

        return call(session, f"GET /api/v3/orders?{query}", give)

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        def give(answer: Record) -> tuple[OrderReport, ...]:
            return tuple(order_report(row, Evidence.ORDER_BOOK) for row in answer.records("orderBook"))

        return call(session, "GET /api/v3/orders", give)

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        def give(answer: Record) -> tuple[FillReport, ...]:
            return tuple(fill_report(row, Evidence.TRADE_BOOK) for row in answer.records("tradeBook"))

        return call(session, "GET /api/v3/tradebook", give)

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        def give(answer: Record) -> tuple[PositionReport, ...]:
            return tuple(_ROWS.position(_flat(row)) for row in answer.records("netPositions"))

        return call(session, "GET /api/v3/positions", give)

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        """What is left after the day's sales."""

        def give(answer: Record) -> tuple[Holding, ...]:
            return tuple(
                Holding(account, _exchange(r), r.text("symbol"), r.count("remainingQuantity"), r.number("costPrice"))
                for r in answer.records("holdings")
            )

        return call(session, "GET /api/v3/holdings", give)

    def funds(self, session: Session, account: str) -> Call[Funds]:
        """Equity and commodity together."""

        def give(answer: Record) -> Funds:
            rows = {row.whole("id"): row for row in answer.records("fund_limit")}
            found = [rows.get(number, Record({}, NAME)) for number in (10, 2, 5, 4)]
            sums = (row.number("equityAmount") + row.number("commodityAmount") for row in found)
            return Funds(account, *(to_paise(round(value, 4)) for value in sums))

        return call(session, "GET /api/v3/funds", give)

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        """What the orders would block beside the positions that are there."""

        def give(answer: Record) -> int:
            return to_paise(answer.record("data").number("margin_new_order"))

        return call(session, "POST /api/v3/multiorder/margin", give, {"data": [_leg(*leg) for leg in legs]})

    # GTT --------------------------------------------------------------------------------------------------------

    def place_gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> Call[str]:
        body = {
            "side": int(_number(tables.SIDES, gtt.side, "side")), "symbol": instrument.broker_symbol,
            "productType": reading.to_word(tables.PRODUCTS, gtt.product, "product", NAME),
            "orderInfo": _legs(gtt, instrument), "orderTag": gtt.gtt_id,
        }  # fmt: skip
        return call(session, f"POST {_GTT}", _done, body, lane=Lane.ORDER)

    def modify_gtt(self, session: Session, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> Call[None]:
        return call(
            session, f"PATCH {_GTT}", _confirm, {"id": gtt_id, "orderInfo": _legs(gtt, instrument)}, lane=Lane.ORDER
        )

    def cancel_gtt(self, session: Session, gtt_id: str) -> Call[None]:
        return call(session, f"DELETE {_GTT}", _confirm, {"id": gtt_id}, lane=Lane.ORDER)

    def gtt_book(self, session: Session) -> Call[tuple[GttReport, ...]]:
        return call(session, "GET /api/v3/gtt/orders", lambda answer: tuple(map(_gtt, answer.records("orderBook"))))


def order_report(row: Record, source: Evidence) -> OrderReport:
    """A row of the order book; in messages of the socket a missing number is zero. A stop order that waits has no state
    of its own: it is pending with nothing filled."""
    return _ROWS.order(_flat(row), row.word(tables.STATUSES, "status", "order state"), source, waits=True)


def fill_report(row: Record, source: Evidence) -> FillReport:
    """A row of the trade book, or a trade of the socket under the same names."""
    return _ROWS.fill(_flat(row).also(id=row.raw("orderNumber")), source)


def _flat(row: Record) -> Record:
    """Exchange and segment as one word, the tag as it is ours."""
    return row.also(place=f"{row.whole('exchange')}:{row.whole('segment')}", orderTag=_tag(row))


def _exchange(row: Record) -> Exchange:
    place = f"{row.whole('exchange')}:{row.whole('segment')}"
    return reading.from_word(tables.PLACES, place, "exchange and segment", NAME)


def _tag(row: Record) -> str:
    """Our own tag comes back behind "1:"; a system's stands behind "2:"."""
    tag = row.text("orderTag", "")
    return tag[2:] if tag.startswith("1:") and tag != "1:Untagged" else ""


def _done(answer: Record) -> str:
    """The id. Raises OutcomeUnknown for "sent, but not acknowledged yet"."""
    if answer.whole("code", 0) == tables.UNACKNOWLEDGED:
        raise OutcomeUnknown("Fyers has sent the request on and had no answer yet; look into the order book.")
    return answer.text("id")


def _confirm(answer: Record) -> None:
    _done(answer)


def _number(table: Any, value: Any, what: str) -> int:
    return int(reading.to_word(table, value, what, NAME))


def _terms(price_type: PriceType, price: float, trigger_price: float) -> dict[str, Any]:
    return {
        "type": _number(tables.PRICE_TYPES, price_type, "price type"),
        "limitPrice": price if price_type.has_price else 0,
        "stopPrice": trigger_price if price_type.has_trigger else 0,
    }


def _leg(intent: OrderIntent, instrument: Instrument) -> dict[str, Any]:
    return _terms(intent.price_type, intent.price, intent.trigger_price) | {
        "symbol": instrument.broker_symbol, "qty": _counted(intent.quantity, instrument), "stopLoss": 0,
        "takeProfit": 0, "side": _number(tables.SIDES, intent.side, "side"),
        "productType": reading.to_word(tables.PRODUCTS, intent.product, "product", NAME),
    }  # fmt: skip


def _counted(quantity: int, instrument: Instrument) -> int:
    """Units as Fyers counts them. Raises InputError for a part of a lot where it counts lots."""
    if instrument.exchange not in tables.LOTS_ON:
        return quantity
    if quantity % instrument.lot_size:
        raise InputError(f"{instrument.symbol} comes in lots of {instrument.lot_size}; {quantity} is none.", "quantity")
    return quantity // instrument.lot_size


def _legs(gtt: GttIntent, instrument: Instrument) -> dict[str, Any]:
    """The higher trigger first: of a pair, leg 1 lies above the market and leg 2 below."""
    return {
        f"leg{number}": {
            "price": leg.price,
            "triggerPrice": leg.trigger_price,
            "qty": _counted(leg.quantity, instrument),
        }
        for number, leg in enumerate(gtt.legs[::-1], 1)
    }


def _gtt(row: Record) -> GttReport:
    first = GttLeg(row.number("price_trigger"), row.number("price_limit"), row.count("qty"))
    legs = [first]
    if row.whole("gtt_oco_ind") == 2:
        legs.append(GttLeg(row.number("price2_trigger"), row.number("price2_limit"), row.count("qty2")))
    return GttReport(
        row.text("id"), row.word(tables.GTT_STATUSES, "ord_status", "state of a GTT"), _exchange(row),
        row.text("symbol"), row.word(tables.SIDES, "tran_side", "side"),
        row.word(tables.PRODUCTS, "product_type", "product"),
        tuple(sorted(legs, key=lambda leg: leg.trigger_price)),
        created_ns=row.whole("create_time_epoch", 0) * 1_000_000_000, reason=row.text("oms_msg", ""),
    )  # fmt: skip
