"""The bench harness: the shape of a report, discovery, isolation, peers."""

from __future__ import annotations

import json
import math
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.bench import CannotMeasure, Figure, Measured, discover, figure, in_peers, run_figures
from openalgo_lab.bench.peers import PEERS_PYTHON
from openalgo_lab.bench.runner import run_apart, select
from openalgo_lab.bench.table import header, line, number, to_json
from openalgo_lab.bench.worker import measure
from openalgo_lab.model.errors import InputError

MODULE = """
import os
from openalgo_lab.bench import CannotMeasure, Measured, figure

@figure("quick_ms", unit="ms", goal=2.0, better="lower")
def quick():
    print("the measured code may print")
    return 1.5, 3.0

@figure("home_ok", unit="", goal=1.0, better="higher")
def home():
    return float(os.listdir(os.environ["OPENALGO_LAB_HOME"]) == [])

@figure("cannot", unit="s", goal=1.0, better="lower")
def cannot():
    raise CannotMeasure("There is no browser here.")

@figure("crash", unit="s", goal=1.0, better="lower")
def crash():
    os._exit(9)

@figure("defect", unit="s", goal=1.0, better="lower")
def defect():
    raise KeyError("oops")

@figure("endless", unit="s", goal=1.0, better="lower")
def endless():
    import time
    time.sleep(60)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A package of figures that child processes can import as well."""
    folder = tmp_path / "sample_figures"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "all_kinds.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("sample_figures")]:
        monkeypatch.delitem(sys.modules, name)
    import sample_figures  # type: ignore[import-not-found]

    return sample_figures  # type: ignore[no-any-return]


def make(result: object, *, goal: float = 2.0, better: str = "lower", also: dict[str, float] | None = None) -> Figure:
    return figure("one", unit="ms", goal=goal, better=better, also=also)(lambda: result)  # type: ignore[arg-type,return-value]


def test_shape_of_a_plain_report() -> None:
    report = measure(make(1.5))
    assert report == {"name": "one", "value": 1.5, "unit": "ms", "goal": 2.0, "better": "lower", "ok": True}


@pytest.mark.parametrize(
    ("value", "better", "ok"),
    [(2.0, "lower", True), (2.1, "lower", False), (2.0, "higher", True), (1.9, "higher", False)],
)
def test_the_goal_has_a_direction(value: float, better: str, ok: bool) -> None:
    assert measure(make(value, better=better))["ok"] is ok


@pytest.mark.parametrize(("better", "ratio"), [("lower", 4.0), ("higher", 0.25)])
def test_the_ratio_says_how_many_times_better_than_the_peer(better: str, ratio: float) -> None:
    report = measure(make((1.0, 4.0), better=better))
    assert (report["peer"], report["ratio"]) == (4.0, ratio)


def test_no_peer_no_ratio() -> None:
    assert not {"peer", "ratio"} & measure(make((1.0, None))).keys()


@pytest.mark.parametrize(("p99", "ok"), [(10.0, True), (11.0, False)])
def test_further_values_have_their_own_goals(p99: float, ok: bool) -> None:
    report = measure(make(Measured(1.0, also={"p99": p99}), also={"p99": 10.0}))
    assert (report["ok"], report["also"], report["also_goal"]) == (ok, {"p99": p99}, {"p99": 10.0})


def test_a_further_value_that_is_missing_is_not_ok() -> None:
    assert measure(make(1.0, also={"p99": 10.0}))["ok"] is False


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_a_defect(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        measure(make(value))


def test_what_cannot_be_measured_says_why() -> None:
    def refuse() -> float:
        raise CannotMeasure("There is no browser here.")

    report = measure(figure("one", unit="s", goal=1.0, better="lower")(refuse))
    assert report["value"] is None
    assert report["ok"] is False
    assert report["reason"] == "There is no browser here."


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(1e-9, 1e9), st.sampled_from(["lower", "higher"]))
def test_every_report_is_json_and_a_line(value: float, peer: float, better: str) -> None:
    report = measure(make((value, peer), better=better))
    assert json.loads(to_json([report])) == [report]
    assert line(report).startswith("one")


def test_discovery_and_choice(package: types.ModuleType) -> None:
    assert list(discover(package)) == ["cannot", "crash", "defect", "endless", "home_ok", "quick_ms"]
    assert [one.name for _, one in select(["quick_ms", "cannot"], package)] == ["quick_ms", "cannot"]
    with pytest.raises(InputError, match=r"There is no figure 'slow'\. Choose from: cannot, "):
        select(["slow"], package)


def test_two_figures_of_one_name_are_refused(package: types.ModuleType) -> None:
    (Path(package.__path__[0]) / "again.py").write_text(MODULE)
    with pytest.raises(InputError, match="Two figures are called"):
        discover(package)


def test_each_figure_runs_apart_in_an_empty_home(package: types.ModuleType) -> None:
    reports = {str(one["name"]): one for one in run_figures(select(["quick_ms", "home_ok", "cannot"], package))}
    assert reports["quick_ms"]["ratio"] == 2.0
    assert reports["home_ok"]["ok"] is True
    assert reports["cannot"]["reason"] == "There is no browser here."


def test_a_crash_a_defect_and_a_hang_become_reports(package: types.ModuleType) -> None:
    known = discover(package)
    crash, defect = run_apart(*known["crash"]), run_apart(*known["defect"])
    assert "ended with code" in str(crash["reason"])
    assert "KeyError: 'oops'" in str(defect["reason"])
    assert "did not finish within 1 s" in str(run_apart(*known["endless"], timeout_s=1.0)["reason"])


def test_every_shipped_figure_is_well_formed() -> None:
    for name, (module, one) in discover().items():
        assert module.startswith("openalgo_lab.bench.figures.")
        assert name == one.name
        assert name.replace("_", "").isalnum()
        assert one.unit
        assert one.goal > 0


def test_a_peer_runs_in_its_own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PEERS_PYTHON, raising=False)
    assert in_peers("print(1)") is None
    monkeypatch.setenv(PEERS_PYTHON, sys.executable)
    assert in_peers("print('warming up'); print(12.5)") == 12.5
    with pytest.raises(CannotMeasure, match="ModuleNotFoundError"):
        in_peers("import nothing_of_this_name")
    with pytest.raises(CannotMeasure, match="gave no number"):
        in_peers("pass")
    with pytest.raises(CannotMeasure, match="did not finish"):
        in_peers("import time; time.sleep(30)", timeout_s=0.3)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.12345, "0.123"), (0, "0"), (20500.4, "20,500"), (-1500.0, "-1,500")]
)
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_table_for_people() -> None:
    missed = line(measure(make(Measured(3.0, peer=6.0, also={"p99": 4.0}))))
    assert header().split() == ["figure", "value", "unit", "goal"]
    assert missed.split() == ["one", "3", "ms", "≤", "2", "MISS", "p99", "4", "·", "peer", "6", "(2×)"]
