"""The user's own limits, and commands to see and set them, to arm live trading."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.command_base import Command, Done

__all__ = ["AnyRiskCommand", "ArmLive", "GetRiskSettings", "RiskSettings", "SetRiskSettings", "StopTarget"]


class StopTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exit of a whole strategy by its profit of the day, realised and open, in rupees; 0 switches one off."""

    stop: float = 0.0
    """Loss (a positive number) at which everything of it is closed and nothing new is taken today."""
    target: float = 0.0
    """Profit at which the same happens."""


class RiskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one profile; 0 switches a limit off. Money in rupees, times in seconds, distances in per cent."""

    max_order_value: float = 10_000_000.0
    """Largest quantity × price of one order."""
    max_order_quantity: int = 0
    """Largest quantity of one order, in units."""
    max_price_distance_pct: float = 20.0
    """How far a limit price may lie from the last price where the dated tables know no band."""
    max_price_age_s: float = 0.0
    """Oldest last price on which an order may be judged; an order without such a price is refused."""
    duplicate_window_s: float = 2.0
    """An intent identical to one this young needs ``confirm_duplicate``."""
    price_distance_pct: float = 0.0
    """How far a limit price may lie from the last price in any case, band or no band."""
    max_orders_per_s: int = 0
    """Orders and changes an account may give within one second."""
    max_open_orders: int = 0
    """Orders of an account that may work at the same time."""
    max_position_quantity: int = 0
    """Units that may be held in one contract, what working orders would add counted."""
    check_margin: bool = False
    """Whether an order without enough money is refused here already, where the margin can be told."""
    max_daily_loss: float = 0.0
    """Loss of the day of one account, realised and open: then all is closed and nothing new is taken today."""
    daily_target: float = 0.0
    """Profit of the day of one account at which the same happens."""
    strategies: dict[str, StopTarget] = {}
    """Stop and target of single strategies, by their tag."""


class GetRiskSettings(Command[RiskSettings], frozen=True, tag="get_risk_settings"):
    """The limits in force."""


class SetRiskSettings(Command[RiskSettings], frozen=True, tag="set_risk_settings"):
    """Put new limits in force and keep them in the profile; answers with them."""

    settings: RiskSettings


class ArmLive(Command[Done], frozen=True, tag="arm_live"):
    """Arm (or disarm) a live account for this session of the engine: without it no new order leaves."""

    account: str = ""
    armed: bool = True


AnyRiskCommand = GetRiskSettings | SetRiskSettings | ArmLive
"""Every command of this module."""
