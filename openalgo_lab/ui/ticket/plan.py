"""What a kind of order adds to a ticket: its fields, its own checks, its command, and what it will do in words.

A plan first makes a plain ticket of the fields (:meth:`Plan.plain`), which the risk gate's checks judge as ever; only
what is beyond that is the plan's own. Nothing here knows a widget or an engine.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, ClassVar, Final

import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.money import format_qty, is_on_tick, nearest_ticks
from openalgo_lab.model.vocabulary import PriceType, Product, Side, Validity
from openalgo_lab.ui.ticket.kinds import Extra, TicketKind
from openalgo_lab.ui.ticket.state import TicketState, decimal, price_text, price_types_for, products_for, whole

__all__ = ["ONE_PRICE", "Facts", "Faults", "Plan", "Shape", "at", "price_fault", "units_fault", "units_text", "verb"]

Faults = Iterator[tuple[str, str]]


class Facts(msgspec.Struct, frozen=True):
    """What a plan must know: units held (signed), the last price, listed expiries, why no option is found."""

    held: int = 0
    last: float = math.nan
    expiries: tuple[date, ...] = ()
    note: str = ""


class Shape(msgspec.Struct, frozen=True):
    """How a field looks. ``unit`` gives it steppers; ``options`` (key, words) make it a list."""

    key: str
    label: str
    unit: str = ""
    decimal: bool = False
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()


ONE_PRICE: Final = frozenset({PriceType.MARKET, PriceType.LIMIT})
"""Price types without a trigger."""


class Plan(ABC):
    """One kind with its fields as they stand. ``hides``: parts of the form that the kind does not need.

    ``names``: whose place the fault of a plain order's field takes.
    """

    kind: ClassVar[TicketKind]
    hides: ClassVar[frozenset[str]] = frozenset()
    types: ClassVar[frozenset[PriceType]] = frozenset(PriceType)
    names: ClassVar[Mapping[str, str]] = {}

    def __init__(self, state: TicketState, facts: Facts) -> None:
        self.state = state
        self.facts = facts

    @property
    def symbol(self) -> str:
        """What it is for."""
        return self.state.instrument.symbol if self.state.instrument else "–"

    @property
    def lot(self) -> int:
        """Units of a lot."""
        return self.state.instrument.lot_size if self.state.instrument else 1

    @property
    def extra(self) -> Extra:
        """Its own fields."""
        return self.state.extra

    @property
    def what(self) -> str:
        """As the button begins: ``BUY 65 NIFTY01DEC2626000CE``."""
        return f"{self.state.side} {units_text(self.state.quantity)} {self.symbol}"

    @property
    def does(self) -> str:
        """As a sentence begins: ``Buys 65``."""
        return f"{verb(self.state.side)} {units_text(self.state.quantity)}"

    def words(self, price: str) -> str:
        """A price as typed, read aloud."""
        return self.state.price_words(price)

    @abstractmethod
    def shapes(self) -> tuple[Shape, ...]:
        """Its fields, in the order of the form."""

    @abstractmethod
    def faults(self) -> Faults:
        """(field, sentence) of what is beyond a plain order's checks."""

    @abstractmethod
    def command(self, order: PlaceOrder) -> Command[Any]:
        """What a press gives to the engine; ``order`` is the plain ticket's."""

    @abstractmethod
    def deed(self) -> str:
        """The button's first words."""

    @abstractmethod
    def story(self) -> str:
        """What will happen, in a sentence; only asked when nothing is wrong."""

    def plain(self) -> TicketState:
        """A plain ticket of the order that leaves first."""
        changes: dict[str, Any] = {"kind": TicketKind.ORDER}
        if "validity" in self.hides:
            changes["validity"] = Validity.DAY
        if "disclosed" in self.hides:
            changes["disclosed_quantity"] = ""
        return msgspec.structs.replace(self.state, **changes)

    def products(self, item: Instrument) -> tuple[Product, ...]:
        """Products that it can have."""
        return products_for(item.exchange)

    def price_types(self, item: Instrument) -> tuple[PriceType, ...]:
        """Price types that it can have."""
        return tuple(kind for kind in price_types_for(item) if kind in self.types)

    def settled(self) -> TicketState:
        """The ticket with a product and price type that this kind has."""
        state, item = self.state, self.state.traded or self.state.instrument
        if item is None:
            return state
        types, products = self.price_types(item), self.products(item)
        return msgspec.structs.replace(
            state,
            price_type=state.price_type if state.price_type in types else types[0],
            product=state.product if state.product in products else products[0],
        )


# Words and checks that several kinds share --------------------------------------------------------------------------


def verb(side: Side) -> str:
    """As a sentence begins."""
    return "Buys" if side is Side.BUY else "Sells"


def units_text(text: str) -> str:
    """A quantity as it is read, "–" for none."""
    units = whole(text)
    return format_qty(units) if units else "–"


def at(state: TicketState) -> str:
    """How an order trades, in words."""
    price, trigger = state.price_words(state.price), state.price_words(state.trigger_price)
    match state.price_type:
        case PriceType.MARKET:
            return "at market"
        case PriceType.LIMIT:
            return f"at {price} or better"
        case PriceType.SL:
            return f"at {price} or better once the price reaches {trigger}"
        case PriceType.SL_M:
            return f"at market once the price reaches {trigger}"


def price_fault(text: str, what: str, item: Instrument | None, *, needed: bool = True) -> str:
    """What is wrong with a price as typed; "" when nothing is."""
    if not text:
        return f"Give {what}." if needed else ""
    value = decimal(text)
    if value is None or not value > 0:
        return f"{text!r} is no price: write for example 187.05."
    tick = item.tick_size if item is not None else 0.05
    if not is_on_tick(value, tick):
        below, above = nearest_ticks(value, tick)
        choice = f"{price_text(below, tick)} or {price_text(above, tick)}" if below > 0 else price_text(above, tick)
        return f"{text} is off the tick of {tick:g}: take {choice}."
    return ""


def units_fault(text: str, what: str, item: Instrument | None) -> str:
    """What is wrong with units as typed; "" when nothing is."""
    lot = item.lot_size if item is not None else 1
    units = whole(text)
    if not units:
        return f"Give {what} in whole units, for example {lot}."
    if units % lot:
        return f"{units} is no multiple of the lot of {lot}: take {max(units // lot, 1) * lot}."
    return ""
