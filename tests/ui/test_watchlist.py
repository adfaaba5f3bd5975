"""The watchlist: rows, search, remembered lists, presses."""

from __future__ import annotations

from pathlib import Path

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.errors import InputError, StoreError, SymbolError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Exchange, Side
from openalgo_lab.ui.grid import GridEvent
from openalgo_lab.ui.watchlist import Watchlist
from openalgo_lab.ui.watchlist.saved import SavedWatchlists
from tests.support.waiting import eventually

SBIN, TCS = InstrumentKey(Exchange.NSE, "SBIN"), InstrumentKey(Exchange.NSE, "TCS")


def value(watchlist: Watchlist, row: int, column: str) -> float:
    table = watchlist.grid._table
    return float(table._values[table._slot(column), row])


def test_rows_fill_with_live_quotes(lab: Lab) -> None:
    watchlist = Watchlist(lab, ["SBIN", "NSE_INDEX:NIFTY"])
    eventually(lambda: value(watchlist, 0, "ltp") > 0 and value(watchlist, 1, "ltp") > 0)
    quote = lab.quote("SBIN").now
    assert value(watchlist, 0, "change_pct") == pytest.approx(quote.change_pct, abs=1.0)
    watchlist.close()


def test_an_index_can_be_looked_at_but_not_traded(lab: Lab) -> None:
    watchlist = Watchlist(lab, ["SBIN", "NSE_INDEX:NIFTY"])
    buy, sell, remove = (1 << bit for bit in range(3))
    assert list(watchlist.grid._layout_now.actions or b"") == [buy | sell | remove, remove]
    watchlist.close()


def test_adding_selects_and_a_second_time_only_selects(lab: Lab) -> None:
    watchlist = Watchlist(lab, ["SBIN"])
    selected: list[InstrumentKey] = []
    watchlist.on_select(selected.append)
    watchlist.add(TCS)
    watchlist.add(TCS)
    assert watchlist.keys_shown == (SBIN, TCS)
    assert selected == [TCS, TCS]
    watchlist.add(InstrumentKey(Exchange.NSE, "NOSUCH"))
    assert "NOSUCH is no listed symbol" in watchlist._message.value
    assert watchlist.keys_shown == (SBIN, TCS)
    watchlist.close()


def test_presses_name_the_side_and_rows_can_be_removed(lab: Lab) -> None:
    watchlist = Watchlist(lab, ["SBIN", "TCS"])
    traded: list[tuple[InstrumentKey, Side]] = []
    watchlist.on_trade(lambda key, side: traded.append((key, side)))
    first, second = watchlist.grid.row_ids
    watchlist.grid._dispatch(GridEvent(type="action", row=first, column="symbol", action="buy"))
    watchlist.grid._dispatch(GridEvent(type="action", row=second, column="symbol", action="sell"))
    assert traded == [(SBIN, Side.BUY), (TCS, Side.SELL)]
    watchlist.grid._dispatch(GridEvent(type="action", row=first, column="symbol", action="remove"))
    assert watchlist.keys_shown == (TCS,)
    watchlist.close()


def test_an_unknown_symbol_is_refused_before_anything_is_drawn(lab: Lab) -> None:
    with pytest.raises(SymbolError, match="not listed"):
        Watchlist(lab, ["NOSUCH"])


def test_lists_are_remembered_by_name(tmp_path: Path) -> None:
    saved = SavedWatchlists(tmp_path)
    assert saved.load() == {}
    saved.save("Main", [SBIN, TCS])
    saved.save("Options", [])
    assert SavedWatchlists(tmp_path).load() == {"Main": (SBIN, TCS), "Options": ()}
    with pytest.raises(InputError, match="at most 50 watchlists of 500"):
        saved.save("Main", [SBIN] * 501)


@pytest.mark.parametrize("text", ["{", '{"Main": [1]}', '{"Main": [{"exchange": "NOWHERE", "symbol": "SBIN"}]}'])
def test_a_damaged_file_is_a_sentence_that_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "watchlists.json").write_text(text)
    with pytest.raises(StoreError, match=r"watchlists\.json are damaged"):
        SavedWatchlists(tmp_path).load()
