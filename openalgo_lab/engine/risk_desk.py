"""The handlers of the limits and of arming."""

from __future__ import annotations

from pathlib import Path

from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.risk import RiskGate
from openalgo_lab.engine.risk_settings import save_risk_settings
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.table import Idempotency, RateClass, handles
from openalgo_lab.model import risk as c
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.vocabulary import Mode

__all__ = ["RiskDesk"]


class RiskDesk:
    """Limits of the profile."""

    def __init__(self, *, gate: RiskGate, router: Router, folder: Path) -> None:
        self._gate = gate
        self._router = router
        self._folder = folder

    @handles(c.GetRiskSettings, permission=Permission.READ)
    async def get_risk_settings(self, _: c.GetRiskSettings, __: Principal) -> c.RiskSettings:
        """As in force."""
        return self._gate.settings

    @handles(c.SetRiskSettings, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def set_risk_settings(self, command: c.SetRiskSettings, _: Principal) -> c.RiskSettings:
        """Kept in the profile first, then in force. What they had stopped may be judged anew."""
        _check(command.settings)
        save_risk_settings(self._folder, command.settings)
        self._gate.settings = command.settings
        self._gate.stopped.clear()
        return command.settings

    @handles(
        c.ArmLive, permission=Permission.TRADE, rate=RateClass.FREE, audit=True, idempotency=Idempotency.IDEMPOTENT
    )
    async def arm_live(self, command: c.ArmLive, _: Principal) -> Done:
        """For this session of the engine."""
        line = self._router.line(command.account)
        if line.account.mode is not Mode.LIVE:
            return Done(f"{line.name} is {line.account.mode.value}: no real money moves there, nothing is to be armed.")
        if not command.armed:
            self._gate.armed.discard(line.name)
            return Done(f"Live trading on {line.name} is disarmed: new orders are refused.")
        if self._gate.kill_switch:
            raise InputError("The kill switch is engaged: release it before arming live trading.")
        self._gate.armed.add(line.name)
        return Done(f"Live trading on {line.name} is armed until the engine ends or the kill switch is engaged.")


def _check(settings: c.RiskSettings) -> None:
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, int | float) and not value >= 0:
            raise InputError(f"{name} cannot be {value}: give 0 to switch it off, or a positive limit.", field=name)
    for strategy, limits in settings.strategies.items():
        if not (limits.stop >= 0 and limits.target >= 0):
            raise InputError(f"Stop and target of {strategy} are positive rupees; 0 switches one off.", "strategies")
