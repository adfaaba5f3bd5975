"""The process in which one figure is measured: ``python -m openalgo_lab.bench.worker MODULE NAME``."""

from __future__ import annotations

import importlib
import json
import sys

from openalgo_lab.bench.spec import CannotMeasure, Figure

__all__ = ["main", "measure"]


def measure(one: Figure) -> dict[str, object]:
    """Measures here and now; CannotMeasure becomes a report with its reason, any other error is a defect."""
    try:
        return one.report(one.measure())
    except CannotMeasure as error:
        return one.report_missing(str(error))


def main(module: str, name: str) -> None:
    found = [
        value
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, Figure) and value.name == name
    ]
    # The last line of the output is the report: whatever the measured code prints goes before it.
    sys.stdout.write("\n" + json.dumps(measure(found[0])) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
