"""The Noren codec against the examples of its fact sheet, and a typed error or a value for anything else."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.noren import FLATTRADE, SHOONYA, TRADESMART, ZEBU
from openalgo_lab.broker import BrokerSpec, Call, FeedSession, FrameContent, HttpResponse, OrderChange, Session
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
from openalgo_lab.model.gtt import GttIntent, GttLeg
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.times import IST, from_ns
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, Mode, PriceType, Product, Side, Validity

MEMBERS = (SHOONYA, FLATTRADE, ZEBU, TRADESMART)
SESSION = Session("FA12345", "5f0c")
CODEC = SHOONYA.codec
RELIANCE = Instrument(
    "RELIANCE", Exchange.NSE, InstrumentType.EQ, "RELIANCE", 1 << 40 | 2885, 1, 0.1,
    broker_symbol="RELIANCE-EQ", broker_token="NSE|2885",
)  # fmt: skip
MM = Instrument(
    "M&M",
    Exchange.NSE,
    InstrumentType.EQ,
    "M&M",
    1 << 40 | 2031,
    1,
    0.05,
    broker_symbol="M&M-EQ",
    broker_token="NSE|2031",
)
ORDER_ROW = {
    "stat": "Ok", "norenordno": "26021000000123", "kidid": "1", "uid": "FA12345", "actid": "FA12345", "exch": "NSE",
    "tsym": "RELIANCE-EQ", "qty": "10", "ordenttm": "1770698730", "trantype": "B", "prctyp": "LMT", "ret": "DAY",
    "token": "2885", "mult": "1", "prcftr": "1.000000", "instname": "EQ", "ordersource": "API", "pp": "2", "ls": "1",
    "ti": "0.10", "prc": "1310.50", "trgprc": "0.00", "avgprc": "1310.40", "rprc": "1310.50", "rqty": "10",
    "dscqty": "0", "prd": "I", "s_prdt_ali": "MIS", "status": "COMPLETE", "st_intrn": "COMPLETE", "rpt": "Fill",
    "fillshares": "10", "cancelqty": "0", "rejreason": "", "exchordid": "1100000012345678", "remarks": "tw000123",
    "amo": "No", "norentm": "10:15:30 10-02-2026", "exch_tm": "10-02-2026 10:15:30", "snonum": "", "snoordt": "",
    "bpprc": "", "blprc": "", "trailprc": "",
}  # fmt: skip
TK = (
    '{"t":"tk","e":"NSE","tk":"2885","ts":"RELIANCE-EQ","pp":"2","ls":"1","ti":"0.10","ft":"1770698731","lp":"1310.45",'
    '"pc":"0.35","o":"1306.00","h":"1315.90","l":"1301.10","c":"1305.85","ap":"1308.72","v":"3125400","bp1":"1310.40",'
    '"bq1":"120","sp1":"1310.50","sq1":"75"}'
)
TF = '{"t":"tf","e":"NSE","tk":"2885","ft":"1770698732","lp":"1310.55","pc":"0.36","v":"3125460"}'
DK = (
    '{"t":"dk","e":"NSE","tk":"2885","ts":"RELIANCE-EQ","pp":"2","ls":"1","ti":"0.10","ft":"1770698731","lp":"1310.45",'
    '"pc":"0.35","o":"1306.00","h":"1315.90","l":"1301.10","c":"1305.85","ap":"1308.72","v":"3125400",'
    '"ltt":"10:15:30","ltq":"25","tbq":"451200","tsq":"512300","bp1":"1310.40","bq1":"120","bo1":"5","bp2":"1310.35",'
    '"bq2":"300","bo2":"9","bp3":"1310.30","bq3":"210","bo3":"4","bp4":"1310.25","bq4":"95","bo4":"2","bp5":"1310.20",'
    '"bq5":"640","bo5":"11","sp1":"1310.50","sq1":"75","so1":"3","sp2":"1310.55","sq2":"180","so2":"6",'
    '"sp3":"1310.60","sq3":"260","so3":"7","sp4":"1310.65","sq4":"410","so4":"12","sp5":"1310.70","sq5":"55",'
    '"so5":"1","lc":"1175.30","uc":"1436.40","52h":"1611.80","52l":"1114.85"}'
)
DF = '{"t":"df","e":"NSE","tk":"2885","ft":"1770698732","bq1":"145","sq3":"250"}'
OM = (
    '{"t":"om","norenordno":"26021000000123","uid":"FA12345","actid":"FA12345","exch":"NSE","tsym":"RELIANCE-EQ",'
    '"qty":"10","prc":"1310.50","prd":"I","pcode":"I","status":"COMPLETE","reporttype":"Fill","trantype":"B",'
    '"prctyp":"LMT","ret":"DAY","fillshares":"10","avgprc":"1310.40","fltm":"10-02-2026 10:15:31","flid":"12345",'
    '"flqty":"10","flprc":"1310.40","exchordid":"1100000012345678","cancelqty":"0","remarks":"tw000123",'
    '"dscqty":"0","trgprc":"0.00","rejreason":"","exch_tm":"10-02-2026 10:15:31","tm":"1770698731",'
    '"ntm":"1770698731123","amo":"No","kidid":"1","os":"API","snonum":"","snoordt":"","blprc":"","bpprc":"",'
    '"trailprc":"","sno_fillid":"","rejby":"","dname":"","handlinst":"","ordentm":"","uidc":"","ai":""}'
)
QUOTE = {
    "request_time": "10:15:31 10-02-2026", "stat": "Ok", "exch": "NSE", "tsym": "RELIANCE-EQ", "token": "2885",
    "lp": "1310.45", "c": "1305.85", "h": "1315.90", "l": "1301.10", "o": "1306.00", "ap": "1308.72", "v": "3125400",
    "ltq": "25", "ltt": "10:15:30", "ltd": "10-02-2026", "tbq": "451200", "tsq": "512300", "bp1": "1310.40",
    "bq1": "120", "bo1": "5", "sp1": "1310.50", "sq1": "75", "so1": "3", "So5": "2", "sp5": "1310.70", "sq5": "55",
}  # fmt: skip


def answer(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, (), body if isinstance(body, bytes) else msgspec.json.encode(body))


def asked(call: Call[Any]) -> dict[str, Any]:
    """The jData of a request, read as the order system does: the body is cut at ampersands first."""
    first, *_ = call.request.body.split(b"&")
    assert first.startswith(b"jData=")
    found: dict[str, Any] = msgspec.json.decode(first[6:])
    return found


def an_intent(**how: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "side": Side.BUY,
        "quantity": 10,
        "product": Product.MIS,
        "price_type": PriceType.LIMIT,
        "price": 1310.5,
    }
    return OrderIntent("TW000123ABCDE", "A", Exchange.NSE, "RELIANCE", **(terms | how))


def an_order(**how: Any) -> Order:
    return Order(
        "TW000123ABCDE", "A", Mode.LIVE, Exchange.NSE, "RELIANCE", Side.BUY, 10, Product.MIS, PriceType.LIMIT, 1310.5,
        0.0, 0, Validity.DAY, "", OrderStatus.OPEN, broker_order_id="26021000000123", **how,
    )  # fmt: skip


def a_feed(spec: BrokerSpec = SHOONYA) -> FeedSession:
    return spec.codec.open_feed(SESSION, spec.feeds[0])


def run_login(spec: BrokerSpec, credentials: dict[str, str], reply: Any) -> tuple[Call[Any], Session]:
    flow = spec.codec.login(credentials)
    call = next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send(call.decode(answer(reply)))
    return call, end.value.value


# Login --------------------------------------------------------------------------------------------------------------


def test_oauth_code_becomes_a_session() -> None:
    reply = {
        "stat": "Ok", "request_time": "09:05:11 10-02-2026", "access_token": "5f0c…", "expires_in": "1770762600",
        "refresh_token": "9b1d…", "susertoken": "5f0c…", "USERID": "FA12345", "actid": "FA12345", "exarr": ["NSE"],
    }  # fmt: skip
    given_ = {"client_id": "FA12345_U", "client_secret": "s3cret", "code": "abc"}
    call, session = run_login(SHOONYA, given_, reply)
    assert call.request.path == "/NorenWClientAPI/GenAcsTok"
    assert asked(call) == {"code": "abc", "checksum": hashlib.sha256(b"FA12345_Us3cretabc").hexdigest()}
    assert (session.client, session.token, session.expires_ns) == ("FA12345", "5f0c…", 1770762600 * 10**9)


def test_flattrade_hashes_in_another_order_and_asks_another_host() -> None:
    given_ = {"client_id": "K", "client_secret": "S", "request_code": "C"}
    call, session = run_login(FLATTRADE, given_, {"token": "jk", "client": "FT012345", "status": "Ok", "emsg": ""})
    assert (call.request.host, call.request.path) == ("auth", "/trade/apitoken")
    assert msgspec.json.decode(call.request.body)["api_secret"] == hashlib.sha256(b"KCS").hexdigest()
    assert (session.client, session.token) == ("FT012345", "jk")


def test_tradesmart_page_may_give_the_token_at_once() -> None:
    flow = TRADESMART.codec.login({"access_token": "t", "uid": "U"})
    with pytest.raises(StopIteration) as end:
        next(flow)
    assert end.value.value == Session("U", "t")


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "code"])
def test_a_missing_credential_is_named(missing: str) -> None:
    given_ = {"client_id": "a", "client_secret": "b", "code": "c"}
    del given_[missing]
    with pytest.raises(InputError) as error:
        next(ZEBU.codec.login(given_))
    assert error.value.field == missing


@pytest.mark.parametrize("spec", MEMBERS, ids=lambda spec: spec.key)
def test_login_page_names_the_key(spec: BrokerSpec) -> None:
    url = spec.codec.login_url({"client_id": "A&B"}, "http://127.0.0.1:1/x", "state")
    assert url.startswith("https://")
    assert url.endswith("=A%26B")


# Calls --------------------------------------------------------------------------------------------------------------


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


# Market -------------------------------------------------------------------------------------------------------------


def test_quote_and_depth_of_the_sheet() -> None:
    (found,) = CODEC.quotes(SESSION, [RELIANCE]).decode(answer(QUOTE))
    assert (found.ltp, found.bid, found.ask, found.prev_close, found.volume) == (
        1310.45,
        1310.4,
        1310.5,
        1305.85,
        3125400,
    )
    assert np.isnan(found.oi)
    assert from_ns(found.time_ns).strftime("%H:%M:%S") == "10:15:30"
    book = CODEC.depth(SESSION, RELIANCE).decode(answer(QUOTE))
    assert [(level.price, level.quantity, level.orders) for level in book.bids] == [(1310.4, 120, 5)]
    assert [(level.price, level.orders) for level in book.asks] == [(1310.5, 3), (1310.7, 2)]


def test_minutes_come_newest_first_and_leave_ascending() -> None:
    row = {
        "stat": "Ok", "time": "10-02-2026 10:15:00", "ssboe": "1770698700", "into": "1310.00", "inth": "1311.20",
        "intl": "1309.80", "intc": "1310.45", "intvwap": "1310.31", "intv": "14520", "intoi": "0", "v": "3125400",
        "oi": "0",
    }  # fmt: skip
    older = {**row, "time": "10-02-2026 10:14:00", "intc": "1310.40"}
    del older["ssboe"]
    empty = {**row, "ssboe": "1770698640", "into": "0", "inth": "0", "intl": "0", "intc": "0"}
    start = 1770698640 * 10**9
    call = CODEC.history(SESSION, RELIANCE, "1m", start, start + 120 * 10**9)
    assert asked(call) | {"jKey": ""} == {
        "uid": "FA12345", "exch": "NSE", "token": "2885", "st": "1770698640", "et": "1770698760", "intrv": "1",
        "jKey": "",
    }  # fmt: skip
    assert call.request.body.endswith(b"&jKey=5f0c")
    found = call.decode(answer([row, older, empty]))
    assert list(found.start_ns) == [start, start + 60 * 10**9]
    assert list(found.close) == [1310.40, 1310.45]


def test_days_are_text_in_a_list() -> None:
    text = (
        '{"time":"09-FEB-2026","into":"1301.00","inth":"1309.00","intl":"1299.05","intc":"1305.85",'
        '"ssboe":"1770595200","intv":"8123456.00"}'
    )
    call = CODEC.history(SESSION, RELIANCE, "D", 0, 2**62)
    assert asked(call)["sym"] == "NSE:RELIANCE-EQ"
    found = call.decode(answer([text]))
    assert from_ns(int(found.start_ns[0])).strftime("%d-%m-%Y %H:%M") == "09-02-2026 00:00"
    assert found.volume[0] == 8123456.0
    plain = call.decode(answer([msgspec.json.decode(text)]))
    assert list(plain.start_ns) == list(found.start_ns)


def test_an_interval_that_is_not_there() -> None:
    with pytest.raises(InputError):
        CODEC.history(SESSION, RELIANCE, "7m", 0, 1)


# Instruments --------------------------------------------------------------------------------------------------------

NSE_FILE = """Exchange,Token,LotSize,Symbol,TradingSymbol,Instrument,TickSize,
NSE,2885,1,RELIANCE,RELIANCE-EQ,EQ,10.00,
NSE,26000,1,Nifty 50,NIFTY INDEX,INDEX,0.05,
NSE,26009,1,Nifty Bank,BANKNIFTY INDEX,INDEX,0.05,
NSE,9,1,OLD,OLD-BE,BE,5.00,
NSE,10,1,,BLANK,EQ,5.00,
"""
NFO_FILE = """Exchange,Token,LotSize,Symbol,TradingSymbol,Expiry,Instrument,OptionType,StrikePrice,TickSize,
NFO,41024,65,NIFTY,NIFTY17FEB26P25700,17-FEB-2026,OPTIDX,PE,25700,0.05,
NFO,35001,65,NIFTY,NIFTY24FEB26F,24-FEB-2026,FUTIDX,XX,0,0.10,
"""
BFO_FILE = """Exchange,Token,LotSize,Symbol,TradingSymbol,Expiry,Instrument,OptionType,Strike,TickSize,
BFO,11,20,BSXOPT,SENSEX2621779000CE,17-FEB-2026,OPTIDX,CE,79000,0.05,
BFO,12,20,SX5OPT,SENSEX50FEB2624000PE,26-FEB-2026,OPTIDX,PE,24000,0.05,
BFO,13,20,BSXFUT,SENSEX26FEBFUT,26-FEB-2026,FUTIDX,XX,0,0.05,
"""
MCX_FILE = """Exchange,Token,LotSize,GNGD,Symbol,TradingSymbol,Expiry,Instrument,OptionType,StrikePrice,TickSize,
MCX,447552,100,1,CRUDEOIL,CRUDEOIL19FEB26,19-FEB-2026,FUTCOM,XX,0,1,
"""
FLATTRADE_FILE = """Exchange,Token,Lotsize,Symbol,Tradingsymbol,Instrument,Expiry,Strike,Optiontype
NFO,41024,65,NIFTY,NIFTY17FEB26P25700,OPTIDX,17-FEB-2026,25700,PE
"""


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("symbols.txt", text)
    return buffer.getvalue()


def read_file(spec: BrokerSpec, exchange: str, body: bytes) -> dict[str, Instrument]:
    calls = spec.codec.instrument_files(SESSION)
    call = next(c for c in calls if f"{exchange}_" in c.request.path or f"{exchange}_" in c.request.path.upper())
    return {i.symbol: i for i in call.decode(answer(body))}


def test_cash_file_with_paise_ticks() -> None:
    found = read_file(SHOONYA, "NSE", zipped(NSE_FILE))
    assert set(found) == {"RELIANCE", "NIFTY", "BANKNIFTY", "OLD-BE"}
    share = found["RELIANCE"]
    assert (share.tick_size, share.broker_symbol, share.broker_token) == (0.1, "RELIANCE-EQ", "NSE|2885")
    assert share.token == 1 << 40 | 2885
    assert found["NIFTY"].exchange is Exchange.NSE_INDEX
    assert found["BANKNIFTY"].broker_token == "NSE|26009"
    assert read_file(ZEBU, "NSE", zipped(NSE_FILE))["RELIANCE"].tick_size == 10.0


def test_derivative_files() -> None:
    found = read_file(SHOONYA, "NFO", zipped(NFO_FILE))
    put = found["NIFTY17FEB2625700PE"]
    assert (put.kind, put.strike, put.lot_size, put.expiry) == (InstrumentType.PE, 25700.0, 65, date(2026, 2, 17))
    assert found["NIFTY24FEB26FUT"].tick_size == 0.1
    assert set(read_file(TRADESMART, "BFO", zipped(BFO_FILE))) == {
        "SENSEX17FEB2679000CE", "SENSEX5026FEB2624000PE", "SENSEX26FEB26FUT",
    }  # fmt: skip
    assert read_file(SHOONYA, "MCX", zipped(MCX_FILE))["CRUDEOIL19FEB26FUT"].lot_size == 100
    assert read_file(FLATTRADE, "NFO", FLATTRADE_FILE.encode())["NIFTY17FEB2625700PE"].tick_size == 0.05


def test_bse_indices_stand_in_no_file() -> None:
    text = NSE_FILE.replace("NSE", "BSE")
    assert read_file(SHOONYA, "BSE", zipped(text))["SENSEX"].broker_token == "BSE|1"
    assert "SENSEX" not in read_file(ZEBU, "BSE", zipped(text))


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04nonsense", b"Exchange,Token\n", zipped("nothing"), b"\xff\xfe"])
def test_a_damaged_file_is_said(body: bytes) -> None:
    with pytest.raises(DecodeError):
        CODEC.instrument_files(SESSION)[0].decode(answer(body))


# GTT ----------------------------------------------------------------------------------------------------------------


def a_gtt(*legs: GttLeg, last: float = 1310.0) -> GttIntent:
    return GttIntent("G000000000001", "A", Exchange.NSE, "RELIANCE", Side.SELL, Product.CNC, legs, last)


def test_single_gtt() -> None:
    call = CODEC.place_gtt(SESSION, a_gtt(GttLeg(1350.0, 1349.5, 10)), RELIANCE)
    data = asked(call)
    assert (data["ai_t"], data["d"], data["validity"], data["prc"]) == ("LTP_A_O", "1350.00", "GTT", "1349.50")
    for reply in (
        {"stat": "Oi created", "Al_id": "26021000000045"},
        [{"stat": "OI created", "al_id": "26021000000045"}],
    ):
        assert call.decode(answer(reply)) == "26021000000045"
    with pytest.raises(Rejected):
        call.decode(answer([{"stat": "Not_Ok", "emsg": "Invalid Oi"}]))
    assert asked(CODEC.place_gtt(SESSION, a_gtt(GttLeg(1270.0, 1269.5, 10)), RELIANCE))["ai_t"] == "LTP_B_O"


def test_oco_puts_the_upper_trigger_first() -> None:
    intent = a_gtt(GttLeg(1270.0, 1269.0, 10), GttLeg(1350.0, 1349.0, 10))
    call = CODEC.place_gtt(SESSION, intent, RELIANCE)
    data = asked(call)
    assert call.request.path.endswith("PlaceOCOOrder")
    assert data["oivariable"] == [{"d": "1350.00", "var_name": "x"}, {"d": "1270.00", "var_name": "y"}]
    assert (data["place_order_params"]["prc"], data["place_order_params_leg2"]["prc"]) == ("1349.00", "1269.00")
    row = {"ai_t": "LMT_BOS_O", "al_id": "7", "tsym": "RELIANCE-EQ", "exch": "NSE", "validity": "GTT", **data}
    (report,) = CODEC.gtt_book(SESSION).decode(answer([row]))
    assert report.broker_gtt_id == call.decode(answer({"stat": "Oi created", "Al_id": "7"}))
    gone = CODEC.cancel_gtt(SESSION, report.broker_gtt_id)
    assert (gone.request.path.rpartition("/")[2], asked(gone)["al_id"]) == ("CancelOCOOrder", "7")
    assert [leg.trigger_price for leg in report.legs] == [1270.0, 1350.0]
    assert [leg.price for leg in report.legs] == [1269.0, 1349.0]


def test_gtt_rows_in_capitals() -> None:
    row = {
        "ai_t": "LTP_A_O", "Al_id": "9", "tsym": "RELIANCE-EQ", "exch": "NSE", "Token": "2885", "Remarks": "x",
        "d": "1350",
        "Qty": 10, "Prc": "1349.5", "trantype": "S", "prd": "C", "prctyp": "LMT", "norentm": "10:15:30 10-02-2026",
    }  # fmt: skip
    (report,) = FLATTRADE.codec.gtt_book(SESSION).decode(answer([row]))
    assert (report.broker_gtt_id, report.legs[0].quantity, report.legs[0].trigger_price) == ("9", 10, 1350.0)


def test_tradesmart_has_no_gtt() -> None:
    with pytest.raises(NotSupported):
        TRADESMART.codec.gtt_book(SESSION)
    with pytest.raises(NotSupported):
        TRADESMART.codec.place_gtt(SESSION, a_gtt(GttLeg(1350.0, 1349.5, 10)), RELIANCE)


# Feed ---------------------------------------------------------------------------------------------------------------


def test_login_on_the_socket() -> None:
    feed = a_feed()
    assert [msgspec.json.decode(m) for m in feed.opened()] == [
        {"t": "a", "uid": "FA12345", "actid": "FA12345", "source": "API", "accesstoken": "5f0c"}
    ]
    content = feed.received('{"t":"ak","uid":"FA12345","s":"OK"}')
    assert content.ready
    assert [msgspec.json.decode(m) for m in content.replies] == [{"t": "o", "actid": "FA12345"}]
    assert a_feed(TRADESMART).received('{"t":"ak","s":"Ok"}').replies == ()
    assert isinstance(feed.received('{"t":"ck","s":"Not_Ok"}').refused, SessionExpired)


def test_subscriptions_by_mode() -> None:
    feed = a_feed()
    texts = [*feed.subscribe([RELIANCE, MM], FeedMode.QUOTE), *feed.subscribe([RELIANCE], FeedMode.DEPTH)]
    texts += feed.unsubscribe([RELIANCE, MM])
    assert [msgspec.json.decode(str(m)) for m in texts] == [
        {"t": "t", "k": "NSE|2885#NSE|2031"},
        {"t": "u", "k": "NSE|2885"},
        {"t": "d", "k": "NSE|2885"},
        {"t": "u", "k": "NSE|2031"},
        {"t": "ud", "k": "NSE|2885"},
    ]


def test_touchline_and_its_changes() -> None:
    feed = a_feed()
    (whole,) = feed.received(TK).ticks
    assert list(whole.tokens) == [RELIANCE.token]
    assert list(whole.time_ns) == [1770698731 * 10**9]
    assert {k: v[0] for k, v in whole.columns.items()} == {
        "ltp": 1310.45, "bid": 1310.4, "ask": 1310.5, "open": 1306.0, "high": 1315.9, "low": 1301.1,
        "prev_close": 1305.85, "average": 1308.72, "bid_qty": 120.0, "ask_qty": 75.0, "volume": 3125400.0,
    }  # fmt: skip
    (change,) = feed.received(TF).ticks
    assert {k: v[0] for k, v in change.columns.items()} == {"ltp": 1310.55, "volume": 3125460.0}
    (quiet,) = feed.received('{"t":"tf","e":"NSE","tk":"2885","bp1":"1310.45"}').ticks
    assert "ltp" not in quiet.columns
    assert list(quiet.time_ns) == [1770698732 * 10**9]


def test_depth_and_its_changes() -> None:
    feed = a_feed()
    (whole,) = feed.received(DK).ticks
    assert whole.depth is not None
    assert list(whole.depth[0, 0]) == [1310.4, 1310.35, 1310.3, 1310.25, 1310.2]
    assert list(whole.depth[0, 3]) == [75.0, 180.0, 260.0, 410.0, 55.0]
    (change,) = feed.received(DF).ticks
    assert change.depth is not None
    assert (change.depth[0, 1, 0], change.depth[0, 3, 2], change.depth[0, 0, 0]) == (145.0, 250.0, 1310.4)
    assert whole.depth[0, 1, 0] == 120.0, "what was handed out stays as it was"


def test_at_the_open_is_no_price() -> None:
    (batch,) = a_feed().received('{"t":"dk","e":"NSE","tk":"2885","ft":"1","lp":"0.00","bp1":"42949672.95"}').ticks
    assert np.isnan(batch.columns["bid"][0])
    assert np.isnan(batch.columns["ltp"][0])


def test_order_update_of_the_sheet() -> None:
    state, trade = a_feed().received(OM).reports
    assert state.order_id == trade.order_id == "tw000123"
    assert state.status is OrderStatus.COMPLETE  # type: ignore[union-attr]
    assert (trade.trade_id, trade.quantity, trade.price) == ("12345", 10, 1310.4)  # type: ignore[union-attr]
    (only,) = a_feed().received(OM.replace('"Fill"', '"New"').replace("COMPLETE", "Open")).reports
    assert only.status is OrderStatus.COMPLETE or only.filled_quantity == 10  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["hk", "uk", "udk", "ok", "pk", "pm", "am", "ms"])
def test_what_is_passed_over(kind: str) -> None:
    assert a_feed().received(f'{{"t":"{kind}","hk":"1770698731"}}') == FrameContent()


def test_an_unknown_message_is_said() -> None:
    with pytest.raises(DecodeError, match="unknown message"):
        a_feed().received('{"t":"zz"}')


# Anything else ------------------------------------------------------------------------------------------------------

FRAMES = (TK, TF, DK, DF, OM)


def check_frame(frame: str | bytes) -> None:
    with contextlib.suppress(DecodeError):
        a_feed().received(frame)


@given(st.sampled_from(FRAMES), st.data())
def test_mutated_frames_give_a_value_or_a_decode_error(frame: str, data: st.DataObject) -> None:
    raw = bytearray(frame.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check_frame(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    check_frame(bytes(raw))


VALUE = st.one_of(
    st.none(), st.text(max_size=20), st.floats(), st.integers(), st.booleans(), st.lists(st.integers(), max_size=2)
)


@given(st.sampled_from(FRAMES), st.data())
def test_other_values_in_known_fields(frame: str, data: st.DataObject) -> None:
    fields = msgspec.json.decode(frame)
    for key in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        fields[key] = data.draw(VALUE)
    check_frame(msgspec.json.encode(fields))


BODIES = (
    msgspec.json.encode([ORDER_ROW]),
    msgspec.json.encode(QUOTE),
    msgspec.json.encode({"stat": "Not_Ok", "emsg": "x"}),
    zipped(NFO_FILE),
    FLATTRADE_FILE.encode(),
)
READS: tuple[Call[Any], ...] = (
    CODEC.order_book(SESSION), CODEC.trade_book(SESSION), CODEC.positions(SESSION), CODEC.holdings(SESSION, "A"),
    CODEC.funds(SESSION, "A"), CODEC.profile(SESSION), CODEC.quotes(SESSION, [RELIANCE]),
    CODEC.depth(SESSION, RELIANCE),
    CODEC.history(SESSION, RELIANCE, "1m", 0, 2**62), CODEC.history(SESSION, RELIANCE, "D", 0, 2**62),
    CODEC.gtt_book(SESSION), CODEC.place(SESSION, an_intent(), RELIANCE),
    CODEC.margin(SESSION, [(an_intent(), RELIANCE)]),
    CODEC.place_gtt(SESSION, a_gtt(GttLeg(1350.0, 1349.5, 10)), RELIANCE), *CODEC.instrument_files(SESSION)[:2],
)  # fmt: skip


@given(st.sampled_from(READS), st.sampled_from(BODIES), st.data())
def test_mutated_answers_give_a_value_or_a_typed_error(call: Call[Any], body: bytes, data: st.DataObject) -> None:
    raw = bytearray(body)
    for _ in range(data.draw(st.integers(0, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    reply = answer(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    with contextlib.suppress(LabError):
        CODEC.refusal(reply)
    with contextlib.suppress(LabError):
        call.decode(reply)
    with contextlib.suppress(LabError):
        call.decode(answer(bytes(raw)))


def test_ist_is_what_the_books_mean() -> None:
    (report,) = CODEC.order_book(SESSION).decode(answer([{**ORDER_ROW, "exch_tm": "01-01-1980 00:00:00"}]))
    assert from_ns(report.exchange_ns).astimezone(IST).hour == 10, (
        "a stamp of 1980 is none: the order system's own counts"
    )
