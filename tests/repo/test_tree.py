"""What no tracked file may hold."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

#: Written in two pieces, so that this file does not hold them either.
FORBIDDEN = [
    "pythonhosted" + ".org",
    "pypi" + ".org",
    "registry." + "npmjs",
    "deb." + "debian.org",
    "/work" + "/",
    "/root" + "/",
    "/farm" + "/",
]
MOST_LINES = 500


@pytest.fixture(scope="module")
def tracked(repository: Path) -> list[Path]:
    if shutil.which("git") is None or not (repository / ".git").exists():
        pytest.skip("this is not a git work tree")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := repository / name).is_file()]


def test_no_machine_path_and_no_registry(tracked: list[Path], repository: Path) -> None:
    found = [
        f"{path.relative_to(repository)}: {word}"
        for path in tracked
        for content in [path.read_bytes()]
        for word in FORBIDDEN
        if word.encode() in content
    ]
    assert not found


def test_no_module_holds_two_ideas(tracked: list[Path], repository: Path) -> None:
    long = {
        str(path.relative_to(repository)): lines
        for path in tracked
        if path.suffix == ".py" and (lines := path.read_bytes().count(b"\n")) > MOST_LINES
    }
    assert not long


def test_nothing_made_is_tracked(tracked: list[Path]) -> None:
    made = {".pyc", ".db", ".sqlite", ".duckdb", ".whl", ".log"}
    assert not [path for path in tracked if path.suffix in made or "__pycache__" in path.parts]
