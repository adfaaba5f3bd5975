"""Fyers' REST calls: examples of its manual, failures, the login's token, the symbol masters."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import math
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.fyers import SPEC
from openalgo_lab.broker import Call, HttpResponse, OrderChange, Session
from openalgo_lab.model.errors import (
    DecodeError,
    InputError,
    LabError,
    OutcomeUnknown,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.gtt import GttIntent, GttLeg, GttStatus
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.times import from_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Mode, PriceType, Product, Side, Validity

CODEC = SPEC.codec
SESSION = Session("XY0001", "jwt", {"app_id": "ABCD1234XY-100", "hsm_key": "key"})
SBIN = Instrument(
    "SBIN", Exchange.NSE, InstrumentType.EQ, "SBI", 10100000003045, 1, 0.05, broker_symbol="NSE:SBIN-EQ",
    broker_token="nse_cm|3045",
)  # fmt: skip
MM = msgspec.structs.replace(SBIN, symbol="M&M", broker_symbol="NSE:M&M-EQ")
INTENT = OrderIntent("0123456789ABC", "A", Exchange.NSE, "SBIN", Side.BUY, 1, Product.MIS, PriceType.LIMIT, 606.4)
ORDER = Order(
    "0123456789ABC", "A", Mode.LIVE, Exchange.NSE, "SBIN", Side.BUY, 1, Product.MIS, PriceType.LIMIT, 606.4, 0.0, 0,
    Validity.DAY, "", OrderStatus.OPEN, broker_order_id="25022800012345",
)  # fmt: skip
ROW: dict[str, Any] = msgspec.json.decode(
    b'{"clientId":"XY0001","id":"23030900015105","id_fyers":"c6697c04","exchOrdId":"1100000001089341","qty":1,'
    b'"remainingQuantity":0,"filledQty":1,"discloseQty":0,"limitPrice":6.95,"stopPrice":0,"tradedPrice":6.95,"type":1,'
    b'"fyToken":"101000000014366","exchange":10,"segment":10,"symbol":"NSE:IDEA-EQ","instrument":0,"message":"",'
    b'"offlineOrder":false,"orderDateTime":"09-Mar-2023 09:34:38","orderValidity":"DAY","pan":"","productType":"CNC",'
    b'"side":-1,"status":2,"source":"W","ex_sym":"IDEA","description":"VODAFONE IDEA LIMITED","ch":-0.1,"chp":-1.44,'
    b'"lp":6.85,"slNo":1,"dqQtyRem":0,"orderNumStatus":"23030900015105:2","disclosedQty":0,"orderTag":"1:Ordertag",'
    b'"takeProfit":0,"stopLoss":0}'
)


def answer(call: Call[Any] | None, **own: Any) -> Any:
    assert call is not None
    return call.decode(HttpResponse(200, (), msgspec.json.encode({"s": "ok", "code": 200, "message": "", **own})))


def sent(call: Call[Any]) -> Any:
    return msgspec.json.decode(call.request.body)


def test_place_as_documented() -> None:
    call = CODEC.place(SESSION, INTENT, SBIN)
    assert (call.request.method, call.request.path, call.request.safe) == ("POST", "/api/v3/orders/sync", False)
    assert dict(call.request.headers)["authorization"] == "ABCD1234XY-100:jwt"
    assert sent(call) == {
        "symbol": "NSE:SBIN-EQ", "qty": 1, "type": 1, "side": 1, "productType": "INTRADAY", "limitPrice": 606.4,
        "stopPrice": 0, "validity": "DAY", "disclosedQty": 0, "offlineOrder": False, "stopLoss": 0, "takeProfit": 0,
        "orderTag": "0123456789ABC",
    }  # fmt: skip
    report = answer(call, code=1101, id="25022800012345")
    assert (report.broker_order_id, report.status) == ("25022800012345", OrderStatus.ACCEPTED)


def test_sent_without_an_acknowledgement_is_an_open_outcome() -> None:
    for call in (
        CODEC.place(SESSION, INTENT, SBIN),
        CODEC.modify(SESSION, ORDER, OrderChange(1, PriceType.SL, 607.0, 606.0), SBIN),
        CODEC.cancel(SESSION, ORDER),
    ):
        with pytest.raises(OutcomeUnknown):
            answer(call, code=201, id="25022800012345")
        with pytest.raises(DecodeError):
            answer(call, code=1101)


def test_modify_and_cancel() -> None:
    call = CODEC.modify(SESSION, ORDER, OrderChange(2, PriceType.SL_M, 0.0, 606.0), SBIN)
    assert call.request.method == "PATCH"
    assert sent(call) == {
        "id": "25022800012345", "type": 3, "limitPrice": 0, "stopPrice": 606.0, "qty": 2, "disclosedQty": 0,
    }  # fmt: skip
    end = CODEC.cancel(SESSION, ORDER).request
    assert (end.method, end.path, end.body) == ("DELETE", "/api/v3/orders/25022800012345/sync", b"")


def test_the_documented_order_row() -> None:
    (report,) = answer(CODEC.order_book(SESSION), orderBook=[ROW])
    assert (report.status, report.order_id, report.symbol) == (OrderStatus.COMPLETE, "Ordertag", "NSE:IDEA-EQ")
    assert (report.side, report.average_price, report.filled_quantity) == (Side.SELL, 6.95, 1)
    assert from_ns(report.exchange_ns).isoformat() == "2023-03-09T09:34:38+05:30"
    blanks: tuple[dict[str, Any], ...] = ({}, {"orderBook": None}, {"orderBook": []})
    for empty in blanks:
        assert answer(CODEC.order_book(SESSION), **empty) == ()


def test_one_order_by_either_number() -> None:
    call = CODEC.order(SESSION, ORDER)
    assert call is not None
    assert call.request.path == "/api/v3/orders?id=25022800012345"
    with pytest.raises(Rejected):
        answer(call, orderBook=[])
    tagged = CODEC.order(SESSION, msgspec.structs.replace(ORDER, broker_order_id=""))
    assert tagged is not None
    assert tagged.request.path == "/api/v3/orders?order_tag=1:0123456789ABC"


def test_lots_are_counted_where_fyers_counts_them() -> None:
    crude = msgspec.structs.replace(SBIN, exchange=Exchange.MCX, symbol="CRUDEOIL19MAR25FUT", lot_size=100)
    intent = msgspec.structs.replace(INTENT, quantity=300)
    assert sent(CODEC.place(SESSION, intent, crude))["qty"] == 3
    assert sent(CODEC.modify(SESSION, ORDER, OrderChange(200, PriceType.LIMIT, 1.0, 0.0), crude))["qty"] == 2
    assert sent(CODEC.margin(SESSION, [(intent, crude)]))["data"][0]["qty"] == 3
    assert sent(CODEC.place(SESSION, intent, SBIN))["qty"] == 300
    with pytest.raises(InputError, match="lots of 100"):
        CODEC.place(SESSION, msgspec.structs.replace(INTENT, quantity=150), crude)


def test_the_documented_position() -> None:
    row = {
        "netQty": 1, "qty": 1, "avgPrice": 72256.0, "netAvg": 71856.0, "side": 1, "productType": "MARGIN",
        "realized_profit": 400.0, "unrealized_profit": 461.0, "pl": 861.0, "ltp": 72717.0, "segment": 20,
        "symbol": "MCX:SILVERMIC20AUGFUT", "id": "MCX:SILVERMIC20AUGFUT-MARGIN", "exchange": 11,
    }  # fmt: skip
    (report,) = answer(CODEC.positions(SESSION), netPositions=[row])
    assert (report.exchange, report.product, report.quantity) == (Exchange.MCX, Product.NRML, 1)
    assert (report.average_price, report.realised_paise) == (71856.0, 40000)


def test_quotes_know_what_is_missing_and_encode_their_names() -> None:
    call = CODEC.quotes(SESSION, [SBIN, MM])
    assert call.request.path == "/data/quotes?symbols=NSE%3ASBIN-EQ%2CNSE%3AM%26M-EQ"
    rows = [
        {"n": "NSE:M&M-EQ", "s": "error", "v": {"errmsg": "bad"}},
        {"n": "NSE:SBIN-EQ", "s": "ok", "v": {"lp": 606.4, "bid": 606.4, "ask": 606.45, "open_price": 0, "volume": 0,
                                              "prev_close_price": 620.2, "atp": 608.2, "tt": "1690953622"}},
    ]  # fmt: skip
    sbin, mm = answer(call, d=rows)
    assert (sbin.ltp, sbin.ask, sbin.prev_close, sbin.volume) == (606.4, 606.45, 620.2, 0.0)
    assert math.isnan(sbin.open)
    assert sbin.time_ns == 1690953622 * 10**9
    assert math.isnan(mm.ltp)


def test_days_begin_at_midnight_in_india() -> None:
    start = to_ns(from_ns(1621794600 * 10**9))  # 2021-05-24 00:00 in India
    call = CODEC.history(SESSION, SBIN, "D", start, start + 86400 * 10**9)
    query = parse_qs(urlsplit(call.request.path).query)
    assert (query["range_from"], query["range_to"], query["date_format"]) == (["2021-05-24"], ["2021-05-24"], ["1"])
    bars = answer(call, candles=[[1621814400, 417.0, 419.2, 405.3, 412.05, 142964052]])
    assert bars.start_ns.tolist() == [start]
    assert answer(call, s="no_data", candles=[]).close.tolist() == []
    with pytest.raises(DecodeError):
        answer(call, candles=[[1621814400, 417.0]])
    with pytest.raises(InputError):
        CODEC.history(SESSION, SBIN, "7x", start, start + 1)


def test_open_interest_is_a_seventh_column() -> None:
    start = 1621814400 * 10**9
    call = CODEC.history(SESSION, SBIN, "5m", start, start + 600 * 10**9)
    query = parse_qs(urlsplit(call.request.path).query)
    assert (query["range_from"], query["range_to"], query["resolution"]) == (["1621814400"], ["1621814999"], ["5"])
    bars = answer(call, candles=[[1621814400, 1, 2, 1, 2, 5, 77], [1621814700, 1, 2, 1, 2, 5, 78]])
    assert bars.oi.tolist() == [77, 78]


def test_a_pair_has_its_upper_leg_first() -> None:
    legs = (GttLeg(780.0, 779.5, 7), GttLeg(850.0, 849.5, 7))
    gtt = GttIntent("G" * 13, "A", Exchange.NSE, "SBIN", Side.SELL, Product.CNC, legs, 812.0)
    info = sent(CODEC.place_gtt(SESSION, gtt, SBIN))["orderInfo"]
    assert (info["leg1"]["triggerPrice"], info["leg2"]["triggerPrice"]) == (850.0, 780.0)
    row = {
        "id": "1", "ord_status": 6, "exchange": 10, "segment": 10, "symbol": "NSE:SBIN-EQ", "tran_side": -1,
        "product_type": "CNC", "qty": 7, "qty2": 7, "price_limit": 849.5, "price2_limit": 779.5, "price_trigger": 850,
        "price2_trigger": 780, "gtt_oco_ind": 2, "create_time_epoch": 1767587400,
    }  # fmt: skip
    pair, single = answer(
        CODEC.gtt_book(SESSION), orderBook=[row, row | {"gtt_oco_ind": 1, "ord_status": 2, "price2_trigger": 0}]
    )
    assert (pair.status, pair.legs) == (GttStatus.ACTIVE, legs)
    assert (single.status, single.legs) == (GttStatus.TRIGGERED, legs[1:])


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"s":"error","code":-8,"message":"token expired"}', SessionExpired),
        (200, b'{"s":"error","code":-16,"message":"Could not authenticate the user"}', SessionExpired),
        (400, b'{"s":"error","code":-50,"message":"StopLoss not a multiple of tick size 0.0500"}', Rejected),
        (400, b'{"s":"error","code":-99,"message":"Margin Shortfall","id":"25"}', Rejected),
        (403, b'{"s":"error","code":-403,"message":"permission missing"}', Rejected),
        (500, b'{"s":"error","code":-500,"message":"server"}', None),
        (502, b"<html>Bad gateway</html>", None),
        (200, b'{"s":"ok","code":1101,"message":"","id":"1"}', None),
        (200, b'{"s":"no_data","candles":[]}', None),
    ],
)
def test_refusals(status: int, body: bytes, error: type[LabError] | None) -> None:
    found = CODEC.refusal(HttpResponse(status, (), body))
    assert found is None if error is None else type(found) is error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((("retry-after", "2"), ("x-retry-after-ms", "1500")), 1.5),
        ((("retry-after", "2"),), 2.0),
        ((("retry-after", "soon"),), 1.0),
        ((), 1.0),
        ((("retry-after", "9" * 9),), 300.0),
    ],
)
def test_how_long_to_wait(headers: tuple[tuple[str, str], ...], seconds: float) -> None:
    found = CODEC.refusal(HttpResponse(429, headers, b'{"s":"error","code":-429,"message":"limit"}'))
    assert isinstance(found, Throttled)
    assert found.retry_after_s == seconds


# Login --------------------------------------------------------------------------------------------------------------


def token(**claims: Any) -> str:
    parts = (b'{"alg":"HS256"}', msgspec.json.encode(claims), b"signature")
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def test_the_page_of_the_login() -> None:
    url = CODEC.login_url({"app_id": "ABCD1234XY-100"}, "http://127.0.0.1:8888/callback?x=1", "s t")
    assert url.startswith("https://api-t1.fyers.in/api/v3/generate-authcode?")
    assert parse_qs(urlsplit(url).query) == {
        "client_id": ["ABCD1234XY-100"], "redirect_uri": ["http://127.0.0.1:8888/callback?x=1"],
        "response_type": ["code"], "state": ["s t"],
    }  # fmt: skip


CREDENTIALS = {"app_id": "ABCD1234XY-100", "app_secret": "SECRET", "s": "ok", "code": "200", "auth_code": "eyJ"}


def test_login() -> None:
    flow = CODEC.login(CREDENTIALS)
    call = next(flow)
    assert sent(call) == {
        "grant_type": "authorization_code", "code": "eyJ",
        "appIdHash": hashlib.sha256(b"ABCD1234XY-100:SECRET").hexdigest(),
    }  # fmt: skip
    made = answer(call, access_token=token(fy_id="XY0001", hsm_key="0123", exp=1767640000), refresh_token="r")
    with pytest.raises(StopIteration) as end:
        flow.send(made)
    session = end.value.value
    assert (session.client, session.extra["hsm_key"], session.expires_ns) == ("XY0001", "0123", 1767640000 * 10**9)
    for bad in ("x", "a.b", token(fy_id="XY0001", exp=1), "a.é.c", f"a.{'!' * 9}.c"):
        with pytest.raises(DecodeError):
            answer(call, access_token=bad)


def test_a_refused_login_says_why() -> None:
    with pytest.raises(Rejected, match="too many attempts"):
        next(CODEC.login({**CREDENTIALS, "s": "error", "message": "too many attempts"}))
    with pytest.raises(InputError) as error:
        next(CODEC.login({name: value for name, value in CREDENTIALS.items() if name != "auth_code"}))
    assert error.value.field == "auth_code"


# Instruments --------------------------------------------------------------------------------------------------------


def row_of(**changes: Any) -> dict[str, Any]:
    fields = {
        "fyToken": "10100000003045", "symDetails": "STATE BANK OF INDIA", "symTicker": "NSE:SBIN-EQ", "exchange": 10,
        "segment": 10, "exToken": 3045, "optType": "XX", "underSym": "SBIN", "exInstType": 0, "minLotSize": 1,
        "tickSize": 0.05, "expiryDate": "", "strikePrice": -1.0, "qtyFreeze": "", "qtyMultiplier": 1.0,
    }  # fmt: skip
    return fields | changes


ROWS = [
    row_of(symTicker="NSE:SBIN-BE", fyToken="101000000099"),
    row_of(),
    row_of(symTicker="NSE:NIFTY50-INDEX", fyToken="101000000026000", underSym="NIFTY", exInstType=10),
    row_of(symTicker="NSE:NIFTYMIDLIQ15-INDEX", fyToken="101000000026099", underSym="Nifty Mid Liq 15", exInstType=10),
    row_of(symTicker="BSE:AUTO-INDEX", fyToken="1210000000100", exchange=12, underSym="AUTO", exInstType=10),
    row_of(symTicker="BSE:SBIN-A", fyToken="1210000000500112", exchange=12),
    row_of(symTicker="NSE:NIFTY25MARFUT", fyToken="101125032735000", segment=11, underSym="NIFTY", exInstType=11,
           minLotSize=75, expiryDate="1743069600", qtyFreeze="1800"),
    row_of(symTicker="NSE:NIFTY2531322000CE", fyToken="101125031345000", segment=11, underSym="NIFTY", exInstType=14,
           minLotSize=75, expiryDate="1741860000", strikePrice=22000.0, optType="CE"),
    row_of(symTicker="BSE:SENSEX25MARFUT", fyToken="1211250327874512", exchange=12, segment=11, underSym="SENSEX",
           exInstType=11, minLotSize=20, expiryDate="1743069600", optType=""),
    row_of(symTicker="MCX:CRUDEOIL25MARFUT", fyToken="1120250319426302", exchange=11, segment=20, underSym="CRUDEOIL",
           exInstType=30, expiryDate="1742407200", tickSize=1.0, qtyMultiplier=100.0),
    row_of(symTicker="NSE:GS2030-GB", exInstType=6),
    row_of(symTicker="NSE:BROKEN", exchange="x"),
]  # fmt: skip


def test_instruments() -> None:
    calls = CODEC.instrument_files(SESSION)
    assert next(call.request.path for call in calls) == "/sym_details/NSE_CM_sym_master.json"
    body = msgspec.json.encode({row["symTicker"]: row for row in ROWS})
    found = {str(i.key): i for i in calls[0].decode(HttpResponse(200, (), body))}
    assert sorted(found) == [
        "BFO:SENSEX27MAR25FUT", "BSE:SBIN", "BSE_INDEX:BSEAUTO", "MCX:CRUDEOIL19MAR25FUT", "NFO:NIFTY13MAR2522000CE",
        "NFO:NIFTY27MAR25FUT", "NSE:SBIN", "NSE_INDEX:NIFTY", "NSE_INDEX:NIFTYMIDLIQ15",
    ]  # fmt: skip
    share, index, future = found["NSE:SBIN"], found["NSE_INDEX:NIFTY"], found["NFO:NIFTY27MAR25FUT"]
    assert (share.token, share.broker_symbol, share.broker_token) == (10100000003045, "NSE:SBIN-EQ", "nse_cm|3045")
    assert (index.broker_token, found["NSE_INDEX:NIFTYMIDLIQ15"].broker_token) == (
        "nse_cm|Nifty 50", "nse_cm|NIFTYMIDLIQ15",
    )  # fmt: skip
    assert (future.expiry, future.lot_size, future.freeze_quantity) == (date(2025, 3, 27), 75, 1800)
    assert future.broker_token == "nse_fo|35000"
    assert found["NFO:NIFTY13MAR2522000CE"].strike == 22000.0
    assert found["MCX:CRUDEOIL19MAR25FUT"].lot_size == 100


@given(st.data())
def test_damaged_masters_give_fewer_rows_or_a_typed_error(data: st.DataObject) -> None:
    junk: st.SearchStrategy[Any] = st.sampled_from([None, "", "x", -1, 1e300, [], {}, True, 2**70, "99999999999999"])
    rows = [
        {n: data.draw(junk) if data.draw(st.integers(0, 9)) == 0 else v for n, v in row.items()} for row in ROWS[:3]
    ]
    with contextlib.suppress(DecodeError):
        CODEC.instrument_files(SESSION)[0].decode(
            HttpResponse(200, (), msgspec.json.encode({"a": rows[0], "b": rows[1]}))
        )


@settings(max_examples=60)
@given(st.data())
def test_damaged_answers_give_a_value_or_a_typed_error(data: st.DataObject) -> None:
    readers: list[tuple[str, Call[Any]]] = [
        ("orderBook", CODEC.order_book(SESSION)), ("tradeBook", CODEC.trade_book(SESSION)),
        ("netPositions", CODEC.positions(SESSION)), ("holdings", CODEC.holdings(SESSION, "A")),
        ("fund_limit", CODEC.funds(SESSION, "A")), ("data", CODEC.margin(SESSION, [(INTENT, SBIN)])),
        ("d", CODEC.quotes(SESSION, [SBIN])), ("d", CODEC.depth(SESSION, SBIN)), ("data", CODEC.profile(SESSION)),
        ("candles", CODEC.history(SESSION, SBIN, "D", 0, 10**18)), ("orderBook", CODEC.gtt_book(SESSION)),
    ]  # fmt: skip
    junk: st.SearchStrategy[Any] = st.sampled_from(
        [None, "", "x", -1, 1e300, [], {}, True, 2**70, "31-Feb-2026 10:10:10"]
    )
    row = {name: data.draw(junk) if data.draw(st.booleans()) else value for name, value in ROW.items()}
    found = data.draw(st.sampled_from([row, [row], {"NSE:SBIN-EQ": row}, [list(row.values())[:6]], "null", 3]))
    for name, call in readers:
        with contextlib.suppress(LabError):
            answer(call, **{name: found})
