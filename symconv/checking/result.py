"""Verdicts as objects: what was said where, what became of it, and the whole article's count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

__all__ = [
    "AMBIGUOUS",
    "BAD",
    "DEFINITION",
    "GOOD",
    "HOLDS",
    "ILL_FORMED",
    "INCONSISTENT",
    "NOT_READ",
    "NO_CLAIM",
    "ORDER",
    "PROVED",
    "WRONG",
    "CheckResult",
    "CodeVerdict",
    "Verdict",
]

PROVED, HOLDS, WRONG, ILL_FORMED, INCONSISTENT, AMBIGUOUS, DEFINITION, NO_CLAIM, NOT_READ = (
    "PROVED",
    "HOLDS",
    "WRONG",
    "ILL-FORMED",
    "INCONSISTENT",
    "AMBIGUOUS",
    "DEFINITION",
    "NO CLAIM",
    "NOT READ",
)
BAD = (WRONG, ILL_FORMED, INCONSISTENT)

#: verdicts that a statement gets where what it is read as is right
GOOD = (PROVED, HOLDS, DEFINITION, ILL_FORMED)

#: of several statements in one display the first of these is the display's verdict
ORDER = (WRONG, ILL_FORMED, INCONSISTENT, AMBIGUOUS, NOT_READ, HOLDS, PROVED, DEFINITION, NO_CLAIM)

PLURAL = {
    PROVED: "proved",
    HOLDS: "hold at the sizes written",
    DEFINITION: "definitions",
    NO_CLAIM: "claim nothing",
    WRONG: "wrong",
    ILL_FORMED: "ill-formed",
    INCONSISTENT: "inconsistent",
    AMBIGUOUS: "ambiguous",
    NOT_READ: "not read",
}


@dataclass(frozen=True)
class Verdict:
    """What became of one display. ``condition`` says when it holds or how far that was looked at; ``fix`` is LaTeX that holds."""

    line: int
    latex: str
    verdict: str
    kind: str = ""
    tag: str | None = None
    condition: str | None = None
    reason: str | None = None
    fix: str | None = None
    counterexample: str | None = None
    inline: bool = False

    @property
    def told(self) -> str:
        """The condition and the reason, each once."""
        return "; ".join(dict.fromkeys(part for part in (self.condition, self.reason) if part))

    @property
    def message(self) -> str:
        """All that is said of it, for a line in a review."""
        fix = self.fix and f"write {' '.join(self.fix.split())}"
        return "; ".join(dict.fromkeys(p for p in (self.told, self.counterexample, fix) if p)) or self.verdict

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class CodeVerdict:
    """What became of one block of code; ``beside`` is what sets it apart from the formulas above it."""

    line: int
    name: str | None
    verdict: str
    condition: str | None = None
    reason: str | None = None
    beside: str | None = None

    @property
    def told(self) -> str:
        """Condition or reason, and what sets it apart from the formulas."""
        return "; ".join(part for part in (self.condition or self.reason, self.beside) if part)

    @property
    def message(self) -> str:
        """The same, never empty."""
        return self.told or self.verdict

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, repr=False)
class CheckResult:
    """Every display and every block of code of an article with its verdict, and the context that was inferred."""

    displays: tuple[Verdict, ...]
    code: tuple[CodeVerdict, ...] = ()
    context: tuple[Mapping[str, Any], ...] = ()
    source: str | None = None
    text: str = field(default="", compare=False)
    #: what sentences claim between their dollars
    inline: tuple[Verdict, ...] = ()

    @property
    def formulas(self) -> tuple[Verdict, ...]:
        """The displays and the claims inside sentences, as they follow each other."""
        return tuple(sorted((*self.displays, *self.inline), key=lambda each: each.line))

    @property
    def every(self) -> tuple[Verdict | CodeVerdict, ...]:
        """The formulas, then the code."""
        return (*self.formulas, *self.code)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, ill-formed or inconsistent."""
        return not any(each.verdict in BAD for each in self.every)

    @property
    def unread(self) -> bool:
        return any(each.verdict == NOT_READ for each in self.displays)

    @property
    def counts(self) -> dict[str, Any]:
        """How many displays, claims in sentences, blocks of code, and of each verdict."""
        return {
            "displays": len(self.displays),
            "verdicts": dict(Counter(each.verdict for each in self.displays)),
            "inline": len(self.inline),
            "inline_verdicts": dict(Counter(each.verdict for each in self.inline)),
            "code": len(self.code),
            "code_verdicts": dict(Counter(each.verdict for each in self.code)),
        }

    @property
    def summary(self) -> str:
        """The count in a line."""

        def told(found: Mapping[str, int]) -> str:
            return ", ".join(f"{found[verdict]} {PLURAL[verdict]}" for verdict in PLURAL if found.get(verdict))

        counts = self.counts
        line = f"{_number(counts['displays'], 'display')}" + (f": {told(counts['verdicts'])}" if self.displays else "")
        if self.inline:
            line += f"; {_number(counts['inline'], 'claim')} in sentences: {told(counts['inline_verdicts'])}"
        if self.code:
            line += f"; {_number(counts['code'], 'code block')}: {told(counts['code_verdicts'])}"
        return line

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "ok": self.ok,
            "source": self.source,
            "displays": [each.to_dict() for each in self.displays],
            "inline": [each.to_dict() for each in self.inline],
            "code": [each.to_dict() for each in self.code],
            "context": [dict(each) for each in self.context],
            "counts": self.counts,
            "summary": self.summary,
        }

    def __repr__(self) -> str:
        return f"<{self.summary}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{v.line}</td><td>{escape(v.verdict)}</td><td>{escape(v.condition or v.reason or '')}</td>"
            f"<td><code>{escape(v.latex[:200])}</code></td></tr>"
            for v in self.formulas
        )
        return f"<p>{escape(self.summary)}</p><table><tr><th>line</th><th>verdict</th><th></th><th></th></tr>{rows}</table>"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
