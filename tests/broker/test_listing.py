"""Master contracts: unpacking, rows, instruments of their parts; columns of market data."""

from __future__ import annotations

import gzip
import io
import math
import zipfile
from collections.abc import Mapping
from datetime import date

import numpy as np
import pytest

from openalgo_lab.broker.columns import bars, book, depth_of, quote, tick
from openalgo_lab.broker.listing import each_once, listed, rows, unpacked
from openalgo_lab.model.errors import DecodeError, SymbolError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

TEXT = "Name, Token\nA,1\nB,2\nA,3\nbad one,4\n"


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.txt", text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "body",
    [TEXT.encode(), b"\xef\xbb\xbf" + TEXT.encode(), gzip.compress(TEXT.encode()), zipped(TEXT)],
    ids=["plain", "byte order mark", "gzip", "zip"],
)
def test_text_however_it_is_packed(body: bytes) -> None:
    assert unpacked(body) == TEXT


@pytest.mark.parametrize(
    "body",
    [b"PK\x03\x04", b"\x1f\x8bnot gzip at all", b"\xff", gzip.compress(b"abc")[:-5]],
    ids=["zip", "gzip", "no text", "cut gzip"],
)
def test_damage_is_said(body: bytes) -> None:
    with pytest.raises(DecodeError, match="download it again"):
        unpacked(body)


def share(fields: Mapping[str, str]) -> Instrument | None:
    if fields["name"] == "B":
        return None
    kind = InstrumentType.EQ
    return listed(Exchange.NSE, kind, fields["name"], int(fields["token"]), traded=fields["name"], tick=0.05)


def test_each_symbol_once_and_odd_rows_left_out() -> None:
    found = each_once(rows(TEXT.encode(), "NSE", frozenset({"name"})), share, "NSE")
    assert [(i.symbol, i.token) for i in found] == [("A", 1)]
    with pytest.raises(DecodeError, match="holds none"):
        each_once(rows(b"name,token\nB,1\n", "NSE", frozenset({"name"})), share, "NSE")
    assert each_once(rows(b"name,token\n", "NSE", frozenset({"name"})), share, "NSE") == ()
    with pytest.raises(DecodeError, match="no header"):
        list(rows(TEXT.encode(), "NSE", frozenset({"symbol"})))


def test_parts_make_the_symbol() -> None:
    call = listed(
        Exchange.NFO,
        InstrumentType.CE,
        "NIFTY",
        7,
        traded="X",
        lot=65,
        tick=0.05,
        expiry=date(2026, 2, 17),
        strike=187.5,
    )
    assert (call.symbol, call.underlying, call.name) == ("NIFTY17FEB26187.5CE", "NIFTY", "NIFTY")
    with pytest.raises(SymbolError):
        listed(Exchange.NFO, InstrumentType.CE, "NIFTY", 7, traded="X", tick=0.05)
    for lot, step in ((0, 0.05), (1, 0.0), (1, math.nan)):
        with pytest.raises(DecodeError):
            listed(Exchange.NSE, InstrumentType.EQ, "A", 1, traded="A", lot=lot, tick=step)


def test_candles_are_cut_ordered_and_unique() -> None:
    found = bars(
        [(30, 1, 2, 0, 1, 5, 0), (10, 1, 2, 1, 2, 3, 0), (20, 1, 9, 1, 2, 3, 0), (10, 1, 2, 1, 1, 4, 7)], 10, 30
    )
    assert (list(found.start_ns), list(found.close), list(found.oi)) == ([10, 20], [1, 2], [7, 0])
    assert len(bars([], 0, 1)) == 0
    with pytest.raises(DecodeError, match="below its low"):
        bars([(1, 1, 1, 2, 1, 0, 0)], 0, 9)


def test_quotes_ticks_and_books() -> None:
    instrument = listed(Exchange.NSE, InstrumentType.EQ, "A", 1, traded="A", tick=0.05)
    assert math.isnan(quote(instrument, {"ltp": 1.0}, 5).oi)
    levels = book([(10.0, 5, 1), (0.0, 7, 1)], [(11.0, 6, 2)] * 7)
    assert (levels[0, 0], levels[1, 0], levels[2, 4]) == (10.0, 5.0, 11.0)
    assert np.isnan(levels[:2, 1]).all()
    batch = tick(1, {"ltp": 10.0}, 5, levels)
    levels[0, 0] = 99.0
    assert batch.depth is not None
    assert batch.depth[0, 0, 0] == 10.0
    shown = depth_of(instrument, [(10.0, 5, 1), (0.0, 7, 1)], [], 5)
    assert [level.price for level in shown.bids] == [10.0]
