"""The traffic monitor: what passes to and from each broker, how fast it answers, how much of its rates is used."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ipywidgets

from openalgo_lab.lab.exports import export_frames
from openalgo_lab.lab.frames import frame_of
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.money import format_qty
from openalgo_lab.model.times import format_ist
from openalgo_lab.model.traffic import EndpointTraffic, GetTraffic, RateUse, TrafficReport
from openalgo_lab.ui.grid import Column, Empty, Grid
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.saving import SaveButton, csv_text
from openalgo_lab.ui.style.sheet import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["TrafficMonitor", "totals"]

EVERY_S: Final = 2.0

_COUNTS: Final = ("requests", "answers", "refused", "failed", "throttled", "sent_bytes", "received_bytes")
_TIMES: Final = ("p50_ms", "p95_ms", "p99_ms", "worst_ms", "waited_ms")
_FIELDS: Final = ("account", "endpoint", *_COUNTS, *_TIMES)


def _count(key: str, title: str, tooltip: str, *, width: int = 68, compact: bool = False, min_view: int = 0) -> Column:
    return Column(key=key, title=title, kind="qty", width=width, tooltip=tooltip, compact=compact, min_view=min_view)


def _ms(key: str, title: str, tooltip: str, min_view: int = 0) -> Column:
    return Column(key=key, title=title, kind="number", decimals=1, width=64, tooltip=tooltip, min_view=min_view)


_ENDPOINTS: Final = (
    Column(key="endpoint", title="Endpoint", kind="text", width=210, pinned=True),
    Column(key="account", title="Account", kind="text", width=80),
    _count("requests", "Sent", "Calls tried, or messages sent to a feed"),
    _count("answers", "Back", "Answers, or messages of a feed", width=76),
    _count("refused", "Refused", "The broker answered with an error"),
    _count("failed", "Failed", "Nothing came back"),
    _count("throttled", "Too many", "Held back by our limiter or refused by the broker's", width=74),
    _ms("p50_ms", "50 % ms", "Half of the answers came within"),
    _ms("p95_ms", "95 % ms", "19 of 20 answers came within", min_view=620),
    _ms("p99_ms", "99 % ms", "99 of 100 answers came within", min_view=700),
    _ms("worst_ms", "Worst ms", "The slowest of the last calls", min_view=780),
    _ms("waited_ms", "Wait ms", "The longest wait for a turn within the broker's rates", min_view=860),
    _count("received_bytes", "Bytes in", "Bytes that came", width=84, compact=True, min_view=560),
    _count("sent_bytes", "Bytes out", "Bytes that left", width=84, compact=True, min_view=900),
    Column(key="time", title="Last", kind="time", min_view=980),
)
_RATES: Final = (
    Column(key="pool", title="Rate", kind="text", width=210, pinned=True),
    Column(key="account", title="Account", kind="text", width=80),
    Column(key="used", title="Used", kind="bar", decimals=0, width=110),
    Column(key="count", title="Of", kind="qty", width=68),
    Column(key="share", title="Share", kind="pct", decimals=0, signed=False, width=68),
    Column(key="waiting", title="Waiting", kind="qty", width=72),
)


def totals(report: TrafficReport) -> str:
    """All endpoints in one line, and who opens no connection at all."""
    ends = report.endpoints
    refused, failed, throttled = (
        sum(getattr(one, name) for one in ends) for name in ("refused", "failed", "throttled")
    )
    calls = [one for one in ends if not one.feed]
    heard = sum(one.answers for one in ends if one.feed)
    text = f"{format_qty(sum(one.requests for one in calls))} calls · {format_qty(heard)} feed messages"
    text += f" · {_size(sum(one.received_bytes for one in ends))} in, {_size(sum(one.sent_bytes for one in ends))} out"
    text += f" · {refused} refused, {failed} failed, {throttled} held back"
    fullest = max(report.rates, key=lambda rate: rate.share, default=None)
    if fullest is not None:
        text += f" · fullest rate {fullest.account} {_rate(fullest)}: {fullest.used}"
    return text + (f" · no connection at all: {', '.join(report.silent)}" if report.silent else "")


class TrafficMonitor(ipywidgets.VBox):
    """Endpoints and rates of every account, read anew every two seconds; :meth:`export` writes all of it."""

    def __init__(self, lab: Lab, *, account: str = "", height: str = "220px") -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._account = account
        self._asked_at = 0.0
        self._asking = False
        self.report = TrafficReport()
        self.line = ipywidgets.Label("Counting…").add_class("oal-form-title")
        self.save = SaveButton("CSV", "Save all counts as a CSV file", self._file)
        empty = Empty(text="Nothing has passed yet.")
        self.endpoints = Grid("traffic", _ENDPOINTS, label="Traffic", empty=empty, sortable=True, height=height)
        self.rates = Grid("rates", _RATES, label="Rates", empty=Empty(text="No rates are set."), height="112px")
        self.message = MessageLine()
        bar = ipywidgets.HBox([self.line, self.save], layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([StyleSheet(), bar.add_class("oal-form"), self.endpoints, self.rates, self.message])
        publisher_of(self._handle).add(self)

    def publish(self) -> None:
        """Ask when it is time; runs on the publisher thread."""
        now = time.monotonic()
        if not self._asking and now - self._asked_at >= EVERY_S:
            self._asking, self._asked_at = True, now
            request = self._handle.call(GetTraffic(self._account))
            self._loop.ask(self._handle, request, self._take, self._not_read)

    def export(self, path: Path | str) -> Path:
        """Endpoints and rates as last read, to ``.xlsx`` (two sheets), ``.csv`` or ``.parquet`` (two files)."""
        ends, rates = self.report.endpoints, self.report.rates
        names = ("account", "pool", "count", "per_s", "used", "waiting")
        frames = {
            "endpoints": frame_of({name: [getattr(one, name) for one in ends] for name in _FIELDS}),
            "rates": frame_of({name: [getattr(one, name) for one in rates] for name in names}),
        }
        return export_frames(frames, path)

    def close(self) -> None:
        """End the widget."""
        publisher_of(self._handle).remove(self)
        super().close()

    def _file(self) -> tuple[str, str]:
        rows = [[*(getattr(one, name) for name in _FIELDS), _moment(one)] for one in self.report.endpoints]
        return "traffic.csv", csv_text([*_FIELDS, "last_ist"], rows)

    def _take(self, report: TrafficReport) -> None:
        self.report = report
        ends, rates = report.endpoints, report.rates
        self.endpoints.set_rows(
            list(range(1, len(ends) + 1)),
            {"endpoint": [one.endpoint for one in ends], "account": [one.account for one in ends]},
            values={
                **{name: [float(getattr(one, name)) for one in ends] for name in (*_COUNTS, *_TIMES)},
                "time": [one.last_ns / 1e6 for one in ends],
            } if ends else {},
        )  # fmt: skip
        self.rates.set_rows(
            list(range(1, len(rates) + 1)),
            {"pool": [_rate(one) for one in rates], "account": [one.account for one in rates]},
            values={
                "used": [float(one.used) for one in rates], "count": [float(one.count) for one in rates],
                "share": [one.share * 100 for one in rates], "waiting": [float(one.waiting) for one in rates],
            } if rates else {},
        )  # fmt: skip
        if self.line.value != (text := totals(report)):
            self.line.value = text
        self.message.clear()
        self._asking = False

    def _not_read(self, error: LabError) -> None:
        self.message.bad(str(error))
        self._asking = False


def _moment(one: EndpointTraffic) -> str:
    return format_ist(one.last_ns) if one.last_ns else ""


def _rate(rate: RateUse) -> str:
    spans = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86400.0: "day"}
    return f"{rate.pool}: {rate.count} a {spans.get(rate.per_s, f'{rate.per_s:g} s')}"


def _size(count: int) -> str:
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
