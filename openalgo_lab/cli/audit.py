"""``openalgo-lab audit verify | show | export``: who asked what, and how it ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["audit_app"]

audit_app = typer.Typer(
    name="audit", help="The log of who asked what, and how it ended.", no_args_is_help=True, rich_markup_mode=None
)

Profile = Annotated[str, typer.Option(help="Whose log.")]
Stdin = Annotated[
    bool,
    typer.Option("--passphrase-stdin", help="Read the vault's passphrase from standard input, where one is needed."),
]
BROKEN = 8
"""Exit status of a log that was changed."""


@audit_app.command()
def verify(
    *,
    head: Annotated[str, typer.Option(metavar="HASH", help="A head that you kept: it must be in the log.")] = "",
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Check every row and print the head; keep it elsewhere. Exit status 8 when rows were changed or cut off."""
    from openalgo_lab.store import audit

    with _opened(profile, stdin=passphrase_stdin) as log:
        verdict = audit.verify(log, head)
    if verdict.broken_at:
        typer.echo(f"openalgo-lab: The audit log is broken at row {verdict.broken_at}: {verdict.why}.", err=True)
        raise typer.Exit(BROKEN)
    typer.echo(f"{verdict.rows} rows, each in its place. Head: {verdict.head}")


@audit_app.command()
def show(
    *,
    last: Annotated[int, typer.Option(min=1, help="How many rows, from the end.")] = 50,
    who: Annotated[str, typer.Option(help="Only callers whose name holds this.")] = "",
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Print the last rows, oldest first."""
    from collections import deque

    from openalgo_lab.model.times import format_ist
    from openalgo_lab.store.audit import read_rows

    with _opened(profile, stdin=passphrase_stdin) as log:
        rows = deque((row for row in read_rows(log) if who in row.entry.who), maxlen=last)
    for row in rows:
        entry = row.entry
        said = f": {entry.said}" if entry.said else ""
        typer.echo(f"{row.seq:>6} {format_ist(entry.at_ns)} {entry.who} {entry.detail} {entry.outcome}{said}")


@audit_app.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not exist.")],
    *,
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Write all rows as JSON lines, each with its hash."""
    import msgspec

    from openalgo_lab.model.errors import InputError
    from openalgo_lab.store.audit import read_rows

    count = 0
    with _opened(profile, stdin=passphrase_stdin) as log:
        try:
            file = target.open("xb")
        except OSError as error:
            raise InputError(f"{target} cannot be written ({error.strerror}): choose another name.", "file") from error
        with file:
            for row in read_rows(log):
                file.write(msgspec.json.encode(row) + b"\n")
                count += 1
    typer.echo(f"{count} rows are written to {target}.")


@contextmanager
def _opened(profile: str, *, stdin: bool) -> Iterator[sqlite3.Connection]:
    """The profile's log: inside the vault where there is one, else plain."""
    from openalgo_lab.cli.asking import Asking, exit_codes, way_into
    from openalgo_lab.model.profile import profile_dir
    from openalgo_lab.store.audit import as_connection, audit_path, reading_plain
    from openalgo_lab.store.cipher import sealed_path
    from openalgo_lab.store.vault import Vault

    folder = profile_dir(profile, create=False)
    sealed = sealed_path(audit_path(folder))
    if not sealed.exists():
        with reading_plain(audit_path(folder)) as log:
            yield log
        return
    with (
        exit_codes(),
        Vault.unlock(folder, way_into(folder, Asking(stdin=stdin), recovery=False), write=False) as vault,
        vault.sealed.reading(sealed) as connection,
    ):
        yield as_connection(connection)
