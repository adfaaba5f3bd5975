"""The checks by how the account stands: each rule by name, at its boundary."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import msgspec
import pytest

from openalgo_lab.engine.bands import RuleBookBands
from openalgo_lab.engine.cut_offs import IntradayCutOffs
from openalgo_lab.engine.day_profit import Profit
from openalgo_lab.engine.loss_watch import breach
from openalgo_lab.engine.risk import CHECKS, CLOSING_CHECKS, MODIFY_CHECKS, RiskGate
from openalgo_lab.engine.risk_account import armed, mis_cut_off
from openalgo_lab.engine.risk_case import Case, Standing
from openalgo_lab.engine.risk_checks import order_type, price_distance
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import RiskDenied
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.risk import RiskSettings, StopTarget
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import at_ist, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Mode, PriceType, Product, Side
from tests.support.engine_parts import NOW_NS, AlwaysOpen
from tests.support.scripted_broker import INSTRUMENTS, quote_of

SHARE, _, INDEX, CALL = INSTRUMENTS
RULES, CALENDAR = RuleBook.load(), TradingCalendar.load()
CUT_OFFS = IntradayCutOffs(RULES, CALENDAR)


def order(**more: Any) -> PlaceOrder:
    return msgspec.structs.replace(PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS, account="A"), **more)


def case(placed: PlaceOrder | None = None, settings: RiskSettings | None = None, **standing: Any) -> Case:
    return Case(
        placed or order(), SHARE, settings or RiskSettings(), NOW_NS, quote_of(SHARE, 100.0, NOW_NS),
        standing=Standing(**standing),
    )  # fmt: skip


LIMIT_5 = RiskSettings(max_orders_per_s=5, max_open_orders=5, max_position_quantity=50, price_distance_pct=2.0)


def far(price: float) -> PlaceOrder:
    return order(price_type=PriceType.LIMIT, price=price)


@pytest.mark.parametrize(
    "good",
    [
        case(settings=LIMIT_5, orders_this_second=4),
        case(settings=LIMIT_5, open_orders=4),
        case(settings=LIMIT_5, held=30, coming=10),
        case(order(side=Side.SELL), LIMIT_5, held=90),  # reduces what is too large
        case(far(102.0), LIMIT_5),
        case(needed_paise=100, available_paise=100),
        case(needed_paise=None, available_paise=1),
        case(mode=Mode.LIVE, armed=True),
        case(mode=Mode.SANDBOX, armed=False),
    ],
)
def test_what_passes(good: Case) -> None:
    for check in CHECKS:
        check(good)


@pytest.mark.parametrize(
    ("bad", "rule", "words"),
    [
        (case(settings=LIMIT_5, orders_this_second=5), "max_orders_per_s", "within one second"),
        (case(settings=LIMIT_5, open_orders=5), "max_open_orders", "5 orders are open"),
        (case(settings=LIMIT_5, held=30, coming=11), "max_position", "could become 51"),
        (case(order(side=Side.SELL), LIMIT_5, held=-45), "max_position", "could become -55"),
        (case(far(102.05), LIMIT_5), "price_distance", "2.0 %|2.1 %"),
        (case(needed_paise=101, available_paise=100), "margin", "₹0.01 short"),
        (case(mode=Mode.LIVE, armed=False), "armed", "arm it"),
        (case(stopped="Account A takes no new orders today: loss."), "loss_limit", "no new orders"),
        (msgspec.structs.replace(case(), type_taken=False), "order_type", "takes no MARKET"),
    ],
)  # fmt: skip
def test_what_does_not(bad: Case, rule: str, words: str) -> None:
    with pytest.raises(RiskDenied, match=words) as denied:
        for check in CHECKS:
            check(bad)
    assert denied.value.rule == rule


def test_who_reduces_is_never_kept_in() -> None:
    stuck = case(mode=Mode.LIVE, armed=False, stopped="no", needed_paise=10, available_paise=0)
    for check in CLOSING_CHECKS:
        check(stuck)
    assert order_type in MODIFY_CHECKS and armed in MODIFY_CHECKS


def test_without_a_price_a_distance_cannot_be_judged() -> None:
    with pytest.raises(RiskDenied, match="No price"):
        price_distance(msgspec.structs.replace(case(far(100.0), LIMIT_5), quote=None))


@pytest.mark.parametrize(
    ("exchange", "kind", "day", "taken"),
    [
        (Exchange.NFO, InstrumentType.CE, date(2021, 9, 26), True),
        (Exchange.NFO, InstrumentType.CE, date(2021, 9, 27), False),
        (Exchange.BFO, InstrumentType.PE, date(2026, 11, 25), False),
        (Exchange.MCX, InstrumentType.CE, date(2026, 11, 25), False),
        (Exchange.NFO, InstrumentType.FUT, date(2026, 11, 25), True),
        (Exchange.NSE, InstrumentType.EQ, date(2026, 11, 25), True),
        (Exchange.CDS, InstrumentType.CE, date(2026, 11, 25), True),
    ],
)
def test_sl_m_on_options_is_a_dated_rule(exchange: Exchange, kind: InstrumentType, day: date, taken: bool) -> None:
    assert RULES.takes_order_type(exchange, kind, PriceType.SL_M, day) is taken
    assert RULES.takes_order_type(exchange, kind, PriceType.SL, day)


# F19: clock travel over every cut-off, a second before, at it, a second after -----------------------------------------

OTHER = Instrument("ZZZ", Exchange.NSE, InstrumentType.EQ, "no derivatives", 90, 1, 0.05)
FUTURE = Instrument("USDINR27NOV26FUT", Exchange.CDS, InstrumentType.FUT, "", 91, 1000, 0.0025, 0, "USDINR")
GOLD = Instrument("GOLDM04DEC26FUT", Exchange.MCX, InstrumentType.FUT, "", 92, 10, 1.0, 0, "GOLDM")

CUTS = [
    (SHARE, date(2026, 7, 31), time(15, 15)),  # before the closing auction
    (SHARE, date(2026, 11, 25), time(15, 5)),
    (OTHER, date(2026, 11, 25), time(15, 15)),
    (CALL, date(2026, 7, 31), time(15, 20)),
    (CALL, date(2026, 11, 25), time(15, 25)),
    (FUTURE, date(2026, 11, 25), time(16, 45)),
    (GOLD, date(2026, 11, 25), time(23, 30)),  # 25 minutes before 23:55
    (GOLD, date(2026, 7, 31), time(23, 5)),  # summer time in New York: 23:30
]


@pytest.mark.parametrize(("instrument", "day", "cut"), CUTS)
@pytest.mark.parametrize("second", [-1, 0, 1])
def test_the_cut_off_to_the_second(instrument: Instrument, day: date, cut: time, second: int) -> None:
    now = to_ns(at_ist(day, cut) + timedelta(seconds=second))
    until = CUT_OFFS(instrument, now)
    assert until == at_ist(day, cut)
    placed = order(exchange=instrument.exchange, symbol=instrument.symbol)
    late = Case(placed, instrument, RiskSettings(), now, intraday_until=until)
    if second < 0:
        mis_cut_off(late)
        return
    with pytest.raises(RiskDenied, match=f"squares MIS off at {cut:%H:%M}") as denied:
        mis_cut_off(late)
    assert denied.value.rule == "mis_cut_off"
    mis_cut_off(msgspec.structs.replace(late, order=msgspec.structs.replace(placed, product=Product.NRML)))
    mis_cut_off(msgspec.structs.replace(late, standing=Standing(held=-10)))  # closes a short
    with pytest.raises(RiskDenied):
        mis_cut_off(msgspec.structs.replace(late, standing=Standing(held=-9)))  # would open one


@pytest.mark.parametrize("day", [date(2026, 11, 8), date(2026, 12, 25), date(2026, 11, 28)])
def test_days_without_a_known_cut_off(day: date) -> None:
    """Muhurat, a holiday, a weekend: the session check speaks there, and no time is guessed."""
    assert CUT_OFFS(SHARE, to_ns(at_ist(day, time(12)))) is None


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def test_orders_within_one_second_are_counted_by_account() -> None:
    clock = Clock()
    settings = RiskSettings(max_orders_per_s=3, duplicate_window_s=0.0)
    gate = RiskGate(settings, AlwaysOpen(), RuleBookBands(RULES), clock)
    quote = quote_of(SHARE, 100.0, NOW_NS)
    for _ in range(3):
        gate.check(order(), SHARE, quote, NOW_NS)
    with pytest.raises(RiskDenied, match="max_orders_per_s"):
        gate.check(order(), SHARE, quote, NOW_NS)
    gate.check(order(account="B"), SHARE, quote, NOW_NS)
    clock.now = 999_999_999
    with pytest.raises(RiskDenied):
        gate.check_change(order(), SHARE, quote, NOW_NS)
    clock.now = 1_000_000_000
    gate.check_change(order(), SHARE, quote, NOW_NS)


def test_a_stop_binds_its_scope_only() -> None:
    gate = RiskGate(RiskSettings(duplicate_window_s=0.0), AlwaysOpen(), RuleBookBands(RULES), Clock())
    gate.stop("A", "scalp", "Strategy scalp takes no new orders today.")
    quote = quote_of(SHARE, 100.0, NOW_NS)
    gate.check(order(), SHARE, quote, NOW_NS)
    gate.check(order(account="B", strategy="scalp"), SHARE, quote, NOW_NS)
    with pytest.raises(RiskDenied, match="Strategy scalp"):
        gate.check(order(strategy="scalp"), SHARE, quote, NOW_NS)
    gate.stop("A", "", "Account A takes no new orders today.")
    with pytest.raises(RiskDenied, match="Account A"):
        gate.check(order(), SHARE, quote, NOW_NS)
    gate.stop("A", "", "")
    gate.check(order(), SHARE, quote, NOW_NS)


@pytest.mark.parametrize(
    ("paise", "reached"),
    [(-499_999, ""), (-500_000, "loss limit"), (-500_001, "loss limit"), (0, ""), (799_999, ""), (800_000, "target")],
)
def test_stop_and_target_to_the_paisa(paise: int, reached: str) -> None:
    profit = Profit()
    profit.open_paise = paise
    sentence = breach(profit, StopTarget(stop=5_000.0, target=8_000.0))
    assert reached in sentence and bool(sentence) is bool(reached)
    assert not breach(profit, StopTarget())
