"""What a running strategy must know again after its process has died: orders, lots, levels, groups, own state."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from openalgo_lab.backtest.account import Lot, Trade
from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import PriceType, Side
from openalgo_lab.strategy.orders import NO_PROTECTION, Protection, StrategyOrder

if TYPE_CHECKING:
    from openalgo_lab.lab.strategy_host import LiveHost

__all__ = ["Saved", "SavedLevels", "SavedOrder", "load_state", "made_lot", "made_order", "save_state", "saved_of"]


class SavedOrder(msgspec.Struct, frozen=True):
    """One of the strategy's orders; ``key`` "" where it was refused before it was given."""

    number: int
    key: str
    order_id: str
    symbol: str
    side: Side
    quantity: int
    price_type: PriceType
    price: float
    trigger: float
    protection: Protection
    tag: str
    placed_ns: int
    status: OrderStatus
    filled: int
    average: float
    value_paise: int
    charges_paise: int
    why: int
    reason: str


class SavedLevels(msgspec.Struct, frozen=True):
    """What guards a position; None where there is no level."""

    levels: Protection
    stop: float | None
    target: float | None
    best: float | None
    trailed: bool


class SavedLot(msgspec.Struct, frozen=True):
    """Units that are held."""

    units: int
    price: float
    value: int
    charges: int
    row: int
    step: int
    order: int
    tag: str


class Saved(msgspec.Struct, frozen=True):
    """The whole. Sums in paise; ``marks`` are the last closes by symbol."""

    name: str
    run_id: str
    started_ns: int
    saved_ns: int
    start_cash: int
    cash: int
    charges: int
    orders: tuple[SavedOrder, ...] = ()
    booked: tuple[tuple[str, str], ...] = ()
    lots: dict[str, tuple[SavedLot, ...]] = {}
    levels: dict[str, SavedLevels] = {}
    trades: tuple[dict[str, Any], ...] = ()
    times: tuple[int, ...] = ()
    marks: dict[str, float] = {}
    groups: tuple[dict[str, Any], ...] = ()
    state: dict[str, Any] = {}

    @property
    def worth(self) -> int:
        """Paise of cash and positions at the last closes."""
        held = ((self.marks.get(symbol), lot) for symbol, lots in self.lots.items() for lot in lots)
        return self.cash + sum(lot.units * round((mark or lot.price) * 100) for mark, lot in held)


def save_state(path: Path, saved: Saved) -> None:
    """Write it, whole or not at all, before anything else happens. Raises StoreError."""
    draft = path.with_name(path.name + ".new")
    body = msgspec.json.encode(saved)
    try:
        with draft.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o600)
        draft.replace(path)
    except OSError as error:
        raise StoreError(
            f"The strategy's state cannot be kept in {path} ({error.strerror}): check the disk."
        ) from error


def load_state(path: Path) -> Saved | None:
    """The state that was kept; None where there is none. Raises StoreError for a file that is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Saved)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(f"{path} cannot be read ({error}): move it away to begin afresh.") from error


def saved_of(host: LiveHost, name: str, started_ns: int, ids: dict[str, str]) -> Saved:
    """All that must be known again of a run. ``ids``: the engine's order ids by key."""
    account, held = host.book.account, host.book.account.holdings
    return Saved(
        name, host.run_id, started_ns, host.now_ns, account.start, account.cash, account.charges,
        orders=tuple(saved_order(host, order, ids) for order in host.orders),
        booked=tuple(sorted(host.booked)),
        lots={symbol: tuple(map(saved_lot, one.lots)) for symbol, one in held.items() if one.lots},
        levels={symbol: guard.kept() for symbol, guard in host.guards.items() if guard.armed},
        trades=tuple(map(saved_trade, account.trades)),
        times=tuple(host.book.times),
        marks=host.marks(),
        groups=tuple(group.kept() for group in host.strategy.groups),
        state=dict(host.strategy.state),
    )  # fmt: skip


def saved_order(host: LiveHost, order: StrategyOrder, ids: dict[str, str]) -> SavedOrder:
    """An order as it is kept."""
    key = host.key_of(order)
    return SavedOrder(
        order.number, key, ids.get(key, ""), order.symbol, order.side, order.quantity, order.price_type, order.price,
        order.trigger, order.protection, order.tag, order.placed_ns, order.status, order.filled, order.average,
        order.value_paise, order.charges_paise, host.reason_of(order), order.reason,
    )  # fmt: skip


def made_order(kept: SavedOrder) -> StrategyOrder:
    """The order again."""
    protection = kept.protection if kept.protection != Protection() else NO_PROTECTION
    order = StrategyOrder(
        kept.number, kept.symbol, kept.side, kept.quantity, kept.price_type, price=kept.price, trigger=kept.trigger,
        protection=protection, tag=kept.tag, placed_ns=kept.placed_ns,
    )  # fmt: skip
    order.status, order.reason = kept.status, kept.reason
    order.filled, order.average = kept.filled, kept.average
    order.value_paise, order.charges_paise = kept.value_paise, kept.charges_paise
    return order


def saved_lot(lot: Lot) -> SavedLot:
    """A lot as it is kept."""
    return SavedLot(lot.units, lot.price, lot.value, lot.charges, lot.row, lot.step, lot.order, lot.tag)


def made_lot(kept: SavedLot) -> Lot:
    """The lot again."""
    return Lot(**msgspec.structs.asdict(kept))


def saved_trade(trade: Trade) -> dict[str, Any]:
    """A trade as it is kept."""
    kept: dict[str, Any] = msgspec.to_builtins(trade)
    return kept
