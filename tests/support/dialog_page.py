"""What a browser does with a dialog: it hears messages and presses buttons that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.waiting import eventually

__all__ = ["Page"]


class Page:
    """One view of ``dialog``. After each press it looks whether a secret stands in a state."""

    def __init__(self, dialog: Any, monkeypatch: pytest.MonkeyPatch, secrets: Sequence[str]) -> None:
        self.dialog = dialog
        self.form = dialog.children[0]
        self.heard: list[dict[str, Any]] = []
        self._secrets = secrets
        monkeypatch.setattr(self.form, "send", lambda content, buffers=None: self.heard.append(content))
        self.hello()

    @property
    def shown(self) -> dict[str, Any]:
        return self.heard[-1]["v"]  # type: ignore[no-any-return]

    def hello(self) -> None:
        self.form._on_message(None, {"k": "hello"}, [])

    def at(self, step: object) -> None:
        """Wait until the dialog stands there."""
        eventually(lambda: self.dialog.step is step and not self.shown["busy"])

    def press(self, act: str, **values: str) -> dict[str, Any]:
        eventually(lambda: act in [button["act"] for button in self.shown["buttons"]])
        assert set(values) <= {field["name"] for field in self.shown["fields"]}
        self.form._on_message(None, {"k": "press", "act": str(act), "values": values}, [])
        eventually(lambda: not self.shown["busy"])
        state = repr([self.form.get_state(), self.dialog.get_state(), vars(self.dialog)])
        assert not any(text in state for text in self._secrets)
        return self.shown
