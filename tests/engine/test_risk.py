"""The risk gate: each rule by name, with the sentence that says what to do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalgo_lab.engine.bands import RuleBookBands
from openalgo_lab.engine.risk import CHECKS, Case, RiskGate
from openalgo_lab.engine.risk_settings import RISK_FILE, RiskSettings, load_risk_settings, save_risk_settings
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import RiskDenied, StoreError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import at_ist
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Side, Validity
from tests.support.engine_parts import DAY, NOW_NS, AlwaysOpen
from tests.support.scripted_broker import INSTRUMENTS, quote_of

SHARE, _, INDEX, CALL = INSTRUMENTS
SECOND = 1_000_000_000


def order(**more: Any) -> PlaceOrder:
    base = PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS)
    return msgspec.structs.replace(base, **more)


def limit(price: float, **more: Any) -> PlaceOrder:
    return order(price_type=PriceType.LIMIT, price=price, **more)


def stop(price: float, trigger: float, side: Side = Side.BUY) -> PlaceOrder:
    return order(price_type=PriceType.SL, price=price, trigger_price=trigger, side=side)


def option(**more: Any) -> PlaceOrder:
    return msgspec.structs.replace(order(exchange=Exchange.NFO, symbol=CALL.symbol, product=Product.NRML), **more)


def judge(case: Case) -> None:
    for check in CHECKS:
        check(case)


def case(order: PlaceOrder, instrument: Instrument = SHARE, **more: Any) -> Case:
    base = Case(order, instrument, RiskSettings(), NOW_NS, quote_of(instrument, 100.0, NOW_NS))
    return msgspec.structs.replace(base, **more)


GOOD = [
    case(order()),
    case(limit(99.95)),
    case(stop(101.0, 100.5)),
    case(stop(99.0, 99.5, Side.SELL)),
    case(order(price_type=PriceType.SL_M, trigger_price=101.0)),
    case(option(quantity=1755), CALL),
    case(order(disclosed_quantity=10)),
    case(limit(99.0), quote=None),
]


@pytest.mark.parametrize("good", GOOD)
def test_what_is_right_passes(good: Case) -> None:
    judge(good)


BAD: list[tuple[str, Case, str]] = [
    ("kill_switch", case(order(), kill_switch=True), "release it"),
    ("tradable", case(order(), INDEX), "is an index"),
    ("quantity", case(order(quantity=0)), "positive, not 0"),
    ("quantity", case(order(quantity=-5)), "positive, not -5"),
    ("lot", case(option(quantity=100), CALL), "take 65 or 130"),
    ("lot", case(option(quantity=20), CALL), "take 65"),
    ("freeze", case(option(quantity=65 * 28), CALL), r"at most 1,755 \(freeze quantity 1,800\): split"),
    ("product", case(option(quantity=65, product=Product.CNC), CALL), "NRML or MIS"),
    ("product", case(order(product=Product.NRML)), "CNC or MIS"),
    ("price", case(limit(0.0)), "needs a price"),
    ("price", case(order(price=99.0)), "takes no price"),
    ("price", case(limit(-1.0)), "positive number"),
    ("price", case(limit(float("nan"))), "positive number"),
    ("trigger_price", case(stop(101.0, 0.0)), "needs a trigger price"),
    ("trigger_price", case(limit(99.0, trigger_price=98.0)), "takes no trigger price"),
    ("tick", case(limit(99.97)), "take 99.95 or 100"),
    ("tick", case(stop(101.0, 100.52)), "trigger price 100.52"),
    ("tick", case(limit(0.01)), "take 0.05"),
    ("stop_relation", case(stop(100.0, 101.0)), "at or above its trigger price 101"),
    ("stop_relation", case(stop(100.0, 99.0, Side.SELL)), "at or below"),
    ("validity", case(msgspec.structs.replace(stop(101.0, 100.5), validity=Validity.IOC)), "take DAY"),
    ("disclosed", case(order(disclosed_quantity=11)), "between 0 and 10"),
    ("session", case(order(), open_now=False), "NSE is closed now"),
    (
        "session",
        case(order(), open_now=False, opens_at=at_ist(DAY, datetime.min.time().replace(hour=9, minute=15))),
        "opens on Wed 25 Nov at 09:15 IST",
    ),
    ("trigger_side", case(stop(99.5, 99.0)), "above the last price 100"),
    ("price_band", case(limit(130.0), band=(80.0, 120.0)), "80 to 120"),
    ("price_band", case(limit(130.0)), "30 % from the last price 100"),
    ("max_value", case(limit(99.0, quantity=200_000)), r"₹1,98,00,000.00, more than your limit of ₹1,00,00,000.00"),
    ("max_value", case(order(), quote=None), "give a limit price"),
    ("duplicate", case(order(), repeats_young=True), "confirm it"),
]


@pytest.mark.parametrize(("rule", "bad", "words"), BAD)
def test_what_is_wrong_is_refused_by_name(rule: str, bad: Case, words: str) -> None:
    with pytest.raises(RiskDenied, match=words) as caught:
        judge(bad)
    assert caught.value.rule == rule


def test_settings_switch_rules_on_and_off() -> None:
    strict = RiskSettings(max_order_quantity=5, max_price_age_s=2.0)
    for bad, rule in [
        (case(order(), settings=strict), "max_quantity"),
        (case(order(quantity=5), settings=strict, quote=None), "stale_price"),
        (case(order(quantity=5), settings=strict, quote=quote_of(SHARE, 100.0, NOW_NS - 3 * SECOND)), "stale_price"),
    ]:
        with pytest.raises(RiskDenied) as caught:
            judge(bad)
        assert caught.value.rule == rule
    off = RiskSettings(max_order_value=0, max_price_distance_pct=0)
    judge(case(limit(500.0, quantity=1_000_000), settings=off))


class Closed(AlwaysOpen):
    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        return False


def gate(settings: RiskSettings = RiskSettings(), clock: list[int] | None = None) -> RiskGate:
    ticks = clock or [0]
    return RiskGate(settings, AlwaysOpen(), RuleBookBands(RuleBook.load()), lambda: ticks[0])


def test_a_double_click_is_caught_for_two_seconds() -> None:
    clock = [0]
    one = gate(clock=clock)
    quote = quote_of(SHARE, 100.0, NOW_NS)
    one.check(order(client_key="a"), SHARE, quote, NOW_NS)
    clock[0] = int(1.9 * SECOND)
    with pytest.raises(RiskDenied, match="less than 2 s ago"):
        one.check(order(client_key="b"), SHARE, quote, NOW_NS)
    one.check(order(client_key="b", confirm_duplicate=True), SHARE, quote, NOW_NS)
    one.check(order(quantity=11), SHARE, quote, NOW_NS)
    clock[0] = int(4.0 * SECOND)
    one.check(order(), SHARE, quote, NOW_NS)


def test_bands_come_from_the_dated_tables() -> None:
    bands = RuleBookBands(RuleBook.load())
    future = Instrument("NIFTY29DEC26FUT", Exchange.NFO, InstrumentType.FUT, "NIFTY", 9, 65, 0.1, 1800, "NIFTY")
    assert bands.limits(CALL, quote_of(CALL, 100.0), DAY) == (60.0, 140.0)
    assert bands.limits(CALL, quote_of(CALL, 10.0), DAY) == (0.05, 30.0)
    assert bands.limits(future, quote_of(future, 26000.0), DAY) == (23400.0, 28600.0)
    assert bands.limits(SHARE, quote_of(SHARE, 100.0), DAY) == (80.0, 120.0)
    assert bands.limits(SHARE, quote_of(SHARE, float("nan")), DAY) is None


def test_closing_passes_the_users_own_limits_but_not_the_exchanges() -> None:
    one = gate(RiskSettings(max_order_value=1.0, max_order_quantity=1))
    one.kill_switch = True
    one.check_closing(order(quantity=500), SHARE, NOW_NS)
    with pytest.raises(RiskDenied, match="lot"):
        one.check_closing(option(quantity=10), CALL, NOW_NS)


def test_limits_are_kept_in_the_profile(tmp_path: Path) -> None:
    assert load_risk_settings(tmp_path) == RiskSettings()
    chosen = RiskSettings(max_order_value=5.0)
    save_risk_settings(tmp_path, chosen)
    assert load_risk_settings(tmp_path) == chosen
    assert (tmp_path / RISK_FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / RISK_FILE).write_text('{"max_order_valu": 5}')
    with pytest.raises(StoreError, match="remove it"):
        load_risk_settings(tmp_path)
