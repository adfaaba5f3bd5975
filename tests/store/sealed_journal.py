"""An order journal inside a vault, for tests that write to it and look what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from openalgo_lab.model.orders import OrderIntent
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.store.journal import SqliteJournal
from openalgo_lab.store.journal_opening import open_journal
from openalgo_lab.store.journal_records import Intended
from openalgo_lab.store.vault import Vault

__all__ = ["DAY", "INTENT", "JOURNAL", "found", "intended", "opened"]

DAY = date(2026, 11, 25)
JOURNAL = "sim.journal.db"
INTENT = OrderIntent("OID1", "A", Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS, PriceType.MARKET)


def opened(folder: Path, vault: Vault | None) -> SqliteJournal:
    noon = day_bounds_ns(DAY)[0] + 12 * 3_600_000_000_000
    return open_journal(folder / JOURNAL, vault.sealed if vault else None, day=DAY, now_ns=lambda: noon)


async def intended(folder: Path, vault: Vault | None, orders: Sequence[str]) -> None:
    """Write an intent for each order, one after the other."""
    journal = opened(folder, vault)
    for order in orders:
        await journal.intend(msgspec.structs.replace(INTENT, order_id=order))
    await journal.close()


async def found(folder: Path, vault: Vault | None) -> tuple[list[str], str]:
    """Orders that stand in the journal, and its notice."""
    journal = opened(folder, vault)
    orders = [record.order for record in journal.replay() if isinstance(record, Intended)]
    await journal.close()
    return orders, journal.notice
