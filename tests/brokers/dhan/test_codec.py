"""Dhan's REST calls: each example of its manual, errors in both forms, the instrument file."""

from __future__ import annotations

import contextlib
import math
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.dhan import DHAN
from openalgo_lab.broker import Call, HttpResponse, Session
from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.broker.outcome import judge
from openalgo_lab.model.errors import (
    BrokerError,
    DecodeError,
    InputError,
    LabError,
    NotSupported,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.gtt import GttIntent, GttLeg, GttStatus
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.times import from_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Mode, PriceType, Product, Side, Validity

CODEC = DHAN.codec
SESSION = Session("1100000001", "eyJ")
SBIN = Instrument(
    "SBIN", Exchange.NSE, InstrumentType.EQ, "SBI", 1 << 40 | 3045, 1, 0.05, broker_symbol="3045", broker_token="EQUITY"
)
NIFTY = Instrument(
    "NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "Nifty 50", 13, 1, 0.05, broker_symbol="13", broker_token="INDEX"
)
INTENT = OrderIntent(
    "0123456789ABC", "A", Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS, PriceType.LIMIT, 801.05, created_ns=1
)
ORDER = Order(
    "0123456789ABC", "A", Mode.LIVE, Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS, PriceType.LIMIT, 801.05, 0.0, 0,
    Validity.DAY, "", OrderStatus.OPEN, broker_order_id="952502167319",
)  # fmt: skip
ROW: dict[str, Any] = msgspec.json.decode(
    b'{"dhanClientId":"1100000001","orderId":"952502167319","exchangeOrderId":"1300000001887410",'
    b'"correlationId":"wb-0001","orderStatus":"PENDING","transactionType":"BUY","exchangeSegment":"NSE_EQ",'
    b'"productType":"INTRADAY","orderType":"LIMIT","validity":"DAY","tradingSymbol":"SBIN","securityId":"3045",'
    b'"quantity":10,"disclosedQuantity":0,"price":801.05,"triggerPrice":0.0,"afterMarketOrder":false,'
    b'"boProfitValue":0.0,"boStopLossValue":0.0,"legName":"NA","createTime":"2026-01-05 09:16:04",'
    b'"updateTime":"2026-01-05 09:16:04","exchangeTime":"2026-01-05 09:16:04","drvExpiryDate":"0001-01-01",'
    b'"drvOptionType":"NA","drvStrikePrice":0.0,"omsErrorCode":"0","omsErrorDescription":"","algoId":"0",'
    b'"remainingQuantity":10,"averageTradedPrice":0.0,"filledQty":0}'
)


def answer(call: Call[Any] | None, body: Any) -> Any:
    assert call is not None
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return call.decode(HttpResponse(200, (), raw))


def sent(call: Call[Any]) -> Any:
    return msgspec.json.decode(call.request.body)


def test_place() -> None:
    call = CODEC.place(SESSION, INTENT, SBIN)
    assert (call.request.method, call.request.path, call.request.safe) == ("POST", "/v2/orders", False)
    assert dict(call.request.headers)["access-token"] == "eyJ"
    assert sent(call) == {
        "dhanClientId": "1100000001", "correlationId": "0123456789ABC", "transactionType": "BUY",
        "exchangeSegment": "NSE_EQ", "productType": "INTRADAY", "orderType": "LIMIT", "validity": "DAY",
        "securityId": "3045", "quantity": 10, "disclosedQuantity": 0, "price": 801.05, "triggerPrice": 0.0,
        "afterMarketOrder": False,
    }  # fmt: skip
    report = answer(call, {"orderId": "112111182198", "orderStatus": "PENDING"})
    assert (report.broker_order_id, report.status) == ("112111182198", OrderStatus.ACCEPTED)
    assert answer(call, {"orderId": "1", "orderStatus": "REJECTED"}).status is OrderStatus.REJECTED
    with pytest.raises(DecodeError):
        answer(call, {"orderStatus": "TRANSIT"})


@pytest.mark.parametrize(
    ("price_type", "word", "price", "trigger"),
    [
        (PriceType.MARKET, "MARKET", 0.0, 0.0),
        (PriceType.SL, "STOP_LOSS", 801.05, 800.0),
        (PriceType.SL_M, "STOP_LOSS_MARKET", 0.0, 800.0),
    ],
)
def test_price_types(price_type: PriceType, word: str, price: float, trigger: float) -> None:
    intent = msgspec.structs.replace(INTENT, price_type=price_type, trigger_price=800.0)
    body = sent(CODEC.place(SESSION, intent, SBIN))
    assert (body["orderType"], body["price"], body["triggerPrice"]) == (word, price, trigger)


def test_modify_and_cancel() -> None:
    change = CODEC.modify(SESSION, ORDER, OrderChange(5, PriceType.LIMIT, 800.0, 0.0), SBIN)
    assert (change.request.method, change.request.path) == ("PUT", "/v2/orders/952502167319")
    assert sent(change) == {
        "dhanClientId": "1100000001", "orderId": "952502167319", "orderType": "LIMIT", "quantity": 5, "price": 800.0,
        "triggerPrice": 0.0, "disclosedQuantity": 0, "validity": "DAY",
    }  # fmt: skip
    assert answer(change, {"orderId": "952502167319", "orderStatus": "TRANSIT"}) is None
    end = CODEC.cancel(SESSION, ORDER)
    assert (end.request.method, end.request.path, end.request.body) == ("DELETE", "/v2/orders/952502167319", b"")


@pytest.mark.parametrize("body", [[ROW], ROW])
def test_one_order_comes_as_a_list_or_as_itself(body: Any) -> None:
    report = answer(CODEC.order(SESSION, ORDER), body)
    assert (report.broker_order_id, report.status, report.order_id) == ("952502167319", OrderStatus.OPEN, "wb-0001")
    assert from_ns(report.exchange_ns).isoformat() == "2026-01-05T09:16:04+05:30"


def test_an_order_without_a_number_is_asked_for_by_ours() -> None:
    call = CODEC.order(SESSION, msgspec.structs.replace(ORDER, broker_order_id=""))
    assert call is not None
    assert call.request.path == "/v2/orders/external/0123456789ABC"
    with pytest.raises(Rejected):
        answer(call, [])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"orderStatus": "TRANSIT"}, OrderStatus.ACCEPTED),
        ({"orderType": "STOP_LOSS"}, OrderStatus.TRIGGER_PENDING),
        ({"orderType": "STOP_LOSS", "filledQty": 1}, OrderStatus.PARTIALLY_FILLED),
        ({"orderStatus": "PART_TRADED", "filledQty": 1}, OrderStatus.PARTIALLY_FILLED),
        ({"orderStatus": "TRADED", "filledQty": 10, "averageTradedPrice": 801.0}, OrderStatus.COMPLETE),
        ({"orderStatus": "CANCELLED"}, OrderStatus.CANCELLED),
        ({"orderStatus": "REJECTED", "omsErrorDescription": "No funds"}, OrderStatus.REJECTED),
        ({"orderStatus": "EXPIRED"}, OrderStatus.EXPIRED),
        ({"correlationId": "NA", "exchangeTime": "0001-01-01 00:00:00", "legName": None}, OrderStatus.OPEN),
    ],
)
def test_order_states(changes: dict[str, Any], status: OrderStatus) -> None:
    (report,) = answer(CODEC.order_book(SESSION), [ROW | changes])
    assert report.status is status
    assert report.symbol == "3045"
    assert report.order_id == ("" if "correlationId" in changes else "wb-0001")  # NA is nobody's id


@pytest.mark.parametrize("changes", [{"orderStatus": "X"}, {"productType": "X"}, {"quantity": None}, {"filledQty": -1}])
def test_rows_that_do_not_fit(changes: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        answer(CODEC.order_book(SESSION), [ROW | changes])


def test_trades() -> None:
    row = {
        "orderId": "1", "exchangeOrderId": "2", "exchangeTradeId": "200764585", "transactionType": "SELL",
        "exchangeSegment": "NSE_EQ", "productType": "CNC", "orderType": "LIMIT", "tradingSymbol": "DELHIVERY",
        "customSymbol": None, "securityId": "9599", "tradedQuantity": 1, "tradedPrice": 392.0,
        "exchangeTime": "2026-01-05 09:25:05",
    }  # fmt: skip
    (fill,) = answer(CODEC.trade_book(SESSION), [row])
    assert (fill.trade_id, fill.broker_order_id, fill.symbol) == ("200764585", "1", "9599")
    assert (fill.side, fill.quantity, fill.price) == (Side.SELL, 1, 392.0)


def test_positions_holdings_funds() -> None:
    row = {
        "tradingSymbol": "TCS", "securityId": "11536", "positionType": "LONG", "exchangeSegment": "NSE_EQ",
        "productType": "CNC", "buyAvg": 3345.8, "costPrice": 3215.0, "netQty": 40, "realizedProfit": 12.5,
    }  # fmt: skip
    open_one, flat = answer(CODEC.positions(SESSION), [row, row | {"netQty": 0}])
    assert (open_one.quantity, open_one.average_price, open_one.realised_paise) == (40, 3215.0, 1250)
    assert flat.average_price == 0.0
    held = {
        "exchange": "ALL", "tradingSymbol": "NIFTYBEES", "securityId": "10576", "totalQty": 2, "avgCostPrice": 252.05,
    }  # fmt: skip
    (holding,) = answer(CODEC.holdings(SESSION, "A"), [held])
    assert (holding.exchange, holding.symbol, holding.quantity) == (Exchange.NSE, "10576", 2)
    none = {"errorType": "x", "errorCode": "DHOLDING_ERROR", "errorMessage": "No holdings available"}
    assert answer(CODEC.holdings(SESSION, "A"), none) == ()
    funds = answer(
        CODEC.funds(SESSION, "A"),
        {"availabelBalance": 98440.0, "sodLimit": 113642.0, "collateralAmount": 10.0, "utilizedAmount": 15202.0},
    )
    assert (funds.available_paise, funds.used_paise, funds.collateral_paise) == (9844000, 1520200, 1000)


def test_margin_of_one_and_of_several() -> None:
    one = CODEC.margin(SESSION, [(INTENT, SBIN)])
    assert one.request.path == "/v2/margincalculator"
    assert answer(one, {"totalMargin": 2800.0, "leverage": "1X"}) == 280000
    two = CODEC.margin(SESSION, [(INTENT, SBIN), (INTENT, SBIN)])
    assert two.request.path == "/v2/margincalculator/multi"
    assert len(sent(two)["scripList"]) == 2
    assert answer(two, {"total_margin": "150000.00", "currency": "INR"}) == 15000000
    with pytest.raises(DecodeError):
        answer(two, {"span_margin": "1"})


def test_quotes_keep_their_order_and_know_what_is_missing() -> None:
    call = CODEC.quotes(SESSION, [NIFTY, SBIN])
    assert sent(call) == {"dhanClientId": "1100000001", "IDX_I": [13], "NSE_EQ": [3045]}
    row = {
        "average_price": 367.2, "buy_quantity": 1825, "last_price": 368.15, "last_quantity": 75, "oi": 0, "volume": 0,
        "depth": {
            "buy": [{"quantity": 1800, "orders": 1, "price": 77}], "sell": [{"quantity": 25, "orders": 1, "price": 79}],
        },
        "last_trade_time": "05/01/2026 10:21:33", "ohlc": {"open": 0, "close": 368.15, "high": 0, "low": 0},
    }  # fmt: skip
    nifty, sbin = answer(call, {"data": {"NSE_EQ": {"3045": row}}, "status": "success"})
    assert math.isnan(nifty.ltp)
    assert (sbin.symbol, sbin.ltp, sbin.bid, sbin.ask_qty, sbin.volume) == ("SBIN", 368.15, 77.0, 25.0, 0.0)
    assert math.isnan(sbin.open)
    assert from_ns(sbin.time_ns).isoformat() == "2026-01-05T10:21:33+05:30"
    depth = answer(CODEC.depth(SESSION, SBIN), {"data": {"NSE_EQ": {"3045": row}}})
    assert (depth.bids[0].price, depth.bids[0].quantity, depth.bids[0].orders, len(depth.asks)) == (77.0, 1800, 1, 1)
    index = answer(CODEC.depth(SESSION, NIFTY), {"data": {"IDX_I": {"13": row | {"depth": None}}}})
    assert (index.bids, index.asks) == ((), ())


START = 1737570600 * 10**9


def test_history_by_days_and_by_minutes() -> None:
    day = CODEC.history(SESSION, SBIN, "D", START, START + 86400 * 10**9)
    assert sent(day) == {
        "dhanClientId": "1100000001", "securityId": "3045", "exchangeSegment": "NSE_EQ", "instrument": "EQUITY",
        "oi": True, "expiryCode": 0, "fromDate": "2025-01-23", "toDate": "2025-01-24",
    }  # fmt: skip
    sample = (
        b'{"open":[1687.0],"high":[1687.0],"low":[1651.25],"close":[1664.9],"volume":[17454579],'
        b'"timestamp":[1.7375706E9],"open_interest":[]}'
    )
    bars = answer(day, sample)
    assert (bars.start_ns.tolist(), bars.close.tolist(), bars.volume.tolist()) == ([START], [1664.9], [17454579.0])
    minute = CODEC.history(SESSION, SBIN, "5m", START, START + 3600 * 10**9)
    body = sent(minute)
    assert (minute.request.path, body["interval"]) == ("/v2/charts/intraday", "5")
    assert (body["fromDate"], body["toDate"]) == ("2025-01-23 00:00:00", "2025-01-23 00:59:59")
    assert len(answer(CODEC.history(SESSION, SBIN, "D", START + 1, START + 2), sample)) == 0
    with pytest.raises(InputError):
        CODEC.history(SESSION, SBIN, "3m", START, START + 1)
    with pytest.raises(DecodeError):
        answer(day, sample.replace(b"[1687.0]", b"[]", 1))


# GTT ----------------------------------------------------------------------------------------------------------------

LOW, HIGH = GttLeg(1419.0, 1420.0, 5), GttLeg(1500.0, 1499.0, 5)


def gtt(side: Side, *legs: GttLeg) -> GttIntent:
    return GttIntent("G" * 13, "A", Exchange.NSE, "SBIN", side, Product.CNC, legs, 1450.0)


@pytest.mark.parametrize(("side", "stop", "target"), [(Side.SELL, LOW, HIGH), (Side.BUY, HIGH, LOW)])
def test_a_pair_sends_the_stop_first(side: Side, stop: GttLeg, target: GttLeg) -> None:
    body = sent(CODEC.place_gtt(SESSION, gtt(side, LOW, HIGH), SBIN))
    assert (body["orderFlag"], body["triggerPrice"], body["triggerPrice1"]) == (
        "OCO", stop.trigger_price, target.trigger_price,
    )  # fmt: skip


def test_a_single_gtt_lives_and_dies() -> None:
    one = gtt(Side.BUY, LOW)
    place = CODEC.place_gtt(SESSION, one, SBIN)
    assert "price1" not in sent(place)
    assert answer(place, {"orderId": "5132208051112", "orderStatus": "PENDING"}) == "5132208051112"
    assert sent(CODEC.modify_gtt(SESSION, "5", one, SBIN))["legName"] == "ENTRY_LEG"
    assert CODEC.cancel_gtt(SESSION, "5").request.path == "/v2/forever/orders/5"
    with pytest.raises(NotSupported):
        CODEC.modify_gtt(SESSION, "5", gtt(Side.BUY, LOW, HIGH), SBIN)


def test_the_gtt_book_joins_the_legs_of_a_pair() -> None:
    row = {
        "orderId": "7", "orderStatus": "CONFIRM", "transactionType": "SELL", "exchangeSegment": "NSE_EQ",
        "productType": "CNC", "orderType": "OCO", "tradingSymbol": "SBIN", "securityId": "3045", "quantity": 5,
        "price": 1499.0, "triggerPrice": 1500.0, "legName": "TARGET_LEG", "createTime": "2026-01-05 10:00:00",
        "updateTime": None,
    }  # fmt: skip
    rows = [
        row, row | {"price": 0, "triggerPrice": 1419.0, "legName": "STOP_LOSS_LEG", "orderStatus": "CANCELLED"},
        row | {"orderId": "6", "orderStatus": "TRADED"},
    ]  # fmt: skip
    single, pair = answer(CODEC.gtt_book(SESSION), rows)
    assert (single.status, len(single.legs)) == (GttStatus.TRIGGERED, 1)
    assert (pair.status, [leg.trigger_price for leg in pair.legs]) == (GttStatus.ACTIVE, [1419.0, 1500.0])
    assert [leg.price_type for leg in pair.legs] == [PriceType.MARKET, PriceType.LIMIT]


# Errors and login ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"errorType": "Invalid_Authentication", "errorCode": "DH-901", "errorMessage": "x"}, SessionExpired),
        (429, {"errorType": "Input_Exception", "errorCode": "DH-904", "errorMessage": "x"}, Throttled),
        (400, {"errorType": "Input_Exception", "errorCode": "DH-905", "errorMessage": "x"}, Rejected),
        (400, {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "Market is Closed!"}, Rejected),
        (500, {"errorCode": "DH-908", "errorMessage": "x"}, None),
        (200, {"data": {"806": "Data APIs not subscribed"}, "status": "failed"}, Rejected),
        (200, {"data": {"805": "Too many"}, "status": "failed"}, Throttled),
        (200, {"errorCode": 807, "errorMessage": "expired"}, SessionExpired),
        (200, {"data": {"800": "internal"}, "status": "failed"}, BrokerError),
        (500, {"internalErrorCode": "DH-1111", "internalErrorMessage": "No holdings"}, None),
        (200, {"data": {"NSE_EQ": {}}, "status": "success"}, None),
        (200, [ROW], None),
    ],
)
def test_refusals(status: int, body: Any, error: type[LabError] | None) -> None:
    found = CODEC.refusal(HttpResponse(status, (), msgspec.json.encode(body)))
    assert found is None if error is None else type(found) is error


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Bad gateway</html>",
        b'{"timestamp":1737794954581,"status":404,"error":"Not Found","path":"/v2/holdings"}',
    ],
)
def test_a_page_is_no_answer_of_dhan(body: bytes) -> None:
    with pytest.raises(DecodeError):
        CODEC.refusal(HttpResponse(502, (), body[:-1]))
    call = CODEC.holdings(SESSION, "A")
    assert isinstance(judge(HttpResponse(500, (), body), DHAN, safe=True, accepts=call.accepts), BrokerError)


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_no_holdings_are_an_empty_list_whatever_the_status(status: int) -> None:
    call = CODEC.holdings(SESSION, "A")
    for body in (
        b'{"errorType":"x","errorCode":"DHOLDING_ERROR","errorMessage":"No holdings available"}',
        b'{"internalErrorCode":"DH-1111","internalErrorMessage":"No holdings available"}',
    ):
        response = HttpResponse(status, (), body)
        assert judge(response, DHAN, safe=True, accepts=call.accepts) is None
        assert call.decode(response) == ()
    with pytest.raises(DecodeError):
        call.decode(HttpResponse(status, (), b"{}"))


def test_login_with_pin_and_code() -> None:
    flow = CODEC.login({"client_id": "1100000001", "pin": "123456", "totp": "654321"})
    call = next(flow)
    assert (call.request.host, call.request.method) == ("auth", "POST")
    assert call.request.path == "/app/generateAccessToken?dhanClientId=1100000001&pin=123456&totp=654321"
    made = answer(call, {"dhanClientId": "1100000001", "accessToken": "eyJ", "expiryTime": "2026-01-06T08:15:14.000"})
    with pytest.raises(StopIteration) as end:
        flow.send(made)
    session = end.value.value
    assert (session.client, session.token) == ("1100000001", "eyJ")
    assert from_ns(session.expires_ns).isoformat() == "2026-01-06T08:15:14+05:30"


def test_login_with_a_token_of_somebody_else() -> None:
    flow = CODEC.login({"client_id": "1100000001", "access_token": "eyJ"})
    call = next(flow)
    assert call.request.path == "/v2/profile"
    profile = answer(call, {"dhanClientId": "1100003626", "activeSegment": "Equity, Commodity"})
    assert profile.exchanges == (Exchange.NSE, Exchange.BSE, Exchange.MCX)
    with pytest.raises(InputError):
        flow.send(profile)


@pytest.mark.parametrize(
    ("token", "ends"),
    [("a.eyJleHAiOjE3Njc2NDAwMDB9.c", 1767640000 * 10**9), ("no JWT", 0), ("a.b.c", 0), ("a.e30.c", 0)],
)
def test_a_pasted_token_says_itself_when_it_ends(token: str, ends: int) -> None:
    flow = CODEC.login({"client_id": "1100000001", "access_token": token})
    profile = answer(next(flow), {"dhanClientId": "1100000001", "activeSegment": "Equity"})
    with pytest.raises(StopIteration) as end:
        flow.send(profile)
    assert (end.value.value.token, end.value.value.expires_ns) == (token, ends)


@pytest.mark.parametrize(("given", "missing"), [({}, "client_id"), ({"client_id": "1"}, "pin")])
def test_missing_credentials_are_named(given: dict[str, str], missing: str) -> None:
    with pytest.raises(InputError) as error:
        next(CODEC.login(given))
    assert error.value.field == missing


# Instruments --------------------------------------------------------------------------------------------------------

FILE = b"""\
SEM_EXM_EXCH_ID,SEM_SEGMENT,SEM_SMST_SECURITY_ID,SEM_INSTRUMENT_NAME,SEM_EXPIRY_CODE,SEM_TRADING_SYMBOL,SEM_LOT_UNITS,\
SEM_CUSTOM_SYMBOL,SEM_EXPIRY_DATE,SEM_STRIKE_PRICE,SEM_OPTION_TYPE,SEM_TICK_SIZE,SEM_EXPIRY_FLAG,\
SEM_EXCH_INSTRUMENT_TYPE,SEM_SERIES,SM_SYMBOL_NAME
NSE,E,99,EQUITY,0,RELIANCE,1.0,Reliance Industries,,,,10.0000,NA,ES,BL,RELIANCE INDUSTRIES LTD
NSE,E,2885,EQUITY,0,RELIANCE,1.0,Reliance Industries,,,,10.0000,NA,ES,EQ,RELIANCE INDUSTRIES LTD
BSE,E,500325,EQUITY,0,RELIANCE,1.0,Reliance Industries,,,,5.0000,NA,ES,A,RELIANCE INDUSTRIES LTD
NSE,I,13,INDEX,0,NIFTY,1.0,Nifty 50,0001-01-01,,XX,5.0000,NA,INDEX,X,NIFTY
BSE,I,51,INDEX,0,SENSEX,1.0,Sensex,0001-01-01,,XX,1.0000,NA,INDEX,X,SENSEX
NSE,I,38,INDEX,0,NIFTY NEXT 50,1.0,Nifty Next 50,0001-01-01,,XX,5.0000,NA,INDEX,X,NIFTY NEXT 50
NSE,D,58932,FUTSTK,0,RELIANCE-Sep2026-FUT,500.0,RELIANCE 24 SEP FUT,2026-09-24 14:30:00,-0.01000,XX,5.0000,M,FUT,,
NSE,D,58933,FUTSTK,0,BAJAJ-AUTO-Sep2026-FUT,75.0,BAJAJ-AUTO SEP FUT,2026-09-24 14:30:00,-0.01000,XX,5.0000,M,FUT,,
NSE,D,57828,OPTIDX,0,NIFTY-Jan2026-25050-CE,75.0,NIFTY 27 JAN 25050 CALL,2026-01-27 14:30:00,\
25050.00000,CE,5.0000,M,OP,,
MCX,M,426302,FUTCOM,0,CRUDEOIL-19Jan2026-FUT,100.0,CRUDEOIL JAN FUT,2026-01-19 23:30:00,-0.01000,XX,\
100.0000,M,FUTCOM,,CRUDEOIL
NSE,C,1170,FUTCUR,0,USDINR-Jan2026-FUT,1000.0,USDINR 28 JAN FUT,2026-01-28 14:30:00,-0.01000,XX,0.2500,M,FUTCUR,,USDINR
NSE,D,1,OPTIDX,0,BROKEN-Jan2026-0-CE,75.0,BROKEN,2026-01-27 14:30:00,0.0,CE,5.0000,M,OP,,
NSE,Z,2,SPREAD,0,WHATEVER,1.0,What,,,,5.0,NA,ES,X,WHAT
"""


def test_instruments() -> None:
    (call,) = CODEC.instrument_files(SESSION)
    assert (call.request.host, call.request.path) == ("images", "/api-data/api-scrip-master.csv")
    found = {str(i.key): i for i in answer(call, FILE)}
    assert sorted(found) == [
        "BSE:RELIANCE", "BSE_INDEX:SENSEX", "CDS:USDINR28JAN26FUT", "MCX:CRUDEOIL19JAN26FUT",
        "NFO:BAJAJ-AUTO24SEP26FUT", "NFO:NIFTY27JAN2625050CE", "NFO:RELIANCE24SEP26FUT", "NSE:RELIANCE",
        "NSE_INDEX:NIFTY", "NSE_INDEX:NIFTYNXT50",
    ]  # fmt: skip
    share, option = found["NSE:RELIANCE"], found["NFO:NIFTY27JAN2625050CE"]
    assert (share.token, share.broker_symbol, share.broker_token) == (1 << 40 | 2885, "2885", "EQUITY")
    assert (share.tick_size, share.lot_size, share.name) == (0.1, 1, "RELIANCE INDUSTRIES LTD")
    assert (option.token, option.broker_token, option.lot_size) == (2 << 40 | 57828, "OPTIDX", 75)
    assert (option.expiry, option.strike, option.underlying) == (date(2026, 1, 27), 25050.0, "NIFTY")
    assert found["CDS:USDINR28JAN26FUT"].tick_size == 0.0025
    assert found["NSE_INDEX:NIFTY"].token == 13


@given(st.integers(0, len(FILE) - 1), st.binary(max_size=6))
def test_a_damaged_file_gives_fewer_rows_or_a_typed_error(at: int, patch: bytes) -> None:
    (call,) = CODEC.instrument_files(SESSION)
    with contextlib.suppress(DecodeError):
        answer(call, FILE[:at] + patch + FILE[at + len(patch) :])


@settings(max_examples=60)
@given(st.data())
def test_damaged_answers_give_a_value_or_a_typed_error(data: st.DataObject) -> None:
    readers: list[Call[Any]] = [
        CODEC.order_book(SESSION), CODEC.trade_book(SESSION), CODEC.positions(SESSION), CODEC.holdings(SESSION, "A"),
        CODEC.funds(SESSION, "A"), CODEC.margin(SESSION, [(INTENT, SBIN)]), CODEC.quotes(SESSION, [SBIN]),
        CODEC.depth(SESSION, SBIN), CODEC.history(SESSION, SBIN, "D", 0, to_ns(from_ns(START))), CODEC.profile(SESSION),
        CODEC.gtt_book(SESSION),
    ]  # fmt: skip
    junk: st.SearchStrategy[Any] = st.sampled_from([None, "", "NA", "x", -1, 1e300, [], {}, True, 2**70])
    row = {name: data.draw(junk) if data.draw(st.booleans()) else value for name, value in ROW.items()}
    body = data.draw(st.sampled_from([row, [row], {"data": {"NSE_EQ": {"3045": row}}}, {"data": [row]}]))
    for call in readers:
        with contextlib.suppress(LabError):
            answer(call, body)
    CODEC.refusal(HttpResponse(200, (), msgspec.json.encode(body)))
