"""What a checked article looks like elsewhere: a page, comments in the source, a diff, SARIF, JUnit."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from html import escape
from typing import Any
from xml.sax.saxutils import quoteattr

from symconv.algebra.trees import rebuilt
from symconv.checking.result import AMBIGUOUS, BAD, NOT_READ, CheckResult, Verdict
from symconv.mathematics.mathml import mathml, style_sheet
from symconv.mathematics.of_latex import LatexError, Lines, Text, read_latex
from symconv.mathematics.tree import Matrix, Row, Word
from symconv.sarif import Finding
from symconv.sarif import sarif as as_sarif

__all__ = ["REPORTS", "annotated", "corrected"]


def html(results: Sequence[CheckResult]) -> str:
    """One page: every display as it is set, its verdict beside it."""
    rows = []
    for result in results:
        rows.append(f"<h1>{escape(result.source or 'article')}</h1><p>{escape(result.summary)}</p><table>")
        for each in result.formulas:
            display = _shown(each.latex)
            css = each.verdict.lower().replace(" ", "-")
            told = "<br>".join(
                escape(t) for t in dict.fromkeys((each.condition, each.reason, each.counterexample)) if t
            )
            fix = f"<br>write {_shown(each.fix)}<code>{escape(each.fix)}</code>" if each.fix else ""
            verdict = f"<b>{escape(each.verdict)}</b><br>{told}{fix}"
            shown = f'<div class="wide" tabindex="0">{display}</div>'
            rows.append(f'<tr class="{css}"><td>{each.line}</td><td>{shown}</td><td>{verdict}</td></tr>')
        rows += [
            f"<tr><td>{c.line}</td><td>code {escape(c.name or '')}</td><td><b>{escape(c.verdict)}</b><br>"
            f"{escape(c.told)}</td></tr>"
            for c in result.code
        ]
        rows.append("</table>")
    return PAGE.replace("MATHS", style_sheet()).replace("ROWS", "\n".join(rows))


def _shown(latex: str) -> str:
    """A display as a browser sets it, a line for each of its lines; what cannot be read, as it stands."""
    try:
        body, _ = read_latex(latex)
    except LatexError:
        return f"<pre>{escape(latex)}</pre>"
    rows = [Row(cells) for cells in body.rows] if isinstance(body, Lines) else [body]
    return "".join(f"<div>{mathml(_settable(row), display=True)}</div>" for row in rows)


def _settable(math: Any) -> Any:
    """The same in the kinds of things that the printers know."""
    if isinstance(math, Text):
        return Word(f" {math.text} ")
    if isinstance(math, Lines):
        width = max(len(row) for row in math.rows)
        return Matrix(tuple(tuple(map(_settable, (*row, *[Row(())] * (width - len(row))))) for row in math.rows))
    return rebuilt(math, _settable)


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>symconv check</title>
<style>
:root { color-scheme: light dark; --ink: light-dark(#222, #e6e6e6); --soft: light-dark(#666, #a4abb6);
  --line: light-dark(#ddd, #3a3f48) }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: var(--ink);
  background: light-dark(#fff, #16181c) }
h1, td { overflow-wrap: anywhere } table { border-collapse: collapse; width: 100%; table-layout: fixed }
td { border-top: 1px solid var(--line); padding: .5em; vertical-align: top }
td:first-child { color: var(--soft); width: 3.5em } td:nth-child(3) { width: 22em } .wide { overflow-x: auto }
@media (max-width: 45em) { table, tbody, tr, td { display: block; width: auto !important }
  tr { border-top: 1px solid var(--line) } td { border: 0; padding: .3em 0 } }
.wrong b, .ill-formed b, .inconsistent b { color: light-dark(#b00020, #ff8d9b) }
.proved b, .holds b { color: light-dark(#1b6e3c, #6fcf97) } .not-read b, .ambiguous b { color: light-dark(#8a5a00, #e0b060) }
code { background: light-dark(#f3f3f3, #2a2e36) }
MATHS
</style>
<body>
<main>
ROWS
</main>
</body>
</html>
"""


def annotated(result: CheckResult) -> str:
    """The source with each verdict as a comment: on the line before its display, or at the end of its sentence's line."""
    latex = bool(result.source and result.source.endswith((".tex", ".latex")))
    opening, closing = ("% ", "") if latex else ("<!-- ", " -->")
    lines = result.text.splitlines(keepends=True)
    for each in sorted(result.every, key=lambda v: -v.line):
        told = "" if each.message == each.verdict else each.message
        comment = f"symconv check: {each.verdict}" + (f": {told}" if told else "")
        comment = comment.replace("--", "- -") if not latex else comment
        at = max(0, min(each.line - 1, len(lines)))
        if isinstance(each, Verdict) and each.inline and at < len(lines):
            lines[at] = f"{lines[at].rstrip()} {opening}{comment}{closing}\n"
            continue
        lines.insert(at, f"{opening}{comment}{closing}\n" + ("" if latex else "\n"))
    return "".join(lines)


def corrected(result: CheckResult) -> str:
    """The source with every correction in the place of what it corrects."""
    text = result.text
    for each in result.formulas:
        if each.fix and each.verdict in BAD and text.count(each.latex) == 1:
            text = text.replace(each.latex, _keeping(each))
    return text


def _keeping(verdict: Verdict) -> str:
    """The correction with the tag of what it corrects."""
    tag, fix = rf" \tag{{{verdict.tag}}}" if verdict.tag else "", verdict.fix or ""
    if r"\tag" in fix:
        return fix
    inside, end, rest = fix.rpartition("\n\\end{")
    return f"{inside}{tag}{end}{rest}" if end else fix + tag


def diff(results: Sequence[CheckResult]) -> str:
    """The corrections as a unified diff."""
    told: list[str] = []
    for result in results:
        name = result.source or "article"
        told += difflib.unified_diff(
            result.text.splitlines(keepends=True), corrected(result).splitlines(keepends=True), f"a/{name}", f"b/{name}"
        )
    return "".join(told)


def sarif(results: Sequence[CheckResult]) -> str:
    """SARIF 2.1.0, for tools that review code."""
    levels = {**dict.fromkeys(BAD, "error"), AMBIGUOUS: "warning", NOT_READ: "note"}
    found = [
        Finding(
            each.verdict,
            levels[each.verdict],
            each.message,
            result.source or "article",
            each.line,
        )
        for result in results
        for each in result.every
        if each.verdict in levels
    ]
    return as_sarif("symconv check", found)


def junit(results: Sequence[CheckResult]) -> str:
    """JUnit XML: a test for each display and block of code."""
    suites = []
    for result in results:
        every = result.every
        cases = []
        for each in every:
            told = quoteattr(each.message)
            inner = (
                f"<failure message={told}/>"
                if each.verdict in BAD
                else f"<skipped message={told}/>"
                if each.verdict == NOT_READ
                else ""
            )
            cases.append(f"<testcase name={quoteattr(f'line {each.line}: {each.verdict}')}>{inner}</testcase>")
        bad, unread = sum(e.verdict in BAD for e in every), sum(e.verdict == NOT_READ for e in every)
        name = quoteattr(result.source or "article")
        suites.append(
            f'<testsuite name={name} tests="{len(every)}" failures="{bad}" skipped="{unread}">'
            + "".join(cases)
            + "</testsuite>"
        )
    return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>' + "".join(suites) + "</testsuites>\n"


def text(results: Sequence[CheckResult]) -> str:
    """A line for each display and block of code, and the count."""
    told = [[f"{v.line}: {v.verdict}: {v.told}" for v in r.every] + [r.summary] for r in results]
    return "".join(line + "\n" for lines in told for line in lines)


REPORTS: dict[str, Callable[[Sequence[CheckResult]], str]] = {
    "html": html, "sarif": sarif, "junit": junit, "diff": diff, "text": text,
    "annotated": lambda results: "".join(map(annotated, results)),
    "json": lambda results: json.dumps([r.to_dict() for r in results], indent=1, ensure_ascii=False) + "\n",
}  # fmt: skip
