"""The suite's part on the portfolio, GTT and market data by request."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pytest

from openalgo_lab.broker import Capability
from openalgo_lab.model.errors import (
    InputError,
    NotSupported,
)
from openalgo_lab.model.gtt import GttIntent, GttLeg, GttStatus
from openalgo_lab.model.orders import new_order_id
from openalgo_lab.model.times import to_ns
from openalgo_lab.model.vocabulary import Product, Side
from tests.conformance.rig import Rig, intent
from tests.conformance.suite_base import SuiteBase, names_of
from tests.conformance.venue import (
    CALL,
    CLIENT,
    FUTURE,
    HOLDINGS,
    IST,
    MM,
    NIFTY,
    SBIN,
)

__all__ = ["BookSuite"]


class BookSuite(SuiteBase):
    """See the module."""

    # Books -----------------------------------------------------------------------------------------------------

    async def test_positions(self, made: Rig) -> None:
        assert list(await made.adapter.positions()) == []
        _, _, bought = await self.placed(made)
        made.simulator.venue.fill(bought, 10, 800.0)
        _, _, sold = await self.placed(made, side=Side.SELL)
        made.simulator.venue.fill(sold, 4, 801.0)
        (row,) = await made.adapter.positions()
        assert (row.quantity, row.average_price, row.product) == (6, 800.0, Product.MIS)
        assert row.realised_paise == 400
        assert row.symbol in names_of(await made.instrument(SBIN))
        made.simulator.venue.fill(sold, 6, 801.0)
        (row,) = await made.adapter.positions()
        assert (row.quantity, row.realised_paise) == (0, 1000)

    async def test_holdings(self, made: Rig) -> None:
        self.need(Capability.HOLDINGS)
        found = await made.adapter.holdings()
        assert [(h.quantity, h.average_price) for h in found] == [(q, p) for _, q, p in HOLDINGS]
        for holding, (listing, _, _) in zip(found, HOLDINGS, strict=True):
            assert holding.symbol in names_of(await made.instrument(listing))
            assert (holding.account, holding.exchange.value) == (CLIENT, listing.exchange)

    async def test_funds(self, made: Rig) -> None:
        funds = await made.adapter.funds()
        money = made.simulator.venue.money
        assert (funds.available_paise, funds.used_paise, funds.collateral_paise) == tuple(
            round(money[name] * 100) for name in ("available", "used", "collateral")
        )

    async def test_margin(self, made: Rig) -> None:
        self.need(Capability.MARGIN)
        legs = [(listing, await made.instrument(listing)) for listing in (CALL, FUTURE)]
        asked = [(intent(i, product=Product.NRML, price=200.0, quantity=65), i) for _, i in legs]
        venue = made.simulator.venue
        assert await made.ask("margin", asked) == round(venue.margin([(x, 65) for x, _ in legs]) * 100)
        assert await made.ask("margin", asked[:1]) == round(venue.margin([(CALL, 65)]) * 100)

    async def test_gtt(self, made: Rig) -> None:
        self.need(Capability.GTT)
        instrument = await made.instrument(SBIN)

        def wanted(*triggers: float) -> GttIntent:
            legs = tuple(GttLeg(price, price - 0.5 if self.gtt_has_price else price, 7) for price in triggers)
            return GttIntent(
                new_order_id(), CLIENT, instrument.exchange, "SBIN", Side.SELL, Product.CNC, legs, last_price=812.5
            )

        first = await made.ask("place_gtt", wanted(780.0), instrument)
        triggers = (775.0, 850.0) if self.gtt_pairs else (850.0,)
        second = await made.ask("place_gtt", wanted(*triggers), instrument)
        book = {row.broker_gtt_id: row for row in await made.ask("gtt_book")}
        assert set(book) == {first, second}
        assert [(leg.trigger_price, leg.quantity) for leg in book[second].legs] == [(price, 7) for price in triggers]
        assert (book[first].status, book[first].side, book[first].product) == (
            GttStatus.ACTIVE, Side.SELL, Product.CNC,
        )  # fmt: skip
        assert book[first].symbol in names_of(instrument)
        await made.ask("modify_gtt", first, wanted(770.0), instrument)
        await made.ask("cancel_gtt", second)
        book = {row.broker_gtt_id: row for row in await made.ask("gtt_book")}
        assert [leg.trigger_price for leg in book[first].legs] == [770.0]
        assert second not in book or book[second].status is GttStatus.CANCELLED
        if not self.gtt_pairs:
            with pytest.raises(NotSupported):
                await made.ask("place_gtt", wanted(775.0, 850.0), instrument)

    # Market data -----------------------------------------------------------------------------------------------

    async def test_quotes_in_the_order_asked(self, made: Rig) -> None:
        self.need(Capability.QUOTES)
        asked = [x for x in (NIFTY, MM, CALL, SBIN) if x in self.listings]
        found = await made.adapter.quotes(await made.all(asked))
        assert [quote.symbol for quote in found] == [listing.symbol for listing in asked]
        for quote, listing in zip(found, asked, strict=True):
            picture = made.simulator.venue.pictures[listing]
            assert quote.ltp == picture.ltp
            known = {
                "open": picture.open,
                "high": picture.high,
                "low": picture.low,
                "prev_close": picture.close,
            }
            for name, value in known.items():
                seen = getattr(quote, name)
                assert math.isnan(seen) or seen == pytest.approx(value, abs=1e-9), name
            if listing.kind != "INDEX":
                assert quote.volume == picture.volume

    async def test_depth(self, made: Rig) -> None:
        self.need(Capability.DEPTH)
        depth = await made.adapter.depth(await made.instrument(SBIN))
        picture = made.simulator.venue.pictures[SBIN]
        assert [(x.price, x.quantity) for x in depth.bids] == [(x.price, x.quantity) for x in picture.bids]
        assert [(x.price, x.quantity) for x in depth.asks] == [(x.price, x.quantity) for x in picture.asks]

    async def test_history(self, made: Rig) -> None:
        self.need(Capability.HISTORY)
        instrument = await made.instrument(SBIN)
        start = datetime(2025, 12, 30, 9, 20, tzinfo=IST)
        for interval, minutes in (("1m", 1), ("5m", 5), ("D", 1440)):
            if interval not in self.spec.history.intervals:
                continue
            end = start + timedelta(days=4, hours=4)
            bars = await made.adapter.history(instrument, interval, to_ns(start), to_ns(end))
            expected = [b for b in made.simulator.venue.candles(SBIN, minutes, start, end) if start <= b.start < end]
            assert bars.start_ns.tolist() == [to_ns(b.start) for b in expected]
            assert bars.close.tolist() == [b.close for b in expected]
            assert bars.high.tolist() == [b.high for b in expected]
            assert bars.volume.tolist() == [b.volume for b in expected]
            assert (np.diff(bars.start_ns) > 0).all()

    async def test_a_long_history_comes_in_pages(self, made: Rig) -> None:
        self.need(Capability.HISTORY)
        days = self.spec.history.intervals.get("5m", 0)
        if not 0 < days <= 100:
            pytest.skip(f"{self.spec.name} gives any span of these candles at once.")
        end = datetime(2026, 1, 5, 12, 2, tzinfo=IST)
        start = end - timedelta(days=days + 3)
        bars = await made.adapter.history(await made.instrument(SBIN), "5m", to_ns(start), to_ns(end))
        expected = [b for b in made.simulator.venue.candles(SBIN, 5, start, end) if b.start < end]
        assert bars.start_ns.tolist() == [to_ns(b.start) for b in expected]
        assert bars.open.tolist() == [b.open for b in expected]

    async def test_an_interval_that_is_none(self, made: Rig) -> None:
        self.need(Capability.HISTORY)
        instrument, now = await made.instrument(SBIN), to_ns(datetime(2026, 1, 5, 11, tzinfo=IST))
        with pytest.raises(InputError):
            await made.adapter.history(instrument, "7x", now - 10**12, now)
