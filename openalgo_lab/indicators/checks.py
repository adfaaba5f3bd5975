"""What every indicator asks of its inputs."""

from __future__ import annotations

import operator

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError

__all__ = ["column", "columns", "whole_length"]

FloatArray = npt.NDArray[np.float64]


def column(values: npt.ArrayLike) -> FloatArray:
    """One float64 column of a list, an array or a pandas Series. Raises InputError for anything of other shape."""
    # Writable: for a read-only column, such as pandas hands out, every loop would be compiled a second time.
    data = np.require(values, np.float64, ["C", "W"])
    if data.ndim != 1:
        raise InputError(f"An indicator takes one column of values, not an array of shape {data.shape}.", "values")
    return data


def columns(*inputs: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """Several columns of one length. Raises InputError where they differ."""
    made = tuple(column(values) for values in inputs)
    if len({len(data) for data in made}) > 1:
        lengths = ", ".join(str(len(data)) for data in made)
        raise InputError(f"The columns of an indicator must be of one length, not {lengths}.", "values")
    return made


def whole_length(length: int, least: int = 1) -> int:
    """A window of bars. Raises InputError for one that is not a whole number of at least ``least``."""
    try:
        size = operator.index(length)
    except TypeError:
        size = 0
    if size < least:
        raise InputError(f"A window of {length!r} bars is none: give a whole number from {least} on.", "length")
    return size
