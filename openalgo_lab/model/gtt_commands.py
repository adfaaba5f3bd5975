"""Good-till-triggered orders as the engine knows them: native at the broker where it can, else watched here."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

__all__ = ["AnyGttCommand", "CancelGtt", "GetGtts", "GttOrder", "ModifyGtt", "PlaceGtt", "WatchedLeg"]


class LegState(StrEnum):
    """Where one trigger stands. TRIGGERING: its order is being placed."""

    PENDING = "pending"
    TRIGGERING = "triggering"
    TRIGGERED = "triggered"
    CANCELLED = "cancelled"


class WatchedLeg(msgspec.Struct, frozen=True):
    """A trigger and its order. ``above``: fires at or above the trigger, else at or below. ``attempts`` were made."""

    trigger_price: float
    above: bool
    price: float
    price_type: PriceType
    state: LegState = LegState.PENDING
    order_id: str = ""
    attempts: int = 0


class GttOrder(msgspec.Struct, frozen=True):
    """One of ours. Rupees, units, UTC ns. ``native``: it rests at the broker under ``broker_gtt_id``."""

    gtt_id: str
    account: str
    exchange: Exchange
    symbol: str
    side: Side
    product: Product
    quantity: int
    legs: tuple[WatchedLeg, ...]
    status: GttStatus
    created_ns: int
    updated_ns: int
    expires_ns: int
    strategy: str = ""
    native: bool = False
    broker_gtt_id: str = ""
    reason: str = ""
    tag: str = ""


class PlaceGtt(Command[GttOrder], frozen=True, tag="place_gtt"):
    """One trigger, or two of which the first that fires cancels the other (OCO): same side for both.

    ``trigger_below`` fires at or below, ``trigger_above`` at or above; 0 is none. ``price_below`` and ``price_above``
    are the limits of their orders, 0 with MARKET. ``expires_ns`` 0: in 365 days. ``watch``: by the engine even where
    the broker has its own.
    """

    exchange: Exchange
    symbol: str
    side: Side
    quantity: int
    product: Product
    trigger_below: float = 0.0
    price_below: float = 0.0
    trigger_above: float = 0.0
    price_above: float = 0.0
    price_type: PriceType = PriceType.LIMIT
    expires_ns: int = 0
    strategy: str = ""
    account: str = ""
    watch: bool = False
    tag: str = ""


class ModifyGtt(Command[GttOrder], frozen=True, tag="modify_gtt"):
    """New triggers, prices, quantity; None stays. Shape, symbol and side cannot change."""

    gtt_id: str
    quantity: int | None = None
    trigger_below: float | None = None
    price_below: float | None = None
    trigger_above: float | None = None
    price_above: float | None = None


class CancelGtt(Command[GttOrder], frozen=True, tag="cancel_gtt"):
    """End one. One that has ended is the answer."""

    gtt_id: str


class GetGtts(Command[tuple[GttOrder, ...]], frozen=True, tag="get_gtts"):
    """The active ones, or all that are remembered, oldest first."""

    account: str = ""
    active_only: bool = True


AnyGttCommand = PlaceGtt | ModifyGtt | CancelGtt | GetGtts
"""Every command of this module."""
