"""Ticks that tell what changed; messages and index names from text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from openalgo_lab.broker.indices import index_symbol
from openalgo_lab.broker.messages import reader
from openalgo_lab.broker.told import Told, book_of, told_batches
from openalgo_lab.model.errors import DecodeError


def test_rows_that_tell_the_same_share_a_batch() -> None:
    rows = [
        Told(1, 1000, {"ltp": 10.0, "volume": 5}),
        Told(2, 2000, {"ltp": 20.0, "volume": 0}),
        Told(3, 3000, {"ltp": 30.000000001, "volume": 7}),
        Told(4, 4000, {"ltp": 0.0}),
    ]
    both, price = told_batches(rows, "Broker")
    assert (both.tokens.tolist(), both.time_ns.tolist()) == ([1, 3], [10**9, 3 * 10**9])
    assert {name: values.tolist() for name, values in both.columns.items()} == {"ltp": [10, 30], "volume": [5, 7]}
    assert (price.tokens.tolist(), list(price.columns)) == ([2], ["ltp"])


def test_a_book_alone_is_told_as_well() -> None:
    (batch,) = told_batches([Told(1, 1000, {}, book_of([(99.5, 5, 100.5, 6), (0, 0, 101, 7)]))], "Broker")
    assert batch.depth is not None
    assert batch.columns == {}
    nan = math.nan
    np.testing.assert_equal(
        batch.depth[0].tolist(),
        [[99.5, nan, nan, nan, nan], [5, nan, nan, nan, nan], [100.5, 101, nan, nan, nan], [6, 7, nan, nan, nan]],
    )


@pytest.mark.parametrize(
    "row", [Told(1, -1, {"ltp": 1.0}), Told(1, 10**15, {"ltp": 1.0}), Told(1, 1, {"ltp": math.inf})]
)
def test_times_and_numbers_that_are_none(row: Told) -> None:
    with pytest.raises(DecodeError):
        told_batches([row], "Broker")


def test_messages_from_text() -> None:
    read = reader("sample", {"Leaf": "name:1:string", "Tree": "size:1:int64 leaves:2:Leaf*"}, "Broker")
    tree = read(b"\x08\x05\x12\x03\x0a\x01a\x12\x03\x0a\x01b\x18\x07")  # field 3 is not known, and skipped
    assert (tree.size, [leaf.name for leaf in tree.leaves]) == (5, ["a", "b"])
    with pytest.raises(DecodeError, match="Broker"):
        read(b"\x12\x09")


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("Nifty Bank", "BANKNIFTY"), ("NIFTY MIDCAP 100", "NIFTYMIDCAP100"), ("SENSEX", "SENSEX"), ("SNSX50", "SENSEX50")],
)
def test_index_names(name: str, symbol: str) -> None:
    assert index_symbol(name) == symbol
