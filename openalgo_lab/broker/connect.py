"""An adapter over the real network, from a spec."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.broker.spec import BrokerSpec
from openalgo_lab.broker.tokens import TokenStore
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.portfolio import Account

__all__ = ["open_adapter"]


def open_adapter(
    spec: BrokerSpec,
    account: Account,
    credentials: Mapping[str, str] | None = None,
    *,
    base_url: str = "",
    feed_url: str = "",
    tokens: TokenStore | None = None,
    record: Path | None = None,
) -> GenericAdapter:
    """An adapter that is not connected yet. ``base_url`` and ``feed_url`` stand in for the spec's own (a simulator).

    ``tokens`` keeps the session of the day; None keeps it in memory. ``record``: a new file for all that is said on
    the wire, without secrets (`openalgo_lab.wire.recorder`).

    Raises InputError when neither says where the broker is.
    """
    from openalgo_lab.wire.http import HttpTransport

    base = base_url or spec.base_url
    if not base:
        raise InputError(f"{spec.name} has no address of its own; give base_url.", field="base_url")
    hosts = dict.fromkeys(spec.hosts, base_url) if base_url else spec.hosts
    transport = HttpTransport(base, feed_url, hosts=hosts)
    if record is None:
        return GenericAdapter(spec, account, transport, credentials, tokens=tokens)
    from openalgo_lab.wire.recorder import Recorder, RecordingTransport

    recording = RecordingTransport(transport, Recorder(record), tuple((credentials or {}).values()))
    return GenericAdapter(spec, account, recording, credentials, tokens=tokens)
