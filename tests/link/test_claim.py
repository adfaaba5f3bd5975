"""Who hosts next."""

from __future__ import annotations

from pathlib import Path

import pytest

from openalgo_lab.engine.link import claim
from openalgo_lab.engine.link.claim import Claim, Hosting


def test_first_come_first_served(tmp_path: Path) -> None:
    one, two = Claim(tmp_path, Hosting.AUTO, "one"), Claim(tmp_path, Hosting.AUTO, "two")
    assert one.take()
    assert one.held
    assert not two.take()
    one.release()
    assert two.take()
    two.release()


def test_who_may_not_host_never_takes_it(tmp_path: Path) -> None:
    page = Claim(tmp_path, Hosting.NEVER, "page")
    page.stand_by()
    assert not page.possible
    assert not page.take()


def test_heir_goes_first_and_steps_out_of_the_line(tmp_path: Path) -> None:
    host, heir, other = (
        Claim(tmp_path, hosting, hosting.value) for hosting in (Hosting.AUTO, Hosting.ALWAYS, Hosting.AUTO)
    )
    assert host.take()
    heir.stand_by()
    other.stand_by()
    host.release()
    assert not other.take()
    assert heir.take()
    heir.release()
    assert other.take()
    other.release()


def test_patience_with_an_heir_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heir, other = Claim(tmp_path, Hosting.ALWAYS, "heir"), Claim(tmp_path, Hosting.AUTO, "other")
    heir.stand_by()  # but it sleeps
    assert not other.take()
    monkeypatch.setattr(claim, "_PATIENCE_S", -1.0)
    assert other.take()
    other.release()
    heir.release()


def test_holder_is_known_by_name(tmp_path: Path) -> None:
    host, other = Claim(tmp_path, Hosting.AUTO, "notebook"), Claim(tmp_path, Hosting.AUTO, "other")
    host.take()
    holder = other.holder()
    assert holder is not None
    assert holder.name == "notebook"
    host.release()
