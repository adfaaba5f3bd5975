"""Options by their place in that day's chain, groups of legs with one stop, expiry, and margin by scan."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import msgspec
import numpy as np
import pytest

from openalgo_lab.backtest.margin import Held, load_margins, scan_margin
from openalgo_lab.backtest.market import Market, make_market
from openalgo_lab.backtest.options import RecordedOptions
from openalgo_lab.backtest.record import Record
from openalgo_lab.backtest.run import run_events
from openalgo_lab.backtest.settings import NO_CHARGES, BacktestSettings, PlanCharges
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, OptionType, Product, Side
from openalgo_lab.strategy import Leg, LegGroup, Strategy
from openalgo_lab.strategy.legs import GroupState
from tests.backtest.worlds import identity, minutes, tables

LOT = 65
FIRST = date(2026, 6, 15)  # a Monday
NEAR, FAR = date(2026, 6, 16), date(2026, 6, 23)
TERMS = BacktestSettings(cash=10_00_000, product=Product.NRML, charges=NO_CHARGES)
STRIKES = range(24_800, 25_250, 50)


def index(closes: list[float]) -> tuple[Instrument, Bars]:
    nifty = Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "NIFTY 50", 1, 1, 0.05)
    return nifty, flat_bars(np.array(closes))


def flat_bars(close: Any) -> Bars:
    """Bars of an hour, six a day, that open where the one before closed."""
    first = np.concatenate((close[:1], close[:-1]))
    start = minutes(len(close), a_day=6, first=FIRST, step=60)
    return Bars(
        start, first, np.maximum(first, close), np.minimum(first, close), close, np.full(len(close), 1e6), close * 0
    )


def option(strike: int, kind: InstrumentType, expiry: date) -> Instrument:
    symbol = format_symbol("NIFTY", kind, expiry, strike)
    return Instrument(symbol, Exchange.NFO, kind, symbol, 2, LOT, 0.05, 0, "NIFTY", expiry, float(strike))


def chain(spot: list[float]) -> dict[Instrument, Bars]:
    """Both expiries: intrinsic value and 40 (near) or 80 (far) of time value."""
    made = {}
    for expiry, rest in ((NEAR, 40.0), (FAR, 80.0)):
        for strike in STRIKES:
            for kind, sign in ((InstrumentType.CE, 1), (InstrumentType.PE, -1)):
                value = np.maximum(sign * (np.array(spot) - strike), 0.0) + rest
                made[option(strike, kind, expiry)] = flat_bars(value)
    return made


def run(
    strategy: type[Strategy], spot: list[float], settings: BacktestSettings = TERMS, **parameters: Any
) -> tuple[Record, Strategy]:
    def make(instrument: Instrument, bars: Bars) -> Market:
        return make_market(instrument, bars, settings, tables())

    nifty, bars = index(spot)
    listed = RecordedOptions(chain(spot), make)
    record, done = run_events(strategy, [make(nifty, bars)], settings, tables(), parameters, options=listed)
    identity(record)
    return record, done


class Picks(Strategy):
    """Notes which contracts stand in a place of the chain."""

    place = "ATM"
    expiry = 0

    def init(self) -> None:
        self.picked: list[tuple[str, str]] = []

    def on_bar(self, bar: Any) -> None:
        if bar.symbol == "NIFTY" and len(self.data) == 1:
            self.picked.append(
                (
                    self.option("NIFTY", "CE", self.place, self.expiry).symbol,
                    self.option("NIFTY", "PE", self.place).symbol,
                )
            )


@pytest.mark.parametrize(
    ("place", "expiry", "call", "put"),
    [
        ("ATM", 0, "NIFTY16JUN2625000CE", "NIFTY16JUN2625000PE"),
        ("OTM2", 0, "NIFTY16JUN2625100CE", "NIFTY16JUN2624900PE"),
        ("ITM1", 1, "NIFTY23JUN2624950CE", "NIFTY16JUN2625050PE"),
    ],
)
def test_a_contract_is_found_by_its_place(place: str, expiry: int, call: str, put: str) -> None:
    _, done = run(Picks, [25_010.0] * 4, place=place, expiry=expiry)
    assert isinstance(done, Picks)
    assert done.picked == [(call, put)]


def test_what_was_not_listed_is_told() -> None:
    with pytest.raises(InputError, match="was not listed"):
        run(Picks, [25_010.0] * 4, place="OTM9")
    with pytest.raises(InputError, match="2 expiries"):
        run(Picks, [25_010.0] * 4, expiry=2)
    with pytest.raises(InputError, match="no place in a chain"):
        run(Picks, [25_010.0] * 4, place="near")


class Straddle(Strategy):
    """Sells both at the money after the first bar."""

    stop = 0.0
    target = 0.0
    trail = 0.0
    again = 0
    expiry = 0
    made: LegGroup

    def on_bar(self, bar: Any) -> None:
        if bar.symbol == "NIFTY" and len(self.data) == 1:
            kinds = (OptionType.CE, OptionType.PE)
            legs = [Leg(Side.SELL, 1, underlying="NIFTY", kind=kind, expiry=self.expiry) for kind in kinds]
            self.made = self.group(*legs, stop=self.stop, target=self.target, trail=self.trail, re_entries=self.again)


CALM = [25_000.0] * 3


def group_of(strategy: Strategy) -> LegGroup:
    assert isinstance(strategy, Straddle)
    return strategy.made


def test_a_group_leaves_at_its_common_stop() -> None:
    record, done = run(Straddle, [*CALM, 25_060.0, 25_060.0, 25_200.0], stop=3000.0)
    group = group_of(done)
    assert (group.state, group.exit_reason) == (GroupState.DONE, "stop")
    # Sold at 40 + 40; at 25,060 the straddle costs 60 + 40 + 40: 60 × 65 lost, and left at the next open.
    assert group.pnl == pytest.approx(-60 * LOT)
    assert record.trades.gross.sum() / 100 == pytest.approx(-60 * LOT)
    assert record.open_units == {}
    assert set(record.trades.tag) == {"group"}


def test_a_group_enters_again_with_the_strikes_of_that_moment() -> None:
    spot = [*CALM, *[25_060.0] * 3, *[25_100.0] * 2]
    record, done = run(Straddle, spot, stop=3000.0, again=1, expiry=1)
    group = group_of(done)
    assert group.state is GroupState.OPEN
    assert record.open_units == {"NIFTY23JUN2625050CE": -LOT, "NIFTY23JUN2625050PE": -LOT}
    assert record.trades.symbol == ("NIFTY23JUN2625000CE", "NIFTY23JUN2625000PE")
    assert group.re_entries == 0
    assert len(record.trades) == 2


def test_a_bought_group_trails_its_best() -> None:
    class Long(Straddle):
        def on_bar(self, bar: Any) -> None:
            if bar.symbol == "NIFTY" and len(self.data) == 1:
                self.made = self.group(Leg(Side.BUY, 2, underlying="NIFTY", kind=OptionType.CE), trail=self.trail)

    spot = [*CALM, 25_100.0, 25_150.0, 25_130.0, 25_080.0, 25_080.0]
    record, done = run(Long, spot, trail=50.0 * 2 * LOT)
    assert group_of(done).exit_reason == "trail"
    assert record.trades.gross.tolist() == [80 * 2 * LOT * 100]


def test_a_leg_that_is_refused_takes_the_others_back() -> None:
    small = msgspec.structs.replace(TERMS, cash=2_00_000.0)
    record, done = run(Straddle, [25_000.0] * 6, small)
    group = group_of(done)
    assert (group.state, group.exit_reason) == (GroupState.DONE, "a leg was refused")
    assert record.open_units == {}
    assert record.refused == 1
    assert "more than the account carries" in "".join(record.orders.reason)


def test_expiry_settles_at_the_intrinsic_value_and_taxes_the_holder() -> None:
    class Holds(Strategy):
        def on_bar(self, bar: Any) -> None:
            if bar.symbol == "NIFTY" and len(self.data) == 1:
                self.buy(LOT, self.option("NIFTY", "CE").symbol)
                self.buy(LOT, self.option("NIFTY", "PE").symbol)

    spot = [25_000.0] * 6 + [25_100.0] * 6 + [25_150.0] * 3
    record, _ = run(Holds, spot, msgspec.structs.replace(TERMS, charges=PlanCharges("zero")))
    assert record.open_units == {}
    assert record.trades.reason == ("expiry", "expiry")
    assert record.trades.exit_price.tolist() == [100.0, 0.0]
    exits = [charges for charges, tag in zip(record.orders.charges, record.orders.tag, strict=True) if tag == "expiry"]
    assert exits == [round(100 * LOT * 0.0015 * 100), 0]  # 0.15 % of the intrinsic value


@pytest.mark.parametrize(("product", "reason"), [(Product.NRML, "expiry"), (Product.MIS, "square-off")])
def test_a_group_knows_what_its_host_closed(product: Product, reason: str) -> None:
    terms = msgspec.structs.replace(TERMS, product=product, square_off=time(13, 15))
    record, done = run(Straddle, [25_000.0] * 6 + [25_020.0] * 9, terms)
    group = group_of(done)
    assert (group.state, group.exit_reason) == (GroupState.DONE, reason)
    assert set(record.trades.reason) == {reason}
    assert group.pnl == pytest.approx(record.trades.gross.sum() / 100)
    assert record.open_units == {}
    assert len(record.orders.number) == 4


def test_timers_ring_at_their_time_and_symbols_have_their_own_bars() -> None:
    rung: list[time] = []

    class Clock(Strategy):
        def init(self) -> None:
            self.every_day("11:20", "late morning")

        def on_timer(self, name: str) -> None:
            rung.append(self.now.timetz().replace(tzinfo=None))

    run(Clock, [25_000.0] * 12)
    assert rung == [time(12, 15), time(12, 15)]  # the end of the bar in which it falls: nothing is known earlier


MARGIN_ROW = next(row for row in load_margins() if row.scope == "index" and row.expiry_day_pct == 0)


@pytest.mark.parametrize(
    ("legs", "spot", "published"),
    [
        # Published totals less the premium received (market rules, margins checked against published examples).
        ([(23_100, "PE", -75, 123.70)], 23_114.1, 192_798 - 75 * 123.70),
        ([(23_100, "CE", -75, 154.70)], 23_114.1, 196_181 - 75 * 154.70),
        ([(23_100, "PE", -75, 123.70), (22_800, "PE", 75, 40.0)], 23_114.1, 56_218 - 75 * 83.7),
        ([(23_100, "CE", -75, 154.70), (23_100, "PE", -75, 123.70)], 23_114.1, 230_852 - 75 * 278.4),
    ],
)
def test_margin_is_near_published_examples(
    legs: list[tuple[int, str, int, float]], spot: float, published: float
) -> None:
    held = [Held(option(strike, InstrumentType(kind), FAR), units, price) for strike, kind, units, price in legs]
    assert scan_margin(held, spot, MARGIN_ROW, FIRST) == pytest.approx(published, rel=0.04)


def test_a_long_option_is_covered_by_its_premium() -> None:
    held = [Held(option(25_000, InstrumentType.CE, FAR), LOT, 80.0)]
    assert scan_margin(held, 25_000.0, MARGIN_ROW, FIRST) == pytest.approx(LOT * 80.0)
