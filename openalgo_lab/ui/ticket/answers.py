"""What the engine answered to a press, whatever its kind: an order to follow, or a line of words and how to end it."""

from __future__ import annotations

from typing import Any

import msgspec

from openalgo_lab.model.algo_commands import Algo, AlgoAct, Bracket, ControlAlgo, EndBracket
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.gtt_commands import CancelGtt, GttOrder
from openalgo_lab.model.orders import Order
from openalgo_lab.model.structure_commands import GroupReply, SmartReply
from openalgo_lab.ui.ticket.outcome import Tone

__all__ = ["Answer", "answer_of", "confirmed", "keyed"]


class Answer(msgspec.Struct, frozen=True):
    """``order`` is followed in the books; without one ``text`` says what became of it. ``undo`` ends what works on."""

    order: Order | None = None
    text: str = ""
    tone: Tone = "info"
    undo: Command[Any] | None = None


def answer_of(reply: Any) -> Answer:
    """Any reply of a command that a ticket sends. Raises LabError for one that it does not know."""
    match reply:
        case Order():
            return Answer(reply)
        case SmartReply():
            return Answer(reply.order, reply.message)
        case GroupReply():
            return _group(reply)
        case Bracket():
            return _bracket(reply)
        case GttOrder():
            return _gtt(reply)
        case Algo():
            return _algo(reply)
    raise LabError(f"The engine answered with {type(reply).__name__}, which a ticket cannot show: look at the books.")


def keyed(command: Any, key: str) -> Any:
    """The command under a client key, where it takes one."""
    return _changed(command, client_key=key)


def confirmed(command: Any) -> Any:
    """The command as one that may repeat an equal one."""
    return _changed(command, confirm_duplicate=True)


def _changed(command: Any, **values: Any) -> Any:
    names = command.__struct_fields__
    if "order" in names:
        return msgspec.structs.replace(command, order=_changed(command.order, **values))
    if "terms" in names:
        return msgspec.structs.replace(command, terms=_changed(command.terms, **values))
    known = {name: value for name, value in values.items() if name in names}
    return msgspec.structs.replace(command, **known)


def _group(reply: GroupReply) -> Answer:
    if len(reply.legs) == 1 and reply.legs[0].ok:
        return Answer(reply.legs[0].order)
    good = sum(leg.ok for leg in reply.legs)
    text = f"{good} of {len(reply.legs)} orders were taken."
    faults = dict.fromkeys(leg.error for leg in reply.legs if leg.error)
    return Answer(None, " ".join((text, *faults)), "good" if good == len(reply.legs) else "bad")


def _bracket(one: Bracket) -> Answer:
    exits = [f"stop {one.stop:,.2f}"] + ([f"target {one.target:,.2f}"] if one.target else [])
    exits += [f"trailing by {one.trail:,.2f}"] if one.trail else []
    text = f"{one.side} bracket {one.status.value}: {', '.join(exits)}. {one.reason}".strip()
    return Answer(None, text, "info", EndBracket(one.bracket_id))


def _gtt(one: GttOrder) -> Answer:
    triggers = " or ".join(f"{'≥' if leg.above else '≤'} {leg.trigger_price:,.2f}" for leg in one.legs)
    where = "at the broker" if one.native else "in this engine"
    text = f"{one.side} trigger {one.status.value} {where}: {triggers}. {one.reason}".strip()
    return Answer(None, text, "info", CancelGtt(one.gtt_id) if one.status is GttStatus.ACTIVE else None)


def _algo(one: Algo) -> Answer:
    order = one.terms.order
    text = f"{order.side} {one.terms.kind.value} {one.status.value}: {one.filled} of {order.quantity} filled."
    return Answer(
        None,
        f"{text} {one.message}".strip(),
        "info",
        None if one.status.ended else ControlAlgo(one.algo_id, AlgoAct.STOP),
    )
