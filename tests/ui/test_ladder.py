"""The depth ladder: its rows as a value, and clicks that trade on a real engine."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab import Lab
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import QUOTE_FIELDS, Depth, DepthLevel, Quote
from openalgo_lab.model.orders import Order, OrderStatus
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Mode, PriceType, Product, Side, Validity
from openalgo_lab.ui.grid import Flag, GridEvent
from openalgo_lab.ui.ladder import DepthLadder
from openalgo_lab.ui.ladder.book import LAST_ROW, ladder_of, price_of_row, row_of_price
from openalgo_lab.ui.ladder.pulse import AFTERGLOW_S, TOO_LONG_S, KernelPulse
from openalgo_lab.ui.live import KernelLoop
from tests.support.waiting import eventually
from tests.support.widget_page import Page, orders_sent, simulated_lab

SBIN = Instrument("SBIN", Exchange.NSE, InstrumentType.EQ, "State Bank of India", 1, 1, 0.05)


def quote(**fields: float) -> Quote:
    values = dict.fromkeys(QUOTE_FIELDS, math.nan) | {"ltp": 100.0} | fields
    return Quote(exchange=Exchange.NSE, symbol="SBIN", time_ns=1, **values)


def book(bids: int = 5, asks: int = 5) -> Depth:
    return Depth(
        Exchange.NSE,
        "SBIN",
        bids=tuple(DepthLevel(99.95 - n * 0.05, 10 * (n + 1)) for n in range(bids)),
        asks=tuple(DepthLevel(100.05 + n * 0.05, 20 * (n + 1)) for n in range(asks)),
        time_ns=1,
    )


def order(price: float, side: Side, quantity: int = 7, **changes: object) -> Order:
    values: dict[str, object] = {
        "order_id": "1", "account": "SIM", "mode": Mode.SIMULATED, "exchange": Exchange.NSE, "symbol": "SBIN",
        "side": side, "quantity": quantity, "product": Product.MIS, "price_type": PriceType.LIMIT, "price": price,
        "trigger_price": 0.0, "disclosed_quantity": 0, "validity": Validity.DAY, "strategy": "",
        "status": OrderStatus.OPEN,
    }  # fmt: skip
    return Order(**(values | changes))  # type: ignore[arg-type]


def test_asks_stand_above_the_last_price_and_bids_below() -> None:
    ladder = ladder_of(SBIN, book(), quote(), (), stale=False)
    prices = [rung.price for rung in ladder.rungs]
    assert len(prices) == 11
    assert prices[5] == 100.0
    assert prices[:5] + prices[6:] == sorted(prices[:5] + prices[6:], reverse=True)
    assert (ladder.bid_total, ladder.ask_total) == (150, 300)
    assert ladder.spread == pytest.approx(0.10)
    assert all(math.isnan(rung.bid_qty) for rung in ladder.rungs[:6])
    assert all(math.isnan(rung.ask_qty) for rung in ladder.rungs[5:])


def test_a_thin_book_keeps_the_last_price_in_the_middle() -> None:
    ladder = ladder_of(SBIN, book(bids=2, asks=0), quote(), (), stale=False)
    assert len(ladder.rungs) == 11
    assert ladder.rungs[5].row == LAST_ROW
    assert math.isnan(ladder.spread)
    blank = [rung for rung in ladder.rungs if rung.row < 0]
    assert len(blank) == 8
    assert all(rung.flags & Flag.DISABLED for rung in blank)
    assert len({rung.row for rung in ladder.rungs}) == 11


def test_a_feed_without_depth_shows_its_best_prices() -> None:
    ladder = ladder_of(SBIN, None, quote(bid=99.9, ask=100.1, bid_qty=5, ask_qty=6), (), stale=True)
    assert (ladder.bid_total, ladder.ask_total) == (5, 6)
    assert all(rung.flags & Flag.STALE for rung in ladder.rungs)


def test_own_resting_orders_stand_at_their_price() -> None:
    orders = [
        order(99.9, Side.BUY, 7),
        order(99.9, Side.BUY, 3, filled_quantity=1),
        order(100.1, Side.SELL, 4),
        order(99.9, Side.BUY, 50, status=OrderStatus.CANCELLED),
        order(99.9, Side.BUY, 50, symbol="OTHER"),
        order(99.9, Side.BUY, 50, price_type=PriceType.SL, status=OrderStatus.TRIGGER_PENDING),
        order(50.0, Side.BUY, 9),
    ]
    ladder = ladder_of(SBIN, book(), quote(), orders, stale=False)
    at = {round(rung.price, 2): rung for rung in ladder.rungs if rung.row != LAST_ROW}
    assert (at[99.9].own_buy, at[100.1].own_sell) == (9, 4)
    assert at[99.9].flags & Flag.OWN_BUY
    assert at[100.1].flags & Flag.OWN_SELL
    assert sum(rung.own_buy + rung.own_sell for rung in ladder.rungs) == 13
    assert ladder.outside == 1


@given(st.sampled_from([0.05, 0.01, 0.0025, 0.1, 1.0]), st.integers(1, 2_000_000))
def test_a_row_means_its_price_exactly(tick: float, steps: int) -> None:
    price = price_of_row(steps, tick)
    assert row_of_price(price, tick) == steps


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with simulated_lab("ladder") as opened:
        yield opened


@pytest.fixture
def ladder(lab: Lab) -> Iterator[DepthLadder]:
    made = DepthLadder(lab, "NSE:SBIN")
    eventually(lambda: made.ladder is not None and not math.isnan(made.ladder.spread))
    yield made
    made.close()


@pytest.fixture
def page(ladder: DepthLadder, monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page(ladder._bar, monkeypatch)
    page.say(k="hello")
    return page


def click(ladder: DepthLadder, place: int, column: str) -> float:
    """A click in the rung at ``place`` from the top; answers with its price."""
    assert ladder.ladder is not None
    rung = ladder.ladder.rungs[place]
    ladder._on_event(GridEvent(type="click", row=rung.row, column=column))
    return rung.price


def test_a_click_asks_for_a_ticket_and_sends_nothing(
    lab: Lab, ladder: DepthLadder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, asked = orders_sent(lab, monkeypatch), []
    ladder.on_trade(lambda *what: asked.append(what))
    bid = click(ladder, 6, "bid_qty")
    ask = click(ladder, 4, "ask_qty")
    click(ladder, 4, "price")
    click(ladder, 5, "bid_qty")
    assert [(key, side) for key, side, _ in asked] == [(ladder.key, Side.BUY), (ladder.key, Side.SELL)]
    assert [price for _, _, price in asked] == pytest.approx([bid, ask])
    assert sent == []


def test_one_click_sends_that_limit_once(
    lab: Lab, ladder: DepthLadder, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, asked = orders_sent(lab, monkeypatch), []
    monkeypatch.setattr(ladder._sender._guard, "_monotonic", lambda: 100.0)
    ladder.on_trade(lambda *what: asked.append(what))
    page.say(k="switch", on=True)
    page.say(k="lots", by=2)
    assert page.seen["head"]["one_click"]
    assert page.seen["head"]["sends"] == "3 LIMIT"
    price = click(ladder, 8, "bid_qty")
    click(ladder, 8, "bid_qty")
    eventually(lambda: ladder.order is not None and ladder.order.status is not OrderStatus.SENDING)
    assert [(o.side, o.quantity, o.price_type) for o in sent] == [(Side.BUY, 3, PriceType.LIMIT)]
    assert sent[0].price == pytest.approx(price)
    assert asked == []
    eventually(lambda: page.seen["head"]["message"].startswith("BUY: "))


def test_an_own_order_shows_in_the_ladder(lab: Lab, ladder: DepthLadder) -> None:
    assert ladder.ladder is not None
    price = ladder.ladder.rungs[10].price
    placed = lab.place_order("SBIN", "BUY", 41, price=price, price_type="LIMIT", product="MIS")

    def shown() -> bool:
        now = ladder.ladder
        return now is not None and (now.outside > 0 or any(rung.own_buy >= 41 for rung in now.rungs))

    eventually(lambda: shown() or placed.done)


def test_one_click_is_off_again_when_the_symbol_changes(
    lab: Lab, ladder: DepthLadder, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = orders_sent(lab, monkeypatch)
    ladder.arm(True, lots=5)
    ladder.set("NSE:RELIANCE")
    assert not ladder.one_click
    assert ladder.quantity == 1
    eventually(lambda: ladder.ladder is not None)
    click(ladder, 6, "bid_qty")
    assert sent == []


def test_a_click_that_waited_behind_a_busy_cell_sends_nothing(
    lab: Lab, ladder: DepthLadder, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = orders_sent(lab, monkeypatch)
    ladder.arm(True)
    monkeypatch.setattr(KernelPulse, "was_blocked", property(lambda _self: True))
    click(ladder, 6, "bid_qty")
    assert sent == []
    assert "nothing was sent" in page.seen["head"]["message"]


def test_another_default_account_switches_one_click_off(
    lab: Lab, ladder: DepthLadder, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = orders_sent(lab, monkeypatch)
    ladder.arm(True)
    ladder._armed_for = "ANOTHER"
    click(ladder, 6, "bid_qty")
    assert sent == []
    assert not ladder.one_click
    assert "nothing was sent" in page.seen["head"]["message"]


def test_an_index_has_no_book(lab: Lab) -> None:
    ladder = DepthLadder(lab, InstrumentKey(Exchange.NSE_INDEX, "NIFTY"))
    ladder.arm(True)
    assert not ladder.one_click
    assert "has no order book" in ladder._grid._layout_now.empty.text  # type: ignore[union-attr]
    ladder.close()


def test_what_cannot_be_read_is_dropped(ladder: DepthLadder, page: Page) -> None:
    for junk in ({"k": "switch"}, {"k": "lots", "by": "many"}, {"k": "product", "product": "ALL"}, {}):
        page.say(**junk)
    assert not ladder.one_click
    assert ladder.quantity == 1


def test_the_pulse_knows_a_blocked_loop() -> None:
    now, waiting = [0.0], []
    loop = KernelLoop()
    loop.call = waiting.append  # type: ignore[method-assign]
    pulse = KernelPulse(loop, lambda: now[0])
    pulse.beat()
    pulse.beat()
    assert len(waiting) == 1
    assert not pulse.was_blocked
    now[0] = TOO_LONG_S + 1
    assert pulse.was_blocked
    waiting[0]()  # the loop runs again, with the old clicks right behind
    assert pulse.was_blocked
    now[0] += AFTERGLOW_S + 0.1
    assert not pulse.was_blocked
