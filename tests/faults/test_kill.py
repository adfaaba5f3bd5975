"""F11: kill -9 at any moment; after the restart journal and books give the exchange's truth, and nothing is re-sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each round is a fork")


def rounds_of(home: Path, repository: Path, rounds: int, seed: int, seconds: float) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.kill_worker", str(rounds), str(seed)],
        cwd=repository,
        env={**os.environ, "OPENALGO_LAB_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.timeout(600)
def test_two_hundred_kills(tmp_path: Path, repository: Path) -> None:
    report = rounds_of(tmp_path, repository, 200, 20261125, 580)
    assert report["differences"] == []
    assert report["rounds"] == 200
    assert int(str(report["acknowledged"])) > 200  # it really traded


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_kills(tmp_path: Path, repository: Path, seed: int) -> None:
    report = rounds_of(tmp_path, repository, 200, seed, 3000)
    assert report["differences"] == []
