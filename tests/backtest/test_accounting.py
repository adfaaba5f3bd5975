"""The accounting identity to the paisa for whatever a strategy does, and the charges against worked examples."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.backtest.charges import charge_rows
from openalgo_lab.backtest.kernel import charge_paise
from openalgo_lab.backtest.market import make_market
from openalgo_lab.backtest.run import run_events
from openalgo_lab.backtest.settings import BacktestSettings, FlatCharges, PlanCharges, Slippage
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Product
from openalgo_lab.strategy import Strategy
from tests.backtest.worlds import identity, share, tables, walk


class Restless(Strategy):
    """Does anything, from drawn numbers."""

    drawn = ()

    def on_bar(self, bar: Any) -> None:
        act = self.drawn[len(self.bars_of(bar.symbol)) * 7 % len(self.drawn)]
        units = 1 + act % 9
        near = bar.close * (1 + (act % 7 - 3) / 400)
        do = (self.buy, self.sell)[act % 2]
        match act % 8:
            case 0 | 1:
                do(units, bar.symbol)
            case 2:
                do(units, bar.symbol, price=near, stop_pct=1.0, target_pct=2.0)
            case 3:
                do(units, bar.symbol, trigger=near, trail_pct=0.5)
            case 4:
                do(units, bar.symbol, trigger=near, price=near * 1.001, good_till_cancelled=True)
            case 5:
                self.close(bar.symbol)
            case 6:
                self.target(units - 5, bar.symbol)
            case _:
                self.cancel_all(bar.symbol)


@settings(max_examples=60)
@given(
    drawn=st.lists(st.integers(0, 1000), min_size=5, max_size=40),
    seed=st.integers(0, 2**20),
    charges=st.sampled_from([PlanCharges(), FlatCharges(0.1), FlatCharges(0.0, 20.0)]),
    share_of_volume=st.sampled_from([0.0, 0.001]),
    product=st.sampled_from([Product.CNC, Product.MIS]),
)
def test_every_paisa_is_accounted_for(
    drawn: list[int], seed: int, charges: Any, share_of_volume: float, product: Product
) -> None:
    terms = BacktestSettings(
        cash=20_000.0, charges=charges, leverage=5.0, volume_share=share_of_volume, product=product,
        slippage=Slippage(0.02),
    )  # fmt: skip
    markets = [
        make_market(share(name), walk(seed + number, 80, volatility=0.01), terms, tables())
        for number, name in enumerate(("SBIN", "INFY"))
    ]
    record, strategy = run_events(Restless, markets, terms, tables(), {"drawn": tuple(drawn)})
    identity(record)
    assert sum(record.orders.charges) == int(record.trades.charges.sum()) + record.open_charges
    for symbol in strategy.symbols:
        signed = sum(
            filled * (1 if side == "BUY" else -1)
            for name, side, filled in zip(record.orders.symbol, record.orders.side, record.orders.filled, strict=True)
            if name == symbol
        )
        assert signed == strategy.position_of(symbol).quantity == record.open_units.get(symbol, 0)


def contract(exchange: Exchange, kind: InstrumentType, underlying: str) -> Instrument:
    return Instrument("X", exchange, kind, "X", 1, 1, 0.05, 0, underlying)


WORKED = [
    # name, instrument, product, buy value, sell value, total in rupees (market rules, worked examples, exact mode)
    ("D1", share(), Product.CNC, 80_000, 0, 94.99),
    ("I1", share(), Product.MIS, 80_000, 80_600, 75.76),
    ("I2", share(), Product.MIS, 2_500, 2_520, 2.67),
    ("F1", contract(Exchange.NFO, InstrumentType.FUT, "NIFTY"), Product.NRML, 1_625_000, 1_631_500, 969.61),
    ("F2", contract(Exchange.BFO, InstrumentType.FUT, "SENSEX"), Product.NRML, 1_616_000, 1_620_000, 893.34),
    ("O1", contract(Exchange.NFO, InstrumentType.CE, "NIFTY"), Product.NRML, 6_500, 7_800, 65.11),
    ("O2", contract(Exchange.BFO, InstrumentType.CE, "SENSEX"), Product.NRML, 10_000, 12_000, 73.96),
    ("C1", contract(Exchange.CDS, InstrumentType.FUT, "USDINR"), Product.NRML, 880_000, 881_000, 57.43),
    ("M2", contract(Exchange.MCX, InstrumentType.FUT, "CRUDEOIL"), Product.NRML, 600_000, 605_000, 150.98),
    ("M3", contract(Exchange.MCX, InstrumentType.CE, "CRUDEOIL"), Product.NRML, 20_000, 23_000, 80.56),
]


@pytest.mark.parametrize(
    ("instrument", "product", "bought", "sold", "total"), [row[1:] for row in WORKED], ids=[row[0] for row in WORKED]
)
def test_charges_are_those_of_the_worked_examples(
    instrument: Instrument, product: Product, bought: float, sold: float, total: float
) -> None:
    rows, _ = charge_rows(PlanCharges(), instrument, product, [date(2026, 6, 1)], tables().rules)
    flat, percent, levy_buy, levy_sell, taxed, gst, _debit = rows[0].tolist()
    paise = sum(
        charge_paise(int(value * 100), buys, flat, percent, levy_buy, levy_sell, taxed, gst)
        for value, buys in ((bought, True), (sold, False))
        if value
    )
    assert paise == pytest.approx(total * 100, abs=1.01)  # two orders, each rounded


def test_charges_follow_the_dates() -> None:
    future = contract(Exchange.NFO, InstrumentType.FUT, "NIFTY")
    days = [date(2024, 9, 30), date(2024, 10, 1), date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2)]
    rows, numbers = charge_rows(PlanCharges(), future, Product.NRML, days, tables().rules)
    tax_and_fees = rows[numbers, 3]
    assert np.diff(tax_and_fees).tolist()[:3] != [0.0, 0.0, 0.0]
    assert numbers[3] == numbers[4] != numbers[2]
    assert tax_and_fees[3] - tax_and_fees[2] == pytest.approx(0.0003)  # 0.02 % → 0.05 %


def test_a_sale_from_the_demat_account_pays_its_debit_once_a_day() -> None:
    class Twice(Strategy):
        def on_bar(self, bar: Any) -> None:
            match len(self.data):
                case 1:
                    self.buy(10)
                case 3 | 5:
                    self.sell(5)

    terms = BacktestSettings(charges=PlanCharges("zero"))
    market = make_market(share(), walk(3, 20), terms, tables())
    record, _ = run_events(Twice, [market], terms, tables(), {})
    first, second = record.orders.charges[1:]
    assert first - second == pytest.approx(1534, abs=3)  # (3.50 + 9.50) × 1.18 rupees
