"""The tear sheet, the report, the sweep's map and the explorer, without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab import Lab
from openalgo_lab.lab.backtest_result import BacktestResult
from openalgo_lab.strategy.examples import ChannelBreakout, OpeningRange, RsiReversal, SmaCross
from openalgo_lab.ui.backtest import BacktestExplorer, TearSheet
from openalgo_lab.ui.backtest.progress import ProgressBar
from openalgo_lab.ui.backtest.thin import date_ticks, histogram, round_ticks, thin_rows
from openalgo_lab.ui.backtest.words import months_table, shown


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENALGO_LAB_HOME", str(tmp_path_factory.mktemp("home")))
        with Lab("sheets", seed=3, hours="exchange") as opened:
            yield opened


@pytest.fixture(scope="module")
def result(lab: Lab) -> BacktestResult:
    bars = lab.history("SBIN", "15m", "2026-07-01", "2026-10-30", exchange="NSE")
    return lab.backtest(ChannelBreakout, bars, product="MIS", leverage=5)


def test_the_sheet_shows_the_run(result: BacktestResult) -> None:
    sheet = result.plot()
    assert isinstance(sheet, TearSheet)
    assert len(sheet.figures) == 5
    curve = sheet.equity.marks[-1]
    assert curve.y[-1] == result.equity.iloc[-1]
    assert curve.y.max() == result.equity.max()
    assert sheet.drawdown.marks[0].y.min() == pytest.approx(result.drawdown.min())
    sheet.show_trade(0)
    trade = result.trades.iloc[0]
    held = sheet.candles.marks[1]
    assert held.y.tolist() == [trade["entry_price"], trade["exit_price"]]
    bought = sheet.candles.marks[2 if trade["side"] == "BUY" else 3]
    assert held.x[0] in bought.x.tolist()
    sheet.close()


def test_a_run_without_trades_has_a_sheet_too(lab: Lab, tmp_path: Path) -> None:
    bars = lab.history("SBIN", "D", "2026-09-01", "2026-10-30", exchange="NSE")
    still = lab.backtest(SmaCross, bars, fast=50, slow=200)
    assert len(still.trades) == 0
    still.plot().close()
    assert "None." in still.report(tmp_path / "still.html").read_text("utf-8")


def test_the_report_stands_alone(result: BacktestResult, tmp_path: Path) -> None:
    text = result.report(tmp_path / "run.html").read_text("utf-8")
    assert text.count("<svg") == 4
    assert not re.search(r"<script|https?://|url\(|@import|<link", text)
    assert f">{len(result.trades)}<" in text
    assert text.count("<tr>") > len(result.trades)


def test_hostile_names_are_text(result: BacktestResult, tmp_path: Path) -> None:
    named = BacktestResult("<script>x</script>", {}, result.settings, result.record, result.candles)
    assert "<script>" not in named.report(tmp_path / "x.html").read_text("utf-8")
    assert "<script>" not in named._repr_html_()


def test_the_map_marks_the_best(lab: Lab, result: BacktestResult) -> None:
    bars = result.bars["SBIN"]
    swept = lab.sweep(SmaCross, bars, symbol="NSE:SBIN", fast=[3, 5], slow=[20, 30, 40], progress=False)
    made = swept.heatmap()
    page = made.children[1].value
    assert page.count("outline: 2px") == 1
    assert page.count("color-mix") == 6
    assert list(made.table.columns) == [3, 5]


def test_the_explorer_runs_what_its_form_says(lab: Lab) -> None:
    explorer = BacktestExplorer(lab)
    for example in (SmaCross, ChannelBreakout, RsiReversal, OpeningRange):
        explorer._strategy.value = example.__name__
        assert [knob.description for knob in explorer._knobs.children] == list(example.parameters())
    explorer._strategy.value = "OpeningRange"
    explorer._parameters["quantity"].value = 7
    explorer._product.value = "MIS"
    explorer._interval.value, explorer._from.value, explorer._to.value = "15m", "2026-10-01", "2026-10-20"
    finished(explorer)
    assert explorer.result is not None
    assert set(explorer.result.trades["quantity"]) == {7}
    assert set(explorer.result.trades["reason"]) <= {"stop", "target", "square-off"}
    assert isinstance(explorer._sheet.children[0], TearSheet)
    assert not explorer._run.disabled

    explorer._from.value = "2027-01-01"
    finished(explorer)
    assert "oal-message-bad" in explorer._message._dom_classes
    assert not explorer._run.disabled
    explorer.close()


def test_the_explorer_takes_kept_and_adjusted_candles_and_ones_own_strategy(lab: Lab, tmp_path: Path) -> None:
    span = ("2026-10-01", "2026-10-20")
    lab.lake.import_file(lab.lake.export_file(tmp_path / "x.csv", "NSE:TCS", "D", *span), "NSE:TCS", "D", source="mine")
    lab.lake.actions.add("NSE:TCS", "2026-10-12", "split", "2:1")
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\nfrom openalgo_lab.strategy import ENTER_LONG, SignalStrategy\n\n\n"
        "class Always(SignalStrategy):\n    size = 3\n\n    def signals(self, bars):\n"
        "        return np.full(len(bars), ENTER_LONG, dtype=np.int8)\n"
    )
    explorer = BacktestExplorer(lab, symbol="NSE:TCS")
    explorer.add_file("")
    assert "oal-message-bad" in explorer._message._dom_classes
    explorer.add_file(str(tmp_path / "none.py"))
    assert "cannot be read" in explorer._message.value
    explorer.add_file(str(file))
    assert explorer._strategy.value == "Always"
    assert "size" in explorer._parameters
    explorer._interval.value, explorer._from.value, explorer._to.value = "D", *span
    firsts = []
    for candles in ("as traded", "adjusted for splits", "kept: mine"):
        explorer._candles.value = candles
        finished(explorer)
        assert explorer.result is not None, explorer._message.value
        firsts.append(float(explorer.result.candles["TCS"].close[0]))
    assert firsts[0] == firsts[2] == 2 * firsts[1]
    explorer.close()


def finished(explorer: BacktestExplorer) -> None:
    explorer.run()
    assert explorer._thread is not None
    explorer._thread.join(60)
    assert not explorer.is_running


def test_progress_counts_to_the_end() -> None:
    bar = ProgressBar()
    for done in range(1, 501):
        bar(done, 500)
    assert (bar._bar.value, bar._bar.max) == (500, 500)
    assert bar._bar.description == "500 of 500"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4000), st.integers(10, 300))
def test_thinning_keeps_the_extremes(values: list[float], most: int) -> None:
    data = np.array(values)
    rows = thin_rows(data, most)
    assert len(rows) <= max(most + 4, 10)
    assert (np.diff(rows) > 0).all()
    assert {rows[0], rows[-1]} == {0, len(data) - 1}
    assert (data[rows].min(), data[rows].max()) == (data.min(), data.max())


@given(st.lists(st.floats(-1e5, 1e5), max_size=200))
def test_a_histogram_counts_everything_and_parts_at_zero(values: list[float]) -> None:
    middles, counts = histogram(np.array(values))
    assert counts.sum() == len(values)
    if len(middles) > 1:
        width = middles[1] - middles[0]
        assert not np.isclose(np.abs(middles), 0, atol=width / 4).any()


def test_axes_are_round_and_in_india() -> None:
    assert round_ticks(0.13, 0.98).tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert round_ticks(-48.9, 0.0).tolist() == pytest.approx([-40, -30, -20, -10, 0])
    start = np.array([1_761_000_300 + 900 * n for n in range(8)], dtype=np.int64) * 10**9
    places, labels = date_ticks(start, slice(0, 8))
    assert labels[str(int(places[0]))] == "21 Oct 04:15"


def test_figures_are_read_by_people() -> None:
    assert shown("return_pct", 3.456) == "+3.46 %"
    assert shown("charges", 123456.0) == "₹1.23 L"
    assert shown("expectancy", -2034.08) == "-₹2,034.08"
    assert shown("trades", 12345.0) == "12,345"
    assert shown("sharpe", float("nan")) == "–"


def test_months_multiply_to_the_year(result: BacktestResult) -> None:
    table = months_table(result.monthly_returns)
    year = re.search(r'oal-bt-year">([-+.0-9]+)<', table)
    assert year is not None
    assert float(year[1]) == pytest.approx(result.stats["return_pct"], abs=0.06)
