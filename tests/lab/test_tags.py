"""A trader's own word on an order: it stays with everything that the order becomes, and results are summed by it."""

from __future__ import annotations

from openalgo_lab import Lab
from tests.support.waiting import eventually


def tags_of(lab: Lab, tag: str) -> set[str]:
    """Symbols of the orders with this tag."""
    return {order.symbol for order in lab.books.orders if order.tag == tag}


def test_it_stays_with_orders_of_every_kind(lab: Lab) -> None:
    lab.place_order("NTPC", "BUY", 2, tag="kinds").wait()
    lab.place_smart_order("ONGC", 3, tag="kinds")
    lab.split_order("TITAN", "BUY", 4, 2, tag="kinds")
    lab.place_basket([{"symbol": "CIPLA", "side": "BUY", "quantity": 1, "tag": "kinds"}])
    expiry = lab.expiries("NIFTY")[1]
    lot = lab.option_symbol("NIFTY", "OTM2", "CE", expiry=expiry).instrument.lot_size
    lab.place_options_order("NIFTY", "OTM2", "CE", "BUY", lot, expiry=expiry, tag="kinds")
    lab.place_options_multiorder(
        "NIFTY", [{"offset": "OTM4", "option_type": "PE", "side": "BUY", "quantity": lot}],
        expiry=expiry, tag="kinds",
    )  # fmt: skip
    wanted = {"NTPC", "ONGC", "TITAN", "CIPLA"}
    eventually(lambda: wanted <= tags_of(lab, "kinds") and len(tags_of(lab, "kinds")) == 6)
    eventually(lambda: any(fill.tag == "kinds" and fill.symbol == "TITAN" for fill in lab.books.fills))


def test_exits_of_a_bracket_and_orders_of_a_trigger_carry_it(lab: Lab) -> None:
    last = lab.quote("TRENT").ltp
    tick = lab.instrument("TRENT").tick_size
    lab.place_bracket("TRENT", "BUY", 5, round(round(last * 0.97 / tick) * tick, 2), tag="guarded")
    eventually(lambda: len([one for one in lab.books.orders if one.tag == "guarded"]) == 2)
    above = round(round(lab.quote("GRASIM").ltp * 0.95 / tick) * tick, 2)
    gtt = lab.place_gtt("GRASIM", "BUY", 2, trigger_above=above, price_type="MARKET", tag="watched", watch=True)
    assert gtt.tag == "watched"
    eventually(lambda: tags_of(lab, "watched") == {"GRASIM"})


def test_results_are_summed_by_it(lab: Lab) -> None:
    bought = lab.place_order("LT", "BUY", 7, tag="breakout", strategy="tagged").wait()
    lab.place_order("LT", "SELL", 7, strategy="tagged").wait()
    mine = lab.trade_journal.of(strategy="tagged")
    eventually(lambda: len(mine.fills()) >= 2)
    lab.trade_journal.annotate(bought, tags=["late"])
    eventually(lambda: {"breakout", "late"} <= set(lab.trade_journal.results("tag").index))
    assert set(mine.frame[mine.frame["side"] == "BUY"]["tags"]) == {"breakout, late"}
