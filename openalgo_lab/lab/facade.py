"""The workbench as people see it: one object."""

from __future__ import annotations

from openalgo_lab.lab.connect import ConnectCalls
from openalgo_lab.lab.health import Health
from openalgo_lab.lab.history import HistoryCalls
from openalgo_lab.lab.limits import LimitCalls
from openalgo_lab.lab.market import MarketCalls
from openalgo_lab.lab.options import OptionCalls
from openalgo_lab.lab.replay import Replay
from openalgo_lab.lab.research import ResearchCalls
from openalgo_lab.lab.widgets import WidgetCalls

__all__ = ["Lab"]


class Lab(ConnectCalls, OptionCalls, LimitCalls, MarketCalls, HistoryCalls, ResearchCalls, WidgetCalls):
    """A trading workbench: ``lab = Lab()`` starts or joins the engine of your profile.

    The same in a notebook, in IPython and in a script. The engine runs in a thread of its own, so a busy cell never
    delays an order. Whatever waits has a twin for ``await`` that ends in ``_async``. Objects are live: a quote, an
    order, a book shows the present whenever you look.

    Args:
        profile: accounts, journal and settings of one trader; several kernels of a profile share one engine.
            None is ``"default"``, inside the app the app's own profile.
        host: whether the engine may run in this process: ``"auto"`` if nobody runs it yet, ``"never"``, or
            ``"always"`` (by preference; while another process runs it, this one attaches and waits its turn).
            None is ``"auto"``, in a page of the app ``"never"``.
        replay: a recorded session to be the market, instead of the simulated exchange.
        speed: how fast the recording is played.
        seed: makes the simulated market another one; the same seed is the same market.
        hours: when the simulated exchange trades: ``"always"`` or ``"exchange"`` (the real calendar).
        account: name of the account in a new profile.

    Raises:
        EngineBusy, EngineDead: there is no engine to be had; the sentence says who holds it.
        InputError: an argument is wrong.
    """

    @property
    def health(self) -> Health:
        """Who hosts, which market, how fresh the feed, how fast the orders."""
        return Health(self)

    @property
    def replay(self) -> Replay:
        """Steers a replayed session."""
        return Replay(self)

    def __repr__(self) -> str:
        if self._closed:
            return f"<Lab {self.profile}: closed>"
        status = self._handle.status
        return f"<Lab {self.profile}: {self._handle.role.value}, {status.mode.value}, engine in process {status.pid}>"

    def _repr_html_(self) -> str:
        return Health(self)._repr_html_() if not self._closed else ""
