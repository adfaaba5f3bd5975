"""``openalgo-lab doctor``: the findings as text or JSON."""

from __future__ import annotations

import msgspec
import typer

from openalgo_lab.doctor import Finding, Status, examine

__all__ = ["lines", "report"]


def report(profile: str, *, as_json: bool) -> int:
    """Prints the findings; 1 if anything failed, else 0."""
    findings = examine(profile)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(findings)))
    else:
        typer.echo("\n".join(line for finding in findings for line in lines(finding)))
    return int(any(finding.status is Status.FAIL for finding in findings))


def lines(finding: Finding) -> list[str]:
    """One line, and the remedy below it where there is one."""
    first = f"{finding.status:<5} {finding.name:<15} {finding.detail}"
    return [first, f"{'':<21} → {finding.remedy}"] if finding.remedy else [first]
