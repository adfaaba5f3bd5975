"""One call for a run: which engine, with which markets, on which terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from openalgo_lab.backtest.engine import EventEngine, OptionList
from openalgo_lab.backtest.guard import check_causal
from openalgo_lab.backtest.kernel import Exits, Outcome, Size, compiled
from openalgo_lab.backtest.margin import MarginRule, load_margins
from openalgo_lab.backtest.market import Market, Tables, terms_of
from openalgo_lab.backtest.record import Record, record_of_kernel, record_of_run
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars
from openalgo_lab.strategy.series import BarData
from openalgo_lab.strategy.signals import SignalStrategy
from openalgo_lab.strategy.strategy import Strategy

if TYPE_CHECKING:
    from openalgo_lab.strategy.host import StrategyHost

__all__ = ["EngineName", "margin_rule", "run_events", "run_vector", "trade_vector", "vector_fits"]

EngineName = Literal["auto", "event", "vector"]


def margin_rule(settings: BacktestSettings, tables: Tables) -> MarginRule:
    """The account's margin by the settings."""
    rows = load_margins() if settings.derivative_margin else ()
    return MarginRule(settings.leverage, scan=settings.derivative_margin, rows=rows, is_index=tables.rules.is_index)


def run_events(
    strategy: type[Strategy],
    markets: Sequence[Market],
    settings: BacktestSettings,
    tables: Tables,
    parameters: Mapping[str, Any],
    *,
    options: OptionList | None = None,
) -> tuple[Record, Strategy]:
    """Run any strategy through the event-driven engine."""
    engine = EventEngine(markets, settings, margin_rule(settings, tables), options)
    done = engine.run(strategy, parameters)
    return record_of_run(engine), done


def vector_fits(strategy: type[Strategy], markets: Sequence[Market], settings: BacktestSettings) -> bool:
    """Whether the kernel gives the same result: a plain signal strategy on one instrument that is filled at once."""
    plain = issubclass(strategy, SignalStrategy) and all(
        getattr(strategy, name) is getattr(SignalStrategy, name)
        for name in ("init", "on_bar", "on_order", "on_timer", "entry_size")
    )
    return plain and len(markets) == 1 and markets[0].expiry_row < 0 and not settings.volume_share


def run_vector(
    strategy: type[SignalStrategy],
    market: Market,
    settings: BacktestSettings,
    tables: Tables,
    parameters: Mapping[str, Any],
) -> Record:
    """Run a signal strategy through the kernel. Raises InputError where only the event-driven engine is right."""
    if not vector_fits(strategy, [market], settings):
        raise InputError(
            "The vector kernel runs plain signal strategies that are filled at once; use engine='event'.",
            field="engine",
        )
    made = strategy(cast("StrategyHost", SignalHost(market)), parameters)
    margin = margin_rule(settings, tables).rate(market.instrument, market.days[0])
    outcome = trade_vector(made, market, settings, margin, np.empty(len(market)))
    return record_of_kernel(market, outcome, terms_of(market, settings, margin).cash)


def trade_vector(
    made: SignalStrategy, market: Market, settings: BacktestSettings, margin: float, equity: Any
) -> Outcome:
    """The strategy's signals through the kernel; ``equity`` receives the paise at each close, if it is long enough."""
    bars = market.bars
    signals = np.ascontiguousarray(made.signals(bars), dtype=np.int8)
    if signals.shape != bars.close.shape:
        raise InputError(f"{type(made).__name__}.signals gave {signals.shape} values for {len(bars)} bars.", "signals")
    if settings.guard:
        columns = [getattr(bars, name) for name in bars.__struct_fields__]
        check_causal(lambda *past: made.signals(Bars(*past)), columns, (signals,))
    return compiled()(
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
        signals,
        market.zone,
        market.day,
        market.rates,
        market.rate_row,
        terms_of(market, settings, margin),
        Size(int(made.size), float(made.exposure)),
        Exits(float(made.stop_pct), float(made.target_pct), float(made.trail_pct)),
        equity,
    )


class SignalHost:
    """All that a signal strategy may ask while it computes signals: which instrument it is for."""

    def __init__(self, market: Market) -> None:
        data = BarData(market.instrument, market.bars, market.ends_ns)
        self.data = {data.symbol: data}

    def __getattr__(self, name: str) -> Any:
        raise InputError(
            f"signals() may use its bars and the strategy's parameters only, not {name!r}; use on_bar for that.",
            "signals",
        )
