"""The sandbox through the facade: paper money on the prices that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from openalgo_lab.lab.shown import Cell, Shown, text_table
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.sandbox import (
    CloseSandbox,
    GetSandboxSettings,
    OpenSandbox,
    ResetSandbox,
    SandboxSettings,
    SetSandboxSettings,
)

if TYPE_CHECKING:
    from openalgo_lab.lab.core import LabCore

__all__ = ["Sandbox"]


class Sandbox(Shown):
    """The account ``SANDBOX``. Orders say ``account="SANDBOX"``, or make it the default when opening it."""

    def __init__(self, lab: LabCore) -> None:
        self._lab = lab

    def open(self, *, default: bool = False) -> str:
        """Add it to the accounts, now and at every start. ``default``: orders without an account go there."""
        return self._lab.call(OpenSandbox(default), 30.0).message

    def close(self) -> str:
        """Take it out of the accounts; its books stay."""
        return self._lab.call(CloseSandbox(), 30.0).message

    def reset(self) -> str:
        """Begin anew: cash as set, nothing held, no trades. Settings stay."""
        return self._lab.call(ResetSandbox(), 30.0).message

    @property
    def is_open(self) -> bool:
        """Whether it is among the accounts."""
        return any(one.account == "SANDBOX" for one in self._lab.handle.status.accounts)

    @property
    def settings(self) -> SandboxSettings:
        """As kept in the profile."""
        return self._lab.call(GetSandboxSettings())

    def set(self, **values: Any) -> SandboxSettings:
        """Change settings (names in :class:`~openalgo_lab.model.sandbox.SandboxSettings`); what is not named stays.

        They hold from the next opening on, the capital from the next reset. Raises InputError.
        """
        unknown = [name for name in values if name not in SandboxSettings.__struct_fields__]
        if unknown:
            names = ", ".join(SandboxSettings.__struct_fields__)
            raise InputError(f"{unknown[0]!r} is no setting of the sandbox: choose from {names}.", field=unknown[0])
        wanted = msgspec.to_builtins(msgspec.structs.replace(self.settings, **values))
        try:
            return self._lab.call(SetSandboxSettings(msgspec.convert(wanted, SandboxSettings)))
        except msgspec.ValidationError as error:
            raise InputError(f"The settings cannot be read ({error}).") from error

    def __repr__(self) -> str:
        return text_table(("", ""), self._rows())

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "Sandbox: paper money", ("", ""), self._rows()

    def _rows(self) -> list[tuple[str, Cell]]:
        now = self.settings
        rows: list[tuple[str, Cell]] = [("open", "yes" if self.is_open else "no")]
        return rows + [(name.replace("_", " "), str(getattr(now, name))) for name in now.__struct_fields__]
