"""A dialog about secrets: what is typed comes as a message, is one command, and stays in no widget."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.guard import process_masker
from openalgo_lab.ui.vault.conversation import Conversation, HasHandle
from openalgo_lab.ui.vault.form import SecretForm
from openalgo_lab.ui.vault.parts import Press, Shown

__all__ = ["Dialog", "HasHandle", "Values", "given"]

Values = dict[str, Secret]


class Dialog(Conversation):
    """What the dialogs about vault and users share. A subclass says what is shown and what a press means.

    Secrets come as messages, are held as :class:`Secret` for one command, and never stand in a widget's state or a
    notebook.
    """

    # What a subclass says ---------------------------------------------------------------------------------------------

    def shown(self) -> Shown:
        """The dialog at its present step."""
        raise NotImplementedError

    def pressed(self, act: str, values: Values) -> None:
        """Give the command. Raises InputError for what is missing."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------------------

    def new_form(self) -> SecretForm:
        """Fields, buttons, and lines that are shown once."""
        return SecretForm(self._painted, self._on_press)

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


def given(values: Values, name: str, what: str) -> Secret:
    """What was typed. Raises InputError when nothing was."""
    found = values.get(name)
    if not found:
        raise InputError(f"The field is empty: type {what}.", field=name)
    return found
