"""The header of a chain: underlying, spot, forward and where it comes from, days, ATM volatility, ratios."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import anywidget
import msgspec
import traitlets

from openalgo_lab.engine.option_data.reading import ChainReading
from openalgo_lab.model.money import format_inr
from openalgo_lab.model.symbols import format_strike
from openalgo_lab.ui.theme import css

__all__ = ["ChainFigure", "ChainHeader", "figures_of"]

_log = logging.getLogger(__name__)
_DASH = "–"


class ChainFigure(msgspec.Struct, frozen=True):
    """One labelled number as texts; ``sign`` colours it beside the sign that it carries, ``hint`` explains it."""

    key: str
    label: str
    value: str
    hint: str = ""
    sign: int = 0


class _Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn."""


class _Pick(msgspec.Struct, frozen=True, tag="pick", tag_field="k"):
    """Another underlying was chosen."""

    underlying: str


class ChainHeader(anywidget.AnyWidget):
    """Shows what it is told (``tell_*`` from any thread); ``picked`` hears a newly chosen underlying."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, picked: Callable[[str], None], **traits: Any) -> None:
        self._picked = picked
        self._told: dict[str, dict[str, Any]] = {}
        super().__init__(**traits)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.chain").joinpath("header.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.chain").joinpath("header.css").read_text("utf-8")

    def tell_choices(self, underlyings: Sequence[str], chosen: str) -> None:
        """What can be picked, and what is."""
        self._tell({"k": "choices", "underlyings": list(underlyings), "chosen": chosen})

    def tell_facts(self, shown: Sequence[ChainFigure], *, mode: str, stale: bool, note: str = "") -> None:
        """The figures, and a sentence on how far they may be trusted; sent only when something differs."""
        figures = msgspec.to_builtins(list(shown))
        self._tell({"k": "facts", "shown": figures, "mode": mode, "stale": stale, "note": note})

    def _tell(self, content: dict[str, Any]) -> None:
        if self._told.get(content["k"]) != content:
            self._told[content["k"]] = content
            self.send(content)

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = msgspec.convert(content, _Hello | _Pick)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the chain a message that cannot be read; reload the page. (%s)", error)
            return
        if isinstance(message, _Pick):
            self._picked(message.underlying)
        else:
            for told in tuple(self._told.values()):
                self.send(told)


def figures_of(reading: ChainReading) -> list[ChainFigure]:
    """The header's figures as texts."""
    change = reading.spot_change
    sign = (change > 0) - (change < 0) if math.isfinite(change) else 0
    arrow = {1: "▲ ", -1: "▼ ", 0: ""}[sign]
    moved = f"{arrow}{format_inr(abs(change))} ({reading.spot_change_pct:+.2f} %)" if math.isfinite(change) else _DASH
    return [
        ChainFigure("spot", "Spot", _number(reading.spot), "The underlying's last price"),
        ChainFigure("change", "Change", moved, "Against the previous close", sign),
        ChainFigure(
            "forward",
            f"Forward ({reading.forward_source})",
            _number(reading.forward),
            f"{reading.forward_detail}; options priced at {reading.price_source}; {reading.conventions}",
        ),
        ChainFigure("days", "To expiry", _days(reading.days), "Until the contracts stop trading"),
        ChainFigure("atm_iv", "ATM IV", _plain(reading.atm_iv, 2, " %"), "Mean of call and put at the money"),
        ChainFigure("straddle", "Straddle", _number(reading.straddle), "Call and put at the money together"),
        ChainFigure("move", "Expected move", _plain(reading.move, 0), "± until expiry, as the straddle prices it"),
        ChainFigure("pcr", "PCR", _plain(reading.pcr, 2), "Open interest of the puts over that of the calls"),
        ChainFigure("max_pain", "Max pain", _strike(reading.max_pain), "Strike at which option holders get least"),
        ChainFigure(
            "walls", "OI walls", f"{_strike(reading.walls.support)} – {_strike(reading.walls.resistance)}",
            "Strikes with most open puts and most open calls",
        ),
    ]  # fmt: skip


def _number(value: float) -> str:
    return format_inr(value) if math.isfinite(value) else _DASH


def _plain(value: float, decimals: int, unit: str = "") -> str:
    return f"{value:.{decimals}f}{unit}" if math.isfinite(value) else _DASH


def _strike(value: float) -> str:
    return format_strike(value) if math.isfinite(value) else _DASH


def _days(days: float) -> str:
    if days <= 0:
        return "expired"
    return f"{days:.1f} d" if days >= 1 else f"{days * 24:.1f} h"
