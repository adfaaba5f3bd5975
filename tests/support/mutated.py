"""Golden frames with bytes changed, flipped, lost and put in."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

__all__ = ["mutated"]


def mutated(seeds: Sequence[bytes], rounds: int, seed: int = 7) -> Iterator[bytes]:
    """As many damaged frames as ``rounds``; a third of them are two frames in one."""
    source = random.Random(seed)
    for _ in range(rounds):
        frame = bytearray(source.choice(seeds))
        if source.random() < 1 / 3:
            frame += source.choice(seeds)
        for _ in range(source.randrange(1, 6)):
            place = source.randrange(len(frame) + 1)
            match source.randrange(4):
                case 0:
                    frame[place : place + 1] = source.randbytes(1)
                case 1 if place < len(frame):
                    frame[place] ^= 1 << source.randrange(8)
                case 2:
                    del frame[place : place + source.randrange(1, 9)]
                case _:
                    frame[place:place] = source.randbytes(source.randrange(1, 9))
        yield bytes(frame)
