"""Stands in for `openalgo_lab.lab.Lab` in the engine kernel while the server is tested: it only notes that it lives."""

from __future__ import annotations

import os
from pathlib import Path

from openalgo_lab.model.errors import ReplayError


class Lab:
    def __init__(self, profile: str, *, host: str = "auto", replay: str | None = None, speed: float = 1.0) -> None:
        if os.environ.get("FAKE_LAB_REFUSES"):
            raise ReplayError("The recording is damaged: choose another one.")
        self.profile, self.host, self.replay, self.speed = profile, host, replay, speed

    def close(self) -> None:
        if marker := os.environ.get("FAKE_LAB_CLOSED"):
            Path(marker).write_text("closed")
