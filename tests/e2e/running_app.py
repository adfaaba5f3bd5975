"""The app as a person starts it: `openalgo-lab app --no-browser` in a process of its own, with a profile of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

T = TypeVar("T")

HANG_S = 60.0
"""Nothing here takes so long unless it hangs."""


def wait_for(what: Callable[[], T], why: str, seconds: float = HANG_S) -> T:
    """The first true answer; fails the test when none comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{why}: not within {seconds} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningApp:
    """Started on construction; `url` and `token` are there when its server answers, `stop` ends it as Ctrl-C does."""

    def __init__(self, profile: str, arguments: Sequence[str] = (), *, home: Path | None = None) -> None:
        self.profile = profile
        self.home = home or Path(os.environ["OPENALGO_LAB_HOME"])
        self.home.mkdir(parents=True, exist_ok=True)
        self._log = (self.home / f"{profile}.log").open("w")
        command = [sys.executable, "-m", "openalgo_lab.cli", "app", "--no-browser", "--profile", profile]
        command += ["--port", str(free_port()), *arguments]
        env = {**os.environ, "OPENALGO_LAB_HOME": str(self.home)}
        self.process = subprocess.Popen(command, env=env, stdout=self._log, stderr=self._log)
        wait_for(lambda: self._state_file.exists() or self.process.poll() is not None, "the app starts")
        assert self.process.poll() is None, self.log
        state = json.loads(self._state_file.read_text())
        self.url: str = state["url"]
        self.token: str = state["token"]

    @property
    def _state_file(self) -> Path:
        return self.home / "profiles" / self.profile / "server" / "state.json"

    @property
    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text()

    def health(self) -> dict[str, object]:
        """What the server says of its parts."""
        reply = httpx.get(
            f"{self.url}openalgo/health", headers={"Authorization": f"token {self.token}"}, timeout=30, trust_env=False
        )
        found: dict[str, object] = reply.json()
        return found

    def sign_in_url(self, landing: str) -> str:
        """The address that signs a browser in and goes on to a page of the app."""
        return f"{self.url}login?token={self.token}&next=/{landing}"

    def stop(self) -> None:
        """Ctrl-C; whatever is left of its processes is ended."""
        family = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        _gone, left = psutil.wait_procs(family, timeout=5)
        for one in left:
            one.kill()
        self._log.close()
