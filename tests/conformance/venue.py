"""A market with one account, in neutral words: the truth that every broker's simulator shows in its own wire format.

Nothing here comes from `brokers` or from the adapter's tables, so a wrong word there cannot agree with itself here.
Words are the canonical ones as plain strings. Rupees, units, aware IST times. A test is the exchange: an order
rests until the test calls `fill`, `reject` or `cancel`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

__all__ = [
    "CLIENT",
    "HOLDINGS",
    "IST",
    "LISTED",
    "NOW",
    "Booked",
    "Candle",
    "Level",
    "Listing",
    "Picture",
    "Position",
    "Refused",
    "Trade",
    "Trigger",
    "Venue",
]

IST = ZoneInfo("Asia/Kolkata")
CLIENT = "AB1234"
NOW = datetime(2026, 1, 5, 11, 56, 33, tzinfo=IST)
"""The Monday and the moment at which the venue stands; each event of it is a second later than the last."""

DONE = frozenset({"complete", "cancelled", "rejected", "expired"})


class Refused(Exception):
    """A definite no. ``kind``: input, order, margin, holding; the simulator says it in the broker's own form."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class Listing:
    """One instrument. ``number`` is the exchange's own token; ``index_name`` the long name that an index has there."""

    exchange: str
    symbol: str
    kind: str
    number: int
    name: str
    lot: int = 1
    tick: float = 0.05
    underlying: str = ""
    expiry: date | None = None
    strike: float = 0.0
    isin: str = ""
    index_name: str = ""
    freeze: int = 0


@dataclass(frozen=True)
class Level:
    price: float
    quantity: int
    orders: int


@dataclass(frozen=True)
class Picture:
    """One instrument's market now. ``bids`` and ``asks``: five levels, best first; none for an index."""

    ltp: float
    open: float
    high: float
    low: float
    close: float
    ltq: int = 0
    average: float = 0.0
    volume: int = 0
    buy_quantity: int = 0
    sell_quantity: int = 0
    oi: int = 0
    oi_high: int = 0
    oi_low: int = 0
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    traded_at: datetime = NOW
    at: datetime = NOW


def _deeper(side: Sequence[Level], levels: int, step: float) -> tuple[Level, ...]:
    """A side of the book carried on, a tick a level."""
    last = side[-1]
    more = (
        Level(round(last.price + step * number, 2), last.quantity + number, last.orders + number % 7)
        for number in range(1, levels - len(side) + 1)
    )
    return (*side, *more)


@dataclass(frozen=True)
class Candle:
    """One bar; ``start`` is its first moment."""

    start: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int
    oi: int


@dataclass
class Booked:
    """An order in the broker's book. ``status``: pending open trigger_pending complete cancelled rejected.

    What the broker's own protocol adds (variety, algo id ...) lies in ``more``.
    """

    id: str
    listing: Listing
    side: str
    product: str
    price_type: str
    quantity: int
    price: float
    trigger: float
    validity: str
    tag: str
    placed_at: datetime
    disclosed: int = 0
    status: str = "pending"
    filled: int = 0
    average: float = 0.0
    reason: str = ""
    exchange_id: str = ""
    updated_at: datetime = NOW
    modified: bool = False
    more: dict[str, str] = field(default_factory=dict)

    @property
    def rest(self) -> int:
        return self.quantity - self.filled


@dataclass(frozen=True)
class Trade:
    id: str
    order: Booked
    quantity: int
    price: float
    at: datetime


@dataclass(frozen=True)
class Position:
    """Net of one (listing, product) over the day's trades."""

    listing: Listing
    product: str
    bought: int
    sold: int
    buy_value: float
    sell_value: float

    @property
    def net(self) -> int:
        return self.bought - self.sold

    @property
    def average(self) -> float:
        """Price of the open side; 0 when flat."""
        if self.net > 0:
            return self.buy_value / self.bought
        return self.sell_value / self.sold if self.net < 0 else 0.0


@dataclass
class Trigger:
    """A GTT: ``legs`` of (trigger price, limit price), one for a single trigger, two ascending for a pair."""

    id: str
    listing: Listing
    side: str
    product: str
    quantity: int
    legs: tuple[tuple[float, float], ...]
    status: str = "active"


def _levels(start: float, step: float, *quantities: int) -> tuple[Level, ...]:
    return tuple(Level(round(start + i * step, 4), q, i % 3 + 1) for i, q in enumerate(quantities))


_JAN27 = date(2026, 1, 27)
SBIN = Listing("NSE", "SBIN", "EQ", 3045, "STATE BANK OF INDIA", isin="INE062A01020", freeze=100_000)
SBIN_BSE = Listing("BSE", "SBIN", "EQ", 500112, "STATE BANK OF INDIA", isin="INE062A01020", freeze=100_000)
MM = Listing("NSE", "M&M", "EQ", 2031, "MAHINDRA & MAHINDRA, LTD", tick=0.1, isin="INE101A01026", freeze=100_000)
NIFTY = Listing("NSE_INDEX", "NIFTY", "INDEX", 1001, "NIFTY 50", 0, 0.0, index_name="NIFTY 50")
SENSEX = Listing("BSE_INDEX", "SENSEX", "INDEX", 1, "SENSEX", 0, 0.0, index_name="SENSEX")
CALL = Listing("NFO", "NIFTY27JAN2626000CE", "CE", 47164, "NIFTY", 65, 0.05, "NIFTY", _JAN27, 26000.0, freeze=1800)
PUT = Listing("NFO", "RELIANCE27JAN26187.5PE", "PE", 53489, "RELIANCE", 250, 0.05, "RELIANCE", _JAN27, 187.5)
FUTURE = Listing("NFO", "NIFTY27JAN26FUT", "FUT", 47001, "NIFTY", 65, 0.1, "NIFTY", _JAN27, freeze=1800)
DOLLAR = Listing("CDS", "USDINR27JAN26FUT", "FUT", 1612, "USDINR", 1, 0.0025, "USDINR", _JAN27)
LISTED = (SBIN, SBIN_BSE, MM, NIFTY, SENSEX, CALL, PUT, FUTURE, DOLLAR)

PICTURES = {
    SBIN: Picture(
        812.5, 811.0, 815.0, 808.1, 810.0, 10, 811.75, 1_234_567, 45_000, 56_000,
        bids=_levels(812.45, -0.05, 100, 101, 219, 50, 7), asks=_levels(812.5, 0.05, 200, 201, 302, 141, 724),
    ),
    SBIN_BSE: Picture(
        812.4, 811.5, 814.9, 808.0, 810.05, 3, 811.6, 45_678, 900, 1_100,
        bids=_levels(812.35, -0.05, 10, 11, 21, 5, 7), asks=_levels(812.45, 0.05, 20, 21, 30, 14, 72),
    ),
    MM: Picture(
        3650.4, 3601.0, 3666.6, 3590.2, 3600.0, 7, 3640.1, 98_765, 4_500, 5_600,
        bids=_levels(3650.3, -0.1, 40, 41, 42, 43, 44), asks=_levels(3650.5, 0.1, 50, 51, 52, 53, 54),
    ),
    NIFTY: Picture(24123.45, 24050.0, 24200.0, 24000.1, 24100.0),
    SENSEX: Picture(79123.45, 79000.0, 79500.25, 78900.1, 79050.5),
    CALL: Picture(
        219.3, 205.0, 231.75, 200.05, 198.4, 65, 214.6, 2_345_655, 120_000, 98_000, 3_500_250, 3_600_000, 3_400_000,
        _levels(219.2, -0.05, 130, 195, 260, 325, 390), _levels(219.35, 0.05, 65, 130, 195, 260, 325),
    ),
    PUT: Picture(
        12.35, 11.0, 13.1, 10.5, 11.2, 250, 12.0, 25_000, 7_500, 5_000, 100_000, 110_000, 90_000,
        _levels(12.3, -0.05, 250, 500, 750, 1000, 1250), _levels(12.4, 0.05, 250, 500, 750, 1000, 1250),
    ),
    FUTURE: Picture(
        24180.5, 24110.0, 24250.0, 24050.2, 24150.3, 65, 24170.4, 876_525, 65_000, 71_500,
        9_876_500, 9_900_000, 9_700_000,
        _levels(24180.4, -0.1, 65, 130, 195, 260, 325), _levels(24180.6, 0.1, 65, 130, 195, 260, 325),
    ),
    DOLLAR: Picture(
        85.1275, 85.0, 85.25, 84.9975, 85.05, 2, 85.11, 54_321, 1_000, 1_200, 777_000, 780_000, 770_000,
        _levels(85.125, -0.0025, 10, 20, 30, 40, 50), _levels(85.13, 0.0025, 11, 21, 31, 41, 51),
    ),
}  # fmt: skip
HOLDINGS = ((SBIN, 16, 801.78125), (MM, 4, 3000.5))
MONEY = {"available": 99_725.05, "cash": 245_431.6, "used": 145_706.55, "collateral": 12_000.25}


class Venue:
    """See the module. ``watchers`` are called with each order that changed, after it changed."""

    def __init__(self) -> None:
        self.orders: list[Booked] = []
        self.trades: list[Trade] = []
        self.triggers: list[Trigger] = []
        self.pictures = dict(PICTURES)
        self.money = dict(MONEY)
        self.watchers: list[Callable[[Booked], None]] = []
        self.refuse_next: Refused | None = None
        """What the next placing is answered with."""
        self.id_of: Callable[[int], str] = lambda n: f"19533419755958{n:05d}"
        """How the broker writes its n-th order's id."""
        self._numbers = itertools.count(1)
        self._now = NOW

    # What is there ---------------------------------------------------------------------------------------------

    def listing(self, exchange: str, symbol: str) -> Listing:
        return next(x for x in LISTED if (x.exchange, x.symbol) == (exchange, symbol))

    def deep(self, listing: Listing, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Buyers and sellers, so many levels a side; the first five are the picture's."""
        picture = self.pictures[listing]
        return _deeper(picture.bids, levels, -listing.tick), _deeper(picture.asks, levels, listing.tick)

    def order(self, order_id: str) -> Booked:
        found = next((o for o in self.orders if o.id == order_id), None)
        if found is None:
            raise Refused("order", "Couldn't find that order.")
        return found

    def tagged(self, tag: str) -> Booked:
        """The one order with that tag; fails when there is none or more than one."""
        (found,) = [o for o in self.orders if o.tag == tag]
        return found

    def positions(self) -> tuple[Position, ...]:
        found: dict[tuple[Listing, str], Position] = {}
        for trade in self.trades:
            key = (trade.order.listing, trade.order.product)
            old = found.get(key) or Position(*key, 0, 0, 0.0, 0.0)
            value = trade.quantity * trade.price
            if trade.order.side == "BUY":
                found[key] = replace(old, bought=old.bought + trade.quantity, buy_value=old.buy_value + value)
            else:
                found[key] = replace(old, sold=old.sold + trade.quantity, sell_value=old.sell_value + value)
        return tuple(found.values())

    def margin(self, legs: Sequence[tuple[Listing, int]]) -> float:
        """Rupees that a basket of (listing, units) blocks: a fifth of its value, a tenth less for company."""
        whole = sum(self.pictures[listing].ltp * quantity * 0.2 for listing, quantity in legs)
        return round(whole * (0.9 if len(legs) > 1 else 1.0), 2)

    def candles(self, listing: Listing, minutes: int, first: datetime, last: datetime) -> tuple[Candle, ...]:
        """Bars of ``minutes`` (1440 = a day) that start in [first, last], of the session 09:15 to 15:30, ascending.

        A bar is a function of its start alone, so pages fit together whatever their borders.
        """
        found: list[Candle] = []
        day = first.astimezone(IST).date()
        while day <= last.astimezone(IST).date():
            if day.weekday() < 5:
                found += [_candle(listing, start) for start in _starts(day, minutes) if first <= start <= last]
            day += timedelta(days=1)
        return tuple(found)

    # The account's doing ---------------------------------------------------------------------------------------

    def place(
        self,
        listing: Listing,
        *,
        side: str,
        product: str,
        price_type: str,
        quantity: int,
        price: float = 0.0,
        trigger: float = 0.0,
        validity: str = "DAY",
        tag: str = "",
        disclosed: int = 0,
        **more: str,
    ) -> Booked:
        """A new order; it rests at once. Raises Refused."""
        if self.refuse_next is not None:
            refusal, self.refuse_next = self.refuse_next, None
            raise refusal
        if listing.kind == "INDEX":
            raise Refused("input", "Trading in an index is not possible.")
        if quantity <= 0 or quantity % listing.lot:
            raise Refused("input", f"Quantity should be a multiple of {listing.lot}.")
        if abs(price / listing.tick - round(price / listing.tick)) > 1e-6:
            raise Refused("order", f"Tick size for this script is {listing.tick}.")
        order = Booked(
            self.id_of(next(self._numbers)), listing, side, product, price_type, quantity, price, trigger, validity,
            tag, self.tick(), disclosed, more=more,
        )  # fmt: skip
        order.exchange_id = f"13000000{len(self.orders):08d}"
        order.status = "trigger_pending" if price_type in ("SL", "SL-M") else "open"
        self.orders.append(order)
        self._changed(order)
        return order

    def modify(self, order_id: str, **terms: float | int | str) -> Booked:
        """New terms: any of quantity, price, trigger, price_type, validity. Raises Refused for a finished order."""
        order = self._working(order_id)
        for name, value in terms.items():
            setattr(order, name, value)
        order.modified = True
        self._changed(order)
        return order

    def cancel(self, order_id: str) -> Booked:
        order = self._working(order_id)
        order.status = "cancelled"
        self._changed(order)
        return order

    def _working(self, order_id: str) -> Booked:
        order = self.order(order_id)
        if order.status in DONE:
            raise Refused("order", f"Order cannot be changed: it is being processed or is {order.status}.")
        return order

    # The exchange's doing --------------------------------------------------------------------------------------

    def fill(self, order: Booked, quantity: int, price: float) -> Trade:
        """A trade of ``quantity`` units."""
        assert 0 < quantity <= order.rest
        trade = Trade(f"1000{len(self.trades):04d}", order, quantity, price, self.tick())
        self.trades.append(trade)
        order.average = (order.average * order.filled + price * quantity) / (order.filled + quantity)
        order.filled += quantity
        order.status = "open" if order.rest else "complete"
        self._changed(order)
        return trade

    def reject(self, order: Booked, reason: str) -> None:
        """The exchange's or the risk system's no, after the broker had accepted."""
        order.status, order.reason, order.exchange_id = "rejected", reason, ""
        self._changed(order)

    def repeat(self, order: Booked) -> None:
        """Report an order once more, unchanged."""
        for watcher in self.watchers:
            watcher(order)

    def tick(self) -> datetime:
        """The venue's clock, a second later than the last time."""
        self._now += timedelta(seconds=1)
        return self._now

    def _changed(self, order: Booked) -> None:
        order.updated_at = self.tick()
        self.repeat(order)


def _starts(day: date, minutes: int) -> list[datetime]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=IST)
    if minutes >= 1440:
        return [midnight]
    opening = midnight + timedelta(hours=9, minutes=15)
    return [opening + timedelta(minutes=m) for m in range(0, 375, minutes)]


def _candle(listing: Listing, start: datetime) -> Candle:
    step = int(start.timestamp()) // 60 % 997
    low = round(listing.number % 1000 + 100 + step * 0.05, 2)
    return Candle(start, round(low + 0.1, 2), round(low + 0.4, 2), low, round(low + 0.25, 2), 1000 + step, step)
