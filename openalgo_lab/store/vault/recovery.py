"""The recovery key as people copy it from paper: eight groups of base32, each with a letter that checks it.

Crockford's alphabet (no I, L, O, U; those are read as 1, 1, 0 and refused). 200 random bits. The sixth character of a
group is a sum over GF(32) of the five before it and the group's number, each with a weight of its own: one wrong
character, two exchanged ones, and a group in the wrong place are all found, and the group is named.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret, SecretBytes

__all__ = ["new_recovery_key", "read_recovery_key", "write_recovery_key"]

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
_GROUPS, _DATA = 8, 5
_BYTES = _GROUPS * _DATA * 5 // 8
_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1 is irreducible over GF(2), so GF(32) is built on it


def new_recovery_key() -> tuple[Secret, SecretBytes]:
    """A fresh key: the text for people (``XXXXXX-XXXXXX-…``, 8 groups) and its 25 bytes."""
    raw = os.urandom(_BYTES)
    return write_recovery_key(raw), SecretBytes(raw)


def read_recovery_key(text: Secret) -> SecretBytes:
    """The 25 bytes of a recovery key; spaces, dashes and letter case do not matter.

    Raises InputError, which names the group that was mistyped.
    """
    letters = "".join(one for one in text.reveal().upper() if one not in " -–—\t\r\n").translate(_READ_AS)
    if len(letters) != _GROUPS * (_DATA + 1):
        raise InputError(
            f"A recovery key has {_GROUPS} groups of {_DATA + 1} characters; this has {len(letters)} characters in "
            "all: compare it with your copy.",
            field="recovery",
        )
    values: list[int] = []
    for number in range(_GROUPS):
        group = letters[number * (_DATA + 1) : (number + 1) * (_DATA + 1)]
        found = [_ALPHABET.find(one) for one in group]
        if -1 in found or _check(found[:_DATA], number) != found[_DATA]:
            raise InputError(
                f"Group {number + 1} of the recovery key is mistyped: compare it with your copy.", "recovery"
            )
        values.extend(found[:_DATA])
    return SecretBytes(_joined(values).to_bytes(_BYTES, "big"))


def write_recovery_key(raw: bytes) -> Secret:
    """The text of 25 bytes."""
    number = int.from_bytes(raw, "big")
    count = _GROUPS * _DATA
    values = [(number >> 5 * (count - 1 - at)) & 31 for at in range(count)]
    groups = [values[at : at + _DATA] for at in range(0, count, _DATA)]
    lines = ((*group, _check(group, number)) for number, group in enumerate(groups))
    return Secret("-".join("".join(_ALPHABET[one] for one in line) for line in lines))


def _joined(values: Iterable[int]) -> int:
    number = 0
    for value in values:
        number = number << 5 | value
    return number


def _check(group: Iterable[int], number: int) -> int:
    total, weight = 0, 1
    for value in (*group, number):
        weight = _times(weight, 2)
        total ^= _times(weight, value)
    return total


def _times(a: int, b: int) -> int:
    """Product in GF(32)."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0b100000:
            a ^= _POLYNOMIAL
        b >>= 1
    return product
