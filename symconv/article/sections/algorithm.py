"""The algorithm: the generated kernel that computes the closed formulas, and the checks that were made while this was written."""

from __future__ import annotations

import ast

import numpy as np

from symconv.article.blocks import Block, Code, Paragraph, Section, Table
from symconv.article.case import Case
from symconv.kernels import Kind, emit
from symconv.kernels.checks import CHECKS, TOLERANCE, Finding, check
from symconv.layer.conv import Conv
from symconv.mathematics.tree import Above, Math, Row, Word
from symconv.prose import Phrase, Value

__all__ = ["algorithm", "listing"]

#: the schedule that is shown: the closed formulas word for word
SCHEDULE = "formulas"

#: the checks of a kernel that are made and shown, where the layer is not too large for them
MADE = ("symbols", "integers", "values", "complex step")

#: the functions of the file that a listing shows: the two faces, and the operations of the formulas
OPERATIONS = ("correlate", "pad", "dilate", "flip", "total")


def algorithm(case: Case) -> Section:
    """The kernel, then what was found of it and of the formulas."""
    conv = case.conv
    kernel = emit(SCHEDULE, Kind(conv.ndim, conv.transposed))
    names = (kernel.function, f"{kernel.function}_backward", *(OPERATIONS if case.full else ()))
    findings = kernel_findings(conv)
    blocks: list[Block] = [Paragraph(Phrase("algorithm.intro"))]
    if all(finding.ok for finding in findings):
        blocks += [Code(listing(kernel.source, names), "python"), Paragraph(Phrase("algorithm.left_out"))]
    return Section("algorithm", Phrase("algorithm.title"), (*blocks, *verdict(case, findings)))


def kernel_findings(conv: Conv) -> tuple[Finding, ...]:
    """The checks of the kernel on this layer."""
    kernel = emit(SCHEDULE, Kind(conv.ndim, conv.transposed))
    names = [name for name in MADE if CHECKS[name].applies(conv)]
    return check(kernel, [conv], names).findings if names else ()


def listing(source: str, names: tuple[str, ...]) -> str:
    """The named functions of a file, comments kept, docstrings left out.

    >>> print(listing('def f(x):\\n    "Doc."\\n    return x  # so\\n\\ndef g(): ...\\n', ("f",)))
    def f(x):
        return x  # so
    """
    lines = source.splitlines()
    found = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    pieces = []
    for name in names:
        if name not in found:
            continue
        node = found[name]
        said = node.body[0]
        has_docstring = (
            isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) and isinstance(said.value.value, str)
        )
        left_out = range(said.lineno, (said.end_lineno or said.lineno) + 1) if has_docstring else range(0)
        kept = [lines[i - 1] for i in range(node.lineno, (node.end_lineno or node.lineno) + 1) if i not in left_out]
        pieces.append("\n".join(kept))
    return "\n\n".join(pieces)


# the check ------------------------------------------------------------------------------------------------------------


def verdict(case: Case, findings: tuple[Finding, ...]) -> list[Block]:
    """What verify found for this layer, what the kernel's checks found, and what that covers."""
    result = case.verification
    rows: list[tuple[Value, ...]] = [
        (Word(each.formula.target), Phrase("verdict.formula"), each.entries, _found("verdict", each.failures))
        for each in result.checks
    ]
    for target, (entries, failures) in case.loss_agrees.items():
        rows.append((Word(target), Phrase("verdict.loss.name"), entries, _found("verdict.loss", failures)))
    agreed = sum(entries for *_, entries, _ in rows if isinstance(entries, int))
    for finding in findings:
        key = finding.check.replace(" ", "_")
        shown: Value = Phrase(f"verdict.{'bound' if key == 'complex_step' else 'exact'}", {"bound": bound()})
        rows.append((Phrase("verdict.kernel"), Phrase(f"verdict.checks.{key}"), finding.entries,
                     shown if finding.ok else Phrase("verdict.broken")))  # fmt: skip
    head = tuple(Phrase(f"verdict.{name}") for name in ("array", "against", "entries", "found"))
    ok = case.ok and all(finding.ok for finding in findings)
    return [
        Paragraph(Phrase("verdict.intro", {"terms": case.conv.terms})),
        Table(head, tuple(rows), numbers=(2,)),
        Paragraph(Phrase("verdict.holds" if ok else "verdict.fails", {"entries": agreed}), "holds" if ok else "fails"),
        Paragraph(Phrase("verdict.scope")),
    ]


def bound() -> Math:
    """The relative error that the kernel stays below: ``< 10^-8``."""
    power = round(float(np.log10(TOLERANCE)))
    return Row((Word("< "), Above(Word("10"), Word(str(power).replace("-", "−")))))


def _found(key: str, failures: int) -> Phrase:
    return Phrase(f"{key}.differ", {"count": failures}) if failures else Phrase(f"{key}.equal")
