"""Options through the facade: chains, Greeks, strategies and the widgets that show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from openalgo_lab.lab.frames import frame_of
from openalgo_lab.lab.option_greeks import GreeksBook
from openalgo_lab.lab.pairs import Ask, awaited, blocking
from openalgo_lab.lab.structures import StructureCalls
from openalgo_lab.lab.words import SymbolLike, plain_underlying
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.option_commands import (
    GetOptionGreeks,
    GetStrikes,
    GetSyntheticFuture,
    OptionGreeks,
    SyntheticFuture,
)
from openalgo_lab.model.option_conventions import OWN, Conventions
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.vocabulary import Exchange

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from openalgo_lab.lab.chain import OptionChain
    from openalgo_lab.lab.chain_recorder import ChainRecorder
    from openalgo_lab.lab.strategy_legs import SavedStrategy
    from openalgo_lab.lab.strategy_live import OptionStrategy

__all__ = ["OptionCalls"]


class OptionCalls(StructureCalls):
    """The part of :class:`~openalgo_lab.lab.Lab` about options."""

    def option_chain(
        self, underlying: str, expiry: date | str | None = None, *, conventions: Conventions = OWN
    ) -> OptionChain:
        """The live option chain of one expiry (None = the nearest). ``.frame`` for pandas; shows as a widget.

        ``conventions``: model, clock and rate of volatilities and Greeks; ``EXCHANGE`` are those that are published.
        """
        from openalgo_lab.lab.chain import OptionChain

        return OptionChain.of(self, underlying, expiry, conventions)

    def record_chain(
        self, underlying: str = "NIFTY", *, expiries: int = 4, every_s: float = 60.0, path: Path | str | None = None
    ) -> ChainRecorder:
        """Record snapshots of the nearest ``expiries`` to a file that :class:`Lab` can replay, until ``.stop()``.

        Args:
            path: a Parquet file; None puts it into the profile's folder ``chains``.
        """
        from openalgo_lab.lab.chain_recorder import ChainRecorder

        first = self.option_chain(underlying)
        later = [self.option_chain(underlying, day) for day in first.expiries[1:expiries]]
        return ChainRecorder(self, [first, *later], every_s=every_s, path=path)

    def _option_greeks(
        self,
        symbols: SymbolLike | Iterable[SymbolLike],
        exchange: Exchange | str | None = None,
        *,
        forward: float | None = None,
        conventions: Conventions = OWN,
    ) -> Ask[tuple[OptionGreeks, ...], GreeksBook]:
        """Volatility and Greeks of one contract or of many (a list); ``.frame`` for pandas.

        Args:
            forward: rupees; None takes the market's own: future, else put-call parity, else the spot with carry.
            conventions: model, clock and rate.
        """
        many: Iterable[Any] = symbols if isinstance(symbols, list | set) else [symbols]
        keys = tuple(self.instrument(symbol, exchange).key for symbol in many)
        return Ask(GetOptionGreeks(keys, conventions, forward), GreeksBook)

    def _synthetic_future(
        self, underlying: str, expiry: date | str | None = None
    ) -> Ask[SyntheticFuture, SyntheticFuture]:
        """Strike + call - put at the money of one expiry (None = the nearest), and its basis against the spot."""
        return Ask(GetSyntheticFuture(plain_underlying(underlying), _day(expiry)), _same)

    def _strikes(self, underlying: str, expiry: date | str | None = None) -> Ask[tuple[float, ...], tuple[float, ...]]:
        """Listed strikes of one expiry (None = the nearest), ascending."""
        return Ask(GetStrikes(plain_underlying(underlying), _day(expiry)), partial(cast, tuple[float, ...]))

    option_greeks, option_greeks_async = blocking(_option_greeks), awaited(_option_greeks)
    synthetic_future, synthetic_future_async = blocking(_synthetic_future), awaited(_synthetic_future)
    strikes, strikes_async = blocking(_strikes), awaited(_strikes)

    # ---- strategies

    def option_strategy(
        self,
        template: str,
        underlying: str = "NIFTY",
        expiry: date | str | None = None,
        *,
        lots: int = 1,
        width: int | None = None,
    ) -> OptionStrategy:
        """A strategy by its name: ``lab.option_strategy("iron condor", "NIFTY")``. Nothing is sent.

        Args:
            width: listed strikes between two steps of the template; None is about 0.4 % of the level.
        """
        from openalgo_lab.lab.strategy_live import OptionStrategy

        return OptionStrategy.of_template(self, template, underlying, expiry, lots=lots, width=width)

    def option_legs(self, legs: Iterable[tuple[SymbolLike, int]], *, name: str = "") -> OptionStrategy:
        """A strategy by hand: (symbol, signed units) of one underlying, bought +, sold -."""
        from openalgo_lab.lab.strategy_legs import StrategyLeg
        from openalgo_lab.lab.strategy_live import OptionStrategy

        items = [(self.instrument(symbol), quantity) for symbol, quantity in legs]
        names = {item.underlying or item.symbol for item, _ in items}
        if len(names) != 1:
            found = ", ".join(sorted(names)) or "none"
            raise InputError(f"The legs of a strategy are on one underlying; these are on {found}.", field="legs")
        chosen = [StrategyLeg(item.key, quantity) for item, quantity in items]
        return OptionStrategy(self, names.pop(), chosen, name=name)

    def saved_strategies(self) -> Sequence[SavedStrategy]:
        """The profile's book of strategies, by name."""
        from openalgo_lab.lab.strategy_legs import SavedBook

        return tuple(SavedBook(profile_dir(self.profile)).load().values())

    def strategy_book(self) -> pd.DataFrame:
        """The saved strategies marked to market, one a row: profit since their entries, Greeks, margin (rupees).

        NaN where a price is missing; strategies whose contracts have expired are left out.
        """
        store, rows = self.handle.instruments, []
        for saved in self.saved_strategies():
            if not all(store.find(leg.key) for leg in saved.legs):
                continue
            strategy = self.saved_strategy(saved.name)
            now, greeks = strategy.now, strategy.greeks
            rows.append((saved.name, saved.underlying, len(saved.legs), now.profit, greeks.delta, greeks.theta,
                         greeks.vega, strategy.margin.total))  # fmt: skip
        names = ("name", "underlying", "legs", "profit", "delta", "theta", "vega", "margin")
        return frame_of(dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True)), "name")

    def saved_strategy(self, name: str) -> OptionStrategy:
        """One of them, live: it marks to market. Raises InputError for a name that is not in the book."""
        from openalgo_lab.lab.strategy_legs import SavedBook
        from openalgo_lab.lab.strategy_live import OptionStrategy

        book = SavedBook(profile_dir(self.profile)).load()
        if name not in book:
            raise InputError(f"There is no saved strategy {name!r}: choose from {', '.join(book) or 'none'}.", "name")
        saved = book[name]
        return OptionStrategy(self, saved.underlying, saved.legs, name=saved.name)

    # ---- pages

    def strategy_builder(self, underlying: str = "NIFTY", **options: Any) -> Any:
        """Legs, payoff, what-if and orders of a strategy, live."""
        return self._page("StrategyBuilder", underlying, **options)

    def volatility(self, underlying: str = "NIFTY", expiry: date | str | None = None, **options: Any) -> Any:
        """Smile, skew, term structure and surface, live."""
        return self._page("VolatilityView", underlying, expiry, **options)

    def open_interest(self, underlying: str = "NIFTY", expiry: date | str | None = None, **options: Any) -> Any:
        """Open interest, max pain and gamma exposure by strike, live."""
        return self._page("InterestView", underlying, expiry, **options)

    def straddle(self, underlying: str = "NIFTY", expiry: date | str | None = None, **options: Any) -> Any:
        """The rolling straddle of the day, what selling it made, a contract's volatility and Greeks."""
        return self._page("SessionView", underlying, expiry, **options)

    def portfolio_risk(self, account: str = "", **options: Any) -> Any:
        """Net Greeks, scenarios and value at risk of the open positions."""
        return self._page("PortfolioView", account, **options)

    def _page(self, name: str, *args: object, **options: Any) -> Any:
        # By name: the user interface stands above this floor and is loaded only by who wants to see it.
        return getattr(import_module("openalgo_lab.ui.options"), name)(self, *args, **options)


def _day(expiry: date | str | None) -> date | None:
    return parse_expiry(expiry) if isinstance(expiry, str) else expiry


def _same(answer: SyntheticFuture) -> SyntheticFuture:
    return answer
