"""The exchange on real sockets, as a process: it starts, is killed, and finds its books again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokers.simulated import SPEC
from openalgo_lab.broker.connect import open_adapter
from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import PriceType
from openalgo_lab.sim.records import Records
from openalgo_lab.sim.server import ExchangeServer, main
from openalgo_lab.sim.venue import Venue
from tests.brokers.simulated.exchange import ACCOUNT, SHARE, Sink, intent, until
from tests.sim.fake_market import FakeMarket

ROOT = Path(__file__).parents[2]
MARKET = "tests.sim.fake_market:MovingMarket"


class Process:
    """The server's command in a process of its own; started as often as asked."""

    def __init__(self, folder: Path) -> None:
        self._command = [
            sys.executable, "-m", "openalgo_lab.sim.server", "--profile-dir", str(folder), "--market", MARKET,
            "--step-ms", "10",
        ]  # fmt: skip
        self._child: subprocess.Popen[str] | None = None

    def start(self) -> str:
        self._child = subprocess.Popen(
            self._command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._child.stdout is not None
        return self._child.stdout.readline().strip()

    def end(self, *, kill: bool) -> int:
        assert self._child is not None
        child, self._child = self._child, None
        (child.kill if kill else child.terminate)()
        child.communicate(timeout=20)
        return child.returncode

    def clean(self) -> None:
        if self._child is not None:
            self.end(kill=True)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    yield process
    process.clean()


async def connected(url: str, sink: Sink) -> GenericAdapter:
    adapter = open_adapter(SPEC, ACCOUNT, base_url=url)
    await adapter.connect(sink)
    return adapter


async def test_a_killed_server_finds_the_same_books(process: Process) -> None:
    sink = Sink()
    adapter = await connected(process.start(), sink)
    filled, resting = intent(), intent(PriceType.LIMIT, price=790.0)
    await adapter.place(filled, SHARE)
    await adapter.place(resting, SHARE)
    await until(lambda: OrderStatus.COMPLETE in sink.statuses(filled.order_id))
    await until(lambda: OrderStatus.OPEN in sink.statuses(resting.order_id))
    before = (
        await adapter.order_book(),
        await adapter.trade_book(),
        await adapter.positions(),
        (await adapter.funds()).available_paise,
    )
    last = intent(PriceType.LIMIT, price=791.0)
    await adapter.place(last, SHARE)
    process.end(kill=True)  # at once: the answered order must be there
    await adapter.close()

    adapter = await connected(process.start(), Sink())
    orders = await adapter.order_book()
    assert {order.order_id for order in orders} == {filled.order_id, resting.order_id, last.order_id}
    assert [o.filled_quantity for o in orders] == [10, 0, 0]
    assert await adapter.trade_book() == before[1]
    assert await adapter.positions() == before[2]
    assert (await adapter.funds()).available_paise == before[3] - 10 * 791_00 // 5
    await adapter.close()
    assert process.end(kill=False) == 0


def test_a_taken_port_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert main(["--port", str(port), "--profile-dir", str(tmp_path), "--market", MARKET]) == 1
    assert "take another one" in capsys.readouterr().err


@pytest.mark.parametrize("market", ["nothing.at.all:Market", "tests.sim.fake_market:Nobody", "openalgo_lab"])
def test_a_market_that_is_none_is_said(market: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--profile-dir", str(tmp_path), "--market", market]) == 1
    assert "is no market" in capsys.readouterr().err


def test_records_that_are_held_are_said(tmp_path: Path) -> None:
    held = Records(tmp_path / "simulated-exchange.sqlite")
    child = subprocess.run(
        [sys.executable, "-m", "openalgo_lab.sim.server", "--profile-dir", str(tmp_path), "--market", MARKET],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    held.close()
    assert child.returncode == 1
    assert "held by another process" in child.stderr


async def test_a_browser_page_may_not_listen() -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    server = ExchangeServer(Venue(FakeMarket(), Records(":memory:")))
    await server.start()
    token = server.driver.endpoint._token("ME")
    url = f"ws://127.0.0.1:{server.port}/feed"
    headers = {"Authorization": f"Bearer {token}"}
    with pytest.raises(InvalidStatus, match="403"):
        await connect(url, additional_headers=headers, origin="http://evil.example", proxy=None)  # type: ignore[arg-type]
    with pytest.raises(InvalidStatus, match="401"):
        await connect(url, proxy=None)
    with pytest.raises(InputError):
        await ExchangeServer(Venue(FakeMarket(), Records(":memory:"))).start(server.port)
    await server.stop()
