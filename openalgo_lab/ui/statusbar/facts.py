"""What the status bar says, computed from snapshots alone: a plain value that can be compared and tested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from openalgo_lab.engine.handle import Role
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.money import format_inr, from_paise
from openalgo_lab.model.times import format_ist
from openalgo_lab.model.vocabulary import Mode
from openalgo_lab.ui.freshness import LOST_MS, STALE_MS

if TYPE_CHECKING:
    from openalgo_lab.engine.board import Board
    from openalgo_lab.engine.handle import EngineHandle
    from openalgo_lab.model.events import EngineStatus, FeedState
    from openalgo_lab.model.portfolio import Position

__all__ = ["Facts", "ReplayFacts", "day_profit_paise", "facts_of"]

Health = Literal["good", "slow", "lost"]

_MODE_WORDS = {
    Mode.SIMULATED: "SIMULATED",
    Mode.REPLAY: "REPLAY",
    Mode.SANDBOX: "SANDBOX",
    Mode.LIVE: "LIVE",
}


class ReplayFacts(msgspec.Struct, frozen=True):
    """Where a replay stands, for its controls: moment as IST text, progress 0-1."""

    name: str
    moment: str
    progress: float
    speed: float
    paused: bool
    ended: bool


class Facts(msgspec.Struct, frozen=True):
    """Everything the bar shows. Ages and latencies are texts already, so that a change is a change on screen."""

    mode: str
    mode_word: str
    account: str
    broker: str
    feed: Health
    feed_text: str
    order_text: str
    profit_text: str
    profit_sign: int
    clock: str
    engine_text: str
    recovering: bool
    unknown_orders: int
    kill_switch: bool
    replay: ReplayFacts | None


def day_profit_paise(positions: Iterable[Position], board: Board) -> int:
    """Realised and unrealised profit of the day over all positions; one without a price counts its realised part."""
    total = 0
    for position in positions:
        total += position.realised_paise
        row = board.find(InstrumentKey(position.exchange, position.symbol))
        if row is None or not position.quantity:
            continue
        ltp = float(board.column("ltp", np.array([row]))[0])
        if not np.isnan(ltp):
            total += position.unrealised_paise(ltp)
    return total


def facts_of(handle: EngineHandle) -> Facts:
    """The bar's facts now. Reads snapshots only; any thread."""
    status = handle.status
    role = handle.role
    account = next((one for one in status.accounts if one.account == status.default_account), None)
    feed = next((one for one in status.feeds if account and one.broker == account.broker), None)
    profit = day_profit_paise(handle.books.positions, handle.board)
    health, feed_text = _freshness(feed)
    return Facts(
        mode=status.mode.value,
        mode_word=_MODE_WORDS[status.mode],
        account=account.account if account else "no account",
        broker=(account.name or account.broker) if account else "",
        feed=health,
        feed_text=feed_text,
        order_text=f"{status.order_ack.p50_ms:.1f} ms" if status.order_ack.count else "–",
        profit_text=format_inr(from_paise(profit), symbol=True, plus=True),
        profit_sign=(profit > 0) - (profit < 0),
        clock=format_ist(status.market_ns) if status.market_ns else "",
        engine_text=_engine_text(role, status),
        recovering=role is Role.RECOVERING,
        unknown_orders=status.unknown_orders,
        kill_switch=status.kill_switch,
        replay=_replay(status),
    )


def _freshness(feed: FeedState | None) -> tuple[Health, str]:
    if feed is None or not feed.connected:
        return "lost", feed.detail if feed and feed.detail else "no feed"
    if feed.age_ms < 0:
        return "slow", "waiting"
    health: Health = "good" if feed.age_ms < STALE_MS else "slow" if feed.age_ms < LOST_MS else "lost"
    # Under half a second is "live": a number that flickers without meaning anything is noise.
    return health, "live" if feed.age_ms < 500 else f"{feed.age_ms / 1000:.1f} s old"


def _engine_text(role: Role, status: EngineStatus) -> str:
    if role is Role.RECOVERING:
        return "Engine lost: taking over…"
    if role is Role.CLOSED:
        return "Engine closed"
    where = "this kernel" if role is Role.HOST else f"process {status.pid}"
    return f"Engine in {where}, {status.attached} attached"


def _replay(status: EngineStatus) -> ReplayFacts | None:
    now = status.replay
    if now is None:
        return None
    span = max(now.end_ns - now.start_ns, 1)
    return ReplayFacts(
        name=now.name,
        moment=format_ist(now.now_ns),
        progress=round(min(max((now.now_ns - now.start_ns) / span, 0.0), 1.0), 3),
        speed=now.speed,
        paused=now.paused,
        ended=now.ended,
    )
