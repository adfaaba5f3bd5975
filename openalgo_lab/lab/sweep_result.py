"""The result of a sweep: a table of all tries, the best of them, heat maps, and how much of it is luck."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.overfitting import deflated_sharpe, overfitting_probability
from openalgo_lab.backtest.sweep import FIGURES, Tried
from openalgo_lab.lab.shown import Cell, Shown, text_table
from openalgo_lab.model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.backtest_result import BacktestResult

__all__ = ["SweepResult", "WalkForward", "better"]

FloatArray = npt.NDArray[np.float64]

_SMALLER_IS_BETTER = frozenset({"volatility_pct", "longest_drawdown_days", "charges"})
_TOP = 10


def better(objective: str) -> int:
    """+1 where more of a figure is better, -1 where less is. Raises InputError for a figure that a sweep has not."""
    if objective not in FIGURES:
        raise InputError(f"A sweep has no figure {objective!r}; choose from: {', '.join(FIGURES)}.", "objective")
    return -1 if objective in _SMALLER_IS_BETTER else 1


class SweepResult(Shown):
    """All tries of a sweep.

    ``frame`` parameters and figures, one row a try · ``best`` the parameters of the best one · ``table(x, y)`` a figure
    over two parameters · ``heatmap(x, y)`` the picture · ``deflated_sharpe`` and ``overfitting`` say how much is luck ·
    ``run(**parameters)`` the whole backtest of one try.
    """

    def __init__(
        self,
        strategy: str,
        combinations: Sequence[Mapping[str, Any]],
        tried: Tried,
        objective: str,
        rerun: Callable[[Mapping[str, Any]], BacktestResult],
    ) -> None:
        self.strategy = strategy
        self.objective = objective
        self.combinations = [dict(one) for one in combinations]
        self.figures = tried.figures
        self.returns = tried.returns
        self._sign = better(objective)
        self._rerun = rerun

    @property
    def frame(self) -> pd.DataFrame:
        """One row a try, in the order in which they were made: its parameters, then its figures."""
        import pandas as pd

        left = pd.DataFrame(self.combinations)
        return pd.concat([left, pd.DataFrame(self.figures, columns=list(FIGURES))], axis=1)

    def ranked(self) -> pd.DataFrame:
        """The same, best first by the objective; tries without a value for it last."""
        return self.frame.sort_values(self.objective, ascending=self._sign < 0, na_position="last", kind="stable")

    @property
    def best_row(self) -> int:
        """The number of the best try. Raises InputError when none has a value of the objective."""
        values = self._sign * self.figures[:, FIGURES.index(self.objective)]
        if np.isnan(values).all():
            raise InputError(f"No try has a {self.objective}: none of them traded.", field="objective")
        return int(np.nanargmax(values))

    @property
    def best(self) -> dict[str, Any]:
        """The parameters of the best try."""
        return dict(self.combinations[self.best_row])

    @property
    def deflated_sharpe(self) -> float:
        """Probability that the best Sharpe ratio is above that of the luckiest of as many; 0.95 and more is good."""
        return deflated_sharpe(self.returns)

    def overfitting(self, blocks: int = 12) -> float:
        """Probability that the best on one half of the days is below the median on the other half; ½ is chance."""
        return overfitting_probability(self.returns, blocks)

    def table(self, x: str, y: str, figure: str | None = None) -> pd.DataFrame:
        """A figure (the objective by default) over two parameters; the best value where others vary too."""
        chosen = figure or self.objective
        take: Literal["max", "min"] = "max" if better(chosen) > 0 else "min"
        frame = self.frame
        if missing := [name for name in (x, y) if name not in self.combinations[0]]:
            names = ", ".join(self.combinations[0])
            raise InputError(f"{missing[0]!r} was not varied; these were: {names}.", field="x")
        return frame.pivot_table(index=y, columns=x, values=chosen, aggfunc=take)

    def heatmap(self, x: str | None = None, y: str | None = None, figure: str | None = None) -> Any:
        """The table as a picture; by default over the first two parameters."""
        names = [name for name in self.combinations[0] if name not in (x, y)]
        maker = import_module("openalgo_lab.ui.backtest").SweepMap
        return cast("Any", maker)(self, x or names.pop(0), y or names.pop(0), figure or self.objective)

    def run(self, **parameters: Any) -> BacktestResult:
        """The whole backtest of one try: the best one, with any of its parameters replaced."""
        return self._rerun({**self.best, **parameters})

    def __len__(self) -> int:
        return len(self.combinations)

    def __repr__(self) -> str:
        _, headers, rows = self._table()
        return f"<Sweep of {self.strategy}: {len(self)} tries>\n{text_table(headers, rows)}"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        shown = [*self.combinations[0], "return_pct", "sharpe", "max_drawdown_pct", "trades"]
        if self.objective not in shown:
            shown.insert(len(self.combinations[0]), self.objective)
        top = self.ranked()[shown].head(_TOP)
        caption = f"Best {len(top)} of {len(self)} tries of {self.strategy}, by {self.objective}"
        return caption, shown, [[_cell(value) for value in row] for row in top.to_numpy(dtype=object)]


class WalkForward(Shown):
    """What was chosen on each training span and what it did on the span after it, which it had not seen."""

    def __init__(self, strategy: str, frame: pd.DataFrame, returns: FloatArray, equity: pd.Series[float]) -> None:
        self.strategy = strategy
        self.frame = frame
        self.returns = returns
        self.equity = equity

    @property
    def efficiency(self) -> float:
        """Mean daily return out of sample over that in sample: near 1 is sound, near or below 0 is overfitted."""
        inside = float(self.frame["train_daily_pct"].mean())
        return float(self.frame["test_daily_pct"].mean()) / inside if inside else float("nan")

    def __repr__(self) -> str:
        _, headers, rows = self._table()
        return f"<Walk-forward of {self.strategy}>\n{text_table(headers, rows)}"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        rows = [[_cell(value) for value in row] for row in self.frame.to_numpy(dtype=object)]
        return f"Walk-forward of {self.strategy}", [str(name) for name in self.frame.columns], rows


def _cell(value: Any) -> Cell:
    return value if isinstance(value, int | float | str) else str(value)
