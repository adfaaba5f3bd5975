"""The result of a backtest as people look at it: frames, figures, a picture, a file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import msgspec
import numpy as np

from openalgo_lab.backtest.record import Orders, Record, Trades
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.backtest.statistics import drawdown, figures
from openalgo_lab.lab.backtest_data import frame_of_bars, series_of
from openalgo_lab.lab.frames import ist_times
from openalgo_lab.lab.shown import Cell, Shown, text_table
from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.market import Bars

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BacktestResult", "compare"]

_FORMAT = 1
_SHOWN = (
    "equity_final", "return_pct", "buy_and_hold_pct", "cagr_pct", "volatility_pct", "sharpe", "sortino", "calmar",
    "max_drawdown_pct", "exposure_pct", "trades", "win_rate_pct", "profit_factor", "charges",
)  # fmt: skip


class BacktestResult(Shown):
    """One run. Frames are made when they are asked for; times are Indian, sums in rupees, charges included.

    ``stats`` figures · ``trades`` and ``orders`` frames · ``equity``, ``drawdown`` (per cent), ``exposure`` (per cent
    of the equity) by time · ``bars[symbol]`` what it ran on · ``plot()`` the tear sheet · ``save(path)`` keeps it.
    """

    def __init__(
        self,
        strategy: str,
        parameters: Mapping[str, Any],
        settings: BacktestSettings,
        record: Record,
        candles: Mapping[str, Bars],
    ) -> None:
        self.strategy = strategy
        self.parameters = dict(parameters)
        self.settings = settings
        self.record = record
        self.candles = dict(candles)

    # ---- figures and frames

    @property
    def stats(self) -> pd.Series[float]:
        """All figures by name; per cent and rupees as the names say."""
        import pandas as pd

        return pd.Series(self.figures(), name=self.label)

    def figures(self) -> dict[str, float]:
        """The same as plain numbers."""
        return figures(self.record, self._buy_and_hold())

    @property
    def trades(self) -> pd.DataFrame:
        """Closed trades in order of their exits: side, units, entry, exit, result before and after charges, why."""
        import pandas as pd

        trades = self.record.trades
        return pd.DataFrame(
            {
                "symbol": trades.symbol,
                "side": np.where(trades.units > 0, "BUY", "SELL"),
                "quantity": np.abs(trades.units),
                "entry_time": ist_times(trades.entry_ns.tolist()),
                "exit_time": ist_times(trades.exit_ns.tolist()),
                "entry_price": trades.entry_price,
                "exit_price": trades.exit_price,
                "gross": trades.gross / 100,
                "charges": trades.charges / 100,
                "net": trades.net / 100,
                "return_pct": _returns(trades),
                "bars": trades.bars,
                "reason": trades.reason,
                "tag": trades.tag,
            }
        )

    @property
    def orders(self) -> pd.DataFrame:
        """Every order as it ended; empty after a run of the vector kernel, which keeps none."""
        import pandas as pd

        orders = self.record.orders
        frame = pd.DataFrame({name: getattr(orders, name) for name in Orders.__struct_fields__})
        frame["time"] = ist_times(orders.time_ns)
        frame["charges"] = np.array(orders.charges, dtype=np.float64) / 100
        return frame.drop(columns="time_ns").set_index("number")

    @property
    def equity(self) -> pd.Series[float]:
        """Rupees at each bar's close, by the bar's first moment."""
        return series_of(self.record.start_ns, self.record.equity / 100, "equity")

    @property
    def drawdown(self) -> pd.Series[float]:
        """Per cent below the peak so far, ≤ 0."""
        return series_of(self.record.start_ns, drawdown(self.record.equity) * 100, "drawdown")

    @property
    def exposure(self) -> pd.Series[float]:
        """Gross value of the positions in per cent of the equity."""
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(self.record.equity > 0, self.record.exposed / self.record.equity, 0.0)
        return series_of(self.record.start_ns, part * 100, "exposure")

    @property
    def monthly_returns(self) -> pd.DataFrame:
        """Per cent by year (rows) and month (columns 1–12); NaN where the run has no bars."""
        equity = self.equity
        ends = equity.groupby([equity.index.year, equity.index.month]).last()  # type: ignore[attr-defined]
        starts = ends.shift(1, fill_value=self.record.start_cash / 100)
        table = ((ends / starts - 1) * 100).unstack()
        return table.reindex(columns=range(1, 13)).rename_axis(index="year", columns="month")

    @property
    def bars(self) -> dict[str, pd.DataFrame]:
        """The candles that it ran on, by symbol."""
        return {symbol: frame_of_bars(bars) for symbol, bars in self.candles.items()}

    @property
    def label(self) -> str:
        """The strategy and its parameters in a line."""
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.strategy}({given})"

    # ---- showing

    def plot(self, **options: Any) -> Any:
        """The tear sheet: equity, drawdown, months, trades on candles, distributions."""
        maker = import_module("openalgo_lab.ui.backtest").TearSheet
        return cast("Any", maker)(self, **options)

    def report(self, path: Path | str) -> Path:
        """Write the tear sheet as one HTML file that needs nothing else. Answers with its path."""
        writer = import_module("openalgo_lab.ui.backtest.report").write_report
        return cast("Path", writer(self, Path(path)))

    def __repr__(self) -> str:
        return f"<Backtest {self.label}>\n" + text_table(("figure", "value"), self._rows())

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return self.label, ("figure", "value"), self._rows()

    def _rows(self) -> list[tuple[str, float]]:
        known = self.figures()
        return [(name, float(known[name])) for name in _SHOWN]

    # ---- keeping

    def save(self, path: Path | str) -> Path:
        """Keep the run in one file (columns compressed, no code in it). Raises StoreError."""
        target = Path(path)
        meta = {
            "format": _FORMAT,
            "strategy": self.strategy,
            "parameters": {name: _plain(value) for name, value in self.parameters.items()},
            "settings": self.settings,
            "record": {name: getattr(self.record, name) for name in _META},
            "trades": {name: getattr(self.record.trades, name) for name in ("symbol", "reason", "tag")},
            "orders": self.record.orders,
            "symbols": list(self.candles),
        }
        arrays = {name: getattr(self.record, name) for name in _COLUMNS}
        arrays |= {f"trades.{name}": getattr(self.record.trades, name) for name in _TRADE_COLUMNS}
        for number, bars in enumerate(self.candles.values()):
            arrays |= {f"bars{number}.{name}": getattr(bars, name) for name in Bars.__struct_fields__}
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, meta=_bytes(meta), **arrays)
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StoreError(f"The run cannot be kept in {target} ({error.strerror}); choose another place.") from error
        return target

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """A run that was saved. Raises StoreError for a file that is none."""
        try:
            with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
                columns = {name: file[name] for name in file.files}
            return cls._of(columns)
        except OSError as error:
            raise StoreError(f"The run {path} cannot be read ({error.strerror}).") from error
        except (zipfile.BadZipFile, EOFError, ValueError, KeyError, msgspec.MsgspecError) as error:
            raise StoreError(f"{path} is not a saved backtest of this version: {error}.") from error

    @classmethod
    def _of(cls, columns: dict[str, Any]) -> Self:
        meta = msgspec.json.decode(columns["meta"].tobytes())
        if meta["format"] != _FORMAT:
            raise ValueError(f"its format is {meta['format']}, known is {_FORMAT}")
        words: dict[str, Any] = {name: tuple(meta["trades"][name]) for name in ("symbol", "reason", "tag")}
        trades = Trades(**words, **{name: columns[f"trades.{name}"] for name in _TRADE_COLUMNS})
        record = Record(
            trades=trades,
            orders=msgspec.convert(meta["orders"], Orders),
            **{name: columns[name] for name in _COLUMNS},
            **meta["record"],
        )
        candles = {
            symbol: Bars(**{name: columns[f"bars{number}.{name}"] for name in Bars.__struct_fields__})
            for number, symbol in enumerate(meta["symbols"])
        }
        settings = msgspec.convert(meta["settings"], BacktestSettings)
        return cls(meta["strategy"], meta["parameters"], settings, record, candles)

    def _buy_and_hold(self) -> float:
        """Growth of the only instrument from the first open to the last close; NaN for several."""
        if len(self.candles) != 1:
            return float("nan")
        bars = next(iter(self.candles.values()))
        return float(bars.close[-1] / bars.open[0] - 1)


_COLUMNS = ("start_ns", "day", "equity", "exposed")
_META = ("start_cash", "open_units", "open_gross", "open_charges", "refused")
_TRADE_COLUMNS = ("units", "entry_ns", "exit_ns", "entry_price", "exit_price", "gross", "charges", "bars")


def compare(*results: BacktestResult) -> pd.DataFrame:
    """Figures (rows) of several runs (columns), side by side."""
    import pandas as pd

    return pd.DataFrame({f"{number} {one.label}": one.figures() for number, one in enumerate(results, 1)})


def _returns(trades: Trades) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return trades.net / (np.abs(trades.units) * trades.entry_price)


def _bytes(meta: object) -> Any:
    return np.frombuffer(msgspec.json.encode(meta), dtype=np.uint8)


def _plain(value: object) -> object:
    """What JSON can carry; anything else by its text."""
    return value if isinstance(value, int | float | str | bool | None | list | tuple) else repr(value)
