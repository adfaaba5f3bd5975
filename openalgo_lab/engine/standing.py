"""How an account stands: read from the ledger for the risk checks, only what a limit asks for."""

from __future__ import annotations

from openalgo_lab.engine.exposure import key_of, under_way, units_held
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.engine.risk_case import Standing
from openalgo_lab.engine.router import Router
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.risk import RiskSettings

__all__ = ["AccountStandings"]


class AccountStandings:
    """Answers for one order; cheap as long as no limit needs the whole book."""

    def __init__(self, ledger: Ledger, router: Router) -> None:
        self._ledger = ledger
        self._router = router

    def __call__(self, order: PlaceOrder, settings: RiskSettings) -> Standing:
        """The account of ``order`` now."""
        line = self._router.line(order.account)
        key = PositionKey(line.name, order.exchange, order.symbol, order.product)
        coming = open_orders = 0
        if settings.max_position_quantity:
            coming = under_way(self._ledger, key, lambda one: one.side is order.side and key_of(one) == key)
        if settings.max_open_orders:
            open_orders = sum(not one.done for one in self._ledger.orders(line.name))
        available = None
        if settings.check_margin:
            funds = next((one for one in self._ledger.books.funds if one.account == line.name), None)
            available = funds.available_paise if funds is not None else None
        return Standing(
            mode=line.account.mode,
            open_orders=open_orders,
            held=units_held(self._ledger, key),
            coming=coming,
            available_paise=available,
        )
