"""What the simulated exchange and its broker's risk system refuse at the door, by dated rules. Pure.

Price protection, bands and margin rates are rows with the date from which they hold; a day before the first row
has no rule and is refused. Prices are integers in ten-thousandths of a rupee, as in `matching`.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from openalgo_lab.model.errors import Rejected, RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import (
    DERIVATIVE_EXCHANGES,
    Exchange,
    InstrumentType,
    PriceType,
    Product,
    Side,
    Validity,
)
from openalgo_lab.sim.matching import to_rupees, to_units

__all__ = ["Code", "Refusal", "Terms", "check_terms", "margin_rate", "price_band", "protected_limit"]


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


class _Slab(msgspec.Struct, frozen=True):
    """Protection of a MARKET order: prices below ``below`` rupees get ``percent``."""

    below: float
    percent: float


class _Rules(msgspec.Struct, frozen=True):
    """The rates of one period. Percentages; ``lpp_floor`` in rupees."""

    since: date
    cash_slabs: tuple[_Slab, ...]
    option_slabs: tuple[_Slab, ...]
    band_plain: float  # cash share without derivatives
    band_dynamic: float  # cash share with derivatives, futures: widens in steps as the price comes near it
    lpp_percent: float
    lpp_floor: float
    equity_mis: float
    index_span: float  # scan range floor + exposure
    stock_span: float


_INF: Final = float("inf")
_RULES: Final = (
    _Rules(
        since=date(2021, 9, 27),  # peak margin in full, SL-M withdrawn from options
        cash_slabs=(_Slab(100, 2.0), _Slab(500, 1.0), _Slab(_INF, 0.5)),
        option_slabs=(_Slab(10, 5.0), _Slab(100, 3.0), _Slab(500, 2.0), _Slab(_INF, 1.0)),
        band_plain=20.0,
        band_dynamic=10.0,
        lpp_percent=40.0,
        lpp_floor=20.0,
        equity_mis=20.0,
        index_span=11.3,
        stock_span=17.7,
    ),
)
_FLEX_STEP: Final = 5.0
_FLEX_NEAR: Final = 0.1
_MIN_DISCLOSED: Final = 0.10
_MAX_QUANTITY: Final = 2**40  # beyond it no exchange has a field, and no sum here can overflow
_CASH: Final = frozenset({Exchange.NSE, Exchange.BSE})


def _rules_on(day: date) -> _Rules:
    for rules in reversed(_RULES):
        if rules.since <= day:
            return rules
    raise RuleError(f"The exchange rules of {day} are not known; take a day from {_RULES[0].since} on.")


def protected_limit(instrument: Instrument, side: Side, ltp: int, day: date) -> int:
    """The limit that a MARKET order gets: last price ± the slab's percentage, on tick, never worse than the slab."""
    rules = _rules_on(day)
    slabs = rules.option_slabs if instrument.kind.is_option else rules.cash_slabs
    percent = next(slab.percent for slab in slabs if to_rupees(ltp) < slab.below)
    tick = to_units(instrument.tick_size)
    room = max(tick, int(ltp * percent / 100))
    if side is Side.BUY:
        return (ltp + room) // tick * tick
    return max(tick, -(-(ltp - room) // tick) * tick)


def price_band(instrument: Instrument, reference: int, ltp: int, day: date, *, derivatives: bool) -> tuple[int, int]:
    """Lowest and highest limit that is taken: options ± protection round the last price, all else ± the band round
    the previous close (``reference``). Upper rounded down, lower rounded up to the tick. (0, 0) = none known.
    """
    rules = _rules_on(day)
    tick = to_units(instrument.tick_size)
    centre = ltp if instrument.kind.is_option else reference
    if centre <= 0:
        return 0, 0
    if instrument.kind.is_option:
        room = max(int(centre * rules.lpp_percent / 100), to_units(rules.lpp_floor))
    else:
        dynamic = derivatives or instrument.exchange not in _CASH
        percent = rules.band_dynamic if dynamic else rules.band_plain
        moved = abs(ltp - reference) / reference * 100 if ltp else 0.0
        while dynamic and moved >= percent - _FLEX_NEAR:
            percent += _FLEX_STEP
        room = int(centre * percent / 100)
    return max(tick, -(-(centre - room) // tick) * tick), (centre + room) // tick * tick


def margin_rate(instrument: Instrument, product: Product, side: Side, day: date, *, index_underlying: bool) -> float:
    """Share of the value that is blocked: of the order's value, for short options of the underlying's value.

    Delivery and bought options 1.0, intraday shares 0.2, futures and sold options the floor of scan range and
    exposure (0.113 index, 0.177 stock). Sold options also keep the premium aside.
    """
    rules = _rules_on(day)
    if instrument.kind is InstrumentType.EQ:
        return rules.equity_mis / 100 if product is Product.MIS else 1.0
    if instrument.kind.is_option and side is Side.BUY:
        return 1.0
    return (rules.index_span if index_underlying else rules.stock_span) / 100


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
