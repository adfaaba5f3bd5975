"""The strategy builder: legs, payoff, what-if, figures, placing, the book."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import ipywidgets
import msgspec
import numpy as np

from openalgo_lab.lab.strategy_legs import DRAFT, SavedBook, SavedStrategy, StrategyLeg, legs_of_template
from openalgo_lab.lab.strategy_reading import StrategyReader, StrategyReading, orders_of
from openalgo_lab.model.commands import MarginReply
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.option_conventions import Conventions
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.structure_commands import EstimateBasketMargin, GroupReply, PlaceBasket
from openalgo_lab.model.vocabulary import FeedMode, InstrumentType, Mode, PriceType, Product
from openalgo_lab.options.scenarios import scenario_table
from openalgo_lab.options.templates import TEMPLATES
from openalgo_lab.ui.chain.header import ChainFigure
from openalgo_lab.ui.grid import Grid, GridEvent
from openalgo_lab.ui.options.builder_figures import strategy_figures
from openalgo_lab.ui.options.builder_form import BuilderForm
from openalgo_lab.ui.options.builder_legs import LEG_COLUMNS, NO_LEGS, leg_texts, leg_values
from openalgo_lab.ui.options.page import ChainPage, Look
from openalgo_lab.ui.options.plot import Axis, Band, Mark, Plot, Series
from openalgo_lab.ui.options.words import base_figures, signed_money, strike

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab
    from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["StrategyBuilder"]

_MOVES: Final = (-5.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
_SHIFTS: Final = (4.0, 2.0, 0.0, -2.0, -4.0)
_POINTS: Final = 241


class _WhatIf(msgspec.Struct, frozen=True):
    """Where the sliders stand."""

    spot_pct: float = 0.0
    points: float = 0.0
    days: float = 0.0


class StrategyBuilder(ChainPage):
    """Legs of one underlying from a template, by hand or from the book, with all that they would win and lose.

    One press of the button sends one basket; it waits for the answer before it can be pressed again.
    """

    every_s = 0.25

    def __init__(
        self,
        lab: Lab,
        underlying: str = "NIFTY",
        legs: Sequence[StrategyLeg] = (),
        *,
        expiry: date | str | None = None,
        conventions: Conventions | None = None,
    ) -> None:
        self.form = BuilderForm()
        self.legs: tuple[StrategyLeg, ...] = tuple(legs)
        self.reading: StrategyReading | None = None
        self._reader: StrategyReader | None = None
        self._what_if = _WhatIf()
        self._centred = False
        self._legs_owner = ""
        self._legs_first = 0
        self._book = SavedBook(profile_dir(lab.profile))
        if not self.legs:
            self.legs = self._draft(lab.handle.instruments, underlying)
        self._margin: MarginReply | None = None
        self.grid = Grid("strategy-legs", LEG_COLUMNS, label="Legs", empty=NO_LEGS, height="188px")
        self.payoff = Plot(
            "payoff", "Profit and loss", x=Axis("Underlying", "strike"), y=Axis("₹", "rupees"), height="100%",
            series=(
                Series("expiry", "At expiry", "up", style="profit"),
                Series("now", "Today", "accent", width=2.2),
                Series("then", "What if", "warning", dash=True),
            ),
        )  # fmt: skip
        self.table = Plot(
            "scenarios", "Scenarios: profit from now, ₹", x=Axis("Move of the underlying, %", "points"),
            y=Axis("IV, points", "points"), z=Axis("Profit", "rupees"), kind="heat", diverging=True, height="200px",
        )  # fmt: skip
        super().__init__(lab, underlying, expiry, reach=2, conventions=conventions)
        self._arrange()
        self._listen()
        self._use(self.legs)
        self.changed()
        self.start()

    def _arrange(self) -> None:
        left = ipywidgets.VBox([*self.form.rows, self.grid, *self.form.acting, self.table])
        right = ipywidgets.VBox([self.payoff, self.form.what_if])
        left.add_class("oal-options-side").add_class("oal-builder-left")
        right.add_class("oal-options-side").add_class("oal-builder-right")
        self.body.children = (left, right)

    def _listen(self) -> None:
        form = self.form
        for button, act in (
            (form.build, self.build), (form.add, self.add_leg), (form.still, form.reset), (form.place, self.place),
            (form.save, self.save), (form.delete, self._delete),
        ):  # fmt: skip
            form.on_press(button, self._guarded(act))
        for slider in (form.spot, form.points, form.days):
            slider.observe(lambda _change: self._moved(), "value")
        for choice in (form.product, form.price_type):
            choice.observe(lambda _change: self._label(), "value")
        form.saved.observe(lambda change: self._load(change["new"]), "value")
        self.grid.on_event(self._on_event)

    def _guarded(self, act: Any) -> Any:
        """A press that cannot be done says why in the message line."""

        def press() -> None:
            self._message.clear()
            try:
                act()
            except LabError as error:
                self._message.bad(str(error))

        return press

    # Legs ---------------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Replace the legs by the chosen template's. Raises InputError."""
        level = self.level()
        if not math.isfinite(level):
            raise InputError(f"No price of {self.underlying} is known yet: wait for the feed.")
        chains = [contracts for contracts, _ in self._opened.chains]
        wide = self.form.width.value or None
        key = str(self.form.template.value)
        self._use(legs_of_template(TEMPLATES[key], chains, level, lots=self.form.lots.value, width=wide))
        if not self.form.name.value:
            self.form.name.placeholder = TEMPLATES[key].title

    def add_leg(self) -> None:
        """Add the leg chosen by hand. Raises InputError where it is not listed."""
        kind, contracts = InstrumentType(self.form.kind.value), self.contracts
        if kind is InstrumentType.FUT:
            item = contracts.future
        else:
            at = np.flatnonzero(contracts.strikes == self.form.strike.value)
            item = contracts.at(int(at[0]), kind) if len(at) else None
        if item is None:
            raise InputError(f"There is no {kind.value} to add in this expiry: choose another strike or expiry.")
        sign = 1 if self.form.side.value == "BUY" else -1
        self._use((*self.legs, StrategyLeg(item.key, sign * self.form.lots.value * item.lot_size)))

    def _use(self, legs: Sequence[StrategyLeg]) -> None:
        store = self._handle.instruments
        reader = StrategyReader(
            store, self._rules, self.underlying, legs,
            expiry=self.expiry, conventions=self._conventions, calendar=self._calendar,
        ) if legs else None  # fmt: skip
        self.legs, self._reader, self.reading = tuple(legs), reader, None
        owner = f"builder-{id(self)}-{self._legs_first}"
        if reader is not None:
            self._handle.subscribe(reader.keys, FeedMode.QUOTE, owner)
        if self._legs_owner:
            self._handle.unsubscribe(self._legs_owner)
        self._legs_owner, self._legs_first = owner, self._legs_first + 1000
        items = [store.require(leg.key) for leg in self.legs]
        self.grid.set_rows(range(self._legs_first, self._legs_first + len(items)), leg_texts(self.legs, items))
        self._margin = None
        self._drawn = ()
        self._ask_margin()
        self._label()

    def _on_event(self, event: GridEvent) -> None:
        if event.type != "action" or event.row is None:
            return
        at = event.row - self._legs_first
        leg = self.legs[at]
        lot = self._handle.instruments.require(leg.key).lot_size
        sign = 1 if leg.quantity > 0 else -1
        quantity = {"flip": -leg.quantity, "more": leg.quantity + sign * lot, "less": leg.quantity - sign * lot}
        new = quantity.get(event.action, 0)
        changed = [msgspec.structs.replace(leg, quantity=new, entry=None)] if new else []
        self._guarded(lambda: self._use((*self.legs[:at], *changed, *self.legs[at + 1 :])))()

    def changed(self) -> None:
        """Another expiry or underlying: legs of another underlying go."""
        if self.legs and self._handle.instruments.require(self.legs[0].key).underlying != self.underlying:
            self._use(())
        self._centred = False
        self._centre()
        self.form.list_saved(self._names())
        self._label()

    def _centre(self) -> None:
        """The leg by hand begins at the money, once its level is known."""
        strikes, level = self.contracts.strikes, self.level()
        at = int(np.argmin(np.abs(strikes - level))) if math.isfinite(level) else len(strikes) // 2
        self.form.list_strikes(strikes.tolist(), float(strikes[at]))

    # What if ------------------------------------------------------------------------------------------------------

    def _moved(self) -> None:
        form = self.form
        self._what_if = _WhatIf(
            *(round(float(slider.value), 2) + 0.0 for slider in (form.spot, form.points, form.days))
        )
        self._drawn = ()
        self._drawn_at = 0.0

    # Live ---------------------------------------------------------------------------------------------------------

    def figures(self, looks: tuple[Look, ...], view: str) -> list[ChainFigure]:  # noqa: ARG002 - one view
        """What the strategy wins, loses, needs and stands for."""
        reading = self._read()
        if reading is None or not reading.complete:
            return base_figures(looks[0])
        index = self._rules.is_index(reading.underlying)
        return [*base_figures(looks[0])[:2], *strategy_figures(reading, self._margin, is_index=index)]

    def draw(self, looks: tuple[Look, ...], view: str) -> None:  # noqa: ARG002 - one view
        """Payoff, legs, scenarios."""
        if not self._centred and math.isfinite(looks[0].reading.spot):
            self._centred = True
            self._loop.call(self._centre)
        reading = self.reading
        if reading is None:
            self.payoff.say("Choose a strategy and press Build, or add legs by hand.")
            self.table.say("Nothing to compute yet.")
            return
        self.grid.push(leg_values(reading), engine_ns=reading.engine_ns)
        if not reading.complete:
            self.payoff.say("A leg has no price yet: its payoff is not known.")
            return
        self._draw_payoff(reading)
        table = scenario_table(
            [(reading.sheet, reading.spot)], moves_pct=_MOVES, volatility_points=_SHIFTS, days=self._what_if.days
        )
        later = f" in {self._what_if.days:g} days" if self._what_if.days else ""
        self.table.show_field(
            np.round(table.profit),
            rows=[f"{shift:+g}" for shift in _SHIFTS],
            columns=[f"{move:+g} %" for move in _MOVES],
            title=f"Scenarios{later}: profit from now, ₹",
        )

    def _read(self) -> StrategyReading | None:
        reader = self._reader
        if reader is None:
            return None
        status = self._handle.status
        self.reading = reader.read(self._handle.board, status.market_ns, traded_only=status.mode is Mode.REPLAY)
        return self.reading

    def _draw_payoff(self, reading: StrategyReading) -> None:
        what, sheet, spot = self._what_if, reading.sheet, reading.spot
        sigma = spot * reading.atm_iv / 100 * math.sqrt(max(sheet.nearest_years, 0.0))
        strikes = sheet.strikes
        reach = max(3.2 * sigma, 1.35 * float(np.abs(strikes - spot).max(initial=0.0)), 0.02 * spot)
        levels = np.union1d(np.linspace(spot - reach, spot + reach, _POINTS), strikes[np.abs(strikes - spot) < reach])
        curves: dict[str, Any] = {
            "expiry": (levels, sheet.at_expiry(levels)),
            "now": (levels, sheet.profit(levels)),
        }
        marks = [Mark(spot, "spot", "text")]
        if what != _WhatIf():
            curves["then"] = (levels, sheet.profit(levels, days=what.days, volatility_points=what.points))
        if what.spot_pct:
            level = spot * (1 + what.spot_pct / 100)
            then = float(sheet.profit(level, days=what.days, volatility_points=what.points))
            marks.append(Mark(level, f"{what.spot_pct:+.1f} %: {signed_money(then)}", "warning"))
        marks += [Mark(level, strike(round(level)), "muted") for level in reading.outcome().break_evens]
        self.payoff.show_lines(curves, marks=marks, bands=[Band(spot - sigma, spot + sigma)])

    # Acting -------------------------------------------------------------------------------------------------------

    def _label(self) -> None:
        """The button says what a press would do, on which account."""
        status, many = self._handle.status, len(self.legs)
        form = self.form
        form.place.disabled = not many
        words = f"PLACE {many} LEG{'S' if many != 1 else ''} {form.price_type.value}"
        form.place.description = (
            f"{words} · {status.default_account} · {status.mode.value.upper()}" if many else "PLACE"
        )

    def place(self) -> None:
        """Send the legs as one basket. Raises InputError without legs or prices."""
        reading = self._read()
        if reading is None:
            raise InputError("There are no legs to place: build a strategy first.")
        orders = orders_of(
            reading,
            product=Product(self.form.product.value),
            price_type=PriceType(self.form.price_type.value),
            strategy=self.form.name.value.strip(),
        )
        self.form.place.disabled = True
        self._message.info("Sending …")
        self._loop.ask(self._handle, self._handle.call(PlaceBasket(orders)), self._placed, self._refused)

    def _placed(self, reply: GroupReply) -> None:
        self._label()
        bad = [leg for leg in reply.legs if not leg.ok]
        if bad:
            taken = len(reply.legs) - len(bad)
            self._message.bad(f"{taken} of {len(reply.legs)} legs were taken. {bad[0].symbol}: {bad[0].error}")
        else:
            self._message.info(f"All {len(reply.legs)} legs were taken: they stand in the order book.")

    def _refused(self, error: LabError) -> None:
        self._label()
        self._message.bad(str(error))

    def _ask_margin(self) -> None:
        """The account's own figure, for the hint; it comes when it comes."""
        reading = self._read() if self.legs else None
        if reading is None:
            return
        orders = orders_of(reading, product=Product.NRML, price_type=PriceType.MARKET)
        asked = self._legs_owner

        def told(reply: MarginReply) -> None:
            if asked == self._legs_owner:
                self._margin = reply

        self._loop.ask(self._handle, self._handle.call(EstimateBasketMargin(orders)), told, lambda _error: None)

    # The book -----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Keep the strategy under the name given; legs are entered at the prices of this moment. Raises InputError."""
        reading = self._read()
        name = self.form.name.value.strip()
        if reading is None or not name:
            raise InputError("Give the strategy a name and at least one leg to save it.", field="name")
        legs = tuple(
            msgspec.structs.replace(now.leg, entry=now.entry if math.isfinite(now.entry) else None)
            for now in reading.legs
        )
        self._book.save(SavedStrategy(name, self.underlying, legs, reading.now_ns))
        self.form.list_saved(self._names())
        self.form.saved.value = name
        self._message.info(f"{name} is in the book and marks to market from now on.")

    def _delete(self) -> None:
        name = self.form.saved.value
        if name != "–":
            self._book.delete(name)
            self.form.saved.value = "–"
            self.form.list_saved(self._names())

    def _load(self, name: str) -> None:
        if name == "–":
            return
        saved = self._book.load().get(name)
        if saved is None:
            return

        def load() -> None:
            store = self._handle.instruments
            legs = tuple(leg for leg in saved.legs if store.find(InstrumentKey(leg.key.exchange, leg.key.symbol)))
            if not legs:
                raise InputError(f"All contracts of {name} have expired: delete it from the book.")
            if saved.underlying != self.underlying:
                self.show(saved.underlying)
            self.form.name.value = name
            self._use(legs)

        self._guarded(load)()

    def _draft(self, store: InstrumentStore, underlying: str) -> tuple[StrategyLeg, ...]:
        """What was gathered in the chain, as far as it is still listed."""
        try:
            draft = self._book.load().get(DRAFT)
        except LabError:
            return ()  # the book says so itself when it is listed
        if draft is None or draft.underlying != underlying.strip().upper():
            return ()
        return tuple(leg for leg in draft.legs if store.find(leg.key))

    def _names(self) -> list[str]:
        try:
            return list(self._book.load())
        except LabError as error:
            self._message.bad(str(error))
            return []

    def close(self) -> None:
        """End the subscriptions."""
        if self._legs_owner:
            self._handle.unsubscribe(self._legs_owner)
        super().close()
