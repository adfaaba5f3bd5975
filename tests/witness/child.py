"""Runs a script in the environment of the official libraries and reads the JSON on its last line."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

__all__ = ["PYTHON", "listen", "witness_python"]

PYTHON = "OPENALGO_LAB_WITNESS_PYTHON"
_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent


def witness_python() -> str:
    """The environment's interpreter; skips where there is none."""
    folder = _ROOT / ".venv-witness"
    places = (folder / "bin/python", folder / "Scripts/python.exe")
    found = os.environ.get(PYTHON) or next((str(place) for place in places if place.exists()), "")
    if not found:
        pytest.skip("The official libraries are not installed: python3 run.py test --witness makes their environment.")
    return found


async def listen(script: str, *args: str, meanwhile: Callable[[], None], seconds: float = 120.0) -> dict[str, Any]:
    """What ``tests/witness/<script>`` told. ``meanwhile`` is called every 50 ms while it runs."""
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        witness_python(), str(_HERE / script), *args,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**env, "TZ": "Asia/Kolkata"},
    )  # fmt: skip
    told = asyncio.create_task(process.communicate())
    try:
        async with asyncio.timeout(seconds):
            while not told.done():
                meanwhile()
                await asyncio.sleep(0.05)
    finally:
        if process.returncode is None:
            process.kill()
        out, errors = await told
    assert process.returncode == 0, errors.decode()[-3000:]
    found: dict[str, Any] = json.loads(out.decode().strip().splitlines()[-1])
    return found
