"""What a person gets who installs the wheel instead of the source tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import openalgo_lab

#: Source folder → where its files lie in the wheel.
SHIPPED = {
    "openalgo_lab": "openalgo_lab",
    "brokers": "brokers",
    "jupyter_config/etc/jupyter": "data/etc/jupyter",
    "jupyter_config/share/jupyter": "data/share/jupyter",
    "notebooks": "data/share/openalgo-lab/notebooks",
    "dashboards": "data/share/openalgo-lab/dashboards",
}


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=repository, capture_output=True, check=True)
    (built,) = target.glob("*.whl")
    return zipfile.ZipFile(built)


def text(wheel: zipfile.ZipFile, ending: str) -> str:
    (name,) = [name for name in wheel.namelist() if name.endswith(ending)]
    return wheel.read(name).decode()


@pytest.mark.parametrize("folder", SHIPPED)
def test_every_tracked_file_travels(wheel: zipfile.ZipFile, repository: Path, folder: str) -> None:
    if shutil.which("git") is None or not (repository / ".git").exists():
        pytest.skip("this is not a git work tree")
    command = ["git", "ls-files", "-z", folder]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    tracked = [name for name in listed.split("\0") if name and (repository / name).is_file()]
    assert tracked, f"{folder} is part of the product"
    inside = {name.removeprefix(f"openalgo_lab-{openalgo_lab.__version__}.data/") for name in wheel.namelist()}
    missing = [name for name in tracked if SHIPPED[folder] + name.removeprefix(folder) not in inside]
    assert not missing


def test_metadata(wheel: zipfile.ZipFile) -> None:
    metadata = Parser().parsestr(text(wheel, ".dist-info/METADATA"))
    assert metadata["Name"] == "openalgo-lab"
    assert metadata["Version"] == openalgo_lab.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    entry_points = text(wheel, ".dist-info/entry_points.txt")
    assert "openalgo-lab = openalgo_lab.cli:main" in entry_points
    assert "simulated = brokers.simulated:SPEC" in entry_points


def test_the_license_is_the_whole_one(wheel: zipfile.ZipFile) -> None:
    license_text = text(wheel, "licenses/LICENSE")
    assert "Version 2.0, January 2004" in license_text
    assert "END OF TERMS AND CONDITIONS" in license_text
