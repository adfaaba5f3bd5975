"""An attached kernel has loaded what hosting needs: a take-over imports nothing of ours any more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import asyncio, sys
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.link.warm import load_engine_modules
load_engine_modules(EngineConfig())
before = set(sys.modules)
from openalgo_lab.engine.engine import Engine

async def main():
    engine = await Engine.start(EngineConfig())
    await engine.close()

asyncio.run(main())
print(sorted(name for name in set(sys.modules) - before if name.split(".")[0] in ("openalgo_lab", "brokers")))
"""


def test_starting_the_engine_imports_nothing_more(home: Path, repository: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
