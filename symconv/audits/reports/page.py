"""An audit as one page of HTML: tables as heat maps, expressions in MathML, nothing loaded from elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from html import escape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from symconv.audits.reports.table import outputs_shown, table_of
from symconv.audits.reports.text import split_terms, unjudged, verdict_lines
from symconv.audits.result import Outcome, Tally
from symconv.mathematics.mathml import mathml
from symconv.mathematics.of_text import expression_read

__all__ = ["fragment", "page"]

#: pages of an audit with more cases than this list only those that are not right
MAX_LISTED = 2_000


def page(audit: Outcome) -> str:
    """The whole page."""
    return _environment().get_template("report.html.jinja").render(**_context(audit))


def fragment(audit: Outcome) -> str:
    """The report without its frame, for notebooks."""
    return _environment().get_template("body.html.jinja").render(**_context(audit))


@functools.cache
def _environment() -> Environment:
    environment = Environment(loader=PackageLoader("symconv.audits"), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    environment.filters["maths"] = maths
    environment.filters["heat"] = heat
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    return environment


def _context(audit: Outcome) -> dict[str, Any]:
    listed = [case for case in audit.cases if len(audit.cases) <= MAX_LISTED or not case.right(audit.outputs)]
    return {
        "audit": audit,
        "verdicts": verdict_lines(audit),
        "tables": [table_of(audit, output) for output in outputs_shown(audit)],
        "unjudged": unjudged(audit) if audit.unjudged else "",
        "outside": audit.outside_tally,
        "listed": listed[:MAX_LISTED],
        "unlisted": audit.tried - len(listed[:MAX_LISTED]),
    }


def heat(tally: Tally | None) -> str:
    """The colour of a cell, as a CSS class: h0 (none right) to h4 (all right), or none."""
    if tally is None or not tally.judged:
        return "none"
    share = tally.right / tally.judged
    return "h4" if share == 1 else "h0" if share == 0 else f"h{min(3, 1 + int(3 * share))}"


def maths(expression: str, marked: Sequence[str] = ()) -> Markup:
    """An expression as MathML, the marked terms of class "differs"; as code where it is none."""
    pieces = []
    for text, differs in split_terms(expression, marked):
        term = expression_read(text)
        shown = f"<code>{escape(text)}</code>" if term is None else mathml(term)
        pieces.append(f'<span class="differs">{shown}</span>' if differs else shown)
    return Markup("".join(pieces))
