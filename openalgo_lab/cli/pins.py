"""``openalgo-lab pins …``: which keys a broker's host may show, besides being certified."""

from __future__ import annotations

import socket
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from openalgo_lab.model.errors import InputError, WireError

if TYPE_CHECKING:
    from openalgo_lab.wire.pins import PinBook

__all__ = ["pins_app"]

pins_app = typer.Typer(
    name="pins",
    help="Which keys a broker's host may show, besides being certified. Ask the broker before you confirm one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Host = Annotated[str, typer.Argument(metavar="HOST", help="Such as api.example.in; add :PORT if it is not 443.")]
_TIMEOUT_S: Final = 10.0
_DAYS: Final = 365


@pins_app.command("show")
def show_host(host: Host) -> None:
    """Connect and print the pins that the host shows now, its own first, then of what certifies it."""
    name, port = _split(host)
    for number, (pin, subject) in enumerate(_shown(name, port)):
        typer.echo(f"{'own key ' if number == 0 else 'above it'}  {pin}  {subject}")


@pins_app.command("list")
def list_pins() -> None:
    """List all rows of the file."""
    from openalgo_lab.wire.tls import PinnedContext

    for row in _book()[0].rows:
        state = "binds" if row.binds(PinnedContext.today()) else "expired" if row.confirmed else "only reports"
        typer.echo(f"{row.host}  {state}, until {row.expires}: {', '.join(row.sha256)}")


@pins_app.command("confirm")
def confirm(
    host: Host,
    *,
    pin: Annotated[list[str] | None, typer.Option(help="A further pin, such as the broker's spare key.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it binds.")] = _DAYS,
    report_only: Annotated[bool, typer.Option("--report-only", help="Report another key; do not refuse it.")] = False,
) -> None:
    """From now on the host must show one of the keys that it shows now, or one named by --pin."""
    from openalgo_lab.wire.pins import HostPins
    from openalgo_lab.wire.tls import PinnedContext

    name, port = _split(host)
    found = tuple(dict.fromkeys([*(one for one, _ in _shown(name, port)), *(pin or ())]))
    expires: date = PinnedContext.today() + timedelta(days=days)
    book, path = _book()
    book.with_row(HostPins(name, found, expires, not report_only)).save(path)
    kind = "is reported" if report_only else "is refused"
    typer.echo(f"{len(found)} pins of {name} are kept until {expires}; any other key {kind}.")


@pins_app.command("remove")
def remove(host: Host) -> None:
    """Forget a host's pins: its certificate alone counts."""
    from openalgo_lab.wire.pins import PinBook

    name, _ = _split(host)
    book, path = _book()
    rows = [row for row in book.rows if row.host != name]
    if len(rows) == len(book.rows):
        raise InputError(f"There are no pins of {name}: see 'openalgo-lab pins list'.", field="host")
    PinBook(rows).save(path)
    typer.echo(f"The pins of {name} are forgotten.")


def _split(host: str) -> tuple[str, int]:
    name, _, port = host.lower().rstrip(".").partition(":")
    if not name or (port and not port.isdigit()):
        raise InputError(f"{host!r} is no host: write it as api.example.in or api.example.in:443.", field="host")
    return name, int(port or 443)


def _book() -> tuple[PinBook, Path]:
    from openalgo_lab.model.profile import home_dir
    from openalgo_lab.wire.pins import FILE_NAME, PinBook

    path = home_dir() / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    return PinBook.load(path), path


def _shown(host: str, port: int) -> list[tuple[str, str]]:
    """(pin, subject) of each certificate of the verified chain. Raises WireError."""
    from cryptography import x509

    from openalgo_lab.wire.pins import PinBook, spki_pin
    from openalgo_lab.wire.tls import tls_context, verified_chain

    try:
        with (
            socket.create_connection((host, port), _TIMEOUT_S) as plain,
            tls_context(PinBook()).wrap_socket(plain, server_hostname=host) as secured,
        ):
            chain = verified_chain(secured)
    except OSError as error:
        raise WireError(f"{host} cannot be reached ({error}); check the name and the connection.") from error
    subjects = [x509.load_der_x509_certificate(one).subject.rfc4514_string() for one in chain]
    return list(zip(map(spki_pin, chain), subjects, strict=True))
