"""Runs a real `Grid` against a bare page: the page's fake model and the widget exchange their messages by Playwright.

No Jupyter: what is tested is the pair of encoder and painter, as the user sees it.
"""

from __future__ import annotations

import base64
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import Page

from openalgo_lab.ui.grid import Grid, GridEvent
from openalgo_lab.ui.grid.bundle import esm, grid_css
from openalgo_lab.ui.theme import css

# The policy that the app serves; no 'unsafe-eval'.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self' blob:"
)

PAGE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>grid</title>
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="grid.css">
<style>body {{ margin: 8px; background: var(--oal-background); }}</style></head>
<body data-jp-theme-light="false"><div id="host"></div>
<script type="module">
import factory from "./grid.mjs";
const widget = factory();
class FakeModel {{
  constructor(spec) {{ this.state = {{ _spec: spec }}; this.handlers = new Map(); }}
  get(key) {{ return this.state[key]; }}
  set(key, value) {{ this.state[key] = value; }}
  save_changes() {{}}
  on(name, handler) {{ this.handlers.set(name, handler); }}
  off(name) {{ this.handlers.delete(name); }}
  send(content) {{ window.toPython(content); }}
  deliver(content, packed) {{
    const buffers = packed.map((text) => {{
      const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const shifted = new Uint8Array(raw.length + 3);   // as they come: not aligned
      shifted.set(raw, 3);
      return new DataView(shifted.buffer, 3, raw.length);
    }});
    this.handlers.get("msg:custom")?.(content, buffers);
  }}
}}
const controller = new AbortController();
window.startGrid = async (spec) => {{
  window.model = new FakeModel(spec);
  await widget.initialize({{ model: window.model, signal: controller.signal }});
  await window.showView();
}};
window.showView = async () => {{   // as Jupyter does it: rendered first, attached later
  const el = document.createElement("div");
  await widget.render({{ model: window.model, el, signal: controller.signal }});
  await new Promise((resolve) => setTimeout(resolve, 30));
  document.getElementById("host").append(el);
}};
window.closeGrid = () => controller.abort();
window.ready = true;
</script></body></html>"""


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map: ClassVar = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is the base class's
        return


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The page and the bundle over HTTP from `folder`."""
    (folder / "index.html").write_text(PAGE, "utf-8")
    (folder / "grid.mjs").write_text(esm(), "utf-8")
    (folder / "grid.css").write_text(css() + grid_css(), "utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Calm:
    """A kernel that is never busy."""

    def busy(self, now_ns: int) -> bool:
        return False


class Wired(Grid):
    """A grid whose messages go to the page of `Desk`, or to a list until it has one."""

    outbox: list[tuple[dict[str, Any], list[bytes]]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.outbox = []
        self.page: Page | None = None
        super().__init__(*args, **{"pulse": Calm(), **kwargs})

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.outbox.append((content, buffers or []))

    def say(self, content: dict[str, Any]) -> None:
        """The browser says."""
        self._on_message(self, content, [])

    def take(self) -> list[tuple[dict[str, Any], list[bytes]]]:
        taken, self.outbox = self.outbox, []
        return taken


class Desk:
    """One page with one grid. `events` are the user's; `heard` is everything the page said."""

    def __init__(self, page: Page, url: str, grid: Wired) -> None:
        self.page, self.grid = page, grid
        self.events: list[GridEvent] = []
        self.heard: list[dict[str, Any]] = []
        self.errors: list[str] = []
        grid.on_event(self.events.append)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.expose_function("toPython", self._hear)
        page.goto(url)
        page.wait_for_function("window.ready")
        page.evaluate("spec => startGrid(spec)", grid._spec)
        self.settle()

    def _hear(self, content: dict[str, Any]) -> None:
        self.heard.append(content)

    def settle(self, rounds: int = 3) -> None:
        """Exchanges messages until the screen shows the newest state."""
        for _ in range(rounds):
            self.pump()
            self.page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
        self.pump()

    def pump(self) -> None:
        for content, buffers in self.grid.take():
            packed = [base64.b64encode(part).decode() for part in buffers]
            self.page.evaluate("([c, b]) => model.deliver(c, b)", [content, packed])
        heard, self.heard[:] = list(self.heard), []
        for content in heard:
            self.grid.say(content)

    def call(self, method: str, *args: Any) -> Any:
        """A test hook of the view."""
        return self.page.evaluate(
            "([m, a]) => document.querySelector('[data-grid]').__grid[m](...a)", [method, list(args)]
        )

    def text(self, row: int, key: str) -> str | None:
        return self.call("cellText", row, key)  # type: ignore[no-any-return]

    def click(self, row: int, key: str, action: str = "", **kwargs: Any) -> None:
        at = self.call("hit", row, key, action)
        self.page.mouse.move(at["x"], at["y"])
        self.settle(1)
        self.page.mouse.click(at["x"], at["y"], **kwargs)
        self.settle(1)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle(1)

    def pixel(self, row: int, key: str, dx: int = 0) -> list[int]:
        """Colour of the canvas at a cell's centre, moved by dx."""
        at = self.call("hit", row, key)
        self.settle(1)
        return self.page.evaluate(  # type: ignore[no-any-return]
            """([x, y]) => { const c = document.querySelector('[data-grid] canvas'), b = c.getBoundingClientRect(),
            r = window.devicePixelRatio;
            return [...c.getContext('2d').getImageData((x - b.left) * r, (y - b.top) * r, 1, 1).data].slice(0, 3) }""",
            [at["x"] + dx, at["y"]],
        )
