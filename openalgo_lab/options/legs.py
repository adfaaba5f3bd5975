"""Legs of a strategy in columns, and what they are worth at any level of the underlying, any day, any volatility.

Quantities are signed units (bought +), prices rupees, time in years of 365 days, volatilities fractions. The forward
of a leg is the underlying's level growing at the leg's own ``growth`` (a fraction a year) until its expiry, so a
what-if of the spot moves every expiry along. What has expired counts its intrinsic value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.options.black import DAYS_PER_YEAR, Floats
from openalgo_lab.options.bulk import bulk_greeks

__all__ = ["OPTION_KINDS", "Leg", "LegSheet", "NetGreeks"]

FloatArray = npt.NDArray[np.float64]

OPTION_KINDS: Final = frozenset({InstrumentType.CE, InstrumentType.PE})
_LEAST_VOLATILITY: Final = 0.001


class Leg(msgspec.Struct, frozen=True):
    """One leg as it stands. ``kind`` CE, PE, FUT or EQ; ``entry`` what a unit was bought or sold at.

    ``years`` to its expiry (inf for shares), ``volatility`` NaN for what is no option. ``exit`` is what a unit was
    closed at; NaN while it is open.
    """

    kind: InstrumentType
    quantity: int
    strike: float
    years: float
    entry: float
    volatility: float = math.nan
    growth: float = 0.0
    exit: float = math.nan

    @property
    def is_option(self) -> bool:
        """Whether it is a call or a put."""
        return self.kind in OPTION_KINDS


class NetGreeks(msgspec.Struct, frozen=True):
    """Sums over all legs, by the underlying's level: rupees a rupee, a rupee², a calendar day, a volatility point."""

    delta: float
    gamma: float
    theta: float
    vega: float
    vanna: float = 0.0
    volga: float = 0.0
    charm: float = 0.0


class LegSheet:
    """The legs of one underlying as arrays; immutable."""

    def __init__(self, legs: Sequence[Leg]) -> None:
        self.legs = tuple(legs)
        opened = [leg for leg in self.legs if math.isnan(leg.exit)]
        self._quantity = np.array([leg.quantity for leg in opened], dtype=np.float64)
        self._strike = np.array([leg.strike if leg.is_option else 1.0 for leg in opened])
        self._years = np.array([leg.years for leg in opened])
        self._growth = np.array([leg.growth for leg in opened])
        self._volatility = np.array([leg.volatility for leg in opened])
        self._entry = np.array([leg.entry for leg in opened])
        self._is_option = np.array([leg.is_option for leg in opened], dtype=np.bool_)
        self._is_call = np.array([leg.kind is InstrumentType.CE for leg in opened], dtype=np.bool_)
        self.realised = math.fsum(leg.quantity * (leg.exit - leg.entry) for leg in self.legs if math.isfinite(leg.exit))

    @property
    def strikes(self) -> FloatArray:
        """Distinct strikes of the open options, ascending."""
        return np.unique(self._strike[self._is_option])

    @property
    def nearest_years(self) -> float:
        """Time to the first expiry of an open leg; 0 without any."""
        finite = self._years[np.isfinite(self._years)]
        return float(finite.min()) if len(finite) else 0.0

    @property
    def one_expiry(self) -> bool:
        """Whether all open options expire together: then the payoff is made of straight lines."""
        return len(np.unique(np.round(self._years[self._is_option], 9))) <= 1

    @property
    def net_premium(self) -> float:
        """Received (+) or paid (-) for the options, rupees."""
        options = [leg for leg in self.legs if leg.is_option]
        return -math.fsum(leg.quantity * leg.entry for leg in options)

    def profit(self, spot: Floats, *, days: Floats = 0.0, volatility_points: Floats = 0.0) -> FloatArray:
        """Profit and loss, rupees, at levels ``spot`` after ``days``, all volatilities moved by so many points.

        Arguments broadcast against each other.
        """
        levels, passed, shift = np.broadcast_arrays(
            *(np.asarray(value, dtype=np.float64) for value in (spot, days, volatility_points))
        )
        worth = self._worth(levels.ravel(), passed.ravel(), shift.ravel())
        total = self._quantity @ (worth - self._entry[:, None]) if len(self._quantity) else 0.0
        return np.asarray(total + np.full(levels.size, self.realised), dtype=np.float64).reshape(levels.shape)

    def at_expiry(self, spot: Floats) -> FloatArray:
        """Profit and loss on the day of the first expiry; what expires later is valued by the model."""
        return self.profit(spot, days=self.nearest_years * DAYS_PER_YEAR)

    def greeks(self, spot: float, *, days: float = 0.0, volatility_points: float = 0.0) -> NetGreeks:
        """Net sensitivities at one level."""
        if not len(self._quantity):
            return NetGreeks(0.0, 0.0, 0.0, 0.0)
        left, forward = self._left_and_forward(np.array([spot]), np.array([days]))
        ratio = forward[:, 0] / spot
        on = bulk_greeks(forward[:, 0], self._strike, left[:, 0], self._shifted(volatility_points), self._is_call)
        option, q = self._is_option, self._quantity
        delta = np.where(option, on.delta, 1.0) * ratio

        def total(values: FloatArray) -> float:
            return float(q @ np.where(option, values, 0.0))

        return NetGreeks(
            delta=float(q @ delta),
            gamma=total(on.gamma * ratio * ratio),
            theta=total(on.theta),
            vega=total(on.vega),
            vanna=total(on.vanna * ratio),
            volga=total(on.volga),
            charm=total(on.charm * ratio),
        )

    def leg_prices(self, spot: float, *, days: float = 0.0, volatility_points: float = 0.0) -> FloatArray:
        """What the model gives a unit of every open leg, rupees."""
        return self._worth(np.array([spot]), np.array([days]), np.array([volatility_points]))[:, 0]

    def _worth(self, spot: FloatArray, days: FloatArray, shift: FloatArray) -> FloatArray:
        """(legs, points): rupees a unit."""
        left, forward = self._left_and_forward(spot, days)
        volatility = np.maximum(self._volatility[:, None] + shift / 100.0, _LEAST_VOLATILITY)
        worth = np.array(forward)
        option = self._is_option
        if option.any():
            worth[option] = bulk_greeks(
                forward[option],
                self._strike[option, None],
                left[option],
                volatility[option],
                self._is_call[option, None],
            ).price
        return worth

    def _left_and_forward(self, spot: FloatArray, days: FloatArray) -> tuple[FloatArray, FloatArray]:
        left = np.maximum(self._years[:, None] - days / DAYS_PER_YEAR, 0.0)
        grown = np.where(np.isfinite(left), self._growth[:, None] * left, 0.0)
        return left, spot * np.exp(grown)

    def _shifted(self, points: float) -> FloatArray:
        return np.maximum(self._volatility + points / 100.0, _LEAST_VOLATILITY)
