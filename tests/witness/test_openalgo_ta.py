"""Our indicators against the values of the published ``openalgo`` client, run as a black box.

``SAME``: equal at every bar that both know. ``SEEDED``: recursive ones that begin differently (they from the first bar,
we like TA-Lib from the mean of the first window) and are equal once the beginning has faded. ``EXPLAINED``: different
by definition, each with the rule that turns ours into theirs. ``SILENT``: theirs knows no value at all.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openalgo_lab import indicators as ind
from tests.indicators.worlds import Column, market
from tests.witness.child import witness_python

BARS = 600
LATE = 100
COLUMNS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}

Case = tuple[str, tuple[float, ...], str, tuple[float, ...]]
"""Columns, our options, their function, their options."""

SAME: dict[str, Case] = {
    "sma": ("c", (20,), "sma", (20,)),
    "wma": ("c", (20,), "wma", (20,)),
    "hma": ("c", (20,), "hma", (20,)),
    "vwma": ("cv", (20,), "vwma", (20,)),
    "trima": ("c", (20,), "trima", (20,)),
    "rsi": ("c", (14,), "rsi", (14,)),
    "cci": ("hlc", (20,), "cci", (20,)),
    "willr": ("hlc", (14,), "williams_r", (14,)),
    "bbands": ("c", (20, 2.0), "bbands", (20, 2.0)),
    "bband_percent": ("c", (20, 2.0), "bbpercent", (20, 2.0)),
    "donchian": ("hl", (20,), "donchian", (20,)),
    "aroonosc": ("hl", (14,), "aroon_oscillator", (14,)),
    "stoch": ("hlc", (14, 3, 3), "stochastic", (14, 3, 3)),
    "cmf": ("hlcv", (20,), "cmf", (20,)),
    "mfi": ("hlcv", (14,), "mfi", (14,)),
    "pvt": ("cv", (), "pvt", ()),
    "roc": ("c", (10,), "roc", (10,)),
    "mom": ("c", (7,), "change", (7,)),
    "ultosc": ("hlc", (7, 14, 28), "ultimate_oscillator", (7, 14, 28)),
    "bop": ("ohlc", (), "bop", ()),
    "ao": ("hl", (5, 34), "awesome_oscillator", (5, 34)),
    "coppock": ("c", (10, 11, 14), "coppock", (10, 14, 11)),
    "linearreg": ("c", (14,), "linreg", (14,)),
    "tsf": ("c", (14,), "tsf", (14,)),
    "correl": ("cv", (20,), "correlation", (20,)),
    "stddev": ("c", (20,), "stdev", (20,)),
    "highest": ("c", (14,), "highest", (14,)),
    "lowest": ("c", (14,), "lowest", (14,)),
    "trange": ("hlc", (), "true_range", ()),
    "choppiness": ("hlc", (14,), "chop", (14,)),
    "vwap": ("hlcv", (), "vwap", ()),
    "cvi": ("hl", (10, 10), "chaikin", (10, 10)),
}
SEEDED: dict[str, Case] = {
    "ema": ("c", (20,), "ema", (20,)),
    "dema": ("c", (20,), "dema", (20,)),
    "tema": ("c", (20,), "tema", (20,)),
    "kama": ("c", (14, 2, 30), "kama", (14, 2, 30)),
    "zlema": ("c", (20,), "zlema", (20,)),
    "t3": ("c", (5, 0.7), "t3", (5, 0.7)),
    "macd": ("c", (12, 26, 9), "macd", (12, 26, 9)),
    "ppo": ("c", (12, 26), "ppo", (12, 26, 9)),
    "atr": ("hlc", (14,), "atr", (14,)),
    "natr": ("hlc", (14,), "natr", (14,)),
    "sar": ("hl", (0.02, 0.2), "psar", (0.02, 0.2)),
    "plus_di": ("hlc", (14,), "dmi", (14,)),
    "efi": ("cv", (13,), "force_index", (13,)),
    "massi": ("hl", (9, 25), "massindex", (25,)),
    "tsi": ("c", (25, 13), "tsi", (25, 13)),
    "eri": ("hlc", (13,), "elderray", (13,)),
}

Rule = Callable[[dict[str, Column], list[Column]], Column]
"""Theirs, made of the market and of ours."""


def _sums(data: dict[str, Column], _: list[Column]) -> Column:
    """Chande's own (1994): sums of the window's gains and losses. Ours follows TA-Lib: Wilder's smoothing."""
    moves = np.diff(data["close"])
    gains, losses = (np.convolve(np.maximum(sign * moves, 0), np.ones(14), "valid") for sign in (1, -1))
    return np.concatenate((np.full(14, np.nan), 100 * (gains - losses) / (gains + losses)))


def _later(values: Column, bars: int) -> Column:
    return np.concatenate((np.full(bars, np.nan), values[:-bars]))


def _chandelier(data: dict[str, Column], _: list[Column]) -> Column:
    """The plain mean of the true range. Ours takes Le Beau's: the average true range, which is Wilder's."""
    ranges = ind.trange(data["high"], data["low"], data["close"])
    ranges[0] = data["high"][0] - data["low"][0]
    return ind.highest(data["high"], 22) - 3 * ind.sma(ranges, 22)


def _triple(data: dict[str, Column], _: list[Column]) -> Column:
    """Ten thousandths of the logarithm. Ours follows TA-Lib and Hutson (1983): per cent of the triple average."""
    smooth = np.log(data["close"])
    for _ in range(3):
        smooth = ind.ema(smooth, 18)
    return np.concatenate(([np.nan], 1e4 * np.diff(smooth)))


EXPLAINED: dict[str, tuple[Case, Rule, str]] = {
    "obv": (
        ("cv", (), "obv", ()),
        lambda _, ours: ours[0] - ours[0][0],
        "Theirs begins with 0, ours with the first bar's volume (as TA-Lib does): only changes mean something.",
    ),
    "ad": (
        ("hlcv", (), "adl", ()),
        lambda _, ours: ours[0] - ours[0][0],
        "Theirs begins with 0, ours with the first bar's flow (as TA-Lib does).",
    ),
    "emv": (
        ("hlv", (14,), "emv", (14,)),
        lambda _, ours: ours[0] * 1e4,
        "Theirs is scaled by a divisor of 10,000 (Arms leaves the scale open).",
    ),
    "pvi": (("cv", (), "pvi", ()), lambda _, ours: ours[0] / 10, "Theirs begins with 100, ours with 1000 (Fosback)."),
    "bband_width": (
        ("c", (20, 2.0), "bbwidth", (20, 2.0)),
        lambda _, ours: ours[0] / 100,
        "Ours is per cent of the middle (Bollinger), theirs a fraction.",
    ),
    "trix": (
        ("c", (18,), "trix", (18,)),
        _triple,
        "Theirs smooths the logarithm, in ten thousandths; ours is TA-Lib's.",
    ),
    "cmo": (
        ("c", (14,), "cmo", (14,)),
        _sums,
        "Theirs is Chande's own, with plain sums; ours is TA-Lib's, with Wilder's.",
    ),
    "dpo": (
        ("c", (20,), "dpo", (20,)),
        lambda data, _: data["close"] - _later(ind.sma(data["close"], 20), 11),
        "Theirs takes the close less the average of 11 bars before; ours the price of 11 bars before less the average.",
    ),
    "linearreg_slope": (
        ("c", (14,), "lrslope", (14, 1)),
        lambda data, _: ind.linearreg(data["close"], 14) - _later(ind.linearreg(data["close"], 14), 1),
        "Theirs is how far the line's end moved in a bar; ours the slope of the line itself, as the name says.",
    ),
    "var": (
        ("c", (20,), "variance", (20,)),
        lambda data, _: ind.var(data["close"], 20, 1),
        "Theirs is the sample's variance (n - 1), though its deviation is the population's; ours takes n for both.",
    ),
    "historical_volatility": (
        ("c", (10, 365.0), "hv", (10, 365, 1)),
        lambda _, ours: ours[0] * np.sqrt(9 / 10),
        "Ours is the sample's deviation (n - 1), as volatilities are estimated; theirs the population's.",
    ),
    "rvol": (
        ("v", (20,), "rvol", (20,)),
        lambda data, _: data["volume"] / ind.sma(data["volume"], 20),
        "Theirs has the bar itself in the average it is compared with, ours the bars before it.",
    ),
    "chandelier": (
        ("hlc", (22, 3.0), "chandelier_exit", (22, 3.0)),
        _chandelier,
        "Theirs takes a plain mean of ranges.",
    ),
    "keltner": (
        ("hlc", (20, 10, 2.0), "keltner", (20, 10, 2.0)),
        lambda data, ours: ind.ema(data["close"], 20) + ours[0] - ours[1],
        "Theirs is around the average of closes (Raschke), ours around that of typical prices (Keltner 1960).",
    ),
    "stochrsi": (
        ("c", (14, 14, 3), "stochrsi", (14, 14, 3, 3)),
        lambda _, ours: ours[1],
        "Their first line is already smoothed over 3 bars: it is our second (TA-Lib's).",
    ),
    "pivots": (
        ("hlc", (), "pivot_points", ()),
        lambda _, ours: np.concatenate((ours[0][1:], [np.nan])),
        "Theirs is of the bar itself, ours of the one before it: a level is known when its bar begins.",
    ),
}
SILENT: dict[str, Case] = {
    "ulcer": ("c", (14,), "ulcerindex", (14,)),
    "vortex": ("hlc", (14,), "vi", (14,)),
}

ALL: dict[str, Case] = {**SAME, **SEEDED, **{name: row[0] for name, row in EXPLAINED.items()}, **SILENT}


@pytest.fixture(scope="module")
def data() -> dict[str, Column]:
    return market(1, BARS)


@pytest.fixture(scope="module")
def told(data: dict[str, Column]) -> dict[str, Any]:
    python = witness_python()
    calls = [[name, case[2], [COLUMNS[sign] for sign in case[0]], list(case[3])] for name, case in ALL.items()]
    asked = {"columns": {name: values.tolist() for name, values in data.items()}, "calls": calls}
    script = Path(__file__).with_name("openalgo_ta_script.py")
    ran = subprocess.run(
        [python, str(script)], input=json.dumps(asked), capture_output=True, text=True, timeout=200, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    answer: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    if "missing" in answer:
        pytest.skip(f"The published client is not in the environment of the official libraries: {answer['missing']}.")
    assert not {name: text for name, text in answer["told"].items() if isinstance(text, str)}
    return {name: [np.array(part, dtype=np.float64) for part in parts] for name, parts in answer["told"].items()}


def ours_of(name: str, data: dict[str, Column]) -> list[Column]:
    columns, options, _, _ = ALL[name]
    found = getattr(ind, name)(*(data[COLUMNS[sign]] for sign in columns), *options)
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else (found,)
    return [np.asarray(part, dtype=np.float64) for part in parts]


def close(one: Column, other: Column, last: int = 0) -> None:
    """Equal where both are known, to a part in 10^9 of the largest value."""
    both = np.isfinite(one) & np.isfinite(other)
    assert both[-LATE:-2].all()
    scale = np.abs(other[both]).max()
    np.testing.assert_allclose(one[both][-last:], other[both][-last:], rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("name", SAME)
def test_the_same_values(name: str, data: dict[str, Column], told: dict[str, Any]) -> None:
    for mine, theirs in zip(ours_of(name, data), told[name], strict=False):
        close(mine, theirs)


@pytest.mark.parametrize("name", SEEDED)
def test_the_same_values_once_the_beginning_has_faded(name: str, data: dict[str, Column], told: dict[str, Any]) -> None:
    for mine, theirs in zip(ours_of(name, data), told[name], strict=False):
        close(mine, theirs, last=LATE)


@pytest.mark.parametrize("name", EXPLAINED)
def test_differences_are_the_ones_that_are_explained(name: str, data: dict[str, Column], told: dict[str, Any]) -> None:
    _, rule, why = EXPLAINED[name]
    assert why
    mine = ours_of(name, data)
    close(rule(data, mine), told[name][0], last=LATE)
    known = np.isfinite(mine[0]) & np.isfinite(told[name][0])
    assert not np.allclose(mine[0][known], told[name][0][known], rtol=1e-9), "the difference is gone: it is the same"


@pytest.mark.parametrize("name", SILENT)
def test_where_theirs_knows_nothing_ours_does(name: str, data: dict[str, Column], told: dict[str, Any]) -> None:
    assert all(np.isnan(part).all() for part in told[name])
    assert all(np.isfinite(part[-LATE:]).all() for part in ours_of(name, data))
