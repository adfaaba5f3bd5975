"""Commands and events travel between processes: every member of the unions survives the wire, garbage does not pass."""

from __future__ import annotations

import pkgutil
import typing
from importlib import import_module
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import openalgo_lab.model as model_package
from openalgo_lab.model import events
from openalgo_lab.model.commands import AnyCommand, Command, PlaceOrder
from openalgo_lab.model.errors import InputError, LabError, RiskDenied, Throttled, error_from_wire
from openalgo_lab.model.events import AnyEvent
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

COMMANDS = typing.get_args(AnyCommand)


def test_every_command_is_in_the_union_with_its_own_tag() -> None:
    modules = [
        import_module(f"openalgo_lab.model.{module.name}") for module in pkgutil.iter_modules(model_package.__path__)
    ]
    declared = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Command) and value is not Command
    }
    assert declared == set(COMMANDS)
    tags = [command.__struct_config__.tag for command in COMMANDS]
    assert len(set(tags)) == len(tags)


def test_every_event_is_in_the_union_and_has_a_topic() -> None:
    declared = {
        value
        for value in vars(events).values()
        if isinstance(value, type) and issubclass(value, events.Event) and value is not events.Event
    }
    assert declared == set(typing.get_args(AnyEvent))
    assert all(event.topic for event in declared)


@given(
    quantity=st.integers(min_value=-(2**40), max_value=2**40),
    price=st.floats(allow_nan=False, allow_infinity=False),
    symbol=st.text(max_size=40),
    side=st.sampled_from(Side),
    product=st.sampled_from(Product),
    price_type=st.sampled_from(PriceType),
    exchange=st.sampled_from(Exchange),
)
def test_place_order_survives_the_wire(**fields: Any) -> None:
    order = PlaceOrder(**fields)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(order), type=AnyCommand) == order


@pytest.mark.parametrize(
    "body",
    [
        {"type": "place_order"},
        {"type": "no_such_command"},
        {"type": "place_order", "exchange": "NASDAQ", "symbol": "X", "side": "BUY", "quantity": 1, "product": "MIS"},
        {"type": "place_order", "exchange": "NSE", "symbol": "X", "side": "Buy", "quantity": 1, "product": "MIS"},
        {"type": "place_order", "exchange": "NSE", "symbol": "X", "side": "BUY", "quantity": "1", "product": "MIS"},
        {"type": "place_order", "exchange": "NSE", "symbol": "X", "side": "BUY", "quantity": 1.5, "product": "MIS"},
        [],
        "place_order",
    ],
)
def test_nothing_unknown_becomes_a_default(body: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(body), type=AnyCommand)


def test_errors_survive_the_wire_by_name() -> None:
    denied = error_from_wire("RiskDenied", "Not now.", {"rule": "lot", "field": "quantity"})
    assert isinstance(denied, RiskDenied)
    assert (str(denied), denied.rule, denied.field) == ("Not now.", "lot", "quantity")
    wrong = error_from_wire("SymbolError", "No.", {"field": "symbol"})
    assert isinstance(wrong, InputError)
    assert wrong.field == "symbol"
    slow = error_from_wire("Throttled", "Wait.", {"retry_after_s": "2.5"})
    assert isinstance(slow, Throttled)
    assert slow.retry_after_s == 2.5
    assert type(error_from_wire("os.system", "x", {})) is LabError
