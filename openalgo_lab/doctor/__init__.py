"""The doctor: looks at this machine and says, line by line, what to mend. Changes nothing."""

from openalgo_lab.doctor.examination import CHECKS, examine
from openalgo_lab.doctor.finding import Finding, Status

__all__ = ["CHECKS", "Finding", "Status", "examine"]
