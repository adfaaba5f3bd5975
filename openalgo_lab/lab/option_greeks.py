"""Greeks of contracts as they were answered: a sequence that shows as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, overload

from openalgo_lab.lab.frames import frame_of
from openalgo_lab.lab.shown import Cell, Shown, text_table
from openalgo_lab.model.option_commands import OptionGreeks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GreeksBook"]

_FIGURES: Final = ("ltp", "iv", "delta", "gamma", "theta", "vega", "rho")
_HEADERS: Final = ("symbol", *_FIGURES, "forward", "note")


class GreeksBook(Shown, Sequence[OptionGreeks]):
    """In the order asked. Volatility in per cent; theta a calendar day, vega a volatility point, rho a per cent."""

    def __init__(self, found: Sequence[OptionGreeks]) -> None:
        self._found = tuple(found)

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> OptionGreeks: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[OptionGreeks]: ...

    def __getitem__(self, index: int | slice) -> OptionGreeks | Sequence[OptionGreeks]:
        return self._found[index]

    @property
    def frame(self) -> pd.DataFrame:
        """One contract a row, indexed by symbol."""
        columns: Mapping[str, Sequence[Any]] = {
            "symbol": [one.key.symbol for one in self],
            "strike": [one.strike for one in self],
            "kind": [one.kind.value for one in self],
            "days": [one.days for one in self],
            **{name: [getattr(one.figures, name) for one in self] for name in _FIGURES},
            "forward": [one.forward for one in self],
            "forward_source": [one.forward_source for one in self],
            "note": [one.figures.note for one in self],
        }
        return frame_of(columns, "symbol")

    def __repr__(self) -> str:
        return text_table(_HEADERS, self._rows())

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "Option Greeks", _HEADERS, self._rows()

    def _rows(self) -> list[tuple[Cell, ...]]:
        return [
            (
                one.key.symbol,
                *(getattr(one.figures, name) for name in _FIGURES),
                f"{one.forward or 0:,.2f} ({one.forward_source})",
                one.figures.note,
            )
            for one in self
        ]
