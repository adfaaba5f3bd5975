"""A strategy's class from a file: a ``.py`` file is run as a module, of a notebook only the definitions are taken."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from types import ModuleType

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.strategy_commands import Plain
from openalgo_lab.strategy.signals import SignalStrategy
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["load_strategy", "outline", "source_code"]

_MODULE = "hosted_strategy"
_DEFINES = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def load_strategy(path: Path, name: str = "") -> type[Strategy]:
    """The class ``name``, or the only strategy of the file. Raises InputError that says what is wrong with the file."""
    code = source_code(path)
    module = ModuleType(_MODULE)
    module.__file__ = str(path)
    sys.modules[_MODULE] = module
    try:
        exec(compile(code, str(path), "exec"), module.__dict__)  # noqa: S102 - running it is what the user asked for
    except Exception as error:
        raise InputError(f"{path.name} cannot be run ({type(error).__name__}: {error}): correct it.", "path") from error
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Strategy)
        and value not in (Strategy, SignalStrategy)
        and (value.__module__ == _MODULE or key == name)
    }
    if name:
        if name not in found:
            raise InputError(f"{path.name} has no strategy {name}: it has {', '.join(found) or 'none'}.", "strategy")
        return found[name]
    if len(found) != 1:
        what = f"{len(found)} strategies ({', '.join(found)}): name one" if found else "no subclass of Strategy"
        raise InputError(f"{path.name} has {what}.", field="strategy")
    return next(iter(found.values()))


def outline(name: str, body: bytes) -> dict[str, dict[str, Plain]]:
    """Classes of a file's text and the plain values that they hold; nothing is run. Raises InputError."""
    try:
        tree = ast.parse(_python(name, body))
    except SyntaxError as error:
        raise InputError(f"{name} is no Python ({error.msg}, line {error.lineno}): correct it.", "path") from error
    found = {one.name: _values(one) for one in tree.body if isinstance(one, ast.ClassDef) and one.bases}
    if not found:
        raise InputError(f"{name} defines no class: a strategy is a subclass of Strategy.", field="path")
    return found


def _values(defined: ast.ClassDef) -> dict[str, Plain]:
    values: dict[str, Plain] = {}
    for one in defined.body:
        targets = one.targets if isinstance(one, ast.Assign) else [one.target] if isinstance(one, ast.AnnAssign) else []
        if not targets or not _is_constant(one):
            continue
        value = ast.literal_eval(one.value)  # type: ignore[attr-defined]  # an assignment has one
        for target in targets:
            if isinstance(target, ast.Name) and not target.id.startswith("_") and isinstance(value, Plain):
                values[target.id] = value
    return values


def source_code(path: Path) -> str:
    """The Python of a file. Raises InputError."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}): give a .py file or a notebook.", field="path") from error
    return _python(path.name, body)


def _python(name: str, body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is no text ({error.reason}): give a .py file or a notebook.", "path") from error
    if name.endswith(".py"):
        return text
    if name.endswith(".ipynb"):
        return _definitions(name, text)
    raise InputError(f"{name} is neither a .py file nor a notebook (.ipynb).", field="path")


def _definitions(name: str, text: str) -> str:
    """Imports, classes, functions and constants of the code cells; what a cell does besides is left out."""
    try:
        cells = json.loads(text)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{name} is no notebook ({error!r}): save it again in Jupyter.", field="path") from error
    kept: list[ast.stmt] = []
    for source in sources:
        plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
        try:
            statements = ast.parse(plain).body
        except SyntaxError as error:
            raise InputError(f"A cell of {name} is no Python ({error.msg}, line {error.lineno}).", "path") from error
        kept += [one for one in statements if isinstance(one, _DEFINES) or _is_constant(one)]
    return ast.unparse(ast.Module(kept, []))


def _is_constant(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return False
    try:
        ast.literal_eval(statement.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
