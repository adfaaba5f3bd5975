"""A `lab` for any test: the simulated exchange around the clock, on a profile of its own, one for the whole run.

In a conftest: ``from tests.support.lab_fixture import lab`` and ``__all__ = ["lab"]``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from openalgo_lab import Lab


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Shared by all tests of the process: give orders strategies or symbols of your own, and expect others'."""
    home = Path(tempfile.mkdtemp(prefix="oal-lab-"))
    before = os.environ.get("OPENALGO_LAB_HOME")
    os.environ["OPENALGO_LAB_HOME"] = str(home)
    try:
        shared = Lab("tests", seed=7)
    finally:
        if before is None:
            del os.environ["OPENALGO_LAB_HOME"]
        else:
            os.environ["OPENALGO_LAB_HOME"] = before
    yield shared
    shared.close()
    shutil.rmtree(home, ignore_errors=True)
