"""The algorithm: the generated kernel that computes the closed formulas, and the checks that were made while this was written."""

from __future__ import annotations

import numpy as np

from symconv.article.blocks import Block, Code, Paragraph, Section, Table
from symconv.article.case import Case
from symconv.article.evidence import numbered
from symconv.article.listing import gradient_check, listing
from symconv.article.sections.setting import layer_of
from symconv.kernels import Kind, emit
from symconv.kernels.checks import TOLERANCE, Finding
from symconv.mathematics.tree import Above, Math, Row, Word
from symconv.prose import Phrase, Value, prose

__all__ = ["algorithm"]


def algorithm(case: Case) -> Section:
    """The kernel, then what was found of it and of the formulas."""
    conv = case.conv
    findings = case.evidence.findings
    blocks: list[Block] = [
        Paragraph(Phrase(f"algorithm.{'emitted' if case.code != 'formulas' else 'intro' if case.full else 'brief'}"))
    ]
    if case.code == "none":
        return Section("algorithm", Phrase("algorithm.checks"), tuple(verdict(case, findings)))
    if all(finding.ok for finding in findings):
        blocks.append(Code(_listed(case), "python"))
        if case.code == "formulas" and case.full:
            blocks.append(Paragraph(Phrase("algorithm.left_out")))
        if case.gradient_check and case.code == "formulas":
            blocks += [
                Paragraph(Phrase("algorithm.check")),
                Code(gradient_check(conv, prose(case.lang), case.notation), "python"),
            ]
    return Section("algorithm", Phrase("algorithm.title"), (*blocks, *verdict(case, findings)))


def _listed(case: Case) -> str:
    """The closed formulas as a program, or the emitted kernel of a schedule."""
    if case.code == "formulas":
        return listing(case.conv, prose(case.lang), case.notation, brief=not case.full)
    return emit(case.code, Kind(case.conv.ndim, case.conv.transposed)).source.strip()


# the check ------------------------------------------------------------------------------------------------------------


def verdict(case: Case, findings: tuple[Finding, ...]) -> list[Block]:
    """What verify found for this layer, what the kernel's checks found, and what that covers."""
    result = case.evidence.verification
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
    told = Paragraph(
        Phrase("verdict.holds" if ok else "verdict.fails", {"entries": agreed}), "holds" if ok else "fails"
    )
    if not case.full:
        return [told]
    tried = numbered(case.conv)
    with_number = Phrase("verdict.filler", {"value": Word(f"{tried.padding_value:g}")}) if tried != case.conv else None
    values: dict[str, Value] = {"terms": case.conv.terms, "layer": layer_of(case.evidence.run_on)}
    key = "intro" if case.evidence.run_on == case.conv else "intro_smaller"
    return [
        Paragraph(Phrase(f"verdict.{key}", values)),
        *([Paragraph(with_number)] if with_number else []),
        Table(head, tuple(rows), numbers=(2,)),
        told,
        Paragraph(Phrase("verdict.scope")),
    ]


def bound() -> Math:
    """The relative error that the kernel stays below: ``< 10^-8``."""
    power = round(float(np.log10(TOLERANCE)))
    return Row((Word("< "), Above(Word("10"), Word(str(power).replace("-", "−")))))


def _found(key: str, failures: int) -> Phrase:
    return Phrase(f"{key}.differ", {"count": failures}) if failures else Phrase(f"{key}.equal")
