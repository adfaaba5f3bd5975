"""The Action Center through the facade."""

from __future__ import annotations

import asyncio

import pytest

from openalgo_lab import Lab
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.lab.action_center import summary
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import AwaitsApproval, InputError
from openalgo_lab.model.structure_commands import PlaceBasket, SplitOrder
from openalgo_lab.model.vocabulary import Exchange, Product, Side

PROGRAM = Principal("webhook", Permission.TRADE, local=False)
ORDER = PlaceOrder(Exchange.NSE, "NTPC", Side.BUY, 3, Product.MIS)


def ask(lab: Lab, command: object) -> None:
    """As a program would, over the server."""
    served = lab.handle._side._engine
    future = asyncio.run_coroutine_threadsafe(served.call(command, PROGRAM), lab.handle.loop)
    with pytest.raises(AwaitsApproval):
        future.result(10)


@pytest.fixture
def semi(lab: Lab):  # type: ignore[no-untyped-def]
    lab.action_center.mode = "semi_auto"
    yield lab
    lab.action_center.reject()
    lab.action_center.mode = "auto"


def test_asked_edited_approved(semi: Lab) -> None:
    ask(semi, ORDER)
    ask(semi, SplitOrder(ORDER, 1))
    ask(semi, PlaceBasket((ORDER, ORDER)))
    first, second, third = semi.action_center.pending
    assert summary(first) == "order: BUY 3 NSE:NTPC MIS"
    assert summary(second) == "split order: BUY 3 NSE:NTPC MIS"
    assert summary(third) == "basket: 2 legs"
    assert semi.action_center.edit(second, quantity=2).request.order.quantity == 2
    with pytest.raises(InputError, match="nothing that such a request has"):
        semi.action_center.edit(first, colour="red")
    assert "NTPC" in repr(semi.action_center) and "webhook" in semi.action_center._repr_html_()
    (done,) = semi.action_center.approve(first)
    assert done.outcome == "open"
    semi.action_center.reject(third, "no")
    assert [one.state.value for one in semi.action_center.all[-3:]] == ["approved", "pending", "rejected"]
