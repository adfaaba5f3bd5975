"""The widgets' tests share one Lab on the simulated exchange."""

from tests.support.lab_fixture import lab

__all__ = ["lab"]
