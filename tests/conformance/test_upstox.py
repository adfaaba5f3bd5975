"""Upstox's adapter against its servers on loopback."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from brokers.upstox import SPEC
from openalgo_lab.model.times import IST, ManualClock, to_ns
from tests.conformance.rig import Rig
from tests.conformance.simulators.upstox import UpstoxSimulator
from tests.conformance.suite import BrokerSuite
from tests.conformance.venue import SBIN


class TestUpstox(BrokerSuite):
    spec = SPEC
    simulator = UpstoxSimulator
    has_freeze: ClassVar = True
    gtt_pairs: ClassVar = False
    counts_orders: ClassVar = False
    gtt_has_price: ClassVar = False

    async def test_a_span_up_to_now_holds_today(self, made: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        """Upstox's history ends yesterday; today's candles have a path of their own."""
        # Its day ends at half past three: at noon of it layer, session and simulator mean the same by "today".
        midnight = (datetime.now(IST) - timedelta(hours=4)).replace(hour=0, minute=0, second=0, microsecond=0)
        noon = ManualClock(midnight + timedelta(hours=12))
        monkeypatch.setattr("openalgo_lab.broker.history.SystemClock", lambda: noon)
        monkeypatch.setattr("tests.conformance.simulators.upstox._midnight", lambda: midnight)
        start, end = midnight - timedelta(days=4), midnight + timedelta(hours=20)
        bars = await made.adapter.history(await made.instrument(SBIN), "5m", to_ns(start), to_ns(end))
        expected = made.simulator.venue.candles(SBIN, 5, start, end)
        assert bars.start_ns.tolist() == [to_ns(b.start) for b in expected]
        assert bars.close.tolist() == [b.close for b in expected]
        paths = [asked.path for asked in made.simulator.asked_for("GET", "/v3/historical-candle")]
        assert ["intraday" in path for path in paths] == [False, True]
