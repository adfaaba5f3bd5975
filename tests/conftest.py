"""What every test has: a profile folder that is not the user's, and the `--long` switch."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

HOME = "OPENALGO_LAB_HOME"
_scratch = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the rounds that take minutes")


def pytest_configure(config: pytest.Config) -> None:
    """Each process of the run (xdist starts several) gets a profile folder of its own."""
    # The platform's own short temporary folder: paths of sockets must stay below 100 characters.
    config.stash[_scratch] = Path(tempfile.mkdtemp(prefix="oalt-"))
    os.environ[HOME] = str(config.stash[_scratch])
    # Sockets of profiles with long paths go there: those of hosts that tests kill are gone with the run.
    os.environ["XDG_RUNTIME_DIR"] = str(config.stash[_scratch])
    # Speed is measured in bench, never in a test; in CI the same examples come every time.
    settings.register_profile("tests", deadline=None, print_blob=True, derandomize="CI" in os.environ)
    settings.load_profile("tests")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_scratch], ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="takes minutes: runs with --long")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


@pytest.fixture
def lab_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of all profiles, for this test alone."""
    monkeypatch.setenv(HOME, str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return Path(__file__).resolve().parent.parent
