"""The path: reproducible, of the volatility that was set, correlated, joined from day to day."""

from __future__ import annotations

import numpy as np
import pytest

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.sim.noise import bits, draw, key_of, token_of, uniform
from openalgo_lab.sim.path import Minutes, PathMaker
from openalgo_lab.sim.sessions import Hours, SimSessions
from openalgo_lab.sim.strokes import SAMPLES, STROKES, Strokes
from openalgo_lab.sim.universe import load_underlyings
from openalgo_lab.sim.walk import DailyWalk, Underlying

UNDERLYINGS = {u.symbol: u for u in load_underlyings()}
STROKES_OF_7 = Strokes(7)
DAYS = range(20_500, 20_620)


class Sim:
    """The parts below the market, for one kind of hours."""

    def __init__(self, hours: Hours, seed: int = 7) -> None:
        self.sessions = SimSessions(hours, TradingCalendar.load())
        self.walk = DailyWalk(seed, self.sessions)
        self.paths = PathMaker(seed, self.sessions, Strokes(seed), self.walk)

    def days(self, underlying: Underlying) -> Minutes:
        sessions = [s for s in map(self.sessions.on, DAYS) if s is not None]
        usual = [s for s in sessions if s.minutes == sessions[0].minutes]
        return self.paths.of_days(underlying, usual)


@pytest.fixture(scope="module", params=["always", "calendar"])
def sim(request: pytest.FixtureRequest) -> Sim:
    return Sim(request.param)


def test_counter_based_numbers_are_fixed_and_even() -> None:
    assert key_of(7, "NIFTY") == key_of(7, "NIFTY") != key_of(7, "NIFTZ")
    assert token_of("NSE", "SBIN") == token_of("NSE", "SBIN") < 2**48
    rolls = uniform(bits(np.uint64(5), np.arange(200_000, dtype=np.uint64)))
    assert abs(rolls.mean() - 0.5) < 0.003
    assert abs(rolls.var() - 1 / 12) < 0.001
    assert abs(np.corrcoef(rolls[1:], rolls[:-1])[0, 1]) < 0.01
    faces = np.bincount(draw(bits(np.uint64(9), np.arange(60_000, dtype=np.uint64)), 24, 6), minlength=6)
    assert faces.min() > 9_500


def test_strokes_are_balanced_and_know_their_extremes() -> None:
    lib = STROKES_OF_7
    assert lib.walk.shape == (STROKES, SAMPLES)
    assert np.array_equal(lib.walk[::-1], -lib.walk)
    assert np.mean(lib.end**2) == pytest.approx(1.0, rel=1e-6)
    assert np.array_equal(lib.top, lib.walk.max(axis=1))
    assert np.array_equal(lib.bottom, lib.walk.min(axis=1))
    assert lib.activity.mean() == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["NIFTY", "HDFCBANK", "TRENT"])
def test_daily_volatility_is_near_the_setting(sim: Sim, name: str) -> None:
    log = sim.walk.log_closes(UNDERLYINGS[name])
    realised = np.diff(log).std() * np.sqrt(sim.walk.days_per_year)
    assert realised == pytest.approx(UNDERLYINGS[name].volatility, rel=0.1)


@pytest.mark.parametrize("name", ["NIFTY", "RELIANCE"])
def test_minutes_carry_the_volatility_of_their_day(sim: Sim, name: str) -> None:
    minutes = sim.days(UNDERLYINGS[name])
    returns = np.diff(np.log(minutes.last), axis=1)
    expected = np.sqrt((minutes.scale[:, 1:] ** 2).mean())
    assert returns.std() == pytest.approx(expected, rel=0.05)


def test_each_day_ends_where_the_walk_says_and_the_next_begins_there(sim: Sim) -> None:
    nifty = UNDERLYINGS["NIFTY"]
    minutes = sim.days(nifty)
    sessions = [s for s in map(sim.sessions.on, DAYS) if s is not None]
    usual = [s for s in sessions if s.minutes == sessions[0].minutes]
    closes = np.exp(sim.walk.log_closes(nifty)[sim.walk.indexes(np.array([s.ordinal for s in usual]))])
    assert minutes.last[:, -1] == pytest.approx(closes, rel=1e-12)
    if sim.sessions.hours == "always":
        jump = np.log(minutes.first[1:, 0] / minutes.last[:-1, -1])
        assert np.abs(jump).max() < 0.001


def test_a_minute_joins_the_next_without_a_jump(sim: Sim) -> None:
    minutes = sim.days(UNDERLYINGS["NIFTY"])
    jump = np.log(minutes.level[:, 1:] / minutes.last[:, :-1])
    assert np.abs(jump).mean() < 0.15 * minutes.scale.mean()


def test_candles_hold_together(sim: Sim) -> None:
    minutes = sim.days(UNDERLYINGS["INFY"])
    assert np.all(minutes.low <= np.minimum(minutes.first, minutes.last))
    assert np.all(minutes.high >= np.maximum(minutes.first, minutes.last))
    assert np.all(minutes.low > 0)
    assert minutes.activity.sum(axis=1) == pytest.approx(np.ones(len(minutes.activity)), abs=0.2)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [("NIFTY", "BANKNIFTY", 0.75, 0.97), ("NIFTY", "RELIANCE", 0.45, 0.75), ("NIFTY", "INDIAVIX", -0.85, -0.5)],
)
def test_minutes_are_correlated_as_set(sim: Sim, one: str, other: str, low: float, high: float) -> None:
    first, second = (np.diff(np.log(sim.days(UNDERLYINGS[name]).last), axis=1).ravel() for name in (one, other))
    assert low < np.corrcoef(first, second)[0, 1] < high


def test_falls_raise_the_volatility(sim: Sim) -> None:
    nifty, vix = (np.diff(sim.walk.log_closes(UNDERLYINGS[name])) for name in ("NIFTY", "INDIAVIX"))
    assert np.corrcoef(nifty, vix)[0, 1] < -0.3


def test_another_seed_is_another_market() -> None:
    a, b = Sim("always"), Sim("always", seed=8)
    nifty = UNDERLYINGS["NIFTY"]
    assert not np.allclose(a.walk.log_closes(nifty), b.walk.log_closes(nifty))


def test_one_day_of_many_equals_many_days_of_one(sim: Sim) -> None:
    names = [UNDERLYINGS["NIFTY"], UNDERLYINGS["SBIN"], UNDERLYINGS["INDIAVIX"]]
    session = sim.sessions.started(DAYS[3] * 86_400 * 10**9 + 50_000 * 10**9)
    together = sim.paths.of_day(names, session)
    for index, underlying in enumerate(names):
        alone = sim.paths.of_days(underlying, [session])
        for field in ("level", "scale", "stroke", "first", "high", "low", "last", "activity"):
            assert np.array_equal(getattr(alone, field)[0], getattr(together, field)[index])
