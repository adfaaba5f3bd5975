"""What a login needs from the user, and the one-time code that is computed instead of typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openalgo_lab.broker.spec import BrokerSpec, LoginField
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.times import from_ns

__all__ = ["CODE", "ONE_TIME", "SEED", "missing_fields", "totp_code", "with_code"]

SEED: Final = "totp_seed"
CODE: Final = "totp"
ONE_TIME: Final = LoginField(CODE, "One-time code", secret=True, hint="Six digits from your authenticator app.")
"""What is asked for where a broker's fields name the seed only."""


def totp_code(seed: str, now_ns: int) -> str:
    """The six digits that an authenticator app shows at ``now_ns`` (RFC 6238: SHA-1, 30 s).

    ``seed`` is the base-32 text beside the QR code; blanks and small letters are allowed. Raises InputError.
    """
    import pyotp

    plain = seed.replace(" ", "").replace("-", "").upper().rstrip("=")
    try:
        return pyotp.TOTP(plain).at(from_ns(now_ns))
    except (ValueError, TypeError) as error:
        raise InputError(
            "The TOTP seed is not base-32: copy the text beside the QR code, letters A-Z and digits 2-7.", field=SEED
        ) from error


def with_code(spec: BrokerSpec, credentials: Mapping[str, str], now_ns: int) -> dict[str, str]:
    """The credentials of a login that begins now: where the broker asks for a one-time code and the seed is known, it
    is computed, and an older code does not stand in its way."""
    filled = dict(credentials)
    asks = any(field.name in (CODE, SEED) for field in spec.login_fields)
    if asks and credentials.get(SEED):
        filled[CODE] = totp_code(credentials[SEED], now_ns)
    return filled


def missing_fields(spec: BrokerSpec, credentials: Mapping[str, str]) -> tuple[LoginField, ...]:
    """What a form has still to ask for: where a broker takes one-time codes, the code, unless its seed is known."""
    known = {name for name, value in credentials.items() if value}
    if SEED in known:
        known.add(CODE)
    names = {field.name for field in spec.login_fields}
    fields = spec.login_fields if SEED not in names or CODE in names else (*spec.login_fields, ONE_TIME)
    return tuple(field for field in fields if not field.optional and field.name not in known)
