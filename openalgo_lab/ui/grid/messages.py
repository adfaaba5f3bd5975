"""The grid's protocol; here what the browser says, one struct a message. The field `k` tells which.

To the browser go (fields · buffers):
    l  layout       rev ids text{key: [str]} empty dec act · [decimals u8][actions u8], each if `dec`, `act`
    x  text patch   from rev cells[[row, key, text]] dec act · as above; layout `from` becomes `rev`
    f  full frame   rev seq base n t m · values, [flags u16 if `m`]; values: `frames.py`
    d  delta frame  rev seq base n t m · n changed values f64 then n cell numbers u32, [flags u16 if `m`]
    c  centre       id
    p  pong
`rev` numbers layouts, `seq` frames; a frame fits layout `rev` only, a delta only on frame `base`. `t` is the engine's
UTC time in ns. What does not fit is answered with `n`. A page that paints acknowledges every second frame, hence
`credit.WINDOW`; a hidden page is silent.
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
