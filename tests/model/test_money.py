"""The tick grid and rupees as text: laws by property, figures by table."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model import money
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.vocabulary import Side

TICKS = st.sampled_from([0.0001, 0.0025, 0.01, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 5.0, 10.0])
PRICES = st.floats(min_value=-100_000, max_value=1_000_000, allow_nan=False)
PAISE = st.integers(min_value=-(10**15), max_value=10**15)


def exact(price: float) -> Decimal:
    return Decimal(repr(price))


@given(st.integers(min_value=-10_000_000, max_value=10_000_000), TICKS)
def test_multiples_of_the_tick_are_legal(count: int, tick: float) -> None:
    price = float(exact(tick) * count)
    assert money.is_on_tick(price, tick)
    assert money.nearest_ticks(price, tick) == (price, price)
    assert {money.snap(price, tick, side) for side in (None, Side.BUY, Side.SELL)} == {price}


@given(st.integers(min_value=1, max_value=2_000_000), TICKS)
def test_float_noise_does_not_make_a_price_illegal(count: int, tick: float) -> None:
    assert money.is_on_tick(count * tick, tick)


@given(PRICES, TICKS)
def test_neighbours_enclose_the_price_and_are_legal(price: float, tick: float) -> None:
    below, above = money.nearest_ticks(price, tick)
    noise = Decimal("1e-7")
    assert exact(below) - noise <= exact(price) <= exact(above) + noise
    assert exact(above) - exact(below) in (0, exact(tick))
    assert exact(below) % exact(tick) == 0
    assert (below == above) == money.is_on_tick(price, tick)


@given(PRICES, TICKS)
def test_snap_by_side(price: float, tick: float) -> None:
    below, above = money.nearest_ticks(price, tick)
    assert money.snap(price, tick, Side.BUY) == below
    assert money.snap(price, tick, Side.SELL) == above
    nearest = money.snap(price, tick)
    assert nearest in (below, above)
    assert abs(exact(nearest) - exact(price)) <= exact(tick) / 2 + Decimal("1e-7")


@pytest.mark.parametrize(
    ("price", "tick", "legal"),
    [
        (100.05, 0.05, True),
        (100.03, 0.05, False),
        (84.2525, 0.0025, True),
        (84.2501, 0.0025, False),
        (0.1 + 0.2, 0.05, True),
        (100.00004, 0.05, False),
        (14_001.0, 1.0, True),
        (14_001.5, 1.0, False),
        (0.0, 0.05, True),
        (-2884.0, 1.0, True),
        (0.00001234, 0.00000001, True),
        (0.000012345, 0.00000001, False),
    ],
)
def test_is_on_tick(price: float, tick: float, legal: bool) -> None:
    assert money.is_on_tick(price, tick) is legal


def test_tie_snaps_up() -> None:
    assert money.snap(100.025, 0.05) == 100.05
    assert money.snap(-100.025, 0.05) == -100.0
    assert money.nearest_ticks(100.03, 0.05) == (100.0, 100.05)


@pytest.mark.parametrize("tick", [0.0, -0.05, float("nan"), float("inf"), 1e-13, 0.1 + 0.2])
def test_bad_tick_is_refused(tick: float) -> None:
    with pytest.raises(LabError, match="tick size"):
        money.is_on_tick(100.0, tick)


@pytest.mark.parametrize("price", [float("nan"), float("inf"), float("-inf"), 1e306])
def test_bad_price_is_refused(price: float) -> None:
    with pytest.raises(LabError, match="not a price"):
        money.nearest_ticks(price, 0.05)


@pytest.mark.parametrize(
    ("tick", "decimals"),
    [(0.05, 2), (0.01, 2), (0.1, 2), (1.0, 2), (5.0, 2), (0.0025, 4), (0.0001, 4), (1e-8, 8)],
)
def test_price_decimals(tick: float, decimals: int) -> None:
    assert money.price_decimals(tick) == decimals


def test_price_text() -> None:
    assert money.price_decimals(1.0, minimum=0) == 0
    assert money.price_decimals(0.1, minimum=0) == 1
    assert money.format_price(84.25, 0.0025) == "84.2500"
    assert money.format_price(26000.0, 0.05) == "26000.00"


@given(PAISE)
def test_paise_survive_rupees(paise: int) -> None:
    assert money.to_paise(Decimal(paise) / 100) == paise
    if abs(paise) < 2**50:
        assert money.to_paise(money.from_paise(paise)) == paise


@pytest.mark.parametrize(
    ("rupees", "paise"),
    [(1.005, 101), (-1.005, -101), (0.004, 0), (2, 200), (Decimal("0.005"), 1), (1e15, 10**17), (1e-7, 0)],
)
def test_to_paise_rounds_half_away_from_zero(rupees: float, paise: int) -> None:
    assert money.to_paise(rupees) == paise


def test_notional() -> None:
    assert money.notional_paise(25_000.05, 65) == 162_500_325
    assert money.notional_paise(84.2525, -1, 1_000) == -8_425_250
    assert money.notional_paise(121_000, 2, 10) == 242_000_000


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), Decimal("NaN"), 1e30])
def test_amount_must_be_finite(amount: float) -> None:
    with pytest.raises(LabError, match="finite"):
        money.format_inr(amount)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00"),
        (999, "999.00"),
        (1_000, "1,000.00"),
        (99_999.995, "1,00,000.00"),
        (1_00_00_000, "1,00,00,000.00"),
        (-12_34_567.8, "-12,34,567.80"),
        (-0.004, "0.00"),
    ],
)
def test_format_inr(amount: float, text: str) -> None:
    assert money.format_inr(amount) == text


def test_format_inr_options() -> None:
    assert money.format_inr(1234.5, 0) == "1,235"
    assert money.format_inr(-1234.5, symbol=True) == "-₹1,234.50"
    assert money.format_inr(12, plus=True) == "+12.00"
    assert money.format_inr(0, plus=True) == "0.00"


@given(PAISE)
def test_grouping_keeps_the_digits(paise: int) -> None:
    text = money.format_inr(Decimal(paise) / 100)
    assert Decimal(text.replace(",", "")) * 100 == paise
    groups = text.lstrip("-").split(".", maxsplit=1)[0].split(",")
    if len(groups) > 1:
        assert len(groups[-1]) == 3
        assert all(len(group) == 2 for group in groups[1:-1])
        assert 1 <= len(groups[0]) <= 2


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (65, "65"),
        (165_000, "1,65,000"),
        (-1_00_00_000, "-1,00,00,000"),
        (0.25, "0.25"),
        (2.0, "2"),
        (1e-5, "0.00001"),
    ],
)
def test_format_qty(quantity: float, text: str) -> None:
    assert money.format_qty(quantity) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (950, "₹950.00"),
        (45_000, "₹45,000.00"),
        (1_20_000, "₹1.20 L"),
        (-3_45_00_000, "-₹3.45 Cr"),
        (99_99_999.99, "₹1.00 Cr"),
        (99_999.99, "₹1.00 L"),
        (12_345_67_00_000, "₹12,345.67 Cr"),
        (0, "₹0.00"),
    ],
)
def test_compact_inr(amount: float, text: str) -> None:
    assert money.compact_inr(amount) == text
