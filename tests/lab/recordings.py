"""Small recordings that are made up: an index that swings, and options that follow it, every twenty seconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from openalgo_lab.model.times import IST

START = datetime(2026, 8, 19, 10, 0, tzinfo=IST)
EVERY_S = 20
STRIKES = range(23_900, 24_250, 50)


def write_recording(path: Path, *, minutes: int = 30, seed: int = 5) -> Path:
    """A CSV file of NIFTY's nearest chain; the same seed is the same file."""
    random = np.random.default_rng(seed)
    count = minutes * 60 // EVERY_S + 1
    swing = 30.0 * np.sin(np.arange(count) / 4.0)
    spot = np.round(24_050 + swing + np.cumsum(random.normal(0.0, 2.0, count)), 2)
    lines = ["timestamp,symbol,expiry,strike,option_type,spot,ltp,volume"]
    for number, level in enumerate(spot.tolist()):
        stamp = (START + timedelta(seconds=number * EVERY_S)).strftime("%Y%m%d%H%M%S")
        for strike in STRIKES:
            for kind, sign in (("CE", 1), ("PE", -1)):
                rest = 90.0 * np.exp(-0.0025 * abs(strike - level)) - 0.02 * number
                price = round(max(max(sign * (level - strike), 0.0) + rest, 1.0) * 20) / 20
                lines.append(f"{stamp},NIFTY50,25-Aug-2026,{strike},{kind},{level},{price},{100 * number}")
    path.write_text("\n".join(lines) + "\n")
    return path
