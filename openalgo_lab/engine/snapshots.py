"""What an account held, written into its journal now and then: a restart knows it before the broker has answered."""

from __future__ import annotations

import asyncio
from typing import Final

from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.router import Line, Router
from openalgo_lab.store.journal_records import Snapshotted

__all__ = ["Snapshots"]

EVERY_S: Final = 300.0


class Snapshots:
    """One engine's. On its loop; one is written only when something changed since the last."""

    def __init__(self, ledger: Ledger, router: Router) -> None:
        self._ledger = ledger
        self._router = router
        self._last: dict[str, Snapshotted] = {}

    async def keep(self) -> None:
        """Write them until the engine ends."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.take_all()

    def take_all(self) -> None:
        """One of each account that has been compared with its broker's books."""
        for line in self._router.lines:
            if line.open:
                self._take(line)

    def _take(self, line: Line) -> None:
        books, name = self._ledger.books, line.name
        taken = Snapshotted(
            account=name,
            positions=tuple(one for one in books.positions if one.account == name),
            holdings=tuple(one for one in books.holdings if one.account == name),
            funds=next((one for one in books.funds if one.account == name), None),
        )
        if self._last.get(name) != taken:
            self._last[name] = taken
            line.journal.append(taken)
