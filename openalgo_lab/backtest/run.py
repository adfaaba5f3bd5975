"""One call for a run: which engine, with which markets, on which terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.engine import EventEngine, OptionList
from openalgo_lab.backtest.guard import check_causal
from openalgo_lab.backtest.kernel import RATE_FIELDS, Exits, Outcome, Size, Terms, compiled
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

__all__ = [
    "EngineName",
    "SignalHost",
    "margin_rule",
    "run_events",
    "run_vector",
    "signals_of",
    "trade",
    "trade_vector",
    "vector_fits",
    "warm_up",
]

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
    first: int = 0,
) -> tuple[Record, Strategy]:
    """Run any strategy through the event-driven engine, from the bar ``first`` on (earlier ones feed indicators)."""
    engine = EventEngine(markets, settings, margin_rule(settings, tables), options, first=first)
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
    return trade(
        made, signals_of(made, market, guard=settings.guard), market, terms_of(market, settings, margin), equity
    )


def signals_of(made: SignalStrategy, market: Market, *, guard: bool) -> npt.NDArray[np.int8]:
    """The strategy's signals on the market's bars. Raises InputError where they do not fit or look into the future."""
    bars = market.bars
    signals = np.ascontiguousarray(made.signals(bars), dtype=np.int8)
    if signals.shape != bars.close.shape:
        raise InputError(f"{type(made).__name__}.signals gave {signals.shape} values for {len(bars)} bars.", "signals")
    if guard:
        columns = [getattr(bars, name) for name in bars.__struct_fields__]
        check_causal(lambda *past: made.signals(Bars(*past)), columns, (signals,))
    return signals


def trade(
    made: SignalStrategy, signals: npt.NDArray[np.int8], market: Market, terms: Terms, equity: npt.NDArray[np.float64]
) -> Outcome:
    """Signals through the kernel, with the strategy's size and exits."""
    bars = market.bars
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
        terms,
        Size(int(made.size), float(made.exposure)),
        Exits(float(made.stop_pct), float(made.target_pct), float(made.trail_pct)),
        equity,
    )


def warm_up() -> None:
    """Have the kernel's machine code ready: some seconds the first time on a machine, then a part of one.

    For whoever has idle time before a user asks: a page's pool, an engine after its start.
    """
    empty, bytes_, numbers = np.empty(0), np.empty(0, dtype=np.int8), np.empty(0, dtype=np.int32)
    prices = (empty,) * 5
    terms = Terms(1, 1.0, 1, 100.0, 5.0, 1.0, 0.0, 0.0, 0.0, 0)
    charges = np.zeros((1, len(RATE_FIELDS)))
    compiled()(
        *prices, bytes_, bytes_, numbers, charges, numbers, terms, Size(0, 1.0), Exits(0.0, 0.0, 0.0), np.empty(0)
    )


_REMEMBERED: Final = 256 * 2**20


class SignalHost:
    """All that a signal strategy may ask while it computes signals. It keeps columns that several runs share, up to
    256 MiB of them; those of other bars than the market's own are computed each time.
    """

    def __init__(self, market: Market) -> None:
        data = BarData(market.instrument, market.bars, market.ends_ns)
        self.data = {data.symbol: data}
        self._own = {id(getattr(market.bars, name)) for name in market.bars.__struct_fields__}
        self._kept: dict[tuple[Any, ...], Any] = {}
        self._bytes = 0

    def shared(self, function: Any, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """What the function gives; computed once for the market's own columns."""
        columns = [item for item in inputs if isinstance(item, np.ndarray)]
        if not all(id(column) in self._own for column in columns):
            return function(*inputs, **options)
        named = tuple(id(item) if isinstance(item, np.ndarray) else item for item in inputs)
        key = (function, named, tuple(sorted(options.items())))
        if key not in self._kept:
            made = function(*inputs, **options)
            self._bytes += sum(part.nbytes for part in (made if isinstance(made, tuple) else (made,)))
            if self._bytes > _REMEMBERED:
                return made
            self._kept[key] = made
        return self._kept[key]

    def __getattr__(self, name: str) -> Any:
        raise InputError(
            f"signals() may use its bars and the strategy's parameters only, not {name!r}; use on_bar for that.",
            "signals",
        )
