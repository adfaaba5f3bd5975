"""The explorer: choose a strategy, its data and its parameters; run; look."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from openalgo_lab.lab.backtest_result import BacktestResult
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Product
from openalgo_lab.strategy.examples import EXAMPLES
from openalgo_lab.strategy.strategy import Strategy
from openalgo_lab.ui.backtest.sheet import TearSheet
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.style import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab
    from openalgo_lab.lab.history_frame import HistoryFrame

__all__ = ["BacktestExplorer"]

_log = logging.getLogger(__name__)

INTERVALS: Final = ("1m", "3m", "5m", "15m", "30m", "1h", "D")
_DAYS: Final = 365
_RAW, _ADJUSTED, _WITH_DIVIDENDS, _KEPT = "as traded", "adjusted for splits", "and for dividends", "kept: "


class BacktestExplorer(ipywidgets.VBox):
    """A form over a tear sheet. ``strategies`` are the classes to choose from; ``result`` is the last run."""

    def __init__(self, lab: Lab, strategies: Sequence[type[Strategy]] = EXAMPLES, *, symbol: str = "NSE:SBIN") -> None:
        self._lab = lab
        self._strategies = {one.__name__: one for one in strategies}
        self._loop = KernelLoop()
        self._message = MessageLine()
        self._parameters: dict[str, Any] = {}
        self._thread: threading.Thread | None = None
        self.result: BacktestResult | None = None
        today = from_ns(lab.handle.status.market_ns).date()
        self._strategy = _dropdown("Strategy", list(self._strategies))
        self._symbol = _text("Symbol", symbol)
        self._interval = _dropdown("Interval", INTERVALS, "1h")
        self._candles = _dropdown("Candles", [_RAW, _ADJUSTED, _WITH_DIVIDENDS, *_kept(lab)])
        self._from = _text("From", str(today - timedelta(days=_DAYS)))
        self._to = _text("To (included)", str(today))
        self._product = _dropdown("Product", [one.value for one in Product])
        self._cash = ipywidgets.FloatText(10_00_000.0, description="Cash ₹")
        self._slippage = ipywidgets.FloatText(0.02, description="Slippage %", step=0.01)
        self._square_off = _text("Square-off", "15:15")
        self._knobs = ipywidgets.HBox([])
        self._knobs.add_class("oal-form")
        self._knobs.add_class("oal-bt-form")
        self._file = _text("Strategy file", "")
        self._file.placeholder = "a .py file or a notebook"
        self._file.add_class("oal-bt-wide")
        self._add = ipywidgets.Button(description="Add", tooltip="Add the strategy of that file to the list")
        self._add.on_click(lambda _button: self.add_file(self._file.value))
        self._run = ipywidgets.Button(description="Run")
        self._run.add_class("oal-button-accent")
        self._sheet = ipywidgets.VBox([])
        self._sheet.add_class("oal-bt-sheet")
        self._strategy.observe(self._chosen, "value")
        self._product.observe(self._show_square_off, "value")
        self._run.on_click(lambda _button: self.run())
        super().__init__([StyleSheet("backtest"), self._form(), self._knobs, self._message, self._sheet])
        self.add_class("oal-bt-explorer")
        self._chosen(None)
        self._show_square_off(None)
        self._message.info(
            "Choose a strategy and its data, then press Run. The examples are there to be read and changed."
        )

    @property
    def is_running(self) -> bool:
        """Whether a run is on its way."""
        return self._thread is not None and self._thread.is_alive()

    def run(self) -> None:
        """Run what the form says; the tear sheet appears when it is done. On the kernel's loop."""
        if self.is_running:
            return
        try:
            asked = self._asked()
        except LabError as error:
            self._message.bad(str(error))
            return
        self._run.disabled = True
        self._message.info("Running …")
        self._thread = threading.Thread(target=self._work, args=asked, name="openalgo-lab-backtest", daemon=True)
        self._thread.start()

    def add_file(self, path: str) -> None:
        """Take the strategy of a ``.py`` file or a notebook into the list; it runs in this kernel."""
        from openalgo_lab.lab.strategy_host_source import load_strategy

        if not path.strip():
            self._message.bad("Name a .py file or a notebook that defines a strategy.")
            return
        try:
            found = load_strategy(Path(path.strip()).expanduser())
        except LabError as error:
            self._message.bad(str(error))
            return
        self._strategies[found.__name__] = found
        self._strategy.options = list(self._strategies)
        self._strategy.value = found.__name__
        self._chosen(None)
        self._message.info(f"{found.__name__} of {path.strip()} can be run.")

    def _asked(self) -> tuple[Any, ...]:
        parameters = {name: knob.value for name, knob in self._parameters.items()}
        intraday = self._product.value == Product.MIS.value
        terms = {
            "cash": self._cash.value,
            "product": self._product.value,
            "slippage": self._slippage.value,
            "square_off": self._square_off.value if intraday else None,
        }
        span = (self._interval.value, self._from.value.strip(), self._to.value.strip())
        data = partial(self._bars, self._symbol.value, span, self._candles.value)
        return self._strategies[self._strategy.value], self._symbol.value, data, {**terms, **parameters}

    def _bars(self, symbol: str, span: tuple[str, str, str], candles: str) -> HistoryFrame:
        """The candles that the form says: fetched where they are missing, or what is kept of a source."""
        if candles.startswith(_KEPT):
            return self._lab.lake.candles(symbol, *span, source=candles.removeprefix(_KEPT))
        if candles == _RAW:
            return self._lab.history(symbol, *span)
        return self._lab.lake.adjusted(symbol, *span, dividends=candles == _WITH_DIVIDENDS)

    def _work(
        self, strategy: type[Strategy], symbol: str, data: Callable[[], HistoryFrame], given: dict[str, Any]
    ) -> None:
        try:
            bars = data()
            if len(bars) < 2:
                raise InputError(f"There are no candles of {symbol} in that span; choose another one.", "from")
            result = self._lab.backtest(strategy, bars, **given)
        except LabError as error:
            self._loop.call(partial(self._failed, str(error)))
        except Exception as error:  # noqa: BLE001 - a strategy's own code may raise anything, and the user must hear it
            _log.exception("A backtest from the explorer failed.")
            told = f"{strategy.__name__} raised {type(error).__name__}: {error}. The log has the details."
            self._loop.call(partial(self._failed, told))
        else:
            self._loop.call(partial(self._done, result, len(bars.gaps)))

    def _done(self, result: BacktestResult, gaps: int) -> None:
        self.result = result
        old = self._sheet.children
        self._sheet.children = (TearSheet(result),)
        for sheet in old:
            sheet.close()
        lost = f" {gaps:,} gaps in the candles: the history manager lists them." if gaps else ""
        self._message.info(f"{len(result.record.equity):,} bars, {len(result.record.trades):,} trades.{lost}")
        self._run.disabled = False

    def _failed(self, sentence: str) -> None:
        self._message.bad(sentence)
        self._run.disabled = False

    def _chosen(self, _change: object) -> None:
        """One field for each parameter of the chosen strategy."""
        known = self._strategies[self._strategy.value].parameters()
        self._parameters = {name: _knob(name, value) for name, value in known.items() if _is_shown(value)}
        self._knobs.children = tuple(self._parameters.values())

    def _show_square_off(self, _change: object) -> None:
        self._square_off.layout.display = "" if self._product.value == Product.MIS.value else "none"

    def _form(self) -> Any:
        form = ipywidgets.HBox(
            [
                self._strategy, self._symbol, self._interval, self._candles, self._from, self._to, self._product,
                self._square_off, self._cash, self._slippage, self._file, self._add, self._run,
            ]
        )  # fmt: skip
        form.add_class("oal-form")
        form.add_class("oal-bt-form")
        return form


def _kept(lab: Lab) -> list[str]:
    """Sources of candles that lie in the profile's lakes."""
    from openalgo_lab.store.history.places import sources_in

    return [f"{_KEPT}{source}" for source in sources_in(lab.handle.folder)]


def _dropdown(name: str, options: Sequence[str], value: str | None = None) -> Any:
    return ipywidgets.Dropdown(options=list(options), value=value or options[0], description=name)


def _text(name: str, value: str) -> Any:
    return ipywidgets.Text(value, description=name)


def _is_shown(value: object) -> bool:
    return isinstance(value, bool | int | float | str)


def _knob(name: str, value: Any) -> Any:
    match value:
        case bool():
            return ipywidgets.Checkbox(value, description=name, indent=False)
        case int():
            return ipywidgets.IntText(value, description=name)
        case float():
            return ipywidgets.FloatText(value, description=name, step=0.1)
        case _:
            return _text(name, value)
