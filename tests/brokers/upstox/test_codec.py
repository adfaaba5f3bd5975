"""Upstox's codec: what goes out, the published answers, errors, words that nobody knows."""

from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from brokers.upstox import SPEC
from brokers.upstox.instruments import master
from openalgo_lab.broker import HttpResponse, Lane, OrderChange, Session
from openalgo_lab.broker.outcome import judge
from openalgo_lab.model.errors import (
    BrokerError,
    DecodeError,
    InputError,
    LabError,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.gtt import GttIntent, GttLeg
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Side
from tests.conformance.rig import as_order, intent

CODEC = SPEC.codec
SESSION = Session("AB1234", "token")
KEY = "NSE_EQ|INE062A01020"
SHARE = Instrument("SBIN", Exchange.NSE, InstrumentType.EQ, "", 1 << 40 | 3045, 1, 0.05, broker_symbol=KEY)
CALL = Instrument("X", Exchange.NFO, InstrumentType.CE, "", 3 << 40 | 50904, 35, 0.05, broker_symbol="NSE_FO|50904")
ROW = {
    "exchange": "NSE", "product": "I", "price": 812.5, "quantity": 1, "status": "open", "guid": None, "tag": "wb-1",
    "instrument_token": KEY, "placed_by": "AB1234", "trading_symbol": "SBIN-EQ", "tradingsymbol": "SBIN-EQ",
    "order_type": "LIMIT", "validity": "DAY", "trigger_price": 0.0, "disclosed_quantity": 0, "transaction_type": "BUY",
    "average_price": 0.0, "filled_quantity": 0, "pending_quantity": 1, "status_message": None,
    "status_message_raw": None, "exchange_order_id": "1100000012345678", "parent_order_id": None,
    "order_id": "250121010502101", "variety": "SIMPLE", "order_timestamp": "2025-01-21 09:20:31",
    "exchange_timestamp": "2025-01-21 09:20:31", "is_amo": False, "order_request_id": "1",
    "order_ref_id": "574412345678901",
}  # fmt: skip


def answer(data: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, (), json.dumps({"status": "success", "data": data}).encode())


# What goes out ------------------------------------------------------------------------------------------------------


def test_the_login() -> None:
    given = {"api_key": "key", "api_secret": "secret", "redirect_uri": "http://127.0.0.1/x", "code": "Fwm4Xa"}
    request = next(CODEC.login(given)).request
    sent = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    assert request.path == "/v2/login/authorization/token"
    assert sent == {
        "client_id": "key", "client_secret": "secret", "redirect_uri": "http://127.0.0.1/x", "code": "Fwm4Xa",
        "grant_type": "authorization_code",
    }  # fmt: skip
    page = urlsplit(CODEC.login_url(given, "http://127.0.0.1/another", "s"))
    assert parse_qs(page.query) == {
        "response_type": ["code"], "client_id": ["key"], "redirect_uri": ["http://127.0.0.1/x"], "state": ["s"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("instrument", "product", "word"),
    [(SHARE, Product.CNC, "D"), (SHARE, Product.MIS, "I"), (CALL, Product.NRML, "D"), (CALL, Product.MIS, "I")],
)
def test_products_go_by_the_exchange(instrument: Instrument, product: Product, word: str) -> None:
    body = json.loads(CODEC.place(SESSION, intent(instrument, product=product), instrument).request.body)
    assert body["product"] == word


@pytest.mark.parametrize(("instrument", "product"), [(SHARE, Product.NRML), (CALL, Product.CNC)])
def test_a_product_that_is_none_there(instrument: Instrument, product: Product) -> None:
    with pytest.raises(InputError):
        CODEC.place(SESSION, intent(instrument, product=product), instrument)


@pytest.mark.parametrize("kind", list(PriceType))
def test_an_order_has_real_numbers(kind: PriceType) -> None:
    wanted = intent(SHARE, kind)
    request = CODEC.place(SESSION, wanted, SHARE).request
    assert (request.host, request.path, request.lane, request.safe) == ("hft", "/v3/order/place", Lane.ORDER, False)
    expected = {
        "quantity": 10, "product": "I", "validity": "DAY", "price": 800.05 if kind.has_price else 0,
        "tag": wanted.order_id, "instrument_token": KEY, "order_type": kind.value, "transaction_type": "BUY",
        "disclosed_quantity": 0, "trigger_price": 799.95 if kind.has_trigger else 0, "is_amo": False, "slice": False,
    }  # fmt: skip
    if not kind.has_price:
        expected["market_protection"] = -1
    assert json.loads(request.body) == expected


def test_modify_and_cancel_name_the_order() -> None:
    wanted = intent(SHARE)
    done = CODEC.place(SESSION, wanted, SHARE).decode(answer({"order_ids": ["250121010502101"]}))
    order = as_order(wanted, done)
    modify = CODEC.modify(SESSION, order, OrderChange(20, PriceType.LIMIT, 801.0, 0.0), SHARE).request
    assert (modify.method, modify.host, modify.path) == ("PUT", "hft", "/v3/order/modify")
    assert json.loads(modify.body)["order_id"] == "250121010502101"
    cancel = CODEC.cancel(SESSION, order).request
    assert (cancel.method, cancel.path, cancel.body) == ("DELETE", "/v3/order/cancel?order_id=250121010502101", b"")


def test_several_ids_for_one_order_are_no_answer() -> None:
    with pytest.raises(DecodeError):
        CODEC.place(SESSION, intent(SHARE), SHARE).decode(answer({"order_ids": ["1", "2"]}))


def test_keys_are_encoded() -> None:
    index = Instrument(
        "NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "", 9, 1, 0.05, broker_symbol="NSE_INDEX|Nifty 50"
    )
    path = CODEC.quotes(SESSION, [SHARE, index]).request.path
    assert path == "/v2/market-quote/quotes?instrument_key=NSE_EQ%7CINE062A01020,NSE_INDEX%7CNifty%2050"


def test_a_gtt_has_one_entry() -> None:
    def wanted(*legs: GttLeg, last: float = 812.5) -> GttIntent:
        return GttIntent("X", "AB1234", Exchange.NSE, "SBIN", Side.SELL, Product.CNC, legs, last)

    body = json.loads(CODEC.place_gtt(SESSION, wanted(GttLeg(780.0, 780.0, 7)), SHARE).request.body)
    assert body["rules"] == [{"strategy": "ENTRY", "trigger_type": "BELOW", "trigger_price": 780.0}]
    assert (body["type"], body["quantity"], body["product"]) == ("SINGLE", 7, "D")
    above = json.loads(CODEC.place_gtt(SESSION, wanted(GttLeg(850.0, 850.0, 7)), SHARE).request.body)
    assert above["rules"][0]["trigger_type"] == "ABOVE"
    with pytest.raises(NotSupported):
        CODEC.place_gtt(SESSION, wanted(GttLeg(780.0, 780.0, 7), GttLeg(850.0, 850.0, 7)), SHARE)
    with pytest.raises(InputError, match="at its trigger price"):
        CODEC.place_gtt(SESSION, wanted(GttLeg(780.0, 779.5, 7)), SHARE)


# What comes back ----------------------------------------------------------------------------------------------------


def test_the_published_order() -> None:
    (row,) = CODEC.order_book(SESSION).decode(answer([ROW]))
    assert (row.broker_order_id, row.order_id, row.symbol) == ("250121010502101", "wb-1", KEY)
    assert (row.status, row.product, row.quantity, row.price) == (OrderStatus.OPEN, Product.MIS, 1, 812.5)
    assert from_ns(row.exchange_ns).isoformat() == "2025-01-21T09:20:31+05:30"
    assert CODEC.order_book(SESSION).decode(answer(None)) == ()


@pytest.mark.parametrize(
    ("exchange", "word", "product"),
    [("NSE", "D", Product.CNC), ("NFO", "D", Product.NRML), ("NSE", "MTF", Product.CNC)],
)
def test_products_come_back_by_the_exchange(exchange: str, word: str, product: Product) -> None:
    (row,) = CODEC.order_book(SESSION).decode(answer([ROW | {"exchange": exchange, "product": word}]))
    assert row.product is product


@pytest.mark.parametrize(
    "change", [{"status": "OPEN"}, {"product": "X"}, {"exchange": "NSE_EQ"}, {"filled_quantity": 2}]
)
def test_words_and_numbers_that_nobody_knows(change: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        CODEC.order_book(SESSION).decode(answer([ROW | change]))


@pytest.mark.parametrize("text", ["03-Aug-2017 15:03:42", "2017-08-03 15:03:42"])
def test_times_of_trades_in_both_forms(text: str) -> None:
    trade = ROW | {"trade_id": "1", "quantity": 1, "average_price": 812.5, "exchange_timestamp": text}
    (fill,) = CODEC.trade_book(SESSION).decode(answer([trade]))
    assert from_ns(fill.exchange_ns).isoformat() == "2017-08-03T15:03:42+05:30"


def test_the_published_instruments() -> None:
    rows = [
        {"segment": "NSE_EQ", "name": "STATE BANK OF INDIA", "exchange": "NSE", "isin": "INE062A01020",
         "instrument_type": "BE", "instrument_key": "NSE_EQ|OTHER", "lot_size": 1, "freeze_quantity": 100000.0,
         "exchange_token": "3046", "tick_size": 5.0, "trading_symbol": "SBIN"},
        {"segment": "NSE_EQ", "name": "STATE BANK OF INDIA", "exchange": "NSE", "isin": "INE062A01020",
         "instrument_type": "EQ", "instrument_key": KEY, "lot_size": 1, "freeze_quantity": 100000.0,
         "exchange_token": "3045", "tick_size": 5.0, "trading_symbol": "SBIN"},
        {"weekly": False, "segment": "NSE_FO", "name": "BANKNIFTY", "exchange": "NSE", "expiry": 1767119399000,
         "instrument_type": "CE", "underlying_symbol": "BANKNIFTY", "instrument_key": "NSE_FO|50904", "lot_size": 35,
         "freeze_quantity": 875.0, "exchange_token": "50904", "tick_size": 5.0,
         "trading_symbol": "BANKNIFTY 51200 CE 30 DEC 25", "strike_price": 51200.0},
        {"segment": "NSE_INDEX", "name": "Nifty Bank", "exchange": "NSE", "instrument_type": "INDEX",
         "instrument_key": "NSE_INDEX|Nifty Bank", "exchange_token": "26009", "trading_symbol": "NIFTY BANK"},
        {"segment": "BSE_INDEX", "name": "AUTO", "exchange": "BSE", "instrument_type": "INDEX",
         "instrument_key": "BSE_INDEX|AUTO", "exchange_token": "42", "trading_symbol": "AUTO"},
        {"segment": "GLOBAL_INDEX", "instrument_key": "GLOBAL_INDEX|SGX", "exchange_token": "1"},
    ]  # fmt: skip
    found = {i.symbol: i for i in master(gzip.compress(json.dumps(rows).encode()))}
    assert list(found) == ["SBIN", "BANKNIFTY30DEC2551200CE", "BANKNIFTY", "BSEAUTO"]
    share, option = found["SBIN"], found["BANKNIFTY30DEC2551200CE"]
    assert (share.broker_symbol, share.tick_size, share.freeze_quantity) == (KEY, 0.05, 100_000)
    assert (option.lot_size, option.freeze_quantity, option.strike) == (35, 875, 51200.0)
    assert str(option.expiry) == "2025-12-30"
    assert found["BANKNIFTY"].exchange is Exchange.NSE_INDEX


def error(code: str, status: int) -> HttpResponse:
    body = {"status": "error", "errors": [{"errorCode": code, "message": "Because.", "error_code": code}]}
    return HttpResponse(status, (), json.dumps(body).encode())


@pytest.mark.parametrize(
    ("code", "status", "read", "order"),
    [
        ("UDAPI100050", 401, SessionExpired, SessionExpired),
        ("UDAPI100016", 401, Rejected, Rejected),
        ("UDAPI1154", 403, Rejected, Rejected),
        ("UDAPI10005", 429, Throttled, Throttled),
        ("UDAPI100072", 423, Rejected, Rejected),
        ("UDAPI100040", 400, Rejected, Rejected),
        ("UDAPI1158", 400, Rejected, Rejected),
        ("UDAPI100500", 500, BrokerError, OutcomeUnknown),
        ("", 503, BrokerError, OutcomeUnknown),
    ],
)
def test_errors(code: str, status: int, read: type[LabError], order: type[LabError]) -> None:
    assert type(judge(error(code, status), SPEC, safe=True)) is read
    assert type(judge(error(code, status), SPEC, safe=False)) is order
