"""``lab.backtest``: one strategy, one set of parameters, one result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from functools import cache
from typing import TYPE_CHECKING, Any

from openalgo_lab.backtest.market import Market, Tables, make_market
from openalgo_lab.backtest.run import EngineName, run_events, run_vector, vector_fits
from openalgo_lab.backtest.settings import BacktestSettings, FlatCharges, PlanCharges, Slippage
from openalgo_lab.lab.backtest_data import bars_of_frame, named_frames, unique_symbols
from openalgo_lab.lab.backtest_result import BacktestResult
from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.history import span_ns
from openalgo_lab.lab.words import Moment, SymbolLike, word
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.history_commands import PrepareHistory
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import parse_time
from openalgo_lab.model.vocabulary import Product
from openalgo_lab.strategy.strategy import Strategy

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Span", "backtest", "backtest_of", "dated_tables", "instruments_of", "split_terms", "terms"]


Span = tuple[str, Moment] | tuple[str, Moment, Moment]
"""Interval, first candle, and the moment that candles start before (a day is included whole; none = up to now)."""


@cache
def dated_tables() -> Tables:
    """The package's rules and calendar; read once, never changed."""
    return Tables(RuleBook.load(), TradingCalendar.load())


def terms(
    *,
    cash: float = 10_00_000.0,
    product: Product | str = Product.CNC,
    leverage: float = 1.0,
    charges: str | float | PlanCharges | FlatCharges = "discount.zero-delivery",
    slippage: float | Slippage = 0.0,
    volume_share: float = 0.0,
    square_off: str | time | None = None,
    tick_rounding: bool = True,
    derivative_margin: bool = True,
    guard: bool = True,
) -> BacktestSettings:
    """Terms of a run in the words people use: ``charges`` by the name of a broker's plan, or per cent of the value;
    ``slippage`` in per cent; ``square_off`` as ``"15:15"``.
    """
    return BacktestSettings(
        cash=cash,
        product=word(Product, product, "product"),
        leverage=leverage,
        charges=_charges(charges),
        slippage=slippage if isinstance(slippage, Slippage) else Slippage(percent=slippage),
        volume_share=volume_share,
        square_off=parse_time(square_off) if isinstance(square_off, str) else square_off,
        tick_rounding=tick_rounding,
        derivative_margin=derivative_margin,
        guard=guard,
    )


def backtest(
    strategy: type[Strategy],
    bars: Mapping[Instrument, Bars],
    settings: BacktestSettings,
    parameters: Mapping[str, Any],
    *,
    engine: EngineName = "auto",
    options: Mapping[Instrument, Bars] | None = None,
) -> BacktestResult:
    """Run a strategy on bars by instrument, the first one its main one. ``options``: contracts that it may choose of.

    ``engine`` ``"auto"`` takes the vector kernel where it gives the same result. Raises InputError, RuleError.
    """
    from openalgo_lab.backtest.options import RecordedOptions

    unique_symbols(list(bars))
    tables = dated_tables()
    length = 0

    def market(instrument: Instrument, one: Bars) -> Market:
        return make_market(instrument, one, settings, tables, length)

    markets = [market(instrument, one) for instrument, one in bars.items()]
    length = markets[0].length_ns
    listed = None if options is None else RecordedOptions(options, market)
    if engine == "vector" or (engine == "auto" and listed is None and vector_fits(strategy, markets, settings)):
        record = run_vector(strategy, markets[0], settings, tables, parameters)  # type: ignore[arg-type]  # it checks
    else:
        record, _ = run_events(strategy, markets, settings, tables, parameters, options=listed)
    known = strategy.parameters() | dict(parameters)
    return BacktestResult(
        strategy.__name__, known, settings, record, {one.instrument.symbol: one.bars for one in markets}
    )


def backtest_of(
    lab: LabCore,
    strategy: type[Strategy],
    data: pd.DataFrame | Mapping[SymbolLike, pd.DataFrame] | Span,
    *,
    symbol: SymbolLike | None,
    settings: BacktestSettings | None,
    engine: EngineName,
    options: Mapping[SymbolLike, pd.DataFrame] | None,
    more: Mapping[str, Any],
) -> BacktestResult:
    """What ``lab.backtest`` does; its arguments and errors are described there."""
    chosen, parameters = split_terms(strategy, settings, more)
    bars = _universe(lab, strategy, data, symbol) if isinstance(data, tuple) else _bars(lab, named_frames(data, symbol))
    contracts = None if options is None else _bars(lab, list(options.items()))
    return backtest(strategy, bars, chosen, parameters, engine=engine, options=contracts)


def _universe(lab: LabCore, strategy: type[Strategy], span: Span, symbol: SymbolLike | None) -> dict[Instrument, Bars]:
    """The history of the instruments that the strategy names itself, or of ``symbol``, from the lake."""
    from openalgo_lab.lab.history_reading import read_history

    interval, start, *rest = span
    start_ns, end_ns = span_ns(lab, start, rest[0] if rest else None)
    found = {}
    for instrument in instruments_of(lab, strategy, symbol):
        ask = PrepareHistory(instrument.key, interval, start_ns, end_ns)
        found[instrument] = read_history(lab, ask).candles.bars
    return found


def instruments_of(lab: LabCore, strategy: type[Strategy], symbol: SymbolLike | None) -> list[Instrument]:
    """``symbol``'s, or those of the strategy's universe. Raises InputError where there is neither."""
    if symbol is None and not strategy.universe:
        raise InputError(
            f"{strategy.__name__} names no universe: give symbol='SBIN', frames, or universe = ('SBIN', …).", "data"
        )
    return [lab.instrument(name) for name in ((symbol,) if symbol is not None else strategy.universe)]


def _bars(lab: LabCore, frames: list[tuple[SymbolLike, pd.DataFrame]]) -> dict[Instrument, Bars]:
    return {lab.instrument(name): bars_of_frame(frame, f"The frame of {name}") for name, frame in frames}


def split_terms(
    strategy: type[Strategy], settings: BacktestSettings | None, more: Mapping[str, Any]
) -> tuple[BacktestSettings, dict[str, Any]]:
    """(terms, parameters) of what was given by name. A name that both know is the strategy's parameter."""
    names = set(BacktestSettings.__struct_fields__) - set(strategy.parameters())
    given = {name: value for name, value in more.items() if name in names}
    if settings is not None and given:
        raise InputError(f"{next(iter(given))} is given beside settings: say it in one place.", field="settings")
    parameters = {name: value for name, value in more.items() if name not in names}
    return settings or terms(**given), parameters


def _charges(given: str | float | PlanCharges | FlatCharges) -> PlanCharges | FlatCharges:
    if isinstance(given, str):
        return PlanCharges(given)
    return FlatCharges(percent=given) if isinstance(given, int | float) else given
