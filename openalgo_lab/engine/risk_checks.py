"""The checks of an order by itself: instrument, shape, market, and the user's limits of one order.

A check is a pure function of a :class:`~openalgo_lab.engine.risk_case.Case` with one sentence that says what to do.
"""

from __future__ import annotations

import math

from openalgo_lab.engine.risk_case import Case
from openalgo_lab.engine.risk_case import deny as _deny
from openalgo_lab.model.money import format_inr, format_qty, is_on_tick, nearest_ticks
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES, PriceType, Product, Side, Validity

__all__ = [
    "disclosed", "duplicate", "freeze", "kill_switch", "max_quantity", "max_value", "order_type", "price_band",
    "price_distance", "prices_present", "product", "quantity", "session", "stale_price", "stop_relation", "tick",
    "tradable", "trigger_side", "validity",
]  # fmt: skip


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


def order_type(case: Case) -> None:
    """Exchanges take not every type on every contract (no SL-M on options)."""
    if not case.type_taken:
        kind = case.order.price_type
        instead = "SL with a limit price" if kind is PriceType.SL_M else "another type"
        raise _deny(
            "order_type",
            "price_type",
            f"{case.instrument.exchange} takes no {kind.value} order on {case.instrument.kind.value}: use {instead}.",
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


def price_distance(case: Case) -> None:
    """The user's own limit of how far from the last price a limit price may lie, band or no band."""
    limit, last, price = case.settings.price_distance_pct, case.last_price, case.order.price
    if limit <= 0 or not case.order.price_type.has_price:
        return
    if not last > 0:
        raise _deny("price_distance", "price", f"No price of {case.instrument.symbol} is known to measure yours by.")
    away = abs(price - last) / last * 100
    if away > limit:
        raise _deny(
            "price_distance",
            "price",
            f"The price {price:g} lies {away:.1f} % from the last price {last:g}, more than your limit of {limit:g} %: "
            "correct it, or raise price_distance_pct.",
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
