"""Quotes, candles, masters and GTT of the Noren protocol."""

from __future__ import annotations

from datetime import date

import msgspec
import numpy as np
import pytest

from brokers.noren import FLATTRADE, SHOONYA, TRADESMART, ZEBU
from openalgo_lab.model.errors import (
    DecodeError,
    InputError,
    NotSupported,
    Rejected,
)
from openalgo_lab.model.gtt import GttLeg
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from tests.brokers.noren.examples import (
    BFO_FILE,
    CODEC,
    FLATTRADE_FILE,
    MCX_FILE,
    NFO_FILE,
    NSE_FILE,
    QUOTE,
    RELIANCE,
    SESSION,
    a_gtt,
    answer,
    asked,
    read_file,
    zipped,
)


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
