"""Quotes, candles and masters of XTS."""

from __future__ import annotations

import json
from datetime import date
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from openalgo_lab.model.errors import (
    InputError,
)
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from tests.brokers.xts.examples import (
    ASKS,
    BIDS,
    CODEC,
    FUTURE,
    M1501,
    M1502,
    RELIANCE,
    ROWS,
    SEEN,
    SESSION,
    TOUCHLINE,
    WHEN,
    answer,
)


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
