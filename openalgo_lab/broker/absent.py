"""What a broker's API lacks, said once: a base for codecs that offer a part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from openalgo_lab.broker.spec import Call, Session
from openalgo_lab.model.errors import NotSupported
from openalgo_lab.model.gtt import GttIntent, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Depth
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Profile
from openalgo_lab.model.reports import OrderReport

__all__ = ["PlainCodec"]


class PlainCodec:
    """Every optional method of a codec, as "not offered"; a broker's codec overrides what its API has."""

    broker_name: str
    """How sentences name the broker."""

    def login_url(self, credentials: Mapping[str, str], redirect_uri: str, state: str) -> str:
        """No page of the broker takes part in the login."""
        del credentials, redirect_uri, state
        self._lacks("a login page")

    def logout(self, session: Session) -> Call[None] | None:
        """The session ends by itself."""
        del session
        return None

    def profile(self, session: Session) -> Call[Profile]:
        """Not offered."""
        del session
        self._lacks("a profile")

    def order(self, session: Session, order: Order) -> Call[OrderReport] | None:
        """Only the whole book can be had."""
        del session, order
        return None

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        """Not offered."""
        del session, legs
        self._lacks("a margin for an order that is not placed yet")

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        """Not offered."""
        del session, instrument
        self._lacks("market depth by request")

    def place_gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> Call[str]:
        """Not offered."""
        del session, gtt, instrument
        self._lacks("GTT orders")

    def modify_gtt(self, session: Session, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> Call[None]:
        """Not offered."""
        del session, gtt_id, gtt, instrument
        self._lacks("GTT orders")

    def cancel_gtt(self, session: Session, gtt_id: str) -> Call[None]:
        """Not offered."""
        del session, gtt_id
        self._lacks("GTT orders")

    def gtt_book(self, session: Session) -> Call[tuple[GttReport, ...]]:
        """Not offered."""
        del session
        self._lacks("GTT orders")

    def _lacks(self, what: str) -> NoReturn:
        raise NotSupported(f"The API of {self.broker_name} does not offer {what}; use its own app for that.")
