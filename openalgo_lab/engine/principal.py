"""Who gives a command, and what they may do."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from openalgo_lab.model.roles import Role

__all__ = ["LOCAL", "Permission", "Principal", "permission_of"]


class Permission(IntEnum):
    """What a command needs; each holds all that the one before holds."""

    READ = 1
    TRADE = 2
    ADMIN = 3


class Principal(msgspec.Struct, frozen=True):
    """A caller: ``name`` owns subscriptions and stands in the audit trail, ``role`` is what it may do.

    ``local`` is a kernel of this user's own, which proved the profile's secret; a program with a key is not.
    ``paper_only`` keeps it off accounts with money; ``accounts`` and ``commands`` narrow it to those named (empty =
    all). ``user`` is who is signed in, where users exist.
    """

    name: str
    role: Permission = Permission.READ
    local: bool = True
    paper_only: bool = False
    accounts: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()
    user: str = ""

    def may(self, needed: Permission) -> bool:
        """Whether its role covers ``needed``."""
        return self.role >= needed

    @property
    def narrowed(self) -> bool:
        """Whether it may not use every account."""
        return self.paper_only or bool(self.accounts)

    def __str__(self) -> str:
        return f"{self.user} ({self.name})" if self.user else self.name


LOCAL = Principal("local", Permission.ADMIN)
"""The user at the kernel that hosts the engine."""


def permission_of(role: Role) -> tuple[Permission, bool]:
    """The permission of a role, and whether it is for paper accounts only."""
    match role:
        case Role.READ:
            return Permission.READ, False
        case Role.PAPER:
            return Permission.TRADE, True
        case Role.TRADE:
            return Permission.TRADE, False
        case Role.ADMIN:
            return Permission.ADMIN, False
