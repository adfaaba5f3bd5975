"""Legs of an option strategy as contracts: from a template, by hand, or from positions; and their saved form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from openalgo_lab.engine.option_data.contracts import ChainContracts
from openalgo_lab.model.errors import InputError, StoreError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.portfolio import Position
from openalgo_lab.model.symbols import format_strike
from openalgo_lab.model.vocabulary import InstrumentType, Side
from openalgo_lab.options.templates import Template, TemplateLeg

if TYPE_CHECKING:
    from openalgo_lab.store.instruments import InstrumentStore

__all__ = [
    "DRAFT",
    "SavedBook",
    "SavedStrategy",
    "StrategyLeg",
    "legs_of_positions",
    "legs_of_template",
    "template_width",
]

_WIDTH: Final = 0.004  # of the level: 100 of NIFTY's 25,000
_MOST: Final = 200
_FILE: Final = "strategies.json"
DRAFT: Final = "Draft"
"""Name of the strategy that is gathered leg by leg from the chain."""


class StrategyLeg(msgspec.Struct, frozen=True):
    """One contract: signed units (bought +), ``entry`` and ``exit`` in rupees a unit, None while not traded."""

    key: InstrumentKey
    quantity: int
    entry: float | None = None
    exit: float | None = None

    @property
    def side(self) -> Side:
        """BUY or SELL."""
        return Side.BUY if self.quantity > 0 else Side.SELL


class SavedStrategy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A strategy in the book; ``created_ns`` UTC."""

    name: str
    underlying: str
    legs: tuple[StrategyLeg, ...]
    created_ns: int = 0
    note: str = ""


class SavedBook:
    """The strategies of one profile: one small JSON file, written aside and renamed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def load(self) -> dict[str, SavedStrategy]:
        """All by name. StoreError for a file that cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, SavedStrategy])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(
                f"The strategies in {self._path} cannot be read ({error}): repair or delete that file."
            ) from error

    def save(self, strategy: SavedStrategy) -> None:
        """Keep it under its name, replacing one of the same name. InputError without name or legs."""
        if not strategy.name.strip() or not strategy.legs:
            raise InputError("A strategy needs a name and at least one leg to be saved.", field="name")
        book = self.load() | {strategy.name: strategy}
        if len(book) > _MOST:
            raise InputError(f"The book keeps at most {_MOST} strategies: delete some first.", field="name")
        self._write(book)

    def add_to_draft(self, underlying: str, leg: StrategyLeg) -> SavedStrategy:
        """Put one more leg into the draft that the builder opens with; a leg on another underlying begins a new one.

        The opposite of a leg that is there already takes it out again.
        """
        draft = self.load().get(DRAFT)
        legs = draft.legs if draft is not None and draft.underlying == underlying else ()
        gone = [old for old in legs if old.key == leg.key and old.quantity == -leg.quantity]
        legs = tuple(old for old in legs if old is not gone[0]) if gone else (*legs, leg)
        changed = SavedStrategy(DRAFT, underlying, legs)
        self._write(
            {name: one for name, one in self.load().items() if name != DRAFT} | ({DRAFT: changed} if legs else {})
        )
        return changed

    def delete(self, name: str) -> None:
        """Take it out. InputError for a name that is not there."""
        book = self.load()
        if book.pop(name, None) is None:
            raise InputError(f"There is no saved strategy {name!r}: choose from {', '.join(book) or 'none'}.", "name")
        self._write(book)

    def _write(self, book: dict[str, SavedStrategy]) -> None:
        scratch = self._path.with_suffix(".part")
        try:
            scratch.write_bytes(msgspec.json.format(msgspec.json.encode(book)))
            scratch.replace(self._path)
        except OSError as error:
            raise StoreError(f"The strategies cannot be saved in {self._path}: {error.strerror}.") from error


def template_width(contracts: ChainContracts, level: float) -> int:
    """Listed strikes a template's step spans: about 0.4 % of the level, at least one."""
    strikes = contracts.strikes
    if len(strikes) < 2:
        return 1
    near = int(abs(strikes - level).argmin())
    step = float(strikes[min(near + 1, len(strikes) - 1)] - strikes[max(near - 1, 0)]) / 2
    return max(round(level * _WIDTH / step), 1) if step > 0 else 1


def legs_of_template(
    template: Template, chains: Sequence[ChainContracts], level: float, *, lots: int = 1, width: int | None = None
) -> tuple[StrategyLeg, ...]:
    """The template's legs at ``level`` (rupees) in ``chains``: the chosen expiry and, if it needs it, the one after.

    ``width``: listed strikes a step of the template, None for about 0.4 % of the level. Raises InputError for a strike
    or an expiry that is not listed.
    """
    if lots < 1:
        raise InputError(f"{lots} lots cannot be traded: give at least 1.", field="lots")
    if not math.isfinite(level):
        raise InputError("No price of the underlying is known yet, so no strikes can be chosen: wait for the feed.")
    if template.spans_expiries and len(chains) < 2:
        raise InputError(f"{template.title} needs a later expiry, and none is listed: choose a nearer one.", "expiry")
    steps = template_width(chains[0], level) if width is None else width
    atm = float(chains[0].strikes[int(abs(chains[0].strikes - level).argmin())])
    return tuple(_leg(template, leg, chains[leg.expiry], (atm, steps), lots) for leg in template.legs)


def _leg(
    template: Template, leg: TemplateLeg, chain: ChainContracts, grid: tuple[float, int], lots: int
) -> StrategyLeg:
    """``grid``: the strike at the money of the chosen expiry, and listed strikes a step."""
    atm, width = grid
    if leg.kind is InstrumentType.FUT:
        if chain.future is None:
            raise InputError(
                f"{template.title} needs a future of this expiry, and none is listed: choose a monthly one."
            )
        return StrategyLeg(chain.future.key, leg.ratio * lots * chain.future.lot_size)
    index = int(abs(chain.strikes - atm).argmin()) + leg.steps * width
    found = chain.at(index, leg.kind) if 0 <= index < len(chain) else None
    if found is None:
        lowest, highest = (format_strike(float(strike)) for strike in (chain.strikes[0], chain.strikes[-1]))
        raise InputError(
            f"{template.title} needs strikes beyond the listed {lowest} to {highest}: make it narrower.", field="width"
        )
    return StrategyLeg(found.key, leg.ratio * lots * found.lot_size)


def legs_of_positions(
    store: InstrumentStore, positions: Iterable[Position]
) -> dict[str, tuple[tuple[Instrument, StrategyLeg], ...]]:
    """Open positions by underlying: futures and options by theirs, shares by their own symbol."""
    found: dict[str, list[tuple[Instrument, StrategyLeg]]] = {}
    for position in positions:
        item = store.find(InstrumentKey(position.exchange, position.symbol)) if position.quantity else None
        if item is not None and item.tradable:
            leg = StrategyLeg(item.key, position.quantity * position.multiplier, position.average_price)
            found.setdefault(item.underlying or item.symbol, []).append((item, leg))
    return {name: tuple(legs) for name, legs in sorted(found.items())}
