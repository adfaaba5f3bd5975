"""A live position: its quantity follows the fills, its profit the market."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from openalgo_lab.lab.shown import Cell, Shown, amount, rupees
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.portfolio import Position

if TYPE_CHECKING:
    from openalgo_lab.lab.outcome import Outcome
    from openalgo_lab.lab.trading import TradingCalls

__all__ = ["LivePosition"]


class LivePosition(Shown):
    """Net position of one account, instrument and product. Rupees, without charges."""

    __slots__ = ("_first", "_lab")

    def __init__(self, lab: TradingCalls, position: Position) -> None:
        self._lab = lab
        self._first = position

    @property
    def key(self) -> InstrumentKey:
        """Its instrument."""
        return InstrumentKey(self._first.exchange, self._first.symbol)

    @property
    def now(self) -> Position:
        """The position at this moment: one immutable value."""
        return next((held for held in self._lab._handle.books.positions if _same(held, self._first)), self._first)

    @property
    def quantity(self) -> int:
        """Signed units; 0 = flat."""
        return self.now.quantity

    @property
    def average(self) -> float:
        """Average price of what is open; 0 when flat."""
        return self.now.average_price

    @property
    def ltp(self) -> float:
        """Last traded price; NaN while none is known."""
        quote = self._lab._handle.board.quote(self.key)
        return math.nan if quote is None else quote.ltp

    @property
    def unrealised(self) -> float:
        """Profit if closed at the last price; 0 when flat, NaN while no price is known."""
        now, ltp = self.now, self.ltp
        if not now.quantity:
            return 0.0
        return math.nan if math.isnan(ltp) else rupees(now.unrealised_paise(ltp))

    @property
    def realised(self) -> float:
        """Today's realised profit."""
        return rupees(self.now.realised_paise)

    @property
    def pnl(self) -> float:
        """Realised and unrealised profit."""
        return self.realised + self.unrealised

    def close(self) -> Outcome:
        """Close it at market, sliced at the freeze quantity."""
        held = self._first
        return self._lab.close_position(self.key, product=held.product, account=held.account)

    async def close_async(self) -> Outcome:
        """The same for ``await``."""
        held = self._first
        return await self._lab.close_position_async(self.key, product=held.product, account=held.account)

    def __repr__(self) -> str:
        now = self.now
        return (
            f"<Position {self.key} {now.product} {now.quantity:+d} @ {amount(now.average_price)}, "
            f"profit {amount(self.pnl)}>"
        )

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        headers = ("symbol", "product", "quantity", "average", "ltp", "unrealised", "realised")
        row = (
            str(self.key), self._first.product.value, self.quantity, self.average, self.ltp, self.unrealised,
            self.realised,
        )  # fmt: skip
        return "", headers, [row]


def _same(one: Position, other: Position) -> bool:
    return (one.symbol, one.exchange, one.product, one.account) == (
        other.symbol,
        other.exchange,
        other.product,
        other.account,
    )
