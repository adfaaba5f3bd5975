"""Voilà's front end comes as well over a hundred small scripts, each asked for when another one needs it.

One file with those that every page uses spares the browser that cascade. The scripts are webpack chunks: they only
register functions, so they may arrive before the loader that runs them, in any order, and one too many is harmless.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler

__all__ = ["BundleHandler", "ScriptBundle"]

_LIST = Path(__file__).with_name("page_scripts.json")

# The widget manager looks two seconds for a model, and gives up without a last look: on a busy machine, where nothing
# runs for a while and the model comes in that very pause, a page would show an error instead of its widget.
REPAIRS = ((
    b'throw Error("widget model not found")}return t}has_model',
    b'if(void 0===(t=this._models[e]))throw Error("widget model not found")}return t}has_model',
),)  # fmt: skip


class ScriptBundle:
    """The scripts of `page_scripts.json` that exist in the installed packages, as one."""

    def __init__(self, script_roots: Sequence[str], extension_roots: Sequence[str]) -> None:
        self._roots = {"voila": script_roots, "extensions": extension_roots}

    @cached_property
    def files(self) -> list[Path]:
        """Found files in list order. A package of another version may lack some; the page then asks for its own."""
        wanted: dict[str, list[str]] = json.loads(_LIST.read_text("utf-8"))
        found = (_find(self._roots[part], name) for part, names in wanted.items() for name in names)
        return [file for file in found if file is not None]

    @cached_property
    def content(self) -> bytes:
        """The one script."""
        script = b"\n;\n".join(file.read_bytes() for file in self.files)
        for fault, mended in REPAIRS:
            script = script.replace(fault, mended)
        return script

    @cached_property
    def name(self) -> str:
        """A name that changes with any of the files (their sizes and dates, so that none has to be read)."""
        facts = [REPAIRS, *((file.name, (stat := file.stat()).st_size, stat.st_mtime_ns) for file in self.files)]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _find(roots: Iterable[str], name: str) -> Path | None:
    return next((file for root in roots if (file := Path(root) / name).is_file()), None)


class BundleHandler(JupyterHandler):
    """`/openalgo/kept/pages-<name>.js`."""

    def initialize(self, bundle: ScriptBundle) -> None:
        """Take the bundle."""
        self._bundle = bundle

    @allow_unauthenticated
    def get(self) -> None:
        """The script; the published front end of open-source packages needs no session."""
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(self._bundle.content)

    def compute_etag(self) -> None:
        """No tag: the address changes with the content."""
