"""An audit's failures as findings on the line of the audited function, for SARIF."""

from __future__ import annotations

from symconv.audits.result import Outcome
from symconv.sarif import Finding, located

__all__ = ["findings"]


def findings(audit: Outcome) -> list[Finding]:
    """One for each output that is wrong in some case: how often, the smallest failure, its causes and the condition."""
    uri, line = located(audit.label)
    found = []
    for failure in audit.failures:
        wrong = audit.tally_of(failure.output).wrong
        told = [
            f"{failure.output} is wrong in {wrong} of {audit.tally.cases} geometries",
            f"smallest failure: {failure}",
        ]
        told += [f"likely cause: {cause.text}" for cause in audit.causes.get(failure.output, ())]
        told.append(str(audit.condition))
        found.append(Finding(f"wrong-{failure.output}", "error", "\n".join(told), uri, line))
    return found
