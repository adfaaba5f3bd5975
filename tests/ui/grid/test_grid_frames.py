"""Encoding: what a page decodes is what was put in, whichever frame was chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from openalgo_lab.model.errors import InputError
from openalgo_lab.ui.grid import Action, Column
from openalgo_lab.ui.grid.columns import check_columns, slots
from openalgo_lab.ui.grid.frames import CellTable

COLUMNS = [
    Column(key="iv", title="IV", kind="number"),
    Column(key="ltp", title="LTP", kind="price"),
    Column(key="name", title="Name", kind="text"),
    Column(key="pct", title="%", kind="pct"),
    Column(key="oi", title="OI", kind="bar"),
]
ROWS = 5
number = st.floats(width=64, allow_nan=True, allow_infinity=True)
block = arrays.arrays(np.float64, (4, ROWS), elements=number)


def table() -> CellTable:
    made = CellTable(COLUMNS)
    made.set_rows(range(ROWS), {})
    return made


def put(into: CellTable, block: np.ndarray) -> None:
    into.update(dict(zip(("ltp", "oi", "iv", "pct"), block, strict=True)))


def decode_full(data: bytes) -> np.ndarray:
    wide = np.frombuffer(data, "<f8", 2 * ROWS).reshape(2, ROWS)
    narrow = np.frombuffer(data, "<f4", 2 * ROWS, wide.nbytes).reshape(2, ROWS)
    return np.vstack([wide, narrow.astype(float)])


def test_doubles_come_first_so_that_views_are_aligned() -> None:
    assert slots(COLUMNS) == {"ltp": 0, "oi": 1, "iv": 2, "pct": 3}


@given(block)
def test_a_full_frame_carries_every_cell(values: np.ndarray) -> None:
    cells = table()
    put(cells, values)
    frame = cells.encode()
    assert frame is not None
    assert frame.kind == "f"
    with np.errstate(over="ignore"):
        expected = np.vstack([values[:2], values[2:].astype(np.float32)])
    np.testing.assert_array_equal(decode_full(frame.data), expected)


@given(st.lists(block, min_size=1, max_size=6), st.data())
def test_deltas_lead_to_the_state_that_a_full_frame_shows(steps: list[np.ndarray], data: st.DataObject) -> None:
    cells = table()
    held = decode_full(cells.encode().data)
    for values in steps:
        kept = data.draw(arrays.arrays(np.bool_, (4, ROWS)))  # so that some frames change few cells
        put(cells, np.where(kept, held, values))
        frame = cells.encode()
        if frame is not None and frame.kind == "d":
            changed = np.frombuffer(frame.data, "<u4", frame.cells, 8 * frame.cells)
            held.reshape(-1)[changed] = np.frombuffer(frame.data, "<f8", frame.cells)
        elif frame is not None:
            held = decode_full(frame.data)
    cells.forget_sent()
    np.testing.assert_array_equal(held, decode_full(cells.encode().data))


@given(block, block)
def test_the_smaller_frame_is_chosen(first: np.ndarray, second: np.ndarray) -> None:
    cells = table()
    put(cells, first)
    full = len(cells.encode().data)
    put(cells, second)
    frame = cells.encode()
    assert frame is None or len(frame.data) <= full


def test_nothing_new_is_no_frame_even_with_no_values() -> None:
    cells = table()
    cells.update({"ltp": [np.nan, 1, 2, 3, 4]})
    cells.encode()
    cells.update({"ltp": [np.nan, 1, 2, 3, 4]})
    assert cells.encode() is None


def test_one_cell_costs_twelve_bytes() -> None:
    cells = table()
    cells.encode()
    cells.update({"oi": [np.nan, np.nan, 7.5, np.nan, np.nan]})
    frame = cells.encode()
    assert (frame.kind, frame.cells, len(frame.data)) == ("d", 1, 12)
    assert np.frombuffer(frame.data, "<u4", 1, 8)[0] == 1 * ROWS + 2


def test_flags_travel_when_they_change() -> None:
    cells = table()
    assert cells.encode().flags == bytes(2 * ROWS)
    cells.update({}, [0, 4, 0, 0, 8])
    frame = cells.encode()
    assert (frame.cells, frame.data) == (0, b"")
    assert np.frombuffer(frame.flags, "<u2").tolist() == [0, 4, 0, 0, 8]
    assert cells.encode() is None


def test_a_row_that_stays_keeps_its_numbers_and_flags() -> None:
    cells = table()
    cells.update({"ltp": [10, 11, 12, 13, 14]})
    cells.update({}, [1, 2, 4, 8, 16])
    cells.set_rows([4, 9, 0], {})
    frame = cells.encode()
    assert frame.kind == "f"
    assert np.frombuffer(frame.data, "<f8", 3).tolist()[::2] == [14, 10]
    assert np.isnan(np.frombuffer(frame.data, "<f8", 3)[1])
    assert np.frombuffer(frame.flags, "<u2").tolist() == [16, 0, 1]


def test_an_update_is_taken_whole_or_not_at_all() -> None:
    cells = table()
    cells.encode()
    with pytest.raises(InputError, match="no numeric column 'nope'"):
        cells.update({"ltp": [1, 2, 3, 4, 5], "nope": [1, 2, 3, 4, 5]})
    assert cells.encode() is None


@pytest.mark.parametrize("values", [[1.0], [[1.0] * ROWS], 3.0])
def test_a_column_of_another_length_is_refused(values: object) -> None:
    with pytest.raises(InputError, match="the grid has 5 rows; call set_rows first"):
        table().update({"ltp": values})


def test_ids_are_distinct() -> None:
    with pytest.raises(InputError, match="its own id"):
        table().set_rows([1, 2, 1], {})


def test_an_empty_table_encodes() -> None:
    cells = CellTable(COLUMNS)
    assert cells.encode().data == b""
    assert cells.encode() is None


def test_columns_that_contradict_each_other_are_refused() -> None:
    price = Column(key="p", title="P", kind="price")
    with pytest.raises(InputError, match="p occurs twice"):
        check_columns([price, price])
    with pytest.raises(InputError, match="bar_of names q"):
        check_columns([Column(key="p", title="P", kind="price", bar_of="q")])
    nine = tuple(Action(key=str(i), title="x", name="x") for i in range(9))
    with pytest.raises(InputError, match="at most eight"):
        check_columns([Column(key="p", title="P", kind="action", actions=nine)])
