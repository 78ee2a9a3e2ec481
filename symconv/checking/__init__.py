"""Articles judged: every displayed equation and every code block of somebody's text gets a verdict."""

from symconv.checking.result import CheckResult, CodeVerdict, Verdict
from symconv.checking.run import check

__all__ = ["CheckResult", "CodeVerdict", "Verdict", "check"]
