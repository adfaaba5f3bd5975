"""Every check of the repository, one after the other, each with its seconds; run by `python3 run.py test`.

    checks.py [--long]              all of it; --long adds the rounds that take minutes
    checks.py [--long] ARGUMENTS    pytest alone, with these arguments

A failed step does not stop the others. The last line counts the tests of all pytest runs together.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
# Short files last, so that two processes end together.
WITH_BROWSER = ("tests/server", "tests/e2e", "tests/ui")
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@dataclass(frozen=True)
class Step:
    """One check: what this Python is started with. `counts` marks a run of pytest, `beside` one run by the way."""

    name: str
    args: tuple[str, ...]
    counts: bool = False
    beside: bool = False


@dataclass(frozen=True)
class Result:
    step: Step
    code: int
    seconds: float

    def __str__(self) -> str:
        verdict = "ok" if self.code == 0 else f"FAILED ({self.code})"
        return f"{self.step.name:<10} {verdict:<12} {self.seconds:7.1f} s"


def plan(pytest_args: Sequence[str], long: bool) -> list[Step]:
    """The checks in order: the quick ones first, the run that says most last."""
    pytest = ("-m", "pytest", *(("--long",) if long else ()))
    if pytest_args:
        return [Step("pytest", (*pytest, *pytest_args), counts=True)]
    # In the order of the files: else the longest one, which holds a single test, would come last and run alone.
    parallel = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    nbval = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120")
    return [
        Step("ruff", ("-m", "ruff", "check", ".")),
        Step("format", ("-m", "ruff", "format", "--check", ".")),
        Step("mypy", ("-m", "mypy"), beside=True),  # the notebooks wait for their kernels often enough
        Step("floors", ("-c", LINT_IMPORTS)),
        Step("notebooks", ("-m", "pytest", *nbval, *parallel, "notebooks"), counts=True),
        Step("browser", (*pytest, "-m", "e2e", *parallel, *WITH_BROWSER), counts=True),
        Step("tests", (*pytest, "-m", "not e2e", *parallel, "tests"), counts=True),
    ]


def environment(scratch: Path) -> dict[str, str]:
    """Nothing that a check does may touch the user's own profile, Jupyter or IPython settings."""
    own = ("OPENALGO_LAB_HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    folders = {name: str(scratch / name.lower()) for name in own}
    return {**os.environ, **folders, "PYTHONUTF8": "1"}


def run_all(steps: Sequence[Step], scratch: Path) -> list[Result]:
    """One after the other, but for those that run beside them; in the order of the plan."""
    beside = [step for step in steps if step.beside]
    with ThreadPoolExecutor(max(len(beside), 1)) as pool:
        ahead = {step.name: pool.submit(run, step, scratch, quiet=True) for step in beside}
        done = {step.name: run(step, scratch) for step in steps if not step.beside}
        done |= {name: result.result() for name, result in ahead.items()}
    return [done[step.name] for step in steps]


def run(step: Step, scratch: Path, *, quiet: bool = False) -> Result:
    """Run one step; what a quiet one says is held back until it has ended."""
    report = [f"--junitxml={scratch / step.name}.xml"] if step.counts else []
    command = [sys.executable, *step.args, *report]
    began = time.monotonic()
    if quiet:
        ended = subprocess.run(
            command, cwd=ROOT, env=environment(scratch), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        result = Result(step, ended.returncode, time.monotonic() - began)
        print(f"\n=== {step.name}", ended.stdout.decode(errors="replace").rstrip(), result, sep="\n", flush=True)
        return result
    print(f"\n=== {step.name}", flush=True)
    code = subprocess.call(command, cwd=ROOT, env=environment(scratch))
    result = Result(step, code, time.monotonic() - began)
    print(result, flush=True)
    return result


def count_tests(reports: Iterable[Path]) -> tuple[int, int, int]:
    """(passed, failed, skipped) over pytest's JUnit reports."""
    passed = failed = skipped = 0
    for report in reports:
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            bad = int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
            not_run = int(suite.get("skipped", "0"))
            passed += int(suite.get("tests", "0")) - bad - not_run
            failed += bad
            skipped += not_run
    return passed, failed, skipped


def main(argv: Sequence[str]) -> int:
    todo = plan([arg for arg in argv if arg != "--long"], long="--long" in argv)
    with tempfile.TemporaryDirectory(prefix="oal-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        results = run_all(todo, scratch)
        passed, failed, skipped = count_tests(scratch.glob("*.xml"))
    print("\n=== result", *results, sep="\n")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if all(result.code == 0 for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
