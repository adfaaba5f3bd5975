#!/usr/bin/env python3
"""Makes .venv from the locked requirements, then runs the workbench in it.

    python3 run.py [app] [options]      open the workbench (options: python3 run.py app --help)
    python3 run.py lab                  open JupyterLab with the repository's own settings
    python3 run.py test [--long] [...]  every check; with pytest arguments, pytest alone with those
    python3 run.py test --witness [...] the same, with the brokers' official libraries beside ours
    python3 run.py bench [--peers]      measure; --peers also measures rival libraries beside ours
    python3 run.py doctor [--json]      look at this machine and say what to mend
    python3 run.py lock                 resolve the requirements afresh (needs uv)

Standard library only, on Linux, macOS and Windows. A second start needs no network: the environment carries
a mark with the hash of what was installed into it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parent
MINIMUM = (3, 11)
MARK = "openalgo-lab.json"
RUNTIME_LOCK, DEV_LOCK, PEERS_LOCK = "requirements.lock", "requirements-dev.lock", "requirements-peers.lock"
WITNESS_LOCK = "requirements-witness.lock"
#: The pins of a lock on the left include every pin of the locks on the right (tests/repo checks it).
INCLUDES = {DEV_LOCK: (RUNTIME_LOCK,)}
PROJECT = "project"


class RunError(Exception):
    """Something the user can mend; the text says how."""


# ---- What an environment is, and in which condition we find it ------------------------------------


class Condition(Enum):
    ABSENT = "absent"
    READY = "ready"  # ours, and everything wanted is in it
    STALE = "stale"  # ours and working, but the requirements or the project moved on
    HALF_MADE = "half-made"  # ours, an installation was cut short
    BROKEN = "broken"  # cannot be used as it is; may be rebuilt
    ADOPTABLE = "adoptable"  # made by somebody else, works
    FOREIGN = "foreign"  # made by somebody else, unusable to us: hands off


@dataclass(frozen=True)
class Mark:
    """What we wrote into an environment: where and how it was made, and the hashes of what is in it."""

    root: str
    interpreter: str
    python: str
    complete: bool = False
    installed: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    folder: Path
    lock: str
    has_project: bool = True

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def wanted(self) -> Dict[str, str]:
        """The hash of each thing that must be in the environment."""
        wanted = {self.lock: hash_files([ROOT / self.lock])}
        if self.has_project:
            wanted[PROJECT] = hash_files(project_files())
        return wanted


def hash_files(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def project_files() -> List[Path]:
    """What an editable install copies: metadata and the Jupyter data files."""
    shared = sorted(path for path in (ROOT / "jupyter_config").rglob("*") if path.is_file())
    return [ROOT / "pyproject.toml", ROOT / "openalgo_lab" / "__init__.py", *shared]


def read_mark(folder: Path) -> Optional[Mark]:
    try:
        return Mark(**json.loads((folder / MARK).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_mark(folder: Path, mark: Mark) -> None:
    new = folder / (MARK + ".new")
    new.write_text(json.dumps(vars(mark), indent=1), encoding="utf-8")
    new.replace(folder / MARK)


def python_version(python: Path) -> Optional[Tuple[int, int]]:
    """The version of an interpreter; None if it does not start."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, timeout=60, check=True)
        major, minor = done.stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return int(major), int(minor)


def examine(env: Environment) -> Condition:
    """The condition of an environment; starts a process only where its mark does not already answer."""
    if not os.path.lexists(env.folder):
        return Condition.ABSENT
    mark = read_mark(env.folder)
    if mark is not None and is_ready(env, mark):
        return Condition.READY
    version = python_version(env.python)
    if mark is None:
        return examine_unmarked(env, version)
    if version is None or version < MINIMUM or mark.root != str(ROOT):
        return Condition.BROKEN  # moved folders leave wrong paths in every script
    if mark.python != "{}.{}".format(*version):
        return Condition.BROKEN
    return Condition.STALE if mark.complete else Condition.HALF_MADE


def is_ready(env: Environment, mark: Mark) -> bool:
    return (
        mark.complete
        and mark.root == str(ROOT)
        and env.python.exists()
        and mark.interpreter == os.path.realpath(env.python)
        and all(mark.installed.get(name) == value for name, value in env.wanted().items())
    )


def examine_unmarked(env: Environment, version: Optional[Tuple[int, int]]) -> Condition:
    if version is not None:
        return Condition.ADOPTABLE if version >= MINIMUM else Condition.FOREIGN
    is_venv = (env.folder / "pyvenv.cfg").is_file()
    is_empty = env.folder.is_dir() and not any(env.folder.iterdir())
    return Condition.BROKEN if is_venv or is_empty else Condition.FOREIGN


# ---- Making and mending it ------------------------------------------------------------------------


def ensure(env: Environment) -> None:
    """Brings an environment to READY. Raises RunError with the remedy where that is not possible."""
    if examine(env) is Condition.READY:
        return
    with one_at_a_time():
        condition = examine(env)  # another run.py may have made it meanwhile
        if condition is Condition.READY:
            return
        name = env.folder.name
        if condition is Condition.FOREIGN:
            raise RunError(
                f"{name} was not made by run.py and cannot be used (no virtual environment of Python "
                f"{MINIMUM[0]}.{MINIMUM[1]} or later). Move it away, then run this again."
            )
        if condition is Condition.ADOPTABLE:
            say(f"{name} was not made by run.py; it works, so the requirements are installed into it.")
        if condition is Condition.BROKEN:
            say(f"{name} is broken, was moved, or belongs to another Python: making it again.")
            remove(env.folder)
        if condition in (Condition.BROKEN, Condition.ABSENT):
            create(env)
        fill(env, again=condition is Condition.HALF_MADE)


def fill(env: Environment, again: bool) -> None:
    """Installs; a half-made environment that cannot be completed is made once more from nothing."""
    try:
        install(env)
    except RunError:
        if not again:
            raise
        say(f"{env.folder.name} was half-made and cannot be completed: making it again.")
        remove(env.folder)
        create(env)
        install(env)


def create(env: Environment) -> None:
    uv = find_uv()
    if uv is None and not module_exists("ensurepip"):
        raise RunError(
            "This Python cannot make virtual environments. On Debian and Ubuntu: "
            "sudo apt install python3-venv (or install uv), then run this again."
        )
    env.folder.mkdir(parents=True)
    # The mark comes first: whatever is cut short from here on can be told as ours.
    write_mark(env.folder, make_mark(env))
    say(f"Making {env.folder.name} with Python {sys.version_info[0]}.{sys.version_info[1]} ...")
    options = ["--without-pip"] if uv else []
    call([sys.executable, "-m", "venv", *options, str(env.folder)], "The virtual environment was not made.")
    write_mark(env.folder, make_mark(env))


def make_mark(env: Environment, **more: object) -> Mark:
    return Mark(
        root=str(ROOT),
        interpreter=os.path.realpath(env.python),
        python="{}.{}".format(*(python_version(env.python) or sys.version_info[:2])),
        **more,  # type: ignore[arg-type]
    )


def install(env: Environment) -> None:
    mark, wanted = read_mark(env.folder), env.wanted()
    have = dict(mark.installed) if mark is not None else {}
    write_mark(env.folder, make_mark(env, installed=have))
    pip = pip_command(env)
    if have.get(env.lock) != wanted[env.lock]:
        say(f"Installing the locked requirements into {env.folder.name} ...")
        call([*pip, "--require-hashes", "-r", str(ROOT / env.lock)], INSTALL_REMEDY)
        have[env.lock] = wanted[env.lock]
        have.update({name: hash_files([ROOT / name]) for name in INCLUDES.get(env.lock, ())})
    if env.has_project and have.get(PROJECT) != wanted[PROJECT]:
        call([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], INSTALL_REMEDY)
        have[PROJECT] = wanted[PROJECT]
    write_mark(env.folder, make_mark(env, complete=True, installed=have))


INSTALL_REMEDY = (
    "The installation did not succeed (its own words are above). If the network was down, run this again: "
    "it goes on where it stopped."
)


def pip_command(env: Environment) -> List[str]:
    uv = find_uv()
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(env.python)]
    if subprocess.call([str(env.python), "-m", "pip", "--version"], stdout=subprocess.DEVNULL):
        call([str(env.python), "-m", "ensurepip", "--upgrade"], "pip is missing from the environment.")
    return [str(env.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def find_uv() -> Optional[str]:
    """uv, if one is on the path and works (a version manager may leave a shim of nothing)."""
    uv = shutil.which("uv")
    if uv is None:
        return None
    works = subprocess.call([uv, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    return uv if works else None


def module_exists(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def remove(folder: Path) -> None:
    try:
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be removed ({error.strerror}). Close what runs in it, then try again."
        ) from error


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two run.py at once: the second waits for the first, then finds the work done."""
    with (ROOT / ".run.lock").open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                with contextlib.suppress(OSError):  # LK_LOCK gives up after ten seconds; we do not
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file opens the lock


def call(command: Sequence[str], remedy: str) -> None:
    if subprocess.call(command, cwd=ROOT) != 0:
        raise RunError(remedy)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# ---- The verbs ------------------------------------------------------------------------------------

APP = Environment(ROOT / ".venv", RUNTIME_LOCK)
DEV = Environment(ROOT / ".venv", DEV_LOCK)
PEERS = Environment(ROOT / ".venv-peers", PEERS_LOCK, has_project=False)
WITNESS = Environment(ROOT / ".venv-witness", WITNESS_LOCK, has_project=False)


def run_cli(verb: str, args: Sequence[str], env: Optional[Dict[str, str]] = None) -> int:
    """Becomes `openalgo-lab VERB ...` of the environment."""
    ensure(APP)
    command = [str(APP.python), "-m", "openalgo_lab.cli", verb, *args]
    return become(command, {**os.environ, **(env or {})})


def become(command: List[str], env: Dict[str, str]) -> int:
    """This process turns into another; on Windows, where that would give the prompt back, it waits for it."""
    if os.name != "nt":
        sys.stdout.flush()
        os.execve(command[0], command, env)
    return subprocess.call(command, env=env)


def verb_bench(args: Sequence[str]) -> int:
    rest = [arg for arg in args if arg != "--peers"]
    if len(rest) == len(args):
        return run_cli("bench", rest)
    ensure(PEERS)
    return run_cli("bench", rest, {"OPENALGO_LAB_PEERS_PYTHON": str(PEERS.python)})


def verb_lock(args: Sequence[str]) -> int:
    """Resolves the locks afresh, for every platform, with hashes and without addresses."""
    uv = find_uv()
    if uv is None:
        raise RunError("Refreshing the locks needs uv: install it (pip install uv), then run this again.")
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url"]
    options += ["--no-emit-find-links", "--quiet", "--python-version", "{}.{}".format(*MINIMUM), *args]
    base = [uv, "pip", "compile", *options]
    project, remedy = ["pyproject.toml", "--extra", "build"], "The requirements do not resolve (see above)."
    call([*base, *project, "-o", RUNTIME_LOCK], remedy)
    call([*base, *project, "--extra", "dev", "-c", RUNTIME_LOCK, "-o", DEV_LOCK], remedy)
    call([*base, "--group", "pyproject.toml:peers", "-o", PEERS_LOCK], remedy)
    call([*base, "--group", "pyproject.toml:witness", "-o", WITNESS_LOCK], remedy)
    return 0


def verb_test(args: Sequence[str]) -> int:
    """Every check, one after the other; .ci/checks.py holds them."""
    ensure(DEV)
    rest = [arg for arg in args if arg != "--witness"]
    summon_witnesses(asked=len(rest) != len(args))
    return become([str(DEV.python), str(ROOT / ".ci" / "checks.py"), *rest], dict(os.environ))


def summon_witnesses(asked: bool) -> None:
    """The brokers' official libraries: when asked for, they must come; in CI they are tried, and who lacks them skips
    his tests with the reason."""
    try:
        if asked or "CI" in os.environ:
            ensure(WITNESS)
    except RunError as error:
        if asked:
            raise
        say(f"The official libraries are missing, so the tests with them are skipped. {error}")


VERBS: Dict[str, Callable[[Sequence[str]], int]] = {
    "app": lambda args: run_cli("app", args),
    "lab": lambda args: run_cli("lab", args),
    "doctor": lambda args: run_cli("doctor", args),
    "test": verb_test,
    "bench": verb_bench,
    "lock": verb_lock,
}


def parse(argv: Sequence[str]) -> Tuple[str, List[str]]:
    """(verb, its arguments): no verb means the app."""
    if argv and not argv[0].startswith("-"):
        if argv[0] not in VERBS:
            raise RunError(f"There is no '{argv[0]}' here. Choose one of: {', '.join(VERBS)}.")
        return argv[0], list(argv[1:])
    return "app", list(argv)


def check_python(version: Tuple[int, int]) -> None:
    if version < MINIMUM:
        raise RunError(
            "OpenAlgo Lab needs Python {}.{} or later; this is Python {}.{}. Install a newer one and "
            "start run.py with it, for example: python3.12 run.py".format(*MINIMUM, *version)
        )


def main(argv: Sequence[str]) -> int:
    if argv and argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    try:
        check_python(sys.version_info[:2])
        verb, args = parse(argv)
        return VERBS[verb](args)
    except RunError as error:
        say(f"run.py: {error}")
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
