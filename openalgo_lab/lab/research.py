"""``lab.backtest``, ``lab.sweep``, ``lab.walk_forward``: what is behind them is loaded when the first one is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.words import SymbolLike

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.backtest.run import EngineName
    from openalgo_lab.backtest.settings import BacktestSettings
    from openalgo_lab.lab.backtest import Span
    from openalgo_lab.lab.backtest_result import BacktestResult
    from openalgo_lab.lab.strategy_host_calls import Strategies
    from openalgo_lab.lab.sweep import Method, Where
    from openalgo_lab.lab.sweep_result import SweepResult, WalkForward
    from openalgo_lab.lab.sweep_work import Progress
    from openalgo_lab.model.market import Bars
    from openalgo_lab.strategy.strategy import Strategy

__all__ = ["ResearchCalls"]


class ResearchCalls(LabCore):
    """The part of :class:`~openalgo_lab.lab.Lab` that tries strategies on the past."""

    def backtest(
        self,
        strategy: type[Strategy],
        data: pd.DataFrame | Mapping[SymbolLike, pd.DataFrame] | Span | Path,
        *,
        symbol: SymbolLike | None = None,
        settings: BacktestSettings | None = None,
        engine: EngineName = "auto",
        options: Mapping[SymbolLike, pd.DataFrame] | None = None,
        **more: Any,
    ) -> BacktestResult:
        """Run a strategy on candles: ``lab.backtest(SmaCross, bars, fast=10, slow=30)``.

        Args:
            data: a frame of ``lab.history``, or frames by symbol, the strategy's main instrument first; or a span,
                ``("15m", "2026-01-31")`` or with an end, for the history of the strategy's own ``universe``; or the
                path of a recording: then the strategy runs on its ticks, with ``on_tick``, and is filled as in a
                replay of it (``interval="1m"`` says the bars).
            symbol: the frame's instrument, where it does not say so itself.
            settings: all terms at once, as :func:`~openalgo_lab.lab.backtest.terms` makes them.
            engine: ``"event"``, ``"vector"``, or the fastest that gives the same.
            options: frames of option contracts by symbol, for strategies that choose strikes.
            more: the strategy's parameters; and single terms, such as ``cash``, ``product``, ``charges``, ``slippage``.

        Raises:
            InputError: the frame, a parameter or a term is wrong, or an indicator looks into the future.
            RuleError: the dated tables do not know a day of the run.
        """
        from openalgo_lab.lab.backtest import backtest_of

        if isinstance(data, Path):
            from openalgo_lab.lab.strategy_host_calls import backtest_on_ticks

            return backtest_on_ticks(strategy, data, symbol, settings, more)
        return backtest_of(
            self, strategy, data, symbol=symbol, settings=settings, engine=engine, options=options, more=more
        )

    @property
    def strategies(self) -> Strategies:
        """Strategies on accounts: run one here, or have the engine host it."""
        from openalgo_lab.lab.strategy_host_calls import Strategies

        return Strategies(self)

    def load_backtest(self, path: Path | str) -> BacktestResult:
        """A run that was kept with ``result.save(path)``."""
        from openalgo_lab.lab.backtest_result import BacktestResult

        return BacktestResult.load(path)

    def sweep(
        self,
        strategy: type[Strategy],
        data: pd.DataFrame | Mapping[SymbolLike, pd.DataFrame | Callable[[], Bars]] | Span,
        *,
        symbol: SymbolLike | None = None,
        method: Method = "grid",
        objective: str = "sharpe",
        tries: int = 100,
        seed: int = 0,
        where: Where | None = None,
        executor: Executor | None = None,
        workers: int | None = None,
        progress: bool | Progress = True,
        settings: BacktestSettings | None = None,
        **more: Any,
    ) -> SweepResult:
        """Run a strategy with many sets of parameters:
        ``lab.sweep(SmaCross, bars, fast=range(5, 50, 5), slow=range(20, 200, 10))``.

        Args:
            data: as for :meth:`backtest`. Of a span each worker reads the lake itself, final candles only; a function
                that gives the bars, such as ``lab.lake.reader(...)``, is called where the work is done.
            method: every combination; ``tries`` by chance; or ``tries`` that Optuna asks for, to better ``objective``.
                The last two take spans too: ``fast=Between(5, 50)``.
            objective: a figure of the result's frame.
            seed: the same seed gives the same tries.
            where: which combinations make sense, for example ``lambda p: p["fast"] < p["slow"]``.
            executor: any ``concurrent.futures`` executor, Dask's ``client.get_executor()`` included. None: here, or in
                ``workers`` processes where an event-driven strategy has much to do.
            progress: a bar in notebooks; or a function that hears (done, of how many).
            more: parameters (several values are varied, single ones hold for all) and terms, as for :meth:`backtest`.

        Raises:
            InputError: an argument is wrong, or an indicator looks into the future.
        """
        from openalgo_lab.lab.sweep import sweep_of

        return sweep_of(
            self, strategy, data, symbol=symbol, method=method, objective=objective, tries=tries, seed=seed,
            where=where, executor=executor, workers=workers, progress=progress, settings=settings, more=more,
        )  # fmt: skip

    def walk_forward(
        self,
        strategy: type[Strategy],
        data: pd.DataFrame | Mapping[SymbolLike, pd.DataFrame] | Span,
        *,
        train_days: int,
        test_days: int,
        symbol: SymbolLike | None = None,
        objective: str = "sharpe",
        anchored: bool = False,
        where: Where | None = None,
        progress: bool | Progress = True,
        settings: BacktestSettings | None = None,
        **more: Any,
    ) -> WalkForward:
        """Choose the best of a grid on ``train_days`` trading days, trade it on the next ``test_days``, move on.

        ``anchored`` training spans all begin with the first day. Each test span starts flat, its indicators know what
        came before. Otherwise as :meth:`sweep` with ``method="grid"``.
        """
        from openalgo_lab.lab.sweep import walk_forward_of

        return walk_forward_of(
            self, strategy, data, train_days=train_days, test_days=test_days, symbol=symbol, objective=objective,
            anchored=anchored, where=where, progress=progress, settings=settings, more=more,
        )  # fmt: skip
