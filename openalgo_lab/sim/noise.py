"""Counter-based randomness: a number is a function of its key and counter, so any moment can be asked for alone."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["IntArray", "UIntArray", "bits", "draw", "key_of", "normals", "token_of", "uniform"]

IntArray = npt.NDArray[np.int64]
UIntArray = npt.NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


def key_of(*parts: object) -> int:
    """A 64-bit key that is the same in every process and on every machine."""
    text = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def token_of(exchange: str, symbol: str) -> int:
    """A stable instrument number of 48 bits (it passes through JSON and JavaScript unharmed)."""
    return key_of("token", exchange, symbol) >> 16


def bits(key: UIntArray | np.uint64, counter: UIntArray | np.uint64) -> UIntArray:
    """64 random bits for each (key, counter): the finaliser of SplitMix64 over a Weyl sequence. Broadcasts."""
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64 is meant
        mixed = key + counter * _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


def uniform(random_bits: UIntArray) -> npt.NDArray[np.float64]:
    """Floats in [0, 1) of random bits."""
    return np.asarray((random_bits >> np.uint64(11)) * (1.0 / (1 << 53)), dtype=np.float64)


def draw(random_bits: UIntArray, shift: int, size: int) -> IntArray:
    """Integers in [0, size) of 16 of the bits, from ``shift`` on; size at most 4096 or so."""
    part = (random_bits >> np.uint64(shift)) & np.uint64(0xFFFF)
    return np.asarray((part * np.uint64(size)) >> np.uint64(16), dtype=np.int64)


def normals(size: int, *parts: object) -> npt.NDArray[np.float64]:
    """``size`` standard normals of a key (Philox)."""
    return np.random.Generator(np.random.Philox(key=key_of(*parts))).standard_normal(size)
