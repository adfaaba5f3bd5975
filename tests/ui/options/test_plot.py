"""The chart's protocol: what is sent, when, and what a page may say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from openalgo_lab.model.errors import InputError
from openalgo_lab.ui.options.plot import Axis, Band, Mark, Plot, Series

X, Y = Axis("Strike", "strike"), Axis("₹", "rupees")


@pytest.fixture
def sent() -> list[tuple[dict[str, Any], list[bytes]]]:
    return []


@pytest.fixture
def plot(sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> Plot:
    made = Plot("test", "Test", x=X, y=Y, series=(Series("a", "A"), Series("b", "B", style="bars")))
    monkeypatch.setattr(made, "send", lambda content, buffers=None: sent.append((content, buffers)))
    return made


def test_curves_travel_as_one_buffer_and_come_back(plot: Plot, sent: list[Any]) -> None:
    plot.show_lines({"a": ([1, 2, 3], [4, np.nan, 6]), "b": ([1], [2])}, marks=[Mark(2, "two"), Mark(np.nan, "none")])
    (content, (buffer,)) = sent[0]
    assert content["k"] == "data"
    assert content["v"]["lengths"] == [3, 1]
    assert [mark["label"] for mark in content["v"]["marks"]] == ["two"]
    numbers = np.frombuffer(buffer, "<f8")
    assert numbers[[0, 1, 2, 3, 5]].tolist() == [1, 2, 3, 4, 6]
    assert numbers[6:].tolist() == [1, 2]
    values = plot.values()
    assert values["b"][1].tolist() == [2]
    assert np.isnan(values["a"][1][1])


def test_nothing_is_sent_twice_and_a_late_page_gets_the_newest(plot: Plot, sent: list[Any]) -> None:
    for _ in range(3):
        plot.show_lines({"a": ([1.0], [2.0])}, bands=[Band(0, 1)])
    assert len(sent) == 1
    plot._on_message(plot, {"k": "hello"}, [])
    assert len(sent) == 2
    assert sent[0][0] == sent[1][0]
    plot.say("Nothing here.")
    plot._on_message(plot, {"k": "hello"}, [])
    assert sent[-1][0] == {"k": "empty", "v": "Nothing here."}


def test_garbage_of_a_page_is_refused(plot: Plot, sent: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    for message in ({"k": "nonsense"}, None, [1], {"x": 1}):
        plot._on_message(plot, message, [])
    assert not sent
    assert "cannot be read" in caplog.text


def test_a_field_is_a_table_of_numbers(sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plot = Plot("heat", "Heat", x=X, y=Y, z=Y, kind="heat")
    monkeypatch.setattr(plot, "send", lambda content, buffers=None: sent.append((content, buffers)))
    plot.show_field([[1, 2, 3], [4, 5, 6]], rows=["a", "b"], columns=["x", "y", "z"])
    assert sent[0][0]["v"]["columns"] == ["x", "y", "z"]
    assert np.frombuffer(sent[0][1][0]).tolist() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(InputError, match="labels are"):
        plot.show_field([[1, 2]], rows=["a", "b"], columns=["x"])


def test_curves_that_do_not_fit_are_refused(plot: Plot) -> None:
    with pytest.raises(InputError, match="2 places but 1 values"):
        plot.show_lines({"a": ([1, 2], [1])})
    with pytest.raises(InputError, match="keys of their own"):
        Plot("twice", "Twice", x=X, y=Y, series=(Series("a", "A"), Series("a", "B")))
