"""Kite Connect's codec: the published answers, what goes out, errors, words that nobody knows."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from brokers.zerodha import SPEC
from brokers.zerodha.feed import KiteFeed
from brokers.zerodha.instruments import master
from openalgo_lab.broker import HttpResponse, Lane, OrderChange, Session
from openalgo_lab.broker.outcome import judge
from openalgo_lab.model.errors import (
    BrokerError,
    DecodeError,
    InputError,
    LabError,
    OutcomeUnknown,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.gtt import GttIntent, GttLeg
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import Evidence, OrderReport
from openalgo_lab.model.times import NS_PER_SECOND, from_ns
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, PriceType, Product, Side
from tests.brokers.zerodha.golden import BOOK_ROW, ORDER_TEXT
from tests.conformance.rig import as_order, intent
from tests.conformance.simulators.zerodha_rows import COLUMNS

CODEC = SPEC.codec
SESSION = Session("AB1234", "token", {"api_key": "key"})
SHARE = Instrument("M&M", Exchange.NSE, InstrumentType.EQ, "M&M", 519937, 1, 0.05, broker_symbol="M&M")


def answer(data: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, (), json.dumps({"status": "success", "data": data}).encode())


def form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}


# What goes out ------------------------------------------------------------------------------------------------------


def test_the_login_proves_the_secret_without_sending_it() -> None:
    flow = CODEC.login({"api_key": "key", "api_secret": "secret", "request_token": "code"})
    sent = form(next(flow).request.body)
    assert sent == {
        "api_key": "key", "request_token": "code", "checksum": hashlib.sha256(b"keycodesecret").hexdigest(),
    }  # fmt: skip


def test_the_login_page() -> None:
    url = urlsplit(CODEC.login_url({"api_key": "key"}, "http://127.0.0.1:1/x", "a b"))
    query = parse_qs(url.query)
    assert (url.hostname, query["v"], query["api_key"]) == ("kite.zerodha.com", ["3"], ["key"])
    assert parse_qs(query["redirect_params"][0]) == {"state": ["a b"]}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (PriceType.MARKET, {"order_type": "MARKET", "market_protection": "-1"}),
        (PriceType.LIMIT, {"order_type": "LIMIT", "price": "800.05"}),
        (PriceType.SL, {"order_type": "SL", "price": "800.05", "trigger_price": "799.95"}),
        (PriceType.SL_M, {"order_type": "SL-M", "trigger_price": "799.95", "market_protection": "-1"}),
    ],
)
def test_an_order(kind: PriceType, expected: dict[str, str]) -> None:
    wanted = intent(SHARE, kind)
    request = CODEC.place(SESSION, wanted, SHARE).request
    assert (request.method, request.path, request.lane, request.safe) == ("POST", "/orders/regular", Lane.ORDER, False)
    assert form(request.body) == {
        "exchange": "NSE", "tradingsymbol": "M&M", "transaction_type": "BUY", "product": "MIS", "quantity": "10",
        "validity": "DAY", "disclosed_quantity": "0", "tag": wanted.order_id, **expected,
    }  # fmt: skip
    assert ("Authorization", "token key:token") in request.headers
    assert "token" not in repr(request)


def test_modify_and_cancel_name_the_order() -> None:
    wanted = intent(SHARE)
    accepted = CODEC.place(SESSION, wanted, SHARE).decode(answer({"order_id": "1953341975595868160"}))
    assert (accepted.broker_order_id, accepted.status) == ("1953341975595868160", OrderStatus.ACCEPTED)
    order = as_order(wanted, accepted)
    modify = CODEC.modify(SESSION, order, OrderChange(20, PriceType.MARKET, 0.0, 0.0), SHARE).request
    assert (modify.method, modify.path) == ("PUT", "/orders/regular/1953341975595868160")
    assert form(modify.body) == {
        "quantity": "20", "order_type": "MARKET", "market_protection": "-1", "validity": "DAY",
    }  # fmt: skip
    cancel = CODEC.cancel(SESSION, order).request
    assert (cancel.method, cancel.path, cancel.body) == ("DELETE", "/orders/regular/1953341975595868160", b"")


def test_names_with_signs_are_encoded_in_queries() -> None:
    index = Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "", 256265, 1, 0.05, broker_symbol="NIFTY 50")
    path = CODEC.quotes(SESSION, [SHARE, index]).request.path
    assert path == "/quote?i=NSE%3AM%26M&i=NSE%3ANIFTY%2050"


def test_history_ends_before_its_end() -> None:
    start = 1_767_584_700 * NS_PER_SECOND  # 09:15 in India
    request = CODEC.history(SESSION, SHARE, "5m", start, start + 600 * NS_PER_SECOND).request
    query = parse_qs(urlsplit(request.path).query)
    assert request.path.startswith("/instruments/historical/519937/5minute?")
    assert (query["from"], query["to"]) == (["2026-01-05 09:15:00"], ["2026-01-05 09:24:59"])


def test_a_gtt_is_json_within_a_form() -> None:
    legs = (GttLeg(780.0, 779.5, 7), GttLeg(850.0, 849.5, 7))
    gtt = GttIntent("X", "AB1234", Exchange.NSE, "M&M", Side.SELL, Product.CNC, legs, 812.5)
    sent = form(CODEC.place_gtt(SESSION, gtt, SHARE).request.body)
    assert sent["type"] == "two-leg"
    assert json.loads(sent["condition"])["trigger_values"] == [780.0, 850.0]
    assert [order["price"] for order in json.loads(sent["orders"])] == [779.5, 849.5]
    market = GttIntent(
        "X", "AB1234", Exchange.NSE, "M&M", Side.SELL, Product.CNC, (GttLeg(780.0, 0, 7, PriceType.MARKET),), 812.5
    )
    with pytest.raises(InputError, match="limit orders only"):
        CODEC.place_gtt(SESSION, market, SHARE)


def test_subscriptions_ask_for_the_mode_after_the_tokens() -> None:
    subscribe, mode = KiteFeed().subscribe([SHARE], FeedMode.LTP)
    assert (subscribe, mode) == ('{"a":"subscribe","v":[519937]}', '{"a":"mode","v":["ltp",[519937]]}')
    assert KiteFeed().unsubscribe([SHARE]) == ('{"a":"unsubscribe","v":[519937]}',)


# What comes back ----------------------------------------------------------------------------------------------------


def test_the_published_order() -> None:
    (row,) = CODEC.order_book(SESSION).decode(answer([json.loads(BOOK_ROW)]))
    assert row == OrderReport(
        "1953341975595868160", "", OrderStatus.COMPLETE, Evidence.ORDER_BOOK, Exchange.NSE, "TATASTEEL", Side.BUY,
        Product.CNC, PriceType.LIMIT, 1, 1, 156.7, 159.82, 0.0, "", row.exchange_ns,
    )  # fmt: skip
    assert from_ns(row.exchange_ns).isoformat() == "2026-01-05T11:56:33+05:30"


def test_the_published_order_message() -> None:
    (report,) = KiteFeed().received(ORDER_TEXT).reports
    assert isinstance(report, OrderReport)
    assert (report.broker_order_id, report.status, report.average_price, report.source) == (
        "220303000308932", OrderStatus.COMPLETE, 470, Evidence.STREAM,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ('{"type":"error","data":"Too many tokens"}', "error: Too many tokens"),
        ('{"type":"message","data":"Hello"}', "message: Hello"),
        ('{"type":"instruments_meta","data":{"count":1}}', ""),
    ],
)
def test_other_messages(text: str, notice: str) -> None:
    content = KiteFeed().received(text)
    assert (content.notice, content.reports, content.ticks) == (notice, (), ())


def test_a_partial_fill_is_told_by_its_quantities() -> None:
    row = json.loads(BOOK_ROW) | {"status": "UPDATE", "quantity": 10, "filled_quantity": 4}
    (report,) = CODEC.order_book(SESSION).decode(answer([row]))
    assert report.status is OrderStatus.PARTIALLY_FILLED
    cancelled = row | {"status": "CANCELLED", "pending_quantity": 6}
    assert CODEC.order_book(SESSION).decode(answer([cancelled]))[0].status is OrderStatus.CANCELLED


@pytest.mark.parametrize(
    "change",
    [{"status": "PARTYING"}, {"product": "XX"}, {"exchange": "NYSE"}, {"filled_quantity": 2}, {"quantity": -1}],
)
def test_words_and_numbers_that_nobody_knows(change: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        CODEC.order_book(SESSION).decode(answer([json.loads(BOOK_ROW) | change]))


@pytest.mark.parametrize(
    ("quantity", "coming", "realised", "owned"), [(16, 0, 16, 16), (15, 1, 15, 16), (16, 1, 15, 16)]
)
def test_holdings_count_the_coming_shares_once(quantity: int, coming: int, realised: int, owned: int) -> None:
    row = {"exchange": "BSE", "tradingsymbol": "SBIN", "quantity": quantity, "t1_quantity": coming}
    row |= {"realised_quantity": realised, "average_price": 801.78125, "collateral_quantity": 0}
    (holding,) = CODEC.holdings(SESSION, "A").decode(answer([row]))
    assert (holding.quantity, holding.average_price, holding.exchange) == (owned, 801.78125, Exchange.BSE)


def test_a_segment_that_is_off_adds_nothing() -> None:
    on = {
        "enabled": True, "net": 99725.05, "available": {"collateral": 0},
        "utilised": {"debits": 145706.55, "m2m_realised": 761.7, "m2m_unrealised": 0},
    }  # fmt: skip
    for other in ({"commodity": {"enabled": False}}, {"commodity": None}, {}):
        funds = CODEC.funds(SESSION, "A").decode(answer({"equity": on, **other}))
        assert (funds.available_paise, funds.used_paise, funds.realised_paise) == (9972505, 14570655, 76170)


def test_the_published_instruments() -> None:
    text = f"""{",".join(COLUMNS)}
3813889,14898,CENTRALBK-BE,CENTRAL BANK OF INDIA,0.0,,0.0,0.05,1,EQ,NSE,NSE
265,1,SENSEX,SENSEX,0.0,,0.0,0.0,0,EQ,INDICES,BSE
12073986,47164,BANKNIFTY18JAN23500CE,BANKNIFTY,2528.4,2018-01-25,23500.0,0.05,40,CE,NFO-OPT,NFO
412675,1612,USDINR21JUNFUT,USDINR,0.0,2021-06-28,0.0,0.0025,1,FUT,CDS-FUT,CDS
58424839,228222,GOLDPETAL21JUNFUT,GOLDPETAL,0.0,2021-06-30,0.0,1.0,1,FUT,MCX-FUT,MCX
99,1,ODD NAME,"A, B",0.0,,0.0,0.05,1,EQ,NSE,NSE
"""
    found = {i.symbol: i for i in master(text.encode())}
    assert list(found) == [
        "CENTRALBK-BE", "SENSEX", "BANKNIFTY25JAN1823500CE", "USDINR28JUN21FUT", "GOLDPETAL30JUN21FUT",
    ]  # fmt: skip
    option = found["BANKNIFTY25JAN1823500CE"]
    assert (option.token, option.lot_size, option.strike, option.underlying) == (12073986, 40, 23500.0, "BANKNIFTY")
    assert found["SENSEX"].exchange is Exchange.BSE_INDEX


def error(kind: str, status: int) -> HttpResponse:
    body = {"status": "error", "message": "Because.", "data": None, "error_type": kind}
    return HttpResponse(status, (), json.dumps(body).encode())


@pytest.mark.parametrize(
    ("kind", "status", "read", "order"),
    [
        ("InputException", 400, Rejected, Rejected),
        ("OrderException", 400, Rejected, Rejected),
        ("MarginException", 400, Rejected, Rejected),
        ("HoldingException", 400, Rejected, Rejected),
        ("TokenException", 403, SessionExpired, SessionExpired),
        ("PermissionException", 403, Rejected, Rejected),
        ("NetworkException", 429, Throttled, Throttled),
        ("GeneralException", 500, BrokerError, OutcomeUnknown),
        ("DataException", 502, BrokerError, OutcomeUnknown),
        ("NetworkException", 503, BrokerError, OutcomeUnknown),
        ("DataException", 504, BrokerError, OutcomeUnknown),
    ],
)
def test_errors(kind: str, status: int, read: type[LabError], order: type[LabError]) -> None:
    assert type(judge(error(kind, status), SPEC, safe=True)) is read
    assert type(judge(error(kind, status), SPEC, safe=False)) is order
