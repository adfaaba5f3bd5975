"""A broker connected while the engine runs: login, instruments, prices, an order's whole life, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from openalgo_lab.engine.principal import LOCAL, Permission, Principal
from openalgo_lab.model.broker_commands import ConnectBroker, DisconnectBroker, KnownLogin, ListConnections, UseAccount
from openalgo_lab.model.commands import CancelOrder, GetHistory, GetQuotes, PlaceOrder, Reconcile, SearchInstruments
from openalgo_lab.model.errors import (
    Denied,
    InputError,
    LabError,
    NotPermitted,
    RiskDenied,
    SessionExpired,
    VaultMissing,
)
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.risk import ArmLive
from openalgo_lab.model.vocabulary import Exchange, FeedMode, Mode, PriceType, Product, Side
from tests.conformance.rig import until
from tests.conformance.venue import LISTED
from tests.conformance.venue import SBIN as LISTING
from tests.support.connected import bench
from tests.support.engine_parts import market

SBIN = InstrumentKey(Exchange.NSE, "SBIN")


def order(account: str, **how: object) -> PlaceOrder:
    fields = {"price_type": PriceType.LIMIT, "price": 800.05, "account": account, **how}
    return PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS, **fields)  # type: ignore[arg-type]


async def test_from_login_to_fill(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        engine = on.engine
        connected = await on.connect()
        assert (connected.account.account, connected.account.mode) == ("ZERODHA", Mode.LIVE)
        assert connected.instruments == len(LISTED) and connected.data
        assert engine.status().default_account == "TEST", "nobody said that orders go to real money"

        (quote,) = await engine.call(GetQuotes((SBIN,)), LOCAL)
        assert quote.ltp == on.simulator.venue.pictures[LISTING].ltp
        engine.subscribe("page", [SBIN], FeedMode.DEPTH)
        await until(lambda: engine.board.depth(SBIN) is not None)
        (found,) = await engine.call(SearchInstruments("SBIN", Exchange.NSE, 1), LOCAL)
        assert found.broker_symbol

        with pytest.raises(RiskDenied, match="not armed"):
            await engine.call(order("ZERODHA"), LOCAL)
        await engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        placed = await engine.call(order("ZERODHA"), LOCAL)
        assert placed.status in (OrderStatus.ACCEPTED, OrderStatus.OPEN)
        booked = on.simulator.venue.order(placed.broker_order_id)
        on.simulator.venue.fill(booked, 4, 800.0)
        on.simulator.venue.fill(booked, 6, 800.05)
        await until(lambda: engine.ledger.find(placed.order_id).status is OrderStatus.COMPLETE)  # type: ignore[union-attr]
        await until(lambda: len(engine.ledger.fills_of(placed.order_id)) == 2)
        (position,) = [p for p in engine.books.positions if p.account == "ZERODHA" and p.symbol == "SBIN"]
        assert position.quantity == 10
        assert {funds.account for funds in engine.books.funds} == {"TEST", "ZERODHA"}


async def test_a_contract_goes_by_our_name_whatever_the_broker_calls_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        listing = next(one for one in LISTED if one.kind == "CE")
        exchange = Exchange(listing.exchange)
        instrument = on.engine.instruments.require(InstrumentKey(exchange, listing.symbol))
        assert instrument.broker_symbol != instrument.symbol
        price = on.simulator.venue.pictures[listing].ltp
        wanted = PlaceOrder(
            exchange, listing.symbol, Side.BUY, listing.lot, Product.NRML, PriceType.LIMIT, price, account="ZERODHA"
        )
        placed = await on.engine.call(wanted, LOCAL)
        on.simulator.venue.fill(on.simulator.venue.order(placed.broker_order_id), listing.lot, price)
        await until(lambda: any(p.quantity == listing.lot for p in on.engine.books.positions))
        assert {p.symbol for p in on.engine.books.positions if p.quantity} == {listing.symbol}
        await on.engine.call(Reconcile("ZERODHA"), LOCAL)
        assert {p.symbol for p in on.engine.books.positions if p.quantity} == {listing.symbol}


async def test_a_cancel_by_the_engine(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        placed = await on.engine.call(order("ZERODHA"), LOCAL)
        await on.engine.call(CancelOrder(placed.order_id), LOCAL)
        await until(lambda: on.engine.ledger.find(placed.order_id).status is OrderStatus.CANCELLED)  # type: ignore[union-attr]


async def test_prices_of_one_market_never_judge_orders_of_the_other(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        assert (await on.engine.call(market(), LOCAL)).status is not OrderStatus.DENIED
        await on.connect()
        with pytest.raises(Denied, match="real prices are shown"):
            await on.engine.call(market(), LOCAL)
        await on.engine.call(UseAccount("TEST", orders=False, data=True), LOCAL)
        await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        with pytest.raises(Denied, match="simulated prices are shown"):
            await on.engine.call(order("ZERODHA"), LOCAL)
        assert (await on.engine.call(GetQuotes((SBIN,)), LOCAL))[0].ltp == on.first.price
        await on.engine.call(market(), LOCAL)


async def test_nothing_of_the_old_market_stays_on_the_board(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        infy = InstrumentKey(Exchange.NSE, "INFY")
        await on.engine.call(GetQuotes((SBIN, infy)), LOCAL)
        assert on.engine.board.quote(SBIN) is not None
        await on.connect(data=False)
        assert on.engine.board.quote(SBIN) is not None
        on.simulator.stalled = True
        await on.engine.call(UseAccount("ZERODHA", orders=False, data=True), LOCAL)
        assert on.engine.board.quote(SBIN) is None


async def test_the_vault_keeps_login_and_session(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        needs = await on.engine.call(KnownLogin("zerodha"), LOCAL)
        assert needs.session and {"api_key", "api_secret"} <= set(needs.known)
        assert "request_token" not in needs.known
        await on.engine.call(DisconnectBroker("ZERODHA"), LOCAL)
        assert [account.account for account in on.engine.status().accounts] == ["TEST"]
        logins = len([asked for asked in on.simulator.log if asked.path == "/session/token"])
        await on.engine.call(ConnectBroker("zerodha", base_url=on.simulator.url, feed_url=on.simulator.feed_url), LOCAL)
        assert len([asked for asked in on.simulator.log if asked.path == "/session/token"]) == logins


async def test_orders_of_the_day_are_there_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        placed = await on.engine.call(order("ZERODHA"), LOCAL)
        await on.engine.call(DisconnectBroker("ZERODHA"), LOCAL)
        on.simulator.venue.fill(on.simulator.venue.order(placed.broker_order_id), 10, 800.0)
        await on.connect()
        assert on.engine.ledger.find(placed.order_id).status is OrderStatus.COMPLETE  # type: ignore[union-attr]


async def test_what_the_login_needs_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        with pytest.raises(InputError, match="still needs api_key"):
            await on.connect(credentials={})
        with pytest.raises(InputError, match="No broker 'nobody'"):
            await on.connect(broker="nobody")
        with pytest.raises(InputError, match="another name"):
            await on.connect(account="TEST")
        assert [account.account for account in on.engine.status().accounts] == ["TEST"]


async def test_a_refused_login_leaves_nothing_behind(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        credentials = dict(on.command().credentials)
        from openalgo_lab.model.secret import Secret

        with pytest.raises(LabError):
            await on.connect(credentials={**credentials, "request_token": Secret("worn-out")})
        assert [account.account for account in on.engine.status().accounts] == ["TEST"]
        assert (await on.connect()).data


async def test_without_a_vault_no_account_with_money(tmp_path: Path) -> None:
    async with bench(tmp_path, vault=False) as on:
        with pytest.raises(VaultMissing, match=r"create one with lab\.vault"):
            await on.connect()


async def test_a_programs_key_connects_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        with pytest.raises(NotPermitted):
            await on.engine.call(on.command(), Principal("bot", Permission.ADMIN, local=False))


async def test_an_expired_session_closes_the_account_and_a_new_login_opens_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        on.simulator.alive = False
        await until(lambda: on.engine.router.line("ZERODHA").expired)
        asked = len(on.simulator.log)
        (stands,) = await on.engine.call(ListConnections(), LOCAL)
        assert (stands.open, stands.expired) == (False, True) and "log in again" in stands.because
        with pytest.raises(Denied, match="log in again"):
            await on.engine.call(order("ZERODHA"), LOCAL)
        assert all("/orders/regular" not in one.path for one in on.simulator.log[asked:])
        on.simulator.alive = True
        await on.connect()
        assert (await on.engine.call(order("ZERODHA"), LOCAL)).working


async def test_two_accounts_at_one_broker(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect(account="MINE")
        await on.connect(account="YOURS", data=False)
        mine, yours = await on.engine.call(ListConnections(), LOCAL)
        assert (mine.account, mine.broker, mine.data, mine.open) == ("MINE", "zerodha", True, True)
        assert (yours.account, yours.data, yours.open) == ("YOURS", False, True)
        assert not (mine.default or yours.default) and mine.expires_ns > on.clock.now_ns()
        await on.engine.call(ArmLive("YOURS", armed=True), LOCAL)
        placed = await on.engine.call(order("YOURS"), LOCAL)
        assert placed.account == "YOURS" and placed.working
        assert on.engine.data_line.name == "MINE"
        with pytest.raises(RiskDenied, match="MINE is not armed"):
            await on.engine.call(order("MINE"), LOCAL)
        assert {funds.account for funds in on.engine.books.funds} >= {"MINE", "YOURS"}


async def test_history_comes_from_the_broker_whose_prices_are_shown(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        end = on.clock.now_ns()
        reply = await on.engine.call(GetHistory(SBIN, "D", end - 5 * 86_400 * 10**9, end), LOCAL)
        assert len(reply.close) % 8 == 0
        assert any("/instruments/historical/" in one.path for one in on.simulator.log)


async def test_session_expired_is_what_a_dead_connection_says(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        on.simulator.alive = False
        with pytest.raises((SessionExpired, LabError)):
            await on.engine.call(GetHistory(SBIN, "D", 0, 86_400 * 10**9), LOCAL)


async def test_after_a_restart_the_broker_comes_back_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        placed = await on.engine.call(order("ZERODHA"), LOCAL)
        await on.engine.close()
        on.simulator.venue.fill(on.simulator.venue.order(placed.broker_order_id), 10, 800.0)
        logins = [asked.path for asked in on.simulator.log].count("/session/token")
        async with bench(tmp_path, simulator=on.simulator, keychain=on.keychain) as again:
            await until(lambda: again.engine.router.find("ZERODHA") and again.engine.router.line("ZERODHA").open)
            found = again.engine.ledger.find(placed.order_id)
            assert found is not None and found.status is OrderStatus.COMPLETE
            assert again.engine.data_line.name == "ZERODHA"
            assert [asked.path for asked in on.simulator.log].count("/session/token") == logins
            with pytest.raises(RiskDenied, match="not armed"):
                await again.engine.call(order("ZERODHA"), LOCAL)


async def test_a_broker_that_cannot_come_back_is_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        await on.engine.close()
        on.simulator.alive = False
        async with bench(tmp_path, simulator=on.simulator, keychain=on.keychain) as again:
            await until(lambda: any("is not connected" in sentence for sentence in again.told))
            assert again.engine.router.find("ZERODHA") is None
            (waits,) = await again.engine.call(ListConnections(), LOCAL)
            assert (waits.account, waits.broker, waits.expired) == ("ZERODHA", "zerodha", True)


async def test_yesterdays_instruments_are_not_traded_on(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        adapter = on.engine.router.line("ZERODHA").adapter
        adapter._now_ns = lambda: on.clock.now_ns() + 86_400 * 10**9  # type: ignore[attr-defined]
        sent = len(on.simulator.venue.orders)
        refused = await on.engine.call(order("ZERODHA"), LOCAL)
        assert refused.status is OrderStatus.REJECTED and "so nothing was sent" in refused.reason
        assert len(on.simulator.venue.orders) == sent


async def test_a_new_days_instruments_take_the_place_of_the_old(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        on.engine.subscribe("page", [SBIN], FeedMode.QUOTE)
        line, before = on.engine.data_line, on.engine.instruments
        on.engine.connections._masters._now_ns = lambda: on.clock.now_ns() + 86_400 * 10**9
        assert not on.engine.connections._masters.holds(before)
        await on.engine.connections._refresh(line)
        assert on.engine.instruments is not before and on.engine.instruments.dated > before.dated
        await until(lambda: on.engine.board.quote(SBIN) is not None)


async def test_books_of_a_broker_that_left_are_not_shown(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        assert any(one.account == "ZERODHA" for one in on.engine.books.holdings)
        await on.engine.call(DisconnectBroker("ZERODHA"), LOCAL)
        books = on.engine.books
        shown = (*books.orders, *books.positions, *books.holdings, *books.funds)
        assert "ZERODHA" not in {one.account for one in shown}


async def test_only_a_broker_has_market_data(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        from openalgo_lab.engine.router import Line
        from tests.support.scripted_broker import ScriptedBroker

        other = Line(ScriptedBroker("OTHER"), on.engine.router.lines[0].journal)
        on.engine.router.add(other)
        with pytest.raises(InputError, match="no market data of its own"):
            await on.engine.call(UseAccount("OTHER", orders=False, data=True), LOCAL)


def test_a_login_travels_between_kernels_and_shows_no_secret() -> None:
    from openalgo_lab.engine.link.frames import Request, decode_guest, encode
    from openalgo_lab.model.secret import Secret

    command = ConnectBroker("zerodha", credentials={"api_secret": Secret("very-secret")})
    arrived = decode_guest(encode(Request(1, command)))
    assert isinstance(arrived, Request) and arrived.command == command
    assert "very-secret" not in repr(command)


async def test_an_account_whose_new_login_failed_takes_no_orders(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        await on.connect()
        await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
        on.simulator.alive = False
        with pytest.raises(LabError):
            from openalgo_lab.model.secret import Secret

            await on.connect(credentials={**on.command().credentials, "request_token": Secret("worn-out")})
        with pytest.raises(Denied, match="last login failed; log in again"):
            await on.engine.call(order("ZERODHA"), LOCAL)
        await on.connect()
        assert (await on.engine.call(order("ZERODHA"), LOCAL)).working
