"""The header beside the database: which file is the vault, and the master key wrapped once for each way to open it.

It is readable JSON. A checksum finds damage before anything is unlocked; a keyed seal (HMAC of the master key) finds
changes that this program did not make. It is written aside and renamed, and a second copy lies with the good copies.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.model.errors import VaultDamaged, VaultError, VaultMissing
from openalgo_lab.model.secret import SecretBytes
from openalgo_lab.store.vault.files import write_whole
from openalgo_lab.store.vault.keys import KdfParameters, Purpose, derive
from openalgo_lab.store.vault.places import VaultPlaces

__all__ = [
    "FORMAT",
    "Header",
    "KeychainSlot",
    "PassphraseSlot",
    "RecoverySlot",
    "SealedHeader",
    "Slot",
    "read_header",
    "sync_copy",
    "write_header",
]

log = logging.getLogger(__name__)

FORMAT: Final = 1
"""Of header and key derivation together; a program refuses what is newer than itself."""


class PassphraseSlot(msgspec.Struct, frozen=True, tag="passphrase", tag_field="kind"):
    """The master key under a passphrase, stretched by Argon2id."""

    cost: KdfParameters
    salt: bytes
    wrapped: bytes


class KeychainSlot(msgspec.Struct, frozen=True, tag="keychain", tag_field="kind"):
    """The master key under a random secret that the system's keychain holds as ``entry``."""

    entry: str
    salt: bytes
    wrapped: bytes


class RecoverySlot(msgspec.Struct, frozen=True, tag="recovery", tag_field="kind"):
    """The master key under the recovery key on paper."""

    salt: bytes
    wrapped: bytes


Slot = PassphraseSlot | KeychainSlot | RecoverySlot


class Header(msgspec.Struct, frozen=True):
    """What is known of a vault without any secret. ``created_ns`` UTC; ``key_id`` changes with the master key."""

    format: int
    vault_id: str
    key_id: str
    generation: int
    created_ns: int
    slots: tuple[Slot, ...]
    retired: str = ""
    """The key before the last rotation: copies under it are deleted."""

    def slot(self, kind: type[Slot]) -> Slot | None:
        """The slot of this kind, if there is one."""
        return next((one for one in self.slots if isinstance(one, kind)), None)

    def with_slot(self, slot: Slot) -> Header:
        """With ``slot`` in place of the one of its kind."""
        others = tuple(one for one in self.slots if type(one) is not type(slot))
        return msgspec.structs.replace(self, slots=(*others, slot))

    def without(self, kind: type[Slot]) -> Header:
        """Without the slot of this kind."""
        return msgspec.structs.replace(self, slots=tuple(one for one in self.slots if not isinstance(one, kind)))

    def bound(self, kind: str, salt: bytes, cost: KdfParameters | None = None) -> bytes:
        """What a wrapped key is tied to, so that no part of a slot can be exchanged."""
        return msgspec.json.encode([kind, self.format, self.vault_id, self.key_id, salt, cost])


class SealedHeader(msgspec.Struct, frozen=True):
    """A header as it is stored: its exact bytes, their SHA-256, and their HMAC by the master key."""

    header: msgspec.Raw
    checksum: str
    seal: bytes

    def opened(self) -> Header:
        """The header itself. Raises VaultDamaged when its bytes changed or a newer program wrote it."""
        raw = bytes(self.header)
        if hashlib.sha256(raw).hexdigest() != self.checksum:
            raise _damaged()
        try:
            if msgspec.json.decode(raw, type=_Format).format > FORMAT:
                raise VaultDamaged("This vault was made by a newer version of the workbench: update this one first.")
            return msgspec.json.decode(raw, type=Header)
        except msgspec.DecodeError as error:
            raise _damaged() from error

    def check_seal(self, master: SecretBytes) -> None:
        """Raises VaultDamaged when something other than the holder of the key changed the header."""
        if not hmac.compare_digest(self.seal, _seal(master, bytes(self.header))):
            raise VaultDamaged(
                "The vault's header was changed by something other than this program: restore vault.json from a "
                "backup, and look who can write to this folder."
            )


class _Format(msgspec.Struct):
    format: int


def read_header(places: VaultPlaces) -> tuple[SealedHeader, Header, bool]:
    """The header, and whether it is the first of the two copies (False: that one is damaged or gone).

    Raises VaultMissing when there is no vault, VaultDamaged when neither copy is sound, VaultError when you may not
    read it.
    """
    try:
        return *_read(places.header), True
    except (VaultDamaged, FileNotFoundError) as error:
        try:
            return *_read(places.header_copy), False
        except FileNotFoundError:
            if isinstance(error, VaultDamaged):
                raise error from None
            raise VaultMissing(
                "There is no vault in this profile yet: create one with 'openalgo-lab vault init'."
            ) from None


def write_header(places: VaultPlaces, header: Header, master: SecretBytes) -> bool:
    """Make ``header`` the vault's: the rename of its file is the moment at which anything changes. Raises OSError.

    True when the second copy is in step as well; when not, what the old header names must stay for a while.
    """
    data = sealed(header, master)
    try:
        write_whole(places.header, data)
    except OSError:
        if not _holds(places.header, data):
            raise
        return False  # renamed, but not known to be durable: from now on it is what everybody reads
    return sync_copy(places)


def sync_copy(places: VaultPlaces) -> bool:
    """Bring the second copy in step with the header; False when the disk refuses."""
    try:
        data = places.header.read_bytes()
        if not _holds(places.header_copy, data):
            places.copies.mkdir(mode=0o700, exist_ok=True)
            write_whole(places.header_copy, data)
    except OSError as error:
        log.warning("The second copy of the vault's header cannot be written (%s): free disk space.", error)
        return False
    return True


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def sealed(header: Header, master: SecretBytes) -> bytes:
    """The header's file."""
    raw = msgspec.json.encode(header)
    stored = SealedHeader(msgspec.Raw(raw), hashlib.sha256(raw).hexdigest(), _seal(master, raw))
    return msgspec.json.encode(stored)


def _read(path: Path) -> tuple[SealedHeader, Header]:
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=SealedHeader)
    except PermissionError as error:
        raise VaultError(
            f"The vault's {path.name} may not be read by you: give your user the right to read the profile's folder."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged() from error
    return stored, stored.opened()


def _seal(master: SecretBytes, raw: bytes) -> bytes:
    return hmac.digest(derive(master, Purpose.HEADER, b"").reveal(), raw, "sha256")


def _damaged() -> VaultDamaged:
    return VaultDamaged(
        "The vault's header (vault.json) is damaged, and so is its copy in vault.copies: restore one of them from a "
        "backup. Nothing was changed."
    )
