"""The lake's hand: a process of its own that writes, comes back when it dies, and ends with its owner."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.engine.history.writing import HandWriter
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars
from openalgo_lab.store.history.reading import LakeBars
from openalgo_lab.store.history.series import Series, Stored
from tests.support.history_market import MINUTE, NOON, SBIN
from tests.support.waiting import eventually

SERIES = Series(SBIN, Stored.MINUTE)


@pytest.fixture
def writer() -> Iterator[HandWriter]:
    made = HandWriter()
    yield made
    made.close()


def bars(count: int, first: int = NOON) -> Bars:
    starts = first + np.arange(count, dtype=np.int64) * MINUTE
    price = np.full(count, 100.0)
    return Bars(starts, price, price, price, price, price, price)


def wanted(folder: Path) -> LakeBars:
    return LakeBars(str(folder), SBIN, "1m", NOON, NOON + 10 * MINUTE)


async def test_it_keeps_reads_and_says_what_cannot_be(tmp_path: Path, writer: HandWriter) -> None:
    assert writer.pid is None
    await writer.append(tmp_path, SERIES, bars(5), [(NOON, NOON + 10 * MINUTE)])
    assert writer.pid != os.getpid()
    found = await writer.read(wanted(tmp_path), bars(2, NOON + 5 * MINUTE), NOON + 30 * MINUTE)
    assert len(found.bars) == 7
    assert [gap.candles for gap in found.gaps] == [3]
    with pytest.raises(InputError, match="whole minute"):
        await writer.append(tmp_path, SERIES, bars(1, NOON + 1), [])
    await writer.append(tmp_path, SERIES, bars(1, NOON + 9 * MINUTE), [])


@pytest.mark.skipif(os.name == "nt", reason="a killed process is a matter of signals")
async def test_a_hand_that_was_killed_is_replaced(tmp_path: Path, writer: HandWriter) -> None:
    await writer.append(tmp_path, SERIES, bars(1), [])
    first = writer.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await writer.append(tmp_path, SERIES, bars(2), [])
    assert writer.pid != first
    assert len(wanted(tmp_path)()) == 2


async def test_it_is_let_go_when_nobody_needs_it(tmp_path: Path) -> None:
    writer = HandWriter(idle_s=0.05)
    await writer.append(tmp_path, SERIES, bars(1), [])
    while writer.pid is not None:  # the run's own limit guards against a hang
        await asyncio.sleep(0.01)
    writer.close()


@pytest.mark.skipif(os.name == "nt", reason="a killed process is a matter of signals")
def test_it_ends_with_its_owner(tmp_path: Path) -> None:
    """An owner that is killed says nothing; the closed stream is enough."""
    code = (
        "import asyncio, sys, time\n"
        "from pathlib import Path\n"
        "from openalgo_lab.engine.history.writing import HandWriter\n"
        "from tests.engine.history.test_writing import SERIES, bars\n"
        "writer = HandWriter()\n"
        f"asyncio.run(writer.append(Path({str(tmp_path)!r}), SERIES, bars(1), []))\n"
        "print(writer.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    assert owner.stdout is not None
    hand = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    eventually(lambda: not _alive(hand))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
