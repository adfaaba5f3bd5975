"""The manager's texts in HTML: the strip of what is covered, and the list of gaps. Every text is escaped."""

from __future__ import annotations

import html
from typing import Final

from openalgo_lab.model.money import format_qty
from openalgo_lab.model.times import format_ist
from openalgo_lab.store.history.catalogue import Entry
from openalgo_lab.store.history.gaps import Gap, GapKind

__all__ = ["MOST_GAPS", "gaps_table", "size_text", "strip"]

MOST_GAPS: Final = 200
_MOST_MARKS: Final = 400


def size_text(size: int) -> str:
    """Bytes for people."""
    if size < 1_000_000:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1_000_000_000 else f"{size / 1e9:.2f} GB"


def strip(entry: Entry) -> str:
    """A bar from the first day that was asked for to the last: covered time filled, gaps marked."""
    if not entry.spans:
        return '<div class="oal-hist-note">Nothing was asked for yet: these candles came without their spans.</div>'
    start, end = entry.spans[0][0], entry.spans[-1][1]
    whole = end - start

    def mark(kind: str, first: int, last: int) -> str:
        left, width = 100 * (first - start) / whole, 100 * (last - first) / whole
        return f'<i class="oal-hist-{kind}" style="left:{left:.3f}%;width:{width:.3f}%"></i>'

    parts = [mark("covered", first, last) for first, last in entry.spans]
    parts += [mark(gap.kind.value, gap.start_ns, gap.end_ns) for gap in entry.gaps[:_MOST_MARKS]]
    said = f"{format_ist(start)[:10]} to {format_ist(end - 1)[:10]}, {entry.complete:.2%} of the expected candles"
    return (
        f'<div class="oal-hist-strip" role="img" aria-label="Coverage from {html.escape(said)}">{"".join(parts)}</div>'
        f'<div class="oal-hist-ends"><span class="oal-hist-end">{format_ist(start)[:10]}</span>'
        f'<span class="oal-hist-key"><i class="oal-hist-covered"></i>there <i class="oal-hist-missing"></i>missing '
        f'<i class="oal-hist-unverified"></i>not verified <i class="oal-hist-none"></i>not asked for</span>'
        f"<span>{format_ist(end - 1)[:10]}</span></div>"
    )


def gaps_table(entry: Entry) -> str:
    """The gaps, newest first; how many more there are."""
    if not entry.gaps:
        return '<div class="oal-hist-note">No gaps: every candle that the trading calendar expects is there.</div>'
    shown = entry.gaps[::-1][:MOST_GAPS]
    body = "".join(_row(gap) for gap in shown)
    left = len(entry.gaps) - len(shown)
    more = f'<div class="oal-hist-note">{format_qty(left)} older ones: lab.lake.gaps(…)</div>' if left else ""
    return (
        '<div class="oal-hist-scroll" tabindex="0" aria-label="Gaps"><table class="oal-hist-table"><thead><tr>'
        '<th scope="col">From</th><th scope="col">To</th><th scope="col">Candles</th><th scope="col">What</th>'
        f"</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def _row(gap: Gap) -> str:
    if gap.kind is GapKind.UNVERIFIED:
        count, what = "–", "the calendar of that year is not known"
    else:
        count, what = format_qty(gap.candles), "missing"
    return (
        f"<tr><td>{format_ist(gap.start_ns)[:16]}</td><td>{format_ist(gap.end_ns)[:16]}</td>"
        f'<td class="oal-hist-num">{count}</td><td>{what}</td></tr>'
    )
