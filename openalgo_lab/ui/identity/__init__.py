"""The dialog that signs in, and that sets up users and their second factor."""

from __future__ import annotations

from openalgo_lab.ui.identity.page import show_access
from openalgo_lab.ui.identity.widget import SignInDialog

__all__ = ["SignInDialog", "show_access"]
