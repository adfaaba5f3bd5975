"""The socket on a loop, also on one that cannot watch descriptors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import zmq

from openalgo_lab.engine.link.port import Port, end_context


@pytest.mark.parametrize("watches", [True, False])
async def test_messages_arrive_in_order(watches: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not watches:

        def refuse(*_args: Any) -> None:
            raise NotImplementedError

        monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", refuse)
    context = zmq.Context()
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    left.bind("inproc://port")
    right.connect("inproc://port")
    got: list[list[bytes]] = []
    done = asyncio.Event()

    def take(frames: list[bytes]) -> None:
        got.append(frames)
        if len(got) == 200:
            done.set()

    sender, receiver = Port(left, lambda _frames: None), Port(right, take)
    for number in range(200):
        assert sender.send((b"n", str(number).encode()))
    await asyncio.wait_for(done.wait(), 10)
    assert [int(frames[1]) for frames in got] == list(range(200))
    sender.close()
    receiver.close()
    receiver.close()
    assert not sender.send((b"too late",))
    end_context(context)


async def test_full_pipe_refuses_instead_of_waiting() -> None:
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.SNDHWM, 1)
    port = Port(socket, lambda _frames: None)
    assert not port.send((b"nobody is there",))
    port.close()
    end_context(context)
