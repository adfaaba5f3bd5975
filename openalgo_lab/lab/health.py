"""The engine's health sheet, readable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from openalgo_lab.lab.shown import Cell, Shown, text_table
from openalgo_lab.model.events import EngineStatus
from openalgo_lab.model.times import format_ist

if TYPE_CHECKING:
    from openalgo_lab.lab.core import LabCore

__all__ = ["Health"]


class Health(Shown):
    """Who hosts, which market, how fresh and how fast. Every look shows the present; ``now`` has all values."""

    def __init__(self, lab: LabCore) -> None:
        self._lab = lab

    @property
    def now(self) -> EngineStatus:
        """The sheet as one immutable value."""
        return self._lab.handle.status

    @property
    def role(self) -> str:
        """``host`` (the engine runs in this process), ``attached``, ``recovering`` or ``closed``."""
        return self._lab.handle.role.value

    def __repr__(self) -> str:
        return text_table(("", ""), self._rows())

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "", ("", ""), self._rows()

    def _rows(self) -> list[tuple[str, str]]:
        now = self.now
        rows = [
            ("profile", now.profile),
            ("this kernel", self.role),
            ("host", f"process {now.pid}, since {format_ist(now.started_ns)}, {now.attached} attached"),
            ("market", f"{now.mode.value}, {format_ist(now.market_ns)}"),
            ("accounts", ", ".join(account.account for account in now.accounts)),
        ]
        for feed in now.feeds:
            state = f"{feed.age_ms:.0f} ms old, {feed.ticks_per_s:.0f} ticks/s" if feed.connected else "not connected"
            rows.append((f"feed {feed.broker}", f"{state}{': ' if feed.detail else ''}{feed.detail}"))
        for name, latency in (("order to answer", now.order_ack), ("loop lag", now.loop_lag)):
            if latency.count:
                rows.append((name, f"{latency.p50_ms:.2f} ms, 99 % within {latency.p99_ms:.2f} ms"))
        if now.kill_switch:
            rows.append(("kill switch", "ENGAGED: no orders"))
        if now.unknown_orders:
            rows.append(("orders in doubt", str(now.unknown_orders)))
        if now.replay is not None:
            state = "ended" if now.replay.ended else "paused" if now.replay.paused else f"× {now.replay.speed:g}"
            rows.append(("replay", f"{now.replay.name}, {state}"))
        return rows
