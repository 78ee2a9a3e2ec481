"""The closed formulas in a box, and the theorem that they hold at every size, with its proof and what it covers."""

from __future__ import annotations

from collections.abc import Iterator

from symconv.algebra.integers import Name
from symconv.article.blocks import Block, Equations, Paragraph, Section, Table
from symconv.article.case import Case
from symconv.article.closed import closed, formula_for
from symconv.article.equations import own, shown_labels
from symconv.article.sections.notation import elsewhere
from symconv.formulas import tree
from symconv.layer import relation
from symconv.layer.conv import Conv
from symconv.mathematics.of_integers import from_one, of_integer
from symconv.mathematics.tree import Equation, Fence, Math, Operator, Row, Word, separated
from symconv.proof import PROVED, Proof
from symconv.proof.argument import AXES, BORDER, RANGES, existing, lengths, matching, most_padding, paddings
from symconv.proof.assumptions import assumptions
from symconv.proof.claim import EXTENTS
from symconv.prose import Phrase, Reference, Value

__all__ = ["summary"]


def summary(case: Case) -> Section:
    conv = case.conv
    targets = ("y", *reversed(case.targets))
    blocks: list[Block] = [
        Paragraph(Phrase("summary.intro")),
        Equations(tuple(closed(conv, target) for target in targets), "closed", boxed=True),
        Paragraph(
            Phrase(f"summary.notation.{'several' if conv.ndim > 1 else 'one'}", {"gap": of_integer(Name("s") - 1)})
        ),
        Paragraph(Phrase("summary.numbers")),
        Equations(tuple(closed(conv, target, True) for target in targets), "closed-numbers", boxed=True),
    ]
    if shown_labels(conv):
        blocks.append(Paragraph(Phrase("summary.channels")))
    if conv.mode.counts_outside:
        values: dict[str, Value] = {
            "mode": Word(conv.padding_mode),
            "border": Reference("border", Phrase("reference.border")),
        }
        kind = "_constant" if conv.mode.filled else ""
        blocks.append(Paragraph(Phrase(f"summary.border{kind}", values)))
    else:
        blocks += elsewhere(conv, case.notation)
    return Section("summary", Phrase("summary.title"), (*blocks, *theorem(case, targets)))


# the theorem ----------------------------------------------------------------------------------------------------------


def theorem(case: Case, targets: tuple[str, ...]) -> list[Block]:
    """The theorem and its proof as sections of their own; where a formula is not proved, the verdicts alone."""
    conv = case.conv
    found = case.evidence.proofs
    if found is None:
        return [Paragraph(Phrase("theorem.not_decided"))]
    layer = conv.kind.name
    if any(proof.verdict != PROVED for each in found.values() for proof in each):
        return [Paragraph(Phrase("theorem.open")), _verdicts(found, targets)]
    named = Fence(separated([Word("s"), Word("d")], wide=True))
    steps = Row((named, Operator("="), separated([_pair(s, d) for s, d in found], wide=True)))
    pads = [each for each in (paddings(), most_padding(conv.mode)) if each is not None]
    values: dict[str, Value] = {
        "sizes": lengths(), "pads": separated(pads, wide=True), "steps": steps, "output": existing(conv.kind),
        "formulas": Reference("closed", Phrase("reference.closed")),
    }  # fmt: skip
    statement: list[Block] = [
        Paragraph(Phrase(f"theorem.sizes.{layer}", values)),
        *_assumed(case),
        Paragraph(Phrase("theorem.holds" if conv.bias else "theorem.holds_plain", values)),
        *([Paragraph(Phrase("theorem.scope"))] if case.full else []),
    ]
    blocks: list[Block] = [Section("theorem", Phrase("theorem.title"), tuple(statement))]
    if case.full:
        blocks.append(Section("proof", Phrase("theorem.proof"), tuple(argument(conv))))
    return blocks


def _assumed(case: Case) -> list[Block]:
    """What the theorem is restricted to, where it is."""
    if not case.assume:
        return []
    said = []
    for each in assumptions(case.assume):
        sign = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}.get(each.relation, each.relation)
        said.append(Row((of_integer(each.left), Operator(sign), of_integer(each.right))))
    return [Paragraph(Phrase("theorem.assumed", {"assumed": separated(said, wide=True)}))]


def _pair(s: int, d: int) -> Math:
    return Fence(separated([Word(str(s)), Word(str(d))], wide=True))


def _verdicts(found: dict[tuple[int, int], tuple[Proof, ...]], targets: tuple[str, ...]) -> Table:
    rows: list[tuple[Value, ...]] = [
        (_pair(s, d), *(Phrase(f"theorem.{proof.verdict.lower()}") for proof in each)) for (s, d), each in found.items()
    ]
    return Table((Phrase("theorem.steps"), *(Word(target) for target in targets)), tuple(rows))


def argument(conv: Conv) -> Iterator[Block]:
    """The change of index behind the theorem, for dx and dw (of a transposed layer y as well), and who decided the rest."""
    if conv.mode.counts_outside:
        yield Paragraph(BORDER)
        yield Paragraph(Phrase("list.sentences", {"sentences": (RANGES, Phrase("proof.decided"))}))
        yield Paragraph(AXES)
        return
    yield Paragraph(Phrase("proof.product"))
    linked = {letter: Word(own(conv, letter)) for letter in "okm"}
    link = Equation.of(linked["m"], of_integer(from_one(relation.INPUT_INDEX), linked))
    yield Equations.of(link, label="relation")
    for target in ("y", "dx", "dw"):
        formula = formula_for(conv, target)
        body = formula.body.left if isinstance(formula.body, tree.Add) else formula.body
        assert isinstance(body, tree.Correlate)
        yield Paragraph(matching(target, body, _letter, EXTENTS))
    relating = Reference("relation", Phrase("reference.relation"))
    yield Paragraph(Phrase("proof.bias" if conv.bias else "proof.no_bias", {"relation": relating}))
    yield Paragraph(Phrase("list.sentences", {"sentences": (RANGES, Phrase("proof.decided"))}))
    yield Paragraph(AXES)


def _letter(array: str) -> str:
    """The index that runs over an array: m over x, k over w, o over y."""
    return {"x": "m", "w": "k", "y": "o"}[array.removeprefix("d")]
