"""The tear sheet as one file of HTML: pictures in SVG, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.statistics import daily_returns, drawdown
from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.times import format_ist
from openalgo_lab.ui.backtest.thin import date_ticks, histogram, round_ticks, thin_rows
from openalgo_lab.ui.backtest.words import cards, figures_table, months_table, trades_table
from openalgo_lab.ui.theme import css

if TYPE_CHECKING:
    from openalgo_lab.lab.backtest_result import BacktestResult

__all__ = ["bars_svg", "curve_svg", "report_html", "write_report"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 1000, 78, 12, 10, 24
_STYLE = """
body { margin: 0 auto; padding: 16px; max-width: 1200px; background: var(--oal-background); color: var(--oal-text);
  font: 13px/1.4 var(--oal-font); }
h1 { font-size: 18px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 13px; color: var(--oal-muted-text); margin: 14px 0 4px; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--oal-muted-text); font: 11px var(--oal-font-num); }
.grid { stroke: var(--oal-line); stroke-width: 1; } .pair { display: flex; gap: 16px; flex-wrap: wrap; }
.pair > * { flex: 1 1 320px; min-width: 0; }
"""


def write_report(result: BacktestResult, path: Path) -> Path:
    """Write the report. Raises StoreError."""
    try:
        path.write_text(report_html(result), "utf-8")
    except OSError as error:
        raise StoreError(f"The report cannot be written to {path} ({error.strerror}); choose another place.") from error
    return path


def report_html(result: BacktestResult) -> str:
    """The whole page."""
    record = result.record
    sheet = (Path(__file__).parent / "backtest.css").read_text("utf-8")
    daily = daily_returns(record.equity, record.day, float(record.start_cash)) * 100
    span = f"{format_ist(int(record.start_ns[0]))[:16]} to {format_ist(int(record.start_ns[-1]))[:16]} IST"
    below = drawdown(record.equity) * 100
    parts = [
        f"<h1>{html.escape(result.label)}</h1>",
        f'<div class="oal-bt-note">{html.escape(", ".join(result.candles))} · {span}, {len(record.equity)} bars</div>',
        cards(result.figures()),
        f"<h2>Equity, rupees</h2>{curve_svg(record.start_ns, record.equity / 100, 'accent', 240)}",
        f"<h2>Drawdown, per cent</h2>{curve_svg(record.start_ns, below, 'down', 120)}",
        f"<h2>Months, per cent</h2>{months_table(result.monthly_returns)}",
        '<div class="pair">',
        f"<div><h2>Results of trades, rupees</h2>{bars_svg(record.trades.net / 100)}</div>",
        f"<div><h2>Results of days, per cent</h2>{bars_svg(daily)}</div></div>",
        f"<h2>Figures</h2>{figures_table(result.figures())}",
        f"<h2>Trades</h2>{trades_table(result.trades, {}, 1000)}",
    ]
    return (
        '<!doctype html><html lang="en" data-theme="auto"><head><meta charset="utf-8">'
        f"<title>{html.escape(result.label)}</title><style>{css()}{sheet}{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def curve_svg(start_ns: IntArray, values: FloatArray, role: str, height: int) -> str:
    """A line over time."""
    rows = thin_rows(values)
    low, high = _range(values)
    across = _LEFT + rows / max(len(values) - 1, 1) * (_WIDTH - _LEFT - _RIGHT)
    points = " ".join(
        f"{x:.1f},{y:.1f}" for x, y in zip(across, _heights(values[rows], low, high, height), strict=True)
    )
    places, labels = date_ticks(start_ns, slice(0, len(start_ns)))
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(values) - 1, 1)
    dates = "".join(
        f'<text x="{_LEFT + at * step:.1f}" y="{height - 6}">{labels[str(int(at))]}</text>' for at in places.tolist()
    )
    line = f'<polyline points="{points}" fill="none" stroke="var(--oal-{role})" stroke-width="1.5"/>'
    return _svg(height, _grid(low, high, height) + line + dates)


def bars_svg(values: FloatArray, height: int = 180) -> str:
    """How often values occurred."""
    middles, counts = histogram(values)
    if len(middles) == 0:
        return '<div class="oal-bt-note">None.</div>'
    step = (_WIDTH - _LEFT - _RIGHT) / len(middles)
    tops = _heights(counts, 0.0, float(counts.max()), height)
    bars = "".join(
        f'<rect x="{_LEFT + number * step + step * 0.08:.1f}" y="{top:.1f}" width="{step * 0.84:.1f}" '
        f'height="{height - _BOTTOM - top:.1f}" fill="var(--oal-{"up" if middle > 0 else "down"})"/>'
        for number, (middle, top) in enumerate(zip(middles.tolist(), tops.tolist(), strict=True))
    )
    every = max(1, len(middles) // 6)
    names = "".join(
        f'<text x="{_LEFT + (number + 0.5) * step:.1f}" y="{height - 6}" text-anchor="middle">{middle:,.4g}</text>'
        for number, middle in enumerate(middles.tolist())
        if number % every == 0
    )
    return _svg(height, _grid(0.0, float(counts.max()), height) + bars + names)


def _svg(height: int, inside: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{inside}</svg>'


def _grid(low: float, high: float, height: int) -> str:
    lines = []
    for value in round_ticks(low, high, 4).tolist():
        y = float(_heights(np.array([value]), low, high, height)[0])
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.{0 if high - low > 20 else 2}f}</text>'
        )
    return "".join(lines)


def _heights(values: FloatArray, low: float, high: float, height: int) -> FloatArray:
    room = height - _TOP - _BOTTOM
    return np.asarray(_TOP + room * (1 - (values - low) / ((high - low) or 1.0)), dtype=np.float64)


def _range(values: FloatArray) -> tuple[float, float]:
    return float(values.min()), float(values.max())
