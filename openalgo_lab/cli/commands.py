"""The commands; each loads what it needs when it runs, so that ``--help`` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openalgo_lab.cli.audit import audit_app
from openalgo_lab.cli.people import key_app, user_app
from openalgo_lab.cli.pins import pins_app
from openalgo_lab.cli.strategy import strategy_app
from openalgo_lab.cli.vault import vault_app

__all__ = ["app"]

app = typer.Typer(
    name="openalgo-lab",
    help="A trading workbench for Indian markets that lives in Jupyter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for part in (vault_app, user_app, key_app, audit_app, pins_app, strategy_app):
    app.add_typer(part)

Profile = Annotated[str, typer.Option(help="One profile = one engine, one journal, one set of accounts.")]
Port = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Port on this machine; free one from the usual on if left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs instead of people.")]


@app.command("app")
def open_app(
    *,
    replay: Annotated[Path | None, typer.Option(metavar="FILE", help="Play a recorded session as the market.")] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=10_000, help="How many times faster a replay runs.")] = 1.0,
    browser: Annotated[str, typer.Option(metavar="COMMAND", help="The browser to open.")] = "default",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address instead.")] = False,
    app_window: Annotated[bool, typer.Option("--app-window", help="Open in a window of its own.")] = False,
    port: Port = None,
    profile: Profile = "default",
) -> None:
    """Open the workbench: desk, option chain, home page."""
    from openalgo_lab.server.launch import run_app

    if speed != 1.0 and replay is None:
        raise typer.BadParameter("it belongs to --replay FILE", param_hint="--speed")
    chosen = "none" if no_browser else browser
    code = run_app(replay=replay, speed=speed, browser=chosen, app_window=app_window, port=port, profile=profile)
    raise typer.Exit(code)


@app.command("lab")
def open_lab(*, port: Port = None, profile: Profile = "default") -> None:
    """Open JupyterLab with the workbench's settings."""
    from openalgo_lab.server.launch import run_lab

    raise typer.Exit(run_lab(port=port, profile=profile))


@app.command()
def engine(profile: Profile = "default") -> None:
    """Host the engine here, without a notebook or a page, until Ctrl-C."""
    from openalgo_lab.cli.headless import host_engine

    host_engine(profile)


@app.command()
def doctor(*, as_json: AsJson = False, profile: Profile = "default") -> None:
    """Look at this machine and say what to mend."""
    from openalgo_lab.cli.doctor import report

    raise typer.Exit(report(profile, as_json=as_json))


@app.command()
def bench(
    *,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="More names after --only.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Measure these figures only.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure what the workbench promises, on this machine."""
    from openalgo_lab.cli.bench import report

    report([*(only or ()), *(names or ())], as_json=as_json)


@app.command()
def brokers(*, as_json: AsJson = False) -> None:
    """List the brokers that are installed."""
    from openalgo_lab.cli.brokers import report

    report(as_json=as_json)


@app.command()
def version() -> None:
    """Print the version."""
    from openalgo_lab import __version__

    typer.echo(__version__)
