"""The Action Center as a widget."""

from openalgo_lab.ui.approval.widget import ActionCenterView

__all__ = ["ActionCenterView"]
