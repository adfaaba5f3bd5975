"""The locks: every pin hashed, no address, and in step with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-peers.lock", "requirements-witness.lock")
#: The Pythons that the house promises; the lock must have one pin of each library for each of them.
PYTHONS = ("3.11.7", "3.12.1", "3.13.0")


def entries(path: Path) -> list[list[str]]:
    """Each pin with its hash lines."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split(" --hash=") for line in text.splitlines() if line.strip()]


def pins(path: Path) -> list[Requirement]:
    return [Requirement(entry[0].strip()) for entry in entries(path)]


def applicable(path: Path, python: str) -> dict[str, Requirement]:
    env = {"python_full_version": python, "python_version": python.rsplit(".", 1)[0], "sys_platform": "linux"}
    chosen = [pin for pin in pins(path) if pin.marker is None or pin.marker.evaluate(env)]
    names = [canonicalize_name(pin.name) for pin in chosen]
    assert len(names) == len(set(names)), "one pin a library"
    return dict(zip(names, chosen, strict=True))


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_one_hashed_exact_pin(repository: Path, name: str) -> None:
    found = entries(repository / name)
    assert found
    for head, *hashes in found:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,._-]+\])?==[^ ]+( ; .+)?", head.strip()), head
        assert hashes, head
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes), head


@pytest.mark.parametrize("name", LOCKS)
def test_no_address(repository: Path, name: str) -> None:
    text = (repository / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text
    assert not re.search(r"^\s*-[^-]|^\s*--(?!hash=)|/", text, re.MULTILINE)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_pins_satisfy_the_project(repository: Path, python: str) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    runtime = applicable(repository / "requirements.lock", python)
    dev = applicable(repository / "requirements-dev.lock", python)
    for lock, wanted in (
        (runtime, project["dependencies"] + extras["build"]),
        (dev, project["dependencies"] + extras["build"] + extras["dev"]),
    ):
        for requirement in map(Requirement, wanted):
            if requirement.name == "openalgo-lab":
                continue  # one extra takes another one in
            version = str(lock[canonicalize_name(requirement.name)].specifier).removeprefix("==")
            assert requirement.specifier.contains(version), requirement


def test_the_tests_environment_includes_the_apps(repository: Path) -> None:
    """run.py relies on it: what is installed for the tests serves the app as well."""
    runtime, dev = (
        {str(pin) for pin in pins(repository / name)} for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert runtime <= dev


def test_pages_stay_free_of_pyarrow(repository: Path) -> None:
    assert not {"pyarrow", "pyarrow-core"} & {pin.name for pin in pins(repository / "requirements.lock")}
