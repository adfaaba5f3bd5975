"""Which parameters a sweep tries: every combination, drawn ones, or those that a search asks for."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import msgspec

from openalgo_lab.model.errors import InputError

__all__ = ["Between", "Choices", "Parameters", "all_of", "drawn", "fixed_and_varied"]

Parameters = dict[str, Any]
Filter = Callable[[Mapping[str, Any]], bool]


class Between(msgspec.Struct, frozen=True):
    """From ``low`` to ``high``; whole numbers where both are, ``step`` apart if given, by ratio if ``log``."""

    low: float
    high: float
    step: float = 0.0
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0) or self.step < 0:
            raise InputError(
                f"{self.low} to {self.high} is no span to choose from: low must lie below high.", "between"
            )

    @property
    def is_whole(self) -> bool:
        """Whether it gives whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int) and float(self.step).is_integer()

    def draw(self, source: random.Random) -> float:
        """One value."""
        if self.log:
            value = math.exp(source.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = source.uniform(self.low, self.high)
        if self.step or self.is_whole:
            step = self.step or 1
            value = self.low + round((value - self.low) / step) * step
        return round(value) if self.is_whole else value


Choices = Sequence[Any] | Between


def fixed_and_varied(given: Mapping[str, Any]) -> tuple[Parameters, dict[str, Choices]]:
    """(single values, choices) of what was given by name. Ranges, lists and arrays are choices, texts are not."""
    varied: dict[str, Choices] = {}
    for name, value in given.items():
        if isinstance(value, Between):
            varied[name] = value
        elif isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
            varied[name] = [item.item() if hasattr(item, "item") else item for item in value]
            if not varied[name]:
                raise InputError(f"There is no value to try for {name}: give at least one.", field=name)
    if not varied:
        raise InputError("A sweep varies something: give a parameter several values, for example fast=range(5, 50, 5).")
    return {name: value for name, value in given.items() if name not in varied}, varied


def all_of(varied: Mapping[str, Choices], where: Filter | None = None) -> list[Parameters]:
    """Every combination that ``where`` admits, the last name changing fastest."""
    for name, choices in varied.items():
        if isinstance(choices, Between):
            raise InputError(f"{name} is a span: list its values for a grid, or use method='random'.", field=name)
    lists = [list(choices) for choices in varied.values() if not isinstance(choices, Between)]
    made = [dict(zip(varied, values, strict=True)) for values in product(*lists)]
    return _admitted(made, where)


def drawn(varied: Mapping[str, Choices], tries: int, seed: int, where: Filter | None = None) -> list[Parameters]:
    """``tries`` different combinations by chance, the same for the same seed; fewer where there are not so many."""
    source = random.Random(seed)
    found: dict[tuple[Any, ...], Parameters] = {}
    for _ in range(tries * 50):
        one = {name: _draw(choices, source) for name, choices in varied.items()}
        if where is None or where(one):
            found.setdefault(tuple(one.values()), one)
        if len(found) == tries:
            break
    return _admitted(list(found.values()), None)


def _draw(choices: Choices, source: random.Random) -> Any:
    return choices.draw(source) if isinstance(choices, Between) else source.choice(choices)


def _admitted(made: list[Parameters], where: Filter | None) -> list[Parameters]:
    kept = made if where is None else [one for one in made if where(one)]
    if not kept:
        raise InputError("No combination fulfils the condition given by where: loosen it.", field="where")
    return kept
