"""The sandbox as a widget: paper money, how it trades, and a way to begin anew."""

from openalgo_lab.ui.sandbox.widget import SandboxPanel

__all__ = ["SandboxPanel"]
