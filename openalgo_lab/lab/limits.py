"""The user's own limits, arming of live trading and the trade journal, through the facade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from openalgo_lab.lab.action_center import ActionCenter
from openalgo_lab.lab.alerts import Alerts, Telegram
from openalgo_lab.lab.order_widgets import OrderWidgetCalls
from openalgo_lab.lab.pairs import Ask, awaited, blocking
from openalgo_lab.lab.sandbox import Sandbox
from openalgo_lab.lab.trade_journal import TradeJournal
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.risk import ArmLive, GetRiskSettings, RiskSettings, SetRiskSettings, StopTarget

__all__ = ["LimitCalls"]


class LimitCalls(OrderWidgetCalls):
    """The part of :class:`~openalgo_lab.lab.Lab` that keeps the user from harm, and the accounts."""

    @property
    def limits(self) -> RiskSettings:
        """The limits in force."""
        return self.call(GetRiskSettings())

    def set_limits(self, *, strategies: Mapping[str, Mapping[str, float]] | None = None, **values: Any) -> RiskSettings:
        """Change limits of the profile; what is not named stays. 0 switches a limit off.

        ``lab.set_limits(max_daily_loss=25_000, strategies={"scalp": {"stop": 5_000, "target": 8_000}})``. The names
        and units stand in :class:`~openalgo_lab.model.risk.RiskSettings`. Raises InputError for a name that is none.
        """
        for name in values:
            if name not in RiskSettings.__struct_fields__:
                names = ", ".join(RiskSettings.__struct_fields__)
                raise InputError(f"{name!r} is no limit: choose from {names}.", field=name)
        if strategies is not None:
            values["strategies"] = {name: msgspec.convert(one, StopTarget) for name, one in strategies.items()}
        try:
            wanted = msgspec.convert(msgspec.to_builtins(msgspec.structs.replace(self.limits, **values)), RiskSettings)
        except msgspec.ValidationError as error:
            raise InputError(f"The limits cannot be read ({error}): give numbers.") from error
        return self.call(SetRiskSettings(wanted))

    def _arm(self, account: str = "", *, armed: bool = True) -> Ask[Done, str]:
        """Let new orders of a live account leave, until the engine ends or the kill switch is engaged."""
        return Ask(ArmLive(account, armed), lambda done: done.message)

    @property
    def alerts(self) -> Alerts:
        """Alerts on prices, profit, orders, Greeks and indicators."""
        return Alerts(self)

    @property
    def telegram(self) -> Telegram:
        """The Telegram bot: books, quotes, charts, closing with confirmation, alerts."""
        return Telegram(self)

    @property
    def action_center(self) -> ActionCenter:
        """Semi-automatic orders: what programs ask for waits here for a yes or no."""
        return ActionCenter(self)

    @property
    def sandbox(self) -> Sandbox:
        """Paper money on the prices that are shown: open, close, reset, settings."""
        return Sandbox(self)

    @property
    def trade_journal(self) -> TradeJournal:
        """Own trades of all days: notes and tags, results after charges, statistics, export."""
        return TradeJournal(self)

    arm, arm_async = blocking(_arm), awaited(_arm)
