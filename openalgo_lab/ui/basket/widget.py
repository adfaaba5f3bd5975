"""The basket builder: legs by search, their margin together, a policy, and one press that sends all of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import msgspec

from openalgo_lab.lab.words import SymbolLike
from openalgo_lab.model.commands import EstimateBasketMargin, MarginReply, PlaceOrder
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.money import format_inr
from openalgo_lab.model.structure_commands import GroupReply, LegPolicy, PlaceBasket
from openalgo_lab.model.vocabulary import PriceType, Side
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.search import SearchBox
from openalgo_lab.ui.style.sheet import StyleSheet
from openalgo_lab.ui.ticket.state import LONGEST_WORD, price_types_for, products_for

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["BasketBuilder", "LegForm"]

_POLICIES = [
    ("Send all, whatever becomes of each", LegPolicy.INDEPENDENT.value),
    ("Leg by leg; stop at the first that does not fill", LegPolicy.HOLD.value),
    ("Leg by leg; on failure close what was filled", LegPolicy.UNWIND.value),
]


class LegForm(ipywidgets.HBox):
    """One leg: side, lots, type, price, product."""

    def __init__(
        self, instrument: Instrument, side: Side, changed: Callable[[], None], remove: Callable[[LegForm], None]
    ) -> None:
        self.instrument = instrument
        self.side = ipywidgets.ToggleButtons(options=["BUY", "SELL"], value=side.value, style={"button_width": "52px"})
        self.lots = ipywidgets.BoundedIntText(value=1, min=1, max=100_000, description="Lots")
        kinds = [kind.value for kind in price_types_for(instrument) if not kind.has_trigger]
        self.kind = ipywidgets.Dropdown(options=kinds)
        self.price = ipywidgets.BoundedFloatText(
            description="Price", min=0.0, max=10_000_000.0, step=instrument.tick_size, disabled=True
        )
        self.product = ipywidgets.Dropdown(
            options=[one.value for one in products_for(instrument.exchange)], value="MIS"
        )
        self._remove = ipywidgets.Button(description="✕", tooltip="Take this leg out")
        self._remove.on_click(lambda _: remove(self))
        for box in (self.side, self.lots, self.kind, self.price, self.product):
            box.observe(lambda _: changed(), "value")
        self.kind.observe(self._kind_chosen, "value")
        title = ipywidgets.Label(str(instrument.key)).add_class("oal-form-title")
        super().__init__(
            [self.side, title, self.lots, self.kind, self.price, self.product, self._remove],
            layout=ipywidgets.Layout(flex_flow="row wrap"),
        )
        self.add_class("oal-form")

    def order(self, account: str = "") -> PlaceOrder:
        """The leg as a command."""
        kind = PriceType(self.kind.value)
        return PlaceOrder(
            exchange=self.instrument.exchange,
            symbol=self.instrument.symbol,
            side=Side(self.side.value),
            quantity=self.lots.value * self.instrument.lot_size,
            product=self.product.value,
            price_type=kind,
            price=self.price.value if kind.has_price else 0.0,
            account=account,
            confirm_duplicate=True,
        )

    def _kind_chosen(self, change: Any) -> None:
        self.price.disabled = not PriceType(change["new"]).has_price


class BasketBuilder(ipywidgets.VBox):
    """Legs in the order they were added; the button says what will happen, and disarms until it is answered."""

    def __init__(self, lab: Lab, symbols: list[SymbolLike] | None = None, *, account: str = "") -> None:
        self._lab = lab
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._account = account
        self._legs: list[LegForm] = []
        self._waiting = False
        self._changes = 0
        self._search = SearchBox(lab, placeholder="Add a leg: nifty 26000 ce", shortcut=False)
        self._search.on_pick(self._picked)
        self._box = ipywidgets.VBox([])
        self.policy = ipywidgets.Dropdown(options=_POLICIES, layout=ipywidgets.Layout(width="auto")).add_class(
            "oal-wide"
        )
        self.strategy = ipywidgets.Text(description="Strategy", placeholder="none")
        self.tag = ipywidgets.Text(description="Tag", placeholder="none")
        self.cost = ipywidgets.Label().add_class("oal-form-title")
        self.send = ipywidgets.Button(description="Place", disabled=True)
        self.send.add_class("oal-button-accent")
        self.message = MessageLine()
        self.outcome = ipywidgets.VBox([])
        self.send.on_click(lambda _: self.submit())
        bar = ipywidgets.HBox(
            [self.policy, self.strategy, self.tag, self.send, self.cost], layout=ipywidgets.Layout(flex_flow="row wrap")
        ).add_class("oal-form")
        super().__init__([StyleSheet("approval"), self._search, self._box, bar, self.message, self.outcome])
        for symbol in symbols or ():
            self.add(symbol)

    @property
    def legs(self) -> tuple[LegForm, ...]:
        """The legs as they stand."""
        return tuple(self._legs)

    @property
    def orders(self) -> tuple[PlaceOrder, ...]:
        """The legs as commands."""
        words = {"strategy": self.strategy.value.strip()[:LONGEST_WORD], "tag": self.tag.value.strip()[:LONGEST_WORD]}
        return tuple(msgspec.structs.replace(leg.order(self._account), **words) for leg in self._legs)

    def add(self, symbol: SymbolLike, side: Side | str = Side.BUY) -> LegForm:
        """Add a leg of one lot. Raises SymbolError."""
        leg = LegForm(self._lab.instrument(symbol), Side(side), self._changed, self._take_out)
        self._legs.append(leg)
        self._changed()
        return leg

    def submit(self) -> bool:
        """Do what the button says; True when it was sent. The outcome comes into :attr:`outcome`."""
        if self.send.disabled or not self._legs:
            return False
        self._waiting = self.send.disabled = True
        key = secrets.token_hex(8)
        orders = tuple(
            msgspec.structs.replace(order, client_key=f"{key}-{number}") for number, order in enumerate(self.orders, 1)
        )
        self.message.info("Placing…")
        command = PlaceBasket(orders, LegPolicy(self.policy.value))
        self._loop.ask(self._handle, self._handle.call(command, 120.0), self._placed, self._failed)
        return True

    def close(self) -> None:
        """End the widget; what was sent goes on."""
        self._search.close()
        super().close()

    def _picked(self, key: InstrumentKey) -> None:
        try:
            self.add(key)
        except LabError as error:
            self.message.bad(str(error))

    def _take_out(self, leg: LegForm) -> None:
        self._legs.remove(leg)
        leg.close()
        self._changed()

    def _changed(self) -> None:
        if list(self._box.children) != self._legs:
            self._box.children = tuple(self._legs)
        count = len(self._legs)
        account = self._account or self._handle.status.default_account
        mode = next((one.mode.value.upper() for one in self._handle.status.accounts if one.account == account), "")
        self.send.description = f"Place {count} leg{'' if count == 1 else 's'} · {mode} {account}"
        self.send.disabled = self._waiting or not count
        self.cost.value = ""
        self._changes += 1
        if count:
            request = self._handle.call(EstimateBasketMargin(self.orders))
            priced, unknown = (partial(take, self._changes) for take in (self._priced, self._cost_unknown))
            self._loop.ask(self._handle, request, priced, unknown)

    def _priced(self, changes: int, reply: MarginReply) -> None:
        if changes != self._changes:  # the answer is about legs that are no longer so
            return
        margin, charges = (
            format_inr(reply.margin_paise / 100, symbol=True),
            format_inr(reply.charges_paise / 100, symbol=True),
        )
        left = format_inr(reply.available_paise / 100, symbol=True)
        self.cost.value = f"Margin {margin} · charges {charges} · leaves {left}"
        self.cost.tooltip = reply.basis

    def _cost_unknown(self, changes: int, why: LabError) -> None:
        if changes == self._changes:
            self.cost.value = str(why)

    def _placed(self, reply: GroupReply) -> None:
        lines = []
        for leg in reply.legs:
            state = leg.error or (leg.order.status.value if leg.order is not None else "")
            lines.append(ipywidgets.Label(f"{leg.leg}. {leg.side} {leg.quantity} {leg.symbol}: {state}"))
        self.outcome.children = tuple(lines)
        good = sum(leg.ok for leg in reply.legs)
        say = self.message.info if good == len(reply.legs) else self.message.bad
        say(f"{good} of {len(reply.legs)} legs were taken.")
        self._arm()

    def _failed(self, error: LabError) -> None:
        self.message.bad(str(error))
        self._arm()

    def _arm(self) -> None:
        self._waiting = False
        self.send.disabled = not self._legs
