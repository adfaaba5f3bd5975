"""Each pair is one definition: same arguments, same documentation, and the twin is named by one suffix."""

from __future__ import annotations

import inspect

import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.replay import Replay

TWINS = [name.removesuffix("_async") for name in dir(Lab) if name.endswith("_async") and not name.startswith("_")]


def test_everything_that_waits_has_a_twin() -> None:
    waiting = {
        "place_order", "modify_order", "cancel_order", "cancel_all_orders", "close_position", "margin", "kill_switch",
        "order", "quote", "quotes", "depth_of", "history", "call", "place_smart_order", "split_order", "place_basket",
        "place_options_order", "place_options_multiorder", "option_symbol", "order_status", "open_position",
        "basket_margin",
    }  # fmt: skip
    assert waiting <= set(TWINS)


@pytest.mark.parametrize("name", TWINS)
def test_twins_take_the_same(name: str) -> None:
    blocking, awaited = getattr(Lab, name), getattr(Lab, f"{name}_async")
    assert list(inspect.signature(blocking).parameters) == list(inspect.signature(awaited).parameters)
    assert inspect.iscoroutinefunction(awaited)
    assert not inspect.iscoroutinefunction(blocking)
    assert blocking.__doc__
    assert awaited.__doc__


def test_help_shows_the_public_name_and_the_answer() -> None:
    assert Lab.place_order.__name__ == "place_order"
    assert Lab.place_order_async.__qualname__ == "Lab.place_order_async"
    assert inspect.signature(Lab.place_order).return_annotation == "LiveOrder"
    assert inspect.signature(Replay.seek).return_annotation == "Replay"
    assert inspect.signature(Lab.history).return_annotation == "HistoryFrame"


def test_every_public_member_is_documented() -> None:
    bare = [name for name in dir(Lab) if not name.startswith("_") and not inspect.getdoc(getattr(Lab, name))]
    assert not bare
