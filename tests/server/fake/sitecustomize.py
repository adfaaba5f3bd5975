"""Stands in for the engine while the server is tested: put this folder on PYTHONPATH.

The kernels of the server import `openalgo_lab.lab.Lab`; here that is a class that only notes that it lives.
"""

import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType


class Lab:
    def __init__(self, profile=None, *, host="auto", replay=None, speed=1.0):
        if os.environ.get("FAKE_LAB_REFUSES"):
            from openalgo_lab.model.errors import ReplayError

            raise ReplayError("The recording is damaged: choose another one.")
        self.profile, self.host, self.replay, self.speed = profile, host, replay, speed

    def close(self):
        if marker := os.environ.get("FAKE_LAB_CLOSED"):
            with open(marker, "w") as file:
                file.write("closed")


module = ModuleType("openalgo_lab.lab")
module.Lab = Lab
module.__spec__ = ModuleSpec("openalgo_lab.lab", loader=None)
sys.modules["openalgo_lab.lab"] = module
