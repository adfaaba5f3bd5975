"""Master contracts on disk: fetched once a day, verified, rebuilt when damaged; a broker's names become ours."""

from __future__ import annotations

import os
import random
from datetime import date, time
from pathlib import Path

import pytest

from openalgo_lab.engine.connections.master import MasterFiles, is_fresh
from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.times import at_ist, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

DAY = date(2026, 11, 25)
LIST = [
    Instrument(
        f"S{n}", Exchange.NSE, InstrumentType.EQ, f"SHARE {n}", n, 1, 0.05,
        broker_symbol=f"S{n}-EQ", broker_token=f"tok{n}",
    )
    for n in range(1, 400)
]  # fmt: skip


def at(hour: int, minute: int = 0, day: date = DAY) -> int:
    return to_ns(at_ist(day, time(hour, minute)))


class Source:
    """A broker that counts how often its list is fetched."""

    def __init__(self) -> None:
        self.fetched = 0
        self.error: Exception | None = None

    async def __call__(self) -> list[Instrument]:
        self.fetched += 1
        if self.error is not None:
            raise self.error
        return LIST


def built_at(path: Path, now: int) -> None:
    os.utime(path, ns=(now, now))


async def test_once_a_day(tmp_path: Path) -> None:
    now, source = at(11), Source()
    files = MasterFiles(tmp_path, lambda: now, "1")
    assert len(await files.load("tiny", source)) == len(LIST)
    built_at(files.path("tiny", DAY), now)
    await files.load("tiny", source)
    assert source.fetched == 1
    now = at(11, day=date(2026, 11, 26))
    assert (await files.load("tiny", source)).dated == date(2026, 11, 26)
    assert source.fetched == 2


async def test_what_was_fetched_before_it_was_published_is_fetched_again(tmp_path: Path) -> None:
    now, source = at(7), Source()
    files = MasterFiles(tmp_path, lambda: now, "1")
    await files.load("tiny", source)
    built_at(files.path("tiny", DAY), now)
    assert is_fresh(files.path("tiny", DAY), at(8, 29))
    assert not is_fresh(files.path("tiny", DAY), at(8, 30))
    now = at(9)
    await files.load("tiny", source)
    assert source.fetched == 2


async def test_old_files_go(tmp_path: Path) -> None:
    now, source = 0, Source()
    files = MasterFiles(tmp_path, lambda: now, "1")
    for number in range(20, 26):
        now = at(11, day=date(2026, 11, number))
        await files.load("tiny", source)
    assert sorted(path.name for path in tmp_path.glob("*.db")) == [f"tiny-1-2026-11-{n}.db" for n in (23, 24, 25)]
    assert len(list(tmp_path.glob("*.sum"))) == 3


@pytest.mark.parametrize("seed", range(12))
async def test_a_damaged_file_is_put_aside_and_rebuilt(tmp_path: Path, seed: int) -> None:
    rng, source = random.Random(seed), Source()
    files = MasterFiles(tmp_path, lambda: at(11), "1")
    path = files.path("tiny", DAY)
    (await files.load("tiny", source)).close()
    content = bytearray(path.read_bytes())
    if seed % 3 == 0:
        content = content[: rng.randrange(len(content))]
    else:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    built_at(path, at(11))
    store = await files.load("tiny", source)
    assert source.fetched == 2
    assert store.all() == LIST
    assert path.with_suffix(".damaged").exists()


@pytest.mark.long
async def test_a_thousand_damages_and_never_a_wrong_row(tmp_path: Path) -> None:
    files, path = MasterFiles(tmp_path, lambda: at(11), "1"), MasterFiles(tmp_path, lambda: 0, "1").path("tiny", DAY)
    (await files.load("tiny", Source())).close()
    for seed in range(1000):
        rng, content = random.Random(seed), bytearray(path.read_bytes())
        if rng.random() < 0.3:
            content = content[: rng.randrange(len(content))]
        else:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        built_at(path, at(11))
        store = await files.load("tiny", Source())
        assert store.all() == LIST
        store.close()


async def test_a_file_without_its_check_is_not_trusted(tmp_path: Path) -> None:
    source = Source()
    files = MasterFiles(tmp_path, lambda: at(11), "1")
    await files.load("tiny", source)
    built_at(files.path("tiny", DAY), at(11))
    files.path("tiny", DAY).with_suffix(".sum").unlink()
    await files.load("tiny", source)
    assert source.fetched == 2


async def test_a_list_that_cannot_be_fetched_is_the_callers(tmp_path: Path) -> None:
    source = Source()
    source.error = StoreError("no")
    with pytest.raises(StoreError):
        await MasterFiles(tmp_path, lambda: at(11), "1").load("tiny", source)
    assert not list(tmp_path.glob("*.db"))


async def test_a_brokers_name_is_found(tmp_path: Path) -> None:
    store = await MasterFiles(tmp_path, lambda: at(11), "1").load("tiny", Source())
    for name in ("S7", "S7-EQ", "tok7"):
        found = store.by_broker_name(Exchange.NSE, name)
        assert found is not None and found.key == InstrumentKey(Exchange.NSE, "S7")
    assert store.by_broker_name(Exchange.BSE, "S7") is None
    assert store.by_broker_name(Exchange.NSE, "nothing") is None
