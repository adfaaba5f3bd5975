"""The candle chart: one series without a seam, what stands on the screen, and the widget on a real engine."""

from __future__ import annotations

import math
from collections.abc import Coroutine, Iterator
from datetime import datetime
from typing import Any

import ipywidgets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab import Lab
from openalgo_lab.model.commands import BarsReply, GetHistory
from openalgo_lab.model.errors import InputError, WireError
from openalgo_lab.model.market import QUOTE_FIELDS, Bars, Quote
from openalgo_lab.model.times import IST, NS_PER_SECOND, to_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.ui.chart import CandleChart
from openalgo_lab.ui.chart.intervals import INTERVALS, Interval, interval_named
from openalgo_lab.ui.chart.series import Series, sane
from openalgo_lab.ui.chart.view import MOST_SHOWN, Window, follow, newest, price_range, price_ticks, time_labels
from tests.support.waiting import eventually
from tests.support.widget_page import Page, simulated_lab

OPEN = to_ns(datetime(2026, 11, 25, 9, 15, tzinfo=IST))
MINUTE = interval_named("1m")
Tick = tuple[int, float, float]  # seconds after the opening, price, traded in it


def at(tick: Tick, volume: float) -> Quote:
    values = dict.fromkeys(QUOTE_FIELDS, math.nan) | {"ltp": tick[1], "volume": volume}
    return Quote(exchange=Exchange.NSE, symbol="SBIN", time_ns=OPEN + tick[0] * NS_PER_SECOND, **values)


def candles(ticks: list[Tick], interval: Interval = MINUTE) -> Bars:
    """The candles of ticks, by the plain definition."""
    groups: dict[int, list[Tick]] = {}
    for tick in ticks:
        groups.setdefault(interval.start_of(OPEN + tick[0] * NS_PER_SECOND, OPEN), []).append(tick)
    rows = [
        (g[0][1], max(t[1] for t in g), min(t[1] for t in g), g[-1][1], sum(t[2] for t in g)) for g in groups.values()
    ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    return Bars(np.array(list(groups), dtype=np.int64), *table, np.zeros(len(groups)))


def series_of(count: int, interval: Interval = MINUTE) -> Series:
    series = Series(interval)
    start = OPEN + np.arange(count, dtype=np.int64) * interval.length_ns
    price = np.linspace(100, 110, count)
    series.load(sane(Bars(start, price, price + 1, price - 1, price, np.full(count, 50.0), np.zeros(count))), None)
    return series


ticks_ = st.lists(
    st.tuples(st.integers(0, 900), st.integers(1, 4000).map(lambda n: n * 0.05), st.integers(0, 500).map(float)),
    min_size=1,
    max_size=60,
).map(lambda ticks: sorted(ticks, key=lambda tick: tick[0]))


@given(ticks_, st.data(), st.sampled_from(["1m", "3m", "5m", "1h"]))
def test_history_and_live_ticks_join_without_a_seam(ticks: list[Tick], data: st.DataObject, name: str) -> None:
    """Where ever history ends, the series is what history would say at the end."""
    interval = interval_named(name)
    cut = data.draw(st.integers(1, len(ticks)))
    traded = np.cumsum([tick[2] for tick in ticks]).tolist()
    series = Series(interval)
    series.load(sane(candles(ticks[:cut], interval)), at(ticks[cut - 1], traded[cut - 1]))
    for tick, volume in zip(ticks[cut:], traded[cut:], strict=True):
        series.tick(at(tick, volume))
    whole = candles(ticks, interval)
    assert series.start_ns.tolist() == whole.start_ns.tolist()
    expected = np.stack([whole.open, whole.high, whole.low, whole.close, whole.volume])
    np.testing.assert_allclose(series.table, expected, atol=1e-6)


def test_a_new_candle_begins_on_the_minute() -> None:
    series = Series(MINUTE)
    series.load(candles([(0, 100.0, 1.0)]), at((0, 100.0, 1.0), 1.0))
    assert series.tick(at((59, 101.0, 0), 4.0)) is False
    assert series.tick(at((60, 102.0, 0), 6.0)) is True
    assert series.table[:, -1].tolist() == [102.0, 102.0, 102.0, 102.0, 2.0]
    assert series.table[4, 0] == 4.0
    assert series.tick(at((30, 50.0, 0), 7.0)) is None  # late: that candle is settled
    assert series.tick(at((61, math.nan, 0), 7.0)) is None


def test_without_history_live_prices_make_the_candles() -> None:
    series = Series(MINUTE)
    assert series.tick(at((0, 100.0, 0), 5.0)) is None  # not before the history has answered
    series.load(candles([]), None)
    assert series.tick(at((0, 100.0, 0), 5.0)) is True
    assert len(series) == 1
    assert series.table[4, 0] == 0.0


def test_a_day_candle_takes_the_days_count() -> None:
    series = Series(interval_named("D"))
    series.load(candles([]), None)
    series.tick(at((0, 100.0, 0), 5.0))
    series.tick(at((3600, 101.0, 0), 25.0))
    assert series.table[4].tolist() == [25.0]


def test_an_index_has_no_volume() -> None:
    series = Series(MINUTE)
    series.load(candles([(0, 100.0, 0.0)]), at((0, 100.0, 0), math.nan))
    for second in (30, 60, 61, 120):
        series.tick(at((second, 101.0, 0), math.nan))
    assert np.isfinite(series.table).all()
    assert series.table[4].tolist() == [0.0, 0.0, 0.0]


@given(st.lists(st.tuples(st.integers(0, 20), *[st.floats(-5, 50) | st.just(math.nan)] * 4), max_size=30))
def test_what_reaches_the_figure_can_be_drawn(rows: list[tuple[float, ...]]) -> None:
    table = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    start = table[0].astype(np.int64)
    bars = sane(Bars(start, *table[1:], np.full(len(start), math.nan), np.zeros(len(start))))
    assert (np.diff(bars.start_ns) > 0).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert np.isfinite(np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume])).all()


def test_older_candles_get_negative_numbers_and_none_twice() -> None:
    series = series_of(10)
    older = candles([(-60 * n, 90.0, 1.0) for n in (3, 2, 1, 0)])
    assert series.prepend(sane(older)) == 3
    assert (series.first, series.end, len(series)) == (-3, 10, 13)
    assert series.number_of(OPEN) == 0
    assert series.number_of(OPEN - 61 * NS_PER_SECOND) == -2
    assert series.number_of(0) is None


def test_history_settles_finished_candles_only() -> None:
    series = series_of(3)
    settled = candles([(0, 100.0, 1.0), (10, 200.0, 1.0), (130, 300.0, 1.0)])
    assert series.amend(settled)
    assert series.table[1, 0] == 200.0
    assert series.table[1, 2] == pytest.approx(111.0)
    assert not series.amend(settled)


def test_intervals_are_anchored_where_the_source_anchors_them() -> None:
    hour = interval_named("1h")
    assert hour.start_of(OPEN + 3599 * NS_PER_SECOND, OPEN) == OPEN
    assert hour.start_of(OPEN + 86_400 * NS_PER_SECOND + 60 * NS_PER_SECOND, OPEN) == OPEN + 86_400 * NS_PER_SECOND
    midnight = to_ns(datetime(2026, 11, 25, tzinfo=IST))
    assert interval_named("D").start_of(OPEN) == midnight
    assert interval_named("15m").start_of(OPEN + 1) == OPEN
    with pytest.raises(InputError, match="15m"):
        interval_named("7m")


@given(st.integers(1, 2000), st.floats(-3000, 3000), st.floats(0.1, 5000))
def test_a_window_shows_some_candles_and_never_too_many(count: int, left: float, span: float) -> None:
    series = series_of(count)
    window = Window(left, left + span).bounded(series)
    first, end = window.numbers(series)
    assert window.span <= MOST_SHOWN + 1e-6
    assert series.first <= first < end <= series.end
    assert end - first <= MOST_SHOWN + 1
    low, high, volume = price_range(series, window, 0.05)
    shown = series.table[:, first:end]
    assert low < shown[2].min() <= shown[1].max() < high
    assert volume > 0


@given(st.integers(1, 600), st.sampled_from(INTERVALS), st.floats(10, 300), st.integers(2, 12))
def test_the_time_axis_has_few_labels_each_on_a_candle(count: int, interval: Interval, span: float, most: int) -> None:
    series = series_of(count, interval)
    window = Window(series.end - span, float(series.end)).bounded(series)
    places, labels = time_labels(series, window, most)
    first, end = window.numbers(series)
    assert len(places) <= most
    assert set(labels) == {str(place) for place in places.tolist()}
    assert all(first <= place < end for place in places.tolist())


def test_labels_are_in_indian_time() -> None:
    series = series_of(60)
    _, labels = time_labels(series, newest(series))
    assert labels[str(15)] == "09:30"


@given(st.floats(1, 90_000), st.floats(0.01, 5000))
def test_price_labels_are_round_and_inside(low: float, span: float) -> None:
    places = price_ticks(low, low + span, 0.05)
    assert len(places) <= 8
    assert ((places >= low - 1e-6) & (places <= low + span + 1e-6)).all()


def test_the_window_follows_the_newest_candle_only_when_it_was_in_view() -> None:
    series = series_of(200)
    last = newest(series)
    assert follow(last, series).left == last.left + 1
    back = Window(0, 50)
    assert follow(back, series) == back


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with simulated_lab("chart") as opened:
        yield opened


@pytest.fixture
def chart(lab: Lab) -> Iterator[CandleChart]:
    made = CandleChart(lab, "NSE:SBIN")
    yield made
    made.close()


def ready(chart: CandleChart) -> None:
    eventually(lambda: chart.figure is not None and chart.children[-1] is chart.figure)


def test_history_comes_and_the_last_candle_grows(lab: Lab, chart: CandleChart) -> None:
    ready(chart)
    assert chart.note == ""
    assert len(chart.series) >= 100
    shown = chart._figure
    assert shown is not None
    assert 1 <= len(shown._candles.x) <= MOST_SHOWN
    quote = lab.handle.board.quote(chart.key)
    assert quote is not None
    eventually(lambda: (q := lab.handle.board.quote(chart.key)) and abs(chart.series.last_close - q.ltp) < 1e-9)
    eventually(lambda: shown._candles.y[-1][3] == shown._last.y[0])


def test_the_figure_is_cheap_for_a_page(lab: Lab) -> None:
    made: list[ipywidgets.Widget] = []
    before = ipywidgets.Widget._widget_construction_callback
    ipywidgets.Widget.on_widget_constructed(made.append)
    try:
        chart = CandleChart(lab, "NSE:RELIANCE")
        at_once = len(made)
        ready(chart)
    finally:
        ipywidgets.Widget.on_widget_constructed(before)
    chart.close()
    assert at_once < 6  # the first paint waits for no bqplot
    assert len(made) < 30


@pytest.mark.parametrize("interval", [one.name for one in INTERVALS])
def test_every_interval_loads(chart: CandleChart, interval: str) -> None:
    chart.set(interval=interval)
    eventually(lambda: chart.series.loaded)
    assert chart.note == ""
    assert len(chart.series) > 20
    assert (np.diff(chart.series.start_ns) > 0).all()


def test_an_answer_for_another_symbol_is_dropped(lab: Lab, chart: CandleChart) -> None:
    old = chart.series
    chart.set("NSE:RELIANCE")
    chart._loaded(old, BarsReply(*[b""] * 7))
    eventually(lambda: chart.series.loaded)
    assert chart.key.symbol == "RELIANCE"
    assert len(chart.series) > 20


def test_a_history_that_fails_offers_a_retry(lab: Lab, chart: CandleChart, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail() -> Any:
        raise WireError("The broker cannot be reached <b>now</b>: check the connection.")

    page = Page(chart._bar, monkeypatch)
    real = lab.handle.call
    with monkeypatch.context() as patch:
        patch.setattr(lab.handle, "call", lambda c: fail() if isinstance(c, GetHistory) else real(c))
        chart.set(interval="5m")
        eventually(lambda: page.seen["head"]["state"] == "error")
    assert page.seen["head"]["retry"]
    assert "<b>now</b>" in page.seen["head"]["note"]  # as text, untouched
    page.say(k="retry")
    eventually(lambda: page.seen["head"]["state"] == "ready")
    assert not page.seen["head"]["retry"]


def test_an_empty_history_says_so_and_live_prices_fill_it(
    lab: Lab, chart: CandleChart, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def empty() -> BarsReply:
        return BarsReply(*[b""] * 7)

    page = Page(chart._bar, monkeypatch)
    real = lab.handle.call

    def call(command: Any) -> Coroutine[Any, Any, Any]:
        return empty() if isinstance(command, GetHistory) else real(command)

    with monkeypatch.context() as patch:
        patch.setattr(lab.handle, "call", call)
        chart.set(interval="3m")
        eventually(lambda: len(chart.series) == 1)
        eventually(lambda: page.seen["head"]["state"] == "ready")


def test_panning_back_loads_older_candles_and_reset_returns(chart: CandleChart) -> None:
    ready(chart)
    shown = chart._figure
    assert shown is not None
    before = chart.series.first
    with shown._x.hold_trait_notifications():  # as the browser's message does
        shown._x.min, shown._x.max = before + 0.0, before + 100.0
    eventually(lambda: chart.series.first < before)
    chart.reset()
    assert shown.window is not None
    assert shown.window.right > chart.series.end - 1


def test_own_trades_are_marked(lab: Lab, chart: CandleChart) -> None:
    ready(chart)
    done = lab.place_order("SBIN", "SELL", 3, product="MIS")
    eventually(lambda: done.done)
    shown = chart._figure
    assert shown is not None
    eventually(lambda: len(shown._fills[1].x) >= 1)
    assert shown._fills[1].y[-1] == pytest.approx(lab.handle.books.fills[-1].price)


def test_the_page_hears_everything_again_when_it_is_drawn_anew(
    chart: CandleChart, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(chart)
    page = Page(chart._bar, monkeypatch)
    page.say(k="hello")
    assert page.seen["head"]["state"] == "ready"
    assert page.seen["bars"]["n"] == len(chart.series)
    assert len(page.seen["view"]) == 4
