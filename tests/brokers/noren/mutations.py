"""A minute of mutated frames: bytes changed, lost, repeated, frames spliced; every one a value or a DecodeError."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from openalgo_lab.model.errors import DecodeError

__all__ = ["mutate", "mutations"]


def mutate(raw: bytes, other: bytes, source: random.Random) -> bytes:
    """One to eight changes."""
    data = bytearray(raw)
    for _ in range(source.randint(1, 8)):
        at = source.randrange(len(data) + 1)
        match source.randrange(5):
            case 0 if at < len(data):
                data[at] = source.randrange(256)
            case 1:
                del data[at : at + source.randrange(1, 20)]
            case 2:
                data[at:at] = data[at : at + source.randrange(1, 20)]
            case 3:
                data[at:] = other[source.randrange(len(other)) :]
            case _ if at < len(data):
                data[at] = ord(source.choice('0123456789"{}[],:-.eE|#'))
    return bytes(data)


def mutations(feed: Callable[[], Any], frames: Sequence[str | bytes], seconds: float, seed: int = 7) -> int:
    """How many frames were tried within ``seconds``; one feed hears a hundred of them: its state is tried too."""
    source, tried, until = random.Random(seed), 0, time.monotonic() + seconds
    while time.monotonic() < until:
        session = feed()
        for _ in range(100):
            first, second = (
                frame.encode() if isinstance(frame, str) else frame for frame in source.choices(frames, k=2)
            )
            binary = first[:1] == b"\x04"
            changed = mutate(first, second, source)
            heard: str | bytes = (b"\x04" + changed) if binary else changed.decode(errors="replace")
            with contextlib.suppress(DecodeError):
                session.received(heard)
            tried += 1
    return tried
