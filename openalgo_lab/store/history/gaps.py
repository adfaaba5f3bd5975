"""Gaps: candles that the trading calendar expects and that are not there. They are listed, never filled."""

from __future__ import annotations

from enum import StrEnum

import msgspec
import numpy as np

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, format_ist
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.hours import IST_OFFSET_NS, Hours, IntArray, day_of, sessions_of
from openalgo_lab.store.history.series import Stored

__all__ = ["Gap", "GapKind", "gaps"]


class GapKind(StrEnum):
    """Why a span is listed."""

    MISSING = "missing"
    UNVERIFIED = "unverified"  # the calendar of that year is not known, so nobody can tell


class Gap(msgspec.Struct, frozen=True):
    """Candles that should start in [start_ns, end_ns) and do not; ``candles`` is their number, 0 when unverified."""

    kind: GapKind
    start_ns: int
    end_ns: int
    candles: int

    def __str__(self) -> str:
        span = f"{format_ist(self.start_ns)} to {format_ist(self.end_ns)}"
        if self.kind is GapKind.UNVERIFIED:
            return f"{span}: not verified, the trading calendar of that year is not known."
        return f"{span}: {self.candles} candle{'s' * (self.candles != 1)} missing."


def gaps(bars: Bars, interval: Stored, exchange: Exchange, calendar: Hours, span: tuple[int, int]) -> tuple[Gap, ...]:
    """What stored candles lack of ``span`` (UTC ns, the end excluded): runs of minutes of one session, runs of days.

    Illiquid instruments have minutes without a trade; they are listed too, for nobody can tell them from a loss.
    """
    start_ns, end_ns = span
    found: list[Gap] = []
    expected, unknown = _expected(interval, exchange, calendar, span)
    for number in unknown:
        midnight = number * NS_PER_DAY - IST_OFFSET_NS
        whole = (max(midnight, start_ns), min(midnight + NS_PER_DAY, end_ns))
        _add(found, Gap(GapKind.UNVERIFIED, *whole, 0), adjacent=True)
    firsts, marks, have = _counted(bars.start_ns, expected, interval.length_ns, span)
    for row in np.flatnonzero(have < marks).tolist():
        first, step = int(firsts[row]), interval.length_ns
        if have[row] == 0:
            lost = [Gap(GapKind.MISSING, first, first + int(marks[row]) * step, int(marks[row]))]
        else:
            lost = _session_gaps(bars.start_ns, first, int(marks[row]), step)
        for gap in lost:
            _add(found, gap, adjacent=interval is Stored.DAY)
    return tuple(sorted(found, key=lambda gap: gap.start_ns))


def _expected(
    interval: Stored, exchange: Exchange, calendar: Hours, span: tuple[int, int]
) -> tuple[IntArray, list[int]]:
    """(sessions that reach into the span as rows of opening and end, days whose calendar is not known)."""
    sessions: list[tuple[int, int]] = []
    unknown = []
    for number in range((span[0] + IST_OFFSET_NS) // NS_PER_DAY, -(-(span[1] + IST_OFFSET_NS) // NS_PER_DAY)):
        midnight = number * NS_PER_DAY - IST_OFFSET_NS
        try:
            today = sessions_of(calendar, exchange, day_of(number))
        except RuleError:
            unknown.append(number)
            continue
        if interval is Stored.DAY:
            today = [(midnight, midnight + NS_PER_DAY)] if today else []
        sessions += today
    return np.array(sessions, dtype=np.int64).reshape(-1, 2), unknown


def _counted(
    there: IntArray, sessions: IntArray, step: int, span: tuple[int, int]
) -> tuple[IntArray, IntArray, IntArray]:
    """Of each session within the span: its first mark, how many marks, how many candles. Candles lie on marks only, so
    counting tells whether one is complete.
    """
    opens, ends = sessions[:, 0], np.minimum(sessions[:, 1], span[1])
    firsts = opens + -(-(np.maximum(opens, span[0]) - opens) // step) * step
    marks = np.maximum(-(-(ends - firsts) // step), 0)
    have = np.searchsorted(there, np.maximum(ends, firsts)) - np.searchsorted(there, firsts)
    return firsts, marks, have


def _session_gaps(there: IntArray, first: int, marks: int, step: int) -> list[Gap]:
    """Runs of marks of one session where no candle starts."""
    expected = first + np.arange(marks, dtype=np.int64) * step
    low, high = np.searchsorted(there, (first, first + marks * step))
    lost = expected[~np.isin(expected, there[low:high])]
    if not len(lost):
        return []
    runs = np.split(lost, np.flatnonzero(np.diff(lost) != step) + 1)
    return [Gap(GapKind.MISSING, int(run[0]), int(run[-1]) + step, len(run)) for run in runs]


def _add(found: list[Gap], gap: Gap, *, adjacent: bool) -> None:
    """Days that follow each other are one gap."""
    last = found[-1] if found else None
    if adjacent and last is not None and last.kind is gap.kind and last.end_ns == gap.start_ns:
        found[-1] = Gap(gap.kind, last.start_ns, gap.end_ns, last.candles + gap.candles)
    else:
        found.append(gap)
