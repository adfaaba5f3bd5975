"""The lock: one holder, by name, and gone with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from openalgo_lab.engine.link.lock import EngineLock
from openalgo_lab.model.errors import EngineBusy, StoreError

HOLD = """
import sys, time
from pathlib import Path
from openalgo_lab.engine.link.lock import EngineLock
lock = EngineLock(Path(sys.argv[1]))
print(lock.try_acquire("other"), flush=True)
time.sleep(60)
"""


def test_second_one_is_told_who_holds_it(tmp_path: Path) -> None:
    first, second = EngineLock(tmp_path), EngineLock(tmp_path)
    first.acquire("one")
    assert first.held
    with pytest.raises(EngineBusy, match=rf"process {os.getpid()} \(one\), since .*: use it from there"):
        second.acquire("two")
    assert not second.held
    holder = second.holder()
    assert holder is not None
    assert (holder.pid, holder.name) == (os.getpid(), "one")


def test_released_lock_is_free_and_may_be_taken_again(tmp_path: Path) -> None:
    first, second = EngineLock(tmp_path), EngineLock(tmp_path)
    first.acquire("one")
    assert first.try_acquire("one")
    first.release()
    first.release()
    second.acquire("two")
    assert not first.try_acquire("one")


def test_lock_dies_with_its_process(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        lock = EngineLock(tmp_path)
        assert not lock.try_acquire("mine")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lock.try_acquire("mine")


def test_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = EngineLock(tmp_path)
    lock.acquire("parent")
    child = os.fork()
    if child == 0:
        os._exit(0 if not lock.held and _sleep() else 1)
    try:
        time.sleep(0.05)
        lock.release()
        assert EngineLock(tmp_path).try_acquire("next"), "the sleeping child still holds it"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _sleep() -> bool:
    time.sleep(60)
    return True


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="make the profile folder writable"):
        EngineLock(tmp_path / "missing").try_acquire("one")


def test_half_written_file_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "engine.lock").write_text('{"pid": 1')
    assert EngineLock(tmp_path).holder() is None
