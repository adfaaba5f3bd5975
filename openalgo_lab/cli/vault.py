"""``openalgo-lab vault …``: the commands and their options; what they do is in ``vault_acts``.

Exit status: 0 done, 2 wrong use or a file that cannot be used, 3 no vault, 4 not unlocked, 5 too many failed tries,
6 damaged, 7 held by another process.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["UnlockBy", "vault_app"]

vault_app = typer.Typer(
    name="vault",
    help="The encrypted file that keeps every secret of a profile. Secrets are typed, never given as options.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class UnlockBy(enum.StrEnum):
    """What unlocks a new vault."""

    AUTO = "auto"
    KEYCHAIN = "keychain"
    PASSPHRASE = "passphrase"  # noqa: S105 - the word, not one
    BOTH = "both"


Profile = Annotated[str, typer.Option(help="Whose vault.")]
Stdin = Annotated[
    bool, typer.Option("--passphrase-stdin", help="Read secrets from standard input, one a line, in the order asked.")
]
WithRecovery = Annotated[bool, typer.Option("--recovery", help="Unlock with the recovery key.")]
By = Annotated[
    UnlockBy, typer.Option("--unlock-by", help="auto: the system's keychain where there is one, else a passphrase.")
]
NoRecovery = Annotated[bool, typer.Option("--no-recovery", help="Make no recovery key.")]


@vault_app.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs instead of people.")] = False,
    profile: Profile = "default",
) -> None:
    """Say what there is; needs no secret and changes nothing."""
    from openalgo_lab.cli import vault_acts

    vault_acts.status(profile, as_json=as_json)


@vault_app.command()
def init(
    *,
    unlock_by: By = UnlockBy.AUTO,
    no_recovery: NoRecovery = False,
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Create the vault and show its recovery key, once."""
    from openalgo_lab.cli import vault_acts

    vault_acts.init(profile, passphrase_stdin, unlock_by, recovery=not no_recovery)


@vault_app.command()
def unlock(*, recovery: WithRecovery = False, passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """Check the passphrase and the whole file; where the system has a keychain, let it unlock from now on."""
    from openalgo_lab.cli import vault_acts

    vault_acts.unlock(profile, passphrase_stdin, recovery=recovery)


@vault_app.command()
def lock(*, passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """Take the key out of the keychain: the passphrase is needed next time."""
    from openalgo_lab.cli import vault_acts

    vault_acts.lock(profile, passphrase_stdin)


@vault_app.command()
def rotate(*, passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """Write the vault anew under a new key: old copies and old keys open nothing any more."""
    from openalgo_lab.cli import vault_acts

    vault_acts.rotate(profile, passphrase_stdin)


@vault_app.command()
def passphrase(
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Leave only the keychain and the recovery key.")] = False,
    recovery: WithRecovery = False,
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Set or change the passphrase."""
    from openalgo_lab.cli import vault_acts

    vault_acts.passphrase(profile, passphrase_stdin, recovery=recovery, remove=remove)


@vault_app.command("recovery")
def new_recovery(*, passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """Make a new recovery key and show it, once; the old one ends."""
    from openalgo_lab.cli import vault_acts

    vault_acts.new_recovery(profile, passphrase_stdin)


@vault_app.command()
def autolock(
    *,
    idle_min: Annotated[int, typer.Option(metavar="MINUTES", help="After so long without an act; 0 = never.")] = 60,
    daily: Annotated[bool, typer.Option(help="At 03:00 IST, when the day's sessions end.")] = True,
    as_user: Annotated[str, typer.Option("--as", metavar="NAME", help="Who you are, where there are users.")] = "",
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Say when the vault locks by itself."""
    from openalgo_lab.cli import people_acts

    people_acts.autolock(profile, passphrase_stdin, as_user, idle_min=idle_min, daily=daily)


@vault_app.command("export")
def export_file(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not exist.")],
    *,
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Write everything to one encrypted file with a passphrase of its own."""
    from openalgo_lab.cli import vault_acts

    vault_acts.export_file(profile, passphrase_stdin, target)


@vault_app.command("import")
def import_file(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What 'vault export' wrote.", exists=True)],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of this profile's vault, which is kept.")
    ] = False,
    unlock_by: By = UnlockBy.AUTO,
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Make an export the vault of this profile."""
    from openalgo_lab.cli import vault_acts

    vault_acts.import_file(profile, passphrase_stdin, source, unlock_by, replace=replace)


@vault_app.command()
def restore(*, recovery: WithRecovery = False, passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """Put the newest good copy in the place of a damaged vault, which is kept beside it."""
    from openalgo_lab.cli import vault_acts

    vault_acts.restore(profile, passphrase_stdin, recovery=recovery)
