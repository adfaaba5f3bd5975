"""Entry points of the widgets. Each loads its part of the user interface when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.words import SymbolLike

if TYPE_CHECKING:
    from openalgo_lab.model.vocabulary import Exchange

__all__ = ["WidgetCalls"]


class WidgetCalls(LabCore):
    """The part of :class:`~openalgo_lab.lab.Lab` that shows. Further arguments go to the widget as they are."""

    def ticket(self, symbol: SymbolLike | None = None, exchange: Exchange | str | None = None, **options: Any) -> Any:
        """An order ticket, empty or for ``symbol``."""
        return self._widget("ticket", "OrderTicket", *self._keys(symbol, exchange), **options)

    def depth(self, symbol: SymbolLike, exchange: Exchange | str | None = None, **options: Any) -> Any:
        """A depth ladder; a click trades."""
        return self._widget("ladder", "DepthLadder", *self._keys(symbol, exchange), **options)

    def watchlist(self, symbols: Iterable[SymbolLike] = (), **options: Any) -> Any:
        """A watchlist with search."""
        keys = [str(self.instrument(symbol).key) for symbol in symbols]
        return self._widget("watchlist", "Watchlist", *([keys] if keys else []), **options)

    def blotter(self, **options: Any) -> Any:
        """Orders, trades, positions, holdings, funds."""
        return self._widget("blotter", "Blotter", **options)

    def chart(self, symbol: SymbolLike, exchange: Exchange | str | None = None, **options: Any) -> Any:
        """A candle chart that updates."""
        return self._widget("chart", "CandleChart", *self._keys(symbol, exchange), **options)

    def desk(self, **options: Any) -> Any:
        """The whole desk."""
        return self._widget("desk", "Desk", **options)

    def history_manager(self, **options: Any) -> Any:
        """Candles that are kept: downloads, coverage and gaps, schedules, files in and out."""
        return self._widget("history", "HistoryManager", **options)

    def vault(self, **options: Any) -> Any:
        """The dialog that makes, unlocks and locks the profile's vault."""
        return self._widget("vault", "VaultDialog", **options)

    def login(self, broker: str = "", **options: Any) -> Any:
        """The login form of ``broker``; without one the list of all brokers, and how the connections stand."""
        return self._widget("login", "BrokerLogin", broker, **options)

    def sign_in(self, **options: Any) -> Any:
        """The dialog for users: first user, signing in, password, second factor."""
        return self._widget("identity", "SignInDialog", **options)

    def status(self, **options: Any) -> Any:
        """The status bar (``lab.health`` has the values)."""
        return self._widget("statusbar", "StatusBar", **options)

    def _keys(self, symbol: SymbolLike | None, exchange: Exchange | str | None) -> list[object]:
        return [] if symbol is None else [str(self.instrument(symbol, exchange).key)]

    def _widget(self, module: str, name: str, *args: object, **options: Any) -> Any:
        # By name: the user interface stands above this floor and is loaded only by who wants to see it.
        maker = getattr(import_module(f"openalgo_lab.ui.{module}"), name)
        return cast("Any", maker)(self, *args, **options)
