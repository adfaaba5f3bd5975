"""The sandbox's settings and money: open it, choose how it trades, see what it holds, begin anew."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import ipywidgets
import msgspec

from openalgo_lab.model.accounting import GetContractNotes, NoteLine
from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import Books
from openalgo_lab.model.money import format_inr
from openalgo_lab.model.portfolio import Funds
from openalgo_lab.model.sandbox import (
    CloseSandbox,
    GetSandboxSettings,
    OpenSandbox,
    ResetSandbox,
    SandboxSettings,
    SetSandboxSettings,
)
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import Mode
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.style.sheet import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["ACCOUNT", "SandboxPanel", "money_line"]

ACCOUNT: Final = "SANDBOX"
EVERY_S: Final = 5.0
PATIENT_S: Final = 60.0

_NUMBERS: Final = {
    "starting_capital": ("Capital ₹", "What it begins with, from the next reset on", 1.0, 1e12, 100_000.0),
    "fill_latency_ms": ("Latency ms", "How long an order takes to the market", 0.0, 60_000.0, 10.0),
    "slippage_ticks": ("Slippage ticks", "How many ticks worse than shown a taker trades", 0.0, 1000.0, 1.0),
    "depth_factor": ("Fills of the shown depth %", "Less than 100 makes partial fills likelier", 1.0, 100.0, 5.0),
}
"""Label, what it is, least, most, step."""

_FLAGS: Final = {
    "count_charges": ("Charges reduce the cash", "Taxes, fees and brokerage, at the day's end"),
    "open_at_start": ("Open at every start", "The engine opens it by itself"),
}


def money_line(funds: Funds | None, notes: tuple[NoteLine, ...] | None) -> str:
    """Cash, margin, profit of the day, charges, in one line."""
    if funds is None:
        return "Not open: no money is shown."

    def inr(paise: int, *, plus: bool = False) -> str:
        return format_inr(paise / 100, symbol=True, plus=plus)

    charges = "…" if notes is None else format_inr(float(sum(line.total for line in notes)), symbol=True)
    return (
        f"Free {inr(funds.available_paise)} · margin used {inr(funds.used_paise)} · profit of the day "
        f"{inr(funds.realised_paise + funds.unrealised_paise, plus=True)} · charges of the day {charges}"
    )


class SandboxPanel(ipywidgets.VBox):
    """Money above, settings below; "Begin anew" asks once more before it does anything."""

    def __init__(self, lab: Lab) -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._asked_at = 0.0
        self._notes: tuple[NoteLine, ...] | None = None
        self._kept = SandboxSettings()
        self._funds: Funds | None = None
        self._is_open: bool | None = None
        self._rules_told = False
        self._build()
        super().__init__(
            [StyleSheet("approval"), self._head, self.money, self._form, self.rules, self._foot, self.message]
        )
        self.add_class("oal-sandbox")
        self._ask(GetSandboxSettings(), self._take_settings)
        self._show_state()
        publisher_of(self._handle).add(self)

    def publish(self) -> None:
        """Follow the account; charges are read anew every few seconds. Runs on the publisher thread."""
        now, funds, is_open = time.monotonic(), _funds_of(self._handle.books), self._opened()
        due = is_open and now - self._asked_at >= EVERY_S
        if due:
            self._asked_at = now
            self._loop.call(self._ask_charges)
        if is_open is not self._is_open or funds != self._funds:
            self._loop.call(self._show_state)

    def close(self) -> None:
        """End the widget; the account is not touched."""
        publisher_of(self._handle).remove(self)
        super().close()

    @property
    def settings(self) -> SandboxSettings:
        """The settings as they stand in the form. Raises ValidationError for what cannot be read."""
        values: dict[str, Any] = msgspec.to_builtins(self._kept)
        for name, box in self.boxes.items():
            values[name] = box.value / 100 if name == "depth_factor" else box.value
        values["slippage_ticks"] = round(values["slippage_ticks"])
        return msgspec.convert(values, SandboxSettings)

    def apply(self) -> None:
        """Keep the settings of the form."""
        self._ask(SetSandboxSettings(self.settings), self._kept_now)

    # The form -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        row = ipywidgets.Layout(flex_flow="row wrap")
        self.state = ipywidgets.Label().add_class("oal-form-title")
        self.open_it = _button("Open", "Add the sandbox to the accounts", lambda: self._do(OpenSandbox()))
        self.open_default = _button(
            "Open as default", "Orders without an account go there", lambda: self._do(OpenSandbox(default=True))
        )
        self.close_it = _button(
            "Close", "Take it out of the accounts; its books stay", lambda: self._do(CloseSandbox())
        )
        badge = ipywidgets.Label("SANDBOX").add_class("oal-badge").add_class("oal-badge-sandbox")
        buttons = [self.open_it, self.open_default, self.close_it]
        self._head = ipywidgets.HBox([badge, self.state, *buttons], layout=row).add_class("oal-form")
        self.money = ipywidgets.Label().add_class("oal-form-title")
        self.boxes: dict[str, Any] = {}
        for name, (label, what, least, most, step) in _NUMBERS.items():
            self.boxes[name] = ipywidgets.BoundedFloatText(
                description=label, tooltip=what, min=least, max=most, step=step
            )
        for name, (label, what) in _FLAGS.items():
            self.boxes[name] = ipywidgets.Checkbox(description=label, tooltip=what, indent=False)
        self.keep = _button("Keep settings", "They hold from the next opening on, the capital from a reset", self.apply)
        self.keep.add_class("oal-button-accent")
        self._form = ipywidgets.HBox([*self.boxes.values(), self.keep], layout=row).add_class("oal-form")
        self.rules = ipywidgets.Label().add_class("oal-message")
        self.reset = _button("Begin anew", "Cash as set; no orders, positions, holdings or trades", self._reset)
        self.spare = _button("Leave it", "Nothing is reset", self._calm)
        self.spare.layout.display = "none"
        self._foot = ipywidgets.HBox([self.reset, self.spare], layout=row).add_class("oal-form")
        self.message = MessageLine()

    def _reset(self) -> None:
        if self.reset.description == "Begin anew":
            self.reset.description = "Really forget all trades and positions of the sandbox?"
            self.spare.layout.display = ""
            return
        self._calm()
        self._do(ResetSandbox())

    def _calm(self) -> None:
        self.reset.description = "Begin anew"
        self.spare.layout.display = "none"

    def _show_state(self) -> None:
        self._funds, self._is_open = _funds_of(self._handle.books), self._opened()
        default = self._is_open and self._handle.status.default_account == ACCOUNT
        self.state.value = "Open, and the default account" if default else "Open" if self._is_open else "Closed"
        self.open_it.disabled = self._is_open
        self.open_default.disabled = bool(default)
        self.close_it.disabled = not self._is_open
        self.money.value = money_line(self._funds if self._is_open else None, self._notes)
        if not self._rules_told:
            self._rules_told = True
            self.rules.value = self._rules_words()

    def _rules_words(self) -> str:
        from openalgo_lab.model.calendar import TradingCalendar
        from openalgo_lab.model.rules import RuleBook
        from openalgo_lab.ui.sandbox.rules import square_offs

        day = trade_date(self._handle.status.market_ns)
        times = square_offs(RuleBook.load(), TradingCalendar.load(), day)
        text = "Margins are the exchanges' own, with the benefit of hedges, from dated tables."
        if any(one.mode is Mode.SIMULATED for one in self._handle.status.accounts):
            return f"{text} The simulated market never closes by itself; on a real one intraday positions end in time."
        return f"{text} Intraday positions end today: {times}." if times else f"{text} There is no session today."

    # The engine ---------------------------------------------------------------------------------------------------

    def _opened(self) -> bool:
        return any(one.account == ACCOUNT for one in self._handle.status.accounts)

    def _ask(self, command: Command[Any], done: Any, timeout_s: float = PATIENT_S) -> None:
        self._loop.ask(self._handle, self._handle.call(command, timeout_s), done, self._failed)

    def _ask_charges(self) -> None:
        day = trade_date(self._handle.status.market_ns)
        self._ask(GetContractNotes(day, day, ACCOUNT, exact=True), self._take_notes)

    def _do(self, command: Command[Done]) -> None:
        self.message.info("…")
        self._ask(command, self._done)

    def _done(self, reply: Done) -> None:
        self._asked_at = 0.0
        self._show_state()
        self.message.info(reply.message)

    def _kept_now(self, settings: SandboxSettings) -> None:
        self._take_settings(settings)
        self.message.info("Kept. They hold from the next opening on, the capital from the next reset.")

    def _take_settings(self, settings: SandboxSettings) -> None:
        self._kept = settings
        for name, box in self.boxes.items():
            value = getattr(settings, name)
            box.value = value * 100 if name == "depth_factor" else value

    def _take_notes(self, notes: tuple[NoteLine, ...]) -> None:
        self._notes = notes
        self._show_state()

    def _failed(self, error: LabError) -> None:
        self._show_state()
        self.message.bad(str(error))


def _funds_of(books: Books) -> Funds | None:
    return next((one for one in books.funds if one.account == ACCOUNT), None)


def _button(label: str, what: str, press: Any) -> Any:
    button = ipywidgets.Button(description=label, tooltip=what)
    button.on_click(lambda _: press())
    return button
