"""Who is let in: only a kernel that knows the profile's secret, and the guest checks the host as well."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import zmq
import zmq.asyncio

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.link import frames
from openalgo_lab.engine.link.attached import HostLost, LinkClient
from openalgo_lab.engine.link.frames import (
    PROTOCOL,
    Beat,
    Challenge,
    Facts,
    FromGuest,
    FromHost,
    Hello,
    Proof,
    Refused,
    Request,
    Welcome,
    decode_host,
    encode,
    prove,
)
from openalgo_lab.engine.link.host import LinkHost
from openalgo_lab.engine.link.mirror import Mirror
from openalgo_lab.engine.link.places import HostRecord, LinkPlaces
from openalgo_lab.engine.link.served import ServedEngine
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import GetStatus, PlaceOrder
from openalgo_lab.model.errors import EngineDead
from openalgo_lab.model.vocabulary import Exchange, Product, Side
from tests.support.fake_engine import FakeEngine

SECRET = b"s" * 32
ORDER = PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS)


class Site:
    """A host of the fake engine on the test's own loop."""

    def __init__(self, engine: FakeEngine, host: LinkHost, record: HostRecord) -> None:
        self.engine = engine
        self.host = host
        self.record = record

    def client(self, secret: bytes = SECRET, mirror: Mirror | None = None) -> LinkClient:
        return LinkClient(self.record, secret, mirror or Mirror(lambda _: None), "test", lambda _: None)


@pytest.fixture
async def site(home: Path) -> AsyncIterator[Site]:
    engine = FakeEngine(EngineConfig())
    host = LinkHost(cast("ServedEngine", engine), "e1", SECRET, b"\x80")
    endpoint = host.open(LinkPlaces(home).endpoint("e1"))
    yield Site(engine, host, HostRecord("e1", os.getpid(), endpoint, 0))
    await host.close()


class RawGuest:
    """Speaks the protocol by hand."""

    def __init__(self, endpoint: str) -> None:
        self.context = zmq.asyncio.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.connect(endpoint)

    async def ask(self, message: FromGuest | bytes) -> FromHost:
        await self.socket.send(message if isinstance(message, bytes) else encode(message))
        return await self.hear()

    async def hear(self) -> FromHost:
        """The next message that is no beat."""
        while True:
            kind, data = await asyncio.wait_for(self.socket.recv_multipart(), 10)
            message = decode_host(data) if kind == frames.CONTROL else None
            if message is not None and not isinstance(message, frames.HostBeat):
                return message

    def close(self) -> None:
        self.context.destroy(linger=0)


@pytest.fixture
async def guest(site: Site) -> AsyncIterator[RawGuest]:
    raw = RawGuest(site.record.endpoint)
    yield raw
    raw.close()


async def test_wrong_secret_is_refused_by_the_guest_itself(site: Site) -> None:
    with pytest.raises(EngineDead, match="does not know the profile's secret"):
        await site.client(b"x" * 32).open(5)
    assert site.host.attached == 0


async def test_proof_without_the_secret_is_refused(site: Site, guest: RawGuest) -> None:
    challenge = await guest.ask(Hello(PROTOCOL, b"n", 1, "thief"))
    assert isinstance(challenge, Challenge)
    answer = await guest.ask(Proof(prove(b"guess" * 7, "guest", challenge.nonce, "e1")))
    assert answer == Refused("This kernel does not know the profile's secret.", retry=False)
    again = await guest.ask(Request(1, GetStatus()))
    assert isinstance(again, Refused)


async def test_the_hosts_own_proof_cannot_be_sent_back(site: Site, guest: RawGuest) -> None:
    challenge = await guest.ask(Hello(PROTOCOL, b"n", 1, "thief"))
    assert isinstance(challenge, Challenge)
    assert isinstance(await guest.ask(Proof(challenge.proof)), Refused)


async def test_a_proof_is_good_once(site: Site, guest: RawGuest) -> None:
    challenge = await guest.ask(Hello(PROTOCOL, b"n", 1, "me"))
    assert isinstance(challenge, Challenge)
    proof = Proof(prove(SECRET, "guest", challenge.nonce, "e1"))
    assert isinstance(await guest.ask(proof), Welcome)
    assert isinstance(await guest.ask(proof), Refused)


@pytest.mark.parametrize("message", [Request(1, ORDER), Beat(0, 0)])
async def test_nothing_is_done_for_a_stranger(site: Site, guest: RawGuest, message: FromGuest) -> None:
    answer = await guest.ask(message)
    assert isinstance(answer, Refused)
    assert answer.retry
    assert not site.engine.calls


@pytest.mark.parametrize("data", [b"", b"\xc1", b"garbage", b"\x92\xa5hello\x01"])
async def test_garbage_is_refused_and_hurts_nobody(site: Site, guest: RawGuest, data: bytes) -> None:
    client = site.client()
    await client.open(5)
    assert isinstance(await guest.ask(data), Refused)
    assert (await client.call(GetStatus())).pid == os.getpid()
    await client.leave()


async def test_other_version_is_told_which_to_restart(site: Site, guest: RawGuest) -> None:
    answer = await guest.ask(Hello(PROTOCOL + 1, b"n", 1, "newer"))
    assert isinstance(answer, Refused)
    assert "restart the kernel that runs the older version" in answer.reason


async def test_greetings_that_never_end_are_bounded(site: Site) -> None:
    guests = [RawGuest(site.record.endpoint) for _ in range(70)]
    for raw in guests:
        assert isinstance(await raw.ask(Hello(PROTOCOL, b"n", 1, "flood")), Challenge)
    assert len(site.host._strangers) <= 64
    for raw in guests:
        raw.close()


async def test_nobody_there_is_noticed(site: Site, home: Path) -> None:
    nowhere = HostRecord("e2", 1, f"ipc://{home}/nobody.sock", 0)
    client = LinkClient(nowhere, SECRET, Mirror(lambda _: None), "test", lambda _: None)
    with pytest.raises(HostLost):
        await client.open(2)


async def test_who_comes_back_in_time_gets_every_fact_and_no_snapshot(site: Site, guest: RawGuest) -> None:
    heard: list[object] = []
    mirror = Mirror(heard.append)
    first = site.client(mirror=mirror)
    await first.open(5)
    await first.leave()
    await site.engine.call(ORDER, LOCAL)
    await site.engine.call(ORDER, LOCAL)
    challenge = await guest.ask(Hello(PROTOCOL, b"n", 1, "me"))
    assert isinstance(challenge, Challenge)
    welcome = await guest.ask(Proof(prove(SECRET, "guest", challenge.nonce, "e1"), "e1", mirror.seq))
    assert isinstance(welcome, Welcome)
    assert welcome.books is None
    facts = await guest.hear()
    assert isinstance(facts, Facts)
    assert facts.seq == mirror.seq + 1
    second = site.client(mirror=mirror)
    await second.open(5)
    for _ in range(200):
        if mirror.books == site.engine.books:
            break
        await asyncio.sleep(0.01)
    assert mirror.books == site.engine.books
    assert len(heard) == 6
    await second.leave()


async def test_guest_of_another_engine_gets_a_snapshot_and_what_it_implies(site: Site) -> None:
    heard: list[object] = []
    mirror = Mirror(heard.append)
    mirror.engine_id, mirror.seq = "dead", 99
    await site.engine.call(ORDER, LOCAL)
    client = site.client(mirror=mirror)
    await client.open(5)
    assert mirror.books == site.engine.books
    assert mirror.engine_id == "e1"
    assert len(heard) == 2  # the trade and the order, told once
    await client.leave()
