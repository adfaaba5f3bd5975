"""``lab.sweep``: the same result wherever it is computed; searches; what is left out of sample."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from openalgo_lab import Lab
from openalgo_lab.backtest.grid import Between
from openalgo_lab.backtest.sweep import FIGURES
from openalgo_lab.lab.backtest_data import bars_of_frame
from openalgo_lab.lab.sweep_result import SweepResult
from openalgo_lab.lab.walk import spans
from openalgo_lab.model.errors import InputError
from tests.lab.strategies import Cross, SlowCross
from tests.support.lake_readers import check_readers

GRID: dict[str, Any] = {"fast": range(3, 12, 3), "slow": [15, 25, 40]}
TERMS: dict[str, Any] = {"product": "MIS", "leverage": 5, "slippage": 0.01, "progress": False}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENALGO_LAB_HOME", str(tmp_path_factory.mktemp("home")))
        with Lab("sweeps", seed=3, hours="exchange") as opened:
            yield opened


@pytest.fixture(scope="module")
def bars(lab: Lab) -> pd.DataFrame:
    return lab.history("SBIN", "15m", "2026-07-01", "2026-10-30", exchange="NSE")


@pytest.fixture(scope="module")
def swept(lab: Lab, bars: pd.DataFrame) -> SweepResult:
    return lab.sweep(Cross, bars, **GRID, **TERMS)


def same(one: SweepResult, other: SweepResult) -> None:
    assert one.combinations == other.combinations
    np.testing.assert_array_equal(one.figures, other.figures)
    np.testing.assert_array_equal(one.returns, other.returns)


def test_each_try_is_the_single_run(lab: Lab, bars: pd.DataFrame, swept: SweepResult) -> None:
    assert len(swept) == 9
    for row in (0, 4, 8):
        single = swept.run(**swept.combinations[row]).stats
        np.testing.assert_allclose(swept.figures[row], single[list(FIGURES)], rtol=1e-9)
    frame = swept.frame
    assert frame.loc[swept.best_row, "sharpe"] == frame["sharpe"].max()
    assert list(frame.columns[:2]) == ["fast", "slow"]
    table = swept.table("fast", "slow")
    assert table.loc[swept.best["slow"], swept.best["fast"]] == frame["sharpe"].max()
    assert "Best 9 of 9 tries of Cross" in swept._repr_html_()
    assert 0 <= swept.deflated_sharpe <= 1
    assert 0 <= swept.overfitting(4) <= 1


def test_threads_and_processes_give_the_same(lab: Lab, bars: pd.DataFrame, swept: SweepResult) -> None:
    with ThreadPoolExecutor(2) as pool:
        same(lab.sweep(Cross, bars, executor=pool, **GRID, **TERMS), swept)
    heard: list[tuple[int, int]] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        terms = {**TERMS, "progress": lambda done, of: heard.append((done, of))}
        same(lab.sweep(Cross, bars, executor=pool, **GRID, **terms), swept)
    assert heard[-1] == (9, 9)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


def test_a_dask_cluster_gives_the_same(lab: Lab, bars: pd.DataFrame, swept: SweepResult, tmp_path: Path) -> None:
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    # A busy machine may take its time to start the workers: that is no failure of the sweep.
    patience = {"distributed.comm.timeouts.connect": "180s", "distributed.comm.timeouts.tcp": "180s"}
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        dask.config.set(patience),
        distributed.LocalCluster(**options, silence_logs=40) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = client.get_executor()

        class Local(Cross):
            """Written here, as in a notebook: no worker can import it."""

        same(lab.sweep(Local, bars, executor=executor, **GRID, **TERMS), swept)
        read = {"NSE:SBIN": Reader(bars)}
        same(lab.sweep(Cross, read, executor=executor, **GRID, **TERMS), swept)
        check_readers(executor, tmp_path)  # its workers read the lake while it is written


class Reader:
    """Reads where it is called."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def __call__(self) -> Any:
        return bars_of_frame(self.frame)


def test_event_driven_strategies_sweep_too(lab: Lab, bars: pd.DataFrame) -> None:
    result = lab.sweep(SlowCross, bars, fast=[3, 6], slow=20, **TERMS)
    assert result.combinations == [{"fast": 3}, {"fast": 6}]
    single = lab.backtest(SlowCross, bars, fast=6, slow=20, product="MIS", leverage=5, slippage=0.01).stats
    np.testing.assert_allclose(result.figures[1], single[list(FIGURES)], rtol=1e-9)


def test_searches_are_repeatable(lab: Lab, bars: pd.DataFrame) -> None:
    spans_given: dict[str, Any] = {"fast": Between(2, 14), "slow": Between(15, 60, step=5)}

    def where(one: Any) -> bool:
        return bool(one["slow"] > 2 * one["fast"])

    drawn = [
        lab.sweep(Cross, bars, method="random", tries=12, seed=seed, where=where, **spans_given, **TERMS)
        for seed in (4, 4, 5)
    ]
    same(drawn[0], drawn[1])
    assert drawn[0].combinations != drawn[2].combinations
    assert len({tuple(one.items()) for one in drawn[0].combinations}) == 12
    assert all(where(one) and one["slow"] % 5 == 0 for one in drawn[0].combinations)

    found = [
        lab.sweep(Cross, bars, method="optuna", tries=16, seed=4, where=where, workers=4, **spans_given, **TERMS)
        for _ in range(2)
    ]
    same(found[0], found[1])
    assert len(found[0]) == 16
    assert all(where(one) for one in found[0].combinations)


def test_walk_forward_never_sees_its_test(lab: Lab, bars: pd.DataFrame) -> None:
    walk = lab.walk_forward(Cross, bars, train_days=30, test_days=10, **GRID, **TERMS)
    frame = walk.frame
    days = sorted({moment.date() for moment in bars.index})
    assert frame["test_from"].tolist() == [str(days[at]) for at in range(30, len(days), 10)]
    assert (frame["train_from"] < frame["test_from"]).all()
    assert len(walk.returns) == len(days) - 30 == len(walk.equity)
    changed = bars.copy()
    changed.attrs = bars.attrs
    later = changed.index >= frame["test_from"].iloc[2]
    changed.loc[later, ["open", "high", "low", "close"]] *= 1.3
    other = lab.walk_forward(Cross, changed, train_days=30, test_days=10, **GRID, **TERMS).frame
    pd.testing.assert_frame_equal(frame.iloc[:2], other.iloc[:2])
    assert np.isfinite(walk.efficiency)
    anchored = lab.walk_forward(Cross, bars, train_days=30, test_days=10, anchored=True, **GRID, **TERMS)
    assert set(anchored.frame["train_from"]) == {str(days[0])}


def test_spans_cover_the_days() -> None:
    assert list(spans(25, 10, 6, anchored=False)) == [(0, 10, 16), (6, 16, 22), (12, 22, 25)]
    assert list(spans(25, 10, 6, anchored=True)) == [(0, 10, 16), (0, 16, 22), (0, 22, 25)]
    with pytest.raises(InputError, match="not enough"):
        list(spans(10, 10, 5, anchored=False))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"fast": 3}, "varies something"),
        ({"fast": []}, "no value to try"),
        ({"fats": [1, 2]}, "no parameter 'fats'"),
        ({"fast": [1, 2], "objective": "luck"}, "no figure 'luck'"),
        ({"fast": Between(1, 5)}, "method='random'"),
        ({"fast": [1, 2], "where": lambda one: False}, "loosen it"),
    ],
)
def test_mistakes_are_told(lab: Lab, bars: pd.DataFrame, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        lab.sweep(Cross, bars, progress=False, **given)
