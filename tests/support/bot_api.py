"""A local stand-in of Telegram's Bot API: what people say goes in, what the bot sends comes out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

__all__ = ["TOKEN", "BotApi"]

TOKEN = "12345:AAH-not-a-token-of-anybody"


class BotApi:
    """``async with BotApi() as api``; :meth:`say` and :meth:`press` are a person in chat ``chat``."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.fail = 0
        self._number = 0
        self._come = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/bot"

    async def __aenter__(self) -> BotApi:
        (socket,) = bind_sockets(0, "127.0.0.1")
        self.port = socket.getsockname()[1]
        self._server = HTTPServer(Application([(r"/bot([^/]+)/(\w+)", _Method, {"api": self})]))
        self._server.add_sockets([socket])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._come.set()
        self._server.stop()
        await self._server.close_all_connections()

    def say(self, text: str, chat: int = 7) -> None:
        message = {
            "message_id": self._next(),
            "date": 1,
            "text": text,
            "chat": {"id": chat, "type": "private", "first_name": "P"},
        }
        self._put({"message": message})

    def press(self, data: str, chat: int = 7) -> None:
        message = {"message_id": self._next(), "date": 1, "text": "q", "chat": {"id": chat, "type": "private"}}
        person = {"id": chat, "is_bot": False, "first_name": "P"}
        self._put(
            {
                "callback_query": {
                    "id": str(self._next()),
                    "from": person,
                    "chat_instance": "1",
                    "data": data,
                    "message": message,
                }
            }
        )

    async def answer(self, count: int) -> dict[str, Any]:
        """What the bot has sent as its ``count``-th message."""
        async with asyncio.timeout(10):
            while len(self.sent) < count:
                await asyncio.sleep(0.01)
        return self.sent[count - 1]

    def _put(self, update: dict[str, Any]) -> None:
        self.updates.append({"update_id": self._next(), **update})
        self._come.set()

    def _next(self) -> int:
        self._number += 1
        return self._number


class _Method(RequestHandler):
    def initialize(self, api: BotApi) -> None:
        self.api = api

    async def post(self, token: str, method: str) -> None:
        api = self.api
        if token != TOKEN:
            self._say(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
            return
        if api.fail:
            api.fail -= 1
            self._say(500, {"ok": False, "error_code": 500, "description": "down"})
            return
        given = {name: self.get_body_argument(name) for name in self.request.body_arguments}
        self._say(200, {"ok": True, "result": await self._do(method, given)})

    async def _do(self, method: str, given: dict[str, str]) -> Any:
        api = self.api
        match method:
            case "getMe":
                return {"id": 1, "is_bot": True, "first_name": "Bot", "username": "lab_bot"}
            case "getUpdates":
                first = int(given.get("offset", "0"))
                if not any(one["update_id"] >= first for one in api.updates):
                    api._come.clear()
                    try:
                        await asyncio.wait_for(api._come.wait(), 0.3)
                    except TimeoutError:
                        return []
                return [one for one in api.updates if one["update_id"] >= first]
            case "sendMessage" | "sendPhoto":
                files = {name: files[0]["body"] for name, files in self.request.files.items()}
                api.sent.append({"method": method, **given, **files})
                return {"message_id": api._next(), "date": 1, "chat": {"id": int(given["chat_id"]), "type": "private"}}
            case _:
                return True

    def _say(self, status: int, body: dict[str, Any]) -> None:
        self.set_status(status)
        self.set_header("content-type", "application/json")
        self.finish(json.dumps(body))
