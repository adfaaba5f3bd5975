"""``openalgo-lab strategy add | start | stop | list | logs | schedule | remove``: strategies that the engine hosts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["strategy_app"]

strategy_app = typer.Typer(
    name="strategy",
    help="Strategies that the engine hosts; an engine must run (openalgo-lab app, or openalgo-lab engine).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_OPTIONS = frozenset({"name", "strategy", "universe", "interval", "account", "python", "upload", "replace"})

Name = Annotated[str, typer.Argument(help="The strategy's name.")]
Profile = Annotated[str, typer.Option(help="Whose engine.")]


@strategy_app.command()
def add(
    file: Annotated[Path, typer.Argument(help="A .py file, or a notebook of which the definitions are taken.")],
    *,
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Parameters and terms: fast=5 product=MIS")
    ] = None,
    name: Annotated[str, typer.Option(help="What it is called; the file's name if left out.")] = "",
    strategy_class: Annotated[str, typer.Option("--class", help="Which class, where there are several.")] = "",
    symbol: Annotated[list[str] | None, typer.Option(help="What it follows, the main one first.")] = None,
    interval: Annotated[str, typer.Option(help="Its bars: 1m, 5m, 1h.")] = "1m",
    account: Annotated[str, typer.Option(help="Where it trades; the default account if left out.")] = "",
    python: Annotated[str, typer.Option(help="The interpreter of another environment.")] = "",
    upload: Annotated[bool, typer.Option("--upload", help="Keep a copy in the profile.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Change the one of that name.")] = False,
    profile: Profile = "default",
) -> None:
    """Have the engine host a strategy; it starts by 'strategy start' or its schedule."""
    more = dict(_setting(one) for one in settings or ())
    with _lab(profile) as lab:
        info = lab.strategies.add(
            file, name, strategy=strategy_class, universe=symbol, interval=interval, account=account, python=python,
            upload=upload, replace=replace, **more,
        )  # fmt: skip
    typer.echo(f"{info.strategy.name} is hosted on {info.strategy.account}: start it with 'strategy start'.")


@strategy_app.command()
def start(name: Name, *, profile: Profile = "default") -> None:
    """Start its process now."""
    with _lab(profile) as lab:
        info = lab.strategies.start(name)
    typer.echo(f"{name}: {info.state.value} {info.message}".rstrip())
    if info.message:
        raise typer.Exit(1)


@strategy_app.command()
def stop(
    name: Name,
    *,
    close: Annotated[bool, typer.Option("--close", help="Also leave its positions at market.")] = False,
    profile: Profile = "default",
) -> None:
    """End its process; its working orders are taken back."""
    with _lab(profile) as lab:
        lab.strategies.stop(name, close=close)
    typer.echo(f"{name} is stopped.")


@strategy_app.command("list")
def list_all(*, profile: Profile = "default") -> None:
    """All of them: state, profit, next start."""
    with _lab(profile) as lab:
        typer.echo(repr(lab.strategies))


@strategy_app.command()
def logs(
    name: Name,
    *,
    lines: Annotated[int, typer.Option(min=1, max=5000, help="How many, from the end.")] = 50,
    profile: Profile = "default",
) -> None:
    """The end of what it has said."""
    with _lab(profile) as lab:
        typer.echo(lab.strategies.logs(name, lines))


@strategy_app.command()
def schedule(
    name: Name,
    *,
    start_at: Annotated[str, typer.Option("--start", help="HH:MM, India.")] = "09:10",
    stop_at: Annotated[str, typer.Option("--stop", help="HH:MM, India.")] = "15:30",
    days: Annotated[str, typer.Option(help="Weekdays.")] = "mon tue wed thu fri",
    exchange: Annotated[str, typer.Option(help="On whose trading days.")] = "NSE",
    off: Annotated[bool, typer.Option("--off", help="By hand only.")] = False,
    profile: Profile = "default",
) -> None:
    """Run it by the clock, on trading days."""
    with _lab(profile) as lab:
        info = lab.strategies.schedule(name, None if off else start_at, stop_at, days=days, exchange=exchange)
        typer.echo(repr(lab.strategies) if info.next_ns else f"{name} starts by hand only.")


@strategy_app.command()
def remove(
    name: Name,
    *,
    files: Annotated[bool, typer.Option("--files", help="Its log and state too.")] = False,
    profile: Profile = "default",
) -> None:
    """Stop it and forget it; orders and positions stay."""
    with _lab(profile) as lab:
        typer.echo(lab.strategies.remove(name, files=files))


@contextmanager
def _lab(profile: str) -> Iterator[Lab]:
    from openalgo_lab.lab import Lab

    with Lab(profile, host="never") as lab:
        yield lab


def _setting(text: str) -> tuple[str, Any]:
    """``fast=5`` → ("fast", 5): a number, true or false, else the text as it is."""
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise typer.BadParameter(f"{text!r} is no setting: write NAME=VALUE, for example fast=5.")
    if name in _OPTIONS:
        raise typer.BadParameter(f"{name} is not given as a setting: use the option --{name}.")
    if value.lower() in ("true", "false"):
        return name, value.lower() == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
