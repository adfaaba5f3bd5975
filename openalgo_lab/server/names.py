"""Names that several parts of the server agree on."""

from __future__ import annotations

from typing import Final

APP_NAME: Final = "openalgo-lab"
ENGINE_KERNEL: Final = "openalgo-engine"
PAGE_KERNEL: Final = "openalgo-page"
#: Environment variable by which the server tells the engine kernel what to host (JSON of `EngineOrder`).
ENGINE_VARIABLE: Final = "OPENALGO_LAB_ENGINE"
