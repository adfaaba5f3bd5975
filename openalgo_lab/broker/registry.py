"""Which brokers there are: entry points of the group ``openalgo_lab.brokers``, loaded when asked for.

Any installed distribution may add one: an entry point whose name is the broker's key and whose object is its
`BrokerSpec`.
"""

from __future__ import annotations

from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import msgspec

from openalgo_lab.broker.spec import BrokerSpec
from openalgo_lab.model.errors import InputError

__all__ = ["GROUP", "BrokerRow", "available", "describe", "load"]

GROUP: Final = "openalgo_lab.brokers"
_TABLES: Final = ("__init__.py", "tables.py")
"""Where a family's table of members lies."""


class BrokerRow(msgspec.Struct, frozen=True):
    """One broker for a table.

    ``lines`` counts its package's lines of code, without blank lines, comments and docstrings; for a family's member
    those of the table of members, without the codec that all of them share.
    """

    key: str
    name: str
    family: str
    exchanges: tuple[str, ...]
    capabilities: tuple[str, ...]
    lines: int
    verified: tuple[str, ...] = ()


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def available() -> tuple[str, ...]:
    """Keys of all brokers, sorted; none of them is imported."""
    return tuple(sorted(_points()))


def load(key: str) -> BrokerSpec:
    """The spec of a broker. Raises InputError for a key that is not installed or whose package is no broker."""
    point = _points().get(key)
    if point is None:
        known = ", ".join(available()) or "none"
        raise InputError(f"No broker {key!r} is installed; there are: {known}.", field="broker")
    try:
        spec = point.load()
    except (ImportError, AttributeError) as error:
        raise InputError(f"The broker {key!r} cannot be loaded ({error}); install it again.", field="broker") from error
    if not isinstance(spec, BrokerSpec) or spec.key != key:
        raise InputError(f"The entry point {key!r} ({point.value}) gives no spec of that key.", field="broker")
    return spec


def describe() -> tuple[BrokerRow, ...]:
    """A row for each broker."""
    return tuple(_row(load(key)) for key in available())


def _row(spec: BrokerSpec) -> BrokerRow:
    from openalgo_lab.broker.code_lines import code_lines

    package = type(spec.codec).__module__.rpartition(".")[0]
    member = package.rpartition(".")[2] == spec.family
    files = [file for file in resources.files(package).iterdir() if file.name.endswith(".py")]
    counted = [file for file in files if not member or file.name in _TABLES]
    return BrokerRow(
        key=spec.key,
        name=spec.name,
        family=spec.family,
        exchanges=tuple(sorted(exchange.value for exchange in spec.exchanges)),
        capabilities=tuple(sorted(capability.value for capability in spec.capabilities)),
        lines=sum(code_lines(file.read_text(encoding="utf-8")) for file in counted),
        verified=spec.verified,
    )
