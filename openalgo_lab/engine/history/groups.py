"""Watch-lists of symbols whose candles are kept together."""

from __future__ import annotations

from typing import Final

from openalgo_lab.engine.history.book import HistoryBook
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.history_commands import HistoryGroup, PutHistoryGroup
from openalgo_lab.model.instruments import InstrumentKey

__all__ = ["Groups"]

_KIND: Final = "group"
_LONGEST: Final = 60


class Groups:
    """Used on the engine's loop."""

    def __init__(self, book: HistoryBook) -> None:
        self._book = book
        self._groups: dict[str, HistoryGroup] = {}

    async def restore(self) -> None:
        """Take up what the profile's file holds."""
        self._groups = await self._book.all(_KIND, HistoryGroup)

    def all(self) -> tuple[HistoryGroup, ...]:
        """By name."""
        return tuple(sorted(self._groups.values(), key=lambda group: group.name))

    def keys(self, name: str) -> tuple[InstrumentKey, ...]:
        """The symbols of a group. Raises InputError for one that there is not."""
        found = self._groups.get(name)
        if found is None:
            known = ", ".join(sorted(self._groups)) or "none yet"
            raise InputError(
                f"There is no group {name!r} (there are: {known}): make it with lab.lake.group({name!r}, [...]).",
                field="group",
            )
        return found.keys

    async def put(self, command: PutHistoryGroup) -> HistoryGroup:
        """Make it, or give it other symbols."""
        name = command.name.strip()
        if not name or len(name) > _LONGEST:
            raise InputError(f"A group's name has 1 to {_LONGEST} characters: choose another.", field="name")
        if not command.keys:
            raise InputError(f"The group {name!r} would be empty: give at least one symbol.", field="symbols")
        group = HistoryGroup(name, tuple(dict.fromkeys(command.keys)))
        await self._book.put(_KIND, name, group)
        self._groups[name] = group
        return group

    async def drop(self, name: str) -> None:
        """Remove it. Raises InputError for one that there is not."""
        self.keys(name)
        await self._book.drop(_KIND, name)
        del self._groups[name]
