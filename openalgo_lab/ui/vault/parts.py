"""What a dialog is made of, as the page paints it: fields, buttons, and what a press says."""

from __future__ import annotations

import msgspec

__all__ = ["Button", "Field", "Hello", "Press", "Shown"]


class Press(msgspec.Struct, frozen=True, tag="press", tag_field="k"):
    """A button was pressed, with what stood in the fields; the page has emptied them since."""

    act: str
    values: dict[str, str] = {}


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn and holds nothing."""


class Field(msgspec.Struct, frozen=True):
    """An input. ``kind``: password, text or code (digits). ``fill``: the browser's autocomplete word, so that a
    password manager knows what it is.
    """

    name: str
    label: str
    fill: str = "current-password"
    kind: str = "password"


class Button(msgspec.Struct, frozen=True):
    """A button; the first one is what Enter presses."""

    act: str
    text: str


class Shown(msgspec.Struct, frozen=True):
    """A whole dialog. ``secret`` (lines to write down) and ``picture`` (a QR code as a data address) are shown once."""

    title: str
    note: str
    fields: tuple[Field, ...]
    buttons: tuple[Button, ...]
    message: str = ""
    bad: bool = False
    busy: bool = False
    secret: str = ""
    picture: str = ""
