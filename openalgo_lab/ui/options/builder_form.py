"""The strategy builder's controls: template, a leg by hand, what-if sliders, placing, the saved book."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import ipywidgets

from openalgo_lab.model.symbols import format_strike
from openalgo_lab.options.templates import TEMPLATES, Outlook

__all__ = ["BuilderForm"]

_FIRST: Final = "iron condor"


class BuilderForm:
    """Plain ipywidgets; values are read and written on the kernel's loop only."""

    def __init__(self) -> None:
        self.outlook = _choice(
            "Outlook", [one.value.capitalize() for one in Outlook], Outlook.NEUTRAL.value.capitalize()
        )
        self.template = _choice("Strategy", [], None)
        self.lots = ipywidgets.BoundedIntText(1, min=1, max=500, description="Lots", tooltip="Lots of every leg")
        self.width = ipywidgets.BoundedIntText(
            0, min=0, max=50, description="Width", tooltip="Listed strikes between two steps; 0 chooses about 0.4 %"
        )
        self.build = _button("Build", "Replace the legs by this strategy", "accent")
        self.side = _choice("Leg", ["BUY", "SELL"], "BUY")
        self.strike = _choice("Strike", [], None)
        self.kind = _choice("", ["CE", "PE", "FUT"], "CE")
        self.add = _button("Add leg", "Add this leg to the strategy")
        self.spot = _slider("Spot %", -10.0, 10.0, 0.1, "Move of the underlying, per cent")
        self.points = _slider("IV pts", -10.0, 20.0, 0.5, "Change of all volatilities, points")
        self.days = _slider("Days on", 0.0, 7.0, 0.25, "Days from now")
        self.still = _button("Reset", "Back to now")
        self.product = _choice("Product", ["NRML", "MIS"], "NRML")
        self.price_type = _choice("Type", ["MARKET", "LIMIT"], "MARKET")
        self.place = _button("Place", "Send all legs as one basket, bought ones first", "accent")
        self.name = ipywidgets.Text("", placeholder="Name", tooltip="Name in the book")
        self.save = _button("Save", "Keep the strategy in the book")
        self.saved = _choice("Book", ["–"], "–")
        self.delete = _button("Delete", "Take the chosen strategy out of the book")
        self.outlook.observe(lambda _change: self._list_templates(), "value")
        self._list_templates(_FIRST)

    @property
    def rows(self) -> tuple[Any, ...]:
        """Template and hand-made leg."""
        return (
            _row(self.outlook, self.template, self.lots, self.width, self.build),
            _row(self.side, self.strike, self.kind, self.add),
        )

    @property
    def what_if(self) -> Any:
        """The sliders."""
        return _row(self.spot, self.points, self.days, self.still)

    @property
    def acting(self) -> tuple[Any, ...]:
        """Placing and the book."""
        return (_row(self.product, self.price_type, self.place), _row(self.name, self.save, self.saved, self.delete))

    def list_strikes(self, strikes: Sequence[float], chosen: float) -> None:
        """Offer these strikes."""
        names = [(format_strike(strike), strike) for strike in strikes]
        if tuple(self.strike.options) != tuple(names):
            self.strike.options = names
        if self.strike.value != chosen:
            self.strike.value = chosen

    def list_saved(self, names: Sequence[str]) -> None:
        """Offer the book."""
        offered = ("–", *names)
        if tuple(self.saved.options) != offered:
            self.saved.options = offered

    def reset(self) -> None:
        """All sliders to now."""
        for slider in (self.spot, self.points, self.days):
            slider.value = 0.0

    def on_press(self, button: Any, act: Callable[[], None]) -> None:
        """Call back when it is pressed."""
        button.on_click(lambda _button: act())

    def _list_templates(self, first: str = "") -> None:
        wanted = Outlook(self.outlook.value.lower())
        self.template.options = [(one.title, one.key) for one in TEMPLATES.values() if one.outlook is wanted]
        self.template.value = first or self.template.options[0][1]
        self.template.tooltip = TEMPLATES[self.template.value].about


def _choice(label: str, options: Sequence[str], value: str | None) -> Any:
    return ipywidgets.Dropdown(
        options=options, value=value, description=label, tooltip=label, style={"description_width": "initial"}
    )


def _button(text: str, tip: str, tone: str = "") -> Any:
    button = ipywidgets.Button(description=text, tooltip=tip)
    return button.add_class(f"oal-button-{tone}") if tone else button


def _slider(label: str, low: float, high: float, step: float, tip: str) -> Any:
    return ipywidgets.FloatSlider(
        0.0, min=low, max=high, step=step, description=label, tooltip=tip, readout_format="+.1f", continuous_update=True
    )


def _row(*parts: Any) -> Any:
    return ipywidgets.HBox(parts).add_class("oal-form")
