"""The command table: complete, typed, guarded."""

from __future__ import annotations

import inspect
import pkgutil
import typing
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import openalgo_lab.engine as engine_package
from openalgo_lab.engine.config import RateLimits
from openalgo_lab.engine.middleware import AuditTrail, RateGate, check_permission
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.table import CommandTable, Idempotency, RateClass, answer_type, handles
from openalgo_lab.model import commands as c
from openalgo_lab.model.errors import InputError, NotPermitted, Throttled
from openalgo_lab.store.audit import AuditEntry
from tests.support.engine_parts import limit, running
from tests.support.scripted_broker import ScriptedBroker

COMMANDS = typing.get_args(c.AnyCommand)


@cache
def desks() -> tuple[type, ...]:
    """Every class of the engine that handles a command."""
    names = [module.name for module in pkgutil.walk_packages(engine_package.__path__, "openalgo_lab.engine.")]
    classes = (value for name in names for value in vars(import_module(name)).values() if inspect.isclass(value))
    return tuple(dict.fromkeys(cls for cls in classes if cls.__module__ in names))


def handlers() -> dict[type, list[typing.Any]]:
    found: dict[type, list[typing.Any]] = {}
    for desk in desks():
        for value in vars(desk).values():
            rule = getattr(value, "__command_rule__", None)
            if rule is not None:
                found.setdefault(rule.command, []).append(value)
    return found


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_command_has_one_handler_that_answers_its_type(command: type) -> None:
    (handler,) = handlers()[command]
    hints = typing.get_type_hints(handler)
    assert hints["return"] == answer_type(command)
    names = [name for name in hints if name != "return"]
    assert hints[names[0]] is command


def test_no_handler_is_for_something_else() -> None:
    assert set(handlers()) == set(COMMANDS)


def test_what_changes_orders_needs_trade_and_is_audited() -> None:
    rules = {rule.command: rule for found in handlers().values() for rule in [found[0].__command_rule__]}
    for command in (c.PlaceOrder, c.ModifyOrder, c.CancelOrder, c.CancelAllOrders, c.ClosePosition, c.KillSwitch):
        assert rules[command].permission >= Permission.TRADE and rules[command].audit
    for command in (c.CancelOrder, c.CancelAllOrders, c.ClosePosition, c.KillSwitch):
        assert rules[command].rate is RateClass.FREE


async def test_permission(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        with pytest.raises(NotPermitted, match="may only read"):
            await engine.call(limit(), Principal("viewer", Permission.READ))
        assert await engine.call(c.GetBooks(), Principal("viewer", Permission.READ)) is engine.books
        names = [rule.name for rule in engine.table.describe()]
        assert names == sorted(names) and len(names) == len(COMMANDS)
    assert not broker.placed


async def test_rate_and_audit() -> None:
    class Desk:
        @handles(c.Reconcile, permission=Permission.READ, rate=RateClass.ORDER, audit=True)
        async def run(self, command: c.Reconcile, principal: Principal) -> c.Done:
            if command.account == "bad":
                raise InputError("no such account")
            return c.Done()

    now = 0.0
    gate = RateGate(RateLimits(order_per_s=2), lambda: now)
    lines: list[AuditEntry] = []
    table = CommandTable([Desk()], (AuditTrail(lines.append), check_permission, gate))
    who = Principal("bot")
    for _ in range(2):
        await table.call(c.Reconcile(), who)
    with pytest.raises(Throttled) as caught:
        await table.call(c.Reconcile(), who)
    assert caught.value.retry_after_s == pytest.approx(0.5)
    await table.call(c.Reconcile(), Principal("another"))
    now = 0.6
    with pytest.raises(InputError):
        await table.call(c.Reconcile("bad"), who)
    assert [(line.who, line.outcome) for line in lines] == [
        ("bot", "done"),
        ("bot", "done"),
        ("bot", "Throttled"),
        ("another", "done"),
        ("bot", "InputError"),
    ]
    assert lines[-1].said == "no such account"
    assert lines[-1].detail == '{"type":"reconcile","account":"bad"}'


async def test_what_is_unknown_or_double_is_refused() -> None:
    class Desk:
        @handles(c.GetBooks, permission=Permission.READ, idempotency=Idempotency.SAFE)
        async def run(self, command: c.GetBooks, principal: Principal) -> object:
            return None

    with pytest.raises(ValueError, match="two handlers"):
        CommandTable([Desk(), Desk()])
    with pytest.raises(InputError, match="no command GetStatus"):
        await CommandTable([Desk()]).call(c.GetStatus(), Principal("x"))
