"""A real broker's candles on its own wire: paged as it asks, kept under its name, never under another's."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from openalgo_lab.broker import registry
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.history_commands import DownloadHistory, GetHistory, JobState, PrepareHistory
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.series import Series, Stored
from tests.support.connected import bench
from tests.support.history_market import over

SBIN = InstrumentKey(Exchange.NSE, "SBIN")
SPAN = (day_bounds_ns(date(2025, 9, 1))[0], day_bounds_ns(date(2026, 1, 5))[1])


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker's own rates would stretch the test; they have tests of their own."""

    def load(key: str, loaded: object = registry.load) -> object:
        spec = loaded(key)  # type: ignore[operator]  # the registry's own
        return msgspec.structs.replace(spec, limits=msgspec.structs.replace(spec.limits, rates=()))

    monkeypatch.setattr(registry, "load", load)


async def test_a_brokers_candles_are_paged_kept_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path) as on:
        await on.connect(account="MINE", data=True)
        pages: list[Any] = []
        venue, candles = on.simulator.venue, on.simulator.venue.candles

        def counted(*asked: Any) -> Any:
            pages.append(asked)
            return candles(*asked)

        monkeypatch.setattr(venue, "candles", counted)
        job = await on.engine.call(DownloadHistory((SBIN,), "1m", *SPAN), LOCAL)
        assert job.source == "zerodha"
        done = await over(on.engine, job.job_id)
        assert done.state is JobState.DONE
        assert len(pages) == 3  # 126 days in pages of 60
        ready = await on.engine.call(PrepareHistory(SBIN, "1m", *SPAN), LOCAL)
        assert Path(ready.root) == tmp_path / "history" / "source=zerodha"
        bars = Lake(Path(ready.root)).read(Series(SBIN, Stored.MINUTE), *SPAN)
        assert len(bars) == done.items[0].candles > 0
        assert ready.fresh is not None
        today = np.frombuffer(ready.fresh.start_ns, dtype="<i8")
        assert (today >= ready.final_ns).all()
        reply = await on.engine.call(GetHistory(SBIN, "1h", *SPAN), LOCAL)
        assert len(reply.start_ns) // 8 < len(bars)


async def test_an_interval_that_the_broker_gives_where_the_calendar_is_unknown_is_its_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect(account="MINE", data=True)
        span = (day_bounds_ns(date(2021, 3, 1))[0], day_bounds_ns(date(2021, 3, 3))[1])
        ready = await on.engine.call(PrepareHistory(SBIN, "15m", *span), LOCAL)
        assert ready.root == ""  # nobody knows when those days' sessions began, so nothing is built from minutes
        assert ready.source == "zerodha"
