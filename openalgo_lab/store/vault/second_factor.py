"""The second factor: time-based codes (RFC 6238, SHA-1, 6 digits, 30 s), and codes on paper for when it is lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Final

from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import NS_PER_SECOND

__all__ = ["code_step", "new_recovery_codes", "new_seed", "recovery_digest", "seed_uri"]

STEP_S: Final = 30
_DRIFT_STEPS: Final = 1  # a phone's clock may be half a minute off
_CODES: Final = 10


def new_seed() -> Secret:
    """160 random bits in base32, as authenticator apps take them."""
    return Secret(base64.b32encode(os.urandom(20)).decode())


def seed_uri(seed: Secret, user: str) -> Secret:
    """What the QR code says (``otpauth://totp/…``)."""
    import pyotp

    return Secret(pyotp.TOTP(seed.reveal()).provisioning_uri(name=user, issuer_name="OpenAlgo Lab"))


def code_step(seed: Secret, code: Secret, now_ns: int, after: int) -> int | None:
    """The step whose code this is, near ``now_ns`` (UTC) and later than ``after``; None when it is none.

    The caller keeps the step: a code that was taken once is not taken again.
    """
    import pyotp

    totp, given = pyotp.TOTP(seed.reveal()), code.reveal().replace(" ", "")
    now = now_ns // NS_PER_SECOND // STEP_S
    found = None
    for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
        fits = hmac.compare_digest(totp.at(step * STEP_S).encode(), given.encode())
        if fits and step > after:
            found = step
    return found


def new_recovery_codes() -> tuple[tuple[Secret, ...], tuple[bytes, ...]]:
    """Ten codes of 50 random bits each (``xxxxx-xxxxx``), and what is kept of them."""
    codes = []
    for _ in range(_CODES):
        text = base64.b32encode(os.urandom(10)).decode().lower()[:10]
        codes.append(Secret(f"{text[:5]}-{text[5:]}"))
    return tuple(codes), tuple(recovery_digest(code) for code in codes)


def recovery_digest(code: Secret) -> bytes:
    """What is kept of a code. It is random, so a fast hash is enough; and it lies in the vault besides."""
    letters = "".join(one for one in code.reveal().lower() if one.isalnum())
    return hashlib.sha256(b"openalgo-lab recovery code " + letters.encode()).digest()
