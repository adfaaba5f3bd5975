"""A process with a handle on the fake engine, for tests that kill it. Speaks in lines on its standard output."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.handle import Role
from openalgo_lab.engine.link.handle import Hosting, LinkedHandle
from openalgo_lab.model.profile import profile_dir
from tests.support.fake_engine import start_fake


class HostsOnly:
    """Proof that nobody hosts beside us: a second lock, taken for as long as we are host. Two at once = a line TWO."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / "witness.lock", os.O_RDWR | os.O_CREAT)
        self._held = False

    def look(self, role: Role) -> None:
        if role is Role.HOST and not self._held:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("TWO", flush=True)
            self._held = True


def main() -> None:
    hosting, wait = Hosting(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    time.sleep(max(0.0, wait - time.time()))
    handle = LinkedHandle(EngineConfig(), hosting, start=start_fake).open()
    witness, said = HostsOnly(profile_dir("default")), None
    while True:
        role = handle.role
        witness.look(role)
        if role is not said:
            print(role.value, flush=True)
            said = role
        time.sleep(0.005)


if __name__ == "__main__":
    main()
