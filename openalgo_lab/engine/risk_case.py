"""What a risk check looks at: the order, its instrument, the market, and how the account stands. Pure values."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime

import msgspec

from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import RiskDenied
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.risk import RiskSettings
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import Mode

__all__ = ["Case", "Check", "Standing", "deny"]


class Standing(msgspec.Struct, frozen=True):
    """How the account stands at the moment of an order. Units signed, money in paise; None: not known."""

    mode: Mode = Mode.SIMULATED
    armed: bool = True
    orders_this_second: int = 0
    open_orders: int = 0
    held: int = 0
    coming: int = 0
    """Units that working orders of the same side would still bring to the position, signed."""
    available_paise: int | None = None
    needed_paise: int | None = None
    stopped: str = ""
    """Why the account or the order's strategy takes nothing new today; "" while it does."""


class Case(msgspec.Struct, frozen=True):
    """One order before the wire, with everything the checks look at. ``quote`` None: no price is known."""

    order: PlaceOrder
    instrument: Instrument
    settings: RiskSettings
    now_ns: int
    quote: Quote | None = None
    open_now: bool = True
    opens_at: datetime | None = None
    band: tuple[float, float] | None = None
    kill_switch: bool = False
    repeats_young: bool = False
    type_taken: bool = True
    """Whether the exchange takes this price type on this kind of contract."""
    intraday_until: datetime | None = None
    """When intraday orders end on the exchange today; None: no such moment is known."""
    standing: Standing = Standing()

    @property
    def last_price(self) -> float:
        """The last price in rupees; NaN when it is not known."""
        return self.quote.ltp if self.quote is not None else math.nan

    @property
    def day(self) -> date:
        """The Indian date."""
        return trade_date(self.now_ns)


Check = Callable[[Case], None]


def deny(rule: str, field: str, sentence: str) -> RiskDenied:
    return RiskDenied(sentence, rule, field)
