"""What every command is: a typed request that names the type of its answer."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

__all__ = ["Command", "Done"]

R = TypeVar("R")


class Command(msgspec.Struct, Generic[R], frozen=True):
    """Base of all commands; ``R`` is the answer."""


class Done(msgspec.Struct, frozen=True):
    """The answer of a command that has nothing to say but that it was done."""

    message: str = ""
