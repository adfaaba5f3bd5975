"""The board against a plain dictionary: whatever fields a batch brings, in whatever order, the rest keeps its value."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.board import Board
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import QUOTE_FIELDS
from openalgo_lab.model.vocabulary import Exchange

KEYS = [InstrumentKey(Exchange.NSE, f"S{number}") for number in range(4)]

batch = st.tuples(
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
    st.one_of(st.permutations(QUOTE_FIELDS), st.just(list(QUOTE_FIELDS[:-1])), st.just(["ltp"]))
    .flatmap(lambda names: st.integers(0, len(names)).map(lambda size: list(names[:size]))),
)  # fmt: skip


@given(st.lists(batch, max_size=8))
def test_written_fields_are_read_back_and_others_stay(batches: list[tuple[list[int], list[str]]]) -> None:
    board = Board()
    for key in KEYS:
        board.row(key)
    known: dict[tuple[int, str], float] = {}
    serial = 0.0
    for rows, names in batches:
        columns: dict[str, list[float]] = {name: [] for name in names}
        for row in rows:
            for name in names:
                serial += 1.0
                columns[name].append(serial)
                known[row, name] = serial
        board.write(np.array(rows), {name: np.array(column) for name, column in columns.items()}, np.full(len(rows), 7))
    shown = board.read(np.arange(4))
    for row, key in enumerate(KEYS):
        expected = [known.get((row, name), math.nan) for name in QUOTE_FIELDS]
        np.testing.assert_array_equal(shown[:, row], expected)
        np.testing.assert_array_equal([board.column(name, np.array([row]))[0] for name in QUOTE_FIELDS], expected)
        quote = board.quote(key)
        assert (quote is None) == all(row not in rows for rows, _ in batches)
        if quote is not None:
            np.testing.assert_array_equal([getattr(quote, name) for name in QUOTE_FIELDS], expected)
