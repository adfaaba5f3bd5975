"""Messages that came together: read at once where the feed can, one by one where one of them does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from openalgo_lab.broker import FrameContent
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.vocabulary import FeedMode
from tests.broker.test_sockets import connected
from tests.broker.tiny import SHARES, TinyFeed, feed_spec
from tests.brokers.simulated.exchange import tokens_seen, until


class JoiningFeed(TinyFeed):
    """Reads prices that came together in one go."""

    def together(self, frames: Sequence[str | bytes]) -> FrameContent | None:
        packed = [frame for frame in frames if isinstance(frame, bytes)]
        if len(packed) < len(frames):
            return None
        return FrameContent(ticks=self.received(b"".join(self.whole(frame) for frame in packed)).ticks)

    def received(self, frame: str | bytes) -> FrameContent:
        return super().received(self.whole(frame))

    def whole(self, frame: Any) -> Any:
        if isinstance(frame, bytes) and len(frame) % 8:
            raise DecodeError("A frame of Tiny is cut.")
        return frame


def prices(*tokens: int) -> bytes:
    return np.array(tokens, dtype="<i8").tobytes()


async def test_what_came_together_is_delivered_together() -> None:
    async with connected(feed_spec(JoiningFeed)) as (adapter, wire, sink):
        await adapter.subscribe(SHARES[:9], FeedMode.LTP)
        wire.lines[0].say(prices(1), prices(2, 3), prices(4))
        await until(lambda: tokens_seen(sink) == {1, 2, 3, 4})
        assert len(sink.batches) == 1


@pytest.mark.parametrize("feed", [TinyFeed, JoiningFeed])
async def test_words_among_prices_keep_their_place(feed: type[TinyFeed]) -> None:
    async with connected(feed_spec(feed)) as (adapter, wire, sink):
        await adapter.subscribe(SHARES[:9], FeedMode.LTP)
        wire.lines[0].say(prices(1), "are you there", prices(2))
        await until(lambda: tokens_seen(sink) == {1, 2} and wire.lines[0].sent[-1] == "yes")
        assert [batch.tokens.tolist() for batch in sink.batches] == [[1], [2]]


async def test_one_that_does_not_fit_takes_none_of_the_others_with_it() -> None:
    async with connected(feed_spec(JoiningFeed)) as (adapter, wire, sink):
        await adapter.subscribe(SHARES[:9], FeedMode.LTP)
        wire.lines[0].say(prices(1), prices(2)[:5], prices(3))
        await until(lambda: tokens_seen(sink) == {1, 3})
        assert adapter.feed_state().gaps == 1
