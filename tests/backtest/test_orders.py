"""How orders are filled: each kind against bars that gap, touch and miss; volume, refusals, protection."""

from __future__ import annotations

from typing import Any

import pytest

from openalgo_lab.backtest.settings import NO_CHARGES, BacktestSettings, Slippage
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Product
from openalgo_lab.strategy import Strategy, StrategyOrder
from tests.backtest.worlds import PLAIN, bars_of, identity, run, share

Row = tuple[float, float, float, float]
CALM: Row = (100.0, 101.0, 99.0, 100.0)


class Once(Strategy):
    """Gives one order after the first bar."""

    side = "BUY"
    units = 10
    price = 0.0
    trigger = 0.0
    stop_loss = 0.0
    take_profit = 0.0
    trail_pct = 0.0
    lasting = True

    def init(self) -> None:
        self.heard: list[tuple[OrderStatus, int]] = []

    def on_bar(self, bar: Any) -> None:
        if len(self.data) == 1:
            self.given = (self.buy if self.side == "BUY" else self.sell)(
                self.units, price=self.price, trigger=self.trigger, stop_loss=self.stop_loss,
                take_profit=self.take_profit, trail_pct=self.trail_pct, good_till_cancelled=self.lasting,
            )  # fmt: skip

    def on_order(self, order: StrategyOrder) -> None:
        self.heard.append((order.status, order.filled))


def given(rows: list[Row], settings: BacktestSettings = PLAIN, **order: Any) -> StrategyOrder:
    record, strategy = run(Once, bars_of([CALM, *rows]), settings, **order)
    identity(record)
    assert isinstance(strategy, Once)
    return strategy.given


FILLS = [
    # what is given                                   next bar                       fill (0 = none)
    ({"side": "BUY"}, (103, 104, 102, 103), 103.0),
    ({"side": "SELL"}, (97, 98, 96, 97), 97.0),
    ({"side": "BUY", "price": 98.0}, (100, 101, 98.0, 99), 98.0),
    ({"side": "BUY", "price": 98.0}, (97, 98, 96, 97), 97.0),
    ({"side": "BUY", "price": 98.0}, (100, 101, 98.05, 99), 0.0),
    ({"side": "SELL", "price": 102.0}, (100, 102, 99, 100), 102.0),
    ({"side": "SELL", "price": 102.0}, (103, 104, 102.5, 103), 103.0),
    ({"side": "BUY", "trigger": 102.0}, (100, 102, 99, 101), 102.0),
    ({"side": "BUY", "trigger": 102.0}, (105, 106, 104, 105), 105.0),
    ({"side": "BUY", "trigger": 102.0}, (100, 101.95, 99, 101), 0.0),
    ({"side": "SELL", "trigger": 98.0}, (95, 96, 94, 95), 95.0),
    ({"side": "BUY", "trigger": 102.0, "price": 103.0}, (100, 104, 99, 101), 102.0),
    ({"side": "BUY", "trigger": 102.0, "price": 103.0}, (105, 106, 104, 105), 0.0),
    ({"side": "BUY", "trigger": 102.0, "price": 103.0}, (105, 106, 102.9, 103), 103.0),
    ({"side": "BUY", "trigger": 102.0, "price": 101.0}, (100, 104, 99, 101), 0.0),
    ({"side": "SELL", "trigger": 98.0, "price": 97.0}, (100, 101, 96, 97), 98.0),
]


@pytest.mark.parametrize(("order", "row", "fill"), FILLS)
def test_a_bar_fills_an_order(order: dict[str, Any], row: Row, fill: float) -> None:
    done = given([row], **order)
    assert done.average == fill
    assert (done.status is OrderStatus.COMPLETE) is (fill > 0)


def test_a_triggered_limit_rests_and_fills_later() -> None:
    done = given([(100, 104, 99, 101), (102, 103, 101, 102)], trigger=102.0, price=101.0)
    assert (done.status, done.average) == (OrderStatus.COMPLETE, 101.0)


def test_prices_are_rounded_to_the_tick_for_the_trader() -> None:
    assert given([CALM], price=98.03).price == 98.0
    assert given([CALM], side="SELL", price=102.01).price == 102.05


def test_slippage_is_against_the_trader_and_on_the_tick() -> None:
    slow = BacktestSettings(charges=NO_CHARGES, product=Product.NRML, slippage=Slippage(percent=0.02, rupees=0.01))
    assert given([CALM], slow).average == 100.05
    assert given([CALM], slow, side="SELL").average == 99.95
    assert given([CALM], slow, price=100.0).average == 100.0
    deep = BacktestSettings(charges=NO_CHARGES, product=Product.NRML, slippage=Slippage(impact=1.0))
    assert given([CALM], deep, units=2500).average == 100.05  # 1 % × √(2,500 / 1,000,000) = 0.05 %


def test_an_order_takes_its_share_of_the_volume() -> None:
    settings = BacktestSettings(charges=NO_CHARGES, volume_share=0.1)
    parts: list[int] = []

    class Patient(Once):
        def on_bar(self, bar: Any) -> None:
            super().on_bar(bar)
            parts.append(self.given.filled)

    record, strategy = run(Patient, bars_of([CALM] * 5, volume=50), settings, units=12)
    assert parts == [0, 5, 10, 12, 12]
    assert isinstance(strategy, Once)
    assert [status for status, _ in strategy.heard] == [OrderStatus.PARTIALLY_FILLED] * 2 + [OrderStatus.COMPLETE]
    identity(record)


def test_a_day_order_ends_with_its_day() -> None:
    rows = [CALM] * 30
    _, strategy = run(Once, bars_of(rows), PLAIN, price=90.0, lasting=False)
    assert isinstance(strategy, Once)
    assert strategy.given.status is OrderStatus.EXPIRED
    assert strategy.heard == [(OrderStatus.EXPIRED, 0)]


@pytest.mark.parametrize(
    ("units", "lot", "word"), [(10, 3, "whole number of lots"), (2000, 1, "more than the account carries")]
)
def test_what_cannot_be_is_refused_in_words(units: int, lot: int, word: str) -> None:
    _, strategy = run(Once, bars_of([CALM] * 3), PLAIN, share(lot=lot), units=units)
    assert isinstance(strategy, Once)
    assert strategy.given.status is OrderStatus.REJECTED
    assert word in strategy.given.reason
    assert strategy.heard == [(OrderStatus.REJECTED, 0)]


def test_nothing_is_no_order() -> None:
    with pytest.raises(InputError, match="positive quantity"):
        given([CALM], units=0)


PROTECTED = [
    # protection                     bars after the entry at 100                            exit, why
    ({"stop_loss": 98.0}, [(100, 101, 97, 99)], 98.0, "stop"),
    ({"stop_loss": 98.0}, [CALM, (95, 96, 94, 95)], 95.0, "stop"),
    ({"take_profit": 103.0}, [(100, 104, 99, 101)], 103.0, "target"),
    ({"take_profit": 103.0}, [CALM, (105, 106, 104, 105)], 105.0, "target"),
    ({"stop_loss": 98.0, "take_profit": 103.0}, [(100, 104, 97, 99)], 98.0, "stop"),
    ({"trail_pct": 2.0}, [(100, 105, 99, 104), (104, 104, 102, 103)], 102.9, "trail"),
]


@pytest.mark.parametrize(("levels", "rows", "price", "reason"), PROTECTED)
def test_protection_ends_a_trade(levels: dict[str, float], rows: list[Row], price: float, reason: str) -> None:
    record, _ = run(Once, bars_of([CALM, *rows, CALM]), PLAIN, **levels)
    assert record.trades.exit_price.tolist() == [pytest.approx(price)]
    assert record.trades.reason == (reason,)
    identity(record)


def test_intraday_positions_leave_by_themselves_and_none_enter_late() -> None:
    class Late(Strategy):
        def on_bar(self, bar: Any) -> None:
            self.buy(1)

    settings = BacktestSettings(charges=NO_CHARGES, product=Product.MIS, leverage=5)
    record, _ = run(Late, bars_of([CALM] * 50), settings)
    assert set(record.trades.reason) == {"square-off"}
    closed = set(record.trades.exit_ns.tolist())
    assert len(closed) == 2  # the bar of 15:15 on each of two days (15 minutes a bar, from 09:15)
    assert {(int(moment) // 60_000_000_000 + 330) % 1440 for moment in closed} == {15 * 60 + 15}
    assert record.orders.status.count("rejected") == 2
    identity(record)


def test_a_lost_account_stops() -> None:
    settings = BacktestSettings(charges=NO_CHARGES, cash=1000.0, leverage=10.0)
    record, strategy = run(Once, bars_of([CALM, CALM, (85, 86, 80, 81), CALM, CALM]), settings, units=90)
    assert record.trades.reason == ("ruin",)
    assert record.equity[-1] == record.equity[2] < 0
    assert len(strategy.data) == 3
    identity(record)


def test_delivery_is_not_sold_short() -> None:
    delivery = BacktestSettings(charges=NO_CHARGES, product=Product.CNC)
    refused = given([CALM], delivery, side="SELL")
    assert refused.status is OrderStatus.REJECTED
    assert "use product MIS" in refused.reason

    class Turns(Strategy):
        def on_bar(self, bar: Any) -> None:
            if len(self.data) == 1:
                self.buy(10)
            elif len(self.data) == 3:
                self.turned = self.sell(15)

    record, strategy = run(Turns, bars_of([CALM] * 6), delivery)
    assert isinstance(strategy, Turns)
    assert (strategy.turned.status, strategy.turned.filled) == (OrderStatus.CANCELLED, 10)
    assert record.open_units == {}
    identity(record)
