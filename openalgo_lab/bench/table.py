"""The bench as a table for people and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence

__all__ = ["header", "line", "to_json"]

_ROW = "{:<22} {:>12} {:<8} {:>14} {:<4} {}"


def header() -> str:
    return _ROW.format("figure", "value", "unit", "goal", "", "")


def line(report: dict[str, object]) -> str:
    """One figure as one line."""
    sign = "≤" if report["better"] == "lower" else "≥"
    verdict = "ok" if report["ok"] else ("–" if report["value"] is None else "MISS")
    goal = f"{sign} {number(report['goal'])}"
    return _ROW.format(report["name"], number(report["value"]), report["unit"], goal, verdict, _rest(report)).rstrip()


def _rest(report: dict[str, object]) -> str:
    if reason := report.get("reason"):
        return str(reason)
    parts = []
    also = report.get("also")
    if isinstance(also, dict):
        parts += [f"{name} {number(value)}" for name, value in also.items()]
    if "peer" in report:
        parts.append(f"peer {number(report['peer'])} ({number(report['ratio'])}×)")
    return " · ".join(parts)


def number(value: object) -> str:
    """Three significant digits, thousands with separators; an en dash for nothing."""
    if not isinstance(value, int | float):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def to_json(reports: Sequence[dict[str, object]]) -> str:
    """An array with one figure a line."""
    return "[\n" + ",\n".join(json.dumps(report) for report in reports) + "\n]"
