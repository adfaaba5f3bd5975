"""A ZeroMQ socket on an asyncio loop: messages come by callback, sending never waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import zmq

__all__ = ["FAREWELL_S", "Port", "end_context"]

FAREWELL_S = 0.02
"""Left for a last message to leave before its socket is closed."""

#: Messages taken in one go before the loop may do something else.
_BATCH = 64

#: Between two looks of a loop that cannot watch descriptors.
_LOOK_S = 0.005


class Port:
    """Owns ``socket``; ``on_message`` gets the frames of each message. Loop thread only."""

    def __init__(self, socket: zmq.Socket[bytes], on_message: Callable[[list[bytes]], None]) -> None:
        self._socket = socket
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._fd: int = socket.getsockopt(zmq.FD)  # type: ignore[assignment]  # an int for this option
        self._woken = False
        self._watched = self._watch()
        self._wake()  # what came before the reader stood

    def send(self, frames: Sequence[bytes]) -> bool:
        """Hand over a message; False when the peer is gone or does not take any more."""
        if self._socket.closed:
            return False
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                return False
            raise
        # The descriptor signals edges only, and sending may have swallowed one.
        self._wake()
        return True

    def close(self) -> None:
        """Stop listening and close the socket, dropping what has not left."""
        if not self._socket.closed:
            if self._watched:
                self._loop.remove_reader(self._fd)
            self._socket.close(linger=0)

    def _watch(self) -> bool:
        """Have the loop say when something comes; a loop that cannot (Windows' default one) looks by itself."""
        try:
            self._loop.add_reader(self._fd, self._drain)
        except NotImplementedError:
            self._look()
            return False
        return True

    def _look(self) -> None:
        if not self._socket.closed:
            self._wake()
            self._loop.call_later(_LOOK_S, self._look)

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._woken = False
        for _ in range(_BATCH):
            if self._socket.closed:
                return
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._on_message(frames)
        self._wake()


def end_context(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    """End ZeroMQ's own thread of a context whose sockets are closed; not waited for, it may take its time."""
    threading.Thread(target=context.term, name="zmq-end", daemon=True).start()
