"""The sandbox account: paper money on real prices. Its settings, and the commands about it."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.command_base import Command, Done

__all__ = [
    "AnySandboxCommand",
    "CloseSandbox",
    "GetSandboxSettings",
    "OpenSandbox",
    "ResetSandbox",
    "SandboxSettings",
    "SetSandboxSettings",
]


class SandboxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the sandbox behaves. New values hold from the next opening on, the capital from the next reset.

    ``fill_latency_ms`` delays the way to the market. ``slippage_ticks``: how much worse than shown a taker trades.
    ``depth_factor``: share of the shown quantity that may be taken (1 = all). ``count_charges``: whether taxes, fees
    and brokerage reduce the cash, at the day's end.
    """

    starting_capital: float = 1_00_00_000.0
    fill_latency_ms: float = 0.0
    slippage_ticks: int = 0
    depth_factor: float = 1.0
    count_charges: bool = True
    open_at_start: bool = False
    """Whether the engine opens it by itself."""


class OpenSandbox(Command[Done], frozen=True, tag="open_sandbox"):
    """Add the sandbox to the accounts (and open it at every start). Its orders trade at the prices that are shown."""

    default: bool = False
    """Whether orders without an account go there from now on."""


class CloseSandbox(Command[Done], frozen=True, tag="close_sandbox"):
    """Take the sandbox out of the accounts. Its books stay on disk."""


class ResetSandbox(Command[Done], frozen=True, tag="reset_sandbox"):
    """Begin anew: cash as set, no orders, positions, holdings or trades. Settings stay as they are."""


class GetSandboxSettings(Command[SandboxSettings], frozen=True, tag="get_sandbox_settings"):
    """As kept in the profile."""


class SetSandboxSettings(Command[SandboxSettings], frozen=True, tag="set_sandbox_settings"):
    """Keep new ones."""

    settings: SandboxSettings


AnySandboxCommand = OpenSandbox | CloseSandbox | ResetSandbox | GetSandboxSettings | SetSandboxSettings
"""Every command of this module."""
