"""The kernel in which figures are measured."""

from __future__ import annotations

import psutil
import pytest

from openalgo_lab.bench import CannotMeasure
from openalgo_lab.bench.kernel import running_kernel


def test_a_kernel_runs_code_tells_its_memory_and_ends() -> None:
    with running_kernel() as kernel:
        assert kernel.run("import os; print(os.getpid())").split() == [str(kernel.pid)]
        assert 10 < kernel.rss_mb() < 1000
        with pytest.raises(CannotMeasure, match="ZeroDivisionError"):
            kernel.run("1 / 0")
        with pytest.raises(CannotMeasure, match="did not answer"):
            kernel.run("import time; time.sleep(60)", timeout_s=0.5)
        pid = kernel.pid
    assert not psutil.pid_exists(pid)
