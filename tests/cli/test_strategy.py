"""``openalgo-lab strategy`` on an engine that runs in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openalgo_lab.cli.commands import app
from openalgo_lab.lab import Lab
from openalgo_lab.model.errors import LabError

runner = CliRunner()

SOURCE = """
from openalgo_lab.strategy import Strategy

class Waits(Strategy):
    length = 5
    mode = "x"
"""


@pytest.fixture
def lab(lab_home: Path) -> Iterator[Lab]:
    with Lab() as lab:
        yield lab


def run(*line: str, code: int = 0) -> str:
    result = runner.invoke(app, ["strategy", *line])
    if isinstance(result.exception, LabError):
        return str(result.exception)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_add_schedule_list_and_remove(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "waits.py"
    path.write_text(SOURCE)
    assert "waits is hosted on SIM" in run(
        "add", str(path), "length=7", "mode=on", "product=MIS", "--symbol", "NSE:SBIN"
    )
    hosted = lab.strategies.info("waits").strategy
    assert hosted.parameters == {"length": 7, "mode": "on"} and hosted.terms == {"product": "MIS"}
    assert hosted.strategy == "Waits" and hosted.universe == ("NSE:SBIN",)
    assert "waits" in run("schedule", "waits", "--start", "09:20", "--days", "tue,thu")
    kept = lab.strategies.info("waits").strategy.schedule
    assert kept is not None and kept.days == (1, 3)
    assert "by hand only" in run("schedule", "waits", "--off")
    assert "waits" in run("list") and run("logs", "waits").strip() == ""
    assert "already" in run("add", str(path))
    assert "no setting" in runner.invoke(app, ["strategy", "add", str(path), "length"]).output
    assert "--name" in runner.invoke(app, ["strategy", "add", str(path), "name=x"]).output
    assert "stopped" in run("stop", "waits")
    assert "no longer hosted" in run("remove", "waits", "--files")
    assert "No hosted strategies" in run("list")


def test_start_says_why_it_cannot(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "waits.py"
    path.write_text(SOURCE)
    run("add", str(path), "--symbol", "NSE:SBIN")
    path.unlink()
    assert "could not start" in run("start", "waits", code=1)
