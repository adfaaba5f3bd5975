"""How volatilities and Greeks are computed: model, clock, rate. A user's choice, kept as one value."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["EXCHANGE", "OWN", "Conventions", "OptionClock", "OptionModel"]


class OptionModel(StrEnum):
    """What an option is priced on."""

    FORWARD = "forward"
    """Black-76 on a forward: the future when it is liquid, else put-call parity, else the spot with carry."""
    SPOT = "spot"
    """Black-Scholes on the spot, growing at the rate: what Indian exchanges publish."""


class OptionClock(StrEnum):
    """How the time to expiry is counted."""

    CALENDAR = "calendar"
    """To the second, in years of 365 days."""
    TRADING = "trading"
    """Minutes of continuous trading, in years of 252 ordinary days."""
    WHOLE_DAYS = "whole days"
    """Dates only, in years of 365 days."""


class Conventions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``rate_pct``: the rate of discount, per cent a year; ``carry_pct``: what a spot yields (dividends), per cent."""

    model: OptionModel = OptionModel.FORWARD
    clock: OptionClock = OptionClock.CALENDAR
    rate_pct: float = 0.0
    carry_pct: float = 0.0

    @property
    def rate(self) -> float:
        """As a fraction."""
        return self.rate_pct / 100.0

    @property
    def carry(self) -> float:
        """As a fraction."""
        return self.carry_pct / 100.0

    def __str__(self) -> str:
        on = "Black-76 on the forward" if self.model is OptionModel.FORWARD else "Black-Scholes on the spot"
        return f"{on}, rate {self.rate_pct:g} %, {self.clock.value} time"


OWN = Conventions()
"""Ours: nothing assumed that the market tells itself."""

EXCHANGE = Conventions(OptionModel.SPOT, OptionClock.WHOLE_DAYS, rate_pct=10.0)
"""The exchange's published volatilities: spot, 10 %, whole days (checked on recorded chains)."""
