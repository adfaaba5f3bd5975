"""Passwords of users: Argon2id in its usual text form, so that its cost can be raised later."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.vault.keys import FLOOR

__all__ = ["check_password", "hash_password", "needs_rehash", "password_fits", "spend_as_much"]

SHORTEST: Final = 10
"""NIST SP 800-63B asks for 8 beside a second factor; the vault's own passphrase asks for 12."""
_FEWEST_LETTERS: Final = 5


def check_password(password: Secret) -> None:
    """Raises InputError for one that is easy to guess."""
    text = _normal(password)
    if len(text) < SHORTEST or len(set(text)) < _FEWEST_LETTERS:
        raise InputError(f"This password is too easy to guess: take at least {SHORTEST} characters.", field="password")


def hash_password(password: Secret) -> str:
    """Argon2id, 64 MiB, 3 passes, 4 lanes; takes a good part of a second. Raises InputError for an easy one."""
    check_password(password)
    return _hasher().hash(_normal(password))


def password_fits(kept: str, password: Secret) -> bool:
    """Whether ``password`` is the one that was hashed; takes as long as hashing."""
    try:
        return _hasher().verify(kept, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(kept: str) -> bool:
    """Whether it was hashed at another cost than today's."""
    return _hasher().check_needs_rehash(kept)


def spend_as_much(password: Secret) -> None:
    """As slow as a check, so that a name that does not exist is not told by the time it takes."""
    password_fits(_nobody(), password)


def _normal(password: Secret) -> str:
    return unicodedata.normalize("NFC", password.reveal())


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(FLOOR.passes, FLOOR.memory_kib, FLOOR.lanes, type=Type.ID)


@cache
def _nobody() -> str:
    return _hasher().hash("nobody has this password")
