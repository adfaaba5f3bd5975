"""Open interest: by strike, its change, max pain, gamma exposure and density, and its way since the page opened."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from openalgo_lab.model.option_conventions import Conventions
from openalgo_lab.options.chain import pain_curve
from openalgo_lab.options.exposure import GammaExposure, gamma_density, gamma_exposure, zero_gamma
from openalgo_lab.ui.chain.header import ChainFigure
from openalgo_lab.ui.options.page import ChainPage, Look
from openalgo_lab.ui.options.plot import Axis, Band, Mark, Plot, Series
from openalgo_lab.ui.options.tracker import OiTracker
from openalgo_lab.ui.options.words import base_figures, plain, signed_money, strike
from openalgo_lab.ui.tabs import Tab

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["InterestView"]

_VIEWS: Final = (
    Tab("oi", "OI profile"), Tab("change", "OI change"), Tab("tracker", "OI tracker"), Tab("pain", "Max pain"),
    Tab("gex", "Gamma exposure"), Tab("density", "Gamma density"),
)  # fmt: skip
_WINDOW: Final = 24  # strikes either side of the money
_DAY: Final = 1.0 / 365.0


class InterestView(ChainPage):
    """Live open interest of one expiry. Calls are red and puts green, as resistance and support are."""

    def __init__(
        self,
        lab: Lab,
        underlying: str = "NIFTY",
        expiry: date | str | None = None,
        *,
        view: str = "oi",
        conventions: Conventions | None = None,
    ) -> None:
        self._tracker = OiTracker()
        self._plots = _plots()
        super().__init__(lab, underlying, expiry, views=_VIEWS, conventions=conventions)
        self._views.show(_VIEWS, view)
        self.changed()
        self.start()

    def changed(self) -> None:
        """Only the chosen chart is in the page."""
        chosen = self._plots[self.view]
        if self.body.children != (chosen,):
            self.body.children = (chosen,)

    @property
    def plot(self) -> Plot:
        """The chart that is shown."""
        return self._plots[self.view]

    def figures(self, looks: tuple[Look, ...], view: str) -> list[ChainFigure]:
        """Ratios, walls, max pain, and the exposure on its own pages."""
        reading = looks[0].reading
        shared = [
            *base_figures(looks[0]),
            ChainFigure("pcr", "PCR (OI)", plain(reading.pcr), "Open interest of the puts over that of the calls"),
            ChainFigure(
                "pcr_volume", "PCR (volume)", plain(reading.pcr_volume), "Traded puts over traded calls, today"
            ),
            ChainFigure("max_pain", "Max pain", strike(reading.max_pain), "Strike at which option holders get least"),
            ChainFigure("support", "Support", strike(reading.walls.support), "Largest open interest of puts"),
            ChainFigure("resistance", "Resistance", strike(reading.walls.resistance), "Largest open interest of calls"),
        ]
        if view in ("gex", "density"):
            exposure = _exposure(looks[0])
            sign = (exposure.total > 0) - (exposure.total < 0)
            hint = "₹ to be traded on a move of 1 % if hedgers bought the calls and sold the puts"
            net = f"{signed_money(exposure.total / 1e7)} Cr"
            shared += [
                ChainFigure("gex", "Net GEX for 1 %", net, hint, sign),
                ChainFigure("flip", "Zero gamma", strike(round(_flip(looks[0]), 1)), "Where the sign changes"),
            ]
        return shared

    def draw(self, looks: tuple[Look, ...], view: str) -> None:
        """The chosen chart; the tracker goes on under all of them."""
        look = looks[0]
        self._tracker.note(look, look.reading.now_ns / 1e9)
        if not np.nansum(look.reading.calls["oi"]) > 0:
            self._plots[view].say("No open interest is known yet for this expiry.")
            return
        getattr(self, f"_draw_{view}")(look, self._plots[view])

    def _draw_oi(self, look: Look, plot: Plot) -> None:
        near, strikes = _near(look)
        reading = look.reading
        curves = {"calls": (strikes, reading.calls["oi"][near]), "puts": (strikes, reading.puts["oi"][near])}
        plot.show_lines(curves, marks=_marks(look, Mark(reading.max_pain, "max pain", "warning")))

    def _draw_change(self, look: Look, plot: Plot) -> None:
        near, strikes = _near(look)
        reading = look.reading
        if not np.isfinite(reading.calls["oi_change"]).any():
            plot.say("Yesterday's open interest is not known here, so its change is not either.")
            return
        curves = {
            "calls": (strikes, reading.calls["oi_change"][near]),
            "puts": (strikes, reading.puts["oi_change"][near]),
        }
        plot.show_lines(curves, marks=_marks(look))

    def _draw_tracker(self, look: Look, plot: Plot) -> None:
        times, table = self._tracker.columns(look.contracts.expiry)
        plot.show_lines({name: (times, values) for name, values in table.items()})

    def _draw_pain(self, look: Look, plot: Plot) -> None:
        near, strikes = _near(look)
        reading = look.reading
        pain = pain_curve(look.contracts.strikes, reading.calls["oi"], reading.puts["oi"])[near] / 1e7
        marks = _marks(look, Mark(reading.max_pain, "max pain", "warning"))
        plot.show_lines({"pain": (strikes, pain)}, marks=marks)

    def _draw_gex(self, look: Look, plot: Plot) -> None:
        near, strikes = _near(look)
        net = _exposure(look).net / 1e7
        curves = {"net": (strikes, net[near]), "sum": (strikes, np.cumsum(net)[near])}
        plot.show_lines(curves, marks=_marks(look, Mark(_flip(look), "zero gamma", "warning")))

    def _draw_density(self, look: Look, plot: Plot) -> None:
        near, strikes = _near(look)
        reading = look.reading
        iv = reading.otm_iv / 100
        interest: Any = (reading.calls["oi"], reading.puts["oi"])
        terms = {"expiry": reading.years, "today": min(reading.years, _DAY)}
        curves = {
            key: (
                strikes,
                _share(gamma_density(look.contracts.strikes, iv, *interest, years=years, forward=reading.forward))[
                    near
                ],
            )
            for key, years in terms.items()
        }
        day = reading.spot * reading.atm_iv / 100 * math.sqrt(_DAY)
        bands = [Band(reading.spot - k * day, reading.spot + k * day) for k in (2, 1)] if math.isfinite(day) else []
        plot.show_lines(curves, marks=_marks(look), bands=bands)


def _plots() -> dict[str, Plot]:
    x, units = Axis("Strike", "strike"), Axis("Open interest, units", "quantity")
    sides = (Series("calls", "Calls", "down", style="bars"), Series("puts", "Puts", "up", style="bars"))
    crore = Axis("₹ crore", "number")
    moved = (
        Series("calls", "Calls", "down"),
        Series("puts", "Puts", "up"),
        Series("pcr", "PCR", "accent", axis="y2", dash=True),
    )
    return {
        "oi": Plot("oi-profile", "Open interest", x=x, y=units, series=sides, height="100%"),
        "change": Plot("oi-change", "Change since yesterday", x=x, y=units, series=sides, height="100%"),
        "tracker": Plot(
            "oi-tracker", "Open interest since this page was opened", x=Axis("Time (IST)", "time"), y=units,
            y2=Axis("PCR", "number"), series=moved, height="100%",
        ),
        "pain": Plot(
            "max-pain", "What options would pay at expiry", x=x, y=crore, height="100%",
            series=(Series("pain", "Payout to holders", "accent", style="bars"),),
        ),
        "gex": Plot(
            "gamma-exposure", "Gamma exposure for a move of 1 %", x=x, y=crore, height="100%",
            y2=Axis("Summed up, ₹ crore", "number"),
            series=(
                Series("net", "Calls less puts", "up", style="bars", signed=True),
                Series("sum", "Summed up", "accent", axis="y2", dash=True),
            ),
        ),
        "density": Plot(
            "gamma-density", "Gamma density: where hedging concentrates", x=x, y=Axis("% of the largest", "number"),
            height="100%",
            series=(Series("today", "Within today", "warning"), Series("expiry", "Until expiry", "accent")),
        ),
    }  # fmt: skip


def _near(look: Look) -> tuple[slice, np.ndarray]:
    """The strikes round the money."""
    at = len(look.contracts) // 2 if look.reading.atm is None else look.reading.atm
    cut = slice(max(at - _WINDOW, 0), at + _WINDOW + 1)
    return cut, look.contracts.strikes[cut]


def _marks(look: Look, *more: Mark) -> list[Mark]:
    return [Mark(look.reading.spot, "spot", "text"), *more]


def _exposure(look: Look) -> GammaExposure:
    reading = look.reading
    level = reading.spot if math.isfinite(reading.spot) else reading.forward
    calls, puts = reading.calls, reading.puts
    return gamma_exposure(calls["gamma"], puts["gamma"], calls["oi"], puts["oi"], level)


def _flip(look: Look) -> float:
    reading = look.reading
    return zero_gamma(
        look.contracts.strikes, reading.otm_iv / 100, reading.calls["oi"], reading.puts["oi"],
        years=reading.years, forward=reading.forward,
    )  # fmt: skip


def _share(density: np.ndarray) -> np.ndarray:
    most = float(density.max(initial=0.0))
    return density / most * 100 if most > 0 else density
