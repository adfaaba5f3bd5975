"""The options pages are tested on the shared simulated exchange."""

from tests.support.lab_fixture import lab

__all__ = ["lab"]
