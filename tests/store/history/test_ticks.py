"""Recorded ticks by day, and as a replay."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import IST, to_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.sim.replay import ReplayMarket
from openalgo_lab.store.history.chains import ChainStore
from openalgo_lab.store.history.tick_replay import write_replay
from openalgo_lab.store.history.ticks import TICK_FIELDS, Ticks, TickStore

DAY = date(2026, 11, 24)
OPEN = to_ns(datetime(2026, 11, 24, 9, 15, tzinfo=IST))
SBIN, NIFTY = InstrumentKey(Exchange.NSE, "SBIN"), InstrumentKey(Exchange.NSE_INDEX, "NIFTY")
CALL, PUT = (InstrumentKey(Exchange.NFO, f"NIFTY01DEC2626000{kind}") for kind in ("CE", "PE"))


def ticks(rows: list[tuple[InstrumentKey, float, float]]) -> Ticks:
    """(instrument, seconds after the opening, price) as ticks; the volume is ten lots."""
    keys = tuple(sorted({key for key, _, _ in rows}))
    price = np.array([price for _, _, price in rows])
    at = OPEN + (np.array([at for _, at, _ in rows]) * 1e9).astype(np.int64)
    row = np.array([keys.index(key) for key, _, _ in rows], dtype=np.int64)
    return Ticks(keys, row, at, {"ltp": price, "volume": np.full(len(rows), 650.0)})


def told(found: Ticks) -> dict[tuple[str, int], float]:
    names = [str(found.keys[row]) for row in found.row.tolist()]
    return dict(zip(zip(names, found.time_ns.tolist(), strict=True), found.columns["ltp"].tolist(), strict=True))


batches = st.lists(
    st.lists(
        st.tuples(st.sampled_from([SBIN, NIFTY, CALL]), st.integers(0, 20), st.floats(0.05, 1e5)),
        min_size=1,
        max_size=15,
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=8, deadline=None)
@given(batches, st.integers(0, 4))
def test_what_was_told_last_of_a_moment_is_kept(
    tmp_path_factory: pytest.TempPathFactory, added: list[list[tuple[InstrumentKey, int, float]]], fold_after: int
) -> None:
    store = TickStore(tmp_path_factory.mktemp("ticks"))
    expected: dict[tuple[str, int], float] = {}
    for number, batch in enumerate(added):
        store.add(ticks([(key, float(at), price) for key, at, price in batch]))
        expected.update({(str(key), OPEN + at * 10**9): price for key, at, price in batch})
        if number == fold_after:
            store.fold(DAY)
    assert told(store.read(DAY)) == expected
    store.fold(DAY)
    found = store.read(DAY)
    assert told(found) == expected
    assert (np.diff(found.time_ns) >= 0).all()
    assert len(list((store.root / "date=2026-11-24").glob("*.parquet"))) == 1
    counted = {str(one.key): one.ticks for one in store.catalogue(DAY)}
    assert counted == {name: sum(key == name for key, _ in expected) for name in {key for key, _ in expected}}


def test_days_and_instruments_are_read_apart(tmp_path: Path) -> None:
    store = TickStore(tmp_path)
    store.add(ticks([(SBIN, 0, 800.0), (NIFTY, 1, 26000.0), (SBIN, 86_400, 801.0)]))
    assert store.days() == (DAY, date(2026, 11, 25))
    assert told(store.read(DAY, [SBIN])) == {("NSE:SBIN", OPEN): 800.0}
    assert len(store.read(DAY, [])) == 0
    assert len(store.read(date(2026, 11, 26))) == 0
    assert store.catalogue(date(2026, 11, 26)) == ()
    found = store.read(DAY)
    assert set(found.columns) == set(TICK_FIELDS)
    assert np.isnan(found.columns["bid"]).all()


def test_what_is_no_tick_is_refused(tmp_path: Path) -> None:
    store = TickStore(tmp_path)
    good = ticks([(SBIN, 0, 800.0)])
    with pytest.raises(InputError, match="differ in length"):
        store.add(Ticks(good.keys, good.row, good.time_ns, {"ltp": np.zeros(2)}))
    with pytest.raises(InputError, match="no column depth"):
        store.add(Ticks(good.keys, good.row, good.time_ns, {"depth": np.zeros(1)}))
    store.add(good)
    (tmp_path / "date=2026-11-24" / "zz.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DecodeError, match="take the damaged file out"):
        store.read(DAY)


def test_ticks_can_be_replayed(tmp_path: Path) -> None:
    store = TickStore(tmp_path)
    store.add(
        ticks(
            [
                (CALL, 0.1, 99.0),  # before the spot is known
                (NIFTY, 1.2, 26000.0),
                (CALL, 2.1, 100.0),
                (CALL, 2.9, 101.0),
                (PUT, 3.0, 90.0),
                (NIFTY, 5.0, 26010.0),
            ]
        )
    )
    file = tmp_path / "chains" / "ticks.parquet"
    rules = RuleBook.load()
    assert write_replay(store.read(DAY), "nifty", file, rules) == 3
    market = ReplayMarket(file)
    recording = market.recording
    assert [(moment - OPEN) // 10**9 for moment in recording.times_ns.tolist()] == [2, 3, 5]
    assert recording.spot[:, 0].tolist() == [26000, 26000, 26010]
    calls = recording.ltp[:, [c.option_type for c in recording.contracts].index("CE")]
    assert calls[0] == 101.0
    lot = rules.lot_size("NIFTY", date(2026, 12, 1), on=DAY, exchange=Exchange.NFO)
    assert np.nanmax(recording.volume[0]) * lot == 650.0
    assert [one.underlyings for one in ChainStore([file.parent]).files()] == [("NIFTY",)]
    with pytest.raises(InputError, match="no spot of NIFTY"):
        write_replay(store.read(DAY, [CALL]), "NIFTY", file, rules)
    with pytest.raises(InputError, match="no spot of BANKNIFTY"):
        write_replay(store.read(DAY), "BANKNIFTY", file, rules)
