"""Chain snapshots: recorded by themselves, readable by anybody, replayed as a market."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.chain_recorder import ChainRecorder
from openalgo_lab.model.errors import InputError, StoreError
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.times import ManualClock
from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.sim.replay import ReplayMarket
from tests.support.waiting import eventually


def test_what_was_recorded_plays_again(lab: Lab, tmp_path: Path) -> None:
    recorder = lab.record_chain("NIFTY", expiries=2, every_s=1.0, path=tmp_path / "nifty.parquet")
    eventually(lambda: recorder.snapshots >= 2)
    assert recorder.running
    path = recorder.stop()
    assert not recorder.running
    frame = recorder.frame
    market = ReplayMarket(path, clock=ManualClock(0))
    assert market.recording.dropped == 0
    assert len(market.recording.times_ns) == recorder.snapshots
    options = [item for item in market.instruments() if item.kind is not InstrumentType.INDEX]
    assert {item.expiry for item in options} == set(lab.expiries("NIFTY")[:2])
    item = options[len(options) // 2]
    last = frame[(frame["strike"] == item.strike) & (frame["option_type"] == item.kind.value)]
    last = last[last["expiry"] == f"{item.expiry:%d-%b-%Y}"].iloc[-1]
    batch = market.snapshot(np.array([item.token]), int(market.recording.times_ns[-1]), depth=False)
    assert batch.columns["ltp"][0] == pytest.approx(last["ltp"])
    assert batch.columns["oi"][0] == pytest.approx(last["oi"] * item.lot_size)
    assert f"{recorder.snapshots} snapshots" in repr(recorder)


def test_the_same_second_is_one_snapshot_and_the_file_lies_in_the_profile(lab: Lab) -> None:
    recorder = ChainRecorder(lab, [lab.option_chain("NIFTY")], every_s=3600)
    eventually(lambda: recorder.snapshots == 1)
    taken = [recorder.snap() for _ in range(3)]
    assert min(taken) == 0
    path = recorder.stop()
    assert path.parent == profile_dir(lab.profile) / "chains"
    path.unlink()


def test_what_cannot_be(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most one a second"):
        lab.record_chain("NIFTY", every_s=0.1)
    folder = tmp_path / "taken.parquet"
    folder.mkdir()
    recorder = ChainRecorder(lab, [lab.option_chain("NIFTY")], every_s=3600, path=folder)
    eventually(lambda: recorder.snapshots == 1)
    with pytest.raises(StoreError, match="cannot be written"):
        recorder.stop()
