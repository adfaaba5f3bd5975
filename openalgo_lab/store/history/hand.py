"""The lake's hand: a small process that writes and reads the lake for one that must not stop for it.

Importing DuckDB holds the interpreter for up to a fifth of a second, and it brings 60 MB: the engine has neither. It
speaks frames over its standard streams, a length of four bytes and MessagePack, one answer a request, and ends with
its owner, whose end closes the stream.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Final, Protocol

import msgspec

from openalgo_lab.model.errors import LabError, StoreError
from openalgo_lab.model.history_commands import BarsReply
from openalgo_lab.store.history.bytes import bars_of_reply, reply_of
from openalgo_lab.store.history.gaps import Gap
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.reading import LakeBars
from openalgo_lab.store.history.series import Series

__all__ = ["Append", "Failed", "Kept", "Read", "Shown", "main", "read_frame", "serve", "write_frame"]

_LENGTH: Final = 4


class Append(msgspec.Struct, frozen=True, tag="append"):
    """Keep candles and what they cover."""

    root: str
    series: Series
    bars: BarsReply
    covered: tuple[tuple[int, int], ...]


class Read(msgspec.Struct, frozen=True, tag="read"):
    """Candles out of the lake, with newer ones that are not kept."""

    wanted: LakeBars
    fresh: BarsReply | None
    now_ns: int


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """The answer to :class:`Append`."""


class Shown(msgspec.Struct, frozen=True, tag="shown"):
    """The answer to :class:`Read`."""

    bars: BarsReply
    gaps: tuple[Gap, ...]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Neither could be done: the error's name and its sentence."""

    error: str
    message: str


class Bytes(Protocol):
    """A binary stream."""

    def read(self, count: int, /) -> bytes | None: ...

    def write(self, content: bytes | memoryview, /) -> int | None: ...

    def flush(self) -> None: ...


def write_frame(stream: Bytes, content: bytes) -> None:
    """One frame. Raises OSError where nobody reads any more."""
    left = memoryview(len(content).to_bytes(_LENGTH, "little") + content)
    while left:
        left = left[stream.write(left) or 0 :]
    stream.flush()


def read_frame(stream: Bytes) -> bytes | None:
    """The next frame; None when the other side has ended."""
    head = stream.read(_LENGTH)
    if head is None or len(head) < _LENGTH:
        return None
    length = int.from_bytes(head, "little")
    content = stream.read(length)
    return content if content is not None and len(content) == length else None


def serve(requests: Bytes, answers: Bytes) -> None:
    """Answer until the owner ends."""
    lakes: dict[str, Lake] = {}
    decoder = msgspec.msgpack.Decoder(Append | Read)
    while (frame := read_frame(requests)) is not None:
        write_frame(answers, msgspec.msgpack.encode(_answer(decoder.decode(frame), lakes)))


def _answer(request: Append | Read, lakes: dict[str, Lake]) -> Kept | Shown | Failed:
    try:
        if isinstance(request, Append):
            lake = lakes.setdefault(request.root, Lake(Path(request.root)))
            lake.append(request.series, bars_of_reply(request.bars), request.covered)
            return Kept()
        fresh = None if request.fresh is None else bars_of_reply(request.fresh)
        found = request.wanted.candles(fresh, request.now_ns)
        return Shown(reply_of(found.bars), found.gaps)
    except LabError as error:
        return Failed(type(error).__name__, str(error))
    except OSError as error:
        return Failed(StoreError.__name__, f"The lake cannot be used ({error}): check its folder and the disk.")


def main() -> None:
    """Serve on the standard streams; what anything prints goes to the errors' stream."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError):  # the owner ended while it was being answered
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
