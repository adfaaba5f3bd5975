"""A guest that is slow, frozen or comes back late: it costs the host nothing that grows, and it loses no fact."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openalgo_lab.engine.link import frames, host
from openalgo_lab.engine.link.frames import Beat, Challenge, Facts, Hello, Proof, Want, Welcome, prove
from openalgo_lab.engine.link.session import FACT_CREDIT, QUOTE_CREDIT
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.events import AnyEvent
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Exchange, FeedMode, Product, Side
from tests.link.conftest import Opened
from tests.link.test_greeting import ORDER, SECRET, RawGuest, Site, guest, site
from tests.support.fake_engine import FakeEngine
from tests.support.waiting import eventually

__all__ = ["guest", "site"]  # fixtures of the greeting serve here as well

SBIN = InstrumentKey(Exchange.NSE, "SBIN")
FACTS_OF_AN_ORDER = 3  # opened, completed, traded: one message, as they happen in one turn of the loop


async def enter(raw: RawGuest) -> Welcome:
    """Be let in."""
    challenge = await raw.ask(Hello(frames.PROTOCOL, b"n", 1, "slow"))
    assert isinstance(challenge, Challenge)
    welcome = await raw.ask(Proof(prove(SECRET, "guest", challenge.nonce, "e1")))
    assert isinstance(welcome, Welcome)
    return welcome


async def drain(raw: RawGuest) -> list[tuple[bytes, bytes]]:
    """Everything that is on its way."""
    got = []
    while True:
        try:
            got.append(tuple(await asyncio.wait_for(raw.socket.recv_multipart(), 0.3)))
        except TimeoutError:
            return got


async def test_quotes_stop_after_two_frames_and_go_on_with_the_newest(site: Site, guest: RawGuest) -> None:
    await enter(guest)
    await guest.socket.send(frames.encode(Want("me", (SBIN,), FeedMode.QUOTE)))
    await guest.hear()  # the numbers of the rows
    for price in range(100):
        site.engine.tick(SBIN, float(price))
        await asyncio.sleep(0.01)
    sent = [data for kind, data in await drain(guest) if kind == frames.QUOTES]
    assert len(sent) == QUOTE_CREDIT
    await guest.socket.send(frames.encode(Beat(0, QUOTE_CREDIT)))
    (last,) = [data for kind, data in await drain(guest) if kind == frames.QUOTES]
    assert frames_ltp(last) == 99.0


def frames_ltp(data: bytes) -> float:
    from openalgo_lab.engine.link.quotes import decode_quotes

    return float(decode_quotes(data).fields[0, 0])


async def test_facts_wait_in_the_common_log_not_in_a_buffer(site: Site, guest: RawGuest) -> None:
    await enter(guest)
    orders = FACT_CREDIT + 50
    for _ in range(orders):
        await site.engine.call(ORDER, LOCAL)
        await asyncio.sleep(0)
    facts = [frames.decode_host(data) for kind, data in await drain(guest) if kind == frames.CONTROL]
    numbers = [message.seq for message in facts if isinstance(message, Facts)]
    assert numbers == list(range(1, FACT_CREDIT + 1))
    await guest.socket.send(frames.encode(Beat(FACT_CREDIT, 0)))
    facts = [frames.decode_host(data) for kind, data in await drain(guest) if kind == frames.CONTROL]
    numbers = [message.seq for message in facts if isinstance(message, Facts)]
    assert numbers == list(range(FACT_CREDIT + 1, orders + 1))


async def test_who_fell_off_the_log_begins_anew_with_a_snapshot(
    site: Site, guest: RawGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openalgo_lab.engine.link.facts._KEEP_FACTS", 10)
    await enter(guest)
    for _ in range(FACT_CREDIT + 50):
        await site.engine.call(ORDER, LOCAL)
        await asyncio.sleep(0)
    await drain(guest)
    await guest.socket.send(frames.encode(Beat(FACT_CREDIT, 0)))
    await site.engine.call(ORDER, LOCAL)
    messages = [frames.decode_host(data) for kind, data in await drain(guest) if kind == frames.CONTROL]
    (again,) = [message for message in messages if isinstance(message, Welcome)]
    assert again.books == site.engine.books


async def test_log_is_bounded_by_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openalgo_lab.engine.link.facts._KEEP_BYTES", 10_000)
    log = site.host._facts
    assert log is not None
    for _ in range(200):
        await site.engine.call(ORDER, LOCAL)
        await asyncio.sleep(0)
    assert log._size <= 10_000
    assert log.get(1) is None
    assert log.get(log.seq) is not None
    assert log.covers(log.seq)
    assert not log.covers(0)


def test_frozen_loop_is_dropped_and_comes_back_without_a_loss(
    opened: Opened, engines: list[FakeEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_SILENT_S", 0.3)
    main, frozen = opened(), opened()
    heard: list[AnyEvent] = []
    frozen.add_listener(heard.append)
    frozen.subscribe((SBIN,), FeedMode.QUOTE, "list")
    eventually(lambda: engines[0].wants)
    release = asyncio.Event()
    frozen.loop.call_soon_threadsafe(time.sleep, 1.0)
    eventually(lambda: not engines[0].wants)  # the host let go of it
    for _ in range(20):
        main.call_sync(PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS))
    eventually(lambda: frozen.books == main.books)
    eventually(lambda: len(heard) == 20 * FACTS_OF_AN_ORDER)
    eventually(lambda: engines[0].wants)
    release.set()


@pytest.fixture
def worker(home: Path, repository: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, attached."""
    command = [sys.executable, "-m", "tests.support.link_worker", "never"]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_stopped_process_does_not_disturb_the_host(
    opened: Opened, engines: list[FakeEngine], worker: subprocess.Popen[str]
) -> None:
    main = opened()
    assert worker.stdout is not None
    assert worker.stdout.readline() == "attached\n"
    os.kill(worker.pid, signal.SIGSTOP)
    for _ in range(300):
        main.call_sync(PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS))
    os.kill(worker.pid, signal.SIGCONT)
    eventually(lambda: main.status.attached == 1)
    main.close()
    assert worker.stdout.readline() == "recovering\n"
