"""The history manager, without a browser: what its forms ask for, what its tables show, files in and out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.backtest_data import bars_of_frame
from openalgo_lab.model.history_commands import JobAction, JobState
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import IST, day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.series import Series, Stored
from openalgo_lab.ui.grid import GridEvent
from openalgo_lab.ui.history import HistoryManager
from openalgo_lab.ui.history.steered import Steered
from openalgo_lab.ui.history.words import size_text
from openalgo_lab.ui.watchlist.saved import SavedWatchlists
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENALGO_LAB_HOME", str(tmp_path_factory.mktemp("home")))
        with Lab("manager", seed=3) as opened:
            yield opened


@pytest.fixture
def manager(lab: Lab) -> Iterator[HistoryManager]:
    made = HistoryManager(lab)
    yield made
    made.close()


def bad(message: Any) -> bool:
    return "oal-message-bad" in message._dom_classes


def open_buttons(table: Steered) -> set[str]:
    """What may be pressed now."""
    return {key for key, button in table.buttons.items() if not button.disabled}


def test_a_download_is_begun_watched_and_kept(lab: Lab, manager: HistoryManager) -> None:
    form = manager.form
    form.download()
    assert bad(form.message)
    assert "Name at least one symbol" in form.message.value
    form._add(InstrumentKey(Exchange.NSE, "SBIN"))
    form._add(InstrumentKey(Exchange.NSE, "INFY"))
    form._add(InstrumentKey(Exchange.NSE, "SBIN"))
    assert form.symbols.value == "NSE:SBIN, NSE:INFY"
    form.interval.value, form.start.value, form.end.value = "D", "2026-10-16", "2026-10-05"
    form.download()
    assert "swap them" in form.message.value
    form.start.value, form.end.value = form.end.value, form.start.value
    form.download()
    eventually(lambda: [job.state for job in lab.lake.jobs] == [JobState.DONE])
    eventually(lambda: len(manager.kept.entries) == 2)
    assert {str(entry.series.key) for _, entry in manager.kept.entries} == {"NSE:SBIN", "NSE:INFY"}
    eventually(lambda: open_buttons(manager.jobs) == {JobAction.FORGET})
    assert manager.jobs.chosen.state is JobState.DONE
    assert not bad(form.message)
    manager.jobs.press(JobAction.PAUSE)  # not allowed: nothing is asked
    manager.jobs.press(JobAction.FORGET)
    eventually(lambda: lab.lake.jobs == [])
    eventually(lambda: open_buttons(manager.jobs) == set())


def test_a_group_fills_the_form(lab: Lab) -> None:
    keys = (InstrumentKey(Exchange.NSE, "TCS"), InstrumentKey(Exchange.NSE, "<img src=x>"))
    SavedWatchlists(lab.handle.folder).save("banks <b>", keys)
    manager = HistoryManager(lab)
    manager.form.group.value = "banks <b>"
    assert manager.form.symbols.value == "NSE:TCS, NSE:<img src=x>"
    manager.form.download()
    assert bad(manager.form.message)
    manager.close()


def test_a_schedule_is_made_run_paused_and_removed(lab: Lab, manager: HistoryManager) -> None:
    view = manager.schedules
    view.put()
    assert "Name the group" in view.message.value
    view.group.value, view.interval.value, view.at.value = "two", "D", "25:00"
    view.put()
    assert "not a time of day" in view.message.value
    view.at.value, view.back.value = "18:30", 0
    view.put()
    assert "days back cannot be" in view.message.value
    view.back.value, view.days.value = 10, "someday"
    view.put()
    assert "is no day" in view.message.value
    view.days.value = "mon-fri"
    view.put()
    eventually(lambda: bad(view.message) and "two" in view.message.value)  # there is no such group yet
    manager.form.symbols.value = "NSE:SBIN, NSE:INFY"
    view.put()
    eventually(lambda: not bad(view.message) and "two is kept up to date" in view.message.value)
    assert set(lab.lake.groups["two"]) == {InstrumentKey(Exchange.NSE, name) for name in ("SBIN", "INFY")}
    eventually(lambda: open_buttons(view.table) == {"run", "pause", "drop"})
    view.table.press("run")
    eventually(lambda: any(job.state is JobState.DONE for job in lab.lake.jobs))
    view.table.press("pause")
    eventually(lambda: open_buttons(view.table) == {"run", "resume", "drop"})
    view.table.press("resume")
    eventually(lambda: open_buttons(view.table) == {"run", "pause", "drop"})
    view.table.press("drop")
    eventually(lambda: open_buttons(view.table) == set())
    assert lab.lake.schedules == []
    other = HistoryManager(lab)
    eventually(lambda: "two" in other.form.group.options)
    other.close()


def test_gaps_are_listed_and_hostile_names_are_text(lab: Lab) -> None:
    bars = bars_of_frame(lab.history("NSE:SBIN", "D", "2026-10-05", "2026-10-09"))
    series = Series(InstrumentKey(Exchange.NSE, "<img src=x onerror=alert(1)>"), Stored.DAY)
    lab.lake.store("hostile").append(
        series, bars, [(day_bounds_ns(date(2026, 10, 1))[0], day_bounds_ns(date(2026, 10, 16))[1])]
    )
    manager = HistoryManager(lab)
    eventually(lambda: "hostile" in {source for source, _ in manager.kept.entries})
    row = next(row for row, (source, _) in manager.kept._rows.items() if source == "hostile")
    manager.kept._on_event(GridEvent(type="select", rows=(row,)))
    entry = manager.kept._rows[row][1]
    assert entry.missing > 3
    assert "<img" not in manager.kept._strip.value + manager.kept._gaps.value
    assert manager.kept._gaps.value.count("<tr>") == len(entry.gaps) + 1
    assert manager.kept._strip.value.count("oal-hist-missing") == len(entry.gaps) + 1
    assert not manager.kept.fetch.disabled
    manager.kept.fetch.click()
    eventually(lambda: manager.kept.message.value != "" and "…" not in manager.kept.message.value)
    assert not manager.exports.button.disabled
    manager.exports.kind.value = "csv"
    manager.exports.write()
    manager.exports.work.wait(30)
    written = list((lab.handle.folder / "exports").glob("*.csv"))
    assert len(written) == 1
    assert "<" not in written[0].name
    assert str(written[0]) in manager.exports.message.value
    manager.close()


def test_a_file_is_taken_in_or_refused_with_its_reason(lab: Lab, manager: HistoryManager, tmp_path: Path) -> None:
    manager.imports.take()
    assert "Choose a .csv" in manager.imports.message.value
    good = lab.lake.export_file(tmp_path / "x.csv", "NSE:SBIN", "D", "2026-10-05", "2026-10-09").read_bytes()

    def take(name: str, data: bytes) -> str:
        manager.imports.file.value = (
            {
                "name": name,
                "type": "text/csv",
                "size": len(data),
                "content": memoryview(data),
                "last_modified": datetime.now(IST),
            },
        )
        manager.imports.symbol.value, manager.imports.interval.value = "NSE:HDFCBANK", "D"
        manager.imports.source.value = "from-the-page"
        manager.imports.take()
        manager.imports.work.wait(30)
        return str(manager.imports.message.value)

    assert take("../../evil.csv", good).endswith("candles are kept as from-the-page.")
    assert not bad(manager.imports.message)
    eventually(lambda: "from-the-page" in {source for source, _ in manager.kept.entries})
    assert "Row 2 of bad.csv has no number in column open" in take(
        "bad.csv", good.replace(b"\n2026-10-06 00:00:00+05:30,", b"\n2026-10-06,x")
    )
    assert bad(manager.imports.message)
    assert "neither .csv" in take("evil.exe", good)


def test_sizes_are_read_by_people() -> None:
    assert [size_text(size) for size in (999, 1_500_000, 2_000_000_000)] == ["1 kB", "1.5 MB", "2.00 GB"]
