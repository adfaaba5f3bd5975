"""Alerts and the Telegram bot through the facade."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openalgo_lab.lab.shown import Cell, Shown, text_table
from openalgo_lab.lab.words import SymbolLike, word
from openalgo_lab.model.alerts import (
    AcknowledgeAlert,
    Alert,
    Channel,
    Condition,
    GetAlerts,
    GetTelegram,
    GreekCondition,
    IndicatorCondition,
    OrderCondition,
    PnlCondition,
    PriceCondition,
    RemoveAlert,
    SetAlert,
    StartTelegram,
    StopTelegram,
    TelegramStatus,
)
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret

if TYPE_CHECKING:
    from openalgo_lab.lab.core import LabCore

__all__ = ["Alerts", "Telegram"]

Channels = Iterable[Channel | str]


class Alerts(Shown, Sequence[Alert]):
    """``lab.alerts.price("SBIN", above=850)``; ``channels``: toast, sound, desktop, telegram, webhook.

    ``repeat=True`` watches on and tells at most every ``cooldown_s`` seconds.
    """

    def __init__(self, lab: LabCore) -> None:
        self._lab = lab

    def price(
        self,
        symbol: SymbolLike,
        *,
        above: float | None = None,
        below: float | None = None,
        field: str = "ltp",
        **how: Any,
    ) -> Alert:
        """When a quote's field (ltp, bid, ask, volume, oi, change_pct) is at or beyond a value."""
        key = self._lab.instrument(symbol).key
        up, value = _side(above, below)
        if field not in ("ltp", "bid", "ask", "volume", "oi", "change_pct"):
            raise InputError(f"{field!r} is no field of a quote.", field="field")
        return self._set(f"{key.symbol} {field}", PriceCondition(key.exchange, key.symbol, up, value, field), how)  # type: ignore[arg-type]

    def pnl(
        self,
        *,
        above: float | None = None,
        below: float | None = None,
        account: str = "",
        strategy: str = "",
        **how: Any,
    ) -> Alert:
        """When today's profit (rupees, realised and open) of an account or strategy is at or beyond a value."""
        up, value = _side(above, below)
        return self._set("P&L", PnlCondition(up, value, account, strategy), how)

    def orders(
        self, what: str = "any", *, symbol: str = "", strategy: str = "", account: str = "", **how: Any
    ) -> Alert:
        """When orders are ``"filled"``, ``"rejected"``, ``"cancelled"`` or ``"any"`` of these; repeats by itself."""
        if what not in ("filled", "rejected", "cancelled", "any"):
            raise InputError(f"{what!r} is nothing that becomes of orders.", field="what")
        how = {"repeat": True, "cooldown_s": 1.0, **how}
        return self._set("Orders", OrderCondition(what, symbol, strategy, account), how)  # type: ignore[arg-type]

    def greek(
        self, symbol: SymbolLike, figure: str, *, above: float | None = None, below: float | None = None, **how: Any
    ) -> Alert:
        """When iv (per cent), delta, gamma, theta or vega of an option is at or beyond a value."""
        key = self._lab.instrument(symbol).key
        up, value = _side(above, below)
        if figure not in ("iv", "delta", "gamma", "theta", "vega"):
            raise InputError(f"{figure!r} is no Greek that is watched.", field="figure")
        condition = GreekCondition(key.exchange, key.symbol, up, value, figure)  # type: ignore[arg-type]
        return self._set(f"{key.symbol} {figure}", condition, how)

    def indicator(
        self,
        symbol: SymbolLike,
        indicator: str,
        *,
        period: int = 14,
        interval: str = "5m",
        above: float | None = None,
        below: float | None = None,
        **how: Any,
    ) -> Alert:
        """When ``"sma"``, ``"ema"`` or ``"rsi"`` of a symbol's candles is at or beyond a value."""
        key = self._lab.instrument(symbol).key
        up, value = _side(above, below)
        if indicator not in ("sma", "ema", "rsi"):
            raise InputError(f"{indicator!r} is no indicator that is watched.", field="indicator")
        condition = IndicatorCondition(key.exchange, key.symbol, up, value, indicator, period, interval)  # type: ignore[arg-type]
        return self._set(f"{key.symbol} {indicator}", condition, how)

    def remove(self, alert: Alert | str) -> None:
        """Forget one."""
        self._lab.call(RemoveAlert(_id(alert)))

    def acknowledge(self, alert: Alert | str) -> Alert:
        """You have seen it."""
        return self._lab.call(AcknowledgeAlert(_id(alert)))

    def _set(self, name: str, condition: Condition, how: dict[str, Any]) -> Alert:
        channels: Channels = how.pop("channels", (Channel.TOAST, Channel.SOUND))
        chosen = tuple(word(Channel, one, "channels") for one in channels)
        return self._lab.call(SetAlert(how.pop("name", name), condition, chosen, **how))

    def __len__(self) -> int:
        return len(self._lab.call(GetAlerts()))

    def __getitem__(self, index: Any) -> Any:
        return self._lab.call(GetAlerts())[index]

    def __repr__(self) -> str:
        return text_table(_HEADERS, self._rows())

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "Alerts", _HEADERS, self._rows()

    def _rows(self) -> list[list[Cell]]:
        return [[one.alert_id, one.name, one.state.value, one.count, one.message] for one in self]


_HEADERS = ("id", "name", "state", "told", "last")


class Telegram(Shown):
    """The bot of this profile: make one with @BotFather, start it with its token, link your chat by the code."""

    def __init__(self, lab: LabCore) -> None:
        self._lab = lab

    def start(self, token: str | None = None, *, base_url: str = "") -> TelegramStatus:
        """Run it; without a token that of the vault. Then send ``/link CODE`` to the bot from your chat."""
        return self._lab.call(StartTelegram(Secret(token) if token else None, base_url), 30.0)

    def stop(self, *, forget: bool = False) -> TelegramStatus:
        """End it; ``forget`` also drops linked chats and the token."""
        return self._lab.call(StopTelegram(forget), 30.0)

    @property
    def status(self) -> TelegramStatus:
        """How it is, and the code that links the next chat."""
        return self._lab.call(GetTelegram())

    def __repr__(self) -> str:
        return text_table(("", ""), self._rows())

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "Telegram", ("", ""), self._rows()

    def _rows(self) -> list[list[Cell]]:
        now = self.status
        code = f"send /link {now.link_code} to @{now.name or 'your bot'}" if now.running else "not running"
        return [["link a chat", code], ["linked chats", now.chats], ["failure", now.failure or "none"]]


def _side(above: float | None, below: float | None) -> tuple[bool, float]:
    if (above is None) == (below is None):
        raise InputError("Give either above or below.", field="above")
    return (True, float(above)) if above is not None else (False, float(below or 0.0))


def _id(alert: Alert | str) -> str:
    return alert if isinstance(alert, str) else alert.alert_id
