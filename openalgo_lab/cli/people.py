"""``openalgo-lab user …`` and ``openalgo-lab key …``: commands and options; what they do is in ``people_acts``."""

from __future__ import annotations

from typing import Annotated

import typer

from openalgo_lab.model.roles import Role

__all__ = ["key_app", "user_app"]

user_app = typer.Typer(name="user", help="Who may use this workbench.", no_args_is_help=True, rich_markup_mode=None)
key_app = typer.Typer(name="key", help="Keys for programs.", no_args_is_help=True, rich_markup_mode=None)

Profile = Annotated[str, typer.Option(help="Whose vault.")]
Stdin = Annotated[
    bool, typer.Option("--passphrase-stdin", help="Read secrets from standard input, one a line, in the order asked.")
]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Who you are, where there are users already.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]


@user_app.command("add")
def add_user(
    name: Name,
    *,
    role: Annotated[Role, typer.Option(help="The first user is an administrator.")] = Role.ADMIN,
    as_user: As = "",
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Add a user; from the first one on, one signs in."""
    from openalgo_lab.cli import people_acts

    people_acts.add_user(profile, passphrase_stdin, as_user, name, role)


@user_app.command("list")
def list_users(*, as_user: As = "", passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """Say who there is."""
    from openalgo_lab.cli import people_acts

    people_acts.list_users(profile, passphrase_stdin, as_user)


@user_app.command("remove")
def remove_user(name: Name, *, as_user: As = "", passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """Forget a user, with keys and sessions."""
    from openalgo_lab.cli import people_acts

    people_acts.remove_user(profile, passphrase_stdin, as_user, name)


@user_app.command("password")
def password(name: Name, *, as_user: As = "", passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """Set a new password."""
    from openalgo_lab.cli import people_acts

    people_acts.password(profile, passphrase_stdin, as_user, name)


@user_app.command("second-factor")
def second_factor(
    name: Name,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="The password alone from now on.")] = False,
    as_user: As = "",
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Show a QR code for an authenticator app, and recovery codes once a code of it was typed."""
    from openalgo_lab.cli import people_acts

    people_acts.second_factor(profile, passphrase_stdin, as_user, name, remove=remove)


@key_app.command("create")
def create_key(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Which program holds it.")],
    *,
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.READ,
    days: Annotated[int, typer.Option(help="How long it lasts.")] = 90,
    account: Annotated[list[str] | None, typer.Option(help="Only this account; may be given again.")] = None,
    command: Annotated[list[str] | None, typer.Option(help="Only this command; may be given again.")] = None,
    as_user: As = "",
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """Make a key and show it, once."""
    from openalgo_lab.cli import people_acts
    from openalgo_lab.model.security_commands import CreateApiKey

    made = CreateApiKey(label, role, days, tuple(account or ()), tuple(command or ()))
    people_acts.create_key(profile, passphrase_stdin, as_user, made)


@key_app.command("list")
def list_keys(*, as_user: As = "", passphrase_stdin: Stdin = False, profile: Profile = "default") -> None:
    """List all keys, without the keys themselves."""
    from openalgo_lab.cli import people_acts

    people_acts.list_keys(profile, passphrase_stdin, as_user)


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    as_user: As = "",
    passphrase_stdin: Stdin = False,
    profile: Profile = "default",
) -> None:
    """End a key now."""
    from openalgo_lab.cli import people_acts

    people_acts.revoke_key(profile, passphrase_stdin, as_user, key_id)
