"""The clients of the simulated broker: their books in memory, and what positions and orders tie up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Product, Side
from openalgo_lab.sim.account import Holding, Money, OpenNeed, Position
from openalgo_lab.sim.matching import to_units
from openalgo_lab.sim.records import VenueOrder, VenueTrade

__all__ = ["Catalogue", "Client", "Key", "Margins"]

Key = tuple[int, Product]
"""What a position is kept by: instrument token and product."""

_CASH_OF = {Exchange.NFO: Exchange.NSE, Exchange.BFO: Exchange.BSE}
_INDEX_OF = {Exchange.NFO: Exchange.NSE_INDEX, Exchange.BFO: Exchange.BSE_INDEX, Exchange.MCX: Exchange.MCX_INDEX}


class Catalogue:
    """The instruments of one day, and which one each derivative stands on."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.instruments = instruments
        self._by_token = {instrument.token: instrument for instrument in instruments}
        self._by_key = {instrument.key: instrument for instrument in instruments}
        self._with_derivatives = {i.underlying for i in instruments if i.kind is not InstrumentType.EQ and i.underlying}

    def get(self, token: int) -> Instrument | None:
        """The instrument of a token, if it is listed."""
        return self._by_token.get(token)

    def underlying(self, instrument: Instrument) -> Instrument | None:
        """The index or share under a derivative, if it is listed."""
        return self.spot(instrument.exchange, instrument.underlying)

    def spot(self, exchange: Exchange, name: str) -> Instrument | None:
        """The index or share called ``name`` beside the derivatives of ``exchange``."""
        for home in (_INDEX_OF.get(exchange), _CASH_OF.get(exchange)):
            found = self._by_key.get(InstrumentKey(home, name)) if home is not None else None
            if found is not None:
                return found
        return None

    def on_index(self, instrument: Instrument) -> bool:
        """Whether the instrument stands on an index."""
        under = self.underlying(instrument)
        return under is not None and under.kind is InstrumentType.INDEX

    def has_derivatives(self, instrument: Instrument) -> bool:
        """Whether futures or options on a share are listed."""
        return instrument.symbol in self._with_derivatives


class Working(NamedTuple):
    """What the working orders of one side of a key still want: units, and units × the price of their margin."""

    quantity: int = 0
    value: int = 0

    def plus(self, order: VenueOrder, sign: int = 1) -> Working:
        """With an order's rest added (or taken out)."""
        return Working(self.quantity + sign * order.remaining, self.value + sign * order.remaining * order.basis)


class Client:
    """One client's books of the day. ``need`` of a key is what its position and working orders tie up."""

    def __init__(self, name: str, money: Money) -> None:
        self.name = name
        self.money = money
        self.orders: dict[int, VenueOrder] = {}
        self.trades: list[VenueTrade] = []
        self.positions: dict[Key, Position] = {}
        self.holdings: dict[int, Holding] = {}
        self._need: dict[Key, int] = {}
        self._alive: dict[Key, dict[int, VenueOrder]] = {}
        self._counted: dict[int, VenueOrder] = {}  # working orders as they stand in the sums
        self._sums: dict[tuple[Key, Side], Working] = {}

    # Orders ----------------------------------------------------------------------------------------------------

    def add(self, order: VenueOrder) -> None:
        """Put an order into the book of the day."""
        self.orders[order.number] = order
        self.note(order)

    def note(self, order: VenueOrder) -> None:
        """Keep the working orders and their sums in step with an order that has changed."""
        key = (order.token, order.product)
        alive = self._alive.setdefault(key, {})
        total = self._sums.get((key, order.side), Working())
        before = self._counted.pop(order.number, None)
        if before is not None:
            total = total.plus(before, -1)
        if order.state.alive:
            alive[order.number] = order
            self._counted[order.number] = msgspec.structs.replace(order)
            total = total.plus(order)
        else:
            alive.pop(order.number, None)
        self._sums[key, order.side] = total

    def alive(self) -> list[VenueOrder]:
        """Orders that can still trade, oldest first."""
        return sorted((o for orders in self._alive.values() for o in orders.values()), key=lambda o: o.number)

    def busy_exchanges(self) -> set[Exchange]:
        """Where an order works or a position is open."""
        working = {next(iter(orders.values())).exchange for orders in self._alive.values() if orders}
        return working | {Exchange(p.exchange) for p in self.positions.values() if p.quantity}

    def working(self, key: Key, side: Side, extra: VenueOrder | None = None) -> Working:
        """The sums of one side of a key; with ``extra`` as a new order, or in place of the one of its number."""
        total = self._sums.get((key, side), Working())
        if extra is None or extra.side is not side:
            return total
        before = self._counted.get(extra.number)
        return (total.plus(before, -1) if before is not None else total).plus(extra)

    def position(self, order: VenueOrder | VenueTrade) -> Position:
        """The position that an order's fills are booked to, made flat where there is none yet."""
        key = (order.token, order.product)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(order.token, order.exchange.value, order.symbol, order.product)
        return found

    def deliverable(self, token: int, *, but: int = 0) -> int:
        """Shares that may be sold for delivery now: held and bought today, less working sells (order ``but`` apart)."""
        key = (token, Product.CNC)
        held = self.holdings[token].quantity if token in self.holdings else 0
        bought = self.positions[key].quantity if key in self.positions else 0
        own = self._counted.get(but)
        return held + bought - self.working(key, Side.SELL).quantity + (own.remaining if own is not None else 0)

    # Money -----------------------------------------------------------------------------------------------------

    @property
    def used(self) -> int:
        """What positions and working orders tie up."""
        return sum(self._need.values())

    @property
    def available(self) -> int:
        """What may still be tied up."""
        return self.money.cash - self.used

    def set_need(self, key: Key, need: int) -> None:
        """Replace what a key ties up."""
        self._need[key] = need

    def need(self, key: Key) -> int:
        """What a key ties up."""
        return self._need.get(key, 0)

    @property
    def tied(self) -> tuple[Key, ...]:
        """Every key that ties something up, or frees something."""
        return tuple(key for key, need in self._need.items() if need)

    def clear_day(self) -> None:
        """Forget orders, trades and what they tied up; money, positions and holdings stay."""
        self.orders.clear()
        self.trades.clear()
        self._alive.clear()
        self._counted.clear()
        self._sums.clear()
        self._need.clear()
        self.money.realised = 0


class Margins:
    """How much a key of a client ties up, from the catalogue, the day and the underlying's price."""

    def __init__(self, catalogue: Catalogue, day: date, price_of: Callable[[Instrument], int]) -> None:
        self._catalogue = catalogue
        self._day = day
        self._price_of = price_of

    def need(self, client: Client, instrument: Instrument, product: Product, extra: VenueOrder | None = None) -> int:
        """What the key ties up now, or would with the order ``extra`` (which replaces one of its number).

        Orders that close the position need nothing; of several on that side it is the share beyond flat that counts.
        """
        key = (instrument.token, product)
        position = client.positions.get(key)
        quantity = position.quantity if position else 0
        wanted = {side: client.working(key, side, extra) for side in (Side.BUY, Side.SELL)}
        spot = self._spot(instrument) if quantity < 0 or wanted[Side.SELL].quantity else 0
        need = OpenNeed(instrument, product, spot, self._day, self._catalogue.on_index(instrument))
        total = position.margin(need) if position else 0
        for side, orders in wanted.items():
            opening = orders.quantity - max(0, -quantity * side.sign)
            if opening > 0:
                total += need.of(side, opening, orders.value * opening // orders.quantity)
        return total

    def _spot(self, instrument: Instrument) -> int:
        """The underlying's price for options; without a listed underlying the strike stands for it."""
        if not instrument.kind.is_option:
            return 0
        under = self._catalogue.underlying(instrument)
        price = self._price_of(under) if under is not None else 0
        return price or to_units(instrument.strike)
