"""From the first `Lab()` to the last `close()`: shared, attached, in a plain script, on a replayed market."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from openalgo_lab import Lab
from openalgo_lab.engine.handle import Role
from openalgo_lab.model.errors import EngineDead, InputError
from tests.support.waiting import eventually

RECORDING = Path(__file__).resolve().parents[3] / "shared" / "data" / "nifty_option_chain_2026-08-19.parquet"


@pytest.fixture
def labs(lab_home: Path) -> Iterator[list[Lab]]:
    """Labs to be closed after the test."""
    opened: list[Lab] = []
    yield opened
    for one in opened:
        one.close()


def test_labs_of_a_process_share_one_engine(labs: list[Lab]) -> None:
    labs += [Lab(), Lab()]
    assert labs[0].handle is labs[1].handle
    labs[0].close()
    assert labs[1].health.role == "host"
    labs[1].close()
    with pytest.raises(EngineDead, match="make a new one with Lab"):
        labs[1].quote("SBIN")
    assert repr(labs[1]) == "<Lab default: closed>"
    labs.append(Lab())
    assert labs[2].handle is not labs[0]._handle


def test_with_closes(lab_home: Path) -> None:
    with Lab() as lab:
        handle = lab.handle
    assert handle.role is Role.CLOSED


def test_profiles_are_apart(labs: list[Lab]) -> None:
    labs += [Lab("one"), Lab("two")]
    labs[0].place_order("SBIN", "BUY", 5).wait()
    assert len(labs[0].orders) == 1
    assert len(labs[1].orders) == 0


def test_orders_and_positions_outlive_the_lab(labs: list[Lab]) -> None:
    with Lab() as first:
        order = first.place_order("SBIN", "BUY", 5).wait()
    labs.append(Lab())
    assert labs[0].order(order.order_id).status is order.status
    assert labs[0].positions["SBIN"].quantity == 5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"host": "maybe"}, "use one of auto, never, always"),
        ({"hours": "weekdays"}, "'always' or 'exchange'"),
        ({"speed": 0.0}, "positive number"),
        ({"replay": "nowhere.parquet"}, "There is no recording"),
        ({"profile": "../escape"}, "is no profile name"),
    ],
)
def test_wrong_arguments_say_what_to_do(lab_home: Path, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Lab(**options)  # type: ignore[arg-type]


def test_page_waits_for_nobody(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openalgo_lab.engine.link.shared.OPEN_S", 0.1)
    with pytest.raises(EngineDead, match="No engine runs for the profile 'default'"):
        Lab(host="never")


SCRIPT = """
from openalgo_lab import Lab
lab = Lab()
print(lab.health.role)
order = lab.place_order("SBIN", "BUY", 10)
print(order.wait().status)
"""


def test_plain_script_joins_and_leaves_cleanly(labs: list[Lab], repository: Path) -> None:
    labs.append(Lab())
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["attached", "complete"]
    assert done.stderr == ""
    eventually(lambda: len(labs[0].orders) == 1)
    eventually(lambda: labs[0].health.now.attached == 0)


def test_plain_script_alone_hosts_and_ends_cleanly(lab_home: Path, repository: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["host", "complete"]
    assert done.stderr == ""


KILLED = """
    import os, signal
    from openalgo_lab import Lab
    lab = Lab()
    print(lab.place_order("SBIN", "BUY", 10).wait().order_id, flush=True)
    print(lab.place_order("INFY", "BUY", 10, price=round(lab.quote("INFY").ltp * 0.97)).order_id, flush=True)
    input()
"""


def test_killed_host_is_replaced_and_nothing_is_lost(labs: list[Lab], repository: Path) -> None:
    code = textwrap.dedent(KILLED)
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout is not None
        first, resting = host.stdout.readline().strip(), host.stdout.readline().strip()
        labs.append(Lab())
        lab = labs[0]
        assert lab.health.role == "attached"
        held, quote = lab.order(first), lab.quote("SBIN")
        host.kill()
        host.wait()
        order = lab.place_order("SBIN", "BUY", 1)  # waits for the take-over
        assert lab.health.role == "host"
        assert order.wait().is_done
        assert held.is_done
        assert held.filled == 10
        eventually(lambda: lab.positions["SBIN"].quantity == 11)
        assert lab.order(resting).is_working
        assert lab.order(resting).cancel().wait().status == "cancelled"
        seen = quote.now.time_ns
        eventually(lambda: quote.now.time_ns > seen)


@pytest.mark.skipif(not RECORDING.exists(), reason="the recorded session is not part of the repository")
def test_replay_is_the_market(labs: list[Lab]) -> None:
    lab = Lab("replay", replay=RECORDING, speed=10)
    labs.append(lab)
    assert lab.health.now.mode.value == "replay"
    replay = lab.replay.pause()
    assert replay.now.paused
    assert replay.seek("11:30").time.strftime("%Y-%m-%d %H:%M") == "2026-08-19 11:30"
    chain = lab.option_chain("NIFTY")
    assert 20_000 < chain.spot < 30_000
    assert "nifty_option_chain_2026-08-19" in repr(replay)
    assert not replay.play(5).now.paused
    assert replay.now.speed == 5
    lab.place_order(chain.option(chain.atm, "CE"), "BUY", chain.lot_size, product="NRML").wait()
    with pytest.raises(InputError, match="already runs the recording"):
        Lab("replay", replay=__file__)
    labs.append(Lab("replay"))  # joining without a wish is fine


def test_recording_is_refused_where_the_simulated_exchange_runs(labs: list[Lab], tmp_path: Path) -> None:
    labs.append(Lab())
    with pytest.raises(InputError, match="already runs the simulated exchange"):
        Lab(replay=__file__)
    assert labs[0].health.role == "host"
