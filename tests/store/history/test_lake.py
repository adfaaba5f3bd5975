"""The lake: what is kept comes back, once; damage is set aside; readers and writers do not meet."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import DecodeError, InputError, StoreError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import FIELDS, no_bars, picked
from openalgo_lab.store.history.coverage import joined, missing_spans, without
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.parquet import Parquet
from openalgo_lab.store.history.series import Series, Stored, all_series, series_dir

MakeBars = Callable[..., Bars]


def same(one: Bars, other: Bars) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in FIELDS)


def test_what_is_kept_comes_back_from_any_years_and_any_lake(
    lake: Lake, minutes: Series, session_bars: MakeBars
) -> None:
    bars = session_bars(date(2024, 12, 30), date(2025, 1, 3))
    lake.append(minutes, bars, [(int(bars.start_ns[0]), int(bars.start_ns[-1]))])
    assert same(Lake(lake.root).read(minutes, *FOREVER_IN_TIME), bars)
    folder = series_dir(lake.root, minutes)
    assert sorted(file.name for file in folder.glob("*.parquet")) == ["2024.parquet", "2025.parquet"]
    noon = int(bars.start_ns[700])
    assert same(lake.read(minutes, noon, int(bars.start_ns[900])), picked(bars, slice(700, 900)))


FOREVER_IN_TIME = (day_bounds_ns(date(2000, 1, 1))[0], day_bounds_ns(date(2100, 1, 1))[0])


def test_days_appended_one_by_one_are_one_whole_with_a_file_a_year_and_the_recent_days(
    lake: Lake, minutes: Series, session_bars: MakeBars
) -> None:
    bars = session_bars(date(2026, 1, 1), date(2026, 3, 31))
    day = 375
    seen_recent = False
    for first in range(0, len(bars), day):
        lake.append(minutes, picked(bars, slice(first, first + day)), [])
        names = {file.name for file in series_dir(lake.root, minutes).glob("*.parquet")}
        seen_recent = seen_recent or "2026.recent.parquet" in names
        assert names <= {"2026.parquet", "2026.recent.parquet"}
    assert seen_recent
    assert same(lake.read(minutes, *FOREVER_IN_TIME), bars)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=12), min_size=1, max_size=5))
def test_the_later_candle_of_a_moment_wins(tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    series = Series(InstrumentKey(Exchange.NSE, "SBIN"), Stored.MINUTE)
    origin = day_bounds_ns(date(2025, 12, 31))[1] - 15 * 60_000_000_000  # across the new year
    expected: dict[int, float] = {}
    for number, batch in enumerate(batches):
        starts = np.array([origin + minute * 60_000_000_000 for minute in batch], dtype=np.int64)
        prices = (np.arange(len(batch)) + 100.0 * (number + 1)).astype(np.float64)
        lake.append(series, Bars(starts, prices, prices, prices, prices, prices, prices), [])
        expected.update(zip(starts.tolist(), prices.tolist(), strict=True))
    read = lake.read(series, *FOREVER_IN_TIME)
    assert dict(zip(read.start_ns.tolist(), read.close.tolist(), strict=True)) == expected
    assert (np.diff(read.start_ns) > 0).all()


@pytest.mark.parametrize("name", ["2025.parquet", "2025.recent.parquet"])
@pytest.mark.parametrize("kind", ["cut", "garbage", "empty", "other columns"])
def test_a_damaged_file_is_set_aside_and_its_year_asked_for_again(
    lake: Lake, minutes: Series, session_bars: MakeBars, name: str, kind: str
) -> None:
    old, new = session_bars(date(2024, 6, 3), date(2024, 6, 4)), session_bars(date(2025, 6, 2), date(2025, 6, 2))
    span = (int(old.start_ns[0]), int(new.start_ns[-1]) + 60_000_000_000)
    lake.append(minutes, old, [span])
    lake.append(minutes, new, [])
    lake.append(minutes, picked(new, slice(0, 5)), [])
    file = series_dir(lake.root, minutes) / name
    data = file.read_bytes()
    if kind == "other columns":
        Parquet().cursor().execute(f"COPY (SELECT 1 AS open) TO '{file}' (FORMAT parquet)")
    else:
        file.write_bytes({"cut": data[: len(data) // 2], "garbage": b"PAR1" + b"x" * 99, "empty": b""}[kind])
    kept = lake.read(minutes, *FOREVER_IN_TIME)
    assert same(picked(kept, slice(0, len(old))), old)
    assert not file.exists()
    (row,) = lake.catalogue()
    assert row.damaged == (f"{name}.damaged",)
    assert lake.missing(minutes, *span) == ((day_bounds_ns(date(2025, 1, 1))[0], span[1]),)
    lake.append(minutes, new, lake.missing(minutes, *span))
    assert lake.missing(minutes, *span) == ()
    assert same(lake.read(minutes, span[0], span[1]), Bars(*(np.concatenate(p) for p in _pairs(old, new))))


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path, session_bars: MakeBars) -> None:
    bars, file = session_bars(date(2025, 6, 2), date(2025, 6, 2)), tmp_path / "2025.parquet"
    Parquet().write(file, bars)
    data, rng, noticed = file.read_bytes(), np.random.default_rng(3), 0
    for place in rng.integers(0, len(data), 120).tolist():
        file.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        try:
            assert same(Parquet().read([file]), bars)
        except DecodeError:
            noticed += 1
    assert noticed > 60


def test_a_file_that_may_not_be_read_now_is_not_damaged(
    lake: Lake, minutes: Series, session_bars: MakeBars, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    lake.append(minutes, session_bars(date(2025, 6, 2), date(2025, 6, 2)), [(1, 2)])

    def full(self: Parquet) -> None:
        raise duckdb.IOException("Too many open files")

    monkeypatch.setattr(Parquet, "cursor", full)
    with pytest.raises(StoreError, match="Too many"):
        lake.read(minutes, *FOREVER_IN_TIME)
    assert lake.catalogue()[0].damaged == ()
    assert lake.spans(minutes) == ((1, 2),)


def _pairs(one: Bars, other: Bars) -> Iterator[Any]:
    return ((getattr(one, name), getattr(other, name)) for name in FIELDS)


def test_damaged_coverage_costs_no_candle(lake: Lake, minutes: Series, session_bars: MakeBars) -> None:
    bars = session_bars(date(2025, 6, 2), date(2025, 6, 2))
    lake.append(minutes, bars, [(5, 10)])
    (series_dir(lake.root, minutes) / "coverage.json").write_text('{"spans": [[1')
    assert lake.spans(minutes) == ()
    assert same(lake.read(minutes, *FOREVER_IN_TIME), bars)


def test_the_catalogue_lists_series_by_their_own_names(lake: Lake, session_bars: MakeBars) -> None:
    bars = session_bars(date(2025, 6, 2), date(2025, 6, 2))
    names = ["M&M", "NIFTY 50", "BAJAJ-AUTO", "A/B%*", "..", "."]
    for name in names:
        lake.append(Series(InstrumentKey(Exchange.NSE, name), Stored.MINUTE), bars, [(1, 2)])
    assert sorted(row.series.key.symbol for row in lake.catalogue()) == sorted(names)
    assert all(row.years == (2025,) and row.spans == ((1, 2),) and row.size > 0 for row in lake.catalogue())
    assert {file.parent.parent.parent.parent for file in lake.root.rglob("*.parquet")} == {lake.root}
    hive = f"SELECT DISTINCT symbol FROM read_parquet('{lake.root}/*/*/*/*.parquet', hive_partitioning=true)"
    assert {row[0] for row in Parquet().cursor().execute(hive).fetchall()} == set(names)


def test_candles_that_cannot_be_are_refused_and_nothing_is_kept(
    lake: Lake, minutes: Series, days: Series, session_bars: MakeBars
) -> None:
    bars = session_bars(date(2025, 6, 2), date(2025, 6, 2))
    high = bars.high.copy()
    high[3] = bars.low[3] - 1
    with pytest.raises(InputError, match="2025-06-02T09:18:00.*row 4"):
        lake.append(minutes, Bars(bars.start_ns, bars.open, high, bars.low, bars.close, bars.volume, bars.oi), [])
    with pytest.raises(InputError, match="midnight"):
        lake.append(days, bars, [])
    assert all_series(lake.root) == []


def test_readers_in_another_process_and_thread_always_see_whole_days(
    lake: Lake, minutes: Series, session_bars: MakeBars
) -> None:
    bars = session_bars(date(2026, 1, 1), date(2026, 1, 30))
    lake.append(minutes, picked(bars, slice(0, 375)), [])
    code = (
        "import sys; from pathlib import Path; from openalgo_lab.store.history.lake import Lake;"
        "from openalgo_lab.store.history.series import *; from openalgo_lab.model.instruments import InstrumentKey;"
        "from openalgo_lab.model.vocabulary import Exchange;"
        "l = Lake(Path(sys.argv[1])); s = Series(InstrumentKey(Exchange.NSE, 'M&M'), Stored.MINUTE); sizes = [];"
        "print('up', flush=True)\n"
        "while not sizes or sizes[-1] < int(sys.argv[2]): sizes.append(len(l.read(s, 0, 2 * 10**18)))\n"
        "assert sizes == sorted(sizes) and not any(n % 375 for n in sizes), sizes"
    )
    total = len(bars)
    reader = subprocess.Popen([sys.executable, "-c", code, str(lake.root), str(total)], stdout=subprocess.PIPE)
    sizes: list[int] = []

    def read() -> None:
        while not sizes or sizes[-1] < total:
            sizes.append(len(lake.read(minutes, *FOREVER_IN_TIME)))

    thread = threading.Thread(target=read)
    try:
        assert reader.stdout is not None and reader.stdout.readline() == b"up\n"
        thread.start()
        for first in range(375, total, 375):
            lake.append(minutes, picked(bars, slice(first, first + 375)), [])
        assert reader.wait(60) == 0
    finally:
        reader.kill()
        reader.communicate()
        thread.join(60)
    assert sizes == sorted(sizes)
    assert not any(size % 375 for size in sizes)


def test_days_folded_while_a_reader_is_between_two_files_are_not_lost(
    lake: Lake, minutes: Series, session_bars: MakeBars, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = session_bars(date(2026, 1, 1), date(2026, 1, 30))
    lake.append(minutes, picked(bars, slice(0, 375)), [])
    lake.append(minutes, picked(bars, slice(375, 750)), [])
    plain, writer = Parquet._read, Lake(lake.root)

    def slow(self: Parquet, file: Path) -> Bars:
        read = plain(self, file)
        if self is lake._parquet and not done and file.name == "2026.parquet":
            done.append(file)
            writer.append(minutes, picked(bars, slice(750, len(bars) - 375)), [])  # folds
            writer.append(minutes, picked(bars, slice(len(bars) - 375, len(bars))), [])
        return read

    done: list[Path] = []
    monkeypatch.setattr(Parquet, "_read", slow)
    monkeypatch.setattr("openalgo_lab.store.history.parquet._MOST_THREADS", 1)
    monkeypatch.setattr("openalgo_lab.store.history.lake.recent_room", lambda series: 4_000)
    assert same(lake.read(minutes, *FOREVER_IN_TIME), bars)
    assert len(done) == 1


def test_a_writer_killed_at_any_moment_leaves_whole_days_and_covers_none_that_is_not_there(
    lake: Lake, minutes: Series
) -> None:
    code = (
        "import sys; from pathlib import Path; import numpy as np; from openalgo_lab.store.history.lake import Lake;"
        "from openalgo_lab.store.history.series import *; from openalgo_lab.model.instruments import InstrumentKey;"
        "from openalgo_lab.model.vocabulary import Exchange; from openalgo_lab.model.market import Bars;"
        "l = Lake(Path(sys.argv[1])); s = Series(InstrumentKey(Exchange.NSE, 'M&M'), Stored.MINUTE);"
        "step = 60 * 10**9; day = 375 * step; ones = np.ones(375)\n"
        "for n in range(int(sys.argv[2]), 10**6):\n"
        " first = 1767225600 * 10**9 + n * day\n"
        " l.append(s, Bars(np.arange(first, first + day, step), *[ones] * 6), [(first, first + day)])\n"
        " print(n, flush=True)"
    )
    covered = 0
    for kill_after_s in (0.013, 0.047, 0.101):
        writer = subprocess.Popen([sys.executable, "-c", code, str(lake.root), str(covered)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline()
        time.sleep(kill_after_s)
        writer.kill()
        told = covered + 1 + len(writer.communicate()[0].splitlines())
        bars = lake.read(minutes, *FOREVER_IN_TIME)
        assert len(bars) % 375 == 0
        kept = len(bars) // 375
        assert told <= kept <= told + 1
        covered = sum(end - start for start, end in lake.spans(minutes)) // (375 * 60_000_000_000)
        assert told <= covered <= kept
    assert lake.catalogue()[0].damaged == ()


def test_two_writers_of_one_series_lose_nothing(lake: Lake, minutes: Series, session_bars: MakeBars) -> None:
    bars = session_bars(date(2026, 1, 1), date(2026, 1, 14))

    def write(parity: int) -> None:
        mine = Lake(lake.root)
        for first in range(0, len(bars), 125):
            if first // 125 % 2 == parity:
                mine.append(minutes, picked(bars, slice(first, first + 125)), [(first, first + 125)])

    threads = [threading.Thread(target=write, args=(parity,)) for parity in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same(lake.read(minutes, *FOREVER_IN_TIME), bars)
    assert lake.spans(minutes) == ((0, len(bars)),)


def test_a_folder_that_duckdb_would_take_for_a_pattern_is_refused(
    tmp_path: Path, minutes: Series, session_bars: MakeBars
) -> None:
    with pytest.raises(InputError, match="without"):
        Lake(tmp_path / "a*b").append(minutes, session_bars(date(2025, 6, 2), date(2025, 6, 2)), [])


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


@given(spans, st.integers(0, 40), st.integers(0, 40))
def test_spans_are_sets_of_moments(parts: list[tuple[int, int]], start: int, end: int) -> None:
    def moments(some: Iterable[tuple[int, int]]) -> set[int]:
        return {moment for first, last in some for moment in range(first, last)}

    whole = joined(parts)
    assert moments(whole) == moments(parts)
    assert all(one[1] < two[0] for one, two in pairwise(whole))
    assert moments(missing_spans(whole, start, end)) == set(range(start, end)) - moments(whole)
    assert moments(without(whole, start, end)) == moments(whole) - set(range(start, end))


def test_an_answer_without_candles_counts_as_asked_for(lake: Lake, minutes: Series) -> None:
    lake.append(minutes, no_bars(), [(0, 60_000_000_000)])
    assert lake.spans(minutes) == ((0, 60_000_000_000),)
    assert len(lake.read(minutes, *FOREVER_IN_TIME)) == 0


@pytest.mark.parametrize("successor", [1, 40_000])
def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, session_bars: MakeBars, monkeypatch: pytest.MonkeyPatch, successor: int
) -> None:
    """DuckDB opens a file more than once: its foot may be the old one's and its pages the successor's."""
    bars = session_bars(date(2026, 1, 1), date(2026, 3, 31))
    file, mine, other = tmp_path / "2026.parquet", Parquet(), Parquet()
    mine.write(file, bars)
    real = mine.cursor()

    class Looked:
        """The query is bound; then the writer comes."""

        def __init__(self, relation: Any) -> None:
            self._relation = relation

        def fetchnumpy(self) -> Any:
            other.write(file, picked(bars, slice(0, successor)))
            return self._relation.fetchnumpy()

    class Between:
        def execute(self, query: str) -> Any:
            return real.execute(query)

        def sql(self, query: str) -> Looked:
            return Looked(real.sql(query))

    monkeypatch.setattr(mine, "cursor", Between)
    with pytest.raises(FileNotFoundError):
        mine.read([file])
