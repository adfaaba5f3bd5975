"""What the browser says to a grid, one struct a message. The field `k` tells which.

To the browser go: `l` layout, `x` text patch, `f` full frame, `d` delta frame, `c` centre a row, `p` pong
(see `grid.Grid` for their fields).
"""

from __future__ import annotations

from typing import Any

import msgspec


class Hello(msgspec.Struct, frozen=True, tag_field="k", tag="h"):
    """A front end starts and holds nothing."""


class Ack(msgspec.Struct, frozen=True, tag_field="k", tag="a"):
    """Frame `seq` is on screen; its paint took `ms`, and it was `lag` ms old then (engine time to paint)."""

    seq: int
    ms: float = 0.0
    lag: float = 0.0


class Need(msgspec.Struct, frozen=True, tag_field="k", tag="n"):
    """The front end cannot apply what it got; it holds layout `rev` and frame `seq`."""

    seq: int
    rev: int


class Poke(msgspec.Struct, frozen=True, tag_field="k", tag="p"):
    """Nothing arrived for a while at a visible view, which holds layout `rev` and frame `seq`."""

    seq: int
    rev: int


class UserEvent(msgspec.Struct, frozen=True, tag_field="k", tag="e"):
    """The user did something; `event` is a `GridEvent`."""

    event: dict[str, Any]


FrontMessage = Hello | Ack | Need | Poke | UserEvent


def decode_message(content: object) -> FrontMessage:
    """Raises msgspec.ValidationError when the message is malformed."""
    message: FrontMessage = msgspec.convert(content, FrontMessage)
    return message
