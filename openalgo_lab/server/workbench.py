"""The folder that the app shows: the shipped notebooks and dashboards, copied once, then the user's own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from openalgo_lab.model.errors import StoreError

__all__ = ["prepare_workbench", "shipped_folders"]

_FOLDERS = ("notebooks", "dashboards")


def shipped_folders() -> dict[str, Path]:
    """The shipped folders by name: from a checkout, else from the environment's data files."""
    roots = (Path(__file__).resolve().parents[2], Path(sys.prefix) / "share" / "openalgo-lab")
    for root in roots:
        if (root / "dashboards").is_dir():
            return {name: root / name for name in _FOLDERS if (root / name).is_dir()}
    raise StoreError("The shipped dashboards are missing: install openalgo-lab again.")


def prepare_workbench(workbench: Path) -> None:
    """Copy what is shipped into `workbench`.

    Dashboards are layout only and follow the installed version; a notebook that exists is the user's and stays.
    """
    for name, source in shipped_folders().items():
        target = workbench / name
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(source.glob("*.ipynb")):
            copy = target / file.name
            if not copy.exists() or (name == "dashboards" and copy.read_bytes() != file.read_bytes()):
                shutil.copyfile(file, copy)
