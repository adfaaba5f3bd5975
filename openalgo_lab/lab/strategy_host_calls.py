"""``lab.strategies``: running strategies on accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.lab.backtest import dated_tables, split_terms
from openalgo_lab.lab.backtest_result import BacktestResult
from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.shown import Cell, Shown, amount, text_table
from openalgo_lab.lab.strategy_host_lab import LabGate, StepGate
from openalgo_lab.lab.strategy_host_run import StrategyRun, require_replay
from openalgo_lab.lab.strategy_host_source import load_strategy
from openalgo_lab.lab.strategy_host_ticks import run_ticks
from openalgo_lab.lab.words import SymbolLike, word
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.strategy_commands import (
    AddStrategy,
    GetStrategies,
    GetStrategyLog,
    GetStrategyStarts,
    HostedStrategy,
    RemoveStrategy,
    ScheduleStrategy,
    StartStrategy,
    StopStrategy,
    StrategyInfo,
    StrategyLimits,
    StrategyPnl,
    StrategyRestarts,
    StrategySchedule,
    StrategyStart,
)
from openalgo_lab.model.times import format_ist
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["Strategies", "backtest_on_ticks"]


class Strategies(Shown):
    """Strategies on accounts: :meth:`run` one here and now, or have the engine host it in a process of its own:
    :meth:`add`, :meth:`start`, :meth:`stop`, :meth:`schedule`, :meth:`logs`, :meth:`book`.
    """

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
        name, gate_class = name or strategy.__name__, StepGate if stepped else LabGate
        gate = gate_class(self._lab, name, interval, account=account, product=chosen.product, tables=dated_tables())
        run = StrategyRun(
            self._lab, strategy, instruments, interval, name=name, account=account, settings=chosen,
            parameters=parameters, gate=gate, warm_up=warm_up,
        )  # fmt: skip
        run.begin()
        return run

    # ---- hosted by the engine

    def add(
        self,
        path: Path | str,
        name: str = "",
        *,
        strategy: str = "",
        universe: list[str] | str | None = None,
        interval: str = "1m",
        account: str = "",
        python: str = "",
        warm_up: int = 500,
        limits: StrategyLimits | None = None,
        restarts: StrategyRestarts | None = None,
        upload: bool = False,
        replace: bool = False,
        **more: Any,
    ) -> StrategyInfo:
        """Have the engine host the strategy of a ``.py`` file or a notebook; start it with :meth:`start`.

        Args:
            name: what it is called, and the tag of its orders; "" the file's name.
            strategy: the class, where the file has several.
            universe, interval, account, warm_up: as for :meth:`run`.
            python: the interpreter of another environment in which it runs.
            upload: keep a copy in the profile; otherwise the file is read at each start.
            more: parameters of the strategy and terms by name. The file is loaded to tell one from the other.

        Raises:
            InputError: the file or an argument is wrong.
        """
        file = Path(path).expanduser().resolve()
        found = load_strategy(file, strategy)
        terms = {key: value for key, value in more.items() if key in _TERMS and key not in found.parameters()}
        parameters = {key: value for key, value in more.items() if key not in terms}
        if unknown := set(parameters) - set(found.parameters()):
            names = ", ".join(found.parameters()) or "none"
            raise InputError(f"{found.__name__} has no parameter {min(unknown)!r}; it has: {names}.", "more")
        symbols = [universe] if isinstance(universe, str) else universe
        hosted = HostedStrategy(
            name or file.stem, str(file), found.__name__, tuple(symbols or ()), interval, account, parameters, terms,
            warm_up, python, limits or StrategyLimits(), restarts or StrategyRestarts(),
        )  # fmt: skip
        source = file.read_bytes() if upload else b""
        return self._lab.call(AddStrategy(hosted, source, file.name, replace), _SLOW_S)

    def start(self, name: str) -> StrategyInfo:
        """Start its process now; it is armed for its schedule again."""
        return self._lab.call(StartStrategy(name), _SLOW_S)

    def stop(self, name: str, *, close: bool = False) -> StrategyInfo:
        """End its process: working orders are taken back; ``close`` also leaves its positions at market."""
        return self._lab.call(StopStrategy(name, close), _SLOW_S)

    def remove(self, name: str, *, files: bool = False) -> str:
        """Stop it and forget it; its orders and positions stay as they are."""
        return self._lab.call(RemoveStrategy(name, files), _SLOW_S).message

    def schedule(
        self,
        name: str,
        start: str | None = "09:10",
        stop: str = "15:30",
        *,
        days: str = "mon tue wed thu fri",
        exchange: Exchange | str = Exchange.NSE,
    ) -> StrategyInfo:
        """Run it by the Indian clock on these weekdays, if the exchange trades; ``start=None``: by hand only."""
        if start is None:
            return self._lab.call(ScheduleStrategy(name, None), _SLOW_S)
        numbers = tuple(sorted({_weekday(day) for day in days.replace(",", " ").split()}))
        wanted = StrategySchedule(start, stop, numbers, word(Exchange, exchange, "exchange"))
        return self._lab.call(ScheduleStrategy(name, wanted), _SLOW_S)

    def logs(self, name: str, lines: int = 200) -> str:
        """The end of what it has said."""
        return "\n".join(self._lab.call(GetStrategyLog(name, lines), _SLOW_S).lines)

    def starts(self, name: str) -> tuple[StrategyStart, ...]:
        """Who started it, when, why, and the hash of what ran."""
        return self._lab.call(GetStrategyStarts(name))

    def book(self, name: str) -> StrategyPnl | None:
        """Its own book: profit, charges, positions; None before its first order or bar."""
        return self.info(name).book

    def info(self, name: str) -> StrategyInfo:
        """How one stands. Raises InputError."""
        for one in self.all:
            if one.strategy.name == name:
                return one
        raise InputError(f"There is no hosted strategy {name!r}: add it with lab.strategies.add(FILE).", field="name")

    @property
    def all(self) -> tuple[StrategyInfo, ...]:
        """Every hosted strategy."""
        return self._lab.call(GetStrategies(), _SLOW_S)

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [one.strategy.name for one in self.all]

    def widget(self, **options: Any) -> Any:
        """All of them with their state, profit and log; start, stop, add and schedule them."""
        return import_module("openalgo_lab.ui.strategies").StrategyPanel(self._lab, **options)

    def __repr__(self) -> str:
        found = [_row(one) for one in self.all]
        return text_table(_HEADERS, found) if found else "No hosted strategies: add one with lab.strategies.add(FILE)."

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "Hosted strategies", _HEADERS, [_row(one) for one in self.all]


_SLOW_S: Final = 60.0
_TERMS: Final = frozenset(BacktestSettings.__struct_fields__)
_HEADERS: Final = ("name", "state", "account", "profit ₹", "orders", "next start (IST)", "message")
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _row(one: StrategyInfo) -> tuple[Cell, ...]:
    book = one.book
    return (
        one.strategy.name, one.state.value, one.strategy.account, "" if book is None else amount(book.profit),
        0 if book is None else book.orders, format_ist(one.next_ns)[:16] if one.next_ns else "", one.message,
    )  # fmt: skip


def _weekday(day: str) -> int:
    if day[:3].lower() not in _DAYS:
        raise InputError(f"{day!r} is no weekday: write mon tue wed thu fri sat sun.", field="days")
    return _DAYS.index(day[:3].lower())


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
