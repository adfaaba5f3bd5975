"""The options desk's chart: lines, bars, points, a heat map or a surface on one canvas, fed by plain messages.

Like the grid it takes its data from any thread as one binary buffer a frame and touches no trait, so that ten charts of
a page cost ten messages and not hundreds of models; crosshair, zoom, legend, picture and table are the browser's.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import anywidget
import msgspec
import numpy as np
import numpy.typing as npt
import traitlets

from openalgo_lab.model.errors import InputError
from openalgo_lab.ui.theme import css

__all__ = ["Axis", "Band", "Mark", "Plot", "Series"]

_log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Kind = Literal["lines", "heat", "solid"]
Style = Literal["line", "points", "bars", "profit"]
Format = Literal[
    "strike", "rupees", "price", "pct", "points", "number", "quantity", "days", "time", "moment",
]  # fmt: skip

_MODULES: Final = ("paper", "lines", "fields", "plot")
_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?!default)", re.MULTILINE)


class Axis(msgspec.Struct, frozen=True):
    """What stands along an axis. ``time`` and ``moment`` are UTC milliseconds, shown in IST."""

    label: str
    format: Format = "number"


class Series(msgspec.Struct, frozen=True):
    """One curve. ``tone`` names a colour token; ``profit`` fills above zero green and below it red; bars that are
    ``signed`` are coloured by their sign.
    """

    key: str
    label: str
    tone: str = "accent"
    style: Style = "line"
    axis: Literal["y", "y2"] = "y"
    dash: bool = False
    signed: bool = False
    width: float = 1.6


class Mark(msgspec.Struct, frozen=True):
    """A vertical line with a word."""

    x: float
    label: str
    tone: str = "muted"


class Band(msgspec.Struct, frozen=True):
    """A shaded stretch of the horizontal axis."""

    start: float
    end: float
    tone: str = "accent"


class _Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn."""


class Plot(anywidget.AnyWidget):
    """One chart. ``name`` is unique on a page and names the files that are saved.

    ``show_lines`` and ``show_field`` may be called from any thread; nothing is sent while nothing has changed.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _spec = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        name: str,
        title: str,
        *,
        x: Axis,
        y: Axis,
        y2: Axis | None = None,
        z: Axis | None = None,
        series: Sequence[Series] = (),
        kind: Kind = "lines",
        diverging: bool = False,
        height: str = "320px",
    ) -> None:
        if kind == "lines" and len({one.key for one in series}) != len(series):
            raise InputError(f"The curves of the chart {name!r} need keys of their own.")
        self._series = tuple(series)
        self._lock = threading.Lock()
        self._sent: tuple[dict[str, Any], bytes] | None = None
        spec = {
            "name": name, "title": title, "kind": kind, "height": height, "diverging": diverging,
            "x": msgspec.to_builtins(x), "y": msgspec.to_builtins(y), "series": msgspec.to_builtins(self._series),
            "y2": msgspec.to_builtins(y2 or y), "z": msgspec.to_builtins(z or y),
        }  # fmt: skip
        super().__init__(_spec=spec)
        self.add_class("oal-plot-host")
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return _esm()

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.options").joinpath("plot.css").read_text("utf-8")

    @property
    def shown(self) -> Mapping[str, Any] | None:
        """What the newest frame says beside its numbers; None before the first, and while there is nothing to show."""
        drawn = self._sent is not None and self._sent[0]["k"] == "data"
        return self._sent[0]["v"] if drawn and self._sent is not None else None

    @property
    def said(self) -> str:
        """The sentence that stands in place of the chart; "" while it is drawn."""
        return str(self._sent[0]["v"]) if self._sent is not None and self._sent[0]["k"] == "empty" else ""

    def values(self) -> dict[str, tuple[Floats, Floats]]:
        """The curves as they are shown: key → (x, y)."""
        if self._sent is None or self._sent[0]["k"] != "data":
            return {}
        lengths, numbers = self._sent[0]["v"].get("lengths", []), np.frombuffer(self._sent[1])
        ends = np.cumsum(2 * np.asarray(lengths, dtype=np.int64))
        cuts = np.split(numbers, ends[:-1]) if len(lengths) else []
        return {
            one.key: (cut[: len(cut) // 2], cut[len(cut) // 2 :]) for one, cut in zip(self._series, cuts, strict=True)
        }

    def show_lines(
        self,
        curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
        *,
        marks: Sequence[Mark] = (),
        bands: Sequence[Band] = (),
        title: str = "",
    ) -> None:
        """Curves by key, (x, y) each, x ascending; a key left out is an empty curve. NaN is a gap."""
        parts: list[Floats] = []
        lengths = []
        for one in self._series:
            x, y = (np.asarray(part, dtype=np.float64) for part in curves.get(one.key, ((), ())))
            if x.shape != y.shape:
                raise InputError(f"The curve {one.key!r} has {x.size} places but {y.size} values.")
            lengths.append(len(x))
            parts += [x, y]
        content = {
            "lengths": lengths,
            "marks": [msgspec.to_builtins(mark) for mark in marks if np.isfinite(mark.x)],
            "bands": [{"from": band.start, "to": band.end, "tone": band.tone} for band in bands],
            "title": title,
        }
        self._frame(content, np.concatenate(parts) if parts else np.empty(0))

    def show_field(self, z: npt.ArrayLike, *, rows: Sequence[str], columns: Sequence[str], title: str = "") -> None:
        """A table of numbers, (rows, columns)."""
        field = np.ascontiguousarray(z, dtype=np.float64)
        if field.shape != (len(rows), len(columns)):
            raise InputError(f"The field is {field.shape}, its labels are {len(rows)} by {len(columns)}.")
        self._frame({"rows": list(rows), "columns": list(columns), "title": title}, field.ravel())

    def say(self, sentence: str) -> None:
        """A sentence in place of the chart: what is missing and what to do."""
        self._tell({"k": "empty", "v": sentence}, b"")

    def _frame(self, content: dict[str, Any], numbers: Floats) -> None:
        self._tell({"k": "data", "v": content}, np.ascontiguousarray(numbers, dtype="<f8").tobytes())

    def _tell(self, content: dict[str, Any], data: bytes) -> None:
        with self._lock:
            if self._sent == (content, data):
                return
            self._sent = (content, data)
            self.send(content, [data])

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            msgspec.convert(content, _Hello)
        except msgspec.ValidationError as error:
            _log.warning("A page sent a chart a message that cannot be read; reload the page. (%s)", error)
            return
        with self._lock:
            if self._sent is not None:
                self.send(self._sent[0], [self._sent[1]])


@cache
def _esm() -> str:
    """The front end as one module: anywidget loads it from a blob, where relative imports do not resolve."""
    folder = files("openalgo_lab.ui.options").joinpath("esm")
    sources = (folder.joinpath(f"{name}.js").read_text("utf-8") for name in _MODULES)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources)
