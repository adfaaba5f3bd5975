"""What importing the package costs and shows."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import openalgo_lab

HEAVY = {"pandas", "scipy", "duckdb", "bqplot", "numba", "ipywidgets", "anywidget", "pyarrow", "IPython"}
ROOT = Path(openalgo_lab.__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT).as_posix() for part in ("openalgo_lab", "brokers") for path in (ROOT / part).rglob("*.py")
)


def modules_after(code: str) -> set[str]:
    """Top-level modules that the code loads beyond a bare interpreter's."""
    program = (
        f"import sys, json; before = set(sys.modules)\n{code}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}


def test_the_package_loads_next_to_nothing() -> None:
    loaded = modules_after("import openalgo_lab")
    assert loaded - sys.stdlib_module_names <= {"openalgo_lab", "msgspec", "numpy"}


def test_lab_loads_no_heavy_library() -> None:
    loaded = modules_after("from openalgo_lab import Lab")
    assert "openalgo_lab" in loaded
    assert not loaded & HEAVY


def test_lab_waits_for_nothing_that_only_its_use_needs() -> None:
    """NumPy takes longer than all the rest."""
    assert not modules_after("from openalgo_lab import Lab") & {"numpy"}


def test_visible_names_are_the_promised_ones() -> None:
    assert dir(openalgo_lab) == sorted(openalgo_lab.__all__)
    for name in openalgo_lab.__all__:
        assert getattr(openalgo_lab, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Labb'"):
        _ = openalgo_lab.Labb


@pytest.mark.parametrize("module", MODULES)
def test_every_name_in_all_exists(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    promised, bound = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names)):
                listed = [ast.literal_eval(name) for name in names]
                assert len(listed) == len(set(listed)), "a name stands twice"
                promised = set(listed)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.alias(name=name, asname=asname):
                bound.add(asname or name.split(".")[0])
            case ast.Name(id=name, ctx=ast.Store()):
                bound.add(name)
            case _:
                pass
    if "__getattr__" not in bound:
        assert promised <= bound
