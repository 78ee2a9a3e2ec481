"""From confirmed observations on single cases to the causes that are named for an output."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.audits.arrays import OUTPUTS
from symconv.audits.case import Case
from symconv.audits.causes import CAUSES
from symconv.layer.conv import Conv

__all__ = ["NamedCause", "named_causes"]

#: more causes than this for one output explain nothing
MAX_CAUSES = 3

#: a cause that accounts for a smaller share of the failing cases is taken for a coincidence
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class NamedCause:
    """A mistake that accounts for ``explained`` of the ``failing`` cases of an output; ``how`` says what confirmed it."""

    key: str
    text: str
    explained: int
    failing: int
    how: str

    def __str__(self) -> str:
        return f"{self.text} (accounts for {self.explained} of {self.failing} failing cases: {self.how})"

    def to_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "text": self.text,
            "explained": self.explained,
            "failing": self.failing,
            "how": self.how,
        }


def named_causes(cases: Sequence[Case], output: str) -> list[NamedCause]:
    """The causes whose checks hold, greedily those that account for most of the failing cases.

    Where these leave cases unexplained, a pattern over all cases (fails exactly on the oblong ones) is named if one holds.
    """
    failing = [i for i, case in enumerate(cases) if case.status(output) in ("value", "shape", "error")]
    left = set(failing)
    found: list[NamedCause] = []
    order = {key: i for i, key in enumerate(CAUSES)}
    while left and len(found) < MAX_CAUSES:
        counts: dict[str, set[int]] = {}
        for i in left:
            causes = cases[i].verdict.causes
            for key in causes.get(output, causes.get("*", ())):
                counts.setdefault(key, set()).add(i)
        if not counts:
            break
        best = min(counts, key=lambda key: (-len(counts[key]), order[key]))
        if len(counts[best]) < LEAST_SHARE * len(failing):
            break
        how = "the result equals what this mistake computes" if best in _BY_VALUE else "seen in the result of each"
        found.append(NamedCause(best, CAUSES[best].text.format(output=output), len(counts[best]), len(failing), how))
        left -= counts[best]
    if left and all(_readable(cases[i]) for i in failing):
        for key, text, told, applies in _PATTERNS:
            if output in told and _is_pattern(cases, set(failing), applies):
                how = "it fails on every such case and on no other"
                return [NamedCause(key, text.format(output=output), len(failing), len(failing), how)]
    return found


def _readable(case: Case) -> bool:
    """Whether sizes can account for what happened: any result, but of exceptions only those about shapes and indices."""
    return case.verdict.status != "error" or bool(_ABOUT_SIZES.match(case.verdict.message))


#: exceptions that NumPy raises of itself when sizes do not go together
_ABOUT_SIZES = re.compile(
    r"(ValueError|IndexError|AssertionError)\b.*(broadcast|shape|axis|index|dimension|mismatch|size)"
)

_BY_VALUE = {key for key in CAUSES if not key.startswith(("depends-", "ignores-", "empty-crop", "true-division"))}


def _is_pattern(cases: Sequence[Case], failing: set[int], applies: Callable[[Conv], bool]) -> bool:
    """Whether the failing cases are exactly those with a property, and cases without it were tried."""
    answered = [i for i, case in enumerate(cases) if case.answered()]
    return failing == {i for i in answered if applies(cases[i].conv)} and len(failing) < len(answered)


def _oblong(conv: Conv) -> bool:
    """Some size of one axis differs from that of another."""
    return any(len(set(values)) > 1 for values in (conv.input, conv.kernel, conv.output))


_PATTERNS: tuple[tuple[str, str, tuple[str, ...], Callable[[Conv], bool]], ...] = (
    ("remainder", "misses the last rows when the stride does not divide", ("dx", "ddx"), lambda conv: any(conv.remainder)),
    ("remainder", "does not fit when the stride does not divide", ("dw", "y", "ddw", "ddy"), lambda conv: any(conv.remainder)),
    ("swaps-axes", "swaps H and W, or takes them to be equal", OUTPUTS, _oblong),
    ("oblong-output", "swaps H and W of the output, or takes them to be equal", OUTPUTS,
     lambda conv: len(set(conv.output)) > 1),
    ("oblong-kernel", "swaps H and W of the kernel, or takes them to be equal", OUTPUTS,
     lambda conv: len(set(conv.kernel)) > 1),
    ("oblong-input", "swaps H and W of the input, or takes them to be equal", OUTPUTS,
     lambda conv: len(set(conv.input)) > 1),
)  # fmt: skip
