"""Keys: how one is made of a passphrase, how one becomes many, and how one is wrapped in another.

Argon2id by RFC 9106, HKDF-SHA256 by RFC 5869, AES-256-GCM by NIST SP 800-38D; all from argon2-cffi and cryptography.
"""

from __future__ import annotations

import enum
import os
import time
import unicodedata
from collections.abc import Callable
from typing import Final

import msgspec
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from openalgo_lab.model.errors import InputError, VaultDamaged
from openalgo_lab.model.secret import Secret, SecretBytes

__all__ = [
    "FLOOR",
    "KEY_BYTES",
    "KdfParameters",
    "Purpose",
    "calibrate",
    "check_passphrase",
    "derive",
    "new_key",
    "new_salt",
    "stretch",
    "unwrap",
    "wrap",
]

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
_NONCE_BYTES = 12
SHORTEST_PASSPHRASE: Final = 12
_FEWEST_LETTERS = 5


class KdfParameters(msgspec.Struct, frozen=True):
    """Cost of Argon2id: memory in KiB, passes over it, lanes (threads)."""

    memory_kib: int
    passes: int
    lanes: int

    def check(self) -> None:
        """Raises VaultDamaged for costs that this program never writes: too cheap, or made to stall the machine."""
        cheap = self.memory_kib < FLOOR.memory_kib or self.passes < FLOOR.passes or self.lanes < 1
        if cheap or self.memory_kib > 4 * 2**20 or self.passes > 1000 or self.lanes > 64:
            raise VaultDamaged(
                "The vault's header asks for a key derivation that this program never chooses: restore vault.json "
                "from a backup."
            )


FLOOR: Final = KdfParameters(memory_kib=64 * 1024, passes=3, lanes=4)
"""RFC 9106's second recommendation; never less, however slow the machine."""
_MOST_MEMORY_KIB = 256 * 1024  # kernels and pages live beside it
FASTEST_S, SLOWEST_S = 0.5, 1.0
_ENOUGH_S, _AIM_S = 0.6, 0.75  # well inside the range: a measurement is never the whole truth


class Purpose(enum.StrEnum):
    """What a derived key is for; the text goes into the derivation and never changes."""

    VAULT = "vault"
    HEADER = "header"
    JOURNAL = "journal"
    EXPORT = "export"
    SESSION = "session"


def new_key() -> SecretBytes:
    """256 random bits of the operating system."""
    return SecretBytes(os.urandom(KEY_BYTES))


def new_salt() -> bytes:
    """128 random bits of the operating system."""
    return os.urandom(SALT_BYTES)


def check_passphrase(passphrase: Secret) -> None:
    """Raises InputError for one that is too short or too uniform to stand a guessing machine."""
    text = _normal(passphrase)
    if len(text) < SHORTEST_PASSPHRASE or len(set(text)) < _FEWEST_LETTERS:
        raise InputError(
            f"This passphrase is too easy to guess: take at least {SHORTEST_PASSPHRASE} characters, best four or "
            "more words that do not belong together.",
            field="passphrase",
        )


def stretch(passphrase: Secret, salt: bytes, cost: KdfParameters) -> SecretBytes:
    """Argon2id of a passphrase: slow on purpose. The same characters give the same key on every keyboard (NFC)."""
    raw = hash_secret_raw(
        _normal(passphrase).encode(), salt, cost.passes, cost.memory_kib, cost.lanes, KEY_BYTES, Type.ID
    )
    return SecretBytes(raw)


def _normal(passphrase: Secret) -> str:
    return unicodedata.normalize("NFC", passphrase.reveal())


def calibrate(
    measure: Callable[[KdfParameters], float] | None = None, most_memory_kib: int | None = None
) -> KdfParameters:
    """The cost that takes 0.5–1.0 s here: more memory first (up to a quarter of what is free), then more passes.

    Never below the floor, so a slow machine may take longer. ``measure`` gives the seconds of one derivation.
    """
    timed = measure or _seconds
    most = max(FLOOR.memory_kib, min(_MOST_MEMORY_KIB, most_memory_kib or _free_kib() // 4))
    cost, seconds = FLOOR, timed(FLOOR)
    for _ in range(4):
        if seconds >= _ENOUGH_S:
            break
        cost = _raised(cost, _AIM_S / max(seconds, 1e-3), most)
        seconds = timed(cost)
    while seconds > SLOWEST_S and cost.memory_kib > FLOOR.memory_kib:
        # The machine was busy for a moment, or slows down on large memory: step back rather than let people wait.
        cost = _lowered(cost, _AIM_S / seconds)
        seconds = timed(cost)
    return cost


def _raised(cost: KdfParameters, factor: float, most: int) -> KdfParameters:
    memory = min(most, int(cost.memory_kib * factor) // 1024 * 1024)
    if memory > cost.memory_kib:
        return msgspec.structs.replace(cost, memory_kib=memory)
    return msgspec.structs.replace(cost, passes=max(cost.passes + 1, int(cost.passes * factor)))


def _lowered(cost: KdfParameters, factor: float) -> KdfParameters:
    passes = max(FLOOR.passes, int(cost.passes * factor))
    if passes < cost.passes:
        return msgspec.structs.replace(cost, passes=passes)
    return msgspec.structs.replace(cost, memory_kib=max(FLOOR.memory_kib, int(cost.memory_kib * factor) // 1024 * 1024))


def _seconds(cost: KdfParameters) -> float:
    """The best of three: what else runs on the machine makes a moment slow, never quick."""
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        stretch(Secret("how long does it take"), bytes(SALT_BYTES), cost)
        spent.append(time.perf_counter() - began)
    return min(spent)


def _free_kib() -> int:
    import psutil

    return int(psutil.virtual_memory().available) // 1024


def derive(key: SecretBytes, purpose: str, salt: bytes) -> SecretBytes:
    """One key of another, for one purpose: knowing it tells nothing about the others."""
    info = f"openalgo-lab/vault/1/{purpose}".encode()
    return SecretBytes(HKDF(SHA256(), KEY_BYTES, salt, info).derive(key.reveal()))


def wrap(key: SecretBytes, content: SecretBytes, bound_to: bytes) -> bytes:
    """``content`` encrypted and authenticated under ``key``, together with ``bound_to``, which stays readable."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key.reveal()).encrypt(nonce, content.reveal(), bound_to)


def unwrap(key: SecretBytes, wrapped: bytes, bound_to: bytes) -> SecretBytes | None:
    """What :func:`wrap` was given; None when the key is wrong or anything was changed: nobody can tell which."""
    if len(wrapped) <= _NONCE_BYTES:
        return None
    try:
        return SecretBytes(AESGCM(key.reveal()).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound_to))
    except InvalidTag:
        return None
