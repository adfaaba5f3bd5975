"""What the process of a hosted strategy is told on its standard input."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.strategy_commands import HostedStrategy

__all__ = ["RunOrder"]


class RunOrder(msgspec.Struct, frozen=True):
    """``source`` is the very file whose hash stands in the audit; ``ticket`` the right to give orders."""

    profile: str
    folder: str
    source: str
    ticket: str
    strategy: HostedStrategy
