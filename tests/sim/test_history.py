"""History: the very candles that the live market drew, at every length, without a seam."""

from __future__ import annotations

from datetime import date, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND, ManualClock, at_ist, day_bounds_ns, from_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.sim.candles import aggregate, parse_interval
from openalgo_lab.sim.simulated import SimulatedMarket
from openalgo_lab.sim.strokes import SAMPLE_NS, SAMPLES

DAY = date(2026, 11, 25)
MIDNIGHT = to_ns(at_ist(DAY, time()))
MINUTE = 60 * NS_PER_SECOND
NAMES = ("NIFTY", "RELIANCE", "NIFTY29DEC26FUT", "NIFTY01DEC2625500CE", "NIFTY01DEC2625500PE", "SENSEX")


class World:
    """A market whose clock the test sets, and a few instruments of each kind."""

    def __init__(self, hours: str) -> None:
        self.clock = ManualClock(at_ist(DAY, time(12)))
        self.market = SimulatedMarket(hours="always" if hours == "always" else "calendar", clock=self.clock)
        named = {i.symbol: i for i in self.market.instruments()}
        strikes = [i for i in named.values() if i.symbol.startswith("NIFTY01DEC26")]
        self.some = [named["NIFTY"], named["RELIANCE"], named["NIFTY29DEC26FUT"], strikes[60], strikes[61]]
        self.tokens = np.array([i.token for i in self.some])

    def seen(self, start_ns: int, samples: int) -> np.ndarray:
        """What snapshots showed: last price (sample, instrument) from a moment on."""
        moments = (start_ns + n * SAMPLE_NS for n in range(samples))
        return np.array([self.market.snapshot(self.tokens, ns, depth=False).columns["ltp"] for ns in moments])


WORLDS = {hours: World(hours) for hours in ("always", "calendar")}


def minutes_of(hours: str) -> st.SearchStrategy[int]:
    """Minutes of the day, as UTC ns, in which everything trades."""
    low, high = (0, 1439) if hours == "always" else (9 * 60 + 15, 15 * 60 + 14)
    return st.integers(low, high).map(lambda minute: MIDNIGHT + minute * MINUTE)


@settings(max_examples=12)
@given(st.data(), st.sampled_from(["always", "calendar"]))
def test_the_candle_of_a_minute_is_what_the_snapshots_showed(data: st.DataObject, hours: str) -> None:
    world, start = WORLDS[hours], data.draw(minutes_of(hours))
    world.clock.set(start + MINUTE + data.draw(st.integers(-SAMPLE_NS, 86_400 * NS_PER_SECOND)))
    seen = world.seen(start, SAMPLES)
    volume = [world.market.snapshot(world.tokens, start + n, depth=False).columns for n in (-1, MINUTE - SAMPLE_NS)]
    for index, instrument in enumerate(world.some):
        bars = world.market.history(instrument, "1m", start, start + MINUTE)
        assert bars.start_ns.tolist() == [start]
        assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0]) == (
            seen[0, index],
            seen[:, index].max(),
            seen[:, index].min(),
            seen[-1, index],
        )
        first = hours == "calendar" and start == MIDNIGHT + (9 * 60 + 15) * MINUTE
        if instrument.kind is not InstrumentType.INDEX and start != MIDNIGHT and not first:
            assert bars.volume[0] == volume[1]["volume"][index] - volume[0]["volume"][index]
        if instrument.expiry is not None:
            assert bars.oi[0] == volume[1]["oi"][index]


@settings(max_examples=12)
@given(st.data(), st.sampled_from(["always", "calendar"]), st.integers(0, SAMPLES - 2))
def test_the_unfinished_candle_holds_the_samples_so_far(data: st.DataObject, hours: str, sample: int) -> None:
    world, start = WORLDS[hours], data.draw(minutes_of(hours))
    now = start + sample * SAMPLE_NS + data.draw(st.integers(0, SAMPLE_NS - 1))
    world.clock.set(now)
    seen = world.seen(start, sample + 1)
    for index, instrument in enumerate(world.some):
        bars = world.market.history(instrument, "1m", start, start + 10 * MINUTE)
        assert bars.start_ns.tolist() == [start]
        assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0]) == (
            seen[0, index],
            seen[:, index].max(),
            seen[:, index].min(),
            seen[-1, index],
        )


@pytest.mark.parametrize("hours", ["always", "calendar"])
@pytest.mark.parametrize("interval", ["3m", "5m", "15m", "30m", "1h", "4h", "D"])
def test_longer_candles_are_the_minutes_put_together(hours: str, interval: str) -> None:
    world = WORLDS[hours]
    world.clock.set(at_ist(DAY, time(14, 7, 31)))
    start = MIDNIGHT - 3 * NS_PER_DAY
    opening = {"always": 0, "calendar": (9 * 60 + 15) * 60}[hours] * NS_PER_SECOND
    for instrument in world.some:
        minutes = world.market.history(instrument, "1m", start, world.clock.now_ns())
        longer = world.market.history(instrument, interval, start, world.clock.now_ns())
        seconds = parse_interval(interval).seconds
        check_groups(minutes, longer, opening, seconds * NS_PER_SECOND)


def check_groups(minutes: Bars, longer: Bars, opening: int, length: int) -> None:
    days = (minutes.start_ns - MIDNIGHT) // NS_PER_DAY * NS_PER_DAY + MIDNIGHT
    inside = minutes.start_ns - days - opening
    starts = days if not length else days + opening + inside // length * length
    assert longer.start_ns.tolist() == sorted(set(starts.tolist()))
    for place, start in enumerate(longer.start_ns.tolist()):
        part = starts == start
        assert longer.open[place] == minutes.open[part][0]
        assert longer.high[place] == minutes.high[part].max()
        assert longer.low[place] == minutes.low[part].min()
        assert longer.close[place] == minutes.close[part][-1]
        assert longer.volume[place] == minutes.volume[part].sum()
        assert longer.oi[place] == minutes.oi[part][-1]


@pytest.mark.parametrize("interval", ["W", "M", "Q", "Y"])
def test_periods_are_whole_days_put_together(interval: str) -> None:
    world = WORLDS["calendar"]
    world.clock.set(at_ist(DAY, time(14, 7, 31)))
    end = world.clock.now_ns()
    start = to_ns(at_ist(date(2024, 1, 1), time()))
    nifty = world.some[0]
    daily = world.market.history(nifty, "D", start, end)
    periods = world.market.history(nifty, interval, start, end)
    assert periods.close[-1] == daily.close[-1]
    assert periods.high.max() == daily.high.max()
    for begin, following, high, first in zip(
        periods.start_ns, np.append(periods.start_ns[1:], end), periods.high, periods.open, strict=True
    ):
        day = from_ns(int(begin))
        assert day.time() == time()
        assert day.weekday() == 0 if interval == "W" else day.day == 1
        part = (daily.start_ns >= begin) & (daily.start_ns < following)
        assert high == daily.high[part].max()
        assert first == daily.open[part][0]


def test_a_period_that_begins_in_the_span_is_whole_even_if_the_span_ends_in_it() -> None:
    world = WORLDS["always"]
    world.clock.set(at_ist(DAY, time(14)))
    monday = to_ns(at_ist(date(2026, 11, 9), time()))
    cut = world.market.history(world.some[0], "W", monday, monday + NS_PER_DAY)
    whole = world.market.history(world.some[0], "W", monday, world.clock.now_ns())
    assert (cut.high[0], cut.close[0]) == (whole.high[0], whole.close[0])
    assert len(cut) == 1


def test_seconds_add_up_to_the_minute() -> None:
    world = WORLDS["always"]
    world.clock.set(at_ist(DAY, time(14, 0, 30)))
    start = to_ns(at_ist(DAY, time(13, 30)))
    for instrument in world.some:
        minutes = world.market.history(instrument, "1m", start, world.clock.now_ns())
        for interval in ("1s", "5s", "30s"):
            short = world.market.history(instrument, interval, start, world.clock.now_ns() + 1)
            again = aggregate(short, parse_interval("1m"), lambda days: days * NS_PER_DAY - 330 * MINUTE)
            for name in ("start_ns", "open", "high", "low", "close", "oi"):
                assert np.array_equal(getattr(again, name), getattr(minutes, name)), (interval, name)
            assert again.volume == pytest.approx(minutes.volume)


@pytest.mark.parametrize("hours", ["always", "calendar"])
def test_years_back_candles_are_valid_and_days_join(hours: str) -> None:
    world = WORLDS[hours]
    world.clock.set(at_ist(DAY, time(14)))
    for instrument in world.some[:2]:
        bars = world.market.history(instrument, "D", to_ns(at_ist(date(2016, 11, 25), time())), world.clock.now_ns())
        assert len(bars) > (3_600 if hours == "always" else 2_400)
        assert np.all(np.diff(bars.start_ns) > 0)
        assert np.all((bars.low <= bars.open) & (bars.open <= bars.high))
        assert np.all((bars.low <= bars.close) & (bars.close <= bars.high))
        gap = np.abs(np.log(bars.open[1:] / bars.close[:-1]))
        assert gap.max() < (0.002 if hours == "always" else 0.06)


def test_the_calendar_holds_no_candle_out_of_hours() -> None:
    world = WORLDS["calendar"]
    world.clock.set(at_ist(DAY, time(20)))
    ends = {"NIFTY": time(15, 29), "RELIANCE": time(15, 14), "NIFTY29DEC26FUT": time(15, 39)}
    for instrument in world.some[:3]:
        bars = world.market.history(instrument, "1m", MIDNIGHT - 4 * NS_PER_DAY, MIDNIGHT + NS_PER_DAY)
        moments = [from_ns(ns) for ns in bars.start_ns.tolist()]
        assert {m.date() for m in moments} == {date(2026, 11, 23), DAY}  # a weekend and a holiday between
        assert max(m.time() for m in moments) == ends[instrument.symbol]
        assert min(m.time() for m in moments) == time(9, 15)


def test_contracts_have_history_between_listing_and_expiry_only() -> None:
    world = WORLDS["always"]
    world.clock.set(at_ist(date(2026, 12, 20), time(14)))
    option = world.some[3]
    bars = world.market.history(option, "D", MIDNIGHT - 300 * NS_PER_DAY, world.clock.now_ns())
    assert from_ns(int(bars.start_ns[-1])).date() == date(2026, 12, 1) == option.expiry
    assert from_ns(int(bars.start_ns[0])).date() == date(2026, 12, 1) - timedelta(days=45)
    last = world.market.history(option, "1m", *day_bounds_ns(date(2026, 12, 1)))
    assert from_ns(int(last.start_ns[-1])).time() == time(15, 39)


@pytest.mark.parametrize("interval", ["", "2", "m", "0m", "7s", "90s", "25h", "1d", "d", "1 m", "-5m"])
def test_an_interval_that_is_none_is_refused(interval: str) -> None:
    world = WORLDS["always"]
    with pytest.raises(InputError, match="not an interval"):
        world.market.history(world.some[0], interval, MIDNIGHT, MIDNIGHT + MINUTE)


def test_other_refusals_say_what_to_do() -> None:
    world = WORLDS["always"]
    world.clock.set(at_ist(DAY, time(14)))
    with pytest.raises(InputError, match="31 days at most"):
        world.market.history(world.some[0], "1s", MIDNIGHT - 40 * NS_PER_DAY, MIDNIGHT)
    stranger = Instrument("WIPROX", Exchange.NSE, InstrumentType.EQ, "", 1, 1, 0.05)
    with pytest.raises(SymbolError, match="not listed on the simulated exchange"):
        world.market.history(stranger, "1m", MIDNIGHT, MIDNIGHT + MINUTE)


def test_the_future_and_before_the_beginning_are_empty() -> None:
    world = WORLDS["always"]
    world.clock.set(at_ist(DAY, time(14)))
    now = world.clock.now_ns()
    assert len(world.market.history(world.some[0], "1m", now + MINUTE, now + 10 * MINUTE)) == 0
    assert len(world.market.history(world.some[0], "D", 0, to_ns(at_ist(date(2005, 1, 1), time())))) == 0
