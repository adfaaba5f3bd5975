"""``lab.sweep`` and ``lab.walk_forward``: many sets of parameters, and what the best does on days it never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from openalgo_lab.backtest.grid import Choices, Parameters, all_of, drawn, fixed_and_varied
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.backtest.sweep import Tried
from openalgo_lab.lab.backtest import Span, backtest, instruments_of, split_terms
from openalgo_lab.lab.backtest_data import bars_of_frame, named_frames
from openalgo_lab.lab.backtest_result import BacktestResult
from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.search import optuna_search
from openalgo_lab.lab.sweep_result import SweepResult, WalkForward, better
from openalgo_lab.lab.sweep_work import Job, Progress, Source, run_job
from openalgo_lab.lab.walk import walk_forward
from openalgo_lab.lab.words import SymbolLike
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars
from openalgo_lab.strategy.strategy import Strategy

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.model.instruments import Instrument

__all__ = ["Method", "Where", "sweep_of", "walk_forward_of"]

Method = Literal["grid", "random", "optuna"]
Where = Callable[[Mapping[str, Any]], bool]


def sweep_of(
    lab: LabCore,
    strategy: type[Strategy],
    data: pd.DataFrame | Mapping[SymbolLike, pd.DataFrame | Callable[[], Bars]] | Span,
    *,
    symbol: SymbolLike | None,
    method: Method,
    objective: str,
    tries: int,
    seed: int,
    where: Where | None,
    executor: Executor | None,
    workers: int | None,
    progress: bool | Progress,
    settings: BacktestSettings | None,
    more: Mapping[str, Any],
) -> SweepResult:
    """What ``lab.sweep`` does; its arguments and errors are described there."""
    better(objective)
    chosen, parameters = split_terms(strategy, settings, more)
    fixed, varied = _named(strategy, parameters)
    job = Job(strategy, _sources(lab, strategy, data, symbol), chosen)
    hear = _hearer(progress)

    def run(some: Sequence[Parameters]) -> Tried:
        full = [{**fixed, **one} for one in some]
        return run_job(job, full, executor=executor, workers=workers, progress=hear)

    if method == "optuna":
        tried_of = optuna_search(run, varied, objective, tries=tries, seed=seed, where=where, batch=workers or 8)
        combinations, tried = tried_of
    else:
        combinations = all_of(varied, where) if method == "grid" else drawn(varied, tries, seed, where)
        tried = run(combinations)
    return SweepResult(strategy.__name__, combinations, tried, objective, _rerun(job, fixed))


def walk_forward_of(
    lab: LabCore,
    strategy: type[Strategy],
    data: pd.DataFrame | Mapping[SymbolLike, pd.DataFrame] | Span,
    *,
    train_days: int,
    test_days: int,
    symbol: SymbolLike | None,
    objective: str,
    anchored: bool,
    where: Where | None,
    progress: bool | Progress,
    settings: BacktestSettings | None,
    more: Mapping[str, Any],
) -> WalkForward:
    """What ``lab.walk_forward`` does; its arguments and errors are described there."""
    chosen, parameters = split_terms(strategy, settings, more)
    fixed, varied = _named(strategy, parameters)
    job = Job(strategy, _sources(lab, strategy, data, symbol), chosen)
    combinations = [{**fixed, **one} for one in all_of(varied, where)]
    return walk_forward(
        job,
        combinations,
        objective=objective,
        train_days=train_days,
        test_days=test_days,
        anchored=anchored,
        progress=_hearer(progress),
    )


def _sources(
    lab: LabCore, strategy: type[Strategy], data: pd.DataFrame | Mapping[Any, Any] | Span, symbol: SymbolLike | None
) -> tuple[tuple[Instrument, Source], ...]:
    if isinstance(data, tuple):
        return _lake_sources(lab, instruments_of(lab, strategy, symbol), data)
    pairs: list[tuple[Any, Any]] = named_frames(data, symbol)
    return tuple(
        (lab.instrument(name), one if callable(one) else bars_of_frame(one, f"The frame of {name}"))
        for name, one in pairs
    )


def _lake_sources(lab: LabCore, instruments: list[Instrument], span: Span) -> tuple[tuple[Instrument, Source], ...]:
    """Readers of the lake: a worker is sent where the candles lie, and reads them itself."""
    from openalgo_lab.lab.history_lake import HistoryLake

    lake = HistoryLake(lab)
    return tuple((instrument, lake.reader(instrument, *span)) for instrument in instruments)


def _named(strategy: type[Strategy], parameters: Mapping[str, Any]) -> tuple[Parameters, dict[str, Choices]]:
    known = strategy.parameters()
    if unknown := [name for name in parameters if name not in known]:
        names = ", ".join(known) or "none"
        raise InputError(f"{strategy.__name__} has no parameter {unknown[0]!r}; it has: {names}.", field=unknown[0])
    return fixed_and_varied(parameters)


def _rerun(job: Job, fixed: Parameters) -> Callable[[Mapping[str, Any]], BacktestResult]:
    def run(parameters: Mapping[str, Any]) -> BacktestResult:
        bars = {instrument: source() if callable(source) else source for instrument, source in job.sources}
        return backtest(job.strategy, bars, job.settings, {**fixed, **parameters})

    return run


def _hearer(progress: bool | Progress) -> Progress | None:
    """A progress bar where there is a notebook to show it in."""
    if callable(progress):
        return progress
    if not progress or not _in_notebook():
        return None
    return cast("Progress", import_module("openalgo_lab.ui.backtest.progress").ProgressBar())


def _in_notebook() -> bool:
    import sys

    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return found is not None and type(found).__name__ == "ZMQInteractiveShell"
