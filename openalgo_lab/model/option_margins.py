"""Scan ranges and exposure margins of futures and options by date: what a margin estimate stands on."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Literal

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.tables import DatedRow, in_force, read_table

__all__ = ["OptionMarginRow", "option_margin_rates"]

_FILE = "option_margins.json"


class OptionMarginRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """option_margins.json. Per cent of the notional: ``scan`` the price scan range, ``exposure`` the extreme-loss
    margin (``far_exposure`` when a sold option is more than ``far_from`` per cent out of the money), ``expiry_day`` on
    top of it for index options sold on their own expiry day, ``calendar`` the charge on the later expiry.
    ``calendar_on_expiry``: whether an expiring leg still counts against a later one on its last day.
    """

    group: Literal["index", "stock"]
    scan: float
    exposure: float
    far_exposure: float
    far_from: float
    expiry_day: float
    calendar: float
    calendar_on_expiry: bool


def option_margin_rates(on: date, *, is_index: bool) -> OptionMarginRow:
    """The row in force. Raises RuleError for a day before the table begins."""
    group = "index" if is_index else "stock"
    found = in_force((row for row in _rows() if row.group == group), on)
    if found is None:
        raise RuleError(f"No row for {group} {on} in the table {_FILE}: its rates begin on 2021-09-01.")
    return found


@cache
def _rows() -> tuple[OptionMarginRow, ...]:
    return read_table(_FILE, OptionMarginRow)
