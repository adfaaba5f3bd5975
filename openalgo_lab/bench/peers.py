"""The rival libraries, in an environment of their own (``python3 run.py bench --peers`` makes it)."""

from __future__ import annotations

import os
import subprocess

from openalgo_lab.bench.spec import CannotMeasure

__all__ = ["PEERS_PYTHON", "in_peers"]

PEERS_PYTHON = "OPENALGO_LAB_PEERS_PYTHON"


def in_peers(code: str, *, timeout_s: float = 120.0) -> float | None:
    """Runs ``code`` with the peers' Python and reads the number on the last line that it prints.

    None when no peers environment is in use. Raises CannotMeasure when the peer's code fails.
    """
    python = os.environ.get(PEERS_PYTHON)
    if not python:
        return None
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=timeout_s, check=True)
        return float(done.stdout.split()[-1])
    except subprocess.CalledProcessError as error:
        raise CannotMeasure(f"The peer's code failed: {_last_line(error.stderr)}") from error
    except subprocess.TimeoutExpired as error:
        raise CannotMeasure(f"The peer did not finish within {timeout_s:g} s.") from error
    except (OSError, ValueError, IndexError) as error:
        raise CannotMeasure(f"The peer gave no number: {error}") from error


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
