"""Orders and the account at XTS, against the sheet's examples."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from brokers.xts import IBULLS, IIFL, RMONEY, WISDOM
from openalgo_lab.broker import HttpResponse, OrderChange, Session
from openalgo_lab.model.errors import (
    DecodeError,
    LabError,
    NotSupported,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product
from tests.brokers.xts.examples import (
    CODEC,
    CRUDE,
    FUTURE,
    ORDER_ROW,
    POSITION,
    RELIANCE,
    SESSION,
    WHEN,
    an_intent,
    an_order,
    answer,
    failed,
)


def test_place_as_the_sheet_shows_it() -> None:
    call = CODEC.place(SESSION, an_intent(), RELIANCE)
    assert (call.request.method, call.request.path) == ("POST", "/interactive/orders")
    assert dict(call.request.headers)["authorization"] == "itok"
    assert json.loads(call.request.body) == {
        "exchangeSegment": "NSECM", "exchangeInstrumentID": 2885, "productType": "MIS", "orderType": "LIMIT",
        "orderSide": "BUY", "timeInForce": "DAY", "disclosedQuantity": 0, "orderQuantity": 10, "limitPrice": 1310.5,
        "stopPrice": 0, "orderUniqueIdentifier": "TW000123ABCDE", "clientID": "AB1234",
    }  # fmt: skip
    reply = {"AppOrderID": 1110023456, "OrderUniqueIdentifier": "tw000123", "ClientID": "AB1234"}
    assert call.decode(answer(reply)).broker_order_id == "1110023456"


def test_modify_and_cancel() -> None:
    change = OrderChange(20, PriceType.SL, 1311.0, 1309.0)
    call = CODEC.modify(SESSION, an_order(), change, RELIANCE)
    assert call.request.method == "PUT"
    assert json.loads(call.request.body) == {
        "appOrderID": 1110023456, "modifiedProductType": "MIS", "modifiedOrderType": "STOPLIMIT",
        "modifiedOrderQuantity": 20, "modifiedDisclosedQuantity": 0, "modifiedLimitPrice": 1311.0,
        "modifiedStopPrice": 1309.0, "modifiedTimeInForce": "DAY", "orderUniqueIdentifier": "TW000123ABCDE",
        "clientID": "AB1234",
    }  # fmt: skip
    gone = CODEC.cancel(SESSION, an_order()).request
    assert (gone.method, gone.path, gone.body) == (
        "DELETE",
        "/interactive/orders?appOrderID=1110023456&clientID=AB1234",
        b"",
    )


def test_what_is_not_sent() -> None:
    for spec in (IBULLS, IIFL):
        with pytest.raises(NotSupported, match="limit price"):
            spec.codec.place(SESSION, an_intent(price_type=PriceType.MARKET), RELIANCE)
    market = json.loads(CODEC.place(SESSION, an_intent(price_type=PriceType.MARKET), RELIANCE).request.body)
    assert (market["orderType"], market["limitPrice"]) == ("MARKET", 0)
    with pytest.raises(NotSupported, match="lots or in units"):
        IIFL.codec.place(SESSION, an_intent(), CRUDE)


def test_order_book_row_of_the_sheet() -> None:
    (row,) = CODEC.order_book(SESSION).decode(answer([ORDER_ROW]))
    assert (row.broker_order_id, row.order_id, row.symbol) == ("1110023456", "tw000123", "41024")
    assert (row.status, row.filled_quantity, row.average_price) == (OrderStatus.COMPLETE, 65, 104.35)
    assert (row.exchange, row.product, row.price_type) == (Exchange.NFO, Product.NRML, PriceType.LIMIT)
    assert row.exchange_ns == WHEN + 10**9


@pytest.mark.parametrize(
    ("word", "kind", "filled", "status"),
    [
        ("PendingNew", "Limit", 0, OrderStatus.ACCEPTED),
        ("New", "Limit", 0, OrderStatus.OPEN),
        ("NEW", "LIMIT", 0, OrderStatus.OPEN),
        ("New", "StopLimit", 0, OrderStatus.TRIGGER_PENDING),
        ("Replaced", "StopMarket", 0, OrderStatus.TRIGGER_PENDING),
        ("PendingCancel", "StopLimit", 0, OrderStatus.OPEN),
        ("Replaced", "Limit", 5, OrderStatus.PARTIALLY_FILLED),
        ("PartiallyFilled", "Limit", 5, OrderStatus.PARTIALLY_FILLED),
        ("Cancelled", "Limit", 5, OrderStatus.CANCELLED),
        ("Rejected", "Market", 0, OrderStatus.REJECTED),
        ("Expired", "Limit", 0, OrderStatus.EXPIRED),
    ],
)
def test_states(word: str, kind: str, filled: int, status: OrderStatus) -> None:
    row = {
        **ORDER_ROW,
        "OrderStatus": word,
        "OrderType": kind,
        "CumulativeQuantity": filled,
        "OrderAverageTradedPrice": "",
    }
    (found,) = CODEC.order_book(SESSION).decode(answer([row]))
    assert found.status is status


def test_an_unknown_state_is_no_default() -> None:
    with pytest.raises(DecodeError, match="order state"):
        CODEC.order_book(SESSION).decode(answer([{**ORDER_ROW, "OrderStatus": "Sleeping"}]))


@pytest.mark.parametrize("code", ["e-orders-0005", "e-tradeBook-0005", "e-portfolio-0005", "e-holdings-0005", "x"])
def test_an_empty_book_is_an_error_of_status_400(code: str) -> None:
    reply = failed(code, "Data Not Available" if code == "x" else "?")
    assert CODEC.refusal(reply) is None
    for call in (
        CODEC.order_book(SESSION),
        CODEC.trade_book(SESSION),
        CODEC.positions(SESSION),
        CODEC.holdings(SESSION, "A"),
    ):
        assert 400 in call.accepts
        assert call.decode(reply) == ()
    assert 400 not in CODEC.place(SESSION, an_intent(), RELIANCE).accepts


def test_trades_and_history_of_one_order() -> None:
    row = {
        **ORDER_ROW, "ExecutionID": 77, "LastTradedQuantity": 30, "LastTradedPrice": 104.3, "MessageCode": 9005,
        "LastExecutionTransactTime": "2026-02-10T10:15:30.8001874",
    }  # fmt: skip
    (trade,) = CODEC.trade_book(SESSION).decode(answer([row]))
    assert (trade.trade_id, trade.quantity, trade.price, trade.exchange_ns) == ("77", 30, 104.3, WHEN + 800_187_400)
    call = CODEC.order(SESSION, an_order())
    assert call is not None
    assert call.request.path == "/interactive/orders?appOrderID=1110023456"
    older = {**ORDER_ROW, "OrderStatus": "New", "LastUpdateDateTime": "10-02-2026 10:15:30", "CumulativeQuantity": 0}
    assert call.decode(answer([ORDER_ROW, older])).status is OrderStatus.COMPLETE
    with pytest.raises(Rejected):
        call.decode(answer([]))


def test_dealers_name_the_client() -> None:
    session = Session("AB1234", "itok", {**SESSION.extra, "dealer": "1"})
    paths = [c.request.path for c in (CODEC.order_book(session), CODEC.positions(session), CODEC.funds(session, "A"))]
    assert paths == [
        "/interactive/orders/dealerorderbook?clientID=AB1234",
        "/interactive/portfolio/dealerpositions?dayOrNet=NetWise&clientID=AB1234",
        "/interactive/user/balance?clientID=AB1234",
    ]


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (failed("e-session-0007", "Invalid Token"), SessionExpired, "log in"),
        (failed("e-session-0007", "Invalid Token", 200), SessionExpired, "log in"),
        (failed("e-orders-0002", "Market order Or Price 0 is not allowed for ALGO enabled orders"), Rejected, "ALGO"),
        (failed("e-session-0004", "Subscription limit exceeded"), Rejected, "limit"),
        (
            failed("e-x", "Bad Request", 400, {"errors": [{"field": ["orderSide"], "messages": ["must be BUY"]}]}),
            Rejected, "must be BUY",
        ),
        (HttpResponse(429, (), b"slow down"), Throttled, "3 s"),
    ],
)  # fmt: skip
def test_refusals(reply: HttpResponse, kind: type[LabError], text: str) -> None:
    refused = CODEC.refusal(reply)
    assert type(refused) is kind
    assert text in str(refused)


@pytest.mark.parametrize("reply", [HttpResponse(502, (), b"<html>"), HttpResponse(500, (), b"{}"), answer([])])
def test_what_states_no_error(reply: HttpResponse) -> None:
    assert CODEC.refusal(reply) is None


def test_an_envelope_may_lie_in_a_list() -> None:
    body = msgspec.json.encode([{"type": "success", "code": "s", "description": "", "result": [ORDER_ROW]}])
    assert len(CODEC.order_book(SESSION).decode(answer(body))) == 1


def test_positions_in_every_shape() -> None:
    for result in ({"positionList": [POSITION]}, [POSITION]):
        (row,) = CODEC.positions(SESSION).decode(answer(result))
        assert (row.symbol, row.quantity, row.average_price, row.realised_paise) == ("41024", 65, 104.35, 125)
    old = {k: v for k, v in POSITION.items() if k not in ("Quantity", "ExchangeInstrumentId")}
    old |= {"NetPosition": "-65", "ExchangeInstrumentID": 41024, "SellAveragePrice": "105.00"}
    (row,) = CODEC.positions(SESSION).decode(answer([old]))
    assert (row.quantity, row.average_price) == (-65, 105.0)


def test_holdings_in_every_shape() -> None:
    row = {"ISIN": "INE002A01018", "ExchangeNSEInstrumentId": 2885, "ExchangeBSEInstrumentId": 500325, "HoldingQuantity": 10, "BuyAvgPrice": 1205.3}  # fmt: skip  # noqa: E501
    for inner in ({"Holdings": {"INE002A01018": row}}, {"RMSHoldingList": [row]}):
        (held,) = CODEC.holdings(SESSION, "A").decode(answer({"RMSHoldings": inner}))
        assert (held.symbol, held.exchange, held.quantity, held.average_price) == ("2885", Exchange.NSE, 10, 1205.3)
    (held,) = CODEC.holdings(SESSION, "A").decode(
        answer({"RMSHoldings": {"Holdings": {"X": {**row, "ExchangeNSEInstrumentId": -1 * 0}}}})
    )
    assert (held.symbol, held.exchange) == ("500325", Exchange.BSE)
    assert CODEC.holdings(SESSION, "A").decode(answer({"RMSHoldings": {"Holdings": None}})) == ()


def test_funds_are_the_whole_accounts() -> None:
    def entry(header: str, cash: str) -> dict[str, Any]:
        limits = {"netMarginAvailable": cash, "marginUtilized": "2500.5", "collateral": "0", "RealizedMTM": "NaN", "UnrealizedMTM": "1"}  # fmt: skip  # noqa: E501
        return {"limitHeader": header, "limitObject": {"RMSSubLimits": limits, "AccountID": "AB1234"}}

    result = {"BalanceList": [entry("CASH|NSE|MTF", "0"), entry("ALL|ALL|ALL", "97499.5")]}
    money = CODEC.funds(SESSION, "A").decode(answer(result))
    assert (money.available_paise, money.used_paise, money.realised_paise, money.unrealised_paise) == (
        9749950,
        250050,
        0,
        100,
    )


def test_margin_where_there_is_one() -> None:
    legs = [(an_intent(product=Product.NRML, quantity=65), FUTURE)]
    call = WISDOM.codec.margin(SESSION, legs)
    body = json.loads(call.request.body)
    assert (body["clientID"], body["portfolio"][0]["userID"]) == ("AB1234", "AB1234")
    assert body["portfolio"][0]["exchange"] == 2
    assert "clientID" not in json.loads(RMONEY.codec.margin(SESSION, legs).request.body)
    assert call.decode(answer({"brokerageDeatils": {"IsValid": True, "MarginRequired": 148250.5}})) == 14_825_050
    with pytest.raises(NotSupported):
        CODEC.margin(SESSION, legs)
