"""The widgets around orders that keep books: traffic, trade journal, sandbox settings, files; on a real engine."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from openalgo_lab import Lab
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.sandbox import ResetSandbox
from openalgo_lab.model.traffic import EndpointTraffic, RateUse, TrafficReport
from openalgo_lab.ui.grid import GridEvent
from openalgo_lab.ui.journal import JournalView
from openalgo_lab.ui.order_timeline.traffic import totals
from openalgo_lab.ui.sandbox.rules import square_offs
from openalgo_lab.ui.sandbox.widget import money_line
from openalgo_lab.ui.saving import SaveButton, csv_text
from tests.support.waiting import eventually
from tests.support.widget_page import Page, held, simulated_lab

HOSTILE = '=HYPERLINK("http://x")'


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with simulated_lab("order-books") as opened:
        yield opened


def saved(button: SaveButton, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[list[str]]]:
    """The file that a press gives: its name and its rows."""
    page = Page(button, monkeypatch)
    page.say(k="ask")
    return page.seen["file"]["name"], list(csv.reader(io.StringIO(page.seen["file"]["text"])))


def test_a_file_holds_numbers_and_no_formula() -> None:
    text = csv_text(("a", "b"), [(1.5, HOSTILE), (float("nan"), "a,b"), (-3, "-3")])
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ["1.5", "'" + HOSTILE], ["", "a,b"], ["-3", "'-3"]]


def test_a_save_button_says_why_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> tuple[str, str]:
        raise StoreError("Nothing to save yet: wait for the first trade.")

    button = SaveButton("CSV", "Save", broken)
    page = Page(button, monkeypatch)
    page.say(k="nonsense")
    assert page.seen == {}
    page.say(k="ask")
    assert page.seen["failed"]["message"] == "Nothing to save yet: wait for the first trade."
    button.close()


def test_traffic_counts_orders_and_the_feed(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.place_order("SBIN", "BUY", 3).wait()
    monitor = lab.traffic()

    def seen() -> dict[str, EndpointTraffic]:
        monitor._asked_at = 0.0  # read again at once
        return {one.endpoint: one for one in monitor.report.endpoints}

    eventually(lambda: any("order" in name and one.answers for name, one in seen().items()))
    eventually(lambda: any(one.feed and one.answers and one.received_bytes for one in seen().values()))
    eventually(lambda: "calls" in monitor.line.value and monitor.endpoints.row_ids)
    order = next(one for name, one in seen().items() if "order" in name and one.answers)
    assert order.account == "SIM" and order.p50_ms <= order.p99_ms <= order.worst_ms
    name, rows = saved(monitor.save, monkeypatch)
    assert name == "traffic.csv" and len(rows) == len(monitor.report.endpoints) + 1
    monitor.export(tmp_path / "traffic.xlsx")
    assert set(pd.read_excel(tmp_path / "traffic.xlsx", sheet_name=None)) == {"endpoints", "rates"}
    monitor.close()


def test_the_line_above_traffic_names_the_fullest_rate_and_who_is_silent() -> None:
    report = TrafficReport(
        (
            EndpointTraffic("A", "POST /o", requests=3, answers=2, refused=1, failed=1, sent_bytes=10),
            EndpointTraffic("A", "feed x", feed=True, answers=1200, received_bytes=2_500_000),
        ),
        (RateUse("A", "order", 10, 1.0, 9), RateUse("A", "data", 100, 60.0, 3)),
        ("SANDBOX",),
    )
    assert totals(report) == (
        "3 calls · 1,200 feed messages · 2.5 MB in, 10 bytes out · 1 refused, 1 failed, 0 held back · "
        "fullest rate A order: 10 a second: 9 · no connection at all: SANDBOX"
    )


def cells(view: JournalView, column: str) -> tuple[str, ...]:
    return view.fill_grid._layout_now.text[column]


def test_the_journal_takes_notes_and_tags(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.place_order("LT", "BUY", 4, tag="swing").wait()
    lab.place_order("LT", "SELL", 4).wait()
    view = lab.journal()
    eventually(lambda: "swing" in cells(view, "tags") and len(view.trips) >= 1)
    trade = next(one for one in view.fills if one.fill.tag == "swing")
    row = view._ids[("SIM", trade.day, trade.fill.trade_id)]
    view.fill_grid._dispatch(GridEvent(type="action", row=row, column="note_it", action="note"))
    assert view.form.layout.display == "flex"
    assert view.tag_text.value == ""  # the order's own tag is not up to change here
    view.note_text.value, view.tag_text.value = HOSTILE, "early, late , early"
    view.keep.click()
    eventually(lambda: HOSTILE in cells(view, "note"))
    assert view.form.layout.display == "none"
    assert "swing, early, late" in cells(view, "tags")
    name, rows = saved(view.save, monkeypatch)
    assert name == "trades.csv"
    assert "'" + HOSTILE in [row[11] for row in rows]
    view._tabs._on_message(None, {"k": "tab", "key": "trips"}, [])
    name, rows = saved(view.save, monkeypatch)
    assert name == "closed.csv" and rows[1][4] == "LT"
    view.close()


def test_an_older_answer_does_not_undo_the_choice_of_days(lab: Lab) -> None:
    view = lab.journal()
    eventually(lambda: view.fills)
    view._take_fills(view._round - 1, ())
    assert view.fills
    view.close()


def test_the_sandbox_opens_shows_its_money_and_begins_anew(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = lab.sandbox_settings()
    assert panel.state.value == "Closed" and "Not open" in panel.money.value
    panel.open_it.click()
    eventually(lambda: panel.state.value == "Open")
    eventually(lambda: "Free ₹1,00,00,000.00" in panel.money.value and "charges of the day ₹0" in panel.money.value)
    assert "benefit of hedges" in panel.rules.value
    lab.place_order("SBIN", "BUY", 10, account="SANDBOX").wait()
    eventually(lambda: "margin used ₹0.00" not in panel.money.value)
    panel.reset.click()
    assert panel.reset.description.startswith("Really")
    panel.spare.click()
    assert panel.reset.description == "Begin anew"
    with held(lab, monkeypatch, ResetSandbox) as sent:
        panel.reset.click()
        panel.reset.click()
        eventually(lambda: len(sent) == 1)
    eventually(lambda: "margin used ₹0.00" in panel.money.value)
    assert not [one for one in lab.books.fills if one.account == "SANDBOX"]
    panel.close_it.click()
    eventually(lambda: panel.state.value == "Closed")
    panel.close()


def test_settings_are_kept_and_a_fault_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = lab.sandbox_settings()
    eventually(lambda: panel.boxes["starting_capital"].value == 1_00_00_000)
    panel.boxes["starting_capital"].value = 5_00_000
    panel.boxes["depth_factor"].value = 40
    panel.boxes["slippage_ticks"].value = 2
    panel.boxes["count_charges"].value = False
    panel.keep.click()
    eventually(lambda: panel.message.value.startswith("Kept."))
    now = lab.sandbox.settings
    assert (now.starting_capital, now.depth_factor, now.slippage_ticks, now.count_charges) == (500_000, 0.4, 2, False)
    fresh = lab.sandbox_settings()
    eventually(lambda: fresh.boxes["depth_factor"].value == 40)

    async def refuse() -> Any:
        raise StoreError("The disk is full: free some space.")

    monkeypatch.setattr(lab.handle, "call", lambda *_: refuse())
    panel.keep.click()
    eventually(lambda: panel.message.value == "The disk is full: free some space.")
    fresh.close()
    panel.close()


def test_words_of_money_and_rules() -> None:
    assert money_line(None, None).startswith("Not open")
    times = square_offs(RuleBook.load(), TradingCalendar.load(), date(2026, 11, 25))
    assert "shares " in times and "derivatives " in times
