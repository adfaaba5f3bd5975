"""Is this the Python, and are these the libraries, that the workbench was made for?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from openalgo_lab.doctor.finding import Finding, fail, ok

__all__ = ["check_libraries", "check_python"]

DISTRIBUTION = "openalgo-lab"
REINSTALL = "Run 'python3 run.py' again, or 'pip install --upgrade openalgo-lab' where it came from pip."


def check_python(version: tuple[int, int, int] = sys.version_info[:3]) -> Finding:
    """The interpreter against ``requires-python``."""
    name, text = "python", ".".join(map(str, version))
    wanted = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    if text in SpecifierSet(wanted):
        return ok(name, f"Python {text} at {sys.prefix}")
    return fail(name, f"Python {text}, but {wanted} is needed", "Start run.py with a newer Python.")


def check_libraries(
    requirements: Iterable[str] | None = None, version_of: Callable[[str], str] = metadata.version
) -> Finding:
    """Every library that the distribution requires here, against its range."""
    name = "libraries"
    wanted = _applicable(metadata.requires(DISTRIBUTION) or [] if requirements is None else requirements)
    wrong = [complaint for one in wanted if (complaint := _complaint(one, version_of))]
    if wrong:
        return fail(name, "; ".join(wrong), REINSTALL)
    return ok(name, f"{len(wanted)} libraries within their ranges")


def _applicable(lines: Iterable[str]) -> list[Requirement]:
    parsed = [Requirement(line) for line in lines]
    return [one for one in parsed if one.marker is None or one.marker.evaluate({"extra": ""})]


def _complaint(wanted: Requirement, version_of: Callable[[str], str]) -> str:
    try:
        have = version_of(wanted.name)
    except metadata.PackageNotFoundError:
        return f"{wanted.name} is missing"
    return (
        "" if wanted.specifier.contains(have, prereleases=True) else f"{wanted.name} {have} is not {wanted.specifier}"
    )
