"""The list of checks and the closing count."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def checks(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("checks_under_test", repository / ".ci" / "checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["checks_under_test"] = module
    spec.loader.exec_module(module)
    return module


def test_all_checks_by_default(checks: ModuleType) -> None:
    names = [step.name for step in checks.plan([], long=False)]
    assert names == ["ruff", "format", "mypy", "floors", "notebooks", "browser", "tests"]


def test_arguments_mean_pytest_alone(checks: ModuleType) -> None:
    (step,) = checks.plan(["tests/model", "-k", "symbol"], long=True)
    assert step.args == ("-m", "pytest", "--long", "tests/model", "-k", "symbol")


def test_no_step_sees_the_users_own_folders(checks: ModuleType, tmp_path: Path) -> None:
    env = checks.environment(tmp_path)
    for name in ("OPENALGO_LAB_HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        assert Path(env[name]).is_relative_to(tmp_path)


def test_tests_are_counted_over_all_reports(checks: ModuleType, tmp_path: Path) -> None:
    suite = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'
    (tmp_path / "a.xml").write_text(suite.format(10, 1, 2, 3))
    (tmp_path / "b.xml").write_text(suite.format(5, 0, 0, 0))
    assert checks.count_tests(tmp_path.glob("*.xml")) == (9, 3, 3)


def test_a_failed_step_fails_the_whole_but_not_the_others(
    checks: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = [checks.Step("one", ("-c", "raise SystemExit(3)")), checks.Step("two", ("-c", "print('ran')"))]
    monkeypatch.setattr(checks, "plan", lambda _args, long: steps)
    assert checks.main([]) == 1
    out = capfd.readouterr().out
    assert "FAILED (3)" in out
    assert "\nran\n" in out
    assert out.endswith("0 passed, 0 failed, 0 skipped\n")


def test_what_runs_beside_the_others_is_told_and_counts(
    checks: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    beside = checks.Step("by the way", ("-c", "print('heard'); raise SystemExit(2)"), beside=True)
    monkeypatch.setattr(checks, "plan", lambda _args, long: [beside, checks.Step("two", ("-c", "print('ran')"))])
    assert checks.main([]) == 1
    out = capfd.readouterr().out
    assert "\nheard\n" in out
    assert "\nran\n" in out
    assert out.index("by the way FAILED (2)", out.index("=== result")) < out.index("two ", out.index("=== result"))
