"""Tasks: named, owned, restarted; a crash is never silent."""

from __future__ import annotations

import asyncio

import pytest

from openalgo_lab.engine.supervisor import OnCrash, RestartPolicy, Supervisor

QUICK = RestartPolicy(first_s=0.001, most_s=0.004, calm_s=60)


class Watched:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.fatal: list[str] = []
        self.supervisor = Supervisor(lambda where, words: self.told.append((where, words)), self.fatal.append)


async def test_a_crash_is_told_and_the_task_starts_again() -> None:
    watched, runs = Watched(), 0

    async def body() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise ValueError("boom")

    await watched.supervisor.keep("job", body, policy=QUICK)
    assert runs == 4
    assert [where for where, _ in watched.told] == ["job"] * 3
    assert "boom" in watched.told[0][1]


async def test_a_fatal_crash_stops_the_engine() -> None:
    watched = Watched()

    async def body() -> None:
        raise ValueError("boom")

    await watched.supervisor.keep("heart", body, on_crash=OnCrash.STOP_ENGINE)
    assert watched.fatal == ["heart"] and "stops" in watched.told[0][1]


async def test_an_error_that_nobody_awaits_is_told_and_one_that_is_awaited_is_not() -> None:
    watched = Watched()

    async def body() -> None:
        raise ValueError("boom")

    watched.supervisor.start("alone", body())
    with pytest.raises(ValueError, match="boom"):
        await watched.supervisor.start("awaited", body())
    for _ in range(5):
        await asyncio.sleep(0)
    assert [where for where, _ in watched.told] == ["alone"]


async def test_closing_ends_everything() -> None:
    watched = Watched()

    async def forever() -> None:
        await asyncio.sleep(3600)

    tasks = [watched.supervisor.keep("a", forever), watched.supervisor.start("b", forever())]
    await asyncio.sleep(0)
    assert watched.supervisor.names == ["a", "b"]
    await watched.supervisor.close()
    assert all(task.cancelled() for task in tasks)
    assert watched.supervisor.names == [] and not watched.told


def test_waits_double_to_the_most() -> None:
    assert [RestartPolicy().wait(n) for n in (1, 2, 3, 20)] == [0.1, 0.2, 0.4, 30.0]
