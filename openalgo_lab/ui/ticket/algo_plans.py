"""Kinds of order that work on by themselves: chase, TWAP, iceberg."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from openalgo_lab.model.algo_commands import AlgoKind, AlgoTerms, StartAlgo
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.money import format_qty
from openalgo_lab.model.vocabulary import PriceType, Side
from openalgo_lab.ui.ticket.kinds import TicketKind
from openalgo_lab.ui.ticket.plan import ONE_PRICE, Faults, Plan, Shape, at, units_fault, units_text
from openalgo_lab.ui.ticket.state import TicketState, decimal, whole

__all__ = ["Chase", "Iceberg", "Twap"]


class Chase(Plan):
    """One limit order that follows the own side's best price."""

    kind = TicketKind.CHASE
    hides = frozenset({"type", "price", "trigger", "validity", "disclosed"})
    names: ClassVar = {"price": "worst"}

    def shapes(self) -> tuple[Shape, ...]:
        return (
            Shape("worst", "Not beyond", "tick", decimal=True, hint="no limit"),
            Shape("every", "Look every (s)", "second", decimal=True),
            Shape("patience", "Give up after (min)", "minute", decimal=True, hint="never"),
            Shape("finish", "The rest then", options=(("no", "is left"), ("yes", "goes at market"))),
        )

    def plain(self) -> TicketState:
        kind = PriceType.LIMIT if self.extra.worst else PriceType.MARKET
        plain = super().plain()
        return msgspec.structs.replace(plain, price_type=kind, price=self.extra.worst, trigger_price="")

    def faults(self) -> Faults:
        every, patience = decimal(self.extra.every), decimal(self.extra.patience)
        if every is None or every < 0.05:
            yield "every", "Give the seconds between two looks, 0.05 or more."
        if self.extra.patience and not patience:
            yield "patience", "Give minutes, or nothing to go on until it is filled."
        if self.extra.finish == "yes" and not patience:
            yield "patience", "Say after how many minutes the rest goes at market."

    def command(self, order: PlaceOrder) -> Command[Any]:
        extra = self.extra
        terms = AlgoTerms(
            AlgoKind.CHASE, order, every_s=decimal(extra.every) or 1.0,
            duration_s=(decimal(extra.patience) or 0.0) * 60, finish_at_market=extra.finish == "yes",
        )  # fmt: skip
        return StartAlgo(terms)

    def deed(self) -> str:
        limit = f" up to {self.words(self.extra.worst)}" if self.extra.worst else ""
        if limit and self.state.side is Side.SELL:
            limit = f" down to {self.words(self.extra.worst)}"
        return f"{self.what}, chasing the {self._best()}{limit}"

    def story(self) -> str:
        extra = self.extra
        text = f"{self.does} at the best {self._best()} and moves with it"
        if extra.worst:
            text += f", never {'above' if self.state.side is Side.BUY else 'below'} {self.words(extra.worst)}"
        if extra.patience:
            rest = "goes at market" if extra.finish == "yes" else "is left"
            text += f"; after {extra.patience} min the rest {rest}"
        return f"{text}. It can be paused and stopped."

    def _best(self) -> str:
        return "bid" if self.state.side is Side.BUY else "ask"


class Twap(Plan):
    """Equal parts at equal times."""

    kind = TicketKind.TWAP
    hides = frozenset({"trigger", "validity", "disclosed"})
    types = ONE_PRICE

    def shapes(self) -> tuple[Shape, ...]:
        return (
            Shape("parts", "Parts", "part"),
            Shape("minutes", "Over (min)", "minute", decimal=True),
        )

    def faults(self) -> Faults:
        parts, minutes = whole(self.extra.parts), decimal(self.extra.minutes)
        lots = whole(self.state.lots)
        if parts is None or parts < 2:
            yield "parts", "Give at least 2 parts."
        elif lots and parts > lots:
            one = "unit" if self.state.instrument and self.state.instrument.lot_size == 1 else "lot"
            yield "parts", f"There {'is' if lots == 1 else 'are'} only {lots} {one}{'' if lots == 1 else 's'} to part."
        if not minutes:
            yield "minutes", "Give the minutes that it takes from the first part to the last."

    def command(self, order: PlaceOrder) -> Command[Any]:
        parts, minutes = whole(self.extra.parts) or 0, decimal(self.extra.minutes) or 0.0
        return StartAlgo(AlgoTerms(AlgoKind.TWAP, order, parts=parts, duration_s=minutes * 60))

    def deed(self) -> str:
        text = f"{self.what} {self.state.terms()}"
        return f"{text} in {self.extra.parts or '–'} parts over {self.extra.minutes or '–'} min"

    def story(self) -> str:
        parts, units = whole(self.extra.parts) or 2, whole(self.state.quantity) or 0
        text = f"{self.does} in {parts} parts of about {format_qty(round(units / parts))}, "
        return f"{text}evenly over {self.extra.minutes} min, each {at(self.state)}. It can be paused and stopped."


class Iceberg(Plan):
    """A limit order of which the book sees a part."""

    kind = TicketKind.ICEBERG
    hides = frozenset({"type", "trigger", "validity", "disclosed"})
    types = frozenset({PriceType.LIMIT})

    def shapes(self) -> tuple[Shape, ...]:
        return (Shape("visible", "Shown at a time", "lot"),)

    def faults(self) -> Faults:
        if fault := units_fault(self.extra.visible, "what the book may show", self.state.instrument):
            yield "visible", fault
        elif (whole(self.extra.visible) or 0) >= (whole(self.state.quantity) or 0) > 0:
            yield "visible", "Show less than the whole, or take a plain order."

    def command(self, order: PlaceOrder) -> Command[Any]:
        return StartAlgo(AlgoTerms(AlgoKind.ICEBERG, order, visible=whole(self.extra.visible) or 0))

    def deed(self) -> str:
        text = f"{self.what} {self.state.terms()}"
        return f"{text}, {units_text(self.extra.visible)} shown"

    def story(self) -> str:
        text = f"{self.does} {at(self.state)}; the book shows "
        return f"{text}{units_text(self.extra.visible)} at a time. It can be paused and stopped."
