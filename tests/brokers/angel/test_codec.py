"""SmartAPI's REST calls: examples of its manual, failures in every spelling, the instrument file."""

from __future__ import annotations

import contextlib
import math
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.angel import SPEC
from openalgo_lab.broker import Call, HttpResponse, Session
from openalgo_lab.model.errors import (
    DecodeError,
    InputError,
    LabError,
    OutcomeUnknown,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import OrderIntent, OrderStatus
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Side

CODEC = SPEC.codec
SESSION = Session("A123456", "jwt", {"api_key": "key", "feed": "feed", "public_ip": "203.0.113.7"})
SBIN = Instrument(
    "SBIN",
    Exchange.NSE,
    InstrumentType.EQ,
    "SBIN",
    1 << 40 | 3045,
    1,
    0.05,
    broker_symbol="SBIN-EQ",
    broker_token="3045",
)
INTENT = OrderIntent("0123456789ABC", "A", Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS, PriceType.LIMIT, 801.05)
ROW: dict[str, Any] = msgspec.json.decode(
    b'{"variety":"NORMAL","ordertype":"LIMIT","producttype":"INTRADAY","duration":"DAY","price":194.0,"triggerprice":0.0,'
    b'"quantity":"1","disclosedquantity":"0","squareoff":0.0,"stoploss":0.0,"trailingstoploss":0.0,"tradingsymbol":'
    b'"SBIN-EQ","transactiontype":"BUY","exchange":"NSE","symboltoken":"3045","instrumenttype":"","strikeprice":-1.0,'
    b'"optiontype":"","expirydate":"","lotsize":"1","cancelsize":"1","averageprice":0.0,"filledshares":"0",'
    b'"unfilledshares":"1","orderid":"201020000000080","text":"","status":"cancelled","orderstatus":"cancelled",'
    b'"updatetime":"20-Oct-2026 13:10:59","exchtime":"20-Oct-2026 13:10:59","exchorderupdatetime":'
    b'"20-Oct-2026 13:10:59","fillid":"","filltime":"","parentorderid":"","ordertag":"","uniqueorderid":'
    b'"34reqfachdfih","exchangeorderid":"1100000000048358"}'
)
TRADE: dict[str, Any] = msgspec.json.decode(
    b'{"exchange":"NSE","producttype":"DELIVERY","tradingsymbol":"ITC-EQ","instrumenttype":"","symbolgroup":"EQ",'
    b'"strikeprice":"-1","optiontype":"","expirydate":"","marketlot":"1","precision":"2","multiplier":"-1","tradevalue":'
    b'"175.00","transactiontype":"BUY","fillprice":"175.00","fillsize":"1","orderid":"201020000000095","fillid":'
    b'"50005750","filltime":"13:27:53"}'
)


def answer(call: Call[Any], data: Any, *headers: tuple[str, str]) -> Any:
    body = msgspec.json.encode({"status": True, "message": "SUCCESS", "errorcode": "", "data": data})
    return call.decode(HttpResponse(200, headers, body))


def test_place() -> None:
    call = CODEC.place(SESSION, INTENT, SBIN)
    assert call.request.path == "/rest/secure/angelbroking/order/v1/placeOrder"
    assert (call.request.safe, dict(call.request.headers)["x-clientpublicip"]) == (False, "203.0.113.7")
    assert msgspec.json.decode(call.request.body) == {
        "variety": "NORMAL", "tradingsymbol": "SBIN-EQ", "symboltoken": "3045", "transactiontype": "BUY",
        "exchange": "NSE", "ordertype": "LIMIT", "producttype": "INTRADAY", "duration": "DAY", "price": "801.05",
        "triggerprice": "0", "squareoff": "0", "stoploss": "0", "quantity": "10", "disclosedquantity": "0",
        "ordertag": "0123456789ABC",
    }  # fmt: skip
    report = answer(call, {"script": "SBIN-EQ", "orderid": "200910000000111", "uniqueorderid": "05ebf91b"})
    assert (report.broker_order_id, report.status) == ("200910000000111", OrderStatus.ACCEPTED)
    for data in (None, "null", {"script": "SBIN-EQ"}):
        with pytest.raises(DecodeError):
            answer(call, data)


def test_prices_keep_their_digits() -> None:
    dollar = msgspec.structs.replace(INTENT, price=85.1275, price_type=PriceType.SL, trigger_price=85.125)
    body = msgspec.json.decode(CODEC.place(SESSION, dollar, SBIN).request.body)
    assert (body["price"], body["triggerprice"], body["variety"]) == ("85.1275", "85.125", "STOPLOSS")
    dear = msgspec.structs.replace(INTENT, price=141234.55)
    assert msgspec.json.decode(CODEC.place(SESSION, dear, SBIN).request.body)["price"] == "141234.55"


@pytest.mark.parametrize("data", [None, "null", []])
def test_an_empty_book_comes_in_several_forms(data: Any) -> None:
    assert answer(CODEC.order_book(SESSION), data) == ()
    assert answer(CODEC.positions(SESSION), data) == ()


def test_the_documented_order_row() -> None:
    (report,) = answer(CODEC.order_book(SESSION), [ROW])
    assert (report.status, report.price, report.quantity) == (OrderStatus.CANCELLED, 194.0, 1)
    assert from_ns(report.exchange_ns).isoformat() == "2026-10-20T13:10:59+05:30"
    text = {name: str(value) for name, value in ROW.items()} | {"symboltoken": None, "orderstatus": "open"}
    (report,) = answer(CODEC.order_book(SESSION), [text])
    assert (report.status, report.price) == (OrderStatus.OPEN, 194.0)


def test_fills_have_the_date_of_their_answer() -> None:
    # 20:30 in London is the next day in India.
    (fill,) = answer(CODEC.trade_book(SESSION), [TRADE], ("date", "Mon, 05 Jan 2026 20:30:00 GMT"))
    assert from_ns(fill.exchange_ns).isoformat() == "2026-01-06T13:27:53+05:30"
    assert (fill.trade_id, fill.symbol, fill.price, fill.quantity) == ("50005750", "ITC-EQ", 175.0, 1)
    for headers in ((), (("date", "yesterday"),)):
        assert answer(CODEC.trade_book(SESSION), [TRADE], *headers)[0].exchange_ns == 0


def test_the_documented_position_has_a_blank_after_its_sign() -> None:
    row = {
        "exchange": "NSE", "tradingsymbol": "RELIANCE-EQ", "producttype": "DELIVERY", "buyqty": "1", "sellqty": "0",
        "cfbuyqty": "0", "cfsellqty": "0", "totalbuyavgprice": "2235.80", "totalsellavgprice": "0",
        "netvalue": "- 2235.80", "netqty": "1",
    }  # fmt: skip
    (report,) = answer(CODEC.positions(SESSION), [row])
    assert (report.quantity, report.average_price, report.realised_paise) == (1, 2235.8, 0)


def test_funds_as_measured() -> None:
    row = {"net": "100.5", "availablecash": "156700.22", "utilisedpayout": "100", "utiliseddebits": "1697.17"}
    funds = answer(CODEC.funds(SESSION, "A"), row)
    assert (funds.available_paise, funds.used_paise, funds.collateral_paise) == (10050, 169717, 15660022)


def test_the_documented_quote() -> None:
    fetched = {
        "exchange": "NSE", "tradingSymbol": "SBIN-EQ", "symbolToken": "3045", "ltp": 568.2, "open": 567.4,
        "high": 569.35, "low": 566.1, "close": 567.4, "lastTradeQty": 1, "exchFeedTime": "21-Jun-2026 10:46:10",
        "exchTradeTime": "21-Jun-2026 10:46:09", "avgPrice": 567.83, "tradeVolume": 3556150, "opnInterest": 0,
        "depth": {"buy": [{"price": 568.2, "quantity": 511, "orders": 2}],
                  "sell": [{"price": 568.25, "quantity": 3348, "orders": 5}]},
    }  # fmt: skip
    missing = msgspec.structs.replace(SBIN, symbol="OTHER", broker_token="1")
    other, sbin = answer(CODEC.quotes(SESSION, [missing, SBIN]), {"fetched": [fetched], "unfetched": []})
    assert math.isnan(other.ltp)
    assert (sbin.ltp, sbin.prev_close, sbin.volume, sbin.bid, sbin.ask_qty) == (568.2, 567.4, 3556150, 568.2, 3348)
    dead = fetched | {"exchFeedTime": "01-Jan-1970 05:30:00"}
    assert answer(CODEC.quotes(SESSION, [SBIN]), {"fetched": [dead]})[0].time_ns == 0


def test_candles() -> None:
    start = 1767584700 * 10**9  # 2026-01-05 09:15 in India
    call = CODEC.history(SESSION, SBIN, "1m", start, start + 120 * 10**9)
    body = msgspec.json.decode(call.request.body)
    assert (body["interval"], body["fromdate"], body["todate"]) == (
        "ONE_MINUTE",
        "2026-01-05 09:15",
        "2026-01-05 09:16",
    )
    bars = answer(call, [["2026-01-05T09:15:00+05:30", 801.0, 802.5, 800.2, 801.7, 125034]])
    assert (bars.start_ns.tolist(), bars.high.tolist(), bars.volume.tolist()) == ([start], [802.5], [125034.0])
    assert math.isnan(bars.oi[0])
    assert len(answer(call, None)) == 0
    with pytest.raises(DecodeError):
        answer(call, [["2026-01-05T09:15:00+05:30", 801.0]])


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b'{"status":false,"message":"x","errorcode":"AB1013","data":null}', Rejected),
        (200, b'{"status":"false","message":"x","errorcode":"AB1013","data":"null"}', Rejected),
        (200, b'{"success":false,"message":"Invalid Token","errorCode":"AG8001","data":""}', SessionExpired),
        (401, b'{"success":false,"message":"Token Expired","errorCode":"AG8002","data":""}', SessionExpired),
        (200, b'{"status":false,"message":"Client is not login","errorcode":"AB1011","data":null}', SessionExpired),
        (200, b'{"status":false,"message":"Something Went Wrong","errorcode":"AB1004","data":null}', OutcomeUnknown),
        (403, b"Access denied because of exceeding access rate", Throttled),
        (403, b"Forbidden", SessionExpired),
        (401, b"", SessionExpired),
        (502, b"<html>Bad gateway</html>", None),
        (200, b'{"status":true,"message":"SUCCESS","errorcode":"","data":null}', None),
        (200, b'{"success":true,"message":"SUCCESS","errorCode":"","data":{}}', None),
        (200, b'{"status":"true","message":"SUCCESS","errorcode":"","data":{}}', None),
    ],
)
def test_refusals(status: int, body: bytes, error: type[LabError] | None) -> None:
    found = CODEC.refusal(HttpResponse(status, (), body))
    assert found is None if error is None else type(found) is error


def test_login() -> None:
    given_ones = {
        "api_key": "key",
        "client_code": "A123456",
        "pin": "1234",
        "totp": "654321",
        "public_ip": "203.0.113.7",
    }
    flow = CODEC.login(given_ones)
    call = next(flow)
    assert msgspec.json.decode(call.request.body) == {"clientcode": "A123456", "password": "1234", "totp": "654321"}
    assert "authorization" not in dict(call.request.headers)
    with pytest.raises(StopIteration) as end:
        flow.send(answer(call, {"jwtToken": "Bearer jwt", "refreshToken": "r", "feedToken": "f", "state": "live"}))
    session = end.value.value
    assert (session.client, session.token, session.extra["feed"]) == ("A123456", "jwt", "f")
    for name in given_ones:
        with pytest.raises(InputError) as error:
            next(CODEC.login({**given_ones, name: " "}))
        assert error.value.field == name


def test_lists_of_the_profile_may_be_text() -> None:
    call = CODEC.profile(SESSION)
    lists = {
        "clientcode": "A1",
        "name": "X ",
        "exchanges": '[ "NSE", "nse_fo", "MCX" ]',
        "products": '["CNC","DELIVERY"]',
    }
    profile = answer(call, lists)
    assert (profile.exchanges, profile.products) == ((Exchange.NSE, Exchange.NFO, Exchange.MCX), (Product.CNC,))


# Instruments --------------------------------------------------------------------------------------------------------

FILE = b"""[
{"token":"1","symbol":"SBIN-BE","name":"SBIN","expiry":"","strike":"-1.000000","lotsize":"1","instrumenttype":"",
"exch_seg":"NSE","tick_size":"5.000000"},
{"token":"3045","symbol":"SBIN-EQ","name":"SBIN","expiry":"","strike":"-1.000000","lotsize":"1","instrumenttype":"",
"exch_seg":"NSE","tick_size":"5.000000"},
{"token":"500112","symbol":"SBIN","name":"SBIN","expiry":"","strike":"-1.000000","lotsize":"1","instrumenttype":"",
"exch_seg":"BSE","tick_size":"5.000000"},
{"token":"99926000","symbol":"Nifty 50","name":"NIFTY","expiry":"","strike":"0.000000","lotsize":"1",
"instrumenttype":"AMXIDX","exch_seg":"NSE","tick_size":"0.000000"},
{"token":"99919000","symbol":"SENSEX","name":"SENSEX","expiry":"","strike":"0.000000","lotsize":"1",
"instrumenttype":"AMXIDX","exch_seg":"BSE","tick_size":"0.000000"},
{"token":"43210","symbol":"NIFTY28MAR2420800CE","name":"NIFTY","expiry":"28MAR2024","strike":"2080000.000000",
"lotsize":"50","instrumenttype":"OPTIDX","exch_seg":"NFO","tick_size":"5.000000"},
{"token":"35013","symbol":"BANKNIFTY24APR24FUT","name":"BANKNIFTY","expiry":"24APR2024","strike":"-1.000000",
"lotsize":"15","instrumenttype":"FUTIDX","exch_seg":"NFO","tick_size":"5.000000"},
{"token":"874512","symbol":"SENSEX24MARFUT","name":"SENSEX","expiry":"28MAR2024","strike":"0.000000","lotsize":"10",
"instrumenttype":"FUTIDX","exch_seg":"BFO","tick_size":"5.000000"},
{"token":"426302","symbol":"CRUDEOIL18APR24FUT","name":"CRUDEOIL","expiry":"18APR2024","strike":"0.000000",
"lotsize":"100","instrumenttype":"FUTCOM","exch_seg":"MCX","tick_size":"100.000000"},
{"token":"1171","symbol":"USDINR26APR2483.25CE","name":"USDINR","expiry":"26APR2024","strike":"832500000.000000",
"lotsize":"1000","instrumenttype":"OPTCUR","exch_seg":"CDS","tick_size":"0.250000"},
{"token":"7","symbol":"GOLD","name":"GOLD","expiry":"","strike":"0","lotsize":"1","instrumenttype":"COMDTY",
"exch_seg":"MCX","tick_size":"5"}]"""


def test_instruments() -> None:
    (call,) = CODEC.instrument_files(SESSION)
    found = {str(i.key): i for i in call.decode(HttpResponse(200, (), FILE))}
    assert sorted(found) == [
        "BFO:SENSEX28MAR24FUT", "BSE:SBIN", "BSE_INDEX:SENSEX", "CDS:USDINR26APR2483.25CE", "MCX:CRUDEOIL18APR24FUT",
        "NFO:BANKNIFTY24APR24FUT", "NFO:NIFTY28MAR2420800CE", "NSE:SBIN", "NSE_INDEX:NIFTY",
    ]  # fmt: skip
    share, option = found["NSE:SBIN"], found["NFO:NIFTY28MAR2420800CE"]
    assert (share.token, share.broker_symbol, share.broker_token) == (1 << 40 | 3045, "SBIN-EQ", "3045")
    assert (option.strike, option.expiry, option.lot_size, option.tick_size) == (20800.0, date(2024, 3, 28), 50, 0.05)
    assert (found["CDS:USDINR26APR2483.25CE"].strike, found["CDS:USDINR26APR2483.25CE"].tick_size) == (83.25, 0.0025)
    assert found["NSE_INDEX:NIFTY"].token == 1 << 40 | 99926000


@given(st.integers(0, len(FILE) - 1), st.binary(max_size=6))
def test_a_damaged_file_gives_fewer_rows_or_a_typed_error(at: int, patch: bytes) -> None:
    (call,) = CODEC.instrument_files(SESSION)
    with contextlib.suppress(DecodeError):
        call.decode(HttpResponse(200, (), FILE[:at] + patch + FILE[at + len(patch) :]))


@settings(max_examples=60)
@given(st.data())
def test_damaged_answers_give_a_value_or_a_typed_error(data: st.DataObject) -> None:
    readers: list[Call[Any]] = [
        CODEC.order_book(SESSION), CODEC.trade_book(SESSION), CODEC.positions(SESSION), CODEC.holdings(SESSION, "A"),
        CODEC.funds(SESSION, "A"), CODEC.margin(SESSION, [(INTENT, SBIN)]), CODEC.quotes(SESSION, [SBIN]),
        CODEC.depth(SESSION, SBIN), CODEC.history(SESSION, SBIN, "D", 0, 10**18), CODEC.profile(SESSION),
        CODEC.gtt_book(SESSION),
    ]  # fmt: skip
    junk: st.SearchStrategy[Any] = st.sampled_from(
        [None, "", "x", -1, 1e300, [], {}, True, 2**70, "31-Feb-2026 10:10:10"]
    )
    source = data.draw(st.sampled_from([ROW, TRADE]))
    row = {name: data.draw(junk) if data.draw(st.booleans()) else value for name, value in source.items()}
    found = data.draw(st.sampled_from([row, [row], {"fetched": [row]}, [list(row.values())[:6]], "null", 3]))
    for call in readers:
        with contextlib.suppress(LabError):
            answer(call, found, ("date", "Mon, 05 Jan 2026 20:30:00 GMT"))
