"""What the simulated exchange and its broker's risk system refuse at the door, by dated rules. Pure.

Price protection and bands come from the model's dated tables, margin rates from the rows here; a day that they do
not know is refused. Prices are integers in ten-thousandths of a rupee, as in `matching`.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from openalgo_lab.model.errors import Rejected, RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import (
    DERIVATIVE_EXCHANGES,
    Exchange,
    InstrumentType,
    PriceType,
    Product,
    Side,
    Validity,
)
from openalgo_lab.sim.matching import View, to_rupees, to_units

__all__ = ["Code", "DayRules", "Refusal", "Terms", "check_terms", "margin_rate"]


class Code(StrEnum):
    """Why the venue refuses; the code travels on its wire."""

    LISTING = "LISTING"
    SYMBOL = "SYMBOL"
    PRODUCT = "PRODUCT"
    TYPE = "TYPE"
    VALIDITY = "VALIDITY"
    QUANTITY = "QUANTITY"
    LOT = "LOT"
    FREEZE = "FREEZE"
    DISCLOSED = "DISCLOSED"
    PRICE = "PRICE"
    TICK = "TICK"
    BAND = "BAND"
    TRIGGER = "TRIGGER"
    CLOSED = "CLOSED"
    NO_PRICE = "NO_PRICE"
    FUNDS = "FUNDS"
    HOLDING = "HOLDING"
    NO_ORDER = "NO_ORDER"
    DONE = "DONE"
    MODIFICATIONS = "MODIFICATIONS"
    TAG = "TAG"
    HALTED = "HALTED"


class Refusal(Rejected):
    """A definite no of the venue; ``code`` is the wire's word for it."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class Terms(msgspec.Struct, frozen=True):
    """What can be wanted of an order. Quantities in units; price and trigger in ten-thousandths of a rupee."""

    side: Side
    product: Product
    price_type: PriceType
    quantity: int
    price: int = 0
    trigger: int = 0
    disclosed: int = 0
    validity: Validity = Validity.DAY


class _Rates(msgspec.Struct, frozen=True):
    """Shares of the value that are blocked, from a date on: the floors of scan range and exposure added up."""

    since: date
    equity_mis: float
    index_span: float
    stock_span: float


_RATES: Final = (
    _Rates(since=date(2021, 9, 1), equity_mis=0.20, index_span=0.113, stock_span=0.177),  # peak margin in full
)
_FLEX_NEAR: Final = 0.1  # a price this near (percentage points) widens a dynamic band
_MIN_DISCLOSED: Final = 0.10
_MAX_QUANTITY: Final = 2**40  # beyond it no exchange has a field, and no sum here can overflow
_CASH: Final = frozenset({Exchange.NSE, Exchange.BSE})
_EQUITY_DERIVATIVES: Final = frozenset({Exchange.NFO, Exchange.BFO})
_CURRENCY: Final = frozenset({Exchange.CDS, Exchange.BCD})


class DayRules:
    """The price rules of one trading day, from the model's dated tables. Raises RuleError where they are silent."""

    def __init__(self, book: RuleBook, day: date) -> None:
        self._book = book
        self._day = day

    def protected_limit(self, instrument: Instrument, side: Side, ltp: int) -> int:
        """The limit that a MARKET order gets: last price ± the slab's percentage, on tick, at least one tick away."""
        percent = self._book.protection_pct(instrument.kind, to_rupees(ltp), self._day)
        tick = to_units(instrument.tick_size)
        room = max(tick, int(ltp * percent / 100))
        if side is Side.BUY:
            return (ltp + room) // tick * tick
        return max(tick, -(-(ltp - room) // tick) * tick)

    def price_band(self, instrument: Instrument, view: View, *, derivatives: bool) -> tuple[int, int]:
        """Lowest and highest limit that is taken; (0, 0) where there is no band or nothing to measure it from.

        Options: limit-price protection round the last price. All else: the daily band round the previous close, at
        the step to which the price has pushed it.
        """
        if instrument.kind.is_option:
            return self._protection(instrument, view.ltp)
        group = _band_group(instrument, derivatives=derivatives, index=self._book.is_index(instrument.underlying))
        reference = view.previous_close
        if group is None or reference <= 0:
            return 0, 0
        band = self._book.price_band(group, self._day)
        moved = abs(view.ltp - reference) / reference * 100 if view.ltp else 0.0
        step = next((n for n, width in enumerate(band.steps) if moved < width - _FLEX_NEAR), len(band.steps) - 1)
        low, high = band.limits(to_rupees(reference), instrument.tick_size, step)
        return max(to_units(instrument.tick_size), to_units(low)), to_units(high)

    def _protection(self, instrument: Instrument, ltp: int) -> tuple[int, int]:
        if ltp <= 0 or instrument.exchange not in _EQUITY_DERIVATIVES:
            return 0, 0
        row = self._book.limit_price_protection(instrument.exchange, instrument.underlying, instrument.kind, self._day)
        low, high = row.limits(to_rupees(ltp), instrument.tick_size)
        return to_units(low), to_units(high)


def _band_group(instrument: Instrument, *, derivatives: bool, index: bool) -> str | None:
    if instrument.exchange in _CASH:
        return "cash_derivative" if derivatives else "cash_20"
    if instrument.exchange in _EQUITY_DERIVATIVES:
        return "index_future" if index else "stock_future"
    return "currency_near" if instrument.exchange in _CURRENCY else None


def margin_rate(instrument: Instrument, product: Product, side: Side, day: date, *, index_underlying: bool) -> float:
    """Share of the value that is blocked: of the order's value, for short options of the underlying's value.

    Delivery and bought options 1.0, intraday shares 0.2, futures and sold options the floor of scan range and
    exposure (0.113 index, 0.177 stock). Sold options also keep the premium aside. Raises RuleError before 2021-09-01.
    """
    rates = next((rates for rates in reversed(_RATES) if rates.since <= day), None)
    if rates is None:
        raise RuleError(f"The margin rates of {day} are not known; take a day from {_RATES[0].since} on.")
    if instrument.kind is InstrumentType.EQ:
        return rates.equity_mis if product is Product.MIS else 1.0
    if instrument.kind.is_option and side is Side.BUY:
        return 1.0
    return rates.index_span if index_underlying else rates.stock_span


# The door -----------------------------------------------------------------------------------------------------------


def check_terms(instrument: Instrument, terms: Terms, *, filled: int = 0) -> None:
    """Everything that needs no price and no money. Raises `Refusal` with a sentence that names the remedy."""
    _check_product(instrument, terms.product)
    _check_type(instrument, terms)
    _check_quantity(instrument, terms, filled)
    if terms.price_type.has_price:
        _check_on_tick(instrument, terms.price, "price", Code.PRICE)
    if terms.price_type.has_trigger:
        _check_on_tick(instrument, terms.trigger, "trigger price", Code.TRIGGER)
    if terms.price_type is PriceType.SL and (terms.price - terms.trigger) * terms.side.sign < 0:
        better = "at or above" if terms.side is Side.BUY else "at or below"
        raise Refusal(Code.TRIGGER, f"A {terms.side} stop needs its limit price {better} its trigger price.")


def _check_product(instrument: Instrument, product: Product) -> None:
    if not instrument.tradable:
        raise Refusal(Code.SYMBOL, f"{instrument.key} is an index and cannot be ordered; order its future or options.")
    derivative = instrument.exchange in DERIVATIVE_EXCHANGES
    if derivative and product is Product.CNC:
        raise Refusal(Code.PRODUCT, f"CNC is for shares; on {instrument.exchange} use NRML or MIS.")
    if not derivative and product is Product.NRML:
        raise Refusal(Code.PRODUCT, f"NRML is for derivatives; on {instrument.exchange} use CNC or MIS.")


def _check_type(instrument: Instrument, terms: Terms) -> None:
    if terms.price_type is PriceType.SL_M and instrument.kind.is_option:
        raise Refusal(Code.TYPE, "The exchange takes no SL-M on options; use SL with a limit price.")
    if terms.price_type.has_trigger and terms.validity is Validity.IOC:
        raise Refusal(Code.VALIDITY, "A stop order waits, so it cannot be IOC; use DAY.")


def _check_quantity(instrument: Instrument, terms: Terms, filled: int) -> None:
    quantity, lot, freeze = terms.quantity, instrument.lot_size, instrument.freeze_quantity
    if not 0 < quantity <= _MAX_QUANTITY:
        raise Refusal(Code.QUANTITY, f"{quantity} is not a quantity; give a positive number of units.")
    if quantity % lot:
        raise Refusal(Code.LOT, f"Quantity {quantity} is not a multiple of the lot size {lot} of {instrument.symbol}.")
    if freeze and quantity > freeze:
        raise Refusal(Code.FREEZE, f"Quantity {quantity} is above the freeze quantity {freeze}; split the order.")
    if quantity <= filled:
        raise Refusal(Code.QUANTITY, f"{filled} units are filled already; the new quantity must be larger.")
    if not terms.disclosed:
        return
    if instrument.exchange not in _CASH:
        raise Refusal(Code.DISCLOSED, f"{instrument.exchange} takes no disclosed quantity; leave it 0.")
    if not quantity * _MIN_DISCLOSED <= terms.disclosed <= quantity:
        raise Refusal(Code.DISCLOSED, "The disclosed quantity must lie between 10 % of the quantity and all of it.")


def _check_on_tick(instrument: Instrument, price: int, name: str, code: Code) -> None:
    if price <= 0:
        raise Refusal(code, f"This order type needs a {name} above 0.")
    tick = to_units(instrument.tick_size)
    if price % tick:
        below = price // tick * tick
        raise Refusal(
            Code.TICK,
            f"The {name} {to_rupees(price):g} is not on the tick of {instrument.tick_size:g}; the nearest are "
            f"{to_rupees(below):g} and {to_rupees(below + tick):g}.",
        )
