"""Runs in the environment of the official libraries: the published client's indicators, as a black box.

Reads JSON from the standard input: ``columns`` by name, ``calls`` as [label, function, column names, options]. The last
line of the output is JSON: ``version``, and by label the lists of numbers (null = not known) or the error's text.
"""

from __future__ import annotations

import json
import math
import sys
from importlib.metadata import version


def main() -> None:
    """Every call, or why it failed."""
    try:
        import numpy as np
        from openalgo import ta
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    asked = json.load(sys.stdin)
    columns = {name: np.array(values, dtype=np.float64) for name, values in asked["columns"].items()}
    told = {}
    for label, function, names, options in asked["calls"]:
        try:
            found = getattr(ta, function)(*(columns[name] for name in names), *options)
        except Exception as error:  # a stranger's code: its words go to the test
            told[label] = f"{type(error).__name__}: {error}"
            continue
        parts = found if isinstance(found, tuple) else (found,)
        told[label] = [
            [None if math.isnan(value) else value for value in np.asarray(part, dtype=np.float64).tolist()]
            for part in parts
        ]
    print(json.dumps({"version": version("openalgo"), "told": told}))


if __name__ == "__main__":
    main()
