"""What the home page and the bar of pages list, and in which order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab.server.catalogue import dashboards


def write(folder: Path, name: str, **metadata: Any) -> None:
    file = folder / "dashboards" / f"{name}.ipynb"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


def test_pages_stand_in_the_order_they_ask_for_and_others_come_last_by_name(tmp_path: Path) -> None:
    write(tmp_path, "zebra")
    write(tmp_path, "late", order=20)
    write(tmp_path, "apple")
    write(tmp_path, "early", order=10, title="First")
    assert [page.name for page in dashboards(tmp_path)] == ["early", "late", "apple", "zebra"]
    assert dashboards(tmp_path)[0].title == "First"


@pytest.mark.parametrize("order", ["1", None, 2.5, [1]])
def test_a_place_that_is_no_number_is_none(tmp_path: Path, order: object) -> None:
    write(tmp_path, "odd", order=order)
    assert dashboards(tmp_path)[0].order == 1000


def test_the_products_own_pages_each_have_a_place() -> None:
    pages = dashboards(Path(__file__).resolve().parents[2])
    assert pages[0].name == "desk"
    assert len({page.order for page in pages}) == len(pages)
