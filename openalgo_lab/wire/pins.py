"""Pins: the public keys that a broker's host may show, besides being certified.

A pin is the SHA-256 of a certificate's SubjectPublicKeyInfo in base64, as in RFC 7469; it may be that of the host's own
certificate or of any certificate above it. A row names more than one, so that the broker can change its key, and a
date after which it says nothing any more: a forgotten file must not lock a trader out. Until a row is confirmed by the
user, or once it has expired, a key that is not in it is only reported.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from openalgo_lab.model.errors import StoreError

__all__ = ["FILE_NAME", "HostPins", "PinBook", "check_pins_row", "spki_pin"]

FILE_NAME = "pins.json"
"""The user's own rows, in the workbench's home: pins of a broker are the same for every profile."""
_SHA256_BYTES = 32


class HostPins(msgspec.Struct, frozen=True):
    """The pins of ``host`` and of everything below it; ``expires`` is the last day on which they bind."""

    host: str
    sha256: tuple[str, ...]
    expires: date
    confirmed: bool = False

    def binds(self, on: date) -> bool:
        """Whether a key that is not here ends the connection."""
        return self.confirmed and on <= self.expires


class PinBook:
    """All rows. Raises StoreError for a row that cannot be right: half a pin must not look like protection."""

    def __init__(self, rows: Iterable[HostPins] = ()) -> None:
        self.rows = tuple(rows)
        for row in self.rows:
            check_pins_row(row)
        self._by_host = {row.host: row for row in self.rows}

    @classmethod
    def load(cls, path: Path) -> PinBook:
        """The rows of a file; none when there is no file. Raises StoreError for one that cannot be read."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({error.strerror}): mend its rights or remove it.") from error
        try:
            return cls(msgspec.json.decode(content, type=tuple[HostPins, ...]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreError(f"{path} is no list of pins ({error}): mend or remove it.") from error

    def save(self, path: Path) -> None:
        """Write all rows. Raises StoreError."""
        part = path.with_name(path.name + ".part")
        try:
            part.write_bytes(msgspec.json.format(msgspec.json.encode(self.rows)))
            part.replace(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be written ({error.strerror}): free disk space or its rights.") from error

    def of(self, host: str) -> HostPins | None:
        """The row of a host, or of the nearest domain above it."""
        name = host.lower().rstrip(".")
        while name:
            if name in self._by_host:
                return self._by_host[name]
            _, _, name = name.partition(".")
        return None

    def with_row(self, row: HostPins) -> PinBook:
        """With ``row`` in place of the one for its host."""
        return PinBook((*(one for one in self.rows if one.host != row.host), row))


def check_pins_row(row: HostPins) -> None:
    """Raises StoreError when a row's host or pins are not what they should be."""
    if not row.host or row.host != row.host.lower().strip("."):
        raise StoreError(f"{row.host!r} is no host name for pins: write it in small letters, as in api.example.in.")
    if len(set(row.sha256)) < 2:
        raise StoreError(f"The pins of {row.host} are too few: name at least two, or a new key locks you out.")
    for pin in row.sha256:
        try:
            good = len(base64.b64decode(pin, validate=True)) == _SHA256_BYTES
        except (binascii.Error, ValueError):
            good = False
        if not good:
            raise StoreError(f"{pin!r} is no pin of {row.host}: it is a SHA-256 in base64, 44 characters.")


def spki_pin(certificate: bytes) -> str:
    """The pin of a DER certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256, Hash
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_certificate(certificate).public_key()
    digest = Hash(SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return base64.b64encode(digest.finalize()).decode()
