"""Joins the grid's ES modules into the one module that a widget's front end can load.

anywidget loads a module from a blob, where relative imports do not resolve. Each file of `esm/` is a module with
one-line imports and names of its own, so leaving out the import lines and the word `export` is a correct join.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

#: In order of dependency; the last one keeps its default export.
MODULES = (
    "format", "palette", "store", "geometry", "paint_cells", "paint", "twin", "actions", "keyboard", "pointer",
    "menu", "prefs", "hooks", "view", "grid",
)  # fmt: skip

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
_REMARK = re.compile(r"^ *//.*\n|^ +", re.MULTILINE)  # every widget carries the module


@cache
def esm() -> str:
    """The grid's front end as one ES module."""
    folder = files("openalgo_lab.ui.grid").joinpath("esm")
    sources = (folder.joinpath(f"{name}.js").read_text("utf-8") for name in MODULES)
    return _REMARK.sub("", "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources))


@cache
def grid_css() -> str:
    """The grid's own style sheet."""
    return files("openalgo_lab.ui.grid").joinpath("grid.css").read_text("utf-8")
