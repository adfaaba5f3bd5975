"""Share derivatives end by delivery of the shares: the rules by date, and what a position comes to.

Rules: futures change hands at the settlement price, options in the money by a tick or more at their strike; options
out of the money lapse. Index derivatives settle in cash and have no row here.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import msgspec

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.symbols import ParsedSymbol
from openalgo_lab.model.tables import DatedRow, in_force, read_table
from openalgo_lab.model.vocabulary import InstrumentType, Side

__all__ = ["DeliveryRow", "Obligation", "delivery_rules", "obligation"]

_FILE = "delivery.json"


class DeliveryRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """delivery.json. ``steps``: per cent of the delivery margin by trading days that are left (0 = the last day);
    ``margin``: the delivery margin in per cent of the value delivered; ``close_out``: per cent over the settlement
    price at which the auction buys shares that are not there.
    """

    steps: dict[int, float]
    margin: float
    close_out: float

    def step_up(self, days_left: int) -> float:
        """Share (0 to 1) of the value delivered that an option in the money ties up so many days before its last."""
        return self.steps.get(days_left, 0.0) * self.margin / 10_000


class Obligation(msgspec.Struct, frozen=True):
    """Shares to take (BUY) or to give (SELL), at a price in rupees."""

    side: Side
    quantity: int
    price: float


def delivery_rules(on: date) -> DeliveryRow:
    """The row in force. Raises RuleError for a day before delivery began."""
    found = in_force(_rows(), on)
    if found is None:
        raise RuleError(f"No row for {on} in the table {_FILE}: share derivatives are delivered from 2019-10-01 on.")
    return found


def obligation(contract: ParsedSymbol, quantity: int, settlement: float) -> Obligation | None:
    """What ``quantity`` (signed units) of a share derivative comes to at a settlement price (rupees); None: nothing."""
    if not contract.is_option or contract.strike is None:
        return Obligation(Side.BUY if quantity > 0 else Side.SELL, abs(quantity), settlement) if quantity else None
    call = 1 if contract.kind is InstrumentType.CE else -1
    if not quantity or call * (settlement - contract.strike) <= 0:
        return None
    return Obligation(Side.BUY if quantity * call > 0 else Side.SELL, abs(quantity), contract.strike)


@cache
def _rows() -> tuple[DeliveryRow, ...]:
    return read_table(_FILE, DeliveryRow)
