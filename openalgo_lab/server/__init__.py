"""The app's server: one Jupyter server with Voilà, JupyterLab, warm pages and the engine kernel.

`launch.run_app` and `launch.run_lab` start it; `extension` is what Jupyter loads.
"""

from __future__ import annotations

__all__: list[str] = []


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell Jupyter where the extension lies."""
    return [{"module": "openalgo_lab.server.extension"}]
