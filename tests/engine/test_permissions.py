"""Keys of programs: role, accounts, commands, expiry, rate; and the audit line that each command leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalgo_lab.engine.middleware import ScopeGate, described
from openalgo_lab.engine.principal import LOCAL, Permission, Principal, permission_of
from openalgo_lab.engine.table import CommandTable, RateClass, handles
from openalgo_lab.engine.touched import AccountsTouched
from openalgo_lab.model.commands import (
    AnyCommand,
    CancelAllOrders,
    CancelOrder,
    Command,
    Done,
    GetBooks,
    GetQuotes,
    GetStatus,
    KillSwitch,
    Reconcile,
)
from openalgo_lab.model.errors import InputError, NotPermitted, Throttled
from openalgo_lab.model.events import EngineStatus
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Order
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.roles import Role
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import (
    ApiKeyMade,
    CreateApiKey,
    CreateVault,
    FlushAudit,
    ListApiKeys,
    LockVault,
    RevokeApiKey,
    SignIn,
    UnlockVault,
    WithKey,
)
from openalgo_lab.model.structure_commands import PlaceBasket
from openalgo_lab.model.vocabulary import Exchange, Mode
from openalgo_lab.store.audit import AuditRow, read_rows, verify
from openalgo_lab.store.cipher import sealed_path
from tests.support.engine_parts import limit, market
from tests.support.scripted_broker import ScriptedBroker
from tests.support.secured import PASSWORD, Secured, secured

DAY_NS = 86_400 * 10**9
SBIN = InstrumentKey(Exchange.NSE, "SBIN")


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Secured]:
    async with secured(tmp_path) as lab:
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        yield lab


async def key(lab: Secured, role: Role = Role.TRADE, **narrowed: Any) -> ApiKeyMade:
    return await lab.engine.call(CreateApiKey("my bot", role, **narrowed), LOCAL)


async def using(lab: Secured, made: ApiKeyMade | Secret, command: Command[Any], kind: Any = Done) -> Any:
    """What a door to the outside does."""
    secret = made.key if isinstance(made, ApiKeyMade) else made
    answer = await lab.engine.call(WithKey(secret, msgspec.msgpack.encode(command)), LOCAL)
    return msgspec.msgpack.decode(answer, type=kind)


def touched(lab: Secured) -> AccountsTouched:
    return AccountsTouched(lab.engine.router, lab.engine.ledger)


def account_of(lab: Secured) -> str:
    return lab.engine.router.line("").name


async def test_a_key_does_what_its_role_may(lab: Secured) -> None:
    reader, trader = await key(lab, Role.READ), await key(lab)
    assert (await using(lab, reader, GetStatus(), EngineStatus)).pid > 0
    with pytest.raises(NotPermitted, match="may only read"):
        await using(lab, reader, limit())
    assert (await using(lab, trader, limit(), Order)).working
    with pytest.raises(NotPermitted):
        await using(lab, trader, CreateApiKey("another"))


@pytest.mark.parametrize("command", [LockVault(), UnlockVault(), SignIn("asha", PASSWORD), CreateVault()])
async def test_the_vault_is_no_business_of_a_programs(lab: Secured, command: AnyCommand) -> None:
    made = await key(lab, Role.ADMIN)
    data = msgspec.msgpack.encode(command, enc_hook=lambda secret: secret.reveal())
    with pytest.raises(NotPermitted, match="workbench"):
        await lab.engine.call(WithKey(made.key, data), LOCAL)


async def test_nor_may_it_show_itself_a_new_key(lab: Secured) -> None:
    made = await key(lab, Role.ADMIN)
    with pytest.raises(NotPermitted, match="workbench itself"):
        await using(lab, made, CreateApiKey("another"))


async def test_unknown_revoked_and_expired_keys_are_refused_alike(lab: Secured) -> None:
    good, revoked, short = await key(lab), await key(lab), await key(lab, days=1)
    await lab.engine.call(RevokeApiKey(revoked.info.id), LOCAL)
    await lab.engine.call(RevokeApiKey(revoked.info.id), LOCAL)
    lab.clock.advance(DAY_NS)
    text = good.key.reveal()
    changed = text[:-1] + ("a" if text[-1] != "a" else "q")
    mixed = "_".join([*short.key.reveal().split("_")[:2], text.split("_")[2]])
    said = set()
    for secret in (revoked.key, short.key, Secret(changed), Secret(mixed), Secret("oal_x"), Secret("")):
        with pytest.raises(NotPermitted) as refused:
            await using(lab, secret, GetStatus(), EngineStatus)
        said.add(str(refused.value))
    assert len(said) == 1
    await using(lab, good, GetStatus(), EngineStatus)
    states = {one.id: one.state for one in await lab.engine.call(ListApiKeys(), LOCAL)}
    assert states == {good.info.id: "good", revoked.info.id: "revoked", short.info.id: "expired"}


async def test_what_is_kept_of_a_key_does_not_show_it(lab: Secured) -> None:
    made = await key(lab)
    kept = lab.engine.security.keeper.require_open().api_keys.all()
    assert made.key.reveal().split("_")[2] not in repr(kept)
    assert made.key.reveal() not in repr(made)


async def test_a_key_is_kept_to_its_commands(lab: Secured) -> None:
    made = await key(lab, commands=("place_order", "get_status"))
    await using(lab, made, GetStatus(), EngineStatus)
    placed = await using(lab, made, limit(), Order)
    with pytest.raises(NotPermitted, match="does not name cancel_order"):
        await using(lab, made, CancelOrder(placed.order_id), Order)


async def test_a_key_is_kept_to_its_accounts(lab: Secured) -> None:
    own, other = await key(lab, accounts=(account_of(lab),)), await key(lab, accounts=("ELSEWHERE",))
    placed: Order = await using(lab, own, limit(), Order)
    await using(lab, own, CancelAllOrders(), Any)
    about: list[Command[Any]] = [
        limit(),
        CancelOrder(placed.order_id),
        Reconcile(account_of(lab)),
        PlaceBasket((market(),)),
    ]
    for command in about:
        with pytest.raises(NotPermitted, match="may not use the account"):
            await using(lab, other, command, Any)
    for whole in (GetBooks(), KillSwitch(True)):
        with pytest.raises(NotPermitted, match="about all of them"):
            await using(lab, own, whole, Any)
    await using(lab, other, GetQuotes((SBIN,)), Any)  # prices are nobody's


@pytest.mark.parametrize("mode", list(Mode))
async def test_paper_only_never_touches_money(tmp_path: Path, mode: Mode) -> None:
    broker = ScriptedBroker()
    broker.account = Account(broker.account.account, broker.account.broker, mode)
    async with secured(tmp_path, broker) as lab:
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        made = await key(lab, Role.PAPER)
        assert touched(lab).is_paper(account_of(lab)) is (mode is not Mode.LIVE)
        if mode is Mode.LIVE:
            for command in (limit(), CancelAllOrders(), PlaceBasket((market(),)), KillSwitch(True)):
                with pytest.raises(NotPermitted):
                    await using(lab, made, command, Any)
            assert not broker.placed
            await using(lab, made, GetBooks(), Any)
        else:
            assert (await using(lab, made, limit(), Order)).working


async def test_ten_orders_a_second_and_cancels_always(lab: Secured) -> None:
    made = await key(lab)
    # All at once: on a busy machine one after the other may take so long that none is too many.
    asked = [using(lab, made, limit(80 + number / 2, quantity=1), Order) for number in range(40)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    orders = [answer for answer in answers if isinstance(answer, Order)]
    throttled = [answer for answer in answers if isinstance(answer, Throttled)]
    assert len(orders) >= 10 and throttled and len(orders) + len(throttled) == 40
    assert all(0 < error.retry_after_s <= 0.1 for error in throttled)
    for order in orders:
        await using(lab, made, CancelOrder(order.order_id), Order)
    assert (await lab.engine.call(limit(85.0), LOCAL)).working  # another caller has a budget of its own


@pytest.mark.parametrize(("label", "days"), [("", 1), ("  ", 1), ("bot", 0), ("bot", -1), ("bot", 367)])
async def test_keys_that_are_not_made(lab: Secured, label: str, days: int) -> None:
    with pytest.raises(InputError):
        await lab.engine.call(CreateApiKey(label, days=days), LOCAL)


@pytest.mark.parametrize("junk", [b"", b"\xff", msgspec.msgpack.encode({"type": "nothing"}), b"\x80"])
async def test_bytes_that_are_no_command(lab: Secured, junk: bytes) -> None:
    made = await key(lab, Role.ADMIN)
    with pytest.raises(InputError, match="no command"):
        await lab.engine.call(WithKey(made.key, junk), LOCAL)


async def test_a_command_that_acts_and_names_no_account_is_about_all(lab: Secured) -> None:
    """A command that somebody adds later is refused to whoever is narrowed, until it says its account."""

    class Later(Command[Done], frozen=True, tag="later"):
        size: int = 1

    class Desk:
        @handles(Later, permission=Permission.TRADE, rate=RateClass.FREE)
        async def later(self, _: Later, __: Principal) -> Done:
            return Done()

    table = CommandTable([Desk()], [ScopeGate(touched(lab))])
    await table.call(Later(), LOCAL)
    for narrowed in (Principal("k", Permission.TRADE, paper_only=True), Principal("k", accounts=frozenset({"A"}))):
        with pytest.raises(NotPermitted):
            await table.call(Later(), narrowed)


def test_roles_are_permissions() -> None:
    assert [permission_of(role) for role in (Role.READ, Role.PAPER, Role.TRADE, Role.ADMIN)] == [
        (Permission.READ, False),
        (Permission.TRADE, True),
        (Permission.TRADE, False),
        (Permission.ADMIN, False),
    ]


# Audit --------------------------------------------------------------------------------------------------------------


async def lines(lab: Secured) -> list[AuditRow]:
    await lab.engine.call(FlushAudit(), LOCAL)
    vault = lab.engine.security.keeper.require_open()
    with vault.sealed.reading(sealed_path(lab.engine.security.keeper.folder / "audit.db")) as log:
        assert not verify(log).broken_at
        return list(read_rows(log))


async def test_who_asked_what_and_how_it_ended(lab: Secured) -> None:
    made = await key(lab)
    await using(lab, made, limit(), Order)
    with pytest.raises(NotPermitted):
        await using(lab, made, CreateApiKey("another"))
    with pytest.raises(InputError):
        await lab.engine.call(limit(symbol="NOTHING"), LOCAL)
    seen = [(row.entry.who, row.entry.what, row.entry.outcome) for row in await lines(lab)]
    holder = f"key {made.info.id} (my bot)"
    assert seen == [
        ("local", "create_vault", "done"),
        ("local", "create_api_key", "done"),
        (holder, "place_order", "done"),
        (holder, "create_api_key", "NotPermitted"),
        ("local", "place_order", "SymbolError"),
    ]
    assert (await lines(lab))[2].entry.detail.startswith('{"type":"place_order","exchange":"NSE","symbol":"SBIN"')


async def test_no_secret_stands_in_the_log(lab: Secured) -> None:
    with pytest.raises(NotPermitted):
        await lab.engine.call(SignIn("asha", Secret("canary-one"), Secret("canary-two")), LOCAL)
    text = msgspec.json.encode(await lines(lab)).decode()
    assert "sign_in" in text
    assert "canary" not in text
    assert described(SignIn("asha", Secret("canary-one"))).count("••••••") == 1


async def test_what_was_done_before_the_vault_moves_in(tmp_path: Path) -> None:
    async with secured(tmp_path) as lab:
        await lab.engine.call(limit(), LOCAL)
        await lab.engine.call(FlushAudit(), LOCAL)
        assert (tmp_path / "audit.db").exists()
        await lab.engine.call(CreateVault(in_keychain=True), LOCAL)
        assert [row.entry.what for row in await lines(lab)] == ["moved", "place_order", "create_vault"]
        assert not list(tmp_path.glob("audit.db*"))


async def test_a_caller_that_gives_up_leaves_a_line(lab: Secured) -> None:
    lab.broker.delay_s = 0.3
    asking = asyncio.create_task(lab.engine.call(limit(), LOCAL))
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ((await lines(lab))[-1].entry.what, (await lines(lab))[-1].entry.outcome) == ("place_order", "given up")
