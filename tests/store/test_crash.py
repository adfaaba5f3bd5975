"""Crash reports: what is in them, what never is, and that each kind of program writes one and says where."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from openalgo_lab.engine.supervisor import OnCrash, RestartPolicy, Supervisor
from openalgo_lab.engine.thread import LoopThread
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import MASK, Secret, SecretMasker
from openalgo_lab.store import crash
from openalgo_lab.store.crash import CrashLog, CrashReporter, hook_threads, report_crash
from tests.support.waiting import eventually

CANARY = "canary-7f3a-token"


@pytest.fixture
def reporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrashReporter]:
    masker = SecretMasker()
    masker.add(Secret(CANARY))
    reporter = CrashReporter(tmp_path / "crashes", masker)
    reporter.listen()
    monkeypatch.setattr(crash, "crash_reporter", lambda: reporter)
    yield reporter
    logging.getLogger().removeHandler(reporter._tail)


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def reports(reporter: CrashReporter) -> list[str]:
    return [path.read_text() for path in sorted(reporter.folder.glob("*.txt"))]


def test_a_report_says_what_is_needed_and_no_secret(reporter: CrashReporter) -> None:
    logging.getLogger("openalgo_lab.x").warning("the broker answered %s", CANARY)
    path = reporter.write("a test", raised(ValueError(f"no such token {CANARY}")))
    assert path is not None
    text = path.read_text()
    for part in ("openalgo-lab ", "numpy ", "a test", "ValueError", "in raised", "the broker answered", MASK):
        assert part in text
    assert CANARY not in text
    assert "nothing was sent" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_values_of_variables_are_not_in_it(reporter: CrashReporter) -> None:
    def work(password: str) -> None:
        del password
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError) as caught:
        work("unknown-canary")
    assert reporter.write("a test", caught.value) is not None
    assert "unknown-canary" not in reports(reporter)[0].split("Error: broken")[0].replace('work("unknown-canary")', "")


def test_the_same_error_again_is_one_report(reporter: CrashReporter) -> None:
    paths = set()
    for _ in range(3):
        paths.add(reporter.write("a test", raised(ValueError("one"))))
    assert len(paths) == 1
    assert reporter.write("a test", raised(ValueError("two"))) not in paths


def test_only_the_newest_stay(reporter: CrashReporter) -> None:
    for number in range(25):
        reporter.write("a test", raised(ValueError(str(number))))
    assert len(reports(reporter)) == 20
    assert "ValueError: 24" in "".join(reports(reporter))


def test_a_disk_that_refuses_makes_it_no_worse(tmp_path: Path, reporter: CrashReporter) -> None:
    reporter.folder = tmp_path / "file" / "crashes"
    (tmp_path / "file").write_text("in the way")
    assert reporter.write("a test", raised(ValueError())) is None
    assert report_crash("a test", raised(ValueError())) == ""


def test_errors_that_are_meant_write_none(reporter: CrashReporter) -> None:
    for error in (InputError("wrong"), KeyboardInterrupt(), SystemExit(1)):
        assert report_crash("a test", raised(error)) == ""
    assert not reports(reporter)


# Who writes one -------------------------------------------------------------------------------------------------------


async def test_a_task_of_the_engine(reporter: CrashReporter) -> None:
    told: list[str] = []
    supervisor = Supervisor(lambda _, message: told.append(message), lambda _: None)

    async def broken() -> None:
        raise ValueError("inside")

    await supervisor.keep("feed", broken, on_crash=OnCrash.STOP_ENGINE, policy=RestartPolicy(first_s=9))
    supervisor.start("once", broken())
    await asyncio.sleep(0.05)
    await supervisor.close()
    assert len(told) == 2
    for sentence in told:
        assert str(reporter.folder) in sentence
    assert len(reports(reporter)) == 2


def test_a_callback_on_the_engines_loop(reporter: CrashReporter) -> None:
    thread = LoopThread("openalgo-test").start()

    def broken() -> None:
        raise ValueError("in a callback")

    thread.loop.call_soon_threadsafe(broken)
    eventually(lambda: any("in a callback" in report for report in reports(reporter)))
    assert thread.alive
    thread.stop()


def test_a_thread_of_ours_and_none_of_others(
    reporter: CrashReporter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    hook_threads()

    def broken() -> None:
        raise ValueError("in a thread")

    for name in ("openalgo-journal", "pool-1"):
        thread = threading.Thread(target=broken, name=name)
        thread.start()
        thread.join()
    assert len(reports(reporter)) == 1
    assert str(reporter.folder) in capsys.readouterr().err


def test_what_the_web_server_caught(reporter: CrashReporter, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("test.server")
    handler = CrashLog("the app's server")
    logger.addHandler(handler)
    try:
        logger.error("Uncaught exception", exc_info=raised(ValueError("in a handler")))
        logger.error("Refused", exc_info=raised(InputError("meant")))
        logger.error("without one")
        logger.warning("small", exc_info=raised(ValueError("small")))
    finally:
        logger.removeHandler(handler)
    assert len(reports(reporter)) == 1
    assert str(reporter.folder) in caplog.text


PROGRAM = """
import openalgo_lab.cli.commands as commands
from openalgo_lab.cli import main
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.guard import process_masker

@commands.app.command()
def broken() -> None:
    process_masker().add(Secret("{canary}"))
    raise ZeroDivisionError("{canary}")

import sys
sys.argv = ["openalgo-lab", "broken"]
main()
"""


def test_the_command_line(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(canary=CANARY)],
        env={**os.environ, "OPENALGO_LAB_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 70
    assert CANARY not in run.stderr
    (path,) = (tmp_path / "crashes").glob("*.txt")
    assert str(path) in run.stderr
    assert CANARY not in path.read_text()
    assert "ZeroDivisionError" in path.read_text()
