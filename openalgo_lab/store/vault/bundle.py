"""Export and import: one file that carries a vault elsewhere, with journals and audit log, encrypted under a passphrase
of its own.

Layout: the magic line, the length of the header (4 bytes, big endian), the header (JSON), a SQLCipher database under a
key of the passphrase, and HMAC-SHA256 of all that. Nothing in it is readable but the header's salt, costs and date.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from openalgo_lab.model.errors import InputError, VaultDamaged, VaultError, VaultMissing, VaultRefused
from openalgo_lab.model.secret import Secret, SecretBytes, SecretMasker
from openalgo_lab.model.times import Clock
from openalgo_lab.store.vault.carried import pack, unpack
from openalgo_lab.store.vault.creating import forget_entry, fresh_header, require_way, set_orphans_aside, with_slots
from openalgo_lab.store.vault.database import VaultDatabase, translated
from openalgo_lab.store.vault.files import PART, copy_whole, make_private, move, parts_of, remove_database, sync_file
from openalgo_lab.store.vault.header import Header, read_header, write_header
from openalgo_lab.store.vault.keychain import Keychain
from openalgo_lab.store.vault.keys import (
    KdfParameters,
    calibrate,
    check_passphrase,
    derive,
    new_key,
    new_salt,
    stretch,
)
from openalgo_lab.store.vault.lock import WriterLock
from openalgo_lab.store.vault.opened import OpenedVault, next_generation, vault_key
from openalgo_lab.store.vault.places import VaultPlaces

__all__ = ["BundleHeader", "export_bundle", "import_bundle"]

log = logging.getLogger(__name__)

_MAGIC: Final = b"OpenAlgo Lab vault export\n"
_FORMAT: Final = 1
_LONGEST_HEADER = 4096
_MAC_BYTES = 32
_CHUNK = 1 << 20


class BundleHeader(msgspec.Struct, frozen=True):
    """What an export says about itself. ``made_ns`` UTC."""

    format: int
    vault_id: str
    made_ns: int
    cost: KdfParameters
    salt: bytes


def export_bundle(opened: OpenedVault, target: Path, passphrase: Secret) -> None:
    """Write all of the vault to ``target``, whole, with its journals and its audit log.

    Raises InputError when the file exists, VaultDamaged when something of it cannot be read, or VaultError.
    """
    check_passphrase(passphrase)
    if target.exists():
        raise InputError(f"{target} exists already: choose another name.", field="target")
    header = BundleHeader(_FORMAT, opened.header.vault_id, opened.clock.now_ns(), calibrate(), new_salt())
    content_key, seal_key = _keys(passphrase, header)
    part, content = target.with_name(target.name + PART), target.with_name(target.name + ".content")
    with translated(target), _deleted(part, content):
        opened.database.copy_to(content, content_key, to_use=False)
        pack(opened, content, content_key)
        make_private(part)
        with part.open("wb") as file, content.open("rb") as source:
            body = msgspec.json.encode(header)
            seal = hmac.new(seal_key.reveal(), digestmod="sha256")
            for chunk in _chain(_MAGIC + len(body).to_bytes(4, "big") + body, source):
                file.write(chunk)
                seal.update(chunk)
            file.write(seal.digest())
        sync_file(part)
        move(part, target)


def import_bundle(
    places: VaultPlaces,
    source: Path,
    exported_with: Secret,
    *,
    passphrase: Secret | None,
    keychain: Keychain | None,
    replace: bool,
    clock: Clock,
    masker: SecretMasker,
) -> tuple[OpenedVault, Secret | None]:
    """Make an export the vault of this profile, under a new key; the open vault and its recovery key.

    The old one is kept in a folder ``vault.replaced-…``, and so are journals and an audit log that stood here. No
    engine of this profile may run. Raises VaultError where there is a vault and ``replace`` was not asked,
    VaultRefused for a wrong passphrase or a damaged export.
    """
    require_way(passphrase, keychain)
    with contextlib.ExitStack() as undo:
        lock = WriterLock(places.lock)
        undo.callback(lock.release)
        replaced = _replaced(places, allowed=replace)
        content = places.folder / f"vault.import{PART}"
        with translated(source), _deleted(content):
            content_key = _unpacked(source, content, exported_with)
            master = new_key()
            bare = fresh_header(next_generation(places, replaced), clock)
            header, shown = with_slots(bare, master, passphrase, keychain, recovery=True)
            undo.callback(forget_entry, header, keychain)
            path = places.database(header.generation)
            undo.callback(remove_database, path)
            undo.callback(unpack(places, header, content, content_key))
            imported = VaultDatabase.open(content, content_key, write=False)
            with contextlib.closing(imported):
                imported.copy_to(path, vault_key(master), to_use=True)
        database = VaultDatabase.open(path, vault_key(master), write=True)
        undo.callback(database.close)
        database.migrate()
        _keep_replaced(places, header.created_ns, path)
        with translated(places.header):
            write_header(places, header, master)
        undo.pop_all()
    opened = OpenedVault(places, header, master=master, database=database, lock=lock, clock=clock, masker=masker)
    opened.tidy()
    return opened, shown


def _unpacked(source: Path, content: Path, passphrase: Secret) -> SecretBytes:
    """Check the seal over the whole file, then write its database to ``content``; the database's key."""
    with source.open("rb") as file:
        header, start = _header(file)
        header.cost.check()
        content_key, seal_key = _keys(passphrase, header)
        end = source.stat().st_size - _MAC_BYTES
        seal = hmac.new(seal_key.reveal(), digestmod="sha256")
        file.seek(0)
        for chunk in _chunks(file, end):
            seal.update(chunk)
        if end < start or not hmac.compare_digest(seal.digest(), file.read()):
            raise VaultRefused(
                "The export was not read: its passphrase is wrong, or the file is damaged. Nothing was changed."
            )
        make_private(content)
        file.seek(start)
        with content.open("wb") as target:
            for chunk in _chunks(file, end - start):
                target.write(chunk)
        return content_key


def _header(file: BinaryIO) -> tuple[BundleHeader, int]:
    magic, length = file.read(len(_MAGIC)), int.from_bytes(file.read(4), "big")
    if magic != _MAGIC or length > _LONGEST_HEADER:
        raise VaultDamaged("This file is no export of a vault: choose the file that 'vault export' wrote.")
    body = file.read(length)
    try:
        header = msgspec.json.decode(body, type=BundleHeader)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise VaultDamaged("The export is damaged: take another copy of the file.") from error
    if header.format > _FORMAT:
        raise VaultError("This export was made by a newer version of the workbench: update this one first.")
    return header, file.tell()


def _keys(passphrase: Secret, header: BundleHeader) -> tuple[SecretBytes, SecretBytes]:
    key = stretch(passphrase, header.salt, header.cost)
    return derive(key, "export content", header.salt), derive(key, "export seal", header.salt)


def _replaced(places: VaultPlaces, *, allowed: bool) -> Header | None:
    """The header of a vault that stands here; None without one, or when it cannot be read (it is kept all the same).

    VaultError unless a vault may be replaced.
    """
    header = None
    try:
        _, header, _ = read_header(places)
    except VaultMissing:
        set_orphans_aside(places)
        return None
    except VaultDamaged as error:
        log.warning("The vault that is replaced cannot be read: %s", error)
    if not allowed:
        raise VaultError("This profile has a vault already: import with --replace, which keeps the old one beside it.")
    return header


def _keep_replaced(places: VaultPlaces, now_ns: int, new: Path) -> None:
    """A durable copy of the old vault's files in a folder of their own, before anything of it changes."""
    headers = [path for path in (places.header, places.header_copy) if path.exists()]
    if not headers:
        return
    folder = places.folder / f"vault.replaced-{now_ns}"
    with translated(folder):
        folder.mkdir(mode=0o700)
        databases = [path for path in places.folder.glob("vault*.db") if places.generation_of(path) and path != new]
        for path in headers[:1]:
            copy_whole(path, folder / path.name)
        for database in databases:
            for part in parts_of(database):
                if part.exists() and not part.name.endswith("-shm"):
                    copy_whole(part, folder / part.name)


@contextlib.contextmanager
def _deleted(*scratch: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for path in scratch:
            remove_database(path)


def _chain(first: bytes, rest: BinaryIO) -> Iterator[bytes]:
    yield first
    yield from _chunks(rest, os.fstat(rest.fileno()).st_size)


def _chunks(file: BinaryIO, count: int) -> Iterator[bytes]:
    while count > 0 and (chunk := file.read(min(count, _CHUNK))):
        count -= len(chunk)
        yield chunk
