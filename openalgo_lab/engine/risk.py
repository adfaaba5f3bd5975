"""The risk gate: named checks that need no broker, each with one sentence that says what to do.

The gate gathers the case, runs the checks in order and remembers the intents of the last seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

import msgspec

from openalgo_lab.engine import risk_account as account
from openalgo_lab.engine import risk_checks as checks
from openalgo_lab.engine.bands import PriceBands
from openalgo_lab.engine.risk_case import Case, Check, Standing
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.times import NS_PER_SECOND, trade_date
from openalgo_lab.model.vocabulary import PriceType, Product

__all__ = ["CHECKS", "CLOSING_CHECKS", "MODIFY_CHECKS", "WHOLE_CHECKS", "Case", "MarketHours", "RiskGate"]


class MarketHours(Protocol):
    """When an account's exchanges take orders."""

    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        """Whether an order may be sent at that moment (UTC ns)."""

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        """When the next session begins (aware); None when it is not known."""


MODIFY_CHECKS: tuple[Check, ...] = (
    checks.kill_switch,
    account.armed,
    checks.quantity,
    checks.freeze,
    checks.order_type,
    checks.prices_present,
    checks.tick,
    checks.stop_relation,
    checks.session,
    checks.stale_price,
    checks.price_band,
    checks.price_distance,
    checks.max_quantity,
    checks.max_value,
    account.max_orders_per_s,
)
"""What the new terms of a working order must pass; a trigger may lie anywhere while it is being moved."""

CHECKS: tuple[Check, ...] = (
    checks.kill_switch,
    account.armed,
    account.stopped_out,
    checks.tradable,
    checks.quantity,
    checks.freeze,
    checks.product,
    checks.order_type,
    checks.prices_present,
    checks.tick,
    checks.stop_relation,
    checks.validity,
    checks.disclosed,
    checks.session,
    account.mis_cut_off,
    checks.stale_price,
    checks.trigger_side,
    checks.price_band,
    checks.price_distance,
    checks.max_quantity,
    checks.max_value,
    account.max_open_orders,
    account.max_position,
    account.margin,
    account.max_orders_per_s,
    checks.duplicate,
)
"""What a new order must pass, in this order; the first that says no is the answer."""


WHOLE_CHECKS = tuple(check for check in CHECKS if check not in (checks.freeze, account.max_orders_per_s))
"""What an order must pass before it goes in slices."""

CLOSING_CHECKS: tuple[Check, ...] = (
    checks.tradable,
    checks.quantity,
    checks.freeze,
    checks.product,
    checks.session,
)
"""What an order that only reduces a position must pass: the user's own limits never keep anyone in a position."""


class RiskGate:
    """Runs the checks. Its own state: the limits, the kill switch, what is armed, and the intents of the last seconds.

    ``standing`` tells how an account stands; ``rules`` which order types are taken; ``cut_off`` when intraday orders
    end. Without them the checks that need them pass.
    """

    def __init__(
        self,
        settings: RiskSettings,
        hours: MarketHours,
        bands: PriceBands,
        monotonic_ns: Callable[[], int],
        *,
        standing: Callable[[PlaceOrder, RiskSettings], Standing] | None = None,
        takes_type: Callable[[Instrument, PriceType, date], bool] | None = None,
        cut_off: Callable[[Instrument, int], datetime | None] | None = None,
    ) -> None:
        self.settings = settings
        self.kill_switch = False
        self.armed: set[str] = set()
        self.stopped: dict[tuple[str, str], str] = {}
        self._hours = hours
        self._bands = bands
        self._monotonic_ns = monotonic_ns
        self._standing = standing
        self._takes_type = takes_type
        self._cut_off = cut_off
        self._young: deque[tuple[int, PlaceOrder]] = deque()
        self._sent: dict[str, deque[int]] = {}

    def check(
        self,
        order: PlaceOrder,
        instrument: Instrument,
        quote: Quote | None,
        now_ns: int,
        needed_paise: int | None = None,
    ) -> None:
        """Let a new order pass and remember it, or raise RiskDenied. ``needed_paise``: its margin, where known."""
        self._judge(CHECKS, self._case(order, instrument, quote, now_ns), needed_paise)
        self._sent.setdefault(order.account, deque()).append(self._monotonic_ns())

    def check_whole(
        self,
        order: PlaceOrder,
        instrument: Instrument,
        quote: Quote | None,
        now_ns: int,
        needed_paise: int | None = None,
    ) -> None:
        """Let an order that will go in slices pass as a whole, or raise RiskDenied; its slices are checked again."""
        self._judge(WHOLE_CHECKS, self._case(order, instrument, quote, now_ns), needed_paise)

    def check_closing(self, order: PlaceOrder, instrument: Instrument, now_ns: int) -> None:
        """Let an order that reduces a position pass, or raise RiskDenied."""
        case = self._case(order, instrument, None, now_ns)
        for check in CLOSING_CHECKS:
            check(case)

    def check_change(self, order: PlaceOrder, instrument: Instrument, quote: Quote | None, now_ns: int) -> None:
        """Let the full new terms of a working order pass, or raise RiskDenied."""
        case = self._case(order, instrument, quote, now_ns)
        for check in MODIFY_CHECKS:
            check(case)
        self._sent.setdefault(order.account, deque()).append(self._monotonic_ns())

    def stop(self, account: str, strategy: str, sentence: str) -> None:
        """Take nothing new for an account (strategy "") or one of its strategies; "" lets it go on."""
        if sentence:
            self.stopped[(account, strategy)] = sentence
        else:
            self.stopped.pop((account, strategy), None)

    def _judge(self, checks: tuple[Check, ...], case: Case, needed_paise: int | None) -> None:
        intent = _bare(case.order)
        self._forget_old()
        repeats = any(young == intent for _, young in self._young)
        standing = msgspec.structs.replace(case.standing, needed_paise=needed_paise)
        case = msgspec.structs.replace(case, repeats_young=repeats, standing=standing)
        for check in checks:
            check(case)
        self._young.append((self._monotonic_ns(), intent))

    def _case(self, order: PlaceOrder, instrument: Instrument, quote: Quote | None, now_ns: int) -> Case:
        open_now = self._hours.takes_orders(instrument, now_ns)
        day = trade_date(now_ns)
        return Case(
            order=order,
            instrument=instrument,
            settings=self.settings,
            now_ns=now_ns,
            quote=quote,
            open_now=open_now,
            opens_at=None if open_now else self._hours.next_open(instrument, now_ns),
            band=self._bands.limits(instrument, quote, day) if quote is not None else None,
            kill_switch=self.kill_switch,
            type_taken=self._takes_type is None or self._takes_type(instrument, order.price_type, day),
            intraday_until=self._intraday_until(order, instrument, now_ns),
            standing=self._stand(order),
        )

    def _stand(self, order: PlaceOrder) -> Standing:
        standing = self._standing(order, self.settings) if self._standing is not None else Standing()
        stopped = self.stopped.get((order.account, "")) or self.stopped.get((order.account, order.strategy), "")
        return msgspec.structs.replace(
            standing,
            armed=order.account in self.armed,
            orders_this_second=self._sent_lately(order.account) if self.settings.max_orders_per_s else 0,
            stopped=stopped,
        )

    def _intraday_until(self, order: PlaceOrder, instrument: Instrument, now_ns: int) -> datetime | None:
        if self._cut_off is None or order.product is not Product.MIS:
            return None
        return self._cut_off(instrument, now_ns)

    def _sent_lately(self, account: str) -> int:
        sent, oldest = self._sent.get(account, deque()), self._monotonic_ns() - NS_PER_SECOND
        while sent and sent[0] <= oldest:
            sent.popleft()
        return len(sent)

    def _forget_old(self) -> None:
        oldest = self._monotonic_ns() - round(self.settings.duplicate_window_s * NS_PER_SECOND)
        while self._young and self._young[0][0] <= oldest:
            self._young.popleft()


def _bare(order: PlaceOrder) -> PlaceOrder:
    """The order without what does not make it another order."""
    return msgspec.structs.replace(order, client_key="", confirm_duplicate=False)
