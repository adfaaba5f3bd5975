"""A session written down without its secrets, and played as the broker."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.model.errors import StoreError, WireError
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.wire.recorder import Player, Recorder, RecordingTransport, read_records
from tests.broker.tiny import ACCOUNT, SHARES, Wire, answer, feed_spec
from tests.brokers.simulated.exchange import Sink, until

SECRETS = ("pin-4711", "token-of-the-day")


async def recorded(path: Path) -> Wire:
    wire, sink = Wire(), Sink()
    wire.answers["/session"] = lambda _: answer({"token": SECRETS[1]})
    transport = RecordingTransport(wire, Recorder(path), SECRETS[:1])  # the token is learnt from the login
    adapter = GenericAdapter(feed_spec(), ACCOUNT, transport, {"pin": SECRETS[0], "totp": SECRETS[0]})
    await adapter.connect(sink)
    await adapter.subscribe(SHARES[:2], FeedMode.QUOTE)
    wire.lines[0].say(np.array([1, 2], dtype="<i8").tobytes())
    await until(lambda: sink.batches)
    assert (await adapter.funds()).available_paise == 500
    await adapter.close()
    return wire


async def test_what_was_said_stands_there_in_order(tmp_path: Path) -> None:
    path = tmp_path / "session.wire"
    await recorded(path)
    kinds = [(record.kind, record.path) for record in read_records(path)]
    assert kinds[:4] == [("request", "/otp"), ("answer", "/otp"), ("request", "/session"), ("answer", "/session")]
    assert ("open", "/prices") in kinds and [kind for kind, _ in kinds].count("sent") == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "session.wire"
    wire = await recorded(path)
    assert any(("x-token", SECRETS[1]) in asked.headers for asked in wire.asked), "it was really sent"
    content = path.read_bytes()
    assert not [secret for secret in SECRETS if secret.encode() in content]


async def test_it_plays_as_the_broker(tmp_path: Path) -> None:
    path, sink = tmp_path / "session.wire", Sink()
    await recorded(path)
    adapter = GenericAdapter(feed_spec(), ACCOUNT, Player.open(path), {"pin": "any"})
    await adapter.connect(sink)
    await until(lambda: sink.batches)
    assert sink.batches[0].tokens.tolist() == [1, 2]
    assert (await adapter.funds()).available_paise == (await adapter.funds()).available_paise == 500
    with pytest.raises(WireError, match="holds no GET /trades"):
        await adapter.trade_book()
    await adapter.close()


async def test_a_file_that_was_cut_short_ends_there(tmp_path: Path) -> None:
    path = tmp_path / "session.wire"
    await recorded(path)
    whole = list(read_records(path))
    path.write_bytes(path.read_bytes()[:-3])
    assert list(read_records(path)) == whole[:-1]


def test_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0\0\0\3abc")
    with pytest.raises(StoreError, match="no recording"):
        list(read_records(tmp_path / "x"))
    with pytest.raises(StoreError, match="give a new file"):
        Recorder(tmp_path / "x")


async def test_an_adapter_opened_with_a_file_records(tmp_path: Path) -> None:
    from openalgo_lab.broker.connect import open_adapter

    adapter = open_adapter(feed_spec(), ACCOUNT, {"pin": "1"}, record=tmp_path / "x.wire")
    with pytest.raises(WireError):
        await adapter.connect(Sink())
    await adapter.close()
    assert [record.kind for record in read_records(tmp_path / "x.wire")] == ["request", "request"]
