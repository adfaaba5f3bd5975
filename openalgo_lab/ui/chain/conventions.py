"""A choice of model, clock and rate, remembered in the profile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import ipywidgets
import msgspec

from openalgo_lab.lab.option_settings import load_conventions, save_conventions
from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.option_conventions import EXCHANGE, OWN, Conventions, OptionClock

__all__ = ["ConventionChoice"]

_PRESETS: Final = {
    "Forward, calendar time": OWN,
    "Forward, trading hours": Conventions(clock=OptionClock.TRADING),
    "Exchange: spot, 10 %, whole days": EXCHANGE,
}


class ConventionChoice:
    """A dropdown of presets with a field for the rate. Choosing a preset sets its rate; the rate may then be changed.

    ``problem``: why the choice could not be read or kept, "" if it could.
    """

    def __init__(self, folder: Path, changed: Callable[[Conventions], None]) -> None:
        self._folder = folder
        self._changed = changed
        self._setting = False
        self.problem = ""
        try:
            self.chosen = load_conventions(folder)
        except StoreError as error:
            self.chosen, self.problem = OWN, str(error)
        presets = dict(_PRESETS)
        if not any(_alike(self.chosen, one) for one in presets.values()):
            presets[str(self.chosen)] = self.chosen
        self.preset: Any = ipywidgets.Dropdown(
            options=list(presets.items()),
            value=next(one for one in presets.values() if _alike(self.chosen, one)),
            description="Greeks by",
            tooltip="Model and clock of volatilities and Greeks",
            style={"description_width": "initial"},
        )
        self.rate: Any = ipywidgets.BoundedFloatText(
            self.chosen.rate_pct, min=0.0, max=100.0, step=0.25, description="Rate %",
            tooltip="Rate of discount, per cent a year", style={"description_width": "initial"},
        )  # fmt: skip
        self.widget: Any = ipywidgets.HBox([self.preset, self.rate]).add_class("oal-chain-conventions")
        self.preset.observe(lambda change: self._choose(change["new"]), "value")
        self.rate.observe(lambda change: self._rated(float(change["new"])), "value")

    def _choose(self, chosen: Conventions) -> None:
        self._setting = True
        try:
            self.rate.value = chosen.rate_pct
        finally:
            self._setting = False
        self._keep(chosen)

    def _rated(self, rate_pct: float) -> None:
        if not self._setting:
            self._keep(msgspec.structs.replace(self.chosen, rate_pct=rate_pct))

    def _keep(self, chosen: Conventions) -> None:
        self.chosen, self.problem = chosen, ""
        try:
            save_conventions(self._folder, chosen)
        except StoreError as error:
            self.problem = str(error)  # it counts for this page all the same
        self._changed(chosen)


def _alike(one: Conventions, other: Conventions) -> bool:
    """Whether only the rate differs."""
    return msgspec.structs.replace(one, rate_pct=other.rate_pct) == other
