"""run.py: which environment it keeps, mends, makes again or leaves alone."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = sys.version_info[:2]


@pytest.fixture
def run(repository: Path, tmp_path: Path) -> ModuleType:
    """run.py in a small tree of its own."""
    shutil.copy(repository / "run.py", tmp_path / "run.py")
    (tmp_path / "openalgo_lab").mkdir()
    for name in ("pyproject.toml", "openalgo_lab/__init__.py", "requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).write_text(f"# {name}\n")
    spec = importlib.util.spec_from_file_location("run_under_test", tmp_path / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["run_under_test"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def furnish(run: ModuleType, *, marked: bool = True, **changes: Any) -> Any:
    """An environment on disk that is ready, but for the changes to its mark."""
    env = run.APP
    env.python.parent.mkdir(parents=True)
    env.python.write_text("")
    (env.folder / "pyvenv.cfg").write_text("home = somewhere\n")
    if marked:
        good = {
            "root": str(run.ROOT),
            "interpreter": os.path.realpath(env.python),
            "python": "{}.{}".format(*HERE),
            "complete": True,
            "installed": env.wanted(),
        }
        run.write_mark(env.folder, run.Mark(**{**good, **changes}))
    return env


def condition(run: ModuleType, env: Any, version: tuple[int, int] | None = HERE) -> str:
    """What run.py sees where the environment's interpreter tells this version (None: it does not start)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "python_version", lambda _python: version)
        return str(run.examine(env).name)


def never(*_args: object, **_kwargs: object) -> Any:
    raise AssertionError("no process may be started here")


def test_nothing_there(run: ModuleType) -> None:
    assert condition(run, run.APP) == "ABSENT"


def test_a_ready_environment_starts_no_process_and_needs_no_network(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = furnish(run)
    monkeypatch.setattr(subprocess, "run", never)
    monkeypatch.setattr(subprocess, "call", never)
    run.ensure(env)
    assert condition(run, env) == "READY"


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml", "openalgo_lab/__init__.py"])
def test_a_changed_requirement_or_project_makes_it_stale(run: ModuleType, changed: str) -> None:
    env = furnish(run)
    (run.ROOT / changed).write_text("something else\n")
    assert condition(run, env) == "STALE"


def test_new_jupyter_files_make_it_stale(run: ModuleType) -> None:
    env = furnish(run)
    target = run.ROOT / "jupyter_config" / "etc" / "jupyter" / "voila.json"
    target.parent.mkdir(parents=True)
    target.write_text("{}")
    assert condition(run, env) == "STALE"


def test_the_tests_environment_serves_the_app_but_not_the_reverse(run: ModuleType) -> None:
    env = furnish(run)
    assert condition(run, run.DEV) == "STALE"
    mark = run.read_mark(env.folder)
    run.write_mark(env.folder, run.Mark(**{**vars(mark), "installed": {**run.DEV.wanted(), **env.wanted()}}))
    assert (condition(run, run.APP), condition(run, run.DEV)) == ("READY", "READY")


@pytest.mark.parametrize(
    ("changes", "version", "expected"),
    [
        ({"complete": False}, HERE, "HALF_MADE"),
        ({"complete": False}, None, "BROKEN"),
        ({"root": "elsewhere"}, HERE, "BROKEN"),
        ({"interpreter": "replaced"}, HERE, "STALE"),
        ({"interpreter": "replaced"}, None, "BROKEN"),
        ({"interpreter": "replaced", "python": "3.99"}, HERE, "BROKEN"),
        ({"interpreter": "replaced", "python": "3.10"}, (3, 10), "BROKEN"),
    ],
)
def test_condition_of_ours(
    run: ModuleType, changes: dict[str, object], version: tuple[int, int] | None, expected: str
) -> None:
    assert condition(run, furnish(run, **changes), version) == expected


def test_an_interpreter_that_is_gone_is_noticed(run: ModuleType) -> None:
    env = furnish(run)
    env.python.unlink()
    assert condition(run, env, None) == "BROKEN"


@pytest.mark.parametrize(("version", "expected"), [(HERE, "ADOPTABLE"), ((3, 9), "FOREIGN"), (None, "BROKEN")])
def test_condition_of_somebody_elses(run: ModuleType, version: tuple[int, int] | None, expected: str) -> None:
    assert condition(run, furnish(run, marked=False), version) == expected


def test_a_folder_that_is_no_environment_is_left_alone(run: ModuleType) -> None:
    (run.APP.folder / "letters").mkdir(parents=True)
    with pytest.raises(run.RunError, match="Move it away"):
        run.ensure(run.APP)
    assert (run.APP.folder / "letters").is_dir()


def test_an_empty_folder_may_be_used(run: ModuleType) -> None:
    run.APP.folder.mkdir()
    assert condition(run, run.APP, None) == "BROKEN"


def test_a_torn_mark_counts_as_none(run: ModuleType) -> None:
    env = furnish(run)
    (env.folder / run.MARK).write_text('{"root": "')
    assert condition(run, env) == "ADOPTABLE"


class Workshop:
    """Stands in for creating and installing; installing may fail the first time."""

    def __init__(self, run: ModuleType, monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
        self.done: list[str] = []
        self._run = run
        self._failures = failures
        monkeypatch.setattr(run, "create", self.create)
        monkeypatch.setattr(run, "install", self.install)

    def create(self, env: Any) -> None:
        self.done.append("create" if not env.folder.exists() else "create over")
        env.folder.mkdir(parents=True)

    def install(self, env: Any) -> None:
        self.done.append("install")
        if self._failures:
            self._failures -= 1
            raise self._run.RunError("no network")


@pytest.mark.parametrize(
    ("changes", "failures", "expected"),
    [
        ({"complete": False}, 0, ["install"]),
        ({"complete": False}, 1, ["install", "create", "install"]),
        ({"root": "elsewhere"}, 0, ["create", "install"]),
        ({"installed": {}}, 0, ["install"]),
    ],
)
def test_mending(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], failures: int, expected: list[str]
) -> None:
    env = furnish(run, **changes)
    monkeypatch.setattr(run, "python_version", lambda _python: HERE)
    shop = Workshop(run, monkeypatch, failures)
    run.ensure(env)
    assert shop.done == expected


def test_a_working_environment_is_never_thrown_away_for_want_of_a_network(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = furnish(run, installed={})
    monkeypatch.setattr(run, "python_version", lambda _python: HERE)
    shop = Workshop(run, monkeypatch, failures=1)
    with pytest.raises(run.RunError, match="no network"):
        run.ensure(env)
    assert shop.done == ["install"]
    assert env.python.exists()


@pytest.mark.parametrize("with_uv", [True, False])
def test_a_real_environment_is_made_then_found_ready(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, with_uv: bool
) -> None:
    if with_uv and run.find_uv() is None:
        pytest.skip("uv is not installed here")
    if not with_uv:
        monkeypatch.setattr(run, "find_uv", lambda: None)
    (run.ROOT / "nothing.lock").write_text("# no requirement\n")
    env = run.Environment(run.ROOT / ".venv-small", "nothing.lock", has_project=False)
    run.ensure(env)
    assert run.python_version(env.python) == HERE
    mark = json.loads((env.folder / run.MARK).read_text())
    assert mark["complete"]
    assert mark["installed"] == env.wanted()
    monkeypatch.setattr(subprocess, "run", never)
    monkeypatch.setattr(subprocess, "call", never)
    run.ensure(env)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], ("app", [])),
        (["--replay", "x.parquet"], ("app", ["--replay", "x.parquet"])),
        (["lab", "--port", "9000"], ("lab", ["--port", "9000"])),
        (["test", "--long", "tests/model"], ("test", ["--long", "tests/model"])),
    ],
)
def test_verbs(run: ModuleType, argv: list[str], expected: tuple[str, list[str]]) -> None:
    assert run.parse(argv) == expected


def test_an_unknown_verb_is_told_the_known_ones(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["fly"]) == 2
    assert "There is no 'fly' here. Choose one of: app, lab, doctor, test, bench, lock." in capsys.readouterr().err


def test_an_old_python_is_told_so(run: ModuleType) -> None:
    with pytest.raises(run.RunError, match=r"needs Python 3\.11 or later; this is Python 3\.9"):
        run.check_python((3, 9))
    run.check_python((3, 11))
    run.check_python((3, 14))


def test_an_old_python_can_read_the_file(repository: Path) -> None:
    source = (repository / "run.py").read_text(encoding="utf-8")
    assert ast.parse(source, feature_version=(3, 7))
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
