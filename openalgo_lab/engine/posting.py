"""Posting JSON to an address of the user's own: webhooks of alerts."""

from __future__ import annotations

from urllib.parse import urlsplit

from openalgo_lab.model.errors import WireError

__all__ = ["post_json"]

TIMEOUT_S = 10.0


async def post_json(url: str, body: bytes) -> None:
    """Raises WireError when it did not arrive, or the answer is no success."""
    from openalgo_lab.wire.http import HttpTransport
    from openalgo_lab.wire.transport import HttpRequest

    parts = urlsplit(url)
    transport = HttpTransport(f"{parts.scheme}://{parts.netloc}")
    path = parts.path or "/"
    try:
        request = HttpRequest(
            "POST",
            f"{path}?{parts.query}" if parts.query else path,
            headers=(("content-type", "application/json"),),
            body=body,
        )
        answer = await transport.request(request, timeout_s=TIMEOUT_S)
    finally:
        await transport.close()
    if not 200 <= answer.status < 300:
        raise WireError(f"{parts.netloc} answered with status {answer.status}.")
