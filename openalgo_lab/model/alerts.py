"""Alerts: what is watched for, how it is told, and the Telegram bot. Values and commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.vocabulary import Exchange

__all__ = [
    "AcknowledgeAlert",
    "Alert",
    "AlertState",
    "AnyAlertCommand",
    "Channel",
    "Condition",
    "GetAlerts",
    "GetTelegram",
    "GreekCondition",
    "IndicatorCondition",
    "OrderCondition",
    "PnlCondition",
    "PriceCondition",
    "RemoveAlert",
    "SetAlert",
    "StartTelegram",
    "StopTelegram",
    "TelegramStatus",
]


class Channel(StrEnum):
    """How an alert is told. TOAST, SOUND and DESKTOP by the pages that are open."""

    TOAST = "toast"
    SOUND = "sound"
    DESKTOP = "desktop"
    TELEGRAM = "telegram"
    WEBHOOK = "webhook"


class PriceCondition(msgspec.Struct, frozen=True, tag="price"):
    """A quote's field at or above (else at or below) a value; ``change_pct`` in per cent."""

    exchange: Exchange
    symbol: str
    above: bool
    value: float
    field: Literal["ltp", "bid", "ask", "volume", "oi", "change_pct"] = "ltp"


class PnlCondition(msgspec.Struct, frozen=True, tag="pnl"):
    """Today's profit, realised and open, of an account ("" = default) or strategy, in rupees."""

    above: bool
    value: float
    account: str = ""
    strategy: str = ""


class OrderCondition(msgspec.Struct, frozen=True, tag="order"):
    """What becomes of orders, told once an order; "" does not narrow."""

    what: Literal["filled", "rejected", "cancelled", "any"] = "any"
    symbol: str = ""
    strategy: str = ""
    account: str = ""


class GreekCondition(msgspec.Struct, frozen=True, tag="greek"):
    """A figure of an option; volatility in per cent, theta a day, vega a volatility point."""

    exchange: Exchange
    symbol: str
    above: bool
    value: float
    figure: Literal["iv", "delta", "gamma", "theta", "vega"] = "iv"


class IndicatorCondition(msgspec.Struct, frozen=True, tag="indicator"):
    """An indicator of the candles' closes, the running candle included."""

    exchange: Exchange
    symbol: str
    above: bool
    value: float
    indicator: Literal["sma", "ema", "rsi"] = "rsi"
    period: int = 14
    interval: str = "5m"


Condition = PriceCondition | PnlCondition | OrderCondition | GreekCondition | IndicatorCondition


class AlertState(StrEnum):
    """ARMED watches; FIRED has told and waits for its acknowledgement; REST is acknowledged and watches no more."""

    ARMED = "armed"
    FIRED = "fired"
    REST = "rest"


class Alert(msgspec.Struct, frozen=True):
    """One alert. ``repeat`` ones watch on, and tell at most every ``cooldown_s`` seconds. Times UTC ns."""

    alert_id: str
    name: str
    condition: Condition
    channels: tuple[Channel, ...] = (Channel.TOAST,)
    repeat: bool = False
    cooldown_s: float = 60.0
    webhook: str = ""
    state: AlertState = AlertState.ARMED
    fired_ns: int = 0
    count: int = 0
    message: str = ""


class SetAlert(Command[Alert], frozen=True, tag="set_alert"):
    """Arm an alert; with the id of one that is there, in its place. ``webhook``: an https address that is posted to."""

    name: str
    condition: Condition
    channels: tuple[Channel, ...] = (Channel.TOAST,)
    repeat: bool = False
    cooldown_s: float = 60.0
    webhook: str = ""
    alert_id: str = ""


class RemoveAlert(Command[Done], frozen=True, tag="remove_alert"):
    """Forget one."""

    alert_id: str


class AcknowledgeAlert(Command[Alert], frozen=True, tag="acknowledge_alert"):
    """Somebody has seen it."""

    alert_id: str


class GetAlerts(Command[tuple[Alert, ...]], frozen=True, tag="get_alerts"):
    """All, oldest first."""


class TelegramStatus(msgspec.Struct, frozen=True):
    """The bot. ``link_code``: send ``/link CODE`` from the chat that may use it. ``failure``: "" while it works."""

    running: bool
    name: str = ""
    link_code: str = ""
    chats: int = 0
    failure: str = ""


class StartTelegram(Command[TelegramStatus], frozen=True, tag="start_telegram"):
    """Run the bot. Without a token that of the vault; ``base_url`` stands in for Telegram's own address."""

    token: Secret | None = None
    base_url: str = ""


class StopTelegram(Command[TelegramStatus], frozen=True, tag="stop_telegram"):
    """End it. ``forget`` also drops the linked chats and the token."""

    forget: bool = False


class GetTelegram(Command[TelegramStatus], frozen=True, tag="get_telegram"):
    """How it is."""


AnyAlertCommand = SetAlert | RemoveAlert | AcknowledgeAlert | GetAlerts | StartTelegram | StopTelegram | GetTelegram
"""Every command of this module."""
