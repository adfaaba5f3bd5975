"""Delays after failed tries: how long, and that neither a restart, a clock nor a second process shortens them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import VaultDelayed
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.store.vault.tries import LONGEST_S, FailedTries, delay_s

START = 1_800_000_000 * NS_PER_SECOND


def test_delays_grow_to_their_limit() -> None:
    assert [delay_s(failed) for failed in range(11)] == [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128]
    assert delay_s(10) >= 30
    assert delay_s(10**6) == LONGEST_S


def test_a_try_counts_before_it_is_made(tmp_path: Path) -> None:
    path, now = tmp_path / "tries", START
    for expected in range(1, 8):
        now += LONGEST_S * NS_PER_SECOND
        FailedTries(path).begin(now)  # and the process ends here
        assert FailedTries(path).read().failed == expected
    with pytest.raises(VaultDelayed) as delayed:
        FailedTries(path).begin(now + 6 * NS_PER_SECOND)
    assert delayed.value.retry_after_s == 10
    assert FailedTries(path).read().failed == 7  # one that is not heard is not counted
    FailedTries(path).begin(now + 16 * NS_PER_SECOND)
    FailedTries(path).succeeded()
    assert FailedTries(path).wait_s(now) == 0


@given(failed=st.integers(0, 40), passed=st.integers(-(10**6), 10**6))
def test_the_wait_is_never_longer_than_the_delay_nor_below_nothing(failed: int, passed: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tries"
        path.write_text(f'{{"failed":{failed},"last_ns":{START}}}')
        wait = FailedTries(path).wait_s(START + passed * NS_PER_SECOND)
    assert 0 <= wait <= delay_s(failed)
    if passed <= 0:
        assert wait == delay_s(failed)


def test_tries_at_once_are_all_counted(tmp_path: Path) -> None:
    path, delayed = tmp_path / "tries", []

    def guess() -> None:
        try:
            FailedTries(path).begin(START)
        except VaultDelayed as error:
            delayed.append(error)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert FailedTries(path).read().failed == 3
    assert len(delayed) == 9
