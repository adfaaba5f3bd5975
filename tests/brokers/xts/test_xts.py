"""The XTS codec against the examples of its fact sheet, and a typed error or a value for anything else."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.xts import COMPOSITEDGE, FIVEPAISAXTS, IBULLS, IIFL, JAINAMXTS, RMONEY, WISDOM
from brokers.xts.market import packets, tick_ns
from openalgo_lab.broker import BrokerSpec, Call, FeedSession, FrameContent, HttpResponse, OrderChange, Session
from openalgo_lab.model.errors import (
    DecodeError,
    InputError,
    LabError,
    NotSupported,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.reports import FillReport, OrderReport
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, Mode, PriceType, Product, Side, Validity

MEMBERS = (COMPOSITEDGE, FIVEPAISAXTS, IBULLS, IIFL, JAINAMXTS, RMONEY, WISDOM)
CODEC = FIVEPAISAXTS.codec
SESSION = Session("AB1234", "itok", {"market": "mtok", "market_user": "AB1234", "user": "AB1234"})
RELIANCE = Instrument(
    "RELIANCE", Exchange.NSE, InstrumentType.EQ, "RELIANCE", 1 << 40 | 2885, 1, 0.1, broker_symbol="2885"
)
FUTURE = Instrument(
    "NIFTY24FEB26FUT", Exchange.NFO, InstrumentType.FUT, "NIFTY", 2 << 40 | 35001, 65, 0.1, broker_symbol="35001"
)
CRUDE = Instrument(
    "CRUDEOIL19FEB26FUT", Exchange.MCX, InstrumentType.FUT, "CRUDEOIL", 51 << 40 | 447552, 100, 1.0,
    broker_symbol="447552",
)  # fmt: skip
WHEN = 1770698730 * 10**9

ORDER_ROW = {
    "LoginID": "AB1234", "ClientID": "AB1234", "AppOrderID": 1110023456, "OrderReferenceID": "",
    "GeneratedBy": "TWSAPI",
    "ExchangeOrderID": "1100000012345678", "OrderCategoryType": "NORMAL", "ExchangeSegment": "NSEFO",
    "ExchangeInstrumentID": 41024, "OrderSide": "BUY", "OrderType": "Limit", "ProductType": "NRML",
    "TimeInForce": "DAY", "OrderPrice": 104.5, "OrderQuantity": 65, "OrderStopPrice": 0, "OrderStatus": "Filled",
    "OrderAverageTradedPrice": "104.35", "LeavesQuantity": 0, "CumulativeQuantity": 65, "OrderDisclosedQuantity": 0,
    "OrderGeneratedDateTime": "10-02-2026 10:15:30", "ExchangeTransactTime": "10-02-2026 10:15:30",
    "LastUpdateDateTime": "10-02-2026 10:15:31", "OrderExpiryDate": "01-01-1980 00:00:00", "CancelRejectReason": "",
    "OrderUniqueIdentifier": "tw000123", "OrderLegStatus": "SingleOrderLeg", "IsSpread": False, "BoLegDetails": 0,
    "BoEntryOrderId": "", "TradingSymbol": "NIFTY 17FEB2026 PE 25700", "OrderSource": "", "ApiOrderSource": "",
    "IsAMO": False, "MessageCode": 9004, "MessageVersion": 4, "TokenID": 0, "ApplicationType": 0,
    "SequenceNumber": 1455185731000123,
}  # fmt: skip
BIDS = [(120, 1310.4, 5), (300, 1310.35, 9), (210, 1310.3, 4), (95, 1310.25, 2), (640, 1310.2, 11)]
ASKS = [(75, 1310.5, 3), (180, 1310.55, 6), (260, 1310.6, 7), (410, 1310.65, 12), (55, 1310.7, 1)]


def _side(levels: list[tuple[int, float, int]]) -> list[dict[str, Any]]:
    return [{"Size": s, "Price": p, "TotalOrders": n, "BuyBackMarketMaker": 0} for s, p, n in levels]


TOUCHLINE = {
    "BidInfo": _side(BIDS)[0], "AskInfo": _side(ASKS)[0], "LastTradedPrice": 1310.45, "LastTradedQunatity": 25,
    "TotalBuyQuantity": 451200, "TotalSellQuantity": 512300, "TotalTradedQuantity": 3125400,
    "AverageTradedPrice": 1308.72, "LastTradedTime": 1455185729, "LastUpdateTime": 1455185730, "PercentChange": 0.35,
    "Open": 1306, "High": 1315.9, "Low": 1301.1, "Close": 1305.85, "TotalValueTraded": None, "BuyBackTotalBuy": 0,
    "BuyBackTotalSell": 0,
}  # fmt: skip
HEAD = {
    "MessageVersion": 4, "ApplicationType": 0, "TokenID": 0, "ExchangeSegment": 1, "ExchangeInstrumentID": 2885,
    "ExchangeTimeStamp": 1455185730,
}  # fmt: skip
M1501 = {"MessageCode": 1501, **HEAD, "Touchline": TOUCHLINE, "BookType": 1, "XMarketType": 1, "SequenceNumber": 1001}
M1502 = {**M1501, "MessageCode": 1502, "Bids": _side(BIDS), "Asks": _side(ASKS)}
M1510 = {
    "MessageCode": 1510, **HEAD, "ExchangeSegment": 2, "ExchangeInstrumentID": 35001, "XTSMarketType": 1,
    "OpenInterest": 12456750,
}  # fmt: skip
M1512 = {
    "MessageCode": 1512, "MessageVersion": 4, "ApplicationType": 0, "TokenID": 0, "ExchangeSegment": 1,
    "ExchangeInstrumentID": 2885, "BookType": 1, "XMarketType": 1, "LastTradedPrice": 1310.45,
    "LastTradedQunatity": 25, "LastUpdateTime": 1455185730,
}  # fmt: skip
SEEN = {
    "ltp": 1310.45, "bid": 1310.4, "ask": 1310.5, "open": 1306.0, "high": 1315.9, "low": 1301.1, "prev_close": 1305.85,
    "average": 1308.72, "bid_qty": 120.0, "ask_qty": 75.0, "volume": 3125400.0, "ltq": 25.0,
}  # fmt: skip

PLAIN_1501 = bytes.fromhex(
    "00dd050100450b000001000100b400dd05040000000000000000000000e903000000000000000000000100450b000042"
    "5fbc5600000000780000009a999999997994400500000000004b00000000000000007a9440030000000000425fbc5600"
    "000000cdcccccccc7994401900000080e206002cd1070098b02f007b14ae47e1729440415fbc56000000006666666666"
    "66d63f00000000006894409a999999998f94406666666666549440666666666667944000000000000000000000000001"
    "000100"
)
PACKED_1501 = bytes.fromhex(
    "01dd050100450b000001000100b4006b00bbcbcac280002f99116c4606576e0606a7f83d61205e0510cf9a090495531c"
    "58c1f2de308555531c20da606acf9e0102a03a4920bbe1111b83ce457686191bf419aa45d6b93f2c9ae2e00855970606"
    "d7ecc19a33a63880cdef9fe200160e81d2e9531c901c087415230300"
)
PLAIN_1510 = bytes.fromhex(
    "00e6050200b9880000010001003d00e605040000000000000000000000e903000000000000000000000200b988000042"
    "5fbc560000000001002e13be00010090650000000000000000000000"
)
PACKED_1502 = bytes.fromhex(
    "01de050100450b0000010001007001bd00bbc7cac280002f99116c4606576e0606a7f83d61201e2b105700f1ac994050"
    "39c58115ac46879181210d0480229c60914b406c0c02401188c9f1300381224c604603903a7b06082aa6387033c04cf7"
    "86a9ab9ae20071c6169859401136b0080bcc3ea0083b58641623d44d40111eb0883903d474a008235804d3dd9876c1fc"
    "09d60954270972e72336069d8bec0c3336e833548bac737f5834c5c111aa0eec8ab46bf660cd19531cc0e6f74f71000b"
    "8740e9f4290e48810b0c51460600"
)


def answer(result: Any, status: int = 200) -> HttpResponse:
    if isinstance(result, bytes):
        return HttpResponse(status, (), result)
    return HttpResponse(
        status, (), msgspec.json.encode({"type": "success", "code": "s", "description": "", "result": result})
    )


def failed(code: str, text: str, status: int = 400, result: Any = None) -> HttpResponse:
    body = {"type": "error", "code": code, "description": text, "result": result}
    return HttpResponse(status, (), msgspec.json.encode(body))


def an_intent(**how: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "side": Side.BUY, "quantity": 10, "product": Product.MIS, "price_type": PriceType.LIMIT, "price": 1310.5,
    }  # fmt: skip
    return OrderIntent("TW000123ABCDE", "A", Exchange.NSE, "RELIANCE", **(terms | how))


def an_order() -> Order:
    return Order(
        "TW000123ABCDE", "A", Mode.LIVE, Exchange.NSE, "RELIANCE", Side.BUY, 10, Product.MIS, PriceType.LIMIT, 1310.5,
        0.0, 0, Validity.DAY, "", OrderStatus.OPEN, broker_order_id="1110023456",
    )  # fmt: skip


def market_feed(spec: BrokerSpec = FIVEPAISAXTS) -> FeedSession:
    return spec.codec.open_feed(SESSION, spec.feeds[0])


def order_feed() -> FeedSession:
    return CODEC.open_feed(SESSION, FIVEPAISAXTS.feeds[1])


def event(name: str, argument: Any) -> str:
    return "42" + json.dumps([name, argument if isinstance(argument, str) else json.dumps(argument)])


def columns(batch: TickBatch) -> dict[str, float]:
    return {name: float(column[0]) for name, column in batch.columns.items()}


# Login --------------------------------------------------------------------------------------------------------------

KEYS = {"app_key": "ik", "secret_key": "is", "market_app_key": "mk", "market_secret_key": "ms"}


def token(exp: int) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.y"


def run(spec: BrokerSpec, credentials: dict[str, str], *replies: HttpResponse) -> tuple[list[Call[Any]], Session]:
    flow = spec.codec.login(credentials)
    calls = [next(flow)]
    for reply in replies[:-1]:
        calls.append(flow.send(calls[-1].decode(reply)))
    with pytest.raises(StopIteration) as end:
        flow.send(calls[-1].decode(replies[-1]))
    return calls, end.value.value


USER = {"clientCodes": ["AB1234"], "token": token(1770784200), "userID": "AB1234", "isInvestorClient": True}
MARKET = {"token": token(1770784100), "userID": "AB1234", "appVersion": "2.0"}


def test_two_keys_give_two_tokens() -> None:
    calls, session = run(FIVEPAISAXTS, KEYS, answer(USER), answer(MARKET))
    assert [call.request.path for call in calls] == ["/interactive/user/session", "/apimarketdata/auth/login"]
    assert json.loads(calls[0].request.body) == {"appKey": "ik", "secretKey": "is", "source": "WebAPI"}
    assert (session.client, session.token) == ("AB1234", USER["token"])
    assert session.extra == {"market": MARKET["token"], "market_user": "AB1234", "user": "AB1234"}
    assert session.expires_ns == 1770784100 * 10**9
    _, dealer = run(IIFL, KEYS, answer({**USER, "isInvestorClient": False}), answer(MARKET))
    assert dealer.extra["dealer"] == "1"


def test_the_other_prefix_is_tried_when_the_first_is_not_there() -> None:
    calls, _ = run(IBULLS, KEYS, answer(USER), HttpResponse(404, (), b"<html>"), answer(MARKET))
    assert [c.request.path for c in calls[1:]] == ["/apibinarymarketdata/auth/login", "/apimarketdata/auth/login"]


@pytest.mark.parametrize("wrap", [json.dumps, lambda x: json.dumps(json.dumps(x))])
def test_redirects(wrap: Any) -> None:
    told = {"accessToken": "at", "userID": "AB1234", "token": token(1770784200)}
    calls, _ = run(COMPOSITEDGE, {**KEYS, "session": wrap(told)}, answer(USER), answer(MARKET))
    assert json.loads(calls[0].request.body) == {"appKey": "ik", "secretKey": "is", "accessToken": "at"}
    calls, session = run(RMONEY, {**KEYS, "session": wrap(told)}, answer(MARKET))
    assert [c.request.path for c in calls] == ["/apimarketdata/auth/login"]
    assert session.token == told["token"]
    url = urlsplit(COMPOSITEDGE.codec.login_url(KEYS, "http://127.0.0.1:9/cb", "s"))
    assert url.path == "/interactive/thirdparty"
    assert parse_qs(url.query) == {"appKey": ["ik"], "returnURL": ["http://127.0.0.1:9/cb"]}


def test_jainam_sends_a_placeholder() -> None:
    calls, _ = run(JAINAMXTS, KEYS, answer(USER), answer(MARKET))
    assert json.loads(calls[0].request.body)["accessToken"]


@pytest.mark.parametrize("spec", MEMBERS, ids=lambda spec: spec.key)
def test_missing_credentials_are_named(spec: BrokerSpec) -> None:
    for field in spec.login_fields:
        with pytest.raises(InputError) as error:
            next(spec.codec.login({k: v for k, v in {**KEYS, "session": "{}"}.items() if k != field.name}))
        assert error.value.field == field.name


# Orders -------------------------------------------------------------------------------------------------------------


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


# The account --------------------------------------------------------------------------------------------------------

POSITION = {
    "AccountID": "AB1234", "TradingSymbol": "NIFTY 17FEB2026 PE 25700", "ExchangeSegment": "NSEFO",
    "ExchangeInstrumentId": "41024", "ProductType": "NRML", "Marketlot": "65", "Multiplier": "1",
    "BuyAveragePrice": "104.35", "SellAveragePrice": "0.00", "OpenBuyQuantity": "65", "OpenSellQuantity": "0",
    "Quantity": "65", "BuyAmount": "6782.75", "SellAmount": "0.00", "NetAmount": "-6782.75", "UnrealizedMTM": "9.75",
    "RealizedMTM": "1.25", "MTM": "9.75", "BEP": "104.35", "StatisticsLevel": "ParentLevel", "IsInterOpPosition": True,
    "childPositions": [], "MessageCode": 9002,
}  # fmt: skip


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


# Market by request --------------------------------------------------------------------------------------------------


def test_quotes_are_text_within_json() -> None:
    call = CODEC.quotes(SESSION, [FUTURE, RELIANCE])
    assert dict(call.request.headers)["authorization"] == "mtok"
    missing, found = call.decode(answer({"mdp": 1501, "listQuotes": [json.dumps(M1501)]}))
    assert np.isnan(missing.ltp)
    assert {name: getattr(found, name) for name in SEEN} == SEEN
    assert found.time_ns == WHEN
    root = {k: v for k, v in {**M1501, **TOUCHLINE}.items() if k != "Touchline"}
    for quotes in (json.dumps(root), [root]):
        assert call.decode(answer({"listQuotes": quotes}))[1].ltp == 1310.45


def test_depth() -> None:
    book = CODEC.depth(SESSION, RELIANCE).decode(answer({"listQuotes": [json.dumps(M1502)]}))
    assert [(x.quantity, x.price, x.orders) for x in book.bids] == BIDS
    assert [(x.quantity, x.price, x.orders) for x in book.asks] == ASKS


def test_history_is_stamped_with_the_bars_end() -> None:
    start = 1737344700 * 10**9  # 20 Jan 2025 09:15 IST
    call = CODEC.history(SESSION, RELIANCE, "1m", start, start + 6 * 3600 * 10**9)
    query = parse_qs(urlsplit(call.request.path).query)
    assert query["startTime"] == ["Jan 20 2025 091500"]
    assert query["compressionValue"] == ["60"]
    text = "1737364619|1305.45|1306|1304|1305|100|0|,1737364559|1305|1306.2|1304.1|1305.45|140444|0|"
    for key in ("dataReponse", "dataResponse"):
        found = call.decode(answer({"exchangeSegment": "1", key: text}))
        assert list(found.start_ns) == [start, start + 60 * 10**9]
        assert list(found.volume) == [140444, 100]
    assert len(call.decode(answer({"dataReponse": ""}))) == 0
    days = CODEC.history(SESSION, RELIANCE, "D", 0, 2**62).decode(answer({"dataReponse": "1737385199|1|2|1|2|9|0|"}))
    assert from_ns(int(days.start_ns[0])).strftime("%d-%m-%Y %H:%M") == "20-01-2025 00:00"
    with pytest.raises(InputError):
        CODEC.history(SESSION, RELIANCE, "7m", 0, 1)


ROWS = """NSECM|2885|8|RELIANCE|RELIANCE-EQ|EQ|RELIANCE-EQ|11001000002885|1598|1307.6|6766210.1|0.1|1|1|RELIANCE|INE002A01018|1|1|RELIANCE INDUSTRIES LTD-EQ|0|-1|-1
NSECM|99|8|OLD|OLD-BE|BE|OLD-BE|1|1598|1307.6|1|0.1|1|1|OLD|INE0|1|1|OLD LTD|0|-1|-1
NSEFO|41024|2|NIFTY|NIFTY26217PE25700|OPTIDX|NIFTY-OPTIDX|2604800041024|310.5|0.05|1801|0.05|65|1|-1|Nifty 50|2026-02-17T14:30:00|25700|4|NIFTY 17FEB2026 PE 25700|1|1|NIFTY26217PE25700
NSEFO|35001|1|NIFTY|NIFTY26FEBFUT|FUTIDX|NIFTY-FUTIDX|2605500035001|28310|23163|1801|0.1|65|1|-1|Nifty 50|2026-02-24T14:30:00|NIFTY 24FEB2026|1|1|NIFTY26FEBFUT
MCXFO|5|1|GOLD|X|FUTCOM|X|1|1|1|1|1|1|1|-1|X|1|X|1|1|X
NSEFO|7|4|NIFTY|SPREAD|FUTIDX|X|1|1|1|1|1|1|1|-1|X|2026-02-24T14:30:00|X|1|1|X
BSECM|8|8|SENSEX|SENSEX|SPOT|SENSEX|1|1|1|1|1|1|1|SENSEX|X|1|1|SENSEX|0|-1|-1
short|row"""  # noqa: E501


def test_three_shapes_of_rows() -> None:
    call = CODEC.instrument_files(SESSION)[0]
    assert json.loads(call.request.body) == {"exchangeSegmentList": ["NSECM"]}
    found = {i.symbol: i for i in call.decode(answer(ROWS))}
    assert set(found) == {"RELIANCE", "OLD-BE", "NIFTY17FEB2625700PE", "NIFTY24FEB26FUT"}
    share, put = found["RELIANCE"], found["NIFTY17FEB2625700PE"]
    assert (share.token, share.tick_size, share.freeze_quantity, share.broker_symbol) == (
        1 << 40 | 2885,
        0.1,
        6766210,
        "2885",
    )
    assert (put.kind, put.strike, put.expiry, put.lot_size) == (InstrumentType.PE, 25700.0, date(2026, 2, 17), 65)
    assert found["NIFTY24FEB26FUT"].underlying == "NIFTY"


def test_index_lists() -> None:
    names = [
        "NIFTY 50_26000", "NIFTY BANK_26001", "INDIA VIX_26002", "NIFTY IT_26003", "NIFTY 100_26004",
        "NIFTY FIN SERVICE_26034", "NIFTY NEXT 50_26054", "NIFTY MID SELECT_26121",
    ]  # fmt: skip
    nse, bse = CODEC.instrument_files(SESSION)[-2:]
    found = {i.symbol: i for i in nse.decode(answer({"exchangeSegment": 1, "indexList": names}))}
    assert list(found) == [
        "NIFTY", "BANKNIFTY", "INDIAVIX", "NIFTYIT", "NIFTY100", "FINNIFTY", "NIFTYNXT50", "MIDCPNIFTY",
    ]  # fmt: skip
    assert found["BANKNIFTY"].token == 1 << 40 | 26001
    assert found["BANKNIFTY"].exchange is Exchange.NSE_INDEX
    listed = {i.symbol for i in bse.decode(answer({"indexList": ["SENSEX_26065", "SNSX50_1", "BSE CG_2", "OILGAS_3"]}))}
    assert listed == {"SENSEX", "SENSEX50", "BSECAPITALGOODS", "BSEOIL&GAS"}


# Feeds --------------------------------------------------------------------------------------------------------------


def test_addresses() -> None:
    found = {f.name: urlsplit(str(JAINAMXTS.codec.feed_address(SESSION, f).url_or_path)) for f in JAINAMXTS.feeds}  # type: ignore[union-attr]
    assert found["market"].path == "/apibinarymarketdata/socket.io/"
    assert parse_qs(found["market"].query) == {
        "token": ["mtok"], "userID": ["AB1234"], "publishFormat": ["JSON"], "broadcastMode": ["Full"], "EIO": ["3"],
        "transport": ["websocket"],
    }  # fmt: skip
    assert found["orders"].path == "/interactive/socket.io/"
    assert parse_qs(found["orders"].query)["apiType"] == ["INTERACTIVE"]


def test_engine_io() -> None:
    feed = market_feed()
    assert feed.received('0{"sid":"Xy1","upgrades":[],"pingInterval":25000,"pingTimeout":60000}') == FrameContent()
    assert feed.received("40").ready
    assert feed.ping() == "2"
    assert feed.received("3") == FrameContent()
    assert feed.received('42["joined","hello"]') == FrameContent()
    assert feed.received("41").refused is not None
    assert isinstance(feed.received('42["error","Invalid Token"]').refused, SessionExpired)
    assert isinstance(feed.received(event("logout", "elsewhere")).refused, SessionExpired)
    assert feed.received('42["warning","slow"]').notice == "slow"
    for junk in ("", "9", "<html>", "42{}", "42[]", "42[1]", '42["unheard of","x"]', "{}"):
        with pytest.raises(DecodeError):
            feed.received(junk)


def codes(calls: list[Call[Any]]) -> list[tuple[str, int]]:
    return [(c.request.method, json.loads(c.request.body)["xtsMessageCode"]) for c in calls]


def test_subscriptions_go_by_rest() -> None:
    feed = market_feed()
    calls = [c for c in feed.subscribe([RELIANCE, FUTURE], FeedMode.QUOTE) if isinstance(c, Call)]
    assert [(c.request.method, json.loads(c.request.body)["xtsMessageCode"]) for c in calls] == [
        ("POST", 1501),
        ("POST", 1510),
    ]
    reply = answer(
        {"mdp": 1501, "quotesList": [], "listQuotes": [json.dumps(M1501)], "Remaining_Subscription_Count": 949}
    )
    (batch,) = calls[0].decode(reply).ticks
    assert columns(batch) == SEEN
    again = failed("e-session-0002", "Instrument Already Subscribed !")
    assert CODEC.refusal(again) is None
    (picture,) = calls[0].decode(again).replies
    assert isinstance(picture, Call)
    assert picture.request.path == "/apimarketdata/instruments/quotes"
    changed = [c for c in feed.subscribe([RELIANCE], FeedMode.DEPTH) if isinstance(c, Call)]
    assert [(c.request.method, json.loads(c.request.body)["xtsMessageCode"]) for c in changed] == [
        ("PUT", 1501),
        ("POST", 1502),
    ]
    assert changed[0].decode(answer({"mdp": 1501, "unsubList": []})) == FrameContent()
    ltp = [c for c in market_feed(RMONEY).subscribe([RELIANCE], FeedMode.LTP) if isinstance(c, Call)]
    assert json.loads(ltp[0].request.body)["xtsMessageCode"] == 1501


def test_json_messages() -> None:
    feed = market_feed()
    (quote,) = feed.received(event("1501-json-full", M1501)).ticks
    assert columns(quote) == SEEN
    assert (list(quote.tokens), list(quote.time_ns)) == ([RELIANCE.token], [WHEN])
    (deep,) = feed.received(event("1502-json-full", M1502)).ticks
    assert deep.depth is not None
    assert list(deep.depth[0, 0]) == [p for _, p, _ in BIDS]
    assert list(deep.depth[0, 3]) == [s for s, _, _ in ASKS]
    (interest,) = feed.received(event("1510-json-full", M1510)).ticks
    assert columns(interest) == {"oi": 12456750.0}
    assert list(interest.tokens) == [FUTURE.token]
    (last,) = feed.received(event("1512-json-full", M1512)).ticks
    assert columns(last) == {"ltp": 1310.45, "ltq": 25.0}
    for other in ("1105-json-full", "1504-json-full", "1505-json-full", "1507-json-full", "1105-json-partial"):
        assert feed.received(event(other, "t:12_1140025,110:2067.75,111:516.95")) == FrameContent()


def test_partial_messages() -> None:
    text = (
        "t:1_2885,ltp:1310.45,ltq:25,tb:451200,ts:512300,v:3125400,ap:1308.72,ltt:1455185729,lut:1455185730,pc:0.35,"
        "o:1306,h:1315.9,l:1301.1,c:1305.85,vp:,ai:0|75|1310.5|3,bi:0|120|1310.4|5"
    )
    feed = market_feed()
    (quote,) = feed.received(event("1501-json-partial", text)).ticks
    assert columns(quote) == SEEN
    assert list(quote.time_ns) == [WHEN]
    (deep,) = feed.received(event("1502-json-partial", "t:1_2885,ltp:,bi:0|130|1310.4|5|2|7|1310.3|1")).ticks
    assert deep.depth is not None
    assert (deep.depth[0, 1, 0], deep.depth[0, 0, 2], deep.depth[0, 3, 0]) == (130.0, 1310.3, 75.0)
    assert "ltp" not in deep.columns
    (interest,) = feed.received(event("1510-json-partial", "t:2_35001,o:500")).ticks
    assert columns(interest) == {"oi": 500.0}
    assert feed.received(event("1501-json-partial", "t:1_2885,ltp:")) == FrameContent()


@pytest.mark.parametrize("payload", [PLAIN_1501, PACKED_1501, PLAIN_1501 + PACKED_1501], ids=["plain", "packed", "two"])
def test_binary_touchlines_of_the_sheet(payload: bytes) -> None:
    feed = market_feed()
    assert feed.received('451-["xts-binary-packet",{"_placeholder":true,"num":0}]') == FrameContent()
    ticks = feed.received(b"\x04" + payload).ticks
    assert len(payload) in (195, 124, 319)
    for batch in ticks:
        assert columns(batch) == SEEN
        assert (list(batch.tokens), list(batch.time_ns)) == ([RELIANCE.token], [WHEN])


def test_binary_open_interest_and_depth_of_the_sheet() -> None:
    assert (len(PLAIN_1510), len(PACKED_1502)) == (76, 206)
    (interest,) = packets(PLAIN_1510)
    assert (columns(interest), list(interest.tokens)) == ({"oi": 12456750.0}, [FUTURE.token])
    (deep,) = packets(PACKED_1502)
    assert columns(deep) == SEEN
    assert deep.depth is not None
    assert list(deep.depth[0, 0]) == [p for _, p, _ in BIDS]
    assert list(deep.depth[0, 1]) == [s for s, _, _ in BIDS]
    assert list(deep.depth[0, 2]) == [p for _, p, _ in ASKS]
    assert list(deep.depth[0, 3]) == [s for s, _, _ in ASKS]


def test_wide_packets() -> None:
    from tests.brokers.xts.wide import wide_1501, wide_1502

    (quote,) = packets(wide_1501(TOUCHLINE, BIDS[0], ASKS[0]))
    assert columns(quote) == SEEN
    (deep,) = packets(wide_1502(TOUCHLINE, BIDS, ASKS))
    assert columns(deep) == SEEN
    assert deep.depth is not None
    assert list(deep.depth[0, 2]) == [p for _, p, _ in ASKS]


@pytest.mark.parametrize("cut", range(1, 180, 7))
def test_a_packet_of_another_length_is_refused(cut: int) -> None:
    with pytest.raises(DecodeError):
        list(packets(PLAIN_1501[:cut]))
    size = len(PLAIN_1501) - 15 - cut
    with pytest.raises(DecodeError):
        list(packets(PLAIN_1501[:13] + size.to_bytes(2, "little") + PLAIN_1501[15 : 15 + size]))


def test_clocks() -> None:
    assert from_ns(tick_ns(1, 1455185730)).strftime("%d-%m-%Y %H:%M:%S") == "10-02-2026 10:15:30"
    assert tick_ns(51, 1770718530) == WHEN
    assert tick_ns(11, 1770718530) == WHEN
    assert tick_ns(11, 1455185730) == WHEN, "some count BSE from 1980 as well"
    assert tick_ns(1, 0) == 0


def test_order_events() -> None:
    feed = order_feed()
    (told,) = feed.received(event("order", ORDER_ROW)).reports
    assert isinstance(told, OrderReport)
    assert (told.order_id, told.status) == ("tw000123", OrderStatus.COMPLETE)
    row = {**ORDER_ROW, "ExecutionID": "77", "LastTradedQuantity": 30, "LastTradedPrice": 104.3}
    (trade,) = feed.received(event("trade", row)).reports
    assert isinstance(trade, FillReport)
    assert (trade.trade_id, trade.quantity) == ("77", 30)
    assert feed.received(event("position", {})) == FrameContent()
    with pytest.raises(DecodeError, match="only text"):
        feed.received(b"\x04abc")


# Anything else ------------------------------------------------------------------------------------------------------

TEXTS = (
    event("1501-json-full", M1501), event("1502-json-full", M1502), event("1510-json-full", M1510),
    event("1501-json-partial", "t:1_2885,ltp:1310.45,ai:0|75|1310.5|3,bi:0|120|1310.4|5"), event("order", ORDER_ROW),
    '0{"sid":"x"}', '451-["xts-binary-packet",{"_placeholder":true,"num":0}]',
)  # fmt: skip
PAYLOADS = (PLAIN_1501, PACKED_1501, PLAIN_1510, PACKED_1502)


def mutated(raw: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    return bytes(changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])


@given(st.sampled_from(TEXTS), st.data())
def test_mutated_texts_give_a_value_or_a_decode_error(text: str, data: st.DataObject) -> None:
    changed = mutated(text.encode(), data).decode(errors="replace")
    for feed in (market_feed(), order_feed()):
        with contextlib.suppress(DecodeError):
            feed.received(changed)


@given(st.sampled_from(PAYLOADS), st.data())
def test_mutated_packets_give_a_value_or_a_decode_error(payload: bytes, data: st.DataObject) -> None:
    with contextlib.suppress(DecodeError):
        market_feed().received(b"\x04" + mutated(payload, data))


@given(st.binary(max_size=300))
def test_any_bytes(payload: bytes) -> None:
    with contextlib.suppress(DecodeError):
        market_feed().received(payload)


VALUE = st.one_of(
    st.none(), st.text(max_size=20), st.floats(allow_nan=False), st.integers(-(2**63), 2**63), st.booleans()
)


@given(st.sampled_from(["1501-json-full", "1502-json-full", "1512-json-full", "order"]), st.data())
def test_other_values_in_known_fields(name: str, data: st.DataObject) -> None:
    fields: dict[str, Any] = dict(ORDER_ROW if name == "order" else M1502)
    if name == "1512-json-full":
        fields |= M1512
    for key in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        fields[key] = data.draw(VALUE)
    for feed in (market_feed(), order_feed()):
        with contextlib.suppress(DecodeError):
            feed.received(event(name, fields))


READS: tuple[Call[Any], ...] = (
    CODEC.order_book(SESSION), CODEC.trade_book(SESSION), CODEC.positions(SESSION), CODEC.holdings(SESSION, "A"),
    CODEC.funds(SESSION, "A"), CODEC.profile(SESSION), CODEC.quotes(SESSION, [RELIANCE]),
    CODEC.depth(SESSION, RELIANCE), CODEC.history(SESSION, RELIANCE, "1m", 0, 2**62),
    CODEC.place(SESSION, an_intent(), RELIANCE), RMONEY.codec.margin(SESSION, [(an_intent(), RELIANCE)]),
    *CODEC.instrument_files(SESSION),
)  # fmt: skip
BODIES = tuple(
    answer(result).body
    for result in (
        [ORDER_ROW], {"positionList": [POSITION]}, {"listQuotes": [json.dumps(M1502)]}, ROWS,
        {"dataReponse": "1737364559|1305|1306.2|1304.1|1305.45|140444|0|"}, {"indexList": ["NIFTY 50_26000"]},
        {"BalanceList": [{"limitHeader": "ALL|ALL|ALL", "limitObject": {"RMSSubLimits": {}}}]}, None, 7,
    )
)  # fmt: skip


@given(st.sampled_from(READS), st.sampled_from(BODIES), st.data())
def test_mutated_answers_give_a_value_or_a_typed_error(call: Call[Any], body: bytes, data: st.DataObject) -> None:
    reply = answer(mutated(body, data), data.draw(st.sampled_from([200, 400])))
    with contextlib.suppress(LabError):
        CODEC.refusal(reply)
    with contextlib.suppress(LabError):
        call.decode(reply)
