"""The form that arms an alert: what is watched, from which value on, and how it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from openalgo_lab.lab.words import resolve
from openalgo_lab.model.alerts import (
    Channel,
    Condition,
    GreekCondition,
    IndicatorCondition,
    OrderCondition,
    PnlCondition,
    PriceCondition,
    SetAlert,
)
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.money import snap
from openalgo_lab.ui.search import SearchBox

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["AlertForm"]

_WHAT: Final = (
    ("Price", "ltp"), ("Change of the day %", "change_pct"), ("Open interest", "oi"), ("Volume", "volume"),
    ("RSI of 5 minutes", "rsi"), ("Implied volatility %", "iv"), ("Delta", "delta"), ("Profit of the day ₹", "pnl"),
    ("An order was filled", "filled"), ("An order was rejected", "rejected"),
)  # fmt: skip
_OF_NOTHING: Final = frozenset({"pnl", "filled", "rejected"})
_EVENTS: Final = frozenset({"filled", "rejected"})
_CHANNELS: Final = (Channel.TOAST, Channel.SOUND, Channel.DESKTOP, Channel.TELEGRAM)


class AlertForm(ipywidgets.VBox):
    """Only the fields that the choice needs are shown; ``arm`` hears the command, ``say`` what is wrong."""

    def __init__(self, lab: Lab, arm: Callable[[SetAlert], None], say: Callable[[str], None]) -> None:
        self._handle = lab.handle
        self._arm = arm
        self._say = say
        self._item: Instrument | None = None
        self.search = SearchBox(lab, placeholder="Alert on: sbin, nifty 26000 ce", shortcut=False)
        self.search.on_pick(self.pick)
        self.what = ipywidgets.Dropdown(options=_WHAT, description="When")
        self.symbol = ipywidgets.Label("Choose a symbol above").add_class("oal-form-title")
        self.above = ipywidgets.Dropdown(options=[("is at or above", True), ("is at or below", False)])
        self.value = ipywidgets.FloatText(description="Value")
        self.channels = {
            one: ipywidgets.Checkbox(value=one is Channel.TOAST, description=one.value.capitalize(), indent=False)
            for one in _CHANNELS
        }
        self.repeat = ipywidgets.Checkbox(description="Again and again", indent=False)
        self.add = ipywidgets.Button(description="Add alert", tooltip="Watch from now on").add_class(
            "oal-button-accent"
        )
        self.what.observe(lambda _: self._shape(), "value")
        self.add.on_click(lambda _: self.submit())
        row = ipywidgets.Layout(flex_flow="row wrap")
        line = ipywidgets.HBox([self.what, self.symbol, self.above, self.value], layout=row).add_class("oal-form")
        tell = ipywidgets.HBox([*self.channels.values(), self.repeat, self.add], layout=row).add_class("oal-form")
        super().__init__([self.search, line, tell])
        self._shape()

    def pick(self, key: InstrumentKey) -> None:
        """Watch this instrument; the value begins at its last price."""
        try:
            self._item = resolve(self._handle.instruments, key)
        except LabError as error:
            self._say(str(error))
            return
        self.symbol.value = str(self._item.key)
        quote = self._handle.board.quote(self._item.key)
        if quote is not None and quote.ltp > 0 and self.what.value == "ltp":
            self.value.value = snap(quote.ltp, self._item.tick_size)

    def submit(self) -> None:
        """Arm what the form says, or say what it lacks."""
        try:
            command = self.command()
        except InputError as error:
            self._say(str(error))
            return
        self._arm(command)

    def command(self) -> SetAlert:
        """The alert that the form says. Raises InputError."""
        channels = tuple(one for one, box in self.channels.items() if box.value)
        if not channels:
            raise InputError("Say how it is told: by a toast, a sound, the desktop or Telegram.", field="channels")
        name, condition = self._condition()
        event = self.what.value in _EVENTS
        repeat, cooldown_s = self.repeat.value or event, 1.0 if event else 60.0
        return SetAlert(name, condition, channels, repeat=repeat, cooldown_s=cooldown_s)

    def close(self) -> None:
        """End the search and the form."""
        self.search.close()
        super().close()

    def _condition(self) -> tuple[str, Condition]:
        what, up, value = self.what.value, bool(self.above.value), float(self.value.value)
        if what in _EVENTS:
            return f"Orders {what}", OrderCondition(what)
        if what == "pnl":
            return "Profit of the day", PnlCondition(up, value)
        if self._item is None:
            raise InputError("Choose a symbol first: type a name into the search box.", field="symbol")
        return f"{self._item.symbol} {what}", self._of_instrument(self._item, what, value, up=up)

    def _of_instrument(self, item: Instrument, what: Any, value: float, *, up: bool) -> Condition:
        if what == "rsi":
            return IndicatorCondition(item.exchange, item.symbol, up, value, "rsi")
        if what in ("iv", "delta"):
            if not item.kind.is_option:
                raise InputError(f"{item.symbol} is no option, so it has no {what}: choose one.", field="symbol")
            return GreekCondition(item.exchange, item.symbol, up, value, what)
        return PriceCondition(item.exchange, item.symbol, up, value, what)

    def _shape(self) -> None:
        what = self.what.value
        self.symbol.layout.display = "none" if what in _OF_NOTHING else ""
        for box in (self.above, self.value):
            box.layout.display = "none" if what in _EVENTS else ""
