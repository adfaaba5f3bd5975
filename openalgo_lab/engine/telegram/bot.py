"""The bot itself: asks Telegram for messages, answers those of linked chats only, and passes alerts on.

A chat is linked by a one-time code that only the workbench shows. Whatever changes orders asks for a press of a button
that is worth one minute. Errors of the network are waited out; the engine never waits for the bot.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from openalgo_lab.engine.telegram import replies
from openalgo_lab.engine.telegram.picture import candle_png
from openalgo_lab.model.errors import InputError, LabError, WireError
from openalgo_lab.model.events import Books, EngineStatus
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars, Quote
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.kept import KeptStore

if TYPE_CHECKING:
    from telegram import Bot, Update

__all__ = ["TelegramBot", "Workbench"]

log = logging.getLogger(__name__)

KIND = "telegram"
POLL_S = 20
CONFIRM_NS = 60 * NS_PER_SECOND
_INTERVALS = {"intraday": ("5m", 5), "daily": ("D", 252)}


class _Chat(msgspec.Struct, frozen=True):
    chat: int
    name: str


class Workbench:
    """What the bot may ask of the engine."""

    def __init__(
        self,
        *,
        books: Callable[[], Books],
        status: Callable[[], EngineStatus],
        quote: Callable[[str, str], Awaitable[Quote]],
        bars: Callable[[InstrumentKey, str, int, int], Awaitable[Bars]],
        profits: Callable[[], list[tuple[str, int, int]]],
        close_all: Callable[[], Awaitable[str]],
        now_ns: Callable[[], int],
    ) -> None:
        self.books = books
        self.status = status
        self.quote = quote
        self.bars = bars
        self.profits = profits
        self.close_all = close_all
        self.now_ns = now_ns


class TelegramBot:
    """One bot of one profile; :meth:`run` until cancelled. ``base_url`` stands in for Telegram's own address."""

    def __init__(self, token: str, workbench: Workbench, store: KeptStore, base_url: str = "") -> None:
        from telegram import Bot

        self._bot: Bot = Bot(token, base_url=base_url) if base_url else Bot(token)
        self._bench = workbench
        self._store = store
        self._chats = {chat.chat: chat for chat in store.all(KIND, _Chat).values()}
        self._waiting: dict[str, tuple[int, int]] = {}
        self.link_code = secrets.token_hex(4)
        self.name = ""
        self.failure = ""
        self._offset = 0

    @property
    def chats(self) -> int:
        """How many are linked."""
        return len(self._chats)

    async def run(self) -> None:
        """Ask for messages and answer them, until cancelled; errors of the network are waited out."""
        from telegram.error import InvalidToken, TelegramError

        wait = 1.0
        while True:
            try:
                if not self.name:
                    await self._bot.initialize()
                    self.name = self._bot.username
                asked = self._bot.get_updates(offset=self._offset, timeout=POLL_S, read_timeout=POLL_S + 10)
                for update in await asked:
                    self._offset = update.update_id + 1  # one that brings us down is not read again after it
                    await self._take(update)
                self.failure, wait = "", 1.0
            except InvalidToken:
                self.failure = "Telegram does not know this token: make one with @BotFather and start again."
                return
            except TelegramError as error:
                self.failure = f"Telegram does not answer ({error}); it is tried again."
                await asyncio.sleep(wait)
                wait = min(wait * 2, 60.0)

    async def send(self, text: str) -> None:
        """To every linked chat. Raises InputError without one, WireError when Telegram does not take it."""
        from telegram.error import TelegramError

        if not self._chats:
            raise InputError("No chat is linked: send /link with the code to the bot.")
        for chat in list(self._chats):
            try:
                await self._bot.send_message(chat, text)
            except TelegramError as error:
                raise WireError(f"Telegram did not take the message ({error}).") from error

    def forget(self) -> None:
        """Drop all chats."""
        for chat in self._chats:
            self._store.drop(KIND, str(chat))
        self._chats.clear()

    async def close(self) -> None:
        """Give up its connections."""
        if self.name:
            await self._bot.shutdown()

    # Messages --------------------------------------------------------------------------------------------------------

    async def _take(self, update: Update) -> None:
        query = update.callback_query
        if query is not None:
            await query.answer()
            if query.message is not None:
                await self._pressed(query.message.chat.id, query.data or "")
            return
        message = update.message
        if message is None or not message.text:
            return
        chat, (command, *words) = message.chat.id, message.text.split() or [""]
        name = command.partition("@")[0].lower()
        if name == "/link":
            await self._link(chat, message.chat.full_name or "", words)
        elif chat not in self._chats:
            await self._say(chat, "This chat is not linked: send /link CODE with the code that your workbench shows.")
        else:
            await self._answer(chat, name, words)

    async def _link(self, chat: int, name: str, words: list[str]) -> None:
        if not words or not secrets.compare_digest(words[0].encode(), self.link_code.encode()):
            await self._say(chat, "That is not the code.")
            return
        self.link_code = secrets.token_hex(4)  # worth one chat
        self._chats[chat] = _Chat(chat, name)
        self._store.put(KIND, str(chat), self._chats[chat])
        await self._say(chat, "Linked.\n" + replies.HELP)

    async def _answer(self, chat: int, name: str, words: list[str]) -> None:
        try:
            await self._obey(chat, name, words)
        except LabError as error:
            await self._say(chat, str(error))

    async def _obey(self, chat: int, name: str, words: list[str]) -> None:
        bench = self._bench
        texts: dict[str, Callable[[], str]] = {
            "/start": lambda: replies.HELP,
            "/help": lambda: replies.HELP,
            "/status": lambda: replies.status(bench.status()),
            "/orderbook": lambda: replies.orders(bench.books()),
            "/tradebook": lambda: replies.trades(bench.books()),
            "/positions": lambda: replies.positions(bench.books()),
            "/holdings": lambda: replies.holdings(bench.books()),
            "/funds": lambda: replies.funds(bench.books()),
            "/pnl": lambda: replies.pnl(bench.profits()),
            "/mode": lambda: f"{replies.banner(bench.status())}: account {bench.status().default_account}",
        }
        if name in texts:
            await self._say(chat, texts[name]())
        elif name == "/quote":
            await self._say(chat, replies.quote(await bench.quote(*_symbol(words))))
        elif name == "/chart":
            await self._chart(chat, words)
        elif name == "/closeall":
            await self._confirm(chat, "closeall", "Close ALL positions of the default account at market?")
        elif name == "/menu":
            await self._menu(chat)
        elif name == "/unlink":
            self._chats.pop(chat, None)
            self._store.drop(KIND, str(chat))
            await self._say(chat, "This chat is forgotten.")
        else:
            await self._say(chat, replies.HELP)

    async def _chart(self, chat: int, words: list[str]) -> None:
        symbol, exchange = _symbol(words)
        rest = words[2:] if len(words) > 1 and words[1].upper() in Exchange.__members__ else words[1:]
        interval, days = _INTERVALS.get(rest[0].lower(), (rest[0], 5)) if rest else _INTERVALS["intraday"]
        found = await self._bench.quote(symbol, exchange)
        now = self._bench.now_ns()
        key = InstrumentKey(found.exchange, found.symbol)
        bars = await self._bench.bars(key, interval, now - days * NS_PER_DAY, now + 1)
        picture = candle_png(bars)
        await self._bot.send_photo(chat, picture, caption=f"{found.symbol} {interval}, last {found.ltp:,.2f}")

    async def _menu(self, chat: int) -> None:
        from telegram import InlineKeyboardButton, InlineKeyboardMarkup

        names = ("status", "orderbook", "tradebook", "positions", "holdings", "funds", "pnl", "mode")
        buttons = [InlineKeyboardButton(name.capitalize(), callback_data=f"/{name}") for name in names]
        rows = [buttons[at : at + 2] for at in range(0, len(buttons), 2)]
        await self._bot.send_message(chat, "Menu", reply_markup=InlineKeyboardMarkup(rows))

    async def _confirm(self, chat: int, what: str, question: str) -> None:
        from telegram import InlineKeyboardButton, InlineKeyboardMarkup

        token = secrets.token_hex(8)
        self._waiting = {token: (chat, self._bench.now_ns() + CONFIRM_NS)}  # only the newest question counts
        buttons = [
            InlineKeyboardButton("Yes", callback_data=f"{what}:{token}"),
            InlineKeyboardButton("No", callback_data="no"),
        ]
        mode = replies.banner(self._bench.status())
        await self._bot.send_message(chat, f"{mode}: {question}", reply_markup=InlineKeyboardMarkup([buttons]))

    async def _pressed(self, chat: int, data: str) -> None:
        if chat not in self._chats:
            return
        if data.startswith("/"):
            await self._answer(chat, data, [])
            return
        what, _, token = data.partition(":")
        asked = self._waiting.pop(token, None)
        if what != "closeall" or asked is None:
            self._waiting.clear()
            await self._say(chat, "Nothing was done.")
        elif asked[0] != chat or self._bench.now_ns() > asked[1]:
            await self._say(chat, "The question is too old: nothing was done. Ask again.")
        else:
            try:
                await self._say(chat, await self._bench.close_all())
            except LabError as error:
                await self._say(chat, str(error))

    async def _say(self, chat: int, text: str) -> None:
        await self._bot.send_message(chat, text)


def _symbol(words: list[str]) -> tuple[str, str]:
    """(symbol, exchange or "") of what was typed. Raises InputError for nothing."""
    if not words:
        raise InputError("Name a symbol, for example /quote SBIN or /quote NIFTY NSE_INDEX.")
    second = words[1].upper() if len(words) > 1 else ""
    return words[0].upper(), second if second in Exchange.__members__ else ""
