"""The rows of the rule tables, one type a file in `data/`. Prices and ticks in rupees, rates in per cent,
IST.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from openalgo_lab.model.money import nearest_ticks
from openalgo_lab.model.tables import ClockTime, DatedRow, HhMm
from openalgo_lab.model.vocabulary import Exchange, PriceType

__all__ = [
    "BandRow",
    "BrokerageRow",
    "ChargeRow",
    "CircuitRow",
    "ContractRow",
    "Cycle",
    "ExpiryRow",
    "ExpiryTimeRow",
    "FreezeLevelRow",
    "FreezeRow",
    "LotRow",
    "LppRow",
    "OrderTypeRow",
    "ProtectionRow",
    "RateCapRow",
    "Slab",
    "SquareOffRow",
    "StrikeStepRow",
    "TickRow",
    "slab_value",
]

Cycle = Literal["weekly", "monthly", "quarterly"]
Product = Literal["future", "option"]


class LotRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """lots.json. Units a lot, of contracts that expire from `first_expiry` on, as seen on trade dates from
    `effective_from`. `lot` None: it is known to have changed, but not to what."""

    exchange: Exchange
    underlying: str
    lot: int | None
    first_expiry: date | None = None
    cycle: Cycle | None = None  # None: contracts of every cycle


class ContractRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """contracts.json: currency and commodity contracts. `multiplier` is rupees a lot for 1.00 of price: it
    is also the lot in units of the quotation, so that price × quantity is money.
    """

    exchanges: tuple[Exchange, ...]
    underlying: str
    lot_unit: str
    quote_unit: str
    multiplier: int
    future_tick: float
    option_tick: float | None = None


class FreezeRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """freeze.json. Largest quantity of one order, in units; a larger one is rejected."""

    exchange: Exchange
    underlying: str
    quantity: int


class Slab(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value for levels up to `upto` (None: no end), which itself belongs to the slab when `inclusive`."""

    value: float
    upto: float | None = None
    inclusive: bool = True


def slab_value(slabs: tuple[Slab, ...], level: float) -> float:
    """Value of the slab that holds `level`; slabs are in ascending order and the last has no end."""
    for slab in slabs:
        if slab.upto is None or level < slab.upto or (slab.inclusive and level == slab.upto):
            return slab.value
    raise ValueError(f"no slab reaches {level}")


class FreezeLevelRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """freeze_levels.json. Freeze quantity by level of the index."""

    exchange: Exchange
    slabs: tuple[Slab, ...]


class TickRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ticks.json. Tick by price level: the close of the month before (share, underlying share or index)."""

    product: str
    slabs: tuple[Slab, ...]


class ExpiryRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """expiries.json. Exactly one of: `weekday` (0 Monday; weekly, or the month's last), `before_month_end`
    (so many working days before the month's last), `day_of_month`. Dates bound the expiry dates the row
    makes. `underlying` `*`: every other underlying of the exchange.
    """

    exchange: Exchange
    underlying: str
    cycle: Literal["weekly", "monthly"]
    weekday: int | None = None
    before_month_end: int | None = None
    day_of_month: int | None = None
    months: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)

    def __post_init__(self) -> None:
        if sum(x is not None for x in (self.weekday, self.before_month_end, self.day_of_month)) != 1:
            raise ValueError("give exactly one of weekday, before_month_end and day_of_month")


class ExpiryTimeRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """expiry_times.json. When an expiring contract stops trading; without `underlyings` for all of the
    exchange.
    """

    exchange: Exchange
    time: ClockTime
    underlyings: tuple[str, ...] = ()


class StrikeStepRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """strikes.json. Distance between strikes of near expiries."""

    exchange: Exchange
    underlying: str
    step: float


class BandRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """bands.json. Daily price band in per cent of the reference (previous close); `steps` are the widths it
    may be flexed to in turn, the first is the day's start.
    """

    group: str
    steps: tuple[float, ...]

    def limits(self, reference: float, tick: float, step: int = 0) -> tuple[float, float]:
        """(lower, upper) legal price: the lower limit rounded up to the tick, the upper down."""
        move = reference * self.steps[step] / 100
        return nearest_ticks(reference - move, tick)[1], nearest_ticks(reference + move, tick)[0]


class LppRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """lpp.json. Limit-price protection: orders beyond reference ± max(per cent, rupees) are rejected."""

    exchange: Exchange
    scope: Literal["index", "stock"]
    product: Product
    percent: float
    minimum: float
    underlyings: tuple[str, ...] = ()

    def limits(self, reference: float, tick: float) -> tuple[float, float]:
        """(lower, upper) accepted price; the lower is never below one tick."""
        move = max(reference * self.percent / 100, self.minimum)
        return max(tick, nearest_ticks(reference - move, tick)[1]), nearest_ticks(reference + move, tick)[0]


class CircuitRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """circuit.json. Halt of the whole market when an index has moved `percent`, hit before `hit_before`
    (None: at any later time). `halt_minutes` None: the rest of the day.
    """

    percent: float
    halt_minutes: int | None
    pre_open_minutes: int
    hit_before: HhMm | None = None


class ProtectionRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """protection.json. Per cent of the last price at which a market order becomes a limit order."""

    product: Literal["option", "other"]
    slabs: tuple[Slab, ...]


class OrderTypeRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """order_types.json. Whether an exchange takes a price type on a kind of contract; without a row it does."""

    exchanges: tuple[Exchange, ...]
    products: tuple[Literal["share", "future", "option"], ...]
    price_type: PriceType
    taken: bool


class SquareOffRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """square_off.json. When intraday positions are closed: at `time`, or `before_close` minutes before the
    close.
    """

    exchanges: tuple[Exchange, ...]
    closing_auction: bool = False
    time: HhMm | None = None
    before_close: int | None = None

    def __post_init__(self) -> None:
        if (self.time is None) == (self.before_close is None):
            raise ValueError("give either time or before_close")


class RateCapRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """rate_caps.json. Orders a second for one client on one exchange: the law's limit and what to plan
    with.
    """

    exchanges: tuple[Exchange, ...]
    per_second: int
    planned_per_second: int
    burst: int


class ChargeRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """charges.json. One levy. Without `exchange` it is the same on all; `underlyings` and `groups` narrow
    it.
    """

    charge: str
    segments: tuple[str, ...]
    side: Literal["buy", "sell", "both", "holder", "none"]
    base: str
    rate: Decimal
    unit: Literal["percent", "per_crore", "rupees"]
    exchange: Exchange | None = None
    underlyings: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def fraction(self) -> Decimal:
        """The rate as a fraction of its base; a rate in rupees has none."""
        if self.unit == "rupees":
            raise ValueError(f"{self.charge} is an amount of rupees, not a fraction")
        return self.rate / (100 if self.unit == "percent" else 1_00_00_000)


class BrokerageRow(DatedRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """brokerage.json. A broker's fee for each executed order: `flat` rupees, `percent` of its value, or the
    lesser.
    """

    plan: str
    segments: tuple[str, ...]
    flat: Decimal | None = None
    percent: Decimal | None = None
