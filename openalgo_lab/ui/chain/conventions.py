"""A choice of model, clock and rate, remembered in the profile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import ipywidgets

from openalgo_lab.lab.option_settings import load_conventions, save_conventions
from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.option_conventions import EXCHANGE, OWN, Conventions, OptionClock

__all__ = ["ConventionChoice"]

_KNOWN: Final = {
    "Forward, calendar time": OWN,
    "Forward, trading hours": Conventions(clock=OptionClock.TRADING),
    "Exchange: spot, 10 %, whole days": EXCHANGE,
}


class ConventionChoice:
    """A dropdown, and what it says. ``problem``: why the choice could not be read or kept, "" if it could."""

    def __init__(self, folder: Path, changed: Callable[[Conventions], None]) -> None:
        self._folder = folder
        self._changed = changed
        self.problem = ""
        try:
            self.chosen = load_conventions(folder)
        except StoreError as error:
            self.chosen, self.problem = OWN, str(error)
        names = dict(_KNOWN)
        if self.chosen not in names.values():
            names[str(self.chosen)] = self.chosen
        self.widget: Any = ipywidgets.Dropdown(
            options=list(names.items()), value=self.chosen, description="Greeks by",
            tooltip="Model, clock and rate of volatilities and Greeks", style={"description_width": "initial"},
        )  # fmt: skip
        self.widget.add_class("oal-chain-conventions")
        self.widget.observe(lambda change: self._choose(change["new"]), "value")

    def _choose(self, chosen: Conventions) -> None:
        self.chosen, self.problem = chosen, ""
        try:
            save_conventions(self._folder, chosen)
        except StoreError as error:
            self.problem = str(error)  # it counts for this page all the same
        self._changed(chosen)
