"""What can be said of a vault without unlocking it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from openalgo_lab.model.errors import VaultDamaged, VaultMissing
from openalgo_lab.model.times import Clock, SystemClock
from openalgo_lab.store.vault.copies import list_copies
from openalgo_lab.store.vault.header import Header, KeychainSlot, PassphraseSlot, RecoverySlot, Slot, read_header
from openalgo_lab.store.vault.keys import KdfParameters
from openalgo_lab.store.vault.lock import VaultHolder, current_holder
from openalgo_lab.store.vault.places import VaultPlaces
from openalgo_lab.store.vault.tries import FailedTries

__all__ = ["VaultStatus", "vault_status"]


class VaultStatus(msgspec.Struct, frozen=True):
    """A vault from outside. ``ways``: passphrase, keychain, recovery; times UTC ns; ``wait_s`` until the next try.

    ``problem``: why the header cannot be read; "" when it can.
    """

    exists: bool
    folder: str
    problem: str = ""
    created_ns: int = 0
    generation: int = 0
    ways: tuple[str, ...] = ()
    cost: KdfParameters | None = None
    copies_ns: tuple[int, ...] = ()
    writer: VaultHolder | None = None
    failed_tries: int = 0
    wait_s: float = 0.0


_KINDS: dict[type[Slot], str] = {PassphraseSlot: "passphrase", KeychainSlot: "keychain", RecoverySlot: "recovery"}


def vault_status(folder: Path, clock: Clock | None = None) -> VaultStatus:
    """Looks only: makes no file, tries nothing, needs no secret."""
    places = VaultPlaces(folder)
    try:
        _, header, _ = read_header(places)
    except VaultMissing:
        return VaultStatus(False, str(folder))
    except VaultDamaged as error:
        return VaultStatus(True, str(folder), str(error))
    return _status(places, header, (clock or SystemClock()).now_ns())


def _status(places: VaultPlaces, header: Header, now_ns: int) -> VaultStatus:
    tries = FailedTries(places.tries)
    passphrase = header.slot(PassphraseSlot)
    return VaultStatus(
        exists=True,
        folder=str(places.folder),
        created_ns=header.created_ns,
        generation=header.generation,
        ways=tuple(name for kind, name in _KINDS.items() if header.slot(kind) is not None),
        cost=passphrase.cost if isinstance(passphrase, PassphraseSlot) else None,
        copies_ns=tuple(copy.made_ns for copy in list_copies(places, header.key_id)),
        writer=current_holder(places.lock),
        failed_tries=tries.read().failed,
        wait_s=tries.wait_s(now_ns),
    )
