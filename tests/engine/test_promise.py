"""Work that goes on without its callers."""

from __future__ import annotations

import asyncio

import pytest

from openalgo_lab.engine.promise import Promise
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.errors import EngineDead, InputError


class Owner:
    def __init__(self) -> None:
        self.told: list[str] = []
        self.supervisor = Supervisor(lambda where, words: self.told.append(words), lambda name: None)


async def test_all_who_wait_get_the_answer_and_one_who_leaves_takes_nothing_with_him() -> None:
    owner, gate = Owner(), asyncio.Event()

    async def work() -> int:
        await gate.wait()
        return 7

    promise = Promise(owner.supervisor, "work", work())
    callers = [asyncio.ensure_future(promise.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*callers[1:]) == [7, 7]
    assert callers[0].cancelled()


async def test_an_error_goes_to_whoever_waits_else_to_the_supervisor() -> None:
    owner = Owner()

    async def work() -> int:
        await asyncio.sleep(0)
        raise InputError("wrong")

    with pytest.raises(InputError):
        await Promise(owner.supervisor, "heard", work()).wait()
    Promise(owner.supervisor, "unheard", work())
    for _ in range(6):
        await asyncio.sleep(0)
    assert owner.told == ["unheard failed: wrong"]


async def test_closing_answers_those_who_wait() -> None:
    owner = Owner()
    promise = Promise(owner.supervisor, "work", asyncio.sleep(60))
    caller = asyncio.ensure_future(promise.wait())
    await asyncio.sleep(0)
    await owner.supervisor.close()
    with pytest.raises(EngineDead, match="books"):
        await caller
    with pytest.raises(EngineDead):
        await promise.wait()


async def test_who_comes_too_late_still_hears_how_it_ended() -> None:
    owner = Owner()

    async def work(answer: int) -> int:
        if not answer:
            raise InputError("wrong")
        return answer

    good, bad = Promise(owner.supervisor, "good", work(7)), Promise(owner.supervisor, "bad", work(0))
    first = asyncio.ensure_future(bad.wait())
    assert await good.wait() == 7
    with pytest.raises(InputError):
        await first
    assert good.task.done()
    assert await good.wait() == 7
    with pytest.raises(InputError):
        await bad.wait()
