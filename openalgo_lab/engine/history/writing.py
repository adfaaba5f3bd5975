"""Who writes and reads the lake for the engine, off its loop and outside of its process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

import msgspec

from openalgo_lab.model.errors import StoreError, error_from_wire
from openalgo_lab.model.market import Bars
from openalgo_lab.store.history.bytes import bars_of_reply, reply_of
from openalgo_lab.store.history.hand import Append, Failed, Kept, Read, Shown, read_frame, write_frame
from openalgo_lab.store.history.reading import Candles, LakeBars
from openalgo_lab.store.history.series import Series

__all__ = ["HandWriter", "LakeWriter"]

_HAND: Final = "openalgo_lab.store.history.hand"
_END_S: Final = 5.0
IDLE_S: Final = 120.0
"""The hand is let go when nobody needed it for so long: it holds 100 MB."""


class LakeWriter(Protocol):
    """Raises StoreError."""

    async def append(self, root: Path, series: Series, bars: Bars, covered: Sequence[tuple[int, int]]) -> None:
        """Keep candles and what they cover."""

    async def read(self, wanted: LakeBars, fresh: Bars | None, now_ns: int) -> Candles:
        """Candles out of the lake, with newer ones that are not kept."""

    def close(self) -> None:
        """No more; what is being written is finished."""


class HandWriter:
    """By the lake's hand, a process that is started when it is needed and let go when it is not.

    A hand that died is replaced and the request made again: keeping the same candles twice changes nothing.
    """

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="openalgo-lake")
        self._hand: subprocess.Popen[bytes] | None = None
        self._idle_s = idle_s
        self._rest: asyncio.TimerHandle | None = None
        self._answers = msgspec.msgpack.Decoder(Kept | Shown | Failed)

    @property
    def pid(self) -> int | None:
        """The hand's process, while there is one."""
        return None if self._hand is None else self._hand.pid

    async def append(self, root: Path, series: Series, bars: Bars, covered: Sequence[tuple[int, int]]) -> None:
        """Keep candles and what they cover."""
        await self._ask(Append(str(root), series, reply_of(bars), tuple(covered)))

    async def read(self, wanted: LakeBars, fresh: Bars | None, now_ns: int) -> Candles:
        """Candles out of the lake, with newer ones that are not kept."""
        answer = await self._ask(Read(wanted, None if fresh is None else reply_of(fresh), now_ns))
        assert isinstance(answer, Shown)
        return Candles(bars_of_reply(answer.bars), answer.gaps)

    def close(self) -> None:
        """No more; what is being written is finished."""
        if self._rest is not None:
            self._rest.cancel()
        self._thread.submit(self._let_go)
        self._thread.shutdown(wait=True)

    async def _ask(self, request: Append | Read) -> Kept | Shown:
        loop = asyncio.get_running_loop()
        if self._rest is not None:
            self._rest.cancel()
        try:
            answer = await loop.run_in_executor(self._thread, self._exchange, request)
        finally:
            self._rest = loop.call_later(self._idle_s, self._thread.submit, self._let_go)
        if isinstance(answer, Failed):
            raise error_from_wire(answer.error, answer.message, {})
        return answer

    # On the thread ----------------------------------------------------------------------------------------------

    def _exchange(self, request: Append | Read) -> Kept | Shown | Failed:
        content = msgspec.msgpack.encode(request)
        for _ in range(2):
            hand = self._hand = self._hand or _start()
            assert hand.stdin is not None
            assert hand.stdout is not None
            try:
                write_frame(hand.stdin, content)
                frame = read_frame(hand.stdout)
            except OSError:
                frame = None
            if frame is not None:
                answer: Kept | Shown | Failed = self._answers.decode(frame)
                return answer
            self._let_go()
        raise StoreError("The process that keeps candles ended twice in the middle of its work: is the memory full?")

    def _let_go(self) -> None:
        hand, self._hand = self._hand, None
        if hand is None:
            return
        assert hand.stdout is not None
        try:
            hand.communicate(timeout=_END_S)  # closes its input, which ends it
        except (subprocess.TimeoutExpired, OSError):
            hand.kill()
            hand.wait()


def _start() -> subprocess.Popen[bytes]:
    # -P: modules beside the user's notebook do not stand in for ours.
    command = [sys.executable, "-P", "-m", _HAND]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
