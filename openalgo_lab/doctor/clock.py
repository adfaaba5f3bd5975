"""Does this machine know what time it is in Mumbai?"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openalgo_lab.doctor.finding import Finding, fail, ok, warn

__all__ = ["check_clock", "check_time_zone"]

IST = timedelta(hours=5, minutes=30)
BEHIND_S, STEPPED_S = 60.0, 0.020
SYNC = "Turn on the system's time synchronisation: log-in codes and sessions depend on the right time."


def check_time_zone(load: Callable[[str], ZoneInfo] = ZoneInfo) -> Finding:
    """The time zone database has Asia/Kolkata, at +05:30."""
    name = "time zone"
    try:
        offset = datetime.now(load("Asia/Kolkata")).utcoffset()
    except ZoneInfoNotFoundError:
        return fail(name, "no data for Asia/Kolkata", "Install it: pip install --upgrade tzdata")
    if offset != IST:
        return fail(name, f"Asia/Kolkata is at {offset} here", "Mend it: pip install --upgrade tzdata")
    local = datetime.now().astimezone()
    return ok(name, f"Asia/Kolkata known; this machine runs on {local.tzname()} (UTC{local:%z})")


def check_clock(
    folder: Path,
    wall: Callable[[], float] = time.time,
    steady: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Finding:
    """The wall clock runs as the steady one does, and is not behind what the profile has already seen."""
    name = "clock"
    began = wall(), steady()
    pause(0.2)
    drift = (wall() - began[0]) - (steady() - began[1])
    seen = newest(folder)
    if seen - wall() > BEHIND_S:
        when = f"{datetime.fromtimestamp(seen, UTC):%d %b %Y %H:%M} UTC"
        return fail(name, f"the clock is behind the profile's own files (last written {when})", SYNC)
    if abs(drift) > STEPPED_S:
        return warn(name, f"the clock was set by {drift * 1000:+.0f} ms while it was watched", SYNC)
    return ok(name, f"steady to {abs(drift) * 1000:.1f} ms; {datetime.now(UTC):%d %b %Y %H:%M:%S} UTC")


def newest(folder: Path) -> float:
    """When the newest file of this profile (or this module itself) was written; seconds of the epoch."""
    files = [Path(__file__), *folder.glob("*")]
    return max(file.stat().st_mtime for file in files if file.is_file())
