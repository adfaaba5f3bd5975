"""What dialogs have in common: each press is one command, one at a time, and the kernel's loop is never held up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import ipywidgets

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import SecurityChanged
from openalgo_lab.ui.live import KernelLoop

__all__ = ["Conversation", "Form", "HasHandle"]

R = TypeVar("R")

ASK_S = 60.0
"""Deriving a key may take seconds on a slow machine, and a keychain may ask its user."""


class HasHandle(Protocol):
    """A Lab, as far as a dialog needs one."""

    @property
    def handle(self) -> Any: ...


class Form(Protocol):
    """The widget that paints a dialog."""

    def tell(self) -> None:
        """Paint what is to be shown now."""

    def close(self) -> None:
        """Take it off the page."""


class Conversation(ipywidgets.VBox):
    """A form, a line that says what became of the last press, and the engine behind it."""

    def __init__(self, lab: HasHandle) -> None:
        self._lab = lab
        self._loop = KernelLoop()
        self._busy = False
        self._message, self._bad = "", False
        self._form = self.new_form()
        super().__init__([self._form])
        self.add_class("oal-vault-box")
        self._deaf: Callable[[], None] = lab.handle.add_listener(self.on_event)
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
        """Remove the dialog; what it did stays."""
        self._deaf()
        self._form.close()
        super().close()

    # What a subclass says ---------------------------------------------------------------------------------------------

    def new_form(self) -> Form:
        """What the page shows; called once."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Ask the engine how things are, and go to the step that fits."""
        raise NotImplementedError

    def failed(self, error: LabError) -> None:
        """An error of the last command."""
        self.say(str(error), bad=True)

    def on_event(self, event: object) -> None:
        """On the engine's thread: somebody else may have locked the vault, or a session may have ended."""
        if isinstance(event, SecurityChanged):
            self._loop.call(self._changed)

    # What it uses -----------------------------------------------------------------------------------------------------

    def ask(self, command: Command[R], done: Callable[[R], None], timeout_s: float = ASK_S) -> None:
        """Give a command and return; ``done`` gets its answer, the message line its error."""
        self._busy, self._message, self._bad = True, "One moment …", False
        self._form.tell()
        request = self._lab.handle.call(command, timeout_s)
        self._loop.ask(self._lab.handle, request, partial(self._answered, done), self.failed)

    def look(self, command: Command[R], done: Callable[[R], None]) -> None:
        """The same for a question that nobody pressed: the form stays usable, and a press under way is not ended."""
        self._loop.ask(self._lab.handle, self._lab.handle.call(command, ASK_S), done, self._unseen)

    def say(self, message: str = "", *, bad: bool = False) -> None:
        """Paint the step with a message; the press has been worked on."""
        self._message, self._bad, self._busy = message, bad, False
        self._form.tell()

    def _answered(self, done: Callable[[R], None], answer: R) -> None:
        self._busy, self._message, self._bad = False, "", False
        done(answer)

    def _unseen(self, error: LabError) -> None:
        if not self._busy:
            self.failed(error)

    def _changed(self) -> None:
        if not self._busy:
            self.refresh()
