"""Page kernels kept warm, so that a dashboard starts without waiting for a process and its imports.

Two lists: *waiting* kernels (started, imports done, hidden from everybody) and *pages* (handed over). The manager
is otherwise Jupyter's own, so Lab's notebooks and consoles are not touched by any of this.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Float, Integer, Unicode

from openalgo_lab.server.names import ENGINE_KERNEL, PAGE_KERNEL

__all__ = ["PooledKernelManager"]

_LONGEST_PAUSE_S = 60.0
_SETTLE_S = 2.0
"""How long a start or an end that is under way may take when everything is to end."""


class PooledKernelManager(AsyncMappingKernelManager):
    """Jupyter's kernel manager with a pool of warm page kernels.

    `start_kernel(kernel_name='openalgo-page')` hands over a warm kernel when there is one for the folder asked for;
    any other request goes the ordinary way. Page and engine kernels are never restarted by Jupyter: a page that
    lost its kernel reloads, the engine has its own keeper.
    """

    pool_size = Integer(0, min=0, config=True, help="Warm page kernels to keep; 0 switches the pool off.")
    pool_path = Unicode("dashboards", config=True, help="Folder below root_dir in which warm kernels start.")
    refill_delay_s = Float(6.0, config=True, help="Longest wait before the pool refills after a hand-over.")
    refill_after_paint_s = Float(0.4, config=True, help="Wait before the refill once a page says it has painted.")
    warm_up_timeout_s = Float(60.0, config=True, help="A warm kernel must answer within this time, or is dropped.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._waiting: list[str] = []
        self._warming: set[str] = set()
        self.pages: set[str] = set()
        self._refill: asyncio.Task[None] | None = None
        self._refill_now = asyncio.Event()
        self._closing = False
        self._failures = 0
        self._not_before = 0.0

    # -- handing over ------------------------------------------------------------------------------------------

    async def _async_start_kernel(self, *, kernel_id: str | None = None, path: str | None = None, **kwargs: Any) -> str:
        """Start (or hand over) a kernel and return its id."""
        name = kwargs.get("kernel_name")
        if name == PAGE_KERNEL and kernel_id is None:
            # Before the hand-over, which takes a moment: the watch would fill the gap at once, beside the page's start.
            self.fill(self.refill_delay_s)
            handed = await self._take(path, kwargs.get("env") or {})
            if handed is None:
                handed = await self._start_cold(path, **kwargs)
            self.pages.add(handed)
            return handed
        started = await super()._async_start_kernel(kernel_id=kernel_id, path=path, **kwargs)  # type: ignore[arg-type]
        if name == ENGINE_KERNEL:
            self.get_kernel(started).stop_restarter()
        return started

    start_kernel = _async_start_kernel  # type: ignore[assignment]

    async def _start_cold(self, path: str | None, **kwargs: Any) -> str:
        started: str = await super()._async_start_kernel(path=path, **kwargs)  # type: ignore[arg-type]
        self.get_kernel(started).stop_restarter()
        return started

    async def _take(self, path: str | None, env: Mapping[str, str]) -> str | None:
        if (path or "").strip("/") != self.pool_path:
            return None
        while self._waiting:
            kernel_id = self._waiting.pop(0)
            if await self._dress(kernel_id, env):
                self.log.info("Warm page kernel handed over: %s", kernel_id)
                return kernel_id
            self.log.warning("A warm page kernel did not answer and is dropped: %s", kernel_id)
            await self._drop(kernel_id)
        return None

    async def _dress(self, kernel_id: str, env: Mapping[str, str]) -> bool:
        """Give a waiting kernel the request's own environment; False when the kernel is dead or silent."""
        if not await self._alive(kernel_id):
            return False
        news = {str(key): str(value) for key, value in env.items() if os.environ.get(key) != value}
        return await self._ask(kernel_id, f"import os; os.environ.update({news!r}); del os", timeout_s=3.0)

    # -- the pool ----------------------------------------------------------------------------------------------

    @property
    def warm(self) -> int:
        """Warm kernels ready to be handed over."""
        return len(self._waiting)

    def fill(self, delay_s: float) -> None:
        """Bring the pool to its size, after `delay_s` or as soon as `page_painted` says so."""
        if self.pool_size and not self._closing and (self._refill is None or self._refill.done()):
            self._refill = asyncio.create_task(self._fill_after(delay_s))

    def page_painted(self) -> None:
        """A page has drawn itself: the processor is free for the next warm kernel."""
        self._refill_now.set()

    async def _fill_after(self, delay_s: float) -> None:
        self._refill_now.clear()
        if delay_s:
            try:
                await asyncio.wait_for(self._refill_now.wait(), delay_s)
                await asyncio.sleep(self.refill_after_paint_s)
            except TimeoutError:
                pass
        while len(self._waiting) < self.pool_size and not self._closing:
            if not await self._warm_one():
                return

    async def _warm_one(self) -> bool:
        kernel_id = str(uuid.uuid4())
        self._warming.add(kernel_id)
        try:
            await self._start_cold(self.pool_path, kernel_name=PAGE_KERNEL, kernel_id=kernel_id)
            ready = await self._ask(kernel_id, "", timeout_s=self.warm_up_timeout_s)
        finally:
            self._warming.discard(kernel_id)
        if ready and not self._closing:
            self._failures = 0
            self._waiting.append(kernel_id)
            return True
        self._failures += 1
        pause_s = min(_LONGEST_PAUSE_S, 2.0**self._failures)
        self._not_before = time.monotonic() + pause_s
        self.log.warning("A page kernel did not come up; the next try is in %.0f s", pause_s)
        await self._drop(kernel_id)
        return False

    async def check_pool(self) -> None:
        """Replace waiting kernels whose process has ended."""
        dead = [kernel_id for kernel_id in self._waiting if not await self._alive(kernel_id)]
        for kernel_id in dead:
            self._waiting.remove(kernel_id)
            await self._drop(kernel_id)
        if len(self._waiting) < self.pool_size and time.monotonic() >= self._not_before:
            self.fill(0.0)

    # -- small things ------------------------------------------------------------------------------------------

    async def _ask(self, kernel_id: str, code: str, *, timeout_s: float) -> bool:
        """Run `code` silently; False when no good answer came in time."""
        client = self.get_kernel(kernel_id).client()
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            client.execute(code, silent=True, store_history=False, allow_stdin=False)
            answer: Any = client.get_shell_msg()
            reply = await asyncio.wait_for(answer, timeout_s)
            return bool(reply["content"]["status"] == "ok")
        except TimeoutError:
            return False
        finally:
            client.stop_channels()

    async def _alive(self, kernel_id: str) -> bool:
        return kernel_id in self and bool(await ensure_async(self.get_kernel(kernel_id).is_alive()))

    async def is_page_alive(self, kernel_id: str) -> bool:
        """True while the process of a handed-over page kernel runs."""
        return await self._alive(kernel_id)

    async def _drop(self, kernel_id: str) -> None:
        self.pages.discard(kernel_id)
        if kernel_id in self:
            await ensure_async(self.shutdown_kernel(kernel_id, now=True))

    async def end_page(self, kernel_id: str) -> None:
        """End a page kernel: politely while it lives (it may have taken the engine over), else just tidy up."""
        alive = await self._alive(kernel_id)
        self.pages.discard(kernel_id)
        if kernel_id in self:
            await ensure_async(self.shutdown_kernel(kernel_id, now=not alive))

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel, wherever it was kept."""
        self.pages.discard(kernel_id)
        if kernel_id in self._waiting:
            self._waiting.remove(kernel_id)
        return super().remove_kernel(kernel_id)

    def list_kernels(self) -> list[dict[str, Any]]:
        """Running kernels without the pool's waiting ones."""
        hidden = {*self._waiting, *self._warming}
        return [model for model in super().list_kernels() if model["id"] not in hidden]

    async def _async_shutdown_all(self, now: bool = False) -> None:
        """End every kernel, also one whose start or end was broken off half way.

        Jupyter asks such a kernel for the outcome of what never came to an end, and its whole shutdown fails by that.
        """
        await _settle([asyncio.ensure_future(begun) for begun in self._pending_kernels.values()])
        self._pending_kernels.clear()
        kernels = [self.get_kernel(kernel_id) for kernel_id in self.list_kernel_ids()]
        await _settle([asyncio.ensure_future(one.ready) for one in kernels if isinstance(one.ready, asyncio.Future)])
        await super()._async_shutdown_all(now=now)

    shutdown_all = _async_shutdown_all  # type: ignore[assignment]

    async def close_pool(self) -> None:
        """Stop refilling; the kernels end with all the others."""
        self._closing = True
        if self._refill is not None and not self._refill.done():
            self._refill.cancel()
            await asyncio.gather(self._refill, return_exceptions=True)


async def _settle(under_way: Sequence[asyncio.Future[Any]]) -> None:
    """Let what is under way come to its end for a moment, then break it off."""
    if under_way:
        await asyncio.wait(under_way, timeout=_SETTLE_S)
    for one in under_way:
        one.cancel()
