"""Volatility: the smile of an expiry with its fit, skew and term of all, the surface as a map and as a solid."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from openalgo_lab.engine.option_data.smiles import smile_of, surface_of
from openalgo_lab.model.option_conventions import Conventions
from openalgo_lab.options.surface import Surface, skew
from openalgo_lab.options.svi import SmileFit
from openalgo_lab.ui.chain.header import ChainFigure
from openalgo_lab.ui.options.page import ChainPage, Look
from openalgo_lab.ui.options.plot import Axis, Band, Mark, Plot, Series
from openalgo_lab.ui.options.words import base_figures, plain
from openalgo_lab.ui.tabs import Tab

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["VolatilityView"]

_VIEWS: Final = (
    Tab("smile", "Smile"),
    Tab("term", "Term and skew"),
    Tab("map", "Surface map"),
    Tab("solid", "Surface 3-D"),
)
_REACH: Final = 6
_MONEYNESS: Final = np.linspace(-0.06, 0.06, 25)
_TONES: Final = ("warning", "simulated", "buy", "sell", "muted")


class VolatilityView(ChainPage):
    """Live volatilities of the chosen expiry and of those after it. Strikes that nobody quotes are left out of fits."""

    def __init__(
        self,
        lab: Lab,
        underlying: str = "NIFTY",
        expiry: date | str | None = None,
        *,
        view: str = "smile",
        conventions: Conventions | None = None,
    ) -> None:
        strike, pct = Axis("Strike", "strike"), Axis("Implied volatility, %", "pct")
        later = [
            Series(f"later{number}", f"+{number} expiry", tone, dash=True) for number, tone in enumerate(_TONES, 1)
        ]
        self.smile = Plot(
            "iv-smile", "IV smile", x=strike, y=pct, height="100%",
            series=(
                Series("fit", "SVI fit", "accent", width=2.2),
                Series("calls", "Calls", "buy", style="points"),
                Series("puts", "Puts", "sell", style="points"),
                *later,
            ),
        )  # fmt: skip
        self.term = Plot(
            "iv-term", "Term structure and skew", x=Axis("Days to expiry", "days"), y=pct,
            y2=Axis("Skew, points", "points"), height="100%",
            series=(
                Series("atm", "ATM IV", "accent", width=2.2),
                Series("skew", "Skew: 95 % less 105 %", "warning", axis="y2", dash=True),
            ),
        )  # fmt: skip
        moneyness, days = Axis("Strike against the forward, %", "points"), Axis("Expiry", "days")
        self.map = Plot("vol-map", "Volatility surface", x=moneyness, y=days, z=pct, kind="heat", height="100%")
        self.solid = Plot(
            "vol-solid", "Volatility surface: drag to turn", x=moneyness, y=days, z=pct, kind="solid", height="100%"
        )
        self._plots = {"smile": self.smile, "term": self.term, "map": self.map, "solid": self.solid}
        self._fitted: tuple[tuple[Look, ...], list[SmileFit | None]] = ((), [])
        super().__init__(lab, underlying, expiry, views=_VIEWS, reach=_REACH, conventions=conventions)
        self._views.show(_VIEWS, view)
        self.changed()
        self.start()

    def changed(self) -> None:
        """Only the chosen chart is in the page."""
        chosen = self._plots[self.view]
        if self.body.children != (chosen,):
            self.body.children = (chosen,)

    def fits(self) -> tuple[SmileFit | None, ...]:
        """The fitted smiles of this moment, by expiry."""
        return tuple(self._fits_of(self.looks))

    def _fits_of(self, looks: tuple[Look, ...]) -> list[SmileFit | None]:
        """Header and chart stand on the same fits, made once a look."""
        if self._fitted[0] is not looks:
            self._fitted = looks, [smile_of(look.contracts, look.reading) for look in looks]
        return self._fitted[1]

    def figures(self, looks: tuple[Look, ...], view: str) -> list[ChainFigure]:  # noqa: ARG002 - the same in all views
        """Level, skew, how good the fit is, and whether it is free of arbitrage."""
        fits = self._fits_of(looks)
        fit = fits[0]
        if fit is None:
            return [
                *base_figures(looks[0]),
                ChainFigure("fit", "Fit", "too few strikes", "Five volatilities are needed"),
            ]
        surface = surface_of(fits)
        calendar = surface is not None and surface.calendar_free
        return [
            *base_figures(looks[0]),
            ChainFigure("skew", "Skew 95–105", plain(skew(fit), 2, " pts"), "Strike 5 % below less strike 5 % above"),
            ChainFigure("fit", "Fit error", plain(fit.error, 2, " pts"), "Root mean square, weighted by vega"),
            ChainFigure("butterfly", "Butterflies", "free" if fit.arbitrage_free else "arbitrage",
                        "Whether the fitted curve leaves a butterfly to be had for nothing"),
            ChainFigure("calendar", "Calendars", "free" if calendar else "arbitrage",
                        "Whether total variance grows with every expiry"),
        ]  # fmt: skip

    def draw(self, looks: tuple[Look, ...], view: str) -> None:
        """The chosen chart."""
        fits = self._fits_of(looks)
        if view == "smile":
            self._draw_smile(looks, fits)
        elif view == "term":
            self._draw_term(fits)
        else:
            self._draw_surface(looks, fits, self._plots[view])

    def _draw_smile(self, looks: tuple[Look, ...], fits: list[SmileFit | None]) -> None:
        first, strikes = looks[0].reading, looks[0].contracts.strikes
        if not np.isfinite(first.calls["iv"]).any():
            self.smile.say("No option of this expiry has a price that a volatility explains yet.")
            return
        reach = max(4.0 * first.atm_iv / 100 * math.sqrt(max(first.years, 1e-6)), 0.03)
        near = np.abs(strikes / first.forward - 1) <= reach
        curves: dict[str, Any] = {
            "calls": (strikes[near], _quoted(first.calls["iv"], first.quiet_calls)[near]),
            "puts": (strikes[near], _quoted(first.puts["iv"], first.quiet_puts)[near]),
        }
        for number, (look, fit) in enumerate(zip(looks, fits, strict=True)):
            if fit is not None:
                own = look.contracts.strikes
                inside = (np.abs(own / first.forward - 1) <= reach) & (own >= fit.smile.forward * math.exp(fit.low))
                inside &= own <= fit.smile.forward * math.exp(fit.high)
                curves["fit" if number == 0 else f"later{number}"] = (
                    own[inside],
                    100 * fit.smile.volatility(own[inside]),
                )
        marks = [Mark(first.spot, "spot", "text"), Mark(first.forward, "forward", "accent")]
        band = Band(first.spot - first.move, first.spot + first.move) if math.isfinite(first.move) else None
        self.smile.show_lines(curves, marks=marks, bands=[band] if band else [])

    def _draw_term(self, fits: list[SmileFit | None]) -> None:
        known = [fit for fit in fits if fit is not None]
        if not known:
            self.term.say("No expiry has enough volatilities yet.")
            return
        days = [fit.smile.years * 365 for fit in known]
        level = [100 * float(fit.smile.volatility(np.array([fit.smile.forward]))[0]) for fit in known]
        self.term.show_lines({"atm": (days, level), "skew": (days, [skew(fit) for fit in known])})

    def _draw_surface(self, looks: tuple[Look, ...], fits: list[SmileFit | None], plot: Plot) -> None:
        surface: Surface | None = surface_of(fits)
        if surface is None:
            plot.say("No expiry has enough volatilities yet.")
            return
        field = 100 * surface.volatility(_MONEYNESS, surface.years)
        named = {round(look.reading.years, 9): look.contracts.expiry for look in looks}
        rows = [f"{named[round(years, 9)]:%d %b}" for years in surface.years.tolist()]
        plot.show_field(field, rows=rows, columns=[f"{100 * k:+.1f}" for k in np.expm1(_MONEYNESS)])


def _quoted(iv: np.ndarray, quiet: np.ndarray) -> np.ndarray:
    """Without what nobody quotes, and without prices that are the bare intrinsic value."""
    return np.where(quiet | ~(iv > 0), np.nan, iv)
