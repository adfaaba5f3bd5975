"""One line of the doctor's report."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Finding", "Status", "fail", "ok", "warn"]


class Status(StrEnum):
    """``warn``: it works, but less well than it could. ``fail``: something will not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """What one check saw; ``remedy`` is empty only where all is well."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Finding:
    return Finding(name, Status.OK, detail)


def warn(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name, Status.WARN, detail, remedy)


def fail(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name, Status.FAIL, detail, remedy)
