"""The Firstock codec against the examples of its fact sheet, and a typed error or a value for anything else."""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.firstock import SPEC
from openalgo_lab.broker import Call, FrameContent, HttpResponse, OrderChange, Session
from openalgo_lab.model.errors import (
    BrokerError,
    DecodeError,
    InputError,
    LabError,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.reports import FillReport, OrderReport
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, Mode, PriceType, Product, Side, Validity
from tests.brokers.noren.mutations import mutations

CODEC = SPEC.codec
SESSION = Session("AB1234", "b6339f")
RELIANCE = Instrument(
    "RELIANCE", Exchange.NSE, InstrumentType.EQ, "RELIANCE", 1 << 40 | 2885, 1, 0.1, 1000,
    broker_symbol="RELIANCE-EQ", broker_token="NSE:2885",
)  # fmt: skip
MM = Instrument(
    "M&M", Exchange.NSE, InstrumentType.EQ, "M&M", 1 << 40 | 2031, 1, 0.05,
    broker_symbol="M&M-EQ", broker_token="NSE:2031",
)  # fmt: skip
NIFTY = Instrument(
    "NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "NIFTY 50", 1 << 40 | 26000, 1, 0.05,
    broker_symbol="NIFTY", broker_token="NSE:26000",
)  # fmt: skip
ORDER_ROW = {
    "averagePrice": "0.00", "exchange": "NSE", "fillShares": "", "lotSize": "1", "orderNumber": "26021000000123",
    "orderTime": "1770698730", "price": "1310.50", "priceType": "LMT", "product": "I", "quantity": "10",
    "rejectReason": "", "remarks": "tw000123", "retention": "DAY", "status": "OPEN", "tickSize": "0.10",
    "token": "2885", "tradingSymbol": "RELIANCE-EQ", "transactionType": "B", "triggerPrice": "0.00", "userId": "AB1234",
}  # fmt: skip
TICK = """{"NSE:2885":{"best_buy":[{"price":131040,"quantity":120,"orders":5},
{"price":131035,"quantity":300,"orders":9},
{"price":131030,"quantity":210,"orders":4},{"price":131025,"quantity":95,"orders":2},
{"price":131020,"quantity":640,"orders":11}],
"best_sell":[{"price":131050,"quantity":75,"orders":3},{"price":131055,"quantity":180,"orders":6},
{"price":131060,"quantity":260,"orders":7},{"price":131065,"quantity":410,"orders":12},
{"price":131070,"quantity":55,"orders":1}],
"c_exch_feed_time":"10-Feb-2026 10:15:30","c_exch_seg":"NSE","c_net_change_indicator":"43","c_symbol":"2885",
"i_average_trade_price":130872,"i_buy_depth_size":5,"i_closing_price":130585,"close_price":130585,
"i_feed_time":1770698730,"i_high_price":131590,"i_last_trade_quantity":25,"i_last_trade_time":1770698729,
"i_last_traded_price":131045,"i_low_price":130110,"i_lower_circuit_limit":117530.0,
"i_net_price_change_from_closing_price":460,"i_open_price":130600,"i_seconds_since_boe":1770698730052296028,
"i_sell_depth_size":5,"i_total_buy_quantity":451200,"i_total_open_interest":197996000,
"i_total_sell_quantity":512300,"i_total_tradevalue":409027348800,"i_upper_circuit_limit":143640.0,
"i_usecs":52296028,"i_volume_traded_today":3125400,"i_yearly_high_price":161180.0,"i_yearly_low_price":111485.0}}"""
UPDATE = (
    '{"norenordno":"26021000000123","uid":"AB1234","actid":"AB1234","exch":"NSE","tsym":"RELIANCE-EQ","token":"2885",'
    '"qty":"10","prc":"1310.50","pcode":"I","trantype":"B","prctyp":"LMT","ret":"DAY","status":"ORDER ACK",'
    '"reporttype":"NewAck","rejreason":" ","remarks":"tw000123","dscqty":"0","pp":"2","ti":"0.10","ls":"1","mult":"1",'
    '"prcftr":"1.000000","kidid":"1","tm":"1770698730","ntm":"960322165",'
    '"handlinst":"20f217e1-daf4-4860-bc12-625d4f37d402"}'
)


def answer(data: Any, status: int = 200) -> HttpResponse:
    if isinstance(data, bytes):
        return HttpResponse(status, (), data)
    return HttpResponse(status, (), msgspec.json.encode({"status": "success", "message": "x", "data": data}))


def failed(status: int, name: str, text: str = "no", code: Any = None) -> HttpResponse:
    error = {"field": "f", "message": text}
    body = {"status": "failed", "code": code or str(status), "name": name, "error": error}
    return HttpResponse(status, (), msgspec.json.encode(body))


def asked(call: Call[Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call.request.body)
    assert (found.pop("userId"), found.pop("jKey")) == ("AB1234", "b6339f")
    return found


def an_intent(**how: Any) -> OrderIntent:
    terms: dict[str, Any] = {
        "side": Side.BUY, "quantity": 10, "product": Product.MIS, "price_type": PriceType.LIMIT, "price": 1310.5,
    }  # fmt: skip
    return OrderIntent("TW000123ABCDE", "A", Exchange.NSE, "RELIANCE", **(terms | how))


def an_order() -> Order:
    return Order(
        "TW000123ABCDE", "A", Mode.LIVE, Exchange.NSE, "RELIANCE", Side.BUY, 10, Product.MIS, PriceType.LIMIT, 1310.5,
        0.0, 0, Validity.DAY, "", OrderStatus.OPEN, broker_order_id="26021000000123",
    )  # fmt: skip


# Session ------------------------------------------------------------------------------------------------------------


def test_login_of_the_sheet() -> None:
    flow = CODEC.login({"user_id": "ab1234", "password": "p", "api_key": "k", "totp": "123456"})
    call = next(flow)
    assert json.loads(call.request.body) == {
        "userId": "AB1234", "password": hashlib.sha256(b"p").hexdigest(), "TOTP": "123456",
        "vendorCode": "AB1234_API", "apiKey": "k",
    }  # fmt: skip
    with pytest.raises(StopIteration) as end:
        flow.send(call.decode(answer({"actid": "AB1234", "userName": "DEMO", "susertoken": "b6339f", "email": "e"})))
    assert end.value.value == SESSION


@pytest.mark.parametrize("missing", ["user_id", "password", "api_key"])
def test_a_missing_credential_is_named(missing: str) -> None:
    given_ = {"user_id": "u", "password": "p", "api_key": "k"}
    del given_[missing]
    with pytest.raises(InputError) as error:
        next(CODEC.login(given_))
    assert error.value.field == missing


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failed(401, "INVALID_JKEY"), SessionExpired),
        (failed(401, "UNAUTHORIZED"), SessionExpired),
        (failed(401, "INVALID_CREDENTIALS"), Rejected),
        (failed(403, "FORBIDDEN"), Rejected),
        (failed(400, "BAD_REQUEST", code=400), Rejected),
        (failed(404, "ORDER_NOT_FOUND"), Rejected),
        (failed(429, "RATE_LIMIT_EXCEEDED"), Throttled),
        (HttpResponse(200, (), b"Rate limit exceeded, slow down"), Throttled),
        (HttpResponse(400, (), b'{"status":"failed","message":"plain","error":"text"}'), Rejected),
    ],
)
def test_refusals(reply: HttpResponse, kind: type[LabError]) -> None:
    assert type(CODEC.refusal(reply)) is kind


@pytest.mark.parametrize("reply", [failed(500, "INTERNAL_SERVER_ERROR"), answer([]), failed(400, "X", "No Data found")])
def test_what_states_no_error(reply: HttpResponse) -> None:
    assert CODEC.refusal(reply) is None


# Orders -------------------------------------------------------------------------------------------------------------


def test_place_as_the_sheet_shows_it() -> None:
    call = CODEC.place(SESSION, an_intent(), RELIANCE)
    assert asked(call) == {
        "exchange": "NSE", "tradingSymbol": "RELIANCE-EQ", "quantity": "10", "price": "1310.50", "product": "I",
        "transactionType": "B", "priceType": "LMT", "retention": "DAY", "triggerPrice": "0",
        "remarks": "TW000123ABCDE",
    }  # fmt: skip
    data = {"orderNumber": "26021000000123", "requestTime": "10:15:30 10-02-2026"}
    for reply in (data, [data]):
        assert call.decode(answer(reply)).broker_order_id == "26021000000123"
    with pytest.raises(DecodeError):
        call.decode(answer([data, data]))
    market = asked(CODEC.place(SESSION, an_intent(price_type=PriceType.MARKET), MM))
    assert (market["priceType"], market["price"], market["mkt_protection"]) == ("MKT", "0", "1")
    assert market["tradingSymbol"] == "M%26M-EQ"


def test_what_is_not_sent() -> None:
    with pytest.raises(InputError, match="split it"):
        CODEC.place(SESSION, an_intent(quantity=1001), RELIANCE)
    with pytest.raises(InputError, match="disclosed"):
        CODEC.place(SESSION, an_intent(disclosed_quantity=1), RELIANCE)


def test_a_success_may_be_a_refusal() -> None:
    change = OrderChange(20, PriceType.SL, 1311.0, 1309.0)
    modify, cancel = CODEC.modify(SESSION, an_order(), change, RELIANCE), CODEC.cancel(SESSION, an_order())
    assert asked(modify)["triggerPrice"] == "1309.00"
    for call in (modify, cancel):
        call.decode(answer({"orderNumber": "1", "requestTime": "x", "rejreason": " "}))
        with pytest.raises(Rejected, match="not open"):
            call.decode(answer({"orderNumber": "1", "rejreason": "SAF:order is not open to cancel"}))


def test_books() -> None:
    (row,) = CODEC.order_book(SESSION).decode(answer([ORDER_ROW]))
    assert (row.status, row.order_id, row.symbol, row.quantity) == (OrderStatus.OPEN, "tw000123", "RELIANCE-EQ", 10)
    assert from_ns(row.exchange_ns).strftime("%H:%M:%S") == "10:15:30"
    words = [{**ORDER_ROW, "priceType": "SL-LIMIT", "status": "TRIGGER PENDING"}, {**ORDER_ROW, "priceType": "MARKET"}]
    stop, market = CODEC.order_book(SESSION).decode(answer(words))
    assert (stop.price_type, stop.status) == (PriceType.SL, OrderStatus.TRIGGER_PENDING)
    assert market.price_type is PriceType.MARKET
    for empty in (answer([]), answer(None), failed(400, "X", "no data")):
        assert CODEC.order_book(SESSION).decode(empty) == ()
    trade = {
        **ORDER_ROW, "fillId": "77", "fillPrice": 1310.4, "fillQuantity": "4",
        "exchangeUpdateTime": "10-02-2026 10:15:31",
    }  # fmt: skip
    (fill,) = CODEC.trade_book(SESSION).decode(answer([trade]))
    assert (fill.trade_id, fill.quantity, fill.price) == ("77", 4, 1310.4)


def test_history_of_an_order_takes_the_newest_row() -> None:
    call = CODEC.order(SESSION, an_order())
    assert call is not None
    rows = [
        {**ORDER_ROW, "reportType": "Cancelled", "status": "CANCELED", "exchangeTime": "07-May-2025 09:30:33"},
        {**ORDER_ROW, "reportType": "New Ack", "exchangeTime": "01-Jan-1970 05:30:00"},
    ]
    assert call.decode(answer(rows)).status is OrderStatus.CANCELLED
    with pytest.raises(Rejected):
        call.decode(answer([]))


# The account --------------------------------------------------------------------------------------------------------


def test_positions_holdings_funds_margin_profile() -> None:
    position = {
        "RealizedPNL": "0.00", "cfBuyAmt": "", "dayBuyQuantity": "10", "daySellQuantity": "00", "exchange": "NSE",
        "netAveragePrice": "1310.40", "netQuantity": "10", "product": "I", "tradingSymbol": "RELIANCE-EQ",
    }  # fmt: skip
    (row,) = CODEC.positions(SESSION).decode(answer([position]))
    assert (row.quantity, row.average_price) == (10, 1310.4)
    holding = {
        "exchangeTradingSymbol": [
            {"exchange": "BSE", "tradingSymbol": "IDEA"}, {"exchange": "NSE", "tradingSymbol": "IDEA-EQ"},
        ],
        "holdQuantity": "22", "uploadPrice": "7.26", "BTSTQuantity": "0", "usedQuantity": "3",
        "beneficiaryQuantity": "0",
    }  # fmt: skip
    (held,) = CODEC.holdings(SESSION, "A").decode(answer([holding]))
    assert (held.symbol, held.quantity, held.average_price) == ("IDEA-EQ", 19, 7.26)
    with pytest.raises(DecodeError):
        CODEC.holdings(SESSION, "A").decode(answer([{**holding, "exchangeTradingSymbol": []}]))
    funds = CODEC.funds(SESSION, "A").decode(
        answer({"cash": "7709", "payin": "0", "marginused": "9", "brkcollamt": "1"})
    )
    assert (funds.available_paise, funds.used_paise, funds.collateral_paise) == (770_000, 900, 100)
    leg = (an_intent(), RELIANCE)
    one, two = CODEC.margin(SESSION, [leg]), CODEC.margin(SESSION, [leg, leg])
    assert one.decode(answer({"availableMargin": "459.71", "marginOnNewOrder": "780468"})) == 78_046_800
    assert len(asked(two)["BasketList_Params"]) == 1
    assert two.decode(answer({"BasketMargin": [1.5], "MarginOnNewOrder": 126783.02})) == 12_678_302
    user = {"actid": "AB1234", "exchange": ["NFO", "NSE", "BSE", "BFO"], "userName": "DEMO"}
    profile = CODEC.profile(SESSION).decode(answer(user))
    assert (profile.client, profile.name, len(profile.exchanges)) == ("AB1234", "DEMO", 4)


# Market -------------------------------------------------------------------------------------------------------------

QUOTE = {
    "exchange": "NSE", "tradingSymbol": "RELIANCE-EQ", "lastTradedPrice": "1310.45", "dayOpenPrice": "1306.00",
    "bestBuyPrice1": "1310.40", "bestBuyQuantity1": "120", "bestBuyOrder1": "5", "bestSellPrice1": "1310.50",
    "bestSellQuantity1": "75", "bestSellOrder1": "3", "volume": "3125400", "openInterest": "",
    "requestTime": "10:15:30 10-02-2026",
}  # fmt: skip


def test_quotes_are_matched_by_name() -> None:
    missing, found = CODEC.quotes(SESSION, [NIFTY, RELIANCE]).decode(answer([QUOTE]))
    assert (found.ltp, found.bid, found.ask_qty, found.volume) == (1310.45, 1310.4, 75.0, 3125400.0)
    assert np.isnan(found.oi)
    assert np.isnan(missing.ltp)
    book = CODEC.depth(SESSION, RELIANCE).decode(answer([QUOTE]))
    assert [(x.price, x.quantity, x.orders) for x in book.bids] == [(1310.4, 120, 5)]


def test_closed_days_repeat_and_are_left_out() -> None:
    day = {"time": "00:00:00 06-02-2026", "open": 1, "high": 3, "low": 1, "close": 2, "volume": 9, "oi": 0}
    rows = [
        {**day, "epochTime": 1770316200},
        {**day, "epochTime": 1770402600},
        {**day, "epochTime": 1770575400, "close": 2.5},
    ]
    call = CODEC.history(SESSION, RELIANCE, "D", 1770316200 * 10**9, 1770700000 * 10**9)
    assert list(call.decode(answer(rows)).close) == [2.0, 2.5]
    body = asked(call)
    assert (body["startTime"], body["interval"]) == ("00:00:00 06-02-2026", "1d")
    minutes = CODEC.history(SESSION, RELIANCE, "1m", 0, 2**62)
    assert len(minutes.decode(answer(rows))) == 3
    with pytest.raises(InputError):
        CODEC.history(SESSION, RELIANCE, "7m", 0, 1)


NSE = """Exchange,Token,LotSize,TradingSymbol,CompanyName,ISIN,TickSize,FreezeQty
NSE,2885,1,RELIANCE-EQ,RELIANCE INDUSTRIES LTD,INE002A01018,0.1,2250000
NSE,26000,1,Nifty 50,NIFTY 50,,0,0
"""
NFO = """Exchange,Token,LotSize,Symbol,TradingSymbol,CompanyName,Expiry,Instrument,OptionType,StrikePrice,\
TickSize,FreezeQty
NFO,41024,65,NIFTY,NIFTY17FEB26P25700,NIFTY 17 FEB 25700 PE,17-FEB-2026,OPTIDX,PE,25700,0.05,1755
NFO,35001,65,NIFTY,NIFTY24FEB26F,NIFTY FEB FUT,24-FEB-2026,FUTIDX,XX,0,0.1,1755
"""


def test_instruments() -> None:
    cash, _, dated, _, indices = CODEC.instrument_files(SESSION)
    (share,) = cash.decode(answer(NSE.encode()))
    assert (share.symbol, share.freeze_quantity, share.broker_token) == ("RELIANCE", 2250000, "NSE:2885")
    assert share.token == RELIANCE.token
    put, future = dated.decode(answer(NFO.encode()))
    assert (put.symbol, put.expiry, put.freeze_quantity) == ("NIFTY17FEB2625700PE", date(2026, 2, 17), 1755)
    assert (future.symbol, future.tick_size, future.broker_token) == ("NIFTY24FEB26FUT", 0.1, "NFO:35001")
    rows = [
        {
            "exchange": "NSE",
            "token": "26009",
            "tradingSymbol": "BANKNIFTY",
            "symbol": "BANKNIFTY",
            "idxname": "NIFTY BANK",
        },
        {"exchange": "BSE", "token": "1", "tradingSymbol": "SENSEX", "symbol": "SENSEX", "idxname": "SENSEX"},
    ]
    bank, sensex = indices.decode(answer(rows))
    assert (bank.symbol, bank.exchange, sensex.exchange) == ("BANKNIFTY", Exchange.NSE_INDEX, Exchange.BSE_INDEX)


# Feed ---------------------------------------------------------------------------------------------------------------


def a_feed() -> Any:
    return CODEC.open_feed(SESSION, SPEC.feeds[0])


def test_address_and_greeting() -> None:
    address = CODEC.feed_address(SESSION, SPEC.feeds[0])
    assert not isinstance(address, Call)
    assert parse_qs(urlsplit(address.url_or_path).query) == {
        "userId": ["AB1234"], "jKey": ["b6339f"], "source": ["developer-api"],
    }  # fmt: skip
    feed = a_feed()
    assert feed.received('{"status":"success","message":"Authentication successful"}').ready
    assert isinstance(feed.received('{"status":"failed","message":"unauthenticated"}').refused, SessionExpired)
    refused = feed.received('{"status":"failed","message":"Maximum sessions limit"}').refused
    assert type(refused) is BrokerError
    assert feed.subscribe([RELIANCE, NIFTY], FeedMode.LTP) == ('{"action":"subscribe","tokens":"NSE:2885|NSE:26000"}',)
    assert feed.unsubscribe([RELIANCE]) == ('{"action":"unsubscribe","tokens":"NSE:2885"}',)


def test_tick_of_the_sheet() -> None:
    (batch,) = a_feed().received(TICK).ticks
    assert {k: float(v[0]) for k, v in batch.columns.items()} == {
        "ltp": 1310.45, "open": 1306.0, "high": 1315.9, "low": 1301.1, "prev_close": 1305.85, "average": 1308.72,
        "volume": 3125400.0, "ltq": 25.0, "bid": 1310.4, "bid_qty": 120.0, "ask": 1310.5, "ask_qty": 75.0,
    }  # fmt: skip
    assert list(batch.depth[0, 2]) == [1310.5, 1310.55, 1310.6, 1310.65, 1310.7]
    assert list(batch.time_ns) == [1770698730 * 10**9]


def test_signs_of_unchanged_keep_what_was() -> None:
    feed = a_feed()
    feed.received(TICK)
    changed = {
        "i_last_traded_price": 9223372036854775808, "i_open_price": 0, "i_feed_time": "1770698731",
        "best_buy": [{"price": 0, "quantity": 130}, {"price": 131036, "quantity": 9223372036854775808}],
    }  # fmt: skip
    (batch,) = feed.received(json.dumps({"NSE:2885": changed})).ticks
    assert set(batch.columns) == {"bid", "bid_qty", "ask", "ask_qty"}
    assert (batch.depth[0, 0, 0], batch.depth[0, 1, 0]) == (1310.4, 130.0)
    assert (batch.depth[0, 0, 1], batch.depth[0, 1, 1]) == (1310.36, 300.0)


def test_indices_several_and_the_old_form() -> None:
    feed = a_feed()
    index = {"i_last_traded_price": 2417780, "best_buy": [{}] * 5, "best_sell": [{}] * 5, "i_feed_time": 1770698730}
    frame = {"NSE:26000": index, "NFO:41024": {"i_open_interest": 500, "i_total_open_interest": 9}}
    first, second = feed.received(json.dumps(frame)).ticks
    assert (float(first.columns["ltp"][0]), first.depth) == (24177.8, None)
    assert {k: float(v[0]) for k, v in second.columns.items()} == {"oi": 500.0}
    (old,) = feed.received(json.dumps({"c_exch_seg": "NSE", "c_symbol": "2885", "i_last_traded_price": 131045})).ticks
    assert list(old.tokens) == [RELIANCE.token]


def test_order_updates() -> None:
    feed = a_feed()
    (told,) = feed.received(UPDATE).reports
    assert isinstance(told, OrderReport)
    assert (told.status, told.product, told.order_id) == (OrderStatus.ACCEPTED, Product.MIS, "tw000123")
    done = json.loads(UPDATE) | {
        "status": "COMPLETE", "reporttype": "Fill", "fillshares": "10", "avgprc": "1310.40", "flid": "7",
        "flqty": "10", "flprc": "1310.40", "fltm": "10-02-2026 10:15:31",
    }  # fmt: skip
    state, trade = feed.received(json.dumps(done)).reports
    assert state.status is OrderStatus.COMPLETE
    assert isinstance(trade, FillReport)
    assert (trade.trade_id, trade.price) == ("7", 1310.4)
    assert feed.received('{"brkname":"X","netqty":"1"}') == FrameContent()
    with pytest.raises(DecodeError):
        feed.received(UPDATE.replace("ORDER ACK", "ASLEEP"))


# Anything else ------------------------------------------------------------------------------------------------------


def mutated(raw: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    return bytes(changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])


@given(st.sampled_from([TICK, UPDATE]), st.data())
def test_mutated_frames_give_a_value_or_a_decode_error(frame: str, data: st.DataObject) -> None:
    with contextlib.suppress(DecodeError):
        a_feed().received(mutated(frame.encode(), data))


VALUE = st.one_of(
    st.none(), st.text(max_size=9), st.floats(allow_nan=False), st.integers(-(2**70), 2**70), st.booleans()
)


@given(st.data())
def test_other_values_in_known_fields(data: st.DataObject) -> None:
    fields = json.loads(TICK)["NSE:2885"]
    for key in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        fields[key] = data.draw(VALUE)
    update = json.loads(UPDATE)
    for key in data.draw(st.lists(st.sampled_from(sorted(update)), max_size=4)):
        update[key] = data.draw(VALUE)
    for frame in ({"NSE:2885": fields}, update):
        with contextlib.suppress(DecodeError):
            a_feed().received(json.dumps(frame))


READS: tuple[Call[Any], ...] = (
    CODEC.order_book(SESSION), CODEC.trade_book(SESSION), CODEC.positions(SESSION), CODEC.holdings(SESSION, "A"),
    CODEC.funds(SESSION, "A"), CODEC.profile(SESSION), CODEC.quotes(SESSION, [RELIANCE]),
    CODEC.depth(SESSION, RELIANCE), CODEC.history(SESSION, RELIANCE, "D", 0, 2**62),
    CODEC.place(SESSION, an_intent(), RELIANCE), CODEC.margin(SESSION, [(an_intent(), RELIANCE)]),
    *CODEC.instrument_files(SESSION),
)  # fmt: skip
BODIES = (
    answer([ORDER_ROW]).body, answer([QUOTE]).body, NSE.encode(), NFO.encode(), failed(400, "X").body,
    answer([{"epochTime": 1, "open": 1, "high": 2, "low": 1, "close": 1}]).body, answer({"cash": "1"}).body,
)  # fmt: skip


@given(st.sampled_from(READS), st.sampled_from(BODIES), st.data())
def test_mutated_answers_give_a_value_or_a_typed_error(call: Call[Any], body: bytes, data: st.DataObject) -> None:
    reply = answer(mutated(body, data), data.draw(st.sampled_from([200, 400])))
    with contextlib.suppress(LabError):
        CODEC.refusal(reply)
    with contextlib.suppress(LabError):
        call.decode(reply)


@pytest.mark.parametrize("seconds", [0.5, pytest.param(60.0, marks=pytest.mark.long)])
def test_mutated_frames_for_a_while(seconds: float) -> None:
    assert mutations(a_feed, (TICK, UPDATE), seconds) > 0
