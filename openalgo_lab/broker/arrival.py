"""When a tick was, where its broker does not say: the moment of its arrival."""

from __future__ import annotations

import msgspec
import numpy as np

from openalgo_lab.model.market import TickBatch

__all__ = ["timed"]


def timed(batch: TickBatch, now_ns: int) -> TickBatch:
    """The same ticks; those without a time of the exchange (0) bear ``now_ns``, UTC."""
    if batch.time_ns.all():
        return batch
    return msgspec.structs.replace(batch, time_ns=np.where(batch.time_ns, batch.time_ns, now_ns))
