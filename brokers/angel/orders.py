"""Orders, GTT and the account at Angel One."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from brokers.angel import tables
from brokers.angel.tables import NAME
from openalgo_lab.broker import Call, HttpResponse, Lane, OrderChange, PlainCodec, Session, reading
from openalgo_lab.broker.asking import json_call
from openalgo_lab.broker.receipt import accepted
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import InputError, NotSupported
from openalgo_lab.model.gtt import GttIntent, GttKind, GttLeg, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.times import ist
from openalgo_lab.model.vocabulary import PriceType

__all__ = ["ORDER_PATH", "OrderCalls", "call", "headers", "home", "order_report"]

T = TypeVar("T")
SECURE = "/rest/secure/angelbroking"
ORDER_PATH = f"{SECURE}/order/v1"
_GTT = f"{SECURE}/gtt/v1"


def headers(session: Session) -> tuple[tuple[str, str], ...]:
    """The headers of every call; only the login has no token yet."""
    address = session.extra["public_ip"]
    bearer = (("authorization", f"Bearer {session.token}"),) if session.token else ()
    return (
        *bearer, ("content-type", "application/json"), ("accept", "application/json"), ("x-usertype", "USER"),
        ("x-sourceid", "WEB"), ("x-clientlocalip", address), ("x-clientpublicip", address),
        ("x-macaddress", "00:00:00:00:00:00"), ("x-privatekey", session.extra["api_key"]),
    )  # fmt: skip


def call(
    session: Session, target: str, give: Callable[[Any], T], body: dict[str, Any] | None = None, **how: Any
) -> Call[T]:
    """One call; ``how`` as in `json_call`. ``give`` is handed the answer's data: None where it is empty."""

    def data(answer: Any) -> T:
        found = Record(answer, NAME).raw("data")
        return give(None if found in ("null", "") else found)

    return json_call(NAME, target, headers(session), data, body, **how)


def home(instrument: Instrument) -> str:
    """The broker's exchange of an instrument. Raises InputError for one that it does not list."""
    if instrument.exchange not in tables.HOMES:
        known = ", ".join(tables.HOMES)
        raise InputError(f"{NAME} does not list {instrument.exchange}; choose one of {known}.", field="exchange")
    return tables.HOMES[instrument.exchange]


class OrderCalls(PlainCodec):
    """Everything about orders and the account. Reports name instruments by the trading symbol (`broker_symbol`)."""

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        body = _terms(intent.price_type, intent.price, intent.trigger_price, intent.quantity) | {
            "variety": _variety(intent.price_type), "tradingsymbol": instrument.broker_symbol,
            "symboltoken": instrument.broker_token, "transactiontype": intent.side.value,
            "exchange": home(instrument), "producttype": _product(intent), "duration": intent.validity.value,
            "squareoff": "0", "stoploss": "0", "disclosedquantity": str(intent.disclosed_quantity),
            "ordertag": intent.order_id,
        }  # fmt: skip

        def give(data: Any) -> OrderReport:
            return accepted(intent, Record(data, NAME).text("orderid"))

        return call(session, f"POST {ORDER_PATH}/placeOrder", give, body, lane=Lane.ORDER)

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        """The variety is the order's own, whatever its type becomes."""
        body = _terms(change.price_type, change.price, change.trigger_price, change.quantity) | {
            "variety": _variety(order.price_type), "orderid": order.broker_order_id, "producttype": _product(order),
            "duration": order.validity.value, "tradingsymbol": instrument.broker_symbol,
            "symboltoken": instrument.broker_token, "exchange": home(instrument),
            "disclosedquantity": str(order.disclosed_quantity),
        }  # fmt: skip
        return call(session, f"POST {ORDER_PATH}/modifyOrder", _done, body, lane=Lane.ORDER)

    def cancel(self, session: Session, order: Order) -> Call[None]:
        body = {"variety": _variety(order.price_type), "orderid": order.broker_order_id}
        return call(session, f"POST {ORDER_PATH}/cancelOrder", _done, body, lane=Lane.ORDER)

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        def give(data: Any) -> tuple[OrderReport, ...]:
            rows = Record.all(data, NAME)
            return tuple(
                order_report(r, r.text("orderstatus", "") or r.text("status"), Evidence.ORDER_BOOK) for r in rows
            )

        return call(session, f"GET {ORDER_PATH}/getOrderBook", give, pool="order_book")

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        """Fills tell the time of day only: the date is that of the answer."""
        asked = call(session, f"GET {ORDER_PATH}/getTradeBook", lambda data: Record.all(data, NAME), pool="trade_book")

        def decode(response: HttpResponse) -> tuple[FillReport, ...]:
            day = _day(response)
            return tuple(_fill(row, day) for row in asked.decode(response))

        return Call(asked.request, decode)

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        def give(data: Any) -> tuple[PositionReport, ...]:
            return tuple(map(_position, Record.all(data, NAME)))

        return call(session, f"GET {ORDER_PATH}/getPosition", give, pool="positions")

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        def give(data: Any) -> tuple[Holding, ...]:
            return tuple(
                Holding(
                    account, row.word(tables.EXCHANGES, "exchange", "exchange"), row.text("tradingsymbol"),
                    row.count("quantity"), row.number("averageprice"),
                )
                for row in Record.all(data, NAME)
            )  # fmt: skip

        return call(session, f"GET {SECURE}/portfolio/v1/getHolding", give, pool="holdings")

    def funds(self, session: Session, account: str) -> Call[Funds]:
        """The field "collateral" stays 0; what is pledged shows as cash that is not paid out."""

        def give(data: Any) -> Funds:
            row = Record(data, NAME)
            pledged = row.number("availablecash") - row.number("utilisedpayout", 0.0)
            return Funds(account, *map(to_paise, (row.number("net"), row.number("utiliseddebits"), round(pledged, 4))))

        return call(session, f"GET {SECURE}/user/v1/getRMS", give, pool="funds")

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        rows = [
            {
                "exchange": home(instrument), "qty": intent.quantity, "productType": _product(intent),
                "price": intent.price if intent.price_type.has_price else 0, "token": instrument.broker_token,
                "tradeType": intent.side.value, "orderType": _word(intent.price_type),
            }
            for intent, instrument in legs
        ]  # fmt: skip

        def give(data: Any) -> int:
            return to_paise(Record(data, NAME).number("totalMarginRequired"))

        return call(session, f"POST {SECURE}/margin/v1/batch", give, {"positions": rows}, pool="quote")

    # GTT. A rule is named by its id, exchange and token together, as each call about it needs all three. -----------

    def place_gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> Call[str]:
        body = _rule(gtt, instrument) | {
            "tradingsymbol": instrument.broker_symbol, "transactiontype": gtt.side.value,
            "producttype": reading.to_word(tables.GTT_PRODUCTS, gtt.product, "product", NAME),
        }  # fmt: skip

        def give(data: Any) -> str:
            return f"{Record(data, NAME).text('id')}:{home(instrument)}:{instrument.broker_token}"

        return call(session, f"POST {_GTT}/createRule", give, body, lane=Lane.ORDER)

    def modify_gtt(self, session: Session, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> Call[None]:
        body = _rule(gtt, instrument) | {"id": gtt_id.split(":", maxsplit=1)[0]}
        return call(session, f"POST {_GTT}/modifyRule", lambda data: _done(data, "id"), body, lane=Lane.ORDER)

    def cancel_gtt(self, session: Session, gtt_id: str) -> Call[None]:
        parts = gtt_id.split(":")
        if len(parts) != 3:
            raise InputError(f"{gtt_id!r} is no GTT of {NAME}; take its id from the list of GTTs.", field="gtt_id")
        body = dict(zip(("id", "exchange", "symboltoken"), parts, strict=True))
        return call(session, f"POST {_GTT}/cancelRule", lambda data: _done(data, "id"), body, lane=Lane.ORDER)

    def gtt_book(self, session: Session) -> Call[tuple[GttReport, ...]]:
        body = {"status": ["FORALL"], "page": 1, "count": 100}
        return call(
            session, f"POST {_GTT}/ruleList", lambda data: tuple(map(_gtt, Record.all(data, NAME))), body, pool="quote"
        )


def order_report(row: Record, word: str, source: Evidence) -> OrderReport:
    """A row of the order book or of the order socket, which have the same fields."""
    status = reading.from_word(tables.STATUSES, word.lower(), "order state", NAME)
    filled = row.count("filledshares", 0)
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    return OrderReport(
        row.text("orderid"), row.text("ordertag", ""), status, source,
        row.word(tables.EXCHANGES, "exchange", "exchange"), row.text("tradingsymbol"),
        row.word(tables.SIDES, "transactiontype", "side"), row.word(tables.PRODUCTS, "producttype", "product"),
        row.word(tables.PRICE_TYPES, "ordertype", "order type"), row.count("quantity"), filled,
        row.number("averageprice", 0.0), row.number("price", 0.0), row.number("triggerprice", 0.0),
        reason=row.text("text", "") if status is OrderStatus.REJECTED else "",
        exchange_ns=row.moment("exchorderupdatetime") or row.moment("exchtime") or row.moment("updatetime"),
    )  # fmt: skip


def _fill(row: Record, day: str) -> FillReport:
    return FillReport(
        row.text("fillid"), row.text("orderid"), "", Evidence.TRADE_BOOK,
        row.word(tables.EXCHANGES, "exchange", "exchange"), row.text("tradingsymbol"),
        row.word(tables.SIDES, "transactiontype", "side"), row.word(tables.PRODUCTS, "producttype", "product"),
        row.count("fillsize"), row.number("fillprice"),
        reading.moment(f"{day} {row.text('filltime')}") if day else 0,
    )  # fmt: skip


def _day(response: HttpResponse) -> str:
    """The date in India of an answer, "" where its header tells none."""
    stamp = next((value for name, value in response.headers if name == "date"), "")
    try:
        return f"{ist(parsedate_to_datetime(stamp)).date()}" if stamp else ""
    except (ValueError, InputError):
        return ""


def _position(row: Record) -> PositionReport:
    """The average is that of the open side; what is closed is realised at the difference of the averages."""
    net = row.whole("netqty")
    bought, sold = (row.count(f"{side}qty") + row.count(f"cf{side}qty", 0) for side in ("buy", "sell"))
    buy, sell = (row.number(f"total{side}avgprice") for side in ("buy", "sell"))
    return PositionReport(
        row.word(tables.EXCHANGES, "exchange", "exchange"), row.text("tradingsymbol"),
        row.word(tables.PRODUCTS, "producttype", "product"), net,
        average_price=buy if net > 0 else sell if net else 0.0,
        realised_paise=to_paise(round(min(bought, sold) * (sell - buy), 4)),
    )  # fmt: skip


def _done(data: Any, name: str = "orderid") -> None:
    Record(data, NAME).text(name)


def _word(price_type: PriceType) -> str:
    return reading.to_word(tables.PRICE_TYPES, price_type, "price type", NAME)


def _variety(price_type: PriceType) -> str:
    return "STOPLOSS" if price_type.has_trigger else "NORMAL"


def _product(order: OrderIntent | Order) -> str:
    return reading.to_word(tables.PRODUCTS, order.product, "product", NAME)


def _terms(price_type: PriceType, price: float, trigger_price: float, quantity: int) -> dict[str, str]:
    return {
        "ordertype": _word(price_type), "price": f"{price:.10g}" if price_type.has_price else "0",
        "triggerprice": f"{trigger_price:.10g}" if price_type.has_trigger else "0", "quantity": str(quantity),
    }  # fmt: skip


def _rule(gtt: GttIntent, instrument: Instrument) -> dict[str, Any]:
    if gtt.kind is GttKind.OCO:
        raise NotSupported(f"{NAME} has no OCO; place the stop and the target as two GTTs.")
    (leg,) = gtt.legs
    return {
        "symboltoken": instrument.broker_token, "exchange": home(instrument), "price": f"{leg.price:.10g}",
        "qty": str(leg.quantity), "triggerprice": f"{leg.trigger_price:.10g}", "disclosedqty": "0", "timeperiod": 365,
    }  # fmt: skip


def _gtt(row: Record) -> GttReport:
    return GttReport(
        f"{row.text('id')}:{row.text('exchange')}:{row.text('symboltoken')}",
        row.word(tables.GTT_STATUSES, "status", "state of a GTT"),
        row.word(tables.EXCHANGES, "exchange", "exchange"), row.text("tradingsymbol"),
        row.word(tables.SIDES, "transactiontype", "side"), row.word(tables.PRODUCTS, "producttype", "product"),
        (GttLeg(row.number("triggerprice"), row.number("price"), row.count("qty")),),
        row.moment("createddate"), row.moment("updateddate"), row.moment("expirydate"),
    )  # fmt: skip
