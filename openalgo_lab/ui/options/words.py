"""Figures of the options pages as texts."""

from __future__ import annotations

import math

from openalgo_lab.model.money import format_inr
from openalgo_lab.model.symbols import format_strike
from openalgo_lab.ui.chain.header import ChainFigure
from openalgo_lab.ui.options.page import Look

__all__ = ["DASH", "base_figures", "money", "plain", "signed_money", "strike"]

DASH = "–"


def plain(value: float, decimals: int = 2, unit: str = "") -> str:
    """A number, or a dash."""
    return f"{value:,.{decimals}f}{unit}" if math.isfinite(value) else DASH


def money(value: float) -> str:
    """Whole rupees in Indian grouping; "no limit" for infinity."""
    if math.isinf(value):
        return "no limit"
    return format_inr(round(value), decimals=0) if math.isfinite(value) else DASH


def signed_money(value: float) -> str:
    """The same with a sign and an arrow."""
    if not math.isfinite(value):
        return money(value)
    return f"{'▲' if value > 0 else '▼' if value < 0 else ''} {money(abs(value))}".strip()


def strike(value: float) -> str:
    """As strikes are written."""
    return format_strike(value) if math.isfinite(value) else DASH


def base_figures(look: Look) -> list[ChainFigure]:
    """What every page says first: spot, forward with its source, time, volatility."""
    reading = look.reading
    left = (
        f"{reading.days:.1f} d"
        if reading.days >= 1
        else f"{reading.days * 24:.1f} h"
        if reading.days > 0
        else "expired"
    )
    spot = format_inr(reading.spot) if math.isfinite(reading.spot) else DASH
    forward = format_inr(reading.forward) if math.isfinite(reading.forward) else DASH
    return [
        ChainFigure("spot", "Spot", spot, "The underlying's last price"),
        ChainFigure("forward", f"Forward ({reading.forward_source})", forward, reading.forward_detail),
        ChainFigure("days", "To expiry", left, f"Until the contracts stop trading; {reading.clock.value} time"),
        ChainFigure("atm_iv", "ATM IV", plain(reading.atm_iv, 2, " %"), str(reading.conventions)),
    ]
