"""A strategy at one moment: every leg's price, volatility and forward, and the sheet that all figures come from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from openalgo_lab.engine.option_data.contracts import ChainContracts, load_contracts
from openalgo_lab.engine.option_data.reading import ChainReader, ChainReading
from openalgo_lab.lab.strategy_legs import StrategyLeg
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.option_conventions import OWN, Conventions
from openalgo_lab.model.option_margins import option_margin_rates
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.underlyings import has_spot, spot_exchange
from openalgo_lab.model.vocabulary import InstrumentType, PriceType, Product
from openalgo_lab.options.legs import OPTION_KINDS, Leg, LegSheet
from openalgo_lab.options.margin import HedgedMargin, MarginLeg, hedged_margin
from openalgo_lab.options.payoff import Outcome, outcome

if TYPE_CHECKING:
    from openalgo_lab.engine.board import Board
    from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["LegNow", "StrategyReader", "StrategyReading", "orders_of"]

_NO_YEARS: Final = math.inf


class LegNow(msgspec.Struct, frozen=True):
    """A leg with its contract and its market. ``price`` rupees (NaN: not known), ``iv`` per cent (NaN: no option)."""

    leg: StrategyLeg
    item: Instrument
    price: float
    iv: float
    delta: float
    quiet: bool

    @property
    def entry(self) -> float:
        """What it was, or would now be, entered at."""
        return self.price if self.leg.entry is None else self.leg.entry

    @property
    def lots(self) -> float:
        """Signed."""
        return self.leg.quantity / self.item.lot_size


class StrategyReading(msgspec.Struct, frozen=True):
    """All legs at ``now_ns``. ``spot``: the underlying's level; ``forward``, ``atm_iv`` (per cent): the first expiry's.

    ``complete``: every open leg has a price and, if it is an option, a volatility; else figures may not be shown.
    """

    underlying: str
    legs: tuple[LegNow, ...]
    sheet: LegSheet
    spot: float
    forward: float
    forward_source: str
    atm_iv: float
    days: float
    complete: bool
    now_ns: int
    engine_ns: int

    @property
    def profit(self) -> float:
        """Of the whole strategy since its entries, at the market's own prices, rupees; NaN while a price is missing."""
        total = self.sheet.realised
        for now in self.legs:
            if now.leg.exit is None:
                total += now.leg.quantity * (now.price - now.entry)
        return total

    def outcome(self) -> Outcome:
        """Break-evens, extremes and the probability of profit at the first expiry."""
        return outcome(self.sheet, self.spot, forward=self.forward, volatility=self.atm_iv / 100.0)

    def margin(self, *, is_index: bool) -> HedgedMargin:
        """The estimate with hedges counted. Raises RuleError for a day before the tables begin."""
        today = trade_date(self.now_ns)
        order = sorted({now.item.expiry for now in self.legs if now.item.expiry is not None})
        legs = [
            MarginLeg(
                now.item.kind,
                now.item.strike,
                now.leg.quantity,
                now.price if math.isfinite(now.price) else now.entry,
                order.index(now.item.expiry) if now.item.expiry is not None else 0,
                now.item.expiry == today,
            )
            for now in self.legs
            if now.leg.exit is None
        ]
        return hedged_margin(legs, self.spot, option_margin_rates(today, is_index=is_index))


def orders_of(
    reading: StrategyReading, *, product: Product, price_type: PriceType, strategy: str = ""
) -> tuple[PlaceOrder, ...]:
    """The orders that would open its legs: at market, or limits at the prices of this moment, on tick.

    Raises InputError for a limit where no price is known.
    """
    found = []
    for now in reading.legs:
        price = 0.0
        if price_type is PriceType.LIMIT:
            if not now.price > 0:
                raise InputError(f"{now.item.symbol} has no price to set a limit at: use MARKET.", field="price_type")
            price = round(max(round(now.price / now.item.tick_size), 1) * now.item.tick_size, 4)
        found.append(
            PlaceOrder(
                exchange=now.item.exchange,
                symbol=now.item.symbol,
                side=now.leg.side,
                quantity=abs(now.leg.quantity),
                product=product,
                price_type=price_type,
                price=price,
                strategy=strategy,
            )
        )
    return tuple(found)


class StrategyReader:
    """Reads the legs of one underlying again and again. One thread only. Expired contracts are not listed: they are
    left out by whoever gives the legs.
    """

    def __init__(
        self,
        store: InstrumentStore,
        rules: RuleBook,
        underlying: str,
        legs: Sequence[StrategyLeg],
        *,
        expiry: date | None = None,
        conventions: Conventions = OWN,
        calendar: TradingCalendar | None = None,
    ) -> None:
        self.underlying = underlying
        self.legs = tuple(legs)
        self._items = [store.require(leg.key) for leg in legs]
        listed = store.expiries(underlying)
        wanted = {item.expiry for item in self._items if item.kind in OPTION_KINDS and item.expiry is not None}
        first = expiry or min(wanted, default=listed[0] if listed else None)
        self.chains: dict[date, ChainContracts] = {
            day: load_contracts(store, rules, underlying, day, calendar)
            for day in sorted(wanted | ({first} if first in listed and first is not None else set()))
        }
        self._readers = {day: ChainReader(chain, conventions) for day, chain in self.chains.items()}
        self._spot = self._spot_key(store, underlying)

    @staticmethod
    def _spot_key(store: InstrumentStore, underlying: str) -> InstrumentKey | None:
        listed = store.expiries(underlying)
        exchange = store.chain(underlying, listed[0])[0].exchange if listed else None
        if exchange is not None and has_spot(exchange):
            return InstrumentKey(spot_exchange(underlying, exchange), underlying)
        found = next((item for item in store.by_symbol(underlying) if not item.underlying), None)
        return None if found is None else found.key

    @property
    def keys(self) -> tuple[InstrumentKey, ...]:
        """Everything that has to be on the board."""
        chains = (key for chain in self.chains.values() for key in chain.keys)
        spot = () if self._spot is None else (self._spot,)
        return tuple(dict.fromkeys((*chains, *(leg.key for leg in self.legs), *spot)))

    def read(self, board: Board, now_ns: int, *, traded_only: bool) -> StrategyReading:
        """The strategy now."""
        chains = {day: reader.read(board, now_ns, traded_only=traded_only) for day, reader in self._readers.items()}
        first = chains[min(chains)] if chains else None
        level = self._level(board, first)
        legs, rows = [], []
        for leg, item in zip(self.legs, self._items, strict=True):
            chain = chains.get(item.expiry) if item.expiry is not None and item.kind in OPTION_KINDS else None
            now = self._option(leg, item, chain) if chain is not None else self._other(leg, item, board)
            legs.append(now)
            rows.append(_row(now, chain, level, self._years(item, now_ns)))
        return StrategyReading(
            underlying=self.underlying,
            legs=tuple(legs),
            sheet=LegSheet(rows),
            spot=level,
            forward=level if first is None else first.forward,
            forward_source="spot" if first is None else first.forward_source,
            atm_iv=math.nan if first is None else first.atm_iv,
            days=math.nan if first is None else first.days,
            complete=math.isfinite(level) and all(_is_known(row) for row in rows),
            now_ns=now_ns,
            engine_ns=0 if first is None else first.engine_ns,
        )

    def _level(self, board: Board, first: ChainReading | None) -> float:
        """The spot; without one the first expiry's forward."""
        quote = None if self._spot is None else board.quote(self._spot)
        if quote is not None and math.isfinite(quote.ltp):
            return quote.ltp
        if first is None:
            return math.nan
        return first.spot if math.isfinite(first.spot) else first.forward

    def _option(self, leg: StrategyLeg, item: Instrument, chain: ChainReading) -> LegNow:
        contracts = self.chains[item.expiry] if item.expiry is not None else None
        assert contracts is not None  # the chain was read from it
        index = int(np.argmin(np.abs(contracts.strikes - item.strike)))
        side, other = chain.side(item.kind), chain.side(_other_kind(item.kind))
        iv = float(side["iv"][index])
        quiet = chain.quiet_calls if item.kind is InstrumentType.CE else chain.quiet_puts
        return LegNow(
            leg,
            item,
            float(side["price"][index]),
            iv if math.isfinite(iv) else float(other["iv"][index]),
            float(side["delta"][index]),
            bool(quiet[index]),
        )

    @staticmethod
    def _other(leg: StrategyLeg, item: Instrument, board: Board) -> LegNow:
        quote = board.quote(item.key)
        return LegNow(leg, item, math.nan if quote is None else quote.ltp, math.nan, 1.0, quote is None)

    def _years(self, item: Instrument, now_ns: int) -> float:
        if item.expiry is None:
            return _NO_YEARS
        chain = self.chains.get(item.expiry)
        if chain is not None:
            return max(chain.expiry_ns - now_ns, 0) / (365 * 86_400e9)
        return max((item.expiry - trade_date(now_ns)).days, 0) / 365.0


def _row(now: LegNow, chain: ChainReading | None, level: float, years: float) -> Leg:
    """The leg as the sheet takes it; its forward grows from the level to the chain's own."""
    forward = now.price if chain is None else chain.forward
    lasting = math.isfinite(years) and years > 0 and level > 0 and forward > 0
    return Leg(
        kind=now.item.kind,
        quantity=now.leg.quantity,
        strike=now.item.strike,
        years=years,
        entry=now.entry,
        volatility=now.iv / 100.0,
        growth=math.log(forward / level) / years if lasting else 0.0,
        exit=math.nan if now.leg.exit is None else now.leg.exit,
    )


def _is_known(leg: Leg) -> bool:
    if math.isfinite(leg.exit):
        return True
    return math.isfinite(leg.entry) and (not leg.is_option or math.isfinite(leg.volatility))


def _other_kind(kind: InstrumentType) -> InstrumentType:
    return InstrumentType.PE if kind is InstrumentType.CE else InstrumentType.CE
