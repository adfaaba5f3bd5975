"""The ticker's binary frames: the published dumps, a second decoder as oracle, and bytes that are none."""

from __future__ import annotations

import math
import random
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.zerodha.packets import decode_frame, decode_frames
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import QUOTE_FIELDS, TickBatch
from tests.brokers.zerodha.golden import CDS_LTP, FULL, INDEX_FULL, MIXED, QUOTE, frames

AT_NS = 1_625_461_887 * 10**9


def values(batch: TickBatch, row: int = 0) -> dict[str, float]:
    return {name: float(column[row]) for name, column in batch.columns.items()}


def test_two_kinds_in_one_frame() -> None:
    ltp, index = decode_frame(MIXED)
    assert (ltp.tokens.tolist(), values(ltp)) == ([408065], {"ltp": 1573.15})
    assert index.tokens.tolist() == [256265]
    assert values(index) == {"ltp": 24123.45, "high": 24200.0, "low": 24000.1, "open": 24050.0, "prev_close": 24100.0}
    assert index.time_ns.tolist() == [0]


def test_an_index_with_its_time() -> None:
    (index,) = decode_frame(INDEX_FULL)
    assert index.time_ns.tolist() == [AT_NS]
    assert values(index)["open"] == 24050.0


def test_a_quote() -> None:
    (quote,) = decode_frame(QUOTE)
    assert quote.depth is None
    assert values(quote) == {
        "ltp": 1573.15, "ltq": 1, "average": 1570.33, "volume": 1175986, "open": 1569.15, "high": 1575.0,
        "low": 1561.05, "prev_close": 1567.8,
    }  # fmt: skip


def test_currency_counts_in_ten_millionths() -> None:
    (ltp,) = decode_frame(CDS_LTP)
    assert values(ltp) == {"ltp": 72.755}


def test_a_full_packet() -> None:
    (full,) = decode_frame(FULL)
    assert values(full) == {
        "ltp": 1573.7, "ltq": 7, "average": 1570.37, "volume": 1192471, "open": 1569.15, "high": 1575.0,
        "low": 1561.05, "prev_close": 1567.8, "oi": 0.0, "bid": 1573.4, "bid_qty": 5, "ask": 1573.7, "ask_qty": 172,
    }  # fmt: skip
    assert full.depth is not None
    assert full.depth[0].tolist() == [
        [1573.4, 1573.0, 1572.95, 1572.9, 1572.85],
        [5, 140, 2, 219, 50],
        [1573.7, 1573.75, 1573.85, 1573.9, 1573.95],
        [172, 44, 302, 141, 724],
    ]
    assert full.time_ns.tolist() == [AT_NS]


def test_a_heartbeat_is_no_tick() -> None:
    assert decode_frame(b"\x00") == ()
    assert decode_frame(b"\x00\x00") == ()


@pytest.mark.parametrize("frame", [b"", b"\x00\x01", FULL[:-1], FULL + b"\x00", MIXED[:20], b"\x00\x01\x00\x03abc"])
def test_what_does_not_fit_is_refused(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_frame(frame)


# A second decoder, packet by packet, with nothing of the first in it ------------------------------------------------

WORD = st.integers(0, 2**32 - 1) | st.just(0)
SEGMENT = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 9, 12])


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    length = draw(st.sampled_from([8, 28, 32, 44, 184]))
    token = draw(st.integers(0, 2**24 - 1)) << 8 | draw(SEGMENT)
    return struct.pack(
        f">{length // 4}I", token, *draw(st.lists(WORD, min_size=length // 4 - 1, max_size=length // 4 - 1))
    )


def oracle(packet: bytes) -> tuple[int, int, dict[str, float], Any]:
    words = struct.unpack(f">{len(packet) // 4}I", packet)
    divisor = {3: 1e7, 6: 1e4, 12: 1e4}.get(words[0] % 256, 100.0)
    if len(packet) == 8:
        names = ["ltp"]
    elif len(packet) < 44:
        names = ["ltp", "high", "low", "open", "prev_close"]
    else:
        names = ["ltp", "ltq", "average", "volume", "-", "-", "open", "high", "low", "prev_close"]
        names += ["-", "oi"] if len(packet) == 184 else []
    found = {}
    for name, word in zip(names, words[1:], strict=False):
        if name in ("ltq", "volume", "oi"):
            found[name] = float(word)
        elif name != "-":
            found[name] = word / divisor if word else math.nan
    at = {32: 7, 184: 15}.get(len(packet))
    book = None
    if len(packet) == 184:
        entries = list(struct.iter_unpack(">IIHxx", packet[64:]))
        book = [[e[1] / divisor if e[1] else math.nan for e in entries[i : i + 5]] for i in (0, 5)]
        sizes = [[float(e[0]) if e[0] else math.nan for e in entries[i : i + 5]] for i in (0, 5)]
        book = [book[0], sizes[0], book[1], sizes[1]]
        found |= {"bid": book[0][0], "bid_qty": book[1][0], "ask": book[2][0], "ask_qty": book[3][0]}
    return words[0], words[at] * 10**9 if at else 0, found, book


def framed(parts: list[bytes]) -> bytes:
    return struct.pack(">H", len(parts)) + b"".join(struct.pack(">H", len(p)) + p for p in parts)


@given(st.lists(packets(), min_size=1, max_size=12))
def test_every_packet_as_the_oracle_reads_it(parts: list[bytes]) -> None:
    batches = decode_frame(framed(parts))
    lengths = list(dict.fromkeys(map(len, parts)))
    assert len(batches) == len(lengths)
    for batch, length in zip(batches, lengths, strict=True):
        expected = [oracle(p) for p in parts if len(p) == length]
        assert batch.tokens.tolist() == [token for token, *_ in expected]
        assert batch.time_ns.tolist() == [at for _, at, *_ in expected]
        assert set(batch.columns) <= set(QUOTE_FIELDS)
        for row, (_, _, fields, book) in enumerate(expected):
            np.testing.assert_equal(values(batch, row), fields)
            if book is not None:
                assert batch.depth is not None
                np.testing.assert_equal(batch.depth[row].tolist(), book)


# Fuzz ---------------------------------------------------------------------------------------------------------------


def survives(frame: bytes) -> None:
    try:
        batches = decode_frame(frame)
    except DecodeError:
        return
    for batch in batches:
        assert len(batch.tokens) == len(batch.time_ns)
        assert all(len(column) == len(batch.tokens) for column in batch.columns.values())


def flat(batches: tuple[TickBatch, ...]) -> list[tuple[int, int, dict[str, float], list[float]]]:
    """Ticks in their order, NaN as -1 so that they compare."""
    return [
        (
            int(batch.tokens[row]),
            int(batch.time_ns[row]),
            {name: -1.0 if math.isnan(value) else value for name, value in values(batch, row).items()},
            [] if batch.depth is None else np.nan_to_num(batch.depth[row], nan=-1.0).ravel().tolist(),
        )
        for batch in batches
        for row in range(len(batch.tokens))
    ]


GOOD = [*frames(), framed([FULL[4:]] * 3), framed([QUOTE[4:]] * 2), framed([FULL[4:], INDEX_FULL[4:]]), b"\0"]


@given(st.lists(st.sampled_from(GOOD), max_size=12))
def test_frames_together_say_what_they_say_one_by_one(burst: list[bytes]) -> None:
    assert flat(decode_frames(burst)) == flat(tuple(batch for frame in burst for batch in decode_frame(frame)))


def test_frames_of_one_kind_are_one_batch() -> None:
    (batch,) = decode_frames([FULL, framed([FULL[4:]] * 3), FULL])
    assert len(batch.tokens) == 5


@given(st.lists(st.sampled_from(GOOD), min_size=1, max_size=6), st.data())
def test_a_damaged_frame_among_others_is_an_error_and_never_another_value(
    burst: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(burst) - 1))
    cut = data.draw(st.integers(0, len(burst[at]) - 1))
    burst[at] = burst[at][:cut]
    try:
        alone = flat(tuple(batch for frame in burst for batch in decode_frame(frame)))
    except DecodeError:
        with pytest.raises(DecodeError):
            decode_frames(burst)
    else:
        assert flat(decode_frames(burst)) == alone


@given(st.binary(max_size=400))
def test_any_bytes(frame: bytes) -> None:
    survives(frame)


@pytest.mark.parametrize("rounds", [4_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_mutated_frames(rounds: int) -> None:
    source = random.Random(7)
    seeds = [*frames(), framed([FULL[4:]] * 3), framed([FULL[4:], INDEX_FULL[4:], QUOTE[4:]])]
    for _ in range(rounds):
        frame = bytearray(source.choice(seeds))
        for _ in range(source.randrange(1, 6)):
            place = source.randrange(len(frame))
            match source.randrange(4):
                case 0:
                    frame[place] = source.randrange(256)
                case 1:
                    frame[place] ^= 1 << source.randrange(8)
                case 2:
                    del frame[place : place + source.randrange(1, 9)]
                case _:
                    frame[place:place] = source.randbytes(source.randrange(1, 9))
            if not frame:
                break
        survives(bytes(frame))
