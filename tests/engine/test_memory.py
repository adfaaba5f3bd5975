"""What start-up needed for a moment goes back to the system."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from openalgo_lab.engine import memory

PROGRAM = """
import psutil
from openalgo_lab.engine.memory import give_back

kept = [bytearray(40_000) for _ in range(2_000)]
small = [bytearray(100) for _ in range(1_000)]
resident = psutil.Process().memory_info().rss
del kept
assert give_back()
print(resident - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(memory._trim() is None, reason="this C library cannot be asked")
def test_what_was_freed_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 40_000_000


async def test_it_is_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, enough = [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def give_back() -> bool:
        asked.append(True)
        if len(asked) == 3:
            loop.call_soon_threadsafe(enough.set)
        return True

    monkeypatch.setattr(memory, "give_back", give_back)
    monkeypatch.setattr(memory, "FIRST_S", 0.0)
    monkeypatch.setattr(memory, "EVERY_S", 0.0)
    task = asyncio.create_task(memory.keep_small())
    await enough.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_a_library_that_cannot_be_asked_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_trim", lambda: None)
    monkeypatch.setattr(memory, "FIRST_S", 0.0)
    await memory.keep_small()
