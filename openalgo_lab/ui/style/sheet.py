"""Carries the style sheet of forms to the page: a widget that shows nothing."""

from __future__ import annotations

from importlib.resources import files

import anywidget
import traitlets

from openalgo_lab.ui.theme import css

__all__ = ["StyleSheet"]


class StyleSheet(anywidget.AnyWidget):
    """The style of forms, and of the widget families named (``StyleSheet("desk")`` adds ``ui/desk/desk.css``).

    Place one among the children of whatever holds ipywidgets' own inputs and buttons; a second one does no harm.
    """

    _esm = traitlets.Unicode("export default { render({ el }) { el.style.display = 'none'; } };").tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, *families: str) -> None:
        home = files("openalgo_lab.ui")
        sheets = [home.joinpath("style", "forms.css"), *(home.joinpath(name, f"{name}.css") for name in families)]
        super().__init__(_css=css() + "".join(sheet.read_text("utf-8") for sheet in sheets))
        self.add_class("oal-sheet")
