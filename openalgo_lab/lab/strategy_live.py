"""An option strategy as a live object: its figures now, what it would be, its orders, its place in the book."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Mapping, Sequence
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from openalgo_lab.lab.frames import frame_of
from openalgo_lab.lab.shown import Cell, Shown, amount, text_table
from openalgo_lab.lab.strategy_legs import SavedBook, SavedStrategy, StrategyLeg, legs_of_template
from openalgo_lab.lab.strategy_reading import StrategyReader, StrategyReading, orders_of
from openalgo_lab.lab.words import plain_underlying
from openalgo_lab.model.commands import GetQuotes, PlaceOrder
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.vocabulary import FeedMode, Mode, PriceType, Product, Side
from openalgo_lab.options.legs import NetGreeks
from openalgo_lab.options.margin import HedgedMargin
from openalgo_lab.options.payoff import Outcome
from openalgo_lab.options.scenarios import ValueAtRisk, scenario_table, value_at_risk
from openalgo_lab.options.templates import TEMPLATES, template

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.legs import Legs
    from openalgo_lab.lab.options import OptionCalls

__all__ = ["OptionStrategy"]

_FIRST_S = 2.0
_LOOK_S = 0.01


class OptionStrategy(Shown):
    """Legs of one underlying, live: every look computes from the newest prices."""

    def __init__(self, lab: OptionCalls, underlying: str, legs: Sequence[StrategyLeg], *, name: str = "") -> None:
        if not legs:
            raise InputError("A strategy needs at least one leg: name a template or give legs.", field="legs")
        self._lab = lab
        self.name = name
        self.underlying = plain_underlying(underlying)
        self.legs = tuple(legs)
        self._rules = RuleBook.load()
        self._reader = StrategyReader(lab.handle.instruments, self._rules, self.underlying, legs)
        owner = lab._owner("strategy")
        lab.handle.subscribe(self._reader.keys, FeedMode.QUOTE, owner)
        weakref.finalize(self, lab.handle.unsubscribe, owner)
        lab.call(GetQuotes(self._reader.keys))
        self._await_first()

    @classmethod
    def of_template(
        cls, lab: OptionCalls, key: str, underlying: str, expiry: date | str | None, *, lots: int, width: int | None
    ) -> OptionStrategy:
        """From a template's name. Raises InputError that names some of what there is."""
        try:
            found = template(key)
        except KeyError:
            some = ", ".join(list(TEMPLATES)[:: len(TEMPLATES) // 8])
            raise InputError(f"There is no template {key!r}: try one of {some} …", field="template") from None
        day = parse_expiry(expiry) if isinstance(expiry, str) else expiry
        chain = lab.option_chain(underlying, day)
        later = [one for one in chain.expiries if one > chain.expiry][:1] if found.spans_expiries else []
        chains = [chain.contracts, *(lab.option_chain(underlying, one).contracts for one in later)]
        now = chain.now
        level = now.spot if math.isfinite(now.spot) else now.forward
        return cls(
            lab, chain.underlying, legs_of_template(found, chains, level, lots=lots, width=width), name=found.title
        )

    def _await_first(self) -> None:
        deadline = time.monotonic() + _FIRST_S
        while not self.now.complete and time.monotonic() < deadline:
            time.sleep(_LOOK_S)

    # ---- now

    @property
    def now(self) -> StrategyReading:
        """Everything at this moment."""
        status = self._lab.handle.status
        return self._reader.read(self._lab.handle.board, status.market_ns, traded_only=status.mode is Mode.REPLAY)

    @property
    def profit(self) -> float:
        """Since its entries, at the market's prices, rupees; 0 for one that has not been entered."""
        return self.now.profit

    @property
    def greeks(self) -> NetGreeks:
        """Net sensitivities."""
        now = self.now
        return now.sheet.greeks(now.spot)

    @property
    def outcome(self) -> Outcome:
        """Break-evens, most to win and lose, probability of profit, at the first expiry."""
        return self.now.outcome()

    @property
    def margin(self) -> HedgedMargin:
        """An estimate in rupees, with the benefit of hedges (a broker's own figure may differ by some per cent)."""
        return self.now.margin(is_index=self._rules.is_index(self.underlying))

    # ---- what if

    def payoff(self, *, days: float = 0.0, volatility_points: float = 0.0, points: int = 201) -> pd.DataFrame:
        """Profit by level of the underlying: ``expiry`` and ``then`` (after ``days``, volatilities moved), rupees."""
        now = self.now
        levels = now.spot * np.linspace(0.9, 1.1, points)
        then = now.sheet.profit(levels, days=days, volatility_points=volatility_points)
        columns: Mapping[str, Any] = {"level": levels, "expiry": now.sheet.at_expiry(levels), "then": then}
        return frame_of(columns, "level")

    def scenarios(
        self,
        *,
        moves_pct: Sequence[float] = (-5, -3, -2, -1, 0, 1, 2, 3, 5),
        volatility_points: Sequence[float] = (-4, -2, 0, 2, 4),
        days: float = 0.0,
    ) -> pd.DataFrame:
        """Profit from now on, rupees: volatility moved (rows, points) by spot moved (columns, per cent)."""
        import pandas as pd

        now = self.now
        table = scenario_table(
            [(now.sheet, now.spot)], moves_pct=moves_pct, volatility_points=volatility_points, days=days
        )
        rows = pd.Index(table.volatility_points, name="volatility points")
        return pd.DataFrame(table.profit, index=rows, columns=pd.Index(table.moves_pct, name="spot %"))

    def value_at_risk(self, *, days: float = 1.0, confidence: float = 0.99) -> ValueAtRisk:
        """By revaluation over moves of the at-the-money volatility."""
        now = self.now
        return value_at_risk([(now.sheet, now.spot, now.atm_iv / 100.0)], days=days, confidence=confidence)

    # ---- acting

    def orders(self, *, product: Product = Product.NRML, price_type: PriceType = PriceType.MARKET) -> list[PlaceOrder]:
        """The orders that would open it: at market, or limits at the prices of this moment, on tick."""
        return list(orders_of(self.now, product=product, price_type=price_type, strategy=self.name))

    def place(
        self, *, product: Product = Product.NRML, price_type: PriceType = PriceType.MARKET, policy: str = "independent"
    ) -> Legs:
        """Send all legs as one basket, bought ones first. ``policy`` as for ``place_basket``."""
        return self._lab.place_basket(self.orders(product=product, price_type=price_type), policy=policy)

    def close_out(
        self, *, product: Product = Product.NRML, price_type: PriceType = PriceType.MARKET, policy: str = "independent"
    ) -> Legs:
        """Send the opposite of every open leg as one basket: what was sold is bought back first."""
        opposite = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
        orders = [
            msgspec.structs.replace(order, side=opposite[order.side])
            for order, leg in zip(self.orders(product=product, price_type=price_type), self.legs, strict=True)
            if leg.exit is None
        ]
        return self._lab.place_basket(orders, policy=policy)

    def entered(self, prices: Mapping[str, float] | None = None) -> OptionStrategy:
        """The same, entered at ``prices`` by symbol (None: those of this moment), so that it marks to market."""
        legs = tuple(
            StrategyLeg(now.item.key, now.leg.quantity, (prices or {}).get(now.item.symbol, now.entry), now.leg.exit)
            for now in self.now.legs
        )
        return OptionStrategy(self._lab, self.underlying, legs, name=self.name)

    def save(self, name: str = "") -> SavedStrategy:
        """Keep it in the profile's book; what has no entry price yet is entered at the prices of this moment."""
        now = self.now
        legs = tuple(
            StrategyLeg(one.item.key, one.leg.quantity, None if math.isnan(one.entry) else one.entry, one.leg.exit)
            for one in now.legs
        )
        saved = SavedStrategy(name or self.name, self.underlying, legs, now.now_ns)
        SavedBook(profile_dir(self._lab.profile)).save(saved)
        return saved

    # ---- showing

    def widget(self, **options: Any) -> Any:
        """The strategy builder with these legs."""
        return import_module("openalgo_lab.ui.options").StrategyBuilder(
            self._lab, self.underlying, self.legs, **options
        )

    @property
    def frame(self) -> pd.DataFrame:
        """The legs, one a row."""
        legs = self.now.legs
        columns: Mapping[str, Sequence[Any]] = {
            "symbol": [now.item.symbol for now in legs],
            "side": [now.leg.side.value for now in legs],
            "quantity": [abs(now.leg.quantity) for now in legs],
            "entry": [now.entry for now in legs],
            "price": [now.price for now in legs],
            "iv": [now.iv for now in legs],
            "delta": [now.delta for now in legs],
            "profit": [now.leg.quantity * (now.price - now.entry) for now in legs],
        }
        return frame_of(columns, "symbol")

    def __repr__(self) -> str:
        caption, headers, rows = self._table()
        return f"{caption}\n{text_table(headers, rows)}"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        now = self.now
        rows = [
            (one.leg.side.value, abs(one.leg.quantity), one.item.symbol, one.entry, one.price, one.iv)
            for one in now.legs
        ]
        caption = f"{self.name or 'Strategy'} on {self.underlying}: profit {amount(now.profit)}"
        return caption, ("side", "quantity", "symbol", "entry", "price", "IV %"), rows
