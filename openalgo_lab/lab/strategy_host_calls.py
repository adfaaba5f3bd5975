"""``lab.strategies``: running strategies on accounts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.lab.backtest import dated_tables, split_terms
from openalgo_lab.lab.backtest_result import BacktestResult
from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.strategy_host_run import StrategyRun, require_replay
from openalgo_lab.lab.strategy_host_ticks import run_ticks
from openalgo_lab.lab.words import SymbolLike
from openalgo_lab.model.errors import InputError
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["Strategies", "backtest_on_ticks"]


class Strategies:
    """Strategies on accounts: ``run`` one here and now."""

    def __init__(self, lab: LabCore) -> None:
        self._lab = lab

    def run(
        self,
        strategy: type[Strategy],
        universe: list[SymbolLike] | SymbolLike | None = None,
        interval: str = "1m",
        *,
        account: str = "",
        name: str = "",
        stepped: bool = False,
        warm_up: int = 500,
        settings: BacktestSettings | None = None,
        **more: Any,
    ) -> StrategyRun:
        """Run a strategy on an account of this engine, from this moment on, in this process.

        Args:
            universe: a symbol or a list of symbols to follow, the main one first; None: those that the strategy names.
            account: where it trades: ``"SANDBOX"``, a broker's; "" the default one.
            name: the tag of its orders; "" the class's name.
            stepped: in a replay: go through the recording from where it stands as fast as it can be told, and return
                at its end. Otherwise the run goes on in the background until ``run.stop()``.
            warm_up: bars of the past that it begins with.
            more: the strategy's parameters; and single terms, such as ``cash``, ``product``, ``square_off``.

        Raises:
            InputError, SymbolError: an argument is wrong; nothing was started.
        """
        chosen, parameters = split_terms(strategy, settings, more)
        instruments = [self._lab.instrument(one) for one in _universe(strategy, universe)]
        if stepped:
            require_replay(self._lab)
        run = StrategyRun(
            self._lab, strategy, instruments, interval, name=name or strategy.__name__, account=account,
            settings=chosen, parameters=parameters, stepped=stepped, warm_up=warm_up,
        )  # fmt: skip
        run.begin()
        return run


def backtest_on_ticks(
    strategy: type[Strategy], recording: Path, symbol: SymbolLike | None, settings: BacktestSettings | None,
    more: Mapping[str, Any],
) -> BacktestResult:  # fmt: skip
    """``lab.backtest`` with a recording as its data: ``interval`` may be given by name. Raises ReplayError."""
    terms = dict(more)
    interval = str(terms.pop("interval", "1m"))
    chosen, parameters = split_terms(strategy, settings, terms)
    names = [str(getattr(one, "symbol", one)) for one in _universe(strategy, symbol)]
    record, host = run_ticks(
        recording, strategy, names, interval, settings=chosen, tables=dated_tables(), parameters=parameters
    )
    candles = {name: data.bars() for name, data in host.data.items()}
    return BacktestResult(strategy.__name__, strategy.parameters() | parameters, chosen, record, candles)


def _universe(strategy: type[Strategy], given: list[SymbolLike] | SymbolLike | None) -> list[SymbolLike]:
    if given is None:
        found: list[SymbolLike] = list(strategy.universe)
    else:
        found = given if isinstance(given, list) else [given]
    if not found:
        raise InputError(
            f"{strategy.__name__} names no universe: give symbols, or universe = ('SBIN', …) in the class.", "universe"
        )
    return found
