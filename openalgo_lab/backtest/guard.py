"""The look-ahead guard: a column's value must not depend on bars that come after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.strategy.host import Indicator

__all__ = ["check_causal", "computed"]

Arrays = tuple[npt.NDArray[Any], ...]


def computed(function: Indicator, inputs: Sequence[npt.NDArray[Any]]) -> Arrays:
    """The function's columns. Raises InputError where they do not have the inputs' length."""
    made = function(*inputs)
    columns = tuple(np.asarray(column) for column in (made if isinstance(made, tuple) else (made,)))
    length = len(inputs[0])
    if any(column.shape != (length,) for column in columns):
        shapes = ", ".join(str(column.shape) for column in columns)
        raise InputError(f"An indicator must give one value for each of the {length} bars, not {shapes}.", "indicator")
    return columns


def check_causal(function: Indicator, inputs: Sequence[npt.NDArray[Any]], columns: Arrays) -> None:
    """Compute again on the first third and on the first two thirds of the bars: the values must be the same there.

    Raises InputError naming the first bar at which the function used what came later.
    """
    length = len(inputs[0])
    for stop in (length // 3, 2 * length // 3):
        if stop == 0:
            continue
        again = computed(function, [column[:stop] for column in inputs])
        for before, whole in zip(again, columns, strict=True):
            differs = ~np.isclose(before, whole[:stop], rtol=1e-9, atol=1e-12, equal_nan=True)
            if differs.any():
                raise InputError(
                    f"An indicator or signal looks into the future: its value at bar {int(differs.argmax())} changes "
                    "with bars that come later. Use past values only, or guard=False if that is meant.",
                    "indicator",
                )
