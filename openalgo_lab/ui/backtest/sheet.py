"""The tear sheet of one run: headline, equity, drawdown, months, trades on candles, distributions, the trades."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from openalgo_lab.backtest.statistics import daily_returns, drawdown
from openalgo_lab.ui.backtest.figures import bars_figure, candles_figure, curve_figure
from openalgo_lab.ui.backtest.words import cards, figures_table, months_table, trades_table
from openalgo_lab.ui.style import StyleSheet
from openalgo_lab.ui.theme import DARK

if TYPE_CHECKING:
    from openalgo_lab.lab.backtest_result import BacktestResult

__all__ = ["TearSheet"]

_AROUND = 25
"""So many bars before and after a trade are shown with it."""
_MOST_BARS = 400


class TearSheet(ipywidgets.VBox):
    """Everything about a run on one page. Made of plain widgets; ``figures`` are bqplot's, to add marks to."""

    def __init__(self, result: BacktestResult, *, height: str = "240px") -> None:
        self.result = result
        record = result.record
        equity = record.equity / 100
        self.equity = curve_figure("equity", record.start_ns, self._curves(equity), height=height, form=",.0f")
        self.drawdown = curve_figure(
            "drawdown", record.start_ns, [(drawdown(record.equity) * 100, DARK.down)], height="130px", form=".1f",
            fill="top",
        )  # fmt: skip
        self.results = bars_figure("results", record.trades.net / 100, height="300px", form=",.0f")
        daily = daily_returns(record.equity, record.day, float(record.start_cash)) * 100
        self.daily = bars_figure("daily", daily, height="300px", form=".1f")
        self._number = 0
        self.candles, self._draw = candles_figure("280px")
        self._where = ipywidgets.Label()
        super().__init__(self._parts(result))
        self.add_class("oal-bt")
        if len(record.trades):
            self.show_trade(len(record.trades) - 1)

    @property
    def figures(self) -> tuple[Any, ...]:
        """Equity, drawdown, candles, results, daily returns."""
        return (self.equity, self.drawdown, self.candles, self.results, self.daily)

    def show_trade(self, number: int) -> None:
        """Show a trade (by its row in ``result.trades``) on its candles, with the others around it."""
        trades = self.result.record.trades
        self._number = min(max(number, 0), len(trades) - 1)
        symbol = trades.symbol[self._number]
        bars = self.result.candles[symbol]
        of_symbol = np.array([name == symbol for name in trades.symbol])
        entry, leave = (np.searchsorted(bars.start_ns, moment) for moment in (trades.entry_ns, trades.exit_ns))
        first = max(int(entry[self._number]) - _AROUND, 0)
        last = min(int(leave[self._number]) + _AROUND + 1, len(bars), first + _MOST_BARS)
        rows = slice(first, last)
        bought = trades.units > 0

        def points(*choices: tuple[Any, Any, Any]) -> tuple[Any, Any]:
            at = np.concatenate([where[chosen & of_symbol] for chosen, where, _ in choices])
            prices = np.concatenate([price[chosen & of_symbol] for chosen, _, price in choices])
            inside = (at >= first) & (at < last)
            return at[inside].astype(np.float64), prices[inside]

        ways = ((bought, entry, trades.entry_price), (~bought, leave, trades.exit_price))
        other = ((~bought, entry, trades.entry_price), (bought, leave, trades.exit_price))
        held = np.array([entry[self._number], leave[self._number]], dtype=np.float64)
        price = np.array([trades.entry_price[self._number], trades.exit_price[self._number]])
        self._draw(bars, rows, points(*ways), points(*other), (held, price))
        net = trades.net[self._number] / 100
        side = "long" if trades.units[self._number] > 0 else "short"
        told = (f"Trade {self._number + 1} of {len(trades)}", symbol, side, f"{net:+,.2f}", trades.reason[self._number])
        self._where.value = " · ".join(told)

    def _curves(self, equity: Any) -> list[tuple[Any, str]]:
        """The equity, and beside it what holding the instrument would have made of the same money."""
        curves = [(equity, DARK.accent)]
        candles = list(self.result.candles.values())
        if len(candles) == 1 and len(candles[0]) == len(equity):
            close = candles[0].close
            curves.insert(0, (close / candles[0].open[0] * self.result.settings.cash, DARK.muted))
        return curves

    def _parts(self, result: BacktestResult) -> list[Any]:
        title = ipywidgets.Label(result.label)
        title.add_class("oal-bt-title")
        head = ipywidgets.HBox([title, self._save("Save pictures")])
        head.add_class("oal-bt-head")
        beside = _row(
            _part("All figures", ipywidgets.HTML(figures_table(result.figures()))),
            _column(
                _part("Months, per cent", ipywidgets.HTML(months_table(result.monthly_returns))),
                _row(
                    _part("Results of trades, rupees", self.results),
                    _part("Results of days, per cent", self.daily),
                ),
            ),
        )
        beside.add_class("oal-bt-beside")
        return [
            StyleSheet("backtest"),
            head,
            ipywidgets.HTML(cards(result.figures())),
            _part("Equity, rupees (grey: bought and held)", self.equity),
            _part("Drawdown, per cent", self.drawdown),
            beside,
            *self._trade_parts(),
        ]

    def _trade_parts(self) -> list[Any]:
        if not len(self.result.record.trades):
            return [ipywidgets.HTML('<div class="oal-bt-note">No trade was closed.</div>')]
        steps = []
        for word, step in (("◀ Trade before", -1), ("Next trade ▶", 1)):
            button = ipywidgets.Button(description=word)
            button.on_click(partial(self._step, step))
            steps.append(button)
        bar = ipywidgets.HBox([steps[0], self._where, steps[1]])
        bar.add_class("oal-form")
        bar.add_class("oal-bt-steps")
        table = ipywidgets.HTML(trades_table(self.result.trades, {}))
        return [_part("Trades on candles (▲ bought, ▼ sold)", bar, self.candles), _part("Trades", table)]

    def _step(self, step: int, _button: object) -> None:
        self.show_trade(self._number + step)

    def _save(self, word: str) -> Any:
        button = ipywidgets.Button(description=word, tooltip="Save the equity curve and the drawdown as PNG")
        button.on_click(lambda _button: [self.equity.save_png("equity.png"), self.drawdown.save_png("drawdown.png")])
        box = ipywidgets.HBox([button])
        box.add_class("oal-form")
        return box


def _part(name: str, *widgets: Any) -> Any:
    heading = ipywidgets.Label(name)
    heading.add_class("oal-bt-heading")
    box = ipywidgets.VBox([heading, *widgets])
    box.add_class("oal-bt-part")
    return box


def _row(*widgets: Any) -> Any:
    box = ipywidgets.HBox(list(widgets))
    box.add_class("oal-bt-row")
    return box


def _column(*widgets: Sequence[Any]) -> Any:
    box = ipywidgets.VBox(list(widgets))
    box.add_class("oal-bt-column")
    return box
