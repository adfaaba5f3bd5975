"""Requests and answers of the Noren protocol, against the sheet's examples."""

from __future__ import annotations

import pytest

from brokers.noren import FLATTRADE, TRADESMART
from openalgo_lab.broker import BrokerSpec, OrderChange
from openalgo_lab.model.errors import (
    BrokerError,
    DecodeError,
    LabError,
    NotSupported,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from tests.brokers.noren.examples import (
    CODEC,
    MEMBERS,
    MM,
    ORDER_ROW,
    RELIANCE,
    SESSION,
    an_intent,
    an_order,
    answer,
    asked,
)


@pytest.mark.parametrize("spec", MEMBERS, ids=lambda spec: spec.key)
def test_place_as_the_sheet_shows_it(spec: BrokerSpec) -> None:
    call = spec.codec.place(SESSION, an_intent(), RELIANCE)
    data = asked(call)
    assert data == {
        "uid": "FA12345", "actid": "FA12345", "exch": "NSE", "tsym": "RELIANCE-EQ", "qty": "10", "prc": "1310.50",
        "dscqty": "0", "prd": "I", "trantype": "B", "prctyp": "LMT", "ret": "DAY", "ordersource": "API",
        "remarks": "TW000123ABCDE",
    }  # fmt: skip
    headers = dict(call.request.headers)
    if spec is FLATTRADE:
        assert call.request.body.endswith(b"&jKey=5f0c")
        assert "authorization" not in headers
    else:
        assert b"jKey" not in call.request.body
        assert headers["authorization"] == "Bearer 5f0c"
    assert not call.request.safe
    report = call.decode(answer({"request_time": "10:15:30 10-02-2026", "stat": "Ok", "norenordno": "26021000000123"}))
    assert (report.broker_order_id, report.status) == ("26021000000123", OrderStatus.ACCEPTED)


def test_an_ampersand_never_ends_the_body() -> None:
    call = CODEC.place(SESSION, an_intent(), MM)
    assert b"M\\u0026M-EQ" in call.request.body
    assert asked(call)["tsym"] == "M&M-EQ"


def test_trigger_price_only_with_a_stop() -> None:
    stop = an_intent(price_type=PriceType.SL, trigger_price=1309.0)
    assert asked(CODEC.place(SESSION, stop, RELIANCE))["trgprc"] == "1309.00"
    change = OrderChange(20, PriceType.LIMIT, 1311.0, 1309.0)
    data = asked(CODEC.modify(SESSION, an_order(), change, RELIANCE))
    assert "trgprc" not in data
    assert (data["norenordno"], data["qty"], data["prc"]) == ("26021000000123", "20", "1311.00")


@pytest.mark.parametrize("kind", [PriceType.MARKET, PriceType.SL_M])
def test_market_orders_are_refused_before_the_wire(kind: PriceType) -> None:
    with pytest.raises(NotSupported, match="limit price"):
        CODEC.place(SESSION, an_intent(price_type=kind), RELIANCE)


def test_order_book_row_of_the_sheet() -> None:
    (report,) = CODEC.order_book(SESSION).decode(answer([ORDER_ROW]))
    assert (report.status, report.filled_quantity, report.average_price) == (OrderStatus.COMPLETE, 10, 1310.4)
    assert (report.order_id, report.symbol, report.exchange) == ("tw000123", "RELIANCE-EQ", Exchange.NSE)
    assert from_ns(report.exchange_ns).strftime("%d-%m-%Y %H:%M:%S") == "10-02-2026 10:15:30"


def test_absent_fields_of_a_book_are_read_as_none() -> None:
    few = {k: ORDER_ROW[k] for k in ("norenordno", "exch", "tsym", "qty", "trantype", "prctyp", "prd", "status")}
    (report,) = CODEC.order_book(SESSION).decode(answer([few]))
    assert (report.average_price, report.exchange_ns, report.order_id) == (0.0, 0, "")


@pytest.mark.parametrize(
    ("word", "filled", "status"),
    [
        ("PENDING", "0", OrderStatus.ACCEPTED),
        ("Open", "0", OrderStatus.OPEN),
        ("OPEN", "4", OrderStatus.PARTIALLY_FILLED),
        ("New", "", OrderStatus.OPEN),
        ("TRIGGER_PENDING", "0", OrderStatus.TRIGGER_PENDING),
        ("trigger pending", "0", OrderStatus.TRIGGER_PENDING),
        ("CANCELED", "4", OrderStatus.CANCELLED),
        ("CANCELLED", "0", OrderStatus.CANCELLED),
        ("REJECTED", "0", OrderStatus.REJECTED),
        ("INVALID_STATUS_TYPE", "0", OrderStatus.REJECTED),
        ("EXECUTED", "10", OrderStatus.COMPLETE),
    ],
)
def test_states(word: str, filled: str, status: OrderStatus) -> None:
    (report,) = CODEC.order_book(SESSION).decode(answer([{**ORDER_ROW, "status": word, "fillshares": filled}]))
    assert report.status is status


def test_an_unknown_state_is_no_default() -> None:
    with pytest.raises(DecodeError, match="order state"):
        CODEC.order_book(SESSION).decode(answer([{**ORDER_ROW, "status": "SLEEPING"}]))


@pytest.mark.parametrize("text", ['Error Occurred : 5 "no data"', "No Data :  "])
def test_no_data_is_an_empty_book(text: str) -> None:
    reply = answer({"stat": "Not_Ok", "request_time": "10:15:30 10-02-2026", "emsg": text})
    assert CODEC.refusal(reply) is None
    assert CODEC.order_book(SESSION).decode(reply) == ()
    assert CODEC.positions(SESSION).decode(reply) == ()


def test_trade_uses_its_own_quantity_and_price() -> None:
    row = {**ORDER_ROW, "flid": "12345", "fltm": "10-02-2026 10:15:31", "flqty": "4", "flprc": "1310.35"}
    (trade,) = CODEC.trade_book(SESSION).decode(answer([row]))
    assert (trade.trade_id, trade.quantity, trade.price) == ("12345", 4, 1310.35)


def test_single_order_takes_the_newest_row() -> None:
    call = CODEC.order(SESSION, an_order())
    assert call is not None
    older = {**ORDER_ROW, "status": "PENDING", "fillshares": "0"}
    assert call.decode(answer([ORDER_ROW, older])).status is OrderStatus.COMPLETE
    with pytest.raises(Rejected):
        call.decode(answer({"stat": "Not_Ok", "emsg": 'Error Occurred : 5 "no data"'}))


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (200, "Session Expired :  Invalid Session Key", SessionExpired),
        (401, "Session Expired :  Invalid Session Key", SessionExpired),
        (200, "Invalid Input :  Order Recieved 121 in a current minute exceeds Limit 120 for user", Throttled),
        (200, "Rejected : ORA:Order not found", Rejected),
        (200, "Trigger price invalid - 0.00", Rejected),
    ],
)
def test_refusals(status: int, text: str, kind: type[LabError]) -> None:
    refused = CODEC.refusal(answer({"stat": "Not_Ok", "emsg": text}, status))
    assert type(refused) is kind
    if isinstance(refused, Throttled):
        assert refused.retry_after_s == 60.0


def test_a_timeout_of_the_order_system_decides_nothing() -> None:
    reply = answer({"stat": "Not_Ok", "emsg": "Server Timeout :  "})
    assert CODEC.refusal(reply) is None
    with pytest.raises(DecodeError):
        CODEC.place(SESSION, an_intent(), RELIANCE).decode(reply)
    with pytest.raises(BrokerError, match="Timeout"):
        CODEC.history(SESSION, RELIANCE, "1m", 0, 1).decode(reply)


def test_positions_and_holdings() -> None:
    rows = [
        {
            "exch": "NFO",
            "tsym": "NIFTY17FEB26P25700",
            "prd": "M",
            "netqty": "-65",
            "netavgprc": "104.50",
            "rpnl": "1.25",
        },
        {"exch": "NSE", "tsym": "SBIN-EQ", "prd": "C", "netqty": "0", "netavgprc": "812.00"},
    ]
    first, second = CODEC.positions(SESSION).decode(answer(rows))
    assert (first.quantity, first.average_price, first.realised_paise) == (-65, 104.5, 125)
    assert (second.quantity, second.average_price) == (0, 0.0)
    row = {
        "stat": "Ok", "exch_tsym": [{"exch": "BSE", "tsym": "RELIANCE"}, {"exch": "NSE", "tsym": "RELIANCE-EQ"}],
        "holdqty": "10", "dpqty": "3", "npoadqty": "2", "benqty": "1", "btstqty": "4", "usedqty": "5",
        "upldprc": "1205.30",
    }  # fmt: skip
    (held,) = CODEC.holdings(SESSION, "A").decode(answer([row]))
    assert (held.symbol, held.exchange, held.quantity, held.average_price) == ("RELIANCE-EQ", Exchange.NSE, 13, 1205.3)


def test_funds() -> None:
    row = {
        "stat": "Ok",
        "cash": "100000.00",
        "payin": "500",
        "marginused": "2621.00",
        "brkcollamt": "12",
        "urmtom": "-1.5",
    }
    funds = CODEC.funds(SESSION, "A").decode(answer(row))
    assert (funds.available_paise, funds.used_paise, funds.collateral_paise) == (9_787_900, 262_100, 1200)
    assert funds.unrealised_paise == -150
    assert CODEC.funds(SESSION, "A").decode(answer({"stat": "Ok"})).available_paise == 0


def test_margin_of_a_basket_and_of_one_order() -> None:
    legs = [(an_intent(), RELIANCE), (an_intent(side=Side.SELL), RELIANCE)]
    call = CODEC.margin(SESSION, legs)
    assert call.request.path.endswith("GetBasketMargin")
    assert len(asked(call)["basketlists"]) == 1
    assert call.decode(answer({"stat": "Ok", "marginused": "5242.00", "marginusedtrade": "2621.5"})) == 262_150
    single = TRADESMART.codec.margin(SESSION, legs[:1])
    reply = {
        "stat": "Ok",
        "cash": "100000.00",
        "ordermargin": "2621.00",
        "marginused": "2621.00",
        "remarks": "Order Success",
    }
    assert single.decode(answer(reply)) == 262_100
    with pytest.raises(NotSupported):
        TRADESMART.codec.margin(SESSION, legs)


def test_profile() -> None:
    reply = {"stat": "Ok", "actid": "FA12345", "exarr": ["NSE", "NFO", "XYZ"], "prarr": [{"prd": "C", "s_prdt_ali": "Delivery"}, {"prd": "I"}]}  # fmt: skip  # noqa: E501
    profile = CODEC.profile(SESSION).decode(answer(reply))
    assert (profile.client, profile.exchanges) == ("FA12345", (Exchange.NSE, Exchange.NFO))
    assert profile.products == (Product.CNC, Product.MIS)
