"""Starting and ending the bot: its token comes from the vault, its commands go through the engine's own parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from openalgo_lab.engine.alerts import AlertKeeper
from openalgo_lab.engine.day_profit import account_profits
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.engine.table import Idempotency, handles
from openalgo_lab.engine.telegram.bot import TelegramBot, Workbench
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model import alerts as c
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.events import Books
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.store.kept import KeptStore

if TYPE_CHECKING:
    from openalgo_lab.engine.board import Board

__all__ = ["TelegramDesk", "profits_of"]

SETTING = "telegram.token"


class TelegramDesk:
    """The handlers. Without an open vault a token is used for this run only."""

    def __init__(
        self,
        *,
        workbench: Workbench,
        alerts: AlertKeeper,
        store: KeptStore,
        vault: Callable[[], VaultKeeper | None],
        supervisor: Supervisor,
    ) -> None:
        self._workbench = workbench
        self._alerts = alerts
        self._store = store
        self._vault = vault
        self._supervisor = supervisor
        self._bot: TelegramBot | None = None
        self._task: asyncio.Task[None] | None = None

    @handles(c.StartTelegram, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def start_telegram(self, command: c.StartTelegram, _: Principal) -> c.TelegramStatus:
        """Run."""
        token = command.token.reveal() if command.token is not None else self._kept()
        await self._end()
        bot = self._bot = TelegramBot(token, self._workbench, self._store, command.base_url)
        if command.token is not None:
            self._keep(token)
        self._alerts.telegram = bot.send
        self._task = self._supervisor.keep("telegram", bot.run)
        return self._status()

    @handles(c.StopTelegram, permission=Permission.ADMIN, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def stop_telegram(self, command: c.StopTelegram, _: Principal) -> c.TelegramStatus:
        """End."""
        if command.forget and self._bot is not None:
            self._bot.forget()
        if command.forget:
            self._drop()
        await self._end()
        return self._status()

    @handles(c.GetTelegram, permission=Permission.ADMIN)
    async def get_telegram(self, _: c.GetTelegram, __: Principal) -> c.TelegramStatus:
        """How it is."""
        return self._status()

    async def close(self) -> None:
        """With the engine."""
        await self._end()

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._bot is not None:
            await self._bot.close()
        self._task = self._bot = self._alerts.telegram = None

    def _status(self) -> c.TelegramStatus:
        bot, task = self._bot, self._task
        if bot is None or task is None:
            return c.TelegramStatus(running=False)
        return c.TelegramStatus(not task.done(), bot.name, bot.link_code, bot.chats, bot.failure)

    def _kept(self) -> str:
        keeper = self._vault()
        token = keeper.require_open().settings.get(SETTING, str) if keeper is not None else None
        if not token:
            raise InputError("There is no token yet: give the one that @BotFather made.", field="token")
        return token

    def _keep(self, token: str) -> None:
        keeper = self._vault()
        if keeper is not None and keeper.vault is not None:
            keeper.vault.settings.put(SETTING, token)

    def _drop(self) -> None:
        keeper = self._vault()
        if keeper is not None and keeper.vault is not None:
            keeper.vault.settings.remove(SETTING)


def profits_of(books: Books, board: Board) -> list[tuple[str, int, int]]:
    """(account, realised, open) in paise."""

    def last(key: InstrumentKey) -> float:
        quote = board.quote(key)
        return quote.ltp if quote is not None else float("nan")

    found = account_profits(books, last)
    return [(account, profit.realised_paise, profit.open_paise) for account, profit in sorted(found.items())]
