"""The form that adds a strategy: a file, its class and parameters, what it follows, where it trades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from openalgo_lab.lab.strategy_host_source import outline
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.strategy_commands import AddStrategy, HostedStrategy, Plain, StrategyInfo, StrategyLimits
from openalgo_lab.model.vocabulary import Product
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.message import MessageLine

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["AddForm"]

INTERVALS: Final = ("1m", "3m", "5m", "15m", "30m", "1h")


class AddForm(ipywidgets.VBox):
    """Reads the file (nothing in it is run here), shows a field for each parameter, and hands all to the engine."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._loop = KernelLoop()
        self._body, self._file = b"", ""
        self._classes: dict[str, dict[str, Plain]] = {}
        self._knobs: dict[str, Any] = {}
        title = ipywidgets.Label("Add a strategy")
        title.add_class("oal-form-title")
        self.file = ipywidgets.FileUpload(
            accept=".py,.ipynb",
            description="File …",
            tooltip="A .py file, or a notebook",
        )
        self.kind = ipywidgets.Dropdown(options=[], description="Class")
        self.name = ipywidgets.Text("", description="Name")
        self.symbols = ipywidgets.Text("NSE:SBIN", description="Symbols", tooltip="The main one first, commas between")
        self.interval = ipywidgets.Dropdown(options=INTERVALS, description="Interval")
        self.account = ipywidgets.Dropdown(options=_accounts(lab), description="Account")
        self.product = ipywidgets.Dropdown(options=[one.value for one in Product], value="MIS", description="Product")
        self.cash = ipywidgets.FloatText(1_00_000.0, description="Cash ₹")
        self.max_loss = ipywidgets.FloatText(0.0, description="Max loss ₹", tooltip="Of a day; 0 is no limit")
        self.orders = ipywidgets.IntText(0, description="Orders a day", tooltip="At most; 0 is no limit")
        self.add = ipywidgets.Button(description="Add", disabled=True)
        self.add.add_class("oal-button-accent")
        self.knobs = _form([])
        self.message = MessageLine()
        self.file.observe(self._read, "value")
        self.kind.observe(self._chosen, "value")
        self.add.on_click(lambda _button: self.give())
        fields = [
            title, self.file, self.kind, self.name, self.symbols, self.interval, self.account, self.product, self.cash,
            self.max_loss, self.orders, self.add,
        ]  # fmt: skip
        super().__init__([_form(fields), self.knobs, self.message])
        self.message.info("Choose a .py file or a notebook: of a notebook the definitions are taken, no cell is run.")

    def take(self, file_name: str, body: bytes) -> None:
        """A file was chosen."""
        try:
            self._classes = outline(file_name, body)
        except LabError as error:
            self.add.disabled = True
            self.message.bad(str(error))
            return
        self._file, self._body = file_name, body
        self.kind.options = list(self._classes)
        self.kind.value = next(iter(self._classes))
        self.name.value = file_name.rpartition(".")[0]
        self.account.options = _accounts(self._lab)
        self.add.disabled = False
        self._chosen(None)
        self.message.info(f"{file_name}: {len(body):,} bytes. Nothing runs before you start it.")

    def give(self) -> None:
        """Hand it to the engine."""
        try:
            command = self.command()
        except LabError as error:
            self.message.bad(str(error))
            return
        self.add.disabled = True
        self._loop.ask(self._lab.handle, self._lab.handle.call(command), self._added, self._refused)

    def command(self) -> AddStrategy:
        """What the form says. Raises InputError."""
        symbols = tuple(part.strip() for part in self.symbols.value.split(",") if part.strip())
        if not symbols:
            raise InputError("Give at least one symbol, for example NSE:SBIN.", field="symbols")
        hosted = HostedStrategy(
            self.name.value.strip(), "", self.kind.value, symbols, self.interval.value, self.account.value,
            {name: knob.value for name, knob in self._knobs.items()},
            {"product": self.product.value, "cash": self.cash.value},
            limits=StrategyLimits(orders_per_day=self.orders.value, max_loss=self.max_loss.value),
        )  # fmt: skip
        return AddStrategy(hosted, self._body, self._file)

    def _read(self, change: Any) -> None:
        for chosen in change["new"]:
            self.take(str(chosen["name"]), bytes(chosen["content"]))

    def _chosen(self, _change: object) -> None:
        known = self._classes.get(self.kind.value or "", {})
        self._knobs = {name: _knob(name, value) for name, value in known.items()}
        self.knobs.children = tuple(self._knobs.values())

    def _added(self, info: StrategyInfo) -> None:
        self.add.disabled = False
        self.message.info(f"{info.strategy.name} is hosted on {info.strategy.account}: press Start in its row.")

    def _refused(self, error: LabError) -> None:
        self.add.disabled = False
        self.message.bad(str(error))


def _accounts(lab: Lab) -> list[str]:
    return [one.account for one in lab.handle.status.accounts]


def _form(fields: Sequence[Any]) -> Any:
    form = ipywidgets.HBox(list(fields))
    form.add_class("oal-form")
    form.add_class("oal-strategies-form")
    return form


def _knob(name: str, value: Plain) -> Any:
    match value:
        case bool():
            return ipywidgets.Checkbox(value, description=name, indent=False)
        case int():
            return ipywidgets.IntText(value, description=name)
        case float():
            return ipywidgets.FloatText(value, description=name)
        case _:
            return ipywidgets.Text(value, description=name)
