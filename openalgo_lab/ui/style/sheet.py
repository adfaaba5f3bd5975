"""Carries the style sheet of forms to the page: a widget that shows nothing."""

from __future__ import annotations

from importlib.resources import files

import anywidget
import traitlets

from openalgo_lab.ui.theme import css

__all__ = ["StyleSheet"]


class StyleSheet(anywidget.AnyWidget):
    """Place one among the children of whatever holds ipywidgets' own inputs and buttons; a second one does no harm."""

    _esm = traitlets.Unicode("export default { render({ el }) { el.style.display = 'none'; } };").tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.style").joinpath("forms.css").read_text("utf-8")
