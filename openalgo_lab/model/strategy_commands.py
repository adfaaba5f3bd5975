"""Commands about running strategies: stepping a replay under one."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.orders import Order

__all__ = ["AnyStrategyCommand", "GetOrderOfKey", "OrderOfKey", "ReplayStep", "StepReplay"]


class ReplayStep(msgspec.Struct, frozen=True):
    """Where a stepped replay stands: now, its next snapshot (0 = that was the last), its end (UTC ns).

    ``quotes``: of the instruments asked about, in that order; those that have not appeared yet are left out.
    """

    now_ns: int
    next_ns: int
    end_ns: int
    quotes: tuple[Quote, ...] = ()


class StepReplay(Command[ReplayStep], frozen=True, tag="step_replay"):
    """Hold the recording's clock and set it to a moment (0 = where it stands). Answers once all of that moment has
    been told: orders on their way have reached the market, and the prices of ``keys`` are on the board.
    """

    to_ns: int = 0
    keys: tuple[InstrumentKey, ...] = ()


class OrderOfKey(msgspec.Struct, frozen=True):
    """The order that a client key has become; None: no order came of it."""

    order: Order | None = None


class GetOrderOfKey(Command[OrderOfKey], frozen=True, tag="get_order_of_key"):
    """What has become of an order whose answer was lost, by the ``client_key`` that it was given with."""

    client_key: str
    account: str = ""


AnyStrategyCommand = StepReplay | GetOrderOfKey
