"""The content policy of the app's own pages: stricter than what JupyterLab needs on the same server."""

from __future__ import annotations

from typing import Final

__all__ = ["PAGE_POLICY", "StrictPage"]

#: `blob:` is for anywidget's modules. No 'unsafe-eval', no foreign address, no frame around us.
PAGE_POLICY: Final = "; ".join((
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip


class StrictPage:
    """Mixin for handlers that show a page."""

    @property
    def content_security_policy(self) -> str:
        """The header's value."""
        return PAGE_POLICY
