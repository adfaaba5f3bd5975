"""The live books: orders, trades, positions, holdings, funds. Each look shows the present."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import msgspec

from openalgo_lab.lab.frames import frame_of, ist_times
from openalgo_lab.lab.order import LiveOrder
from openalgo_lab.lab.position import LivePosition
from openalgo_lab.lab.shown import Cell, Shown, amount, rupees, text_table
from openalgo_lab.model.orders import Fill, Order
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.times import format_ist
from openalgo_lab.model.vocabulary import Mode

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.trading import TradingCalls

__all__ = ["FundsBook", "HoldingsBook", "OrdersBook", "PositionsBook", "TradesBook"]

T = TypeVar("T")


class _Book(Shown, Sequence[T], Generic[T]):
    """A sequence that is read anew at every look."""

    _headers: tuple[str, ...] = ()
    _name = ""

    def __init__(self, lab: TradingCalls) -> None:
        self._lab = lab

    def _items(self) -> Sequence[T]:
        raise NotImplementedError

    def _cells(self, item: T) -> Sequence[Cell]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[T]:
        return iter(self._items())

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items()[index]

    def __repr__(self) -> str:
        items = self._items()
        if not items:
            return f"No {self._name}."
        return text_table(self._headers, [self._cells(item) for item in items])

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        items = self._items()
        caption = "" if items else f"No {self._name}."
        return caption, self._headers, [self._cells(item) for item in items]


class OrdersBook(_Book[LiveOrder]):
    """Orders of the day, oldest first; ``lab.orders["ID"]`` finds one, ``lab.orders.working`` the open ones."""

    _name = "orders"
    _headers = ("order", "symbol", "side", "quantity", "filled", "price", "average", "status", "reason", "time (IST)")

    def _items(self) -> Sequence[LiveOrder]:
        return [LiveOrder(self._lab, order) for order in self._lab.books.orders]

    def __getitem__(self, index: int | slice | str) -> Any:
        if isinstance(index, str):
            return self._lab.order(index)
        return super().__getitem__(index)

    @property
    def working(self) -> tuple[LiveOrder, ...]:
        """Those alive at the broker."""
        return tuple(order for order in self._items() if order.is_working)

    @property
    def frame(self) -> pd.DataFrame:
        """One row an order, indexed by order id; times are Indian."""
        orders = self._lab.books.orders
        names = [name for name in Order.__struct_fields__ if not name.endswith("_ns")]
        frame = _frame(orders, names, "order_id")
        for name in ("created", "sent", "acked", "updated"):
            frame[name] = ist_times([getattr(order, f"{name}_ns") for order in orders])
        return frame

    def _cells(self, item: LiveOrder) -> Sequence[Cell]:
        now = item.now
        return (
            now.order_id, str(item.key), now.side.value, now.quantity, now.filled_quantity,
            amount(now.price) if now.price_type.has_price else now.price_type.value,
            amount(now.average_price) if now.filled_quantity else "", now.status.value, now.reason,
            format_ist(now.created_ns)[11:],
        )  # fmt: skip


class TradesBook(_Book[Fill]):
    """Fills of the day, oldest first."""

    _name = "trades"
    _headers = ("trade", "order", "symbol", "side", "quantity", "price", "time (IST)")

    def _items(self) -> Sequence[Fill]:
        return self._lab.books.fills

    @property
    def frame(self) -> pd.DataFrame:
        """One row a fill."""
        fills = self._lab.books.fills
        frame = _frame(fills, [name for name in Fill.__struct_fields__ if name != "time_ns"], "trade_id")
        frame["time"] = ist_times([fill.time_ns for fill in fills])
        return frame

    def _cells(self, item: Fill) -> Sequence[Cell]:
        symbol, time = f"{item.exchange}:{item.symbol}", format_ist(item.time_ns)[11:]
        return item.trade_id, item.order_id, symbol, item.side.value, item.quantity, item.price, time


class PositionsBook(_Book[LivePosition]):
    """Net positions of the day, the closed ones too; profit follows the live price."""

    _name = "positions"
    _headers = ("symbol", "product", "quantity", "average", "ltp", "unrealised", "realised")

    def _items(self) -> Sequence[LivePosition]:
        positions = [LivePosition(self._lab, position) for position in self._lab.books.positions]
        self._lab._want_prices({item.key for item in positions if item.quantity})
        return positions

    def __getitem__(self, index: int | slice | str) -> Any:
        if isinstance(index, str):
            for position in self._items():
                if index.upper() in (position.key.symbol, str(position.key)):
                    return position
            raise KeyError(index)
        return super().__getitem__(index)

    @property
    def open(self) -> tuple[LivePosition, ...]:
        """Those that are not flat."""
        return tuple(position for position in self._items() if position.quantity)

    @property
    def pnl(self) -> float:
        """Realised and unrealised profit of all, rupees without charges; NaN while a price is missing."""
        return math.fsum(position.pnl for position in self._items())

    @property
    def frame(self) -> pd.DataFrame:
        """One row a position, with ltp, unrealised and realised profit in rupees."""
        items = self._items()
        columns: dict[str, Sequence[object]] = {
            "symbol": [item.key.symbol for item in items],
            "exchange": [item.key.exchange.value for item in items],
            "account": [item.now.account for item in items],
            "product": [item.now.product.value for item in items],
            "quantity": [item.quantity for item in items],
            "average": [item.average for item in items],
            "ltp": [item.ltp for item in items],
            "unrealised": [item.unrealised for item in items],
            "realised": [item.realised for item in items],
        }
        return frame_of(columns, "symbol")

    def _cells(self, item: LivePosition) -> Sequence[Cell]:
        product = item.now.product.value
        return str(item.key), product, item.quantity, item.average, item.ltp, item.unrealised, item.realised


class HoldingsBook(_Book[Holding]):
    """Shares in the demat account."""

    _name = "holdings"
    _headers = ("symbol", "quantity", "average", "account")

    def _items(self) -> Sequence[Holding]:
        return self._lab.books.holdings

    @property
    def frame(self) -> pd.DataFrame:
        """One row a holding."""
        return _frame(self._lab.books.holdings, Holding.__struct_fields__, "symbol")

    def _cells(self, item: Holding) -> Sequence[Cell]:
        return f"{item.exchange}:{item.symbol}", item.quantity, item.average_price, item.account


_PAISE = tuple(name for name in Funds.__struct_fields__ if name.endswith("_paise"))


class FundsBook(_Book[Funds]):
    """Money by account; ``available`` and ``used`` are those of the default account, in rupees."""

    _name = "funds"
    _headers = ("account", "available ₹", "used ₹", "collateral ₹", "realised ₹", "unrealised ₹")

    def _items(self) -> Sequence[Funds]:
        return self._lab.books.funds

    @property
    def now(self) -> Funds:
        """The default account's money, in paise; raises KeyError while it is not known."""
        account = self._lab.handle.status.default_account
        for funds in self._items():
            if funds.account == account:
                return funds
        raise KeyError(account)

    @property
    def available(self) -> float:
        """Rupees free for orders."""
        return rupees(self.now.available_paise)

    @property
    def used(self) -> float:
        """Rupees blocked as margin."""
        return rupees(self.now.used_paise)

    @property
    def total(self) -> Funds:
        """All accounts together, in paise: of those with real money while any is connected, else of the paper ones."""
        real = {one.account for one in self._lab.handle.status.accounts if one.mode is Mode.LIVE}
        chosen = [one for one in self._items() if one.account in real or not real]
        sums = {name: sum(getattr(one, name) for one in chosen) for name in _PAISE}
        return Funds(account="all", **sums)

    @property
    def frame(self) -> pd.DataFrame:
        """One row an account, in rupees."""
        items = self._items()
        columns: dict[str, Sequence[object]] = {"account": [item.account for item in items]}
        columns |= {name.removesuffix("_paise"): [rupees(getattr(item, name)) for item in items] for name in _PAISE}
        return frame_of(columns, "account")

    def _cells(self, item: Funds) -> Sequence[Cell]:
        paise = item.available_paise, item.used_paise, item.collateral_paise, item.realised_paise, item.unrealised_paise
        return item.account, *map(rupees, paise)


def _frame(items: Sequence[msgspec.Struct], names: Sequence[str], index: str) -> pd.DataFrame:
    return frame_of({name: [_plain(getattr(item, name)) for item in items] for name in names}, index)


def _plain(value: object) -> object:
    """Words of the vocabulary as plain text: they compare and group as such anyway."""
    return str(value) if isinstance(value, str) else value
