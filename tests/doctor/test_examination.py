"""The examination as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from openalgo_lab.doctor import CHECKS, Finding, Status, examine
from openalgo_lab.model.errors import InputError


def test_every_check_reports_under_its_own_name_and_with_a_remedy(lab_home: Path) -> None:
    found = examine()
    assert [finding.name for finding in found] == [name for name, _ in CHECKS]
    for finding in found:
        assert finding.detail
        assert bool(finding.remedy) == (finding.status is not Status.OK), finding


def test_the_doctor_makes_nothing(lab_home: Path) -> None:
    examine("untouched")
    assert list(lab_home.iterdir()) == []


def test_a_check_that_breaks_does_not_silence_the_others(lab_home: Path) -> None:
    def broken(folder: Path) -> Finding:
        raise ZeroDivisionError("sick")

    def well(folder: Path) -> Finding:
        return Finding("well", Status.OK, str(folder))

    first, second = examine(checks=[("sick", broken), ("well", well)])
    assert (first.name, first.status) == ("sick", Status.FAIL)
    assert "ZeroDivisionError: sick" in first.detail
    assert second.detail == str(lab_home / "profiles" / "default")


def test_an_impossible_profile(lab_home: Path) -> None:
    with pytest.raises(InputError, match="no profile name"):
        examine("../other")
