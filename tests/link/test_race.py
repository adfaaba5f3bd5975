"""Two kernels at once (F12): however many race, one hosts; when it is killed another one does, and never two."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import eventually

HEAD_START_S = 1.0  # until all processes have done their imports, so that they really race


class Racer:
    """A process with a handle, and what it said last."""

    def __init__(self, repository: Path, start: float) -> None:
        command = [sys.executable, "-m", "tests.support.link_worker", "auto", repr(start)]
        self.process = subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True)
        self.said: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def role(self) -> str:
        return self.said[-1] if self.said else ""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):
            self.said.extend(line.strip() for line in iter(self.process.stdout.readline, ""))


@contextlib.contextmanager
def racing(repository: Path, count: int) -> Iterator[list[Racer]]:
    start = time.time() + HEAD_START_S
    racers = [Racer(repository, start) for _ in range(count)]
    try:
        yield racers
    finally:
        for racer in racers:
            racer.kill()
            if racer.process.stdout is not None:
                racer.process.stdout.close()


def settled(racers: list[Racer]) -> bool:
    """One host, all others attached."""
    return sorted(racer.role for racer in racers) == ["attached"] * (len(racers) - 1) + ["host"]


def race(repository: Path, count: int) -> None:
    """Start ``count`` at once, then kill the host again and again until one is left."""
    with racing(repository, count) as racers:
        alive = list(racers)
        while alive:
            eventually(lambda: settled(alive))
            host = next(racer for racer in alive if racer.role == "host")
            alive.remove(host)
            host.kill()
        assert not any("TWO" in racer.said for racer in racers), "two processes hosted at once"


@pytest.mark.parametrize("count", [2, 4])
def test_one_host_among_racers_and_heirs(repository: Path, home: Path, count: int) -> None:
    race(repository, count)


@pytest.mark.long
@pytest.mark.parametrize("count", range(2, 9))
def test_one_host_in_many_races(repository: Path, home: Path, count: int) -> None:
    for _ in range(40):
        race(repository, count)
