"""The margin estimate against figures that brokers' calculators have published."""

from __future__ import annotations

from datetime import date

import pytest

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.option_margins import option_margin_rates
from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.options.margin import MarginLeg, hedged_margin

CE, PE, FUT = InstrumentType.CE, InstrumentType.PE, InstrumentType.FUT
APRIL = option_margin_rates(date(2025, 4, 10), is_index=True)
SPOT = 23_114.1


def sold(kind: InstrumentType, strike: float, price: float, units: int = 75) -> MarginLeg:
    return MarginLeg(kind, strike, -units, price)


def bought(kind: InstrumentType, strike: float, price: float, units: int = 75) -> MarginLeg:
    return MarginLeg(kind, strike, units, price)


@pytest.mark.parametrize(
    ("legs", "span", "exposure"),
    [
        ([sold(PE, 23_100, 123.7)], 158_127.0, 34_671.15),
        ([sold(CE, 23_100, 154.7)], 161_509.5, 34_671.15),
        ([sold(CE, 23_100, 154.7), sold(PE, 23_100, 123.7)], 161_509.5, 69_342.3),
    ],
)
def test_published_examples(legs: list[MarginLeg], span: float, exposure: float) -> None:
    found = hedged_margin(legs, SPOT, APRIL)
    assert found.span == pytest.approx(span, rel=0.015)
    assert found.exposure == pytest.approx(exposure, rel=1e-4)


def test_a_wing_leaves_its_width_and_the_exposure() -> None:
    spread = hedged_margin([sold(PE, 23_100, 123.7), bought(PE, 22_800, 40.0)], SPOT, APRIL)
    assert spread.span == pytest.approx(22_500.0)  # published 21,546.75
    assert spread.exposure == pytest.approx(34_671.15, rel=1e-4)
    assert spread.premium == 75 * 40.0
    assert spread.benefit > 100_000
    fly = hedged_margin(
        [sold(CE, 23_100, 154.7), sold(PE, 23_100, 123.7), bought(PE, 22_800, 40.0), bought(CE, 23_400, 50.0)],
        SPOT,
        APRIL,
    )
    assert fly.span == pytest.approx(22_500.0)
    assert fly.exposure == pytest.approx(69_342.3, rel=1e-4)


def test_far_move_at_a_third_decides_for_a_far_strike() -> None:
    """Kite's basket page of 2023: 20,600 CE sold at 35.65, spot 19,434.15."""
    rates = option_margin_rates(date(2023, 6, 1), is_index=True)
    found = hedged_margin([sold(CE, 20_600, 35.65)], 19_434.15, rates)
    assert found.span == pytest.approx(66_832.5, rel=0.015)
    assert found.exposure == pytest.approx(29_151.2, rel=1e-4)


def test_a_future_needs_scan_range_and_exposure() -> None:
    found = hedged_margin([MarginLeg(FUT, 0.0, 65, 25_000.0)], 25_000.0, APRIL)
    assert found.total == pytest.approx(65 * 25_000 * 0.113)


def test_a_bought_option_needs_its_premium_only() -> None:
    found = hedged_margin([bought(CE, 23_100, 150.0)], SPOT, APRIL)
    assert (found.span, found.exposure, found.total) == (0.0, 0.0, 11_250.0)


def test_on_the_last_day_more_exposure_and_no_help_from_a_later_expiry() -> None:
    near, far = MarginLeg(CE, 23_100, -75, 100.0, 0, expires_today=True), MarginLeg(CE, 23_100, 75, 300.0, 1)
    today = hedged_margin([near, far], SPOT, APRIL)
    before = hedged_margin([MarginLeg(CE, 23_100, -75, 100.0), far], SPOT, APRIL)
    assert today.span > 3 * before.span
    assert today.exposure == pytest.approx(2 * before.exposure)
    assert before.span == pytest.approx(75 * SPOT * 0.0175, rel=0.02)


def test_no_legs_no_margin_and_no_rates_no_guess() -> None:
    assert hedged_margin([], SPOT, APRIL).total == 0.0
    with pytest.raises(RuleError, match="begin on 2021-09-01"):
        option_margin_rates(date(2020, 1, 1), is_index=False)
