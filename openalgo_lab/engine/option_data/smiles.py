"""From readings to smiles and surfaces: each strike by its option out of the money, weighted by vega squared.

A tick more or less in the price is 1 / vega in the volatility, so far strikes of a few ticks say little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openalgo_lab.engine.option_data.contracts import ChainContracts
from openalgo_lab.engine.option_data.reading import ChainReading
from openalgo_lab.options.surface import Surface
from openalgo_lab.options.svi import SmileFit, fit_smile

__all__ = ["smile_of", "surface_of"]


def smile_of(contracts: ChainContracts, reading: ChainReading) -> SmileFit | None:
    """The smile of one expiry; quiet strikes are left out. None with fewer than five volatilities."""
    above = contracts.strikes >= reading.forward
    volatility = np.where(above, reading.calls["iv"], reading.puts["iv"]) / 100.0
    stale = np.where(above, reading.quiet_calls, reading.quiet_puts)
    vega = np.where(above, reading.calls["vega"], reading.puts["vega"])
    used = np.where(stale | (volatility <= 0), np.nan, volatility)
    return fit_smile(contracts.strikes, used, reading.forward, reading.years, vega * vega)


def surface_of(fits: Sequence[SmileFit | None]) -> Surface | None:
    """Those that could be fitted; None without any."""
    known = [fit for fit in fits if fit is not None]
    return Surface.of(known) if known else None
