"""The suite's part on sessions and the master contract."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from openalgo_lab.broker import Capability
from openalgo_lab.model.errors import (
    InputError,
    Rejected,
    SessionExpired,
)
from openalgo_lab.model.instruments import Instrument
from tests.conformance.rig import Rig, intent, rig
from tests.conformance.suite_base import SuiteBase
from tests.conformance.venue import (
    CLIENT,
    SBIN,
    Listing,
)

__all__ = ["SessionSuite"]


class SessionSuite(SuiteBase):
    """See the module."""

    # Session ---------------------------------------------------------------------------------------------------

    async def test_the_profile_says_who_is_logged_in(self, made: Rig) -> None:
        self.need(Capability.PROFILE)
        profile = await made.ask("profile")
        assert profile.client == CLIENT
        assert set(profile.exchanges) <= self.spec.exchanges

    async def test_a_missing_credential_is_named(self) -> None:
        server = self.simulator()
        for field in self.spec.login_fields:
            if field.optional:
                continue
            given = {name: value for name, value in server.credentials().items() if name != field.name}
            async with rig(self.spec, self.simulator(), given, connect=False) as made:
                with pytest.raises(InputError) as caught:
                    await made.adapter.connect(made.sink)
                assert caught.value.field == field.name
                assert made.simulator.log == []

    async def test_a_wrong_secret_is_refused(self) -> None:
        secret = next((f.name for f in self.spec.login_fields if f.secret and not f.optional), None)
        if secret is None:
            pytest.skip("Nothing secret is asked for.")
        server = self.simulator()
        async with rig(self.spec, server, {**server.credentials(), secret: "wrong"}, connect=False) as made:
            with pytest.raises((Rejected, SessionExpired)):
                await made.adapter.connect(made.sink)

    async def test_a_dead_session_refuses_and_sends_no_more(self, made: Rig) -> None:
        instrument = await made.instrument(SBIN)
        made.simulator.alive = False
        with pytest.raises(SessionExpired):
            await made.adapter.place(intent(instrument), instrument)
        asked = len(made.simulator.log)
        for _ in range(3):
            with pytest.raises(SessionExpired):
                await made.adapter.place(intent(instrument), instrument)
        assert len(made.simulator.log) == asked
        assert made.simulator.venue.orders == []

    async def test_a_session_that_was_ended_is_dead(self, made: Rig) -> None:
        if self.spec.codec.logout(await made.adapter._session()) is None:
            pytest.skip(f"The API of {self.spec.name} has no call that ends a session.")
        await made.adapter.funds()
        await made.ask("logout")
        with pytest.raises(SessionExpired):
            await made.adapter.funds()

    async def test_nothing_secret_is_said(self, caplog: pytest.LogCaptureFixture) -> None:
        server = self.simulator()
        with caplog.at_level(logging.DEBUG):
            async with rig(self.spec, server, server.credentials()) as made:
                await self.placed(made)
                server.inject("canary is not JSON")
                await asyncio.sleep(0.05)
                server.alive = False
                with pytest.raises(SessionExpired) as caught:
                    await made.adapter.funds()
                said = f"{caught.value!r} {caught.value} {made.adapter._session!r}"
        ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith(("openalgo_lab", "brokers")))
        given = server.credentials()
        for value in [given[f.name] for f in self.spec.login_fields if f.secret and f.name in given]:
            assert value not in said + ours
        assert "canary-" not in said + ours

    # Instruments -----------------------------------------------------------------------------------------------

    async def test_instruments(self, made: Rig) -> None:
        found = {(i.exchange.value, i.symbol): i for i in await made.adapter.instruments()}
        assert set(found) == {(x.exchange, x.symbol) for x in self.listings}
        assert len({i.token for i in found.values()}) == len(found)
        for listing in self.listings:
            assert _described(found[listing.exchange, listing.symbol]) == _expected(listing)
            if self.has_freeze and listing.freeze:
                assert found[listing.exchange, listing.symbol].freeze_quantity == listing.freeze


def _described(instrument: Instrument) -> dict[str, Any]:
    return {
        "kind": instrument.kind.value,
        "lot": instrument.lot_size if instrument.tradable else 0,
        "tick": instrument.tick_size if instrument.tradable else 0.0,
        "underlying": instrument.underlying if instrument.expiry else "",
        "expiry": instrument.expiry,
        "strike": instrument.strike,
    }


def _expected(listing: Listing) -> dict[str, Any]:
    return {
        "kind": listing.kind,
        "lot": listing.lot,
        "tick": pytest.approx(listing.tick),
        "underlying": listing.underlying,
        "expiry": listing.expiry,
        "strike": listing.strike,
    }
