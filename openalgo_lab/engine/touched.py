"""Which accounts a command is about, read from the command itself."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.principal import Permission
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.table import CommandRule
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.commands import GetBooks
from openalgo_lab.model.order_commands import KillSwitch
from openalgo_lab.model.vocabulary import Mode

__all__ = ["AccountsTouched"]

_ALL: Final = (GetBooks, KillSwitch)
"""Commands about every account, whatever they say."""


class AccountsTouched:
    """The profile's own. A command that acts, and says nothing of its account, counts as one about all."""

    def __init__(self, router: Router, ledger: Ledger) -> None:
        self._router = router
        self._ledger = ledger

    def accounts(self, rule: CommandRule, command: Command[Any]) -> frozenset[str] | None:
        """Names of the accounts; None = all, or it cannot be told. Raises InputError for an account nobody has."""
        if isinstance(command, _ALL):
            return None
        named = self._named(command)
        if named or rule.permission < Permission.TRADE:
            return frozenset(named)
        return None

    def is_paper(self, account: str) -> bool:
        """Whether no money is at stake there."""
        return self._router.line(account).account.mode is not Mode.LIVE

    def _named(self, value: msgspec.Struct) -> set[str]:
        """Fields that name an account or an order, here and in the commands within (a basket's orders)."""
        found: set[str] = set()
        for field in value.__struct_fields__:
            content = getattr(value, field)
            if field == "account":
                found.add(self._router.line(content).name)
            elif field == "order_id" and (order := self._ledger.find(content)) is not None:
                found.add(order.account)
            elif isinstance(content, msgspec.Struct):
                found |= self._named(content)
            elif isinstance(content, tuple):
                found.update(*(self._named(one) for one in content if isinstance(one, msgspec.Struct)))
        return found
