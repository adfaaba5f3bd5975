"""Kinds of order beyond the plain one: target position, split, bracket, trigger, option by offset."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final

import msgspec

from openalgo_lab.model.algo_commands import PlaceBracket
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.gtt_commands import PlaceGtt
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.money import format_inr, format_qty
from openalgo_lab.model.structure_commands import PlaceSmartOrder, SplitOrder
from openalgo_lab.model.vocabulary import PriceType, Product, Side
from openalgo_lab.ui.search.box import describe
from openalgo_lab.ui.ticket.kinds import TicketKind
from openalgo_lab.ui.ticket.plan import ONE_PRICE, Faults, Plan, Shape, at, price_fault, units_fault, units_text, verb
from openalgo_lab.ui.ticket.state import TicketState, decimal, price_text, whole

__all__ = ["Bracket", "Gtt", "Option", "Smart", "Split", "position_of"]

OFFSETS: Final = (*(f"ITM{n}" for n in range(10, 0, -1)), "ATM", *(f"OTM{n}" for n in range(1, 16)))


def position_of(text: str) -> int | None:
    """A signed number of units as typed; None for anything else."""
    units = whole(text.lstrip("+-"))
    if units is None or len(text) - len(text.lstrip("+-")) > 1:
        return None
    return -units if text.startswith("-") else units


def _held(units: int) -> str:
    return "flat" if not units else f"{format_qty(abs(units))} {'long' if units > 0 else 'short'}"


class Smart(Plan):
    """Bring the position to a size."""

    kind = TicketKind.SMART
    hides = frozenset({"side", "amounts", "validity"})
    names: ClassVar = {"quantity": "position"}

    def shapes(self) -> tuple[Shape, ...]:
        return (Shape("position", f"Position to hold (now {_held(self.facts.held)})", "lot", hint="+ long, − short"),)

    def plain(self) -> TicketState:
        units = (position_of(self.extra.position) or 0) - self.facts.held
        plain = msgspec.structs.replace(super().plain(), side=Side.SELL if units < 0 else Side.BUY)
        return plain.with_quantity(abs(units) or self.lot)

    def faults(self) -> Faults:
        units = position_of(self.extra.position)
        if units is None:
            yield "position", "Give the units to hold: 75 is long, -75 is short, 0 is flat."
        elif units % self.lot:
            near = round(units / self.lot) * self.lot
            yield "position", f"{units} is no multiple of the lot of {self.lot}: take {near}."
        elif units == self.facts.held:
            yield "position", f"The position is {_held(units)} already."

    def command(self, order: PlaceOrder) -> Command[Any]:
        return PlaceSmartOrder(
            exchange=order.exchange, symbol=order.symbol, side=order.side, quantity=0, product=order.product,
            position_size=position_of(self.extra.position) or 0, price_type=order.price_type, price=order.price,
            trigger_price=order.trigger_price, disclosed_quantity=order.disclosed_quantity, strategy=order.strategy,
            account=order.account, tag=order.tag,
        )  # fmt: skip

    def deed(self) -> str:
        plain, wanted = self.plain(), position_of(self.extra.position)
        target = "–" if wanted is None else _held(wanted)
        units = "–" if wanted is None else units_text(plain.quantity)
        return f"{plain.side} {units} {self.symbol} to be {target} {plain.terms()}"

    def story(self) -> str:
        plain, wanted = self.plain(), position_of(self.extra.position) or 0
        return (
            f"{verb(plain.side)} {units_text(plain.quantity)} {at(plain)}: the position is {_held(self.facts.held)} "
            f"and becomes {_held(wanted)}. Orders that are on their way count."
        )


class Split(Plan):
    """One order as several."""

    kind = TicketKind.SPLIT

    def shapes(self) -> tuple[Shape, ...]:
        return (Shape("split_size", "Each order", "lot", hint="as large as possible"),)

    def faults(self) -> Faults:
        item, text = self.state.instrument, self.extra.split_size
        if text and (fault := units_fault(text, "the size of each order", item)):
            yield "split_size", fault
        elif (count := self._count()) > 100:
            yield "split_size", f"That would be {count} orders, more than 100: make them larger."

    def command(self, order: PlaceOrder) -> Command[Any]:
        return SplitOrder(order, whole(self.extra.split_size) or 0)

    def deed(self) -> str:
        count = self._count()
        orders = f"{count} order{'' if count == 1 else 's'}"
        return f"{self.what} {self.state.terms()} in {orders}"

    def story(self) -> str:
        size, units = self._size(), whole(self.state.quantity) or 0
        count, rest = divmod(units, size) if size else (1, 0)
        one = f"{count} × {format_qty(size)}" + (f" and {format_qty(rest)}" if rest else "")
        return f"{verb(self.state.side)} {one}, each {at(self.state)}. One that fails does not stop the others."

    def _size(self) -> int:
        limits = (
            whole(self.extra.split_size),
            self.state.instrument.freeze_quantity if self.state.instrument else 0,
        )
        return min((limit for limit in (*limits, whole(self.state.quantity)) if limit), default=0)

    def _count(self) -> int:
        size = self._size()
        return math.ceil((whole(self.state.quantity) or 0) / size) if size else 0


class Bracket(Plan):
    """An entry with its stop, and if wanted its target and trailing distance."""

    kind = TicketKind.BRACKET

    def shapes(self) -> tuple[Shape, ...]:
        return (
            Shape("stop", "Stop", "tick", decimal=True),
            Shape("target", "Target", "tick", decimal=True, hint="none"),
            Shape("trail", "Trail by", "tick", decimal=True, hint="fixed"),
        )

    def faults(self) -> Faults:
        extra, item, sign = self.extra, self.state.instrument, self.state.side.sign
        reference, stop = self._reference(), decimal(extra.stop)
        where = ("below", "above") if sign > 0 else ("above", "below")
        if fault := price_fault(extra.stop, "the price at which the loss ends", item):
            yield "stop", fault
        elif reference > 0 and stop is not None and (reference - stop) * sign <= 0:
            yield "stop", f"The stop must lie {where[0]} the entry at {self._text(reference)}."
        target = decimal(extra.target)
        if fault := price_fault(extra.target, "a target", item, needed=False):
            yield "target", fault
        elif target is not None and reference > 0 and (target - reference) * sign <= 0:
            yield "target", f"The target must lie {where[1]} the entry at {self._text(reference)}."
        if fault := price_fault(extra.trail, "a distance", item, needed=False):
            yield "trail", fault

    def command(self, order: PlaceOrder) -> Command[Any]:
        extra = self.extra
        return PlaceBracket(
            order, decimal(extra.stop) or 0.0, decimal(extra.target) or 0.0, decimal(extra.trail) or 0.0
        )

    def deed(self) -> str:
        exits = [f"stop {self.words(self.extra.stop)}"]
        exits += [f"target {self.words(self.extra.target)}"] if self.extra.target else []
        exits += [f"trail {self.words(self.extra.trail)}"] if self.extra.trail else []
        return f"{self.what} {self.state.terms()}, {', '.join(exits)}"

    def story(self) -> str:
        extra, out = self.extra, verb(self.state.side.opposite).lower()
        target = f" or {self.words(extra.target)}" if extra.target else ""
        text = f"{self.does} {at(self.state)}; {out} at {self.words(extra.stop)}{target}."
        if extra.trail:
            text += f" The stop follows the best price at a distance of {self.words(extra.trail)}."
        return text + self._stakes()

    def _stakes(self) -> str:
        """What is at stake at the entry's price, before charges."""
        reference, units = self._reference(), whole(self.state.quantity) or 0
        stop, target = decimal(self.extra.stop), decimal(self.extra.target)
        if not reference > 0 or stop is None:
            return ""
        text = f" Risks {format_inr(abs(reference - stop) * units, 0, symbol=True)}"
        return text + (f" for {format_inr(abs(target - reference) * units, 0, symbol=True)}." if target else ".")

    def _reference(self) -> float:
        if self.state.price_type.has_trigger and not self.state.price_type.has_price:
            return decimal(self.state.trigger_price) or math.nan
        return (decimal(self.state.price) or math.nan) if self.state.price_type.has_price else self.facts.last

    def _text(self, price: float) -> str:
        return price_text(price, self.state.instrument.tick_size if self.state.instrument else 0.05)


class Gtt(Plan):
    """One trigger, or two of which the first ends the other."""

    kind = TicketKind.GTT
    hides = frozenset({"price", "trigger", "validity", "disclosed"})
    types = ONE_PRICE
    _SIDES: ClassVar = (("below", "Falls to", "falls to"), ("above", "Rises to", "rises to"))

    def products(self, item: Instrument) -> tuple[Product, ...]:
        return tuple(one for one in super().products(item) if one is not Product.MIS)

    def shapes(self) -> tuple[Shape, ...]:
        found: list[Shape] = []
        for key, label, _ in self._SIDES:
            found.append(Shape(f"trigger_{key}", label, "tick", decimal=True, hint="no trigger"))
            if self.state.price_type is PriceType.LIMIT:
                found.append(Shape(f"price_{key}", "…then at", "tick", decimal=True, hint="limit"))
        return tuple(found)

    def plain(self) -> TicketState:
        # The limits are judged below, one by one: this is for quantity, product and contract.
        plain = super().plain()
        return msgspec.structs.replace(plain, price_type=PriceType.MARKET, price="", trigger_price="")

    def faults(self) -> Faults:
        item, legs = self.state.instrument, self._legs()
        if not legs:
            yield "trigger_below", "Give a trigger: a price that it falls to, one that it rises to, or both."
        for key, trigger, price in legs:
            if fault := price_fault(trigger, "the trigger", item):
                yield f"trigger_{key}", fault
            elif self._passed(key, decimal(trigger) or 0.0, self.facts.last):
                last = price_text(self.facts.last, item.tick_size if item else 0.05)
                yield f"trigger_{key}", f"The price is {last} already: it would fire at once."
            if self.state.price_type is PriceType.LIMIT and (fault := price_fault(price, "the order's limit", item)):
                yield f"price_{key}", fault

    def command(self, order: PlaceOrder) -> Command[Any]:
        extra, limits = self.extra, self.state.price_type is PriceType.LIMIT
        return PlaceGtt(
            exchange=order.exchange, symbol=order.symbol, side=order.side, quantity=order.quantity,
            product=order.product, trigger_below=decimal(extra.trigger_below) or 0.0,
            price_below=(decimal(extra.price_below) or 0.0) if limits and extra.trigger_below else 0.0,
            trigger_above=decimal(extra.trigger_above) or 0.0,
            price_above=(decimal(extra.price_above) or 0.0) if limits and extra.trigger_above else 0.0,
            price_type=self.state.price_type, strategy=order.strategy, account=order.account, tag=order.tag,
        )  # fmt: skip

    def deed(self) -> str:
        signs, limits = {"below": "≤", "above": "≥"}, self.state.price_type is PriceType.LIMIT
        legs = [
            f"{signs[key]} {self.words(trigger)}" + (f" @ {self.words(price)}" if limits else "")
            for key, trigger, price in self._legs()
        ]
        return f"{self.what} when {' or '.join(legs) or '–'}{' LIMIT' if limits else ' at MARKET'}"

    def story(self) -> str:
        words = {key: does for key, _, does in self._SIDES}
        parts = [
            f"when the price {words[key]} {self.words(trigger)}, it {verb(self.state.side).lower()} "
            f"{units_text(self.state.quantity)} "
            + (f"at {self.words(price)} or better" if self.state.price_type is PriceType.LIMIT else "at market")
            for key, trigger, price in self._legs()
        ]
        text = "; ".join(parts)
        ending = ". The first that fires ends the other." if len(parts) > 1 else "."
        return f"{text[0].upper()}{text[1:]}{ending} It waits for up to a year."

    def _legs(self) -> list[tuple[str, str, str]]:
        extra = self.extra
        both = (("below", extra.trigger_below, extra.price_below), ("above", extra.trigger_above, extra.price_above))
        return [leg for leg in both if leg[1] or (leg[2] and self.state.price_type is PriceType.LIMIT)]

    def _passed(self, key: str, trigger: float, last: float) -> bool:
        return last > 0 and (last <= trigger if key == "below" else last >= trigger)


class Option(Plan):
    """An option by its distance from the money. What is sent is the contract that the ticket shows."""

    kind = TicketKind.OPTION

    @property
    def symbol(self) -> str:
        return self.state.contract.symbol if self.state.contract else "–"

    def shapes(self) -> tuple[Shape, ...]:
        days = tuple((one.isoformat(), f"{one:%d %b %y}") for one in self.facts.expiries)
        return (
            Shape("option_type", "Option", options=(("CE", "Call"), ("PE", "Put"))),
            Shape("offset", "Strike", options=tuple((one, one) for one in OFFSETS)),
            Shape("expiry", "Expiry", options=days),
        )

    def plain(self) -> TicketState:
        return msgspec.structs.replace(super().plain(), instrument=self.state.contract)

    def faults(self) -> Faults:
        if self.state.contract is None or self.facts.note:
            yield "offset" if self.state.contract else "symbol", self.facts.note or "Looking for the contract…"

    def command(self, order: PlaceOrder) -> Command[Any]:
        return order

    def deed(self) -> str:
        return f"{self.what} {self.plain().terms()}"

    def story(self) -> str:
        name = describe(self.state.contract) if self.state.contract else ""
        text = f"{self.does} of {name}, which is {self.extra.offset} now"
        return f"{text}, {at(self.plain())}."
