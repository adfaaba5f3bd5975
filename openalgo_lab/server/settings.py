"""Settings of the app's server, as Jupyter configuration: `c.OpenAlgoLab.<name>`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from traitlets import CaselessStrEnum, Float, List, Unicode
from traitlets.config import LoggingConfigurable

from openalgo_lab.server.engine_kernel import EngineOrder

__all__ = ["OpenAlgoLab"]


class OpenAlgoLab(LoggingConfigurable):
    """What this server is for. A plain `jupyter lab` leaves all at the defaults: pages work, nothing is started."""

    profile = Unicode("default", config=True, help="Profile whose engine, journal and vault are used.")
    server_dir = Unicode("", config=True, help="Private folder of the server; '' without an engine kernel.")
    replay = Unicode("", config=True, help="Recording to play as the market; '' = the simulated exchange.")
    speed = Float(1.0, min=0.0, config=True, help="Speed of the replay, 1 = as it was recorded.")
    engine = CaselessStrEnum(
        ["start", "on_demand", "off"],
        "off",
        config=True,
        help="When the engine kernel starts: with the server, with the first dashboard, or never.",
    )
    engine_class = Unicode("openalgo_lab.lab.Lab", config=True, help="What the engine kernel hosts (dotted name).")
    dashboards = List(
        Unicode(), ["dashboards/*.ipynb"], config=True, help="Notebooks that may be opened as an app (patterns)."
    )

    def allows(self, path: str) -> bool:
        """True when `path` (relative, '/' between folders) may be shown as a dashboard."""
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path or "\\" in path:
            return False
        return any(_matches(pure, PurePosixPath(pattern)) for pattern in self.dashboards)

    def engine_order(self) -> EngineOrder:
        """What the engine kernel shall host."""
        return EngineOrder(profile=self.profile, engine_class=self.engine_class, replay=self.replay, speed=self.speed)


def _matches(path: PurePosixPath, pattern: PurePosixPath) -> bool:
    """Folder by folder, so that '*' does not reach into deeper folders."""
    pairs = zip(path.parts, pattern.parts, strict=False)
    return len(path.parts) == len(pattern.parts) and all(fnmatchcase(part, wanted) for part, wanted in pairs)
