"""The day of a chain: the straddle at the money as the money moves, what selling it made, a contract's volatility."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import ipywidgets
import numpy as np

from openalgo_lab.model.errors import LabError
from openalgo_lab.model.option_conventions import Conventions
from openalgo_lab.model.symbols import format_strike
from openalgo_lab.model.times import NS_PER_MS
from openalgo_lab.options.black import year_fraction
from openalgo_lab.options.bulk import bulk_greeks, bulk_volatility
from openalgo_lab.options.straddle import rolling_straddle, sell_straddles
from openalgo_lab.ui.chain.header import ChainFigure
from openalgo_lab.ui.options.page import ChainPage, Look
from openalgo_lab.ui.options.plot import Axis, Mark, Plot, Series
from openalgo_lab.ui.options.session_data import DayCandles, load_day
from openalgo_lab.ui.options.words import base_figures, money, plain, signed_money
from openalgo_lab.ui.tabs import Tab

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["SessionView"]

_VIEWS: Final = (
    Tab("straddle", "Rolling straddle"), Tab("seller", "Straddle seller"), Tab("contract", "Contract IV and Greeks"),
)  # fmt: skip
_AGAIN_S: Final = 60.0
_GREEKS: Final = ("delta", "gamma", "theta", "vega")


class SessionView(ChainPage):
    """Minute by minute from candles, and up to now from the live chain. Candles are fetched anew every minute."""

    every_s = 1.0

    def __init__(
        self,
        lab: Lab,
        underlying: str = "NIFTY",
        expiry: date | str | None = None,
        *,
        view: str = "straddle",
        conventions: Conventions | None = None,
    ) -> None:
        self.candles: DayCandles | None = None
        self._asked = 0
        self._loaded_s = time.monotonic()
        self._plots = _plots()
        self._days = _number("Days", 1, 1, 10, "Last days that have candles")
        self._points = _number("Adjust at", 50, 5, 5000, "Points the money must move before the straddle is sold anew")
        self._lots = _number("Lots", 1, 1, 500, "Lots of each straddle")
        self._strike = ipywidgets.Dropdown(options=[], description="Strike", tooltip="Strike of the contract")
        self._kind = ipywidgets.Dropdown(options=["CE", "PE"], value="CE", description="Type", tooltip="Call or put")
        self._greek = ipywidgets.Dropdown(options=_GREEKS, value="delta", description="Greek", tooltip="On the right")
        self._forms = {
            "straddle": (self._days,),
            "seller": (self._days, self._points, self._lots),
            "contract": (self._days, self._strike, self._kind, self._greek),
        }
        self._form = ipywidgets.HBox().add_class("oal-form")
        super().__init__(lab, underlying, expiry, views=_VIEWS, conventions=conventions)
        self._views.show(_VIEWS, view)
        for control in (self._days, self._strike):
            control.observe(lambda _change: self.load(), "value")
        for control in (self._points, self._lots, self._kind, self._greek):
            control.observe(lambda _change: self._redraw(), "value")
        self.changed()
        self.start()

    @property
    def plot(self) -> Plot:
        """The chart that is shown."""
        return self._plots[self.view]

    def changed(self) -> None:
        """The chosen chart with its own controls; other candles for another chain."""
        self._form.children = self._forms[self.view]
        self.body.children = (ipywidgets.VBox([self._form, self.plot]).add_class("oal-options-side"),)
        strikes = self.contracts.strikes.tolist()
        names = [(format_strike(strike), strike) for strike in strikes]
        if tuple(self._strike.options) != tuple(names):
            self._strike.options = names
            level = self.level()
            at = int(np.argmin(np.abs(self.contracts.strikes - level))) if level > 0 else len(strikes) // 2
            self._strike.value = strikes[at]
            self.candles = None
        self.load()

    def load(self) -> None:
        """Fetch the candles; the answer comes back on the kernel's loop."""
        self._asked += 1
        asked, also = self._asked, [] if self._strike.value is None else [float(self._strike.value)]
        now_ns = self._handle.status.market_ns

        def loaded(candles: DayCandles | None) -> None:
            if asked == self._asked:
                self.candles = candles
                self._redraw()
                if candles is None:
                    self.plot.say(f"{self.underlying} has no candles yet: there is no day to show.")

        work = load_day(self._handle, self.contracts, now_ns, days=int(self._days.value), also=also)
        self._loop.ask(self._handle, work, loaded, self._failed)

    def _failed(self, error: LabError) -> None:
        self._message.bad(str(error))

    def _redraw(self) -> None:
        self._drawn, self._drawn_at = (), 0.0

    def publish(self) -> None:
        """As all pages, and the candles once a minute."""
        now = time.monotonic()
        if now - self._loaded_s > _AGAIN_S:
            self._loaded_s = now
            self._loop.call(self.load)
        super().publish()

    # ----------------------------------------------------------------------------------------------------------------

    def figures(self, looks: tuple[Look, ...], view: str) -> list[ChainFigure]:
        """The straddle now, and what the seller made."""
        reading = looks[0].reading
        shared = [
            *base_figures(looks[0]),
            ChainFigure("straddle", "Straddle now", plain(reading.straddle), "Call and put at the money together"),
            ChainFigure("synthetic", "Synthetic", plain(reading.synthetic), "Strike + call - put at the money"),
            ChainFigure("move", "Expected move", plain(reading.move, 0), "± until expiry, as the straddle prices it"),
        ]
        candles = self.candles
        if view == "seller" and candles is not None:
            run = self._sell(candles)
            made = float(run.profit[-1]) * self._units
            sign = (made > 0) - (made < 0)
            worst = float((run.profit - np.maximum.accumulate(run.profit)).min()) * self._units
            shared += [
                ChainFigure("made", "P&L", signed_money(made), "Without costs", sign),
                ChainFigure("trades", "Straddles sold", str(len(run.trades)), "Closed ones"),
                ChainFigure("worst", "Largest fall", money(worst), "From the highest point so far"),
            ]
        return shared

    def draw(self, looks: tuple[Look, ...], view: str) -> None:
        """The chosen chart."""
        if self.candles is not None and len(self.candles.times):
            getattr(self, f"_draw_{view}")(self.candles, looks[0])

    def _draw_straddle(self, candles: DayCandles, look: Look) -> None:
        found = rolling_straddle(candles.spot, candles.strikes, candles.calls, candles.puts)
        now = look.reading.now_ns / NS_PER_MS
        times = np.append(candles.times / NS_PER_MS, max(now, candles.times[-1] / NS_PER_MS))
        self._plots["straddle"].show_lines({
            "straddle": (times, np.append(found.straddle, look.reading.straddle)),
            "spot": (times, np.append(candles.spot, look.reading.spot)),
            "synthetic": (times, np.append(found.synthetic, look.reading.synthetic)),
        })  # fmt: skip

    def _draw_seller(self, candles: DayCandles, _look: Look) -> None:
        run = self._sell(candles)
        times = candles.times / NS_PER_MS
        curves = {"profit": (times, run.profit * self._units), "spot": (times, candles.spot)}
        marks = [Mark(float(times[one.entered]), format_strike(one.strike), "muted") for one in run.trades[-12:]]
        self._plots["seller"].show_lines(curves, marks=marks)

    def _draw_contract(self, candles: DayCandles, look: Look) -> None:
        plot, strike = self._plots["contract"], float(self._strike.value)
        at = np.flatnonzero(candles.strikes == strike)
        if not len(at):
            return
        call, put = candles.calls[:, at[0]], candles.puts[:, at[0]]
        is_call = self._kind.value == "CE"
        years = year_fraction(candles.times + 60 * 10**9, look.contracts.expiry_ns)
        forward = strike + call - put  # parity of the contract's own pair, minute by minute
        iv = bulk_volatility(call if is_call else put, forward, strike, years, is_call)
        greeks = bulk_greeks(forward, strike, years, iv, is_call)
        times, name = candles.times / NS_PER_MS, str(self._greek.value)
        title = f"{look.contracts.underlying} {look.contracts.expiry:%d %b} {format_strike(strike)} {self._kind.value}"
        curves = {
            "iv": (times, 100 * iv),
            "greek": (times, getattr(greeks, name)),
        }
        plot.show_lines(curves, title=f"{title}: volatility and {name}")

    @property
    def _units(self) -> int:
        return int(self._lots.value) * self.contracts.lot_size

    def _sell(self, candles: DayCandles) -> Any:
        return sell_straddles(
            candles.spot, candles.strikes, candles.calls, candles.puts, candles.day,
            adjust_points=float(self._points.value),
        )  # fmt: skip


def _number(label: str, value: int, low: int, high: int, tip: str) -> Any:
    return ipywidgets.BoundedIntText(value, min=low, max=high, description=label, tooltip=tip)


def _plots() -> dict[str, Plot]:
    when = Axis("Time (IST)", "moment")
    level = Axis("Underlying", "price")
    return {
        "straddle": Plot(
            "rolling-straddle", "Straddle at the money, minute by minute", x=when, y=Axis("Straddle, ₹", "price"),
            y2=level, height="100%",
            series=(
                Series("straddle", "Straddle", "accent", width=2.0),
                Series("spot", "Spot", "muted", axis="y2"),
                Series("synthetic", "Synthetic future", "warning", axis="y2", dash=True),
            ),
        ),
        "seller": Plot(
            "straddle-seller", "Selling the straddle again and again", x=when, y=Axis("Profit, ₹", "rupees"), y2=level,
            height="100%",
            series=(
                Series("profit", "Profit", "up", style="profit"),
                Series("spot", "Spot", "muted", axis="y2"),
            ),
        ),
        "contract": Plot(
            "contract-iv", "Volatility of a contract", x=when, y=Axis("IV, %", "pct"), y2=Axis("Greek", "number"),
            height="100%",
            series=(
                Series("iv", "IV", "accent", width=2.0),
                Series("greek", "Greek", "warning", axis="y2", dash=True),

            ),
        ),
    }  # fmt: skip
