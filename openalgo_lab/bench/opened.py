"""The app and a browser for the figures that need them: real processes on an empty profile."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from openalgo_lab.bench.spec import CannotMeasure
from openalgo_lab.server.places import places_of
from openalgo_lab.server.state import Instance, read_state

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["HANG_S", "health_of", "is_warm", "running_app", "running_browser", "wait_for"]

T = TypeVar("T")

HANG_S = 60.0
"""Nothing here takes so long unless it hangs."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def running_app() -> Iterator[Instance]:
    """The app in a process of its own, as the command starts it; ended as Ctrl-C does."""
    home = places_of("default").server
    log = (home / "bench.log").open("w")
    command = [sys.executable, "-m", "openalgo_lab.cli", "app", "--no-browser"]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield wait_for(lambda: _answering(home, process), "the server answers", pause_s=0.02)
    finally:
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        log.close()


def _answering(home: Path, process: subprocess.Popen[bytes]) -> Instance | None:
    if process.poll() is not None:
        raise CannotMeasure(f"The app did not start: {(home / 'bench.log').read_text()[-500:]}")
    instance = read_state(home)
    return instance if instance is not None and instance.pid == process.pid and health_of(instance) else None


def health_of(app: Instance) -> dict[str, Any] | None:
    """What the server says of its parts; None while it does not answer."""
    request = urllib.request.Request(  # noqa: S310  (our own loopback address)
        f"{app.url}openalgo/health", headers={"Authorization": f"token {app.token}"}
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as reply:
            answer: dict[str, Any] = json.load(reply)
            return answer
    except (urllib.error.URLError, OSError):
        return None


def is_warm(app: Instance) -> bool:
    """Whether the engine runs and every warm page is ready."""
    health = health_of(app)
    return bool(health and health["engine"]["state"] == "running" and health["pool_warm"] == health["pool_size"])


def wait_for(what: Callable[[], T | None], why: str, *, pause_s: float = 0.1) -> T:
    """The first true answer. Raises CannotMeasure when none comes."""
    deadline = time.monotonic() + HANG_S
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(pause_s)
    raise CannotMeasure(f"Waited {HANG_S:g} s in vain until {why}.")


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless Chromium. Raises CannotMeasure where there is none."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise CannotMeasure("There is no Chromium on this machine: install the package chromium.")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise CannotMeasure("Playwright is missing: install the development requirements.") from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
