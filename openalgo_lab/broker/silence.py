"""The watch over single symbols: which were asked for and have not been heard since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Unheard"]

_PATIENCE_S: Final = 10.0
_TRIES: Final = 2


class Unheard:
    """Symbols without a first tick. Most brokers send a snapshot at once, so a long silence means a lost subscription.

    A feed of which every symbol has been heard costs one test of an empty dictionary a frame.
    """

    def __init__(self) -> None:
        self._since: dict[int, tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._since)

    def asked(self, tokens: Sequence[int], now: float) -> None:
        """They were asked for at ``now``."""
        for token in tokens:
            tries = self._since[token][1] if token in self._since else 0
            self._since[token] = (now, tries + 1)

    def heard(self, tokens: npt.NDArray[np.int64]) -> None:
        """They ticked."""
        if self._since:
            self.forget(tokens.tolist())

    def forget(self, tokens: Iterable[int]) -> None:
        """They are of no interest any more."""
        for token in tokens:
            self._since.pop(token, None)

    def clear(self) -> None:
        """A new connection: everything is asked anew."""
        self._since.clear()

    def due(self, now: float) -> list[int]:
        """Tokens to ask for once more; one that stays silent after that is a symbol in which nothing happens."""
        late = [token for token, (since, _) in self._since.items() if now - since >= _PATIENCE_S]
        again = [token for token in late if self._since[token][1] < _TRIES]
        self.forget(set(late) - set(again))
        return again
