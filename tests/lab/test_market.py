"""Quotes, depth, candles, instruments and the option chain through the facade."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.chain import SIDE_FIELDS
from openalgo_lab.model.errors import InputError, LabError, NotSupported
from openalgo_lab.model.vocabulary import InstrumentType
from tests.support.waiting import eventually


def test_quote_follows_the_market(lab: Lab) -> None:
    quote = lab.quote("NIFTY", "NSE_INDEX")
    first = quote.now
    assert first.ltp > 0
    eventually(lambda: quote.now.time_ns > first.time_ns)
    assert quote.low <= quote.ltp <= quote.high
    assert quote.change == pytest.approx(quote.ltp - quote.prev_close, abs=5)
    assert quote.time is not None
    assert str(quote.time.tzinfo) == "Asia/Kolkata"
    assert "NSE_INDEX:NIFTY" in repr(quote)
    assert "<table" in quote._repr_html_()


def test_quote_that_is_dropped_is_no_longer_wanted(lab: Lab) -> None:
    handle = lab.handle
    quote = lab.quote("TATAMOTORS" if lab.search("TATAMOTORS") else "MARUTI")
    key = quote.key
    engine = handle._side._engine  # type: ignore[union-attr]  # the test looks behind the curtain
    eventually(lambda: key in engine.data.wanted)
    del quote
    gc.collect()
    eventually(lambda: key not in engine.data.wanted)


def test_several_quotes_at_once(lab: Lab) -> None:
    quotes = lab.quotes(["SBIN", "NSE:INFY", ("NIFTY", "NSE_INDEX")])
    assert len(quotes) == 3
    assert quotes["INFY"] is quotes[1]
    assert [quote.key.symbol for quote in quotes] == ["SBIN", "INFY", "NIFTY"]
    frame = quotes.frame
    assert list(frame.index) == ["SBIN", "INFY", "NIFTY"]
    assert (frame["ltp"] > 0).all()
    assert str(frame["time"].dt.tz) == "Asia/Kolkata"
    with pytest.raises(KeyError):
        quotes["TCS"]


def test_a_book_beyond_five_levels_is_the_brokers_or_not_there(lab: Lab) -> None:
    assert len(lab.book_of("SBIN", levels=5).bids) == 5
    with pytest.raises(NotSupported, match="no more than 5 levels of NSE:SBIN"):
        lab.book_of("SBIN")


def test_depth_is_a_ladder(lab: Lab) -> None:
    depth = lab.depth_of("SBIN")
    bids, asks = [level.price for level in depth.bids], [level.price for level in depth.asks]
    assert len(bids) == len(asks) == 5
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert list(depth.frame.columns) == ["bid_qty", "bid", "ask", "ask_qty"]
    first = depth.now.time_ns
    eventually(lambda: depth.now.time_ns > first)


def test_history_is_a_frame_in_indian_time(lab: Lab) -> None:
    bars = lab.history("SBIN", "5m", "2026-08-18", "2026-08-19")
    assert list(bars.columns) == ["open", "high", "low", "close", "volume", "oi"]
    assert bars.index.name == "time"
    assert str(bars.index.tz) == "Asia/Kolkata"  # type: ignore[attr-defined]
    assert bars.index.is_monotonic_increasing
    assert bars.index.is_unique
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert {stamp.date().isoformat() for stamp in bars.index} == {"2026-08-18", "2026-08-19"}
    assert bars.attrs["gaps"] == []


def test_history_up_to_now_ends_at_the_live_price(lab: Lab) -> None:
    quote = lab.quote("SBIN")
    bars = asyncio.run(lab.history_async("SBIN", "1m", lab.handle.instruments.dated))
    assert bars["close"].iloc[-1] == pytest.approx(quote.ltp, rel=0.01)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda lab: lab.history("SBIN", "7x", "2026-08-18"), "interval"),
        (lambda lab: lab.history("SBIN", "5m", "2026-08-18", "2026-08-01"), "swap them"),
        (lambda lab: lab.history("SBIN", "5m", "last week"), "write '2026-01-31'"),
        (lambda lab: lab.quotes("SBIN"), "Give a list"),
        (lambda lab: lab.quote("NOSUCHTHING"), "not listed"),
        (lambda lab: lab.expiries("NOSUCH"), "try one of"),
        (lambda lab: lab.option_chain("NOSUCH"), "No options are listed"),
        (lambda lab: lab.option_chain("NIFTY", "01JAN30"), "choose one of"),
        (lambda lab: lab.replay.pause(), "replay"),
        (lambda lab: lab.replay.now, "no replay"),
    ],
)
def test_bad_input_says_what_to_do(lab: Lab, wrong: Callable[[Lab], object], sentence: str) -> None:
    with pytest.raises(LabError, match=sentence) as raised:
        wrong(lab)
    assert "\n" not in str(raised.value)


def test_search_and_instrument(lab: Lab) -> None:
    found = lab.search("bank fut")
    assert found[0].kind is InstrumentType.FUT
    assert lab.instrument(found[0]) == found[0]
    assert found.frame.index[0] == found[0].symbol
    assert found[0].symbol in repr(found)
    assert lab.expiries("NIFTY") == sorted(lab.expiries("nifty"))
    assert lab.expiries("NIFTY", "FUT")


def test_chain_is_live_and_whole(lab: Lab) -> None:
    chain = lab.option_chain("NIFTY")
    assert chain.expiry == chain.expiries[0]
    columns = chain.columns()
    assert set(columns) == {"strike", *(f"{side}_{name}" for side in ("call", "put") for name in SIDE_FIELDS)}
    assert {len(values) for values in columns.values()} == {len(chain.strikes)}
    near = np.abs(chain.strikes - chain.spot) < 0.02 * chain.spot
    assert np.isfinite(columns["call_iv"][near]).all()
    assert ((columns["call_delta"][near] > 0) & (columns["call_delta"][near] < 1)).all()
    assert (columns["put_delta"][near] < 0).all()
    assert abs(chain.atm - chain.spot) <= abs(chain.strikes - chain.spot).min() + 50
    assert chain.forward == pytest.approx(chain.spot, rel=0.02)
    assert chain.pcr > 0
    assert chain.max_pain in chain.strikes
    assert chain.straddle > 0
    assert 1 < chain.atm_iv < 100
    before = chain.now.engine_ns
    eventually(lambda: chain.now.engine_ns > before)


def test_chain_as_frame_and_text(lab: Lab) -> None:
    chain = lab.option_chain("NSE_INDEX:NIFTY", lab.expiries("NIFTY")[1])
    frame = chain.frame
    assert frame.index.name == "strike"
    assert frame.attrs["underlying"] == "NIFTY"
    assert frame.attrs["expiry"] == chain.expiry.isoformat()
    assert "◂" in repr(chain)
    assert chain._repr_html_().count("<tr>") == 18
    assert set(chain._repr_mimebundle_()) == {"text/plain", "text/html"}  # no kernel, no widget


def test_option_of_a_strike(lab: Lab) -> None:
    chain = lab.option_chain("NIFTY")
    call = chain.option(chain.atm, "ce")
    assert (call.strike, call.kind, call.lot_size) == (chain.atm, InstrumentType.CE, chain.lot_size)
    with pytest.raises(InputError, match="the nearest are"):
        chain.option(chain.atm + 1, "CE")
    with pytest.raises(InputError, match="use one of CE, PE"):
        chain.option(chain.atm, "XX")
