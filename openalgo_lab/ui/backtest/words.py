"""The tear sheet's texts and tables in HTML: headline figures, months, trades. Every text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from openalgo_lab.model.money import compact_inr, format_inr, format_price, format_qty

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cards", "figures_table", "months_table", "trades_table"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMES = {
    "equity_final": "Final equity", "equity_peak": "Peak equity", "return_pct": "Return",
    "buy_and_hold_pct": "Buy and hold", "cagr_pct": "CAGR", "volatility_pct": "Volatility a year", "sharpe": "Sharpe",
    "sortino": "Sortino", "calmar": "Calmar", "max_drawdown_pct": "Deepest drawdown",
    "longest_drawdown_days": "Longest drawdown", "exposure_pct": "Time in the market", "trades": "Trades",
    "win_rate_pct": "Winners", "profit_factor": "Profit factor", "payoff": "Payoff", "expectancy": "Average trade",
    "best_trade": "Best trade", "worst_trade": "Worst trade", "longest_winning_streak": "Longest winning streak",
    "longest_losing_streak": "Longest losing streak", "average_bars": "Bars a trade", "sqn": "SQN", "kelly": "Kelly",
    "charges": "Charges", "refused_orders": "Refused orders",
}  # fmt: skip
_RUPEES = frozenset({"equity_final", "equity_peak", "expectancy", "best_trade", "worst_trade", "charges"})
_WHOLE = frozenset({"trades", "longest_winning_streak", "longest_losing_streak", "refused_orders"})
_SIGNED = frozenset({"return_pct", "buy_and_hold_pct", "cagr_pct", "expectancy", "best_trade", "worst_trade"})
_TEXTS = frozenset({"Symbol", "Side", "Why"})
_LEFT = ' class="oal-bt-text"'
_CARDS = ("return_pct", "cagr_pct", "sharpe", "max_drawdown_pct", "win_rate_pct", "profit_factor", "trades", "charges")


def shown(name: str, value: float) -> str:
    """A figure as people read it; an en dash where it does not exist."""
    if math.isnan(value):
        return "–"
    sign = "+" if name in _SIGNED and value > 0 else ""
    if name in _RUPEES:
        return ("-" if value < 0 else sign) + compact_inr(abs(value))
    if name in _WHOLE:
        return format_qty(round(value))
    if name.endswith("_pct"):
        return f"{sign}{value:,.2f} %"
    return f"{value:,.0f} days" if name.endswith("_days") else f"{value:,.2f}"


def tone(name: str, value: float) -> str:
    """The class of a signed figure's colour."""
    if name not in _SIGNED or math.isnan(value) or value == 0:
        return ""
    return "oal-bt-up" if value > 0 else "oal-bt-down"


def cards(figures: dict[str, float]) -> str:
    """The headline."""
    made = "".join(
        f'<div class="oal-bt-card"><div class="oal-bt-card-name">{_NAMES[name]}</div>'
        f'<div class="oal-bt-card-value {tone(name, figures[name])}">{shown(name, figures[name])}</div></div>'
        for name in _CARDS
    )
    return f'<div class="oal-bt-cards" role="group" aria-label="Headline figures">{made}</div>'


def figures_table(figures: dict[str, float]) -> str:
    """All figures, two columns."""
    rows = "".join(
        f'<tr><th scope="row">{_NAMES[name]}</th><td class="{tone(name, value)}">{shown(name, value)}</td></tr>'
        for name, value in figures.items()
    )
    return f'<table class="oal-bt-table oal-bt-figures"><tbody>{rows}</tbody></table>'


def months_table(months: pd.DataFrame) -> str:
    """Returns by month as a heat map of cells that can be read and copied."""
    values = [float(value) for value in months.to_numpy().ravel() if not math.isnan(value)]
    most = max((abs(value) for value in values), default=1.0) or 1.0
    head = "".join(f'<th scope="col">{name}</th>' for name in (*_MONTHS, "Year"))
    body = "".join(
        f'<tr><th scope="row">{year}</th>'
        + "".join(_month(float(value), most) for value in row)
        + _month(_chained(row), most, whole=True)
        + "</tr>"
        for year, row in zip(months.index, months.to_numpy(), strict=True)
    )
    return (
        f'<table class="oal-bt-table oal-bt-months" aria-label="Return of each month in per cent"><thead><tr><th></th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _month(value: float, most: float, whole: bool = False) -> str:
    if math.isnan(value):
        return "<td></td>"
    side = "up" if value > 0 else "down"
    part = 0 if whole else round(min(abs(value) / most, 1.0) * 60)
    style = f' style="background: color-mix(in srgb, var(--oal-{side}) {part}%, transparent)"' if part else ""
    bold = ' class="oal-bt-year"' if whole else ""
    return f"<td{bold}{style}>{value:+.1f}</td>"


def _chained(row: Iterable[float]) -> float:
    growth = 1.0
    for value in row:
        growth *= 1 + value / 100 if not math.isnan(value) else 1.0
    return (growth - 1) * 100


def trades_table(trades: pd.DataFrame, ticks: dict[str, float], most: int = 200) -> str:
    """The last trades, newest first."""
    head = "".join(
        f'<th scope="col"{_LEFT if name in _TEXTS else ""}>{name}</th>'
        for name in ("#", "Symbol", "Side", "Quantity", "Entry", "at", "Exit", "at", "Charges", "Net", "%", "Why")
    )
    last = trades.tail(most).iloc[::-1]
    body = "".join(
        _trade(number, row, ticks) for number, row in zip(last.index, last.itertuples(index=False), strict=True)
    )
    left = len(trades) - len(last)
    note = (
        f'<div class="oal-bt-note">The last {len(last)} of {len(trades)}; all of them: result.trades</div>'
        if left
        else ""
    )
    return (
        '<div class="oal-bt-scroll" tabindex="0" aria-label="Trades"><table class="oal-bt-table oal-bt-trades">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}"
    )


def _trade(number: int, row: object, ticks: dict[str, float]) -> str:
    get = row.__getattribute__
    tick = ticks.get(get("symbol"), 0.01)
    side = get("side")
    cells: Sequence[tuple[str, str]] = (
        ("", str(number + 1)),
        ("oal-bt-text", get("symbol")),
        (f"oal-bt-text oal-bt-{side.lower()}", side),
        ("", format_qty(int(get("quantity")))),
        ("", f"{get('entry_time'):%d %b %y %H:%M}"),
        ("", format_price(float(get("entry_price")), tick)),
        ("", f"{get('exit_time'):%d %b %y %H:%M}"),
        ("", format_price(float(get("exit_price")), tick)),
        ("", format_inr(float(get("charges")))),
        ("oal-bt-up" if get("net") > 0 else "oal-bt-down", format_inr(float(get("net")), plus=True)),
        ("", f"{get('return_pct'):+.2f}"),
        ("oal-bt-text", get("reason")),
    )
    return "<tr>" + "".join(f'<td class="{kind}">{html.escape(text)}</td>' for kind, text in cells) + "</tr>"
