"""Every indicator that TA-Lib has, against TA-Lib: the same values, known from the same bar on or earlier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import talib

from openalgo_lab import indicators as ind
from tests.indicators.worlds import market

# name here: (columns, options here, TA-Lib's name, its options)
SAME: dict[str, tuple[str, tuple[Any, ...], str, tuple[Any, ...]]] = {
    "avgprice": ("ohlc", (), "AVGPRICE", ()),
    "medprice": ("hl", (), "MEDPRICE", ()),
    "typprice": ("hlc", (), "TYPPRICE", ()),
    "wclprice": ("hlc", (), "WCLPRICE", ()),
    "bop": ("ohlc", (), "BOP", ()),
    "trange": ("hlc", (), "TRANGE", ()),
    "midpoint": ("c", (9,), "MIDPOINT", (9,)),
    "midprice": ("hl", (9,), "MIDPRICE", (9,)),
    "highest": ("h", (9,), "MAX", (9,)),
    "lowest": ("l", (9,), "MIN", (9,)),
    "heikin_ashi": ("ohlc", (), "HA", ()),
    "rsi": ("c", (9,), "RSI", (9,)),
    "cmo": ("c", (9,), "CMO", (9,)),
    "mom": ("c", (7,), "MOM", (7,)),
    "roc": ("c", (7,), "ROC", (7,)),
    "rocp": ("c", (7,), "ROCP", (7,)),
    "apo": ("c", (6, 15), "APO", (6, 15, 1)),
    "ppo": ("c", (6, 15), "PPO", (6, 15, 1)),
    "macd": ("c", (12, 26, 9), "MACD", (12, 26, 9)),
    "trix": ("c", (15,), "TRIX", (15,)),
    "tsi": ("c", (25, 13), "TSI", (25, 13)),
    "er": ("c", (10,), "ER", (10,)),
    "vhf": ("c", (28,), "VHF", (28,)),
    "dpo": ("c", (20,), "DPO", (20,)),
    "coppock": ("c", (10, 11, 14), "COPPOCK", (10, 11, 14)),
    "stochrsi": ("c", (14, 5, 3), "STOCHRSI", (14, 5, 3)),
    "percent_rank": ("c", (50,), "PERCENTRANK", (50,)),
    "rvi": ("c", (14, 10), "RVI", (14, 10)),
    "stddev": ("c", (12,), "STDDEV", (12,)),
    "var": ("c", (12,), "VAR", (12,)),
    "avgdev": ("c", (12,), "AVGDEV", (12,)),
    "linearreg": ("c", (12,), "LINEARREG", (12,)),
    "linearreg_slope": ("c", (12,), "LINEARREG_SLOPE", (12,)),
    "linearreg_intercept": ("c", (12,), "LINEARREG_INTERCEPT", (12,)),
    "linearreg_angle": ("c", (12,), "LINEARREG_ANGLE", (12,)),
    "tsf": ("c", (12,), "TSF", (12,)),
    "fosc": ("c", (12,), "FOSC", (12,)),
    "correl": ("hl", (20,), "CORREL", (20,)),
    "atr": ("hlc", (9,), "ATR", (9,)),
    "natr": ("hlc", (9,), "NATR", (9,)),
    "adr": ("hl", (9,), "ADR", (9,)),
    "bbands": ("c", (20, 2.5), "BBANDS", (20, 2.5, 2.5)),
    "donchian": ("hl", (20,), "DONCHIAN", (20,)),
    "keltner": ("hlc", (20, 10, 2.0), "KC", (20, 10, 2.0)),
    "accbands": ("hlc", (20,), "ACCBANDS", (20,)),
    "cvi": ("hl", (10, 10), "CVI", (10, 10)),
    "massi": ("hl", (9, 25), "MASSI", (9, 25)),
    "sar": ("hl", (0.02, 0.2), "SAR", (0.02, 0.2)),
    "plus_dm": ("hl", (9,), "PLUS_DM", (9,)),
    "minus_dm": ("hl", (9,), "MINUS_DM", (9,)),
    "plus_di": ("hlc", (9,), "PLUS_DI", (9,)),
    "minus_di": ("hlc", (9,), "MINUS_DI", (9,)),
    "dx": ("hlc", (9,), "DX", (9,)),
    "adx": ("hlc", (9,), "ADX", (9,)),
    "adxr": ("hlc", (9,), "ADXR", (9,)),
    "aroon": ("hl", (14,), "AROON", (14,)),
    "aroonosc": ("hl", (14,), "AROONOSC", (14,)),
    "vortex": ("hlc", (14,), "VORTEX", (14,)),
    "stoch": ("hlc", (5, 3, 3), "STOCH", (5, 3, 0, 3, 0)),
    "stochf": ("hlc", (5, 3), "STOCHF", (5, 3, 0)),
    "kdj": ("hlc", (9, 3, 3), "KDJ", (9, 3, 13, 3, 13)),
    "willr": ("hlc", (14,), "WILLR", (14,)),
    "cci": ("hlc", (14,), "CCI", (14,)),
    "ultosc": ("hlc", (7, 14, 28), "ULTOSC", (7, 14, 28)),
    "ao": ("hl", (5, 34), "AO", (5, 34)),
    "ac": ("hl", (5, 34, 5), "AC", (5, 34, 5)),
    "qstick": ("oc", (10,), "QSTICK", (10,)),
    "imi": ("oc", (14,), "IMI", (14,)),
    "eri": ("hlc", (13,), "ERI", (13,)),
    "obv": ("cv", (), "OBV", ()),
    "ad": ("hlcv", (), "AD", ()),
    "adosc": ("hlcv", (3, 10), "ADOSC", (3, 10)),
    "cmf": ("hlcv", (20,), "CMF", (20,)),
    "mfi": ("hlcv", (14,), "MFI", (14,)),
    "efi": ("cv", (13,), "EFI", (13,)),
    "marketfi": ("hlv", (), "MARKETFI", ()),
    "nvi": ("cv", (), "NVI", ()),
    "pvi": ("cv", (), "PVI", ()),
    "pvo": ("v", (6, 15), "PVO", (6, 15, 1)),
    "pvt": ("cv", (), "PVT", ()),
    "rvol": ("v", (20,), "RVOL", (20,)),
    "vwap": ("hlcv", (), "VWAP", ()),
    "supertrend": ("hlc", (10, 3.0), "SUPERTREND", (10, 3.0)),
}
LETTERS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}


def several(made: Any) -> tuple[Any, ...]:
    return made if isinstance(made, tuple) else (made,)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", list(SAME))
def test_values_are_the_oracles(name: str, seed: int) -> None:
    letters, ours, theirs, options = SAME[name]
    data = [market(seed)[LETTERS[letter]] for letter in letters]
    made = several(getattr(ind, name)(*data, *ours))
    oracle = several(getattr(talib, theirs)(*data, *options))
    assert len(made) == len(oracle)
    # The oracle's columns of whole numbers are 0, not unknown, before the first begins.
    begun = ~np.isnan(oracle[0])
    for column, expected in zip(made, oracle, strict=True):
        known = begun & ~np.isnan(np.asarray(expected, dtype=np.float64))
        assert known.sum() > 1000
        np.testing.assert_allclose(column[known], expected[known], rtol=1e-8, atol=1e-8)


def test_beta_takes_the_market_second() -> None:
    data = market()
    np.testing.assert_allclose(
        ind.beta(data["low"], data["high"], 12), talib.BETA(data["high"], data["low"], 12), rtol=1e-8, equal_nan=True
    )


def test_nothing_is_left_out() -> None:
    """What is exported is checked here, in the averages' tests, or by its own arithmetic."""
    own = {
        "bband_percent", "bband_width", "chandelier", "choppiness", "emv", "historical_volatility", "ichimoku",
        "alligator", "pivots", "ulcer", "zscore", "beta",
    }  # fmt: skip
    averages = {"sma", "ema", "rma", "wma", "dema", "tema", "t3", "trima", "hma", "zlema", "kama", "vwma"}
    assert set(ind.__all__) == set(SAME) | own | averages
    assert len(ind.__all__) > 100
