"""A real server in a process of its own, on a free port, with a profile of its own and the engine's stand-in."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

REPO = Path(__file__).resolve().parents[2]
FAKE = Path(__file__).parent / "fake"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    """The first true answer; fails the test when none comes (a hang guard, not a measure)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} stayed false for {seconds} s")


@dataclass
class Running:
    home: Path
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    code: str = "run_app(browser='none', port={port})"
    before: str = ""  # statements that run first, in the server's process

    def environment(self) -> dict[str, str]:
        config = self.home / "jupyter"
        config.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"OpenAlgoLab": {"engine_class": "fake_lab.Lab"}, **self.settings})
        for name in ("openalgo_lab_config.json", "jupyter_server_config.json"):
            (config / name).write_text(content)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        paths = os.pathsep.join((str(FAKE), str(REPO)))
        own = {"OPENALGO_LAB_HOME": str(self.home), "JUPYTER_CONFIG_DIR": str(config), "PYTHONPATH": paths}
        return {**clean, **own, "JUPYTER_DATA_DIR": str(self.home / "data"), **self.env}

    def launch(self) -> subprocess.Popen[str]:
        start = "import sys\nfrom openalgo_lab.server.launch import run_app, run_lab\nsys.exit(" + self.code + ")"
        code = self.before + "\n" + start.replace("{port}", str(free_port()))
        log = (self.home / "log.txt").open("a")
        return subprocess.Popen(
            [sys.executable, "-c", code], env=self.environment(), stdout=log, stderr=log, text=True, cwd=self.home
        )

    def start(self) -> Running:
        self.home.mkdir(parents=True, exist_ok=True)
        self.process = self.launch()
        wait_for(lambda: self.state_file.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log
        self.state = json.loads(self.state_file.read_text())
        self.client = httpx.Client(base_url=self.state["url"], trust_env=False, timeout=60)
        return self

    @property
    def profile(self) -> Path:
        return self.home / "profiles" / "default"

    @property
    def state_file(self) -> Path:
        return self.profile / "server" / "state.json"

    @property
    def log(self) -> str:
        return (self.home / "log.txt").read_text()

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"token {self.state['token']}"}

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.client.get(path, headers={**self.auth, **kwargs.pop("headers", {})}, **kwargs)

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/openalgo/health").json()
        return answer

    def kernels(self) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.get("/api/kernels").json()
        return answer

    def start_page(self, path: str = "dashboards") -> str:
        body = {"name": "openalgo-page", "path": path}
        reply = self.client.post("/api/kernels", headers=self.auth, json=body)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def engine_running(self) -> dict[str, Any] | None:
        engine: dict[str, Any] = self.health()["engine"]
        return engine if engine["state"] == "running" else None

    def stop(self) -> int:
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
