"""The fill book on disk."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from openalgo_lab.model.errors import InputError, StoreError
from openalgo_lab.store.fills import FillStore
from tests.engine.accounting.fills import fill


def test_it_keeps_replaces_and_narrows(tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    store = FillStore(path)
    first, second = fill("BUY", 10, 100.0, strategy="a"), fill("SELL", 10, 101.0, day=date(2026, 11, 26), account="B")
    store.put([second, first])
    store.put([first])
    better = msgspec.structs.replace(first, price=100.5)
    store.put([better])
    assert [one.fill for one in store.read()] == [better, second]
    assert [one.fill for one in store.read(account="B")] == [second]
    assert [one.fill for one in store.read(strategy="a")] == [better]
    assert [one.fill for one in store.read(start=date(2026, 11, 26))] == [second]
    assert [one.fill for one in store.read(end=date(2026, 11, 25))] == [better]
    store.close()
    again = FillStore(path)
    assert len(again.read()) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    again.close()


def test_notes_stay_with_their_trades(tmp_path: Path) -> None:
    store = FillStore(tmp_path / "f.db")
    parts = [fill("BUY", 5, 100.0, order="one"), fill("BUY", 5, 101.0, order="one"), fill("BUY", 1, 1.0)]
    store.put(parts)
    assert store.annotate("A", trade_id="", order_id="one", note="early", tags=("gap", "<b>")) == 2
    assert store.annotate("A", trade_id=parts[0].trade_id, order_id="", note=None, tags=("late",)) == 1
    store.put([msgspec.structs.replace(parts[0], price=99.0)])  # a better report
    assert [(one.note, one.tags) for one in store.read()] == [("early", ("late",)), ("early", ("gap", "<b>")), ("", ())]
    for wrong in ({"trade_id": "", "order_id": "two"}, {"trade_id": "", "order_id": ""}):
        with pytest.raises(InputError, match="no trade"):
            store.annotate("A", note="x", tags=None, **wrong)
    store.close()


def test_openings_come_first_and_nothing_is_kept_in_memory() -> None:
    store = FillStore(None)
    one = fill("BUY", 10, 100.0)
    store.put([one])
    store.put([msgspec.structs.replace(one, trade_id="opening-x", time_ns=one.time_ns)], opening=True)
    assert [booked.opening for booked in store.read()] == [True, False]
    assert store.version == 2
    store.close()
    with pytest.raises(StoreError, match="cannot be read"):
        store.read()


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        FillStore(path)
