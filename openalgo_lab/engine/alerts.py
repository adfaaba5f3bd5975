"""The alerts engine: conditions are looked at, what is met is told once the outcome is known, never in its way."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.day_profit import account_profits, strategy_profits
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.shelf import PriceWatch, Shelf
from openalgo_lab.engine.strategy_fills import StrategyFills
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.engine.table import Idempotency, handles, reads
from openalgo_lab.model import alerts as c
from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.events import AlertFired, AnyEvent, OrderUpdated
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.money import format_inr
from openalgo_lab.model.option_commands import GetOptionGreeks
from openalgo_lab.model.orders import Order, OrderStatus, new_order_id
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND
from openalgo_lab.store.kept import KeptStore

__all__ = ["AlertDesk", "AlertKeeper"]

log = logging.getLogger(__name__)

KIND = "alert"
QUICK_S = 0.25
SLOW_S = 5.0
MOST_A_MINUTE = 30
"""More would be noise: the rest of the minute is kept silent, and said."""
TRIES = 3
FIRST_PAUSE_S = 0.5

_END = {
    OrderStatus.COMPLETE: "filled",
    OrderStatus.REJECTED: "rejected",
    OrderStatus.NOT_PLACED: "rejected",
    OrderStatus.CANCELLED: "cancelled",
}
_SLOW = (c.GreekCondition, c.IndicatorCondition)

Send = Callable[[str], Awaitable[None]]
Post = Callable[[str, bytes], Awaitable[None]]


class AlertKeeper:
    """All of the profile. Used on the engine's loop. ``post`` sends JSON to an address."""

    def __init__(
        self,
        *,
        store: KeptStore,
        board: Board,
        ledger: Ledger,
        router: Router,
        supervisor: Supervisor,
        publish: Callable[[AnyEvent], None],
        greeks: Callable[[GetOptionGreeks], Awaitable[Sequence[object]]],
        bars: Callable[[InstrumentKey, str, int, int], Awaitable[Bars]],
        want: Callable[[Sequence[InstrumentKey]], None],
        post: Post,
        changed: Callable[[str, str], None],
        report: Callable[[str, str], None],
        now_ns: Callable[[], int],
        strategies: StrategyFills,
    ) -> None:
        self._strategies = strategies
        self._board = board
        self._watch = PriceWatch(board, want)
        self._ledger = ledger
        self._router = router
        self._supervisor = supervisor
        self._publish = publish
        self._greeks = greeks
        self._bars = bars
        self._want = want
        self._post = post
        self._report = report
        self._now_ns = now_ns
        self._told_orders: set[tuple[str, str]] = set()
        self._recent: deque[int] = deque()
        self._all = Shelf(store, KIND, c.Alert, changed)
        self.telegram: Send | None = None

    # What is asked -------------------------------------------------------------------------------------------------

    def set(self, command: c.SetAlert) -> c.Alert:
        """Raises InputError for what cannot be watched."""
        condition = command.condition
        if isinstance(condition, c.PriceCondition | c.GreekCondition | c.IndicatorCondition):
            self._want([InstrumentKey(condition.exchange, condition.symbol)])
        if c.Channel.WEBHOOK in command.channels and urlsplit(command.webhook).scheme != "https":
            raise InputError("A webhook needs an address that begins with https://.", field="webhook")
        if not command.channels or command.cooldown_s < 1:
            raise InputError("An alert needs a channel, and a pause of at least a second.", field="channels")
        alert = c.Alert(
            alert_id=command.alert_id or new_order_id(),
            name=command.name,
            condition=condition,
            channels=command.channels,
            repeat=command.repeat,
            cooldown_s=command.cooldown_s,
            webhook=command.webhook,
        )
        return self._keep(alert)

    def remove(self, alert_id: str) -> None:
        """Raises InputError for an id that nobody knows."""
        self._all.drop(self._find(alert_id).alert_id)

    def acknowledge(self, alert_id: str) -> c.Alert:
        """A repeating one watches on, any other rests."""
        alert = self._find(alert_id)
        if alert.state is not c.AlertState.FIRED:
            return alert
        return self._keep(
            msgspec.structs.replace(alert, state=c.AlertState.ARMED if alert.repeat else c.AlertState.REST)
        )

    def listed(self) -> tuple[c.Alert, ...]:
        """Oldest first."""
        return tuple(self._all)

    # Watching ------------------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Until cancelled."""
        for alert in self._all:
            condition = alert.condition
            if isinstance(condition, c.PriceCondition | c.GreekCondition | c.IndicatorCondition):
                self._watch.begin(InstrumentKey(condition.exchange, condition.symbol), f"The alert {alert.name}")
        turn = 0
        while True:
            await self.look(slow=turn % round(SLOW_S / QUICK_S) == 0)
            turn += 1
            await asyncio.sleep(QUICK_S)

    async def look(self, *, slow: bool = True) -> None:
        """One look at every armed alert; those that need candles or Greeks only when ``slow``."""
        for alert in self._all:
            if not self._watches(alert) or isinstance(alert.condition, c.OrderCondition):
                continue
            if isinstance(alert.condition, _SLOW) and not slow:
                continue
            try:
                value = await self._value(alert.condition)
            except LabError as error:
                log.info("The alert %s cannot be judged now: %s", alert.name, error)
                continue
            met = value >= alert.condition.value if alert.condition.above else value <= alert.condition.value
            if math.isfinite(value) and met:
                self._fire(alert, f"{alert.name}: {_subject(alert.condition)} is {_shown(alert.condition, value)}.")

    def hear(self, event: AnyEvent) -> None:
        """Orders that have ended: once an order and alert."""
        if not isinstance(event, OrderUpdated) or event.order.status not in _END:
            return
        order = event.order
        for alert in self._all:
            condition = alert.condition
            key = (alert.alert_id, order.order_id)
            if not isinstance(condition, c.OrderCondition) or key in self._told_orders:
                continue
            if self._watches(alert) and _matches(condition, order):
                self._told_orders.add(key)
                self._fire(alert, f"{alert.name}: {_order_words(order)}.")

    def _watches(self, alert: c.Alert) -> bool:
        if alert.state is c.AlertState.ARMED and not alert.fired_ns:
            return True
        pause_over = self._now_ns() - alert.fired_ns >= alert.cooldown_s * NS_PER_SECOND
        return alert.repeat and pause_over

    async def _value(self, condition: c.Condition) -> float:
        match condition:
            case c.PriceCondition():
                return self._price(condition)
            case c.PnlCondition():
                return self._profit(condition)
            case c.GreekCondition():
                return await self._greek(condition)
            case c.IndicatorCondition():
                return await self._indicator(condition)
        return math.nan

    def _price(self, condition: c.PriceCondition) -> float:
        quote = self._board.quote(InstrumentKey(condition.exchange, condition.symbol))
        return float(getattr(quote, condition.field)) if quote is not None else math.nan

    def _profit(self, condition: c.PnlCondition) -> float:
        account = self._router.line(condition.account).name
        if condition.strategy:
            found = strategy_profits(self._strategies.all(), self._last).get((account, condition.strategy))
        else:
            found = account_profits(self._ledger.books, self._last).get(account)
        return found.total_paise / 100 if found is not None else math.nan

    def _last(self, key: InstrumentKey) -> float:
        quote = self._board.quote(key)
        return quote.ltp if quote is not None else math.nan

    async def _greek(self, condition: c.GreekCondition) -> float:
        (answer,) = await self._greeks(GetOptionGreeks((InstrumentKey(condition.exchange, condition.symbol),)))
        figures = getattr(answer, "figures", None)
        if figures is None:
            return math.nan
        value = getattr(figures, condition.figure, math.nan)
        return float(value) if value is not None else math.nan

    async def _indicator(self, condition: c.IndicatorCondition) -> float:
        from openalgo_lab import indicators

        now = self._now_ns()
        bars = await self._bars(
            InstrumentKey(condition.exchange, condition.symbol), condition.interval, now - 10 * NS_PER_DAY, now + 1
        )
        if len(bars) < condition.period:
            return math.nan
        return float(getattr(indicators, condition.indicator)(bars.close, condition.period)[-1])

    # Telling -------------------------------------------------------------------------------------------------------

    def _fire(self, alert: c.Alert, message: str) -> None:
        now = self._now_ns()
        alert = self._keep(
            msgspec.structs.replace(
                alert, state=c.AlertState.FIRED, fired_ns=now, count=alert.count + 1, message=message
            )
        )
        while self._recent and now - self._recent[0] > 60 * NS_PER_SECOND:
            self._recent.popleft()
        if len(self._recent) >= MOST_A_MINUTE:
            if len(self._recent) == MOST_A_MINUTE:
                self._recent.append(now)
                self._report("alerts", f"More than {MOST_A_MINUTE} alerts within a minute: the next ones stay silent.")
            return
        self._recent.append(now)
        self._publish(AlertFired(alert.alert_id, alert.name, message, tuple(one.value for one in alert.channels), now))
        self._supervisor.start(f"alert {alert.alert_id}", self._deliver(alert, message))

    async def _deliver(self, alert: c.Alert, message: str) -> None:
        if c.Channel.TELEGRAM in alert.channels:
            await self._try("telegram", lambda: self._to_telegram(message))
        if c.Channel.WEBHOOK in alert.channels:
            body = msgspec.json.encode({"alert": alert.name, "message": message, "time_ns": alert.fired_ns})
            await self._try("webhook", lambda: self._post(alert.webhook, body))

    async def _to_telegram(self, message: str) -> None:
        if self.telegram is None:
            raise InputError("The Telegram bot does not run: start it with lab.telegram.start().")
        await self.telegram(message)

    async def _try(self, where: str, work: Callable[[], Awaitable[None]]) -> None:
        for turn in range(TRIES):
            try:
                await work()
            except LabError as error:
                if turn == TRIES - 1 or isinstance(error, InputError):
                    self._report("alerts", f"An alert could not be told by {where}: {error}")
                    return
                await asyncio.sleep(FIRST_PAUSE_S * 2**turn)
            else:
                return

    def _find(self, alert_id: str) -> c.Alert:
        sentence = f"There is no alert {alert_id!r}: take an id from lab.alerts."
        return self._all.find(alert_id, sentence, "alert_id")

    def _keep(self, alert: c.Alert) -> c.Alert:
        return self._all.put(alert.alert_id, alert)


class AlertDesk:
    """The handlers."""

    def __init__(self, keeper: AlertKeeper) -> None:
        self._keeper = keeper

    @handles(c.SetAlert, permission=Permission.TRADE, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def set_alert(self, command: c.SetAlert, _: Principal) -> c.Alert:
        """Arm."""
        return self._keeper.set(command)

    @handles(c.RemoveAlert, permission=Permission.TRADE, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def remove_alert(self, command: c.RemoveAlert, _: Principal) -> Done:
        """Forget."""
        self._keeper.remove(command.alert_id)
        return Done("The alert is removed.")

    @handles(c.AcknowledgeAlert, permission=Permission.TRADE, idempotency=Idempotency.IDEMPOTENT)
    async def acknowledge_alert(self, command: c.AcknowledgeAlert, _: Principal) -> c.Alert:
        """Seen."""
        return self._keeper.acknowledge(command.alert_id)

    @reads(c.GetAlerts)
    async def get_alerts(self, _: c.GetAlerts, __: Principal) -> tuple[c.Alert, ...]:
        """Oldest first."""
        return self._keeper.listed()


def _matches(condition: c.OrderCondition, order: Order) -> bool:
    return (
        condition.what in ("any", _END[order.status])
        and condition.symbol in ("", order.symbol)
        and condition.strategy in ("", order.strategy)
        and condition.account in ("", order.account)
    )


def _order_words(order: Order) -> str:
    why = f" ({order.reason})" if order.reason else ""
    at = f" at {order.average_price:,.2f}" if order.filled_quantity else ""
    return (
        f"{order.mode.value.upper()} {order.account}: {order.side} {order.quantity} {order.symbol} is "
        f"{_END[order.status]}{at}{why}"
    )


def _subject(condition: c.Condition) -> str:
    match condition:
        case c.PriceCondition(symbol=symbol, field=field):
            return f"{field} of {symbol}"
        case c.PnlCondition(account=account, strategy=strategy):
            return f"today's result of {strategy or account or 'the account'}"
        case c.GreekCondition(symbol=symbol, figure=figure):
            return f"{figure} of {symbol}"
        case c.IndicatorCondition(symbol=symbol, indicator=indicator, period=period, interval=interval):
            return f"{indicator}({period}) of {symbol} {interval}"
    return ""


def _shown(condition: c.Condition, value: float) -> str:
    return format_inr(value, symbol=True) if isinstance(condition, c.PnlCondition) else f"{value:,.2f}"
