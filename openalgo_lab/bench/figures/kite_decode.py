"""Full Kite packets from the bytes of frames to the board, beside kiteconnect's own parser (which makes dicts of them).

The way is that of `openalgo_lab.broker.socket`: frames that one read of the socket brought are decoded together, a
frame that came alone by itself. kiteconnect parses each frame as it comes, so its price is the same in both cases.
"""

from __future__ import annotations

import struct
import time
from typing import Final

import numpy as np

from openalgo_lab.bench import CannotMeasure, Measured, figure
from openalgo_lab.bench.peers import in_peers
from openalgo_lab.broker.registry import load
from openalgo_lab.broker.spec import FeedSession, Session
from openalgo_lab.engine.board import Board
from openalgo_lab.engine.market_data import TokenRows
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["kite_decode_1", "kite_decode_100"]

_SYMBOLS: Final = 3_000
_ROUNDS: Final = 7
_SECONDS: Final = 0.25
_READ: Final = 256 * 1024
"""Bytes that asyncio takes from a busy socket at once."""
_MOST: Final = 64
"""Frames that a socket's reader holds before it lets the sender wait."""
_PEER: Final = """
import struct, time
from kiteconnect import KiteTicker
frames = [bytes.fromhex(text) for text in {frames!r}.split()]
parse = KiteTicker("key", "token")._parse_binary
best = 0.0
for _ in range({rounds}):
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < {seconds}:
        for frame in frames:
            parse(frame)
        done += len(frames)
    best = max(best, done * {packets} / spent)
print(best)
"""


@figure("kite_decode_1", unit="packets/s", goal=800_000, better="higher")
def kite_decode_1() -> Measured:
    """Frames of one packet, as a busy socket brings them: 64 at a time.

    ``alone``: each frame by itself; ``decode``: the bursts without the write to the board.
    """
    return _measured(1)


@figure("kite_decode_100", unit="packets/s", goal=4_000_000, better="higher")
def kite_decode_100() -> Measured:
    """Frames of a hundred packets, fourteen at a time; values as above."""
    return _measured(100)


def _measured(packets: int) -> Measured:
    frames = _frames(packets)
    texts = " ".join(frame.hex() for frame in frames[: max(3, 60 // packets)])
    peer = in_peers(_PEER.format(frames=texts, rounds=_ROUNDS, seconds=_SECONDS, packets=packets))
    board = max(_rates(frames, packets))
    alone, decode = max(_rates(frames, packets, alone=True)), max(_rates(frames, packets, write=False))
    return Measured(board, peer, also={"alone": alone, "decode": decode})


def _rates(frames: list[bytes], packets: int, *, alone: bool = False, write: bool = True) -> list[float]:
    """Packets a second in each round, through a feed session as the socket's reader calls it."""
    spec = load("zerodha")
    session = spec.codec.open_feed(Session("AB1234", "token"), spec.feeds[0])
    board, rows = Board(), TokenRows()
    rows.add((_token(i), board.row(InstrumentKey(Exchange.NSE, f"S{i}"))) for i in range(_SYMBOLS))
    size = 1 if alone else min(_MOST, _READ // len(frames[0]))
    bursts = [frames[start : start + size] for start in range(0, len(frames), size)]
    found = []
    for _ in range(_ROUNDS):
        done, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < _SECONDS:
            for burst in bursts:
                for batch in _heard(session, burst):
                    if write:
                        board.write(rows.find(batch.tokens), batch.columns, batch.time_ns, batch.depth)
            done += len(frames)
        found.append(done * packets / spent)
    return found


def _heard(session: FeedSession, burst: list[bytes]) -> tuple[TickBatch, ...]:
    if len(burst) == 1:
        return session.received(burst[0]).ticks
    together = session.together(burst)
    if together is None:
        raise CannotMeasure("The broker's feed does not read frames together.")
    return together.ticks


def _token(number: int) -> int:
    return (1000 + number) * 256 + 1


def _frames(packets: int) -> list[bytes]:
    """Frames of full packets; instruments and values by chance, the same every time."""
    chance = np.random.default_rng(1)
    frames = []
    for _ in range(_MOST if packets == 1 else 14):
        parts = [struct.pack(">H", packets)]
        for number in chance.integers(0, _SYMBOLS, packets):
            words = [_token(int(number)), *chance.integers(1, 10_000_000, 15).tolist()]
            book = [field for _ in range(10) for field in (*chance.integers(1, 1_000_000, 2).tolist(), 3)]
            parts += [struct.pack(">H", 184), struct.pack(">16I", *words), struct.pack(">" + "IIHxx" * 10, *book)]
        frames.append(b"".join(parts))
    return frames
