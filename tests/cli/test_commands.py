"""The command line: options reach their function, errors are one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import openalgo_lab
from openalgo_lab import cli
from openalgo_lab.cli.commands import app
from openalgo_lab.model.errors import EngineBusy, ReplayError
from openalgo_lab.server import launch

runner = CliRunner()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What the launcher was asked to do; nothing is opened."""
    asked: list[dict[str, object]] = []

    def run_app(**options: object) -> int:
        asked.append(options)
        return 7

    monkeypatch.setattr(launch, "run_app", run_app)
    monkeypatch.setattr(launch, "run_lab", run_app)
    return asked


def test_app_by_default(calls: list[dict[str, object]]) -> None:
    assert runner.invoke(app, ["app"]).exit_code == 7
    assert calls == [
        {"replay": None, "speed": 1.0, "browser": "default", "app_window": False, "port": None, "profile": "default"}
    ]


def test_app_with_everything(calls: list[dict[str, object]]) -> None:
    line = "app --replay day.parquet --speed 20 --browser firefox --app-window --port 9001 --profile second"
    runner.invoke(app, line.split())
    assert calls == [
        {
            "replay": Path("day.parquet"),
            "speed": 20.0,
            "browser": "firefox",
            "app_window": True,
            "port": 9001,
            "profile": "second",
        }
    ]


def test_no_browser(calls: list[dict[str, object]]) -> None:
    runner.invoke(app, ["app", "--no-browser"])
    assert calls[0]["browser"] == "none"


def test_lab(calls: list[dict[str, object]]) -> None:
    runner.invoke(app, ["lab", "--port", "9002"])
    assert calls == [{"port": 9002, "profile": "default"}]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("app --speed 5", "--replay"),
        ("app --port 0", "--port"),
        ("app --port 70000", "--port"),
        ("app --replay x --speed 0", "--speed"),
        ("app --nonsense", "--nonsense"),
        ("fly", "fly"),
    ],
)
def test_bad_options_are_named(calls: list[dict[str, object]], line: str, word: str) -> None:
    result = runner.invoke(app, line.split())
    assert result.exit_code == 2
    assert word in result.output
    assert not calls


@pytest.mark.parametrize("error", [EngineBusy("Another kernel hosts it: attach."), ReplayError("There is no file x.")])
def test_an_error_of_ours_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def refuse(**_options: object) -> int:
        raise error

    monkeypatch.setattr(launch, "run_app", refuse)
    monkeypatch.setattr(sys, "argv", ["openalgo-lab", "app"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"openalgo-lab: {error}\n"


def test_a_defect_keeps_its_traceback_and_is_written_down(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(**_options: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(launch, "run_app", break_down)
    monkeypatch.setattr(sys, "argv", ["openalgo-lab", "app"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 70
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert "A report lies in" in said


def test_version() -> None:
    assert runner.invoke(app, ["version"]).output == f"{openalgo_lab.__version__}\n"


def test_brokers() -> None:
    listed = json.loads(runner.invoke(app, ["brokers", "--json"]).output)
    row = next(one for one in listed if one["key"] == "simulated")
    assert list(row) == ["key", "name", "family", "exchanges", "capabilities", "lines", "verified"]
    assert "simulated" in runner.invoke(app, ["brokers"]).output


def test_doctor_json(lab_home: Path) -> None:
    result = runner.invoke(app, ["doctor", "--json"])
    found = json.loads(result.output)
    assert all(set(one) == {"name", "status", "detail", "remedy"} for one in found)
    assert {one["status"] for one in found} <= {"ok", "warn", "fail"}
    assert result.exit_code == int(any(one["status"] == "fail" for one in found))


def test_doctor_fails_on_an_open_profile(lab_home: Path) -> None:
    profile = lab_home / "profiles" / "default"
    profile.mkdir(parents=True)
    profile.chmod(0o755)
    result = runner.invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "fail  profile folder" in result.output
    assert "→ Run: chmod 700" in result.output


def test_bench_takes_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    from openalgo_lab.cli import bench

    asked: list[str] = []
    monkeypatch.setattr(bench, "select", lambda only: asked.extend(only) or [])
    assert runner.invoke(app, ["bench", "--json", "--only", "import_s", "search_ms"]).output == "[\n\n]\n"
    assert asked == ["import_s", "search_ms"]


def test_help_is_quick_because_it_loads_nothing() -> None:
    code = (
        "import sys\nfrom openalgo_lab.cli import main\nsys.argv = ['openalgo-lab', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    print('pandas' in sys.modules or 'jupyter_server' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    for name in ("app", "lab", "engine", "doctor", "bench", "brokers"):
        assert f"  {name} " in done.stdout
