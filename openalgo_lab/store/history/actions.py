"""Corporate actions: a dated table of splits, bonus issues and dividends, kept as a CSV file that people may edit.

Columns: ``exchange, symbol, ex_date, kind, ratio, amount``. A split ``5:1`` gives five shares for one; a bonus ``1:2``
gives one free share for two that are held; a dividend has an amount in rupees a share. ``ex_date`` is the first day on
which a buyer no longer gets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.sheets import Sheet, read_sheet, write_sheet

__all__ = ["ActionKind", "ActionTable", "CorporateAction", "parse_ratio"]

_HEADS: Final = ("exchange", "symbol", "ex_date", "kind", "ratio", "amount")
_RATIO: Final = re.compile(r"([1-9][0-9]{0,3}) ?: ?([1-9][0-9]{0,3})")


class ActionKind(StrEnum):
    """What a company did to its share."""

    SPLIT = "split"
    BONUS = "bonus"
    DIVIDEND = "dividend"


class CorporateAction(msgspec.Struct, frozen=True, order=True):
    """One row. ``first:second`` is the ratio of a split (new : old) or a bonus (free : held), 0:0 for a dividend, whose
    ``amount`` is in rupees a share. Raises InputError for a row that cannot be.
    """

    key: InstrumentKey
    ex_date: date
    kind: ActionKind
    first: int = 0
    second: int = 0
    amount: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        has_ratio, has_amount = self.first > 0 and self.second > 0, self.amount.is_finite() and self.amount > 0
        if self.kind is ActionKind.DIVIDEND and (not has_amount or self.first or self.second):
            raise InputError("A dividend has an amount in rupees a share, above 0, and no ratio.", "amount")
        if self.kind is not ActionKind.DIVIDEND and (not has_ratio or self.amount):
            raise InputError(f"A {self.kind} has a ratio such as 2:1, and no amount.", "ratio")

    @property
    def shares(self) -> Fraction:
        """How many shares one share became; 1 for a dividend."""
        match self.kind:
            case ActionKind.SPLIT:
                return Fraction(self.first, self.second)
            case ActionKind.BONUS:
                return Fraction(self.first + self.second, self.second)
            case ActionKind.DIVIDEND:
                return Fraction(1)

    def __str__(self) -> str:
        what = f"₹{self.amount}" if self.kind is ActionKind.DIVIDEND else f"{self.first}:{self.second}"
        return f"{self.key} {self.ex_date} {self.kind} {what}"


def parse_ratio(text: str) -> tuple[int, int]:
    """``5:1`` → (5, 1). Raises InputError."""
    match = _RATIO.fullmatch(text.strip())
    if match is None:
        raise InputError(f"'{text}' is no ratio: write two whole numbers, such as 5:1.", "ratio")
    return int(match[1]), int(match[2])


class ActionTable:
    """The table of one profile, in ``file`` (``.csv``)."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def load(self) -> tuple[CorporateAction, ...]:
        """All rows in order; none before the first was added. Raises DecodeError that names the row and column."""
        return _decoded(read_sheet(self._file)) if self._file.exists() else ()

    def of(self, key: InstrumentKey) -> tuple[CorporateAction, ...]:
        """The rows of one share, in order of their dates."""
        return tuple(action for action in self.load() if action.key == key)

    def add(self, actions: Iterable[CorporateAction]) -> int:
        """Add rows; one that is there already is not added again. Answers how many were new.

        Raises InputError when a share would have two different splits or bonus issues on one day.
        """
        old = self.load()
        whole = tuple(sorted({*old, *actions}))
        _check_one_a_day(whole)
        self._save(whole)
        return len(whole) - len(old)

    def remove(self, action: CorporateAction) -> None:
        """Take a row out. Raises InputError when it is not there."""
        old = self.load()
        if action not in old:
            raise InputError(f"{action} is not in the table: look at its rows first.", "action")
        self._save(tuple(one for one in old if one != action))

    def take(self, file: Path) -> int:
        """Add the rows of a ``.csv`` or ``.xlsx`` file of the same columns. Answers how many were new.

        Raises InputError or DecodeError, which names the row and column; nothing is added then.
        """
        return self.add(_decoded(read_sheet(file)))

    def _save(self, actions: Iterable[CorporateAction]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_sheet(self._file, _HEADS, [_row(action) for action in actions])


def _row(action: CorporateAction) -> tuple[str, ...]:
    is_dividend = action.kind is ActionKind.DIVIDEND
    ratio, amount = ("", f"{action.amount:f}") if is_dividend else (f"{action.first}:{action.second}", "")
    return (action.key.exchange, action.key.symbol, action.ex_date.isoformat(), action.kind, ratio, amount)


def _check_one_a_day(actions: Iterable[CorporateAction]) -> None:
    seen: dict[tuple[InstrumentKey, date, ActionKind], CorporateAction] = {}
    for action in actions:
        if action.kind is ActionKind.DIVIDEND:
            continue  # an interim and a special dividend may fall on one day
        other = seen.setdefault((action.key, action.ex_date, action.kind), action)
        if other != action:
            raise InputError(f"{other} is in the table and {action} differs: remove the one that is wrong.", "ratio")


def _decoded(sheet: Sheet) -> tuple[CorporateAction, ...]:
    if lacking := [head for head in _HEADS[:4] if head not in sheet.heads]:
        raise DecodeError(f"{sheet.name} has no column {', '.join(lacking)}; it needs {', '.join(_HEADS)}.")
    columns = [sheet.column(head) for head in _HEADS]
    return tuple(
        sorted(
            {_action(sheet.name, line, row) for line, row in zip(sheet.lines, zip(*columns, strict=True), strict=True)}
        )
    )


def _action(name: str, line: int, row: tuple[str, ...]) -> CorporateAction:
    exchange, symbol, ex_date, kind, ratio, amount = row
    if not symbol:
        raise _wrong(name, line, "symbol", symbol, "a symbol such as SBIN")
    try:
        key = InstrumentKey(Exchange(exchange.upper()), symbol.upper())
    except ValueError:
        raise _wrong(name, line, "exchange", exchange, "NSE or BSE") from None
    try:
        day = date.fromisoformat(ex_date[:10] if ex_date[10:] == " 00:00:00" else ex_date)
    except ValueError:
        raise _wrong(name, line, "ex_date", ex_date, "a date such as 2026-01-31") from None
    try:
        what = ActionKind(kind.lower())
    except ValueError:
        raise _wrong(name, line, "kind", kind, "split, bonus or dividend") from None
    try:
        paid = Decimal(amount or "0")
    except InvalidOperation:
        raise _wrong(name, line, "amount", amount, "rupees a share, such as 12.50") from None
    try:
        first, second = parse_ratio(ratio) if ratio else (0, 0)
        return CorporateAction(key, day, what, first, second, paid)
    except InputError as error:
        raise DecodeError(f"Row {line} of {name}, column {error.field}: {error}") from error


def _wrong(name: str, line: int, column: str, text: str, want: str) -> DecodeError:
    return DecodeError(f"Row {line} of {name}, column {column}: '{text[:40]}' is not {want}; correct it.")
