"""Answers that people read: what was cancelled or closed, what an order would cost, what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from openalgo_lab.lab.frames import frame_of
from openalgo_lab.lab.shown import Cell, Shown, amount, rupees, text_table
from openalgo_lab.model.commands import CancelReply, MarginReply
from openalgo_lab.model.instruments import Instrument

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Margin", "Matches", "Outcome"]


class Outcome(Shown):
    """What became of a request for many orders: ids done, and (id, sentence) of those that failed."""

    def __init__(self, verb: str, reply: CancelReply) -> None:
        self._verb = verb
        self.done = reply.done
        self.failed = reply.failed

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def __repr__(self) -> str:
        failures = "".join(f"; {name} failed: {why}" for name, why in self.failed)
        return f"<{len(self.done)} {self._verb}{failures}>"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        rows = [(name, self._verb) for name in self.done]
        return f"{len(self.done)} {self._verb}, {len(self.failed)} failed", ("order", ""), [*rows, *self.failed]


class Margin(Shown):
    """What an order would take, in rupees, before it is placed. ``basis`` says which rule the estimate follows."""

    def __init__(self, reply: MarginReply) -> None:
        self.margin = rupees(reply.margin_paise)
        self.charges = rupees(reply.charges_paise)
        self.available = rupees(reply.available_paise)
        self.basis = reply.basis

    @property
    def enough(self) -> bool:
        """Whether the money is there."""
        return self.available >= 0

    def __repr__(self) -> str:
        return (
            f"<Margin {amount(self.margin)}, charges {amount(self.charges)}, leaves {amount(self.available)} available>"
        )

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        rows = [("margin ₹", self.margin), ("charges ₹", self.charges), ("leaves available ₹", self.available)]
        return self.basis, ("", ""), rows


class Matches(Shown, Sequence[Instrument]):
    """Instruments found, best first."""

    def __init__(self, found: Sequence[Instrument]) -> None:
        self._found = tuple(found)

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, index: int | slice) -> Instrument:  # type: ignore[override]  # a slice gives a tuple
        return self._found[index]  # type: ignore[return-value]

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._found)

    @property
    def frame(self) -> pd.DataFrame:
        """One row an instrument."""
        inner = ("token", "broker_symbol", "broker_token")
        names = [name for name in Instrument.__struct_fields__ if name not in inner]
        return frame_of({name: [_plain(getattr(item, name)) for item in self._found] for name in names}, "symbol")

    def __repr__(self) -> str:
        return text_table(_HEADERS, map(_cells, self._found)) if self._found else "Nothing found."

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "" if self._found else "Nothing found.", _HEADERS, [_cells(item) for item in self._found]


_HEADERS = ("symbol", "name", "kind", "lot", "tick", "expiry", "strike")


def _cells(item: Instrument) -> Sequence[Cell]:
    expiry = item.expiry.isoformat() if item.expiry else ""
    strike = amount(item.strike) if item.strike else ""
    return str(item.key), item.name, item.kind.value, item.lot_size, amount(item.tick_size), expiry, strike


def _plain(value: object) -> object:
    return str(value) if isinstance(value, str) else value
