"""What ``openalgo-lab vault`` does. Secrets come from the terminal or standard input, never from arguments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer

from openalgo_lab.cli.asking import CODES, Asking, exit_codes, way_into
from openalgo_lab.cli.vault import UnlockBy
from openalgo_lab.model.errors import (
    InputError,
    VaultDamaged,
    VaultError,
)
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import format_ist
from openalgo_lab.store.vault import (
    FromKeychain,
    Passphrase,
    SystemKeychain,
    Unlocking,
    Vault,
    VaultStatus,
    find_keychain,
    vault_status,
)

__all__ = [
    "export_file",
    "import_file",
    "init",
    "lock",
    "new_recovery",
    "passphrase",
    "restore",
    "rotate",
    "status",
    "unlock",
]


def status(profile: str, *, as_json: bool) -> None:
    """Print what can be said without unlocking; exit status 6 for a header that cannot be read."""
    found = vault_status(profile_dir(profile, create=False))
    keychain = find_keychain()
    if as_json:
        fields = msgspec.to_builtins(found) | {"keychain": keychain.name if keychain else None}
        typer.echo(msgspec.json.format(msgspec.json.encode(fields)))
    else:
        typer.echo("\n".join(_lines(found, keychain)))
    if found.problem:
        raise typer.Exit(CODES[VaultDamaged])


def _lines(found: VaultStatus, keychain: SystemKeychain | None) -> Iterator[str]:
    yield f"keychain   {keychain.name if keychain else 'none on this machine: a passphrase is needed'}"
    if not found.exists:
        yield f"vault      none in {found.folder}; create it with: openalgo-lab vault init"
        return
    if found.problem:
        yield f"vault      {found.problem}"
        return
    yield f"vault      in {found.folder}, since {format_ist(found.created_ns)} IST"
    yield f"unlocks    by {', '.join(found.ways)}"
    if found.cost is not None:
        cost = found.cost
        yield f"cost       Argon2id, {cost.memory_kib // 1024} MiB, {cost.passes} passes, {cost.lanes} lanes"
    copies = ", ".join(format_ist(made) for made in found.copies_ns)
    yield f"copies     {copies or 'none yet'}"
    yield f"in use     {f'by {found.writer}' if found.writer else 'no'}"
    if found.failed_tries:
        yield f"failed     {found.failed_tries} tries; the next is heard in {found.wait_s:.0f} s"


def init(profile: str, stdin: bool, by: UnlockBy, *, recovery: bool) -> None:
    """Create a vault."""
    with exit_codes():
        folder = profile_dir(profile)
        if vault_status(folder).exists:
            raise VaultError("This profile has a vault already: see 'openalgo-lab vault status'.")
        typed, keychain = _new_ways(Asking(stdin=stdin), by, stdin=stdin)
        vault, shown = Vault.create(folder, passphrase=typed, keychain=keychain, recovery=recovery)
        vault.close()
        typer.echo(f"The vault is made; it unlocks by {_named(typed, keychain)}.")
        _show(shown)


def unlock(profile: str, stdin: bool, *, recovery: bool) -> None:
    """Check everything; hand the key to a keychain where there is one."""
    asking = Asking(stdin=stdin)
    with exit_codes():
        folder = profile_dir(profile, create=False)
        by = way_into(folder, asking, recovery=recovery)
        try:
            _unlock(folder, by)
        except VaultDamaged as error:
            copies = vault_status(folder).copies_ns
            typer.echo(str(error), err=True)
            if not copies or not asking.agrees(f"Restore the copy of {format_ist(copies[0])} IST now?"):
                raise typer.Exit(CODES[VaultDamaged]) from error
            _restore(folder, by)


def _unlock(folder: Path, by: Unlocking) -> None:
    keychain = find_keychain()
    if keychain is None or isinstance(by, FromKeychain) or "keychain" in vault_status(folder).ways:
        with Vault.unlock(folder, by, write=False):
            typer.echo("The vault is sound and unlocks.")
        return
    with Vault.unlock(folder, by) as vault:
        vault.ways.keep_in_keychain(keychain)
    typer.echo(f"The vault is sound; from now on the {keychain.name} keychain unlocks it.")


def lock(profile: str, stdin: bool) -> None:
    """Forget the keychain's key."""
    with exit_codes():
        folder = profile_dir(profile, create=False)
        keychain = find_keychain()
        with _opened(folder, Asking(stdin=stdin)) as vault:
            if keychain is None or not vault.ways.has_keychain:
                typer.echo("The vault is locked: no keychain unlocks it.")
                return
            vault.ways.leave_keychain(keychain)
        typer.echo("The vault is locked: the passphrase is needed next time.")


def rotate(profile: str, stdin: bool) -> None:
    """A new key for everything."""
    with exit_codes():
        folder, asking = profile_dir(profile, create=False), Asking(stdin=stdin)
        ways = vault_status(folder).ways
        keychain = find_keychain() if "keychain" in ways else None
        typed = asking.secret("Passphrase of the vault") if "passphrase" in ways else None
        by = Passphrase(typed) if typed is not None else way_into(folder, asking, recovery=False)
        with Vault.unlock(folder, by) as vault:
            shown = vault.rotate(passphrase=typed, keychain=keychain)
        typer.echo("The vault is written anew under a new key; copies under the old one are deleted.")
        _show(shown)


def passphrase(profile: str, stdin: bool, *, recovery: bool, remove: bool) -> None:
    """Set, change or remove the passphrase."""
    with exit_codes():
        folder, asking = profile_dir(profile, create=False), Asking(stdin=stdin)
        with Vault.unlock(folder, way_into(folder, asking, recovery=recovery)) as vault:
            if remove:
                vault.ways.remove_passphrase()
                typer.echo("The passphrase is removed; the keychain unlocks the vault.")
                return
            vault.ways.set_passphrase(asking.new_secret("New passphrase"))
        typer.echo("The new passphrase unlocks the vault. If others know the old one, run: openalgo-lab vault rotate")


def new_recovery(profile: str, stdin: bool) -> None:
    """Make and show a recovery key."""
    with exit_codes():
        with _opened(profile_dir(profile, create=False), Asking(stdin=stdin)) as vault:
            shown = vault.ways.new_recovery_key()
        _show(shown)


def export_file(profile: str, stdin: bool, target: Path) -> None:
    """Write an export."""
    with exit_codes():
        asking = Asking(stdin=stdin)
        folder = profile_dir(profile, create=False)
        with Vault.unlock(folder, way_into(folder, asking, recovery=False), write=False) as vault:
            vault.export_bundle(target, asking.new_secret("Passphrase of the export"))
        typer.echo(f"The vault is exported to {target}, with its order journals and its audit log.")


def import_file(profile: str, stdin: bool, source: Path, by: UnlockBy, *, replace: bool) -> None:
    """Read an export."""
    from openalgo_lab.cli.acting import engine_runs

    with exit_codes():
        asking, folder = Asking(stdin=stdin), profile_dir(profile)
        if engine_runs(folder):
            raise InputError(
                "The engine of this profile runs, and its journals would be exchanged under it: end it first."
            )
        exported_with = asking.secret("Passphrase of the export")
        typed, keychain = _new_ways(asking, by, stdin=stdin)
        vault, shown = Vault.import_bundle(
            folder, source, exported_with, passphrase=typed, keychain=keychain, replace=replace
        )
        vault.close()
        typer.echo(f"The export is the vault of this profile; it unlocks by {_named(typed, keychain)}.")
        _show(shown)


def restore(profile: str, stdin: bool, *, recovery: bool) -> None:
    """Go back to the newest good copy."""
    with exit_codes():
        folder = profile_dir(profile, create=False)
        _restore(folder, way_into(folder, Asking(stdin=stdin), recovery=recovery))


def _restore(folder: Path, by: Unlocking) -> None:
    outcome = Vault.restore(folder, by)
    typer.echo(f"The copy of {format_ist(outcome.copy.made_ns)} IST is the vault now.")
    if outcome.kept is not None:
        typer.echo(f"The file before it is kept as {outcome.kept.name}.")


def _opened(folder: Path, asking: Asking) -> Vault:
    return Vault.unlock(folder, way_into(folder, asking, recovery=False))


def _new_ways(asking: Asking, by: UnlockBy, *, stdin: bool) -> tuple[Secret | None, SystemKeychain | None]:
    """What unlocks a new vault: (passphrase, keychain)."""
    keychain = find_keychain()
    if by is UnlockBy.AUTO:
        by = UnlockBy.KEYCHAIN if keychain is not None and not stdin else UnlockBy.PASSPHRASE
    if by is UnlockBy.PASSPHRASE:
        return asking.new_secret("New passphrase of the vault"), None
    if keychain is None:
        raise InputError("This machine has no keychain that can keep a secret: choose --unlock-by passphrase.")
    return (asking.new_secret("New passphrase of the vault") if by is UnlockBy.BOTH else None), keychain


def _named(typed: Secret | None, keychain: SystemKeychain | None) -> str:
    ways = (["the passphrase"] if typed is not None else []) + ([f"the {keychain.name} keychain"] if keychain else [])
    return " and ".join(ways)


def _show(recovery: Secret | None) -> None:
    if recovery is not None:
        typer.echo(
            "Recovery key (shown this once; write it down and keep it away from this computer):\n\n"
            f"  {recovery.reveal()}\n"
        )
