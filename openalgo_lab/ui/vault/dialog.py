"""A dialog with the engine: each press is one command, and nothing that was typed stays in a widget."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import ipywidgets
import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.events import SecurityChanged
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.guard import process_masker
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.vault.form import SecretForm
from openalgo_lab.ui.vault.parts import Press, Shown

__all__ = ["Dialog", "HasHandle", "Values", "given"]

R = TypeVar("R")
Values = dict[str, Secret]

ASK_S = 60.0
"""Deriving a key may take seconds on a slow machine, and a keychain may ask its user."""


class HasHandle(Protocol):
    """A Lab, as far as a dialog needs one."""

    @property
    def handle(self) -> Any: ...


class Dialog(ipywidgets.VBox):
    """What the dialogs have in common. A subclass says what is shown and what a press means.

    Secrets come as messages, are held as :class:`Secret` for one command, and never stand in a widget's state or a
    notebook.
    """

    def __init__(self, lab: HasHandle) -> None:
        self._lab = lab
        self._loop = KernelLoop()
        self._busy = False
        self._message, self._bad = "", False
        self._form = SecretForm(self._painted, self._on_press)
        super().__init__([self._form])
        self.add_class("oal-vault-box")
        self._deaf: Callable[[], None] = lab.handle.add_listener(self._on_event)
        self.refresh()

    @property
    def busy(self) -> bool:
        """Whether a press is being worked on; further ones are not heard."""
        return self._busy

    @property
    def message(self) -> str:
        """What was said about the last press."""
        return self._message

    def close(self) -> None:
        """Remove the dialog; what it unlocked stays open."""
        self._deaf()
        self._form.close()
        super().close()

    # What a subclass says ---------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask the engine how things are, and go to the step that fits."""
        raise NotImplementedError

    def shown(self) -> Shown:
        """The dialog at its present step."""
        raise NotImplementedError

    def pressed(self, act: str, values: Values) -> None:
        """Give the command. Raises InputError for what is missing."""
        raise NotImplementedError

    # What it uses -----------------------------------------------------------------------------------------------------

    def ask(self, command: Command[R], done: Callable[[R], None]) -> None:
        """Give a command and return; ``done`` gets its answer, the message line its error."""
        self._busy, self._message, self._bad = True, "One moment …", False
        self._form.tell()
        request = self._lab.handle.call(command, ASK_S)
        self._loop.ask(self._lab.handle, request, partial(self._answered, done), self.failed)

    def look(self, command: Command[R], done: Callable[[R], None]) -> None:
        """The same for a question that nobody pressed: the form stays usable."""
        self._loop.ask(self._lab.handle, self._lab.handle.call(command, ASK_S), done, self.failed)

    def say(self, message: str = "", *, bad: bool = False) -> None:
        """Paint the step with a message; the press has been worked on."""
        self._message, self._bad, self._busy = message, bad, False
        self._form.tell()

    def failed(self, error: LabError) -> None:
        """An error of the last command."""
        self.say(str(error), bad=True)

    def _answered(self, done: Callable[[R], None], answer: R) -> None:
        self._busy, self._message, self._bad = False, "", False
        done(answer)

    def _painted(self) -> Shown:
        return msgspec.structs.replace(self.shown(), message=self._message, bad=self._bad, busy=self._busy)

    def _on_press(self, press: Press) -> None:
        if self._busy:
            return
        values = {name: Secret(value) for name, value in press.values.items()}
        plain = {field.name for field in self.shown().fields if field.kind == "text"}
        for name, value in values.items():
            if name not in plain:
                process_masker().add(value)
        try:
            self.pressed(press.act, values)
        except LabError as error:
            self.failed(error)

    def _on_event(self, event: object) -> None:
        """On the engine's thread: somebody else may have locked the vault, or a session may have ended."""
        if isinstance(event, SecurityChanged):
            self._loop.call(self._changed)

    def _changed(self) -> None:
        if not self._busy:
            self.refresh()


def given(values: Values, name: str, what: str) -> Secret:
    """What was typed. Raises InputError when nothing was."""
    found = values.get(name)
    if not found:
        raise InputError(f"The field is empty: type {what}.", field=name)
    return found
