"""The one script with Voilà's front end, and what is mended in it."""

from __future__ import annotations

from pathlib import Path

from openalgo_lab.server.assets import kept_routes
from openalgo_lab.server.bundle import REPAIRS, ScriptBundle


def test_each_repair_meets_its_fault_in_the_installed_front_end_once() -> None:
    """A new version of the widget manager that lost the fault (or moved it) is told here: then the repair goes."""
    _routes, bundle = kept_routes()
    found = b"\n;\n".join(file.read_bytes() for file in bundle.files)
    for fault, mended in REPAIRS:
        assert found.count(fault) == 1
        assert fault not in bundle.content.replace(mended, b"")
        assert bundle.content.count(mended) == 1


def test_an_unknown_version_is_served_as_it_is(tmp_path: Path) -> None:
    bundle = ScriptBundle([str(tmp_path)], [str(tmp_path)])
    assert bundle.files == [] and bundle.content == b"" and bundle.name
