"""``python -m openalgo_lab.cli``."""

from openalgo_lab.cli import main

main()
