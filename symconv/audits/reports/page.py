"""An audit as one page of HTML: tables as heat maps, expressions in MathML, nothing loaded from elsewhere."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Sequence
from html import escape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from symconv.audits.reports.table import outputs_shown, table_of
from symconv.audits.reports.text import split_terms, verdict_lines
from symconv.audits.result import Audit, Tally

__all__ = ["fragment", "page"]

#: pages of an audit with more cases than this list only those that are not right
MAX_LISTED = 2_000


def page(audit: Audit) -> str:
    """The whole page; ValueError without the extra html, which sets the expressions."""
    if not _mathml_available():
        raise ValueError("an HTML report needs the extra html: pip install 'symconv[html]'")
    return _environment().get_template("report.html.jinja").render(**_context(audit))


def fragment(audit: Audit) -> str:
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


def _context(audit: Audit) -> dict[str, Any]:
    listed = [case for case in audit.cases if len(audit.cases) <= MAX_LISTED or not case.right(audit.outputs)]
    return {
        "audit": audit,
        "verdicts": verdict_lines(audit),
        "tables": [table_of(audit, output) for output in outputs_shown(audit)],
        "outside": Tally.of(case.statuses(audit.outputs) for case in audit.outside),
        "listed": listed[:MAX_LISTED],
        "unlisted": len(audit.cases) - len(listed[:MAX_LISTED]),
    }


def heat(tally: Tally | None) -> str:
    """The colour of a cell, as a CSS class: h0 (none right) to h4 (all right), or none."""
    if tally is None or tally.cases == tally.refused:
        return "none"
    share = tally.right / (tally.cases - tally.refused)
    return "h4" if share == 1 else "h0" if share == 0 else f"h{min(3, 1 + int(3 * share))}"


def maths(expression: str, marked: Sequence[str] = ()) -> Markup:
    """An expression as MathML, the marked terms in a row of class "differs"; as code where it cannot be set."""
    if not _mathml_available():
        pieces = (
            f"<b>{escape(text)}</b>" if differs else escape(text) for text, differs in split_terms(expression, marked)
        )
        return Markup("<code>" + "".join(pieces) + "</code>")
    rows = []
    for text, differs in split_terms(expression, marked):
        rows.append(f'<mrow class="differs">{_mathml(text)}</mrow>' if differs else _mathml(text))
    return Markup(f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">{"".join(rows)}</math>')


def _mathml_available() -> bool:
    return importlib.util.find_spec("latex2mathml") is not None


def _mathml(text: str) -> str:
    from latex2mathml.converter import convert

    whole: str = convert(latex(text))
    return re.sub(r"^<math[^>]*>|</math>$", "", whole)


def latex(text: str) -> str:
    r"""The plain text of an expression as LaTeX.

    >>> print(latex(" - 2*dy_{11}*w_{21}"))
    - 2\,\mathit{dy}_{11}\,w_{21}
    """
    text = re.sub(r"\b(dx|dy|dw|db)(?=_|\b)", r"\\mathit{\1}", text)
    text = re.sub(r"(\d+)/(\d+)", r"\\frac{\1}{\2}", text)
    text = text.replace("(unset memory)", r"\text{unset memory}").replace("...", r"\dots ")
    return text.replace("*", r"\,")
