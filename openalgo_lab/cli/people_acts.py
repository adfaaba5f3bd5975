"""What ``openalgo-lab user`` and ``openalgo-lab key`` do."""

from __future__ import annotations

import io
import sys

import typer

from openalgo_lab.cli.acting import acting
from openalgo_lab.cli.asking import Asking, exit_codes
from openalgo_lab.model.roles import Role
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import (
    AddUser,
    ChangePassword,
    ConfirmSecondFactor,
    CreateApiKey,
    DropSecondFactor,
    EnrolSecondFactor,
    ListApiKeys,
    ListUsers,
    LockPolicy,
    RemoveUser,
    RevokeApiKey,
    SetLockPolicy,
)
from openalgo_lab.model.times import format_ist

__all__ = [
    "add_user",
    "autolock",
    "create_key",
    "list_keys",
    "list_users",
    "password",
    "remove_user",
    "revoke_key",
    "second_factor",
]


def add_user(profile: str, stdin: bool, user: str, name: str, role: Role) -> None:
    """Ask for a password and add."""
    asking = Asking(stdin=stdin)
    with exit_codes(), acting(profile, asking, user) as call:
        call(AddUser(name, asking.new_secret(f"Password for {name}"), role))
        typer.echo(f"{name} is added ({role.value}). From now on one signs in at this workbench.")


def list_users(profile: str, stdin: bool, user: str) -> None:
    """One line each."""
    with exit_codes(), acting(profile, Asking(stdin=stdin), user) as call:
        found = call(ListUsers())
        for one in found:
            factor = f"second factor, {one.recovery_codes} recovery codes" if one.second_factor else "password only"
            typer.echo(f"{one.name:<20} {one.role.value:<6} {factor}; since {format_ist(one.created_ns)}")
        if not found:
            typer.echo("There are no users: whoever has this account of the machine is the owner.")


def remove_user(profile: str, stdin: bool, user: str, name: str) -> None:
    """Forget one."""
    with exit_codes(), acting(profile, Asking(stdin=stdin), user) as call:
        typer.echo(call(RemoveUser(name)).message)


def password(profile: str, stdin: bool, user: str, name: str) -> None:
    """A new one; one's own by the old one."""
    asking = Asking(stdin=stdin)
    with exit_codes(), acting(profile, asking, user) as call:
        old = asking.secret("Old password") if user in ("", name) else None
        typer.echo(call(ChangePassword(name, asking.new_secret("New password"), old)).message)


def second_factor(profile: str, stdin: bool, user: str, name: str, *, remove: bool) -> None:
    """Show the QR code, ask for a code of it, show recovery codes."""
    asking = Asking(stdin=stdin)
    with exit_codes(), acting(profile, asking, user) as call:
        if remove:
            typer.echo(call(DropSecondFactor(name)).message)
            return
        factor = call(EnrolSecondFactor(name))
        typer.echo(_qr(factor.uri))
        typer.echo(f"Scan it with an authenticator app, or type its seed there: {factor.seed.reveal()}")
        sys.stdout.flush()
        codes = call(ConfirmSecondFactor(name, asking.secret("The code that the app shows"))).codes
        typer.echo("Recovery codes, each good once (shown this once; keep them away from the phone):\n")
        for code in codes:
            typer.echo(f"  {code.reveal()}")


def create_key(profile: str, stdin: bool, user: str, command: CreateApiKey) -> None:
    """Show it once."""
    with exit_codes(), acting(profile, Asking(stdin=stdin), user) as call:
        made = call(command)
        typer.echo(f"Key {made.info.id}, good until {format_ist(made.info.expires_ns)} IST (shown this once):\n")
        typer.echo(f"  {made.key.reveal()}\n")


def list_keys(profile: str, stdin: bool, user: str) -> None:
    """One line each."""
    with exit_codes(), acting(profile, Asking(stdin=stdin), user) as call:
        for key in call(ListApiKeys()):
            scope = ", ".join((*key.accounts, *key.commands)) or "everything its role may"
            ends = format_ist(key.expires_ns)
            typer.echo(f"{key.id}  {key.state:<8} {key.role.value:<6} until {ends}  {key.label}: {scope}")


def revoke_key(profile: str, stdin: bool, user: str, key_id: str) -> None:
    """End one."""
    with exit_codes(), acting(profile, Asking(stdin=stdin), user) as call:
        typer.echo(call(RevokeApiKey(key_id)).message)


def autolock(profile: str, stdin: bool, user: str, *, idle_min: int, daily: bool) -> None:
    """When the vault locks by itself."""
    with exit_codes(), acting(profile, Asking(stdin=stdin), user) as call:
        typer.echo(call(SetLockPolicy(LockPolicy(idle_min, daily))).message)


def _qr(uri: Secret) -> str:
    """The QR code in characters that a terminal shows."""
    import segno

    drawn = io.StringIO()
    segno.make(uri.reveal(), error="m").terminal(out=drawn, compact=True)
    return drawn.getvalue()
