"""Positions from fills: average-cost, per (account, exchange, symbol, product), in the exchange's order of trades."""

from __future__ import annotations

from bisect import insort

import msgspec

from openalgo_lab.model.orders import Fill
from openalgo_lab.model.portfolio import Position
from openalgo_lab.model.reports import PositionReport
from openalgo_lab.model.vocabulary import Exchange, Product

__all__ = ["PositionBook", "PositionKey", "fold", "opening_before"]


class PositionKey(msgspec.Struct, frozen=True, order=True):
    """What is netted together."""

    account: str
    exchange: Exchange
    symbol: str
    product: Product

    @classmethod
    def of(cls, fill: Fill) -> PositionKey:
        """Where a fill belongs."""
        return cls(fill.account, fill.exchange, fill.symbol, fill.product)


class _Line:
    """One position: where the day began, its trades in the exchange's order, and what they come to."""

    __slots__ = ("fills", "opening", "position")

    def __init__(self, opening: Position) -> None:
        self.opening = opening
        self.fills: list[tuple[int, str, Fill]] = []
        self.position = opening

    def add(self, fill: Fill) -> None:
        item = (fill.time_ns, fill.trade_id, fill)
        if not self.fills or self.fills[-1][:2] < item[:2]:
            self.fills.append(item)
            self.position = fold(self.position, fill)
        else:
            insort(self.fills, item, key=lambda entry: entry[:2])
            self._fold_again()

    def remove(self, fill: Fill) -> None:
        self.fills.remove((fill.time_ns, fill.trade_id, fill))
        self._fold_again()

    def open_with(self, opening: Position) -> None:
        self.opening = opening
        self._fold_again()

    def _fold_again(self) -> None:
        position = self.opening
        for _, _, fill in self.fills:
            position = fold(position, fill)
        self.position = position


class PositionBook:
    """All positions of all accounts. A trade that is put twice must be taken out first (the ledger keys them)."""

    def __init__(self) -> None:
        self._lines: dict[PositionKey, _Line] = {}

    def put(self, fill: Fill) -> Position:
        """Add a trade; answers the position it makes."""
        line = self._line(PositionKey.of(fill))
        line.add(fill)
        return line.position

    def take_out(self, fill: Fill) -> None:
        """Remove a trade of which a better report has come."""
        self._line(PositionKey.of(fill)).remove(fill)

    def open_with(self, account: str, report: PositionReport) -> Position:
        """What the account held before the first of its trades that are known here."""
        key = PositionKey(account, report.exchange, report.symbol, report.product)
        line = self._line(key)
        flat = _flat(key)
        line.open_with(msgspec.structs.replace(flat, quantity=report.quantity, average_price=report.average_price))
        return line.position

    def forget(self, account: str) -> None:
        """All positions of an account that begins anew."""
        self._lines = {key: line for key, line in self._lines.items() if key.account != account}

    def find(self, key: PositionKey) -> Position | None:
        """The position, if there ever was one."""
        line = self._lines.get(key)
        return line.position if line is not None else None

    def opening(self, key: PositionKey) -> Position | None:
        """What the position was before its first trade, if there ever was one."""
        line = self._lines.get(key)
        return line.opening if line is not None else None

    def fills(self, key: PositionKey) -> tuple[Fill, ...]:
        """The trades that went into it, in the exchange's order."""
        line = self._lines.get(key)
        return tuple(fill for _, _, fill in line.fills) if line is not None else ()

    def all(self) -> tuple[Position, ...]:
        """Every position that was touched, flat ones too."""
        return tuple(line.position for line in self._lines.values())

    def _line(self, key: PositionKey) -> _Line:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(_flat(key))
        return line


def fold(position: Position, fill: Fill) -> Position:
    """The position after one more trade. Adding averages the price, reducing realises, crossing zero starts anew."""
    signed = fill.quantity * fill.side.sign
    before, after = position.quantity, position.quantity + signed
    average, realised = position.average_price, position.realised_paise
    if before * signed >= 0:
        average = (average * abs(before) + fill.price * fill.quantity) / abs(after) if after else 0.0
    else:
        closed = min(abs(before), fill.quantity)
        gain = (fill.price - average) * closed * (1 if before > 0 else -1)
        realised += round(gain * position.multiplier * 100)
        if before * after <= 0:
            average = fill.price if after else 0.0
    bought = fill.side.sign > 0
    value = round(fill.price * fill.quantity * position.multiplier * 100)
    return msgspec.structs.replace(
        position,
        quantity=after,
        average_price=average,
        realised_paise=realised,
        buy_quantity=position.buy_quantity + (fill.quantity if bought else 0),
        sell_quantity=position.sell_quantity + (0 if bought else fill.quantity),
        buy_value_paise=position.buy_value_paise + (value if bought else 0),
        sell_value_paise=position.sell_value_paise + (0 if bought else value),
    )


def opening_before(report: PositionReport, fills: tuple[Fill, ...]) -> PositionReport | None:
    """What was held before ``fills``, given what the broker says is held after them; None when it was flat.

    The average is exact as long as the trades only added; after a reduction it is the broker's own.
    """
    net = sum(fill.quantity * fill.side.sign for fill in fills)
    quantity = report.quantity - net
    if not quantity:
        return None
    average = report.average_price
    if fills and all(fill.side.sign * quantity > 0 for fill in fills):
        cost = report.average_price * abs(report.quantity) - sum(fill.price * fill.quantity for fill in fills)
        average = max(cost / abs(quantity), 0.0)
    return msgspec.structs.replace(report, quantity=quantity, average_price=average, realised_paise=0)


def _flat(key: PositionKey) -> Position:
    return Position(key.account, key.exchange, key.symbol, key.product, quantity=0, average_price=0.0)
