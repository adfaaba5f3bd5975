"""The search box: what it answers, and that late or foreign messages do no harm."""

from __future__ import annotations

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.ui.search import SearchBox
from openalgo_lab.ui.search.box import describe
from tests.support.widget_page import Page


@pytest.fixture
def box(lab: Lab) -> SearchBox:
    return SearchBox(lab)


def ask(page: Page, text: str, n: int = 1) -> dict[str, object]:
    page.say(k="q", text=text, n=n)
    answer: dict[str, object] = page.seen["r"]
    return answer


def test_words_find_shares_and_options(box: SearchBox, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(box, monkeypatch)
    found = ask(page, "sbin")["rows"]
    assert isinstance(found, list)
    assert found[0] == {"exchange": "NSE", "symbol": "SBIN", "name": "State Bank of India"}
    found = ask(page, "nifty ce", 2)["rows"]
    assert isinstance(found, list)
    assert len(found) == 12
    assert all(row["symbol"].endswith("CE") for row in found)


def test_an_answer_carries_the_number_of_its_keystroke(box: SearchBox, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(box, monkeypatch)
    assert [ask(page, "tc", n)["n"] for n in (3, 1)] == [3, 1]


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "zzzzqqqq", "'; DROP TABLE words; --", "x" * 500])
def test_what_matches_nothing_is_answered_with_what_to_do(
    box: SearchBox, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    answer = ask(Page(box, monkeypatch), text)
    assert answer["rows"] == []
    assert answer["note"] == "Nothing listed matches: try fewer words, or part of the name."


def test_a_pick_is_heard_and_nonsense_is_not(box: SearchBox, monkeypatch: pytest.MonkeyPatch) -> None:
    page, heard = Page(box, monkeypatch), list[InstrumentKey]()
    box.on_pick(heard.append)
    page.say(k="pick", exchange="NSE", symbol="SBIN")
    page.say(k="pick", exchange="NOWHERE", symbol="SBIN")
    page.say(k="other")
    assert heard == [InstrumentKey(Exchange.NSE, "SBIN")]


def test_instruments_are_described_in_a_traders_words(lab: Lab) -> None:
    contract = next(item for item in lab.handle.instruments.chain("NIFTY", lab.expiries("NIFTY")[0]))
    assert describe(contract).startswith(f"NIFTY {contract.strike:.0f} CE · ")
    assert describe(lab.instrument("SBIN")) == "State Bank of India"
    assert " future · " in describe(lab.handle.instruments.futures("NIFTY")[0])
