"""Expired contracts stay findable."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.store.history.contracts import dated_contracts, pick_contracts
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.series import Series, Stored, all_series
from tests.store.history.conftest import MINUTE, walk

SYMBOLS = (
    (Exchange.NFO, "NIFTY27JAN2624000CE"),
    (Exchange.NFO, "NIFTY27JAN2624000PE"),
    (Exchange.NFO, "NIFTY24FEB26FUT"),
    (Exchange.NFO, "M&M27JAN26FUT"),
    (Exchange.CDS, "USDINR28JAN2684.25PE"),
    (Exchange.NSE, "NIFTYBEES"),
    (Exchange.NFO, "my own basket"),
    (Exchange.CRYPTO, "BTCUSDFUT"),
)


def test_contracts_are_found_by_what_they_are(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    bars = walk(np.arange(5, dtype=np.int64) * MINUTE + 1_767_000_000_000_000_000 // MINUTE * MINUTE)
    for exchange, symbol in SYMBOLS:
        lake.append(Series(InstrumentKey(exchange, symbol), Stored.MINUTE), bars, [])
    held = dated_contracts(all_series(lake.root))
    assert {one.series.key.symbol for one in held} == {symbol for _, symbol in SYMBOLS[:5]}
    nifty = pick_contracts(held, " nifty ", kind=InstrumentType.CE, expiry=date(2026, 1, 27), strike=24000)
    assert [one.series.key.symbol for one in nifty] == ["NIFTY27JAN2624000CE"]
    assert nifty[0].has_expired(date(2026, 1, 28))
    assert not nifty[0].has_expired(date(2026, 1, 27))
    assert [one.strike for one in pick_contracts(held, exchange=Exchange.CDS)] == [84.25]
    assert pick_contracts(held, "NIFTY", interval=Stored.DAY) == ()
    assert len(pick_contracts(held)) == 5
