"""The risk gate: named checks that need no broker, each with one sentence that says what to do.

A check is a pure function of a :class:`Case`. The gate gathers the case, runs the checks in order and remembers the
intents of the last seconds.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

import msgspec

from openalgo_lab.engine.bands import PriceBands
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import RiskDenied
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.money import format_inr, format_qty, is_on_tick, nearest_ticks
from openalgo_lab.model.times import NS_PER_SECOND, trade_date
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES, PriceType, Product, Side, Validity

__all__ = ["CHECKS", "CLOSING_CHECKS", "MODIFY_CHECKS", "WHOLE_CHECKS", "Case", "MarketHours", "RiskGate"]


class MarketHours(Protocol):
    """When an account's exchanges take orders."""

    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        """Whether an order may be sent at that moment (UTC ns)."""

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        """When the next session begins (aware); None when it is not known."""


class Case(msgspec.Struct, frozen=True):
    """One order before the wire, with everything the checks look at. ``quote`` None: no price is known."""

    order: PlaceOrder
    instrument: Instrument
    settings: RiskSettings
    now_ns: int
    quote: Quote | None = None
    open_now: bool = True
    opens_at: datetime | None = None
    band: tuple[float, float] | None = None
    kill_switch: bool = False
    repeats_young: bool = False

    @property
    def last_price(self) -> float:
        """The last price in rupees; NaN when it is not known."""
        return self.quote.ltp if self.quote is not None else math.nan

    @property
    def day(self) -> date:
        """The Indian date."""
        return trade_date(self.now_ns)


Check = Callable[[Case], None]


def _deny(rule: str, field: str, sentence: str) -> RiskDenied:
    return RiskDenied(sentence, rule, field)


# What the user switched off ---------------------------------------------------------------------------------------


def kill_switch(case: Case) -> None:
    """Nothing new leaves while the kill switch is engaged."""
    if case.kill_switch:
        raise _deny("kill_switch", "", "The kill switch is engaged: release it before placing orders.")


# The instrument and the shape of the order --------------------------------------------------------------------------


def tradable(case: Case) -> None:
    """An index is a number, not a contract."""
    if not case.instrument.tradable:
        raise _deny(
            "tradable",
            "symbol",
            f"{case.instrument.symbol} is an index and cannot be ordered: take its future or options.",
        )


def quantity(case: Case) -> None:
    """Positive, and whole lots."""
    amount, lot = case.order.quantity, case.instrument.lot_size
    if amount <= 0:
        raise _deny("quantity", "quantity", f"The quantity must be positive, not {amount}: the smallest is {lot}.")
    if amount % lot:
        below = amount // lot * lot
        choice = f"{below} or {below + lot}" if below else f"{lot}"
        raise _deny(
            "lot", "quantity", f"{amount} is no multiple of {case.instrument.symbol}'s lot of {lot}: take {choice}."
        )


def freeze(case: Case) -> None:
    """The exchange refuses a larger single order."""
    limit, lot = case.instrument.freeze_quantity, case.instrument.lot_size
    if limit and case.order.quantity > limit:
        raise _deny(
            "freeze",
            "quantity",
            f"One order of {case.instrument.symbol} may hold at most {format_qty(limit // lot * lot)} (freeze quantity "
            f"{format_qty(limit)}): split it.",
        )


def product(case: Case) -> None:
    """CNC is for shares, NRML for derivatives."""
    derivative = case.instrument.exchange in DERIVATIVE_EXCHANGES
    if derivative and case.order.product is Product.CNC:
        raise _deny("product", "product", f"CNC is for shares: on {case.instrument.exchange} take NRML or MIS.")
    if not derivative and case.order.product is Product.NRML:
        raise _deny("product", "product", f"NRML is for derivatives: on {case.instrument.exchange} take CNC or MIS.")


def prices_present(case: Case) -> None:
    """A price where the type has one and none where it has not; the same for the trigger."""
    kind = case.order.price_type
    _present("price", kind.has_price, case.order.price, kind)
    _present("trigger_price", kind.has_trigger, case.order.trigger_price, kind)


def _present(field: str, needed: bool, value: float, kind: PriceType) -> None:
    words = field.replace("_", " ")
    if not math.isfinite(value) or value < 0:
        raise _deny(field, field, f"The {words} must be a positive number, not {value:g}.")
    if needed and not value:
        raise _deny(field, field, f"A {kind.value} order needs a {words}: give one.")
    if value and not needed:
        raise _deny(field, field, f"A {kind.value} order takes no {words}: leave it out or choose another type.")


def tick(case: Case) -> None:
    """Prices lie on the exchange's grid."""
    step = case.instrument.tick_size
    for field, value in (("price", case.order.price), ("trigger_price", case.order.trigger_price)):
        if value and not is_on_tick(value, step):
            below, above = nearest_ticks(value, step)
            choice = f"{below:g} or {above:g}" if below > 0 else f"{above:g}"
            words = field.replace("_", " ")
            raise _deny("tick", field, f"The {words} {value:g} is off the tick of {step:g}: take {choice}.")


def stop_relation(case: Case) -> None:
    """A stop's limit must be able to trade once the trigger is hit."""
    order = case.order
    if order.price_type is PriceType.SL and (order.price - order.trigger_price) * order.side.sign < 0:
        better = "at or above" if order.side is Side.BUY else "at or below"
        raise _deny(
            "stop_relation",
            "price",
            f"The limit price of a {order.side} stop must lie {better} its trigger price {order.trigger_price:g}.",
        )


def trigger_side(case: Case) -> None:
    """A stop waits on the far side of the last price."""
    order, last = case.order, case.last_price
    if not order.price_type.has_trigger or not last > 0:
        return
    if (order.trigger_price - last) * order.side.sign < 0:
        where = "above" if order.side is Side.BUY else "below"
        raise _deny(
            "trigger_side",
            "trigger_price",
            f"The trigger of a {order.side} stop must lie {where} the last price {last:g}: otherwise use LIMIT.",
        )


def validity(case: Case) -> None:
    """A stop waits, so it cannot be immediate."""
    if case.order.validity is Validity.IOC and case.order.price_type.has_trigger:
        raise _deny("validity", "validity", "A stop order waits and cannot be IOC: take DAY.")


def disclosed(case: Case) -> None:
    """What is shown lies within what is ordered."""
    shown = case.order.disclosed_quantity
    if shown < 0 or shown > case.order.quantity:
        raise _deny(
            "disclosed",
            "disclosed_quantity",
            f"The disclosed quantity must lie between 0 and {case.order.quantity}, not {shown}.",
        )


# The market ---------------------------------------------------------------------------------------------------------


def session(case: Case) -> None:
    """Orders are taken in the exchange's hours."""
    if case.open_now:
        return
    exchange = case.instrument.exchange
    when = f"it opens on {case.opens_at:%a %d %b at %H:%M} IST" if case.opens_at else "look up its next session"
    raise _deny("session", "", f"{exchange} is closed now: {when}.")


def stale_price(case: Case) -> None:
    """No order is judged on an old price, if the user wants it so."""
    limit = case.settings.max_price_age_s
    if limit <= 0:
        return
    if case.quote is None:
        raise _deny("stale_price", "", f"No price of {case.instrument.symbol} is known: wait for the feed.")
    age = (case.now_ns - case.quote.time_ns) / NS_PER_SECOND
    if age > limit:
        raise _deny(
            "stale_price",
            "",
            f"The last price of {case.instrument.symbol} is {age:.0f} s old (limit {limit:g} s): wait for the feed.",
        )


def price_band(case: Case) -> None:
    """A limit price lies within what the exchange takes, or near enough to the last price."""
    if not case.order.price_type.has_price:
        return
    price = case.order.price
    if case.band is not None:
        low, high = case.band
        if not low <= price <= high:
            raise _deny(
                "price_band", "price", f"The price {price:g} lies outside the exchange's range of {low:g} to {high:g}."
            )
        return
    _near_last(case, price)


def _near_last(case: Case, price: float) -> None:
    limit, last = case.settings.max_price_distance_pct, case.last_price
    if limit <= 0 or not last > 0:
        return
    away = abs(price - last) / last * 100
    if away > limit:
        raise _deny(
            "price_band",
            "price",
            f"The price {price:g} lies {away:.0f} % from the last price {last:g} (limit {limit:g} %): check it, or "
            "raise max_price_distance_pct.",
        )


# The user's own limits ----------------------------------------------------------------------------------------------


def max_quantity(case: Case) -> None:
    """The user's limit of units."""
    limit = case.settings.max_order_quantity
    if limit and case.order.quantity > limit:
        raise _deny(
            "max_quantity",
            "quantity",
            f"{format_qty(case.order.quantity)} units are more than your limit of {format_qty(limit)}: order less, or "
            "raise max_order_quantity.",
        )


def max_value(case: Case) -> None:
    """The user's limit of money. A market order is valued at the last price; without one it cannot be judged."""
    limit = case.settings.max_order_value
    if limit <= 0:
        return
    order = case.order
    price = order.price or order.trigger_price or case.last_price
    if not price > 0:
        raise _deny(
            "max_value", "", f"No price of {case.instrument.symbol} is known, so its value is not: give a limit price."
        )
    value = price * order.quantity
    if value > limit:
        raise _deny(
            "max_value",
            "quantity",
            f"The order is worth {format_inr(value, symbol=True)}, more than your limit of "
            f"{format_inr(limit, symbol=True)}: order less, or raise max_order_value.",
        )


def duplicate(case: Case) -> None:
    """The same order twice in a blink is a double click until the user says otherwise."""
    if case.repeats_young and not case.order.confirm_duplicate:
        raise _deny(
            "duplicate",
            "confirm_duplicate",
            f"The same order was given less than {case.settings.duplicate_window_s:g} s ago: confirm it if you want a "
            "second one.",
        )


MODIFY_CHECKS: tuple[Check, ...] = (
    kill_switch,
    quantity,
    freeze,
    prices_present,
    tick,
    stop_relation,
    session,
    stale_price,
    price_band,
    max_quantity,
    max_value,
)
"""What the new terms of a working order must pass; a trigger may lie anywhere while it is being moved."""

CHECKS: tuple[Check, ...] = (
    kill_switch,
    tradable,
    quantity,
    freeze,
    product,
    prices_present,
    tick,
    stop_relation,
    validity,
    disclosed,
    session,
    stale_price,
    trigger_side,
    price_band,
    max_quantity,
    max_value,
    duplicate,
)
"""What a new order must pass, in this order; the first that says no is the answer."""


WHOLE_CHECKS = tuple(check for check in CHECKS if check is not freeze)
"""What an order must pass before it goes in slices."""

CLOSING_CHECKS: tuple[Check, ...] = (tradable, quantity, freeze, product, session)
"""What an order that only reduces a position must pass: the user's own limits never keep anyone in a position."""


class RiskGate:
    """Runs the checks. Its own state: the limits, the kill switch, and the intents of the last seconds."""

    def __init__(
        self, settings: RiskSettings, hours: MarketHours, bands: PriceBands, monotonic_ns: Callable[[], int]
    ) -> None:
        self.settings = settings
        self.kill_switch = False
        self._hours = hours
        self._bands = bands
        self._monotonic_ns = monotonic_ns
        self._young: deque[tuple[int, PlaceOrder]] = deque()

    def check(self, order: PlaceOrder, instrument: Instrument, quote: Quote | None, now_ns: int) -> None:
        """Let a new order pass and remember it, or raise RiskDenied."""
        self._check(order, instrument, quote, now_ns, CHECKS)

    def _check(
        self, order: PlaceOrder, instrument: Instrument, quote: Quote | None, now_ns: int, checks: tuple[Check, ...]
    ) -> None:
        intent = _bare(order)
        self._forget_old()
        repeats = any(young == intent for _, young in self._young)
        case = msgspec.structs.replace(self._case(order, instrument, quote, now_ns), repeats_young=repeats)
        for check in checks:
            check(case)
        self._young.append((self._monotonic_ns(), intent))

    def check_whole(self, order: PlaceOrder, instrument: Instrument, quote: Quote | None, now_ns: int) -> None:
        """Let an order that will go in slices pass as a whole, or raise RiskDenied; its slices are checked again."""
        self._check(order, instrument, quote, now_ns, WHOLE_CHECKS)

    def check_closing(self, order: PlaceOrder, instrument: Instrument, now_ns: int) -> None:
        """Let an order that reduces a position pass, or raise RiskDenied."""
        case = self._case(order, instrument, None, now_ns)
        for check in CLOSING_CHECKS:
            check(case)

    def check_change(self, order: PlaceOrder, instrument: Instrument, quote: Quote | None, now_ns: int) -> None:
        """Let the full new terms of a working order pass, or raise RiskDenied."""
        case = self._case(order, instrument, quote, now_ns)
        for check in MODIFY_CHECKS:
            check(case)

    def _case(self, order: PlaceOrder, instrument: Instrument, quote: Quote | None, now_ns: int) -> Case:
        open_now = self._hours.takes_orders(instrument, now_ns)
        return Case(
            order=order,
            instrument=instrument,
            settings=self.settings,
            now_ns=now_ns,
            quote=quote,
            open_now=open_now,
            opens_at=None if open_now else self._hours.next_open(instrument, now_ns),
            band=self._bands.limits(instrument, quote, trade_date(now_ns)) if quote is not None else None,
            kill_switch=self.kill_switch,
        )

    def _forget_old(self) -> None:
        oldest = self._monotonic_ns() - round(self.settings.duplicate_window_s * NS_PER_SECOND)
        while self._young and self._young[0][0] <= oldest:
            self._young.popleft()


def _bare(order: PlaceOrder) -> PlaceOrder:
    """The order without what does not make it another order."""
    return msgspec.structs.replace(order, client_key="", confirm_duplicate=False)
