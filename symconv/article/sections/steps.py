"""How stride, padding, dilation and a remainder change the pictures, each worked out: on the layer where it has them, on a
small example where it has not."""

from __future__ import annotations

from symconv.algebra.integers import Const, Integer, Name
from symconv.article.blocks import Block, Equations, Paragraph, Picture, Section
from symconv.article.case import Case
from symconv.article.companions import example, settings
from symconv.article.drawing import drawn, inserted
from symconv.article.equations import computed, letters, numbers, remainder
from symconv.article.sections.passes import unreached
from symconv.article.sections.setting import sizes_of
from symconv.formulas import tree
from symconv.formulas.standard import standard
from symconv.layer import relation
from symconv.layer.conv import Conv
from symconv.mathematics.of_integers import of_integer
from symconv.mathematics.tree import Equation, Math, Sum, Word
from symconv.prose import Phrase, Value

__all__ = ["stepped", "steps"]

#: what a layer may have, in the order it is told
TOLD = ("stride", "padding", "dilation", "remainder")


def steps(case: Case) -> Section:
    conv = case.conv
    layer = conv.kind.name
    own = stepped(conv)
    told = TOLD if case.everything else own
    blocks: list[Block] = [Paragraph(Phrase(f"steps.intro.{layer}")), Picture("relation")]
    if not own:
        blocks.append(Paragraph(Phrase("steps.none" if case.everything else "steps.none_at_all")))
    examples = [example(conv, name) for name in told]
    for i, (name, (line, axis)) in enumerate(zip(told, examples, strict=True)):
        inner = [
            Paragraph(Phrase(f"steps.{name}.{layer}", {"gap": of_integer(Name("s") - 1)} if name == "stride" else {})),
            Paragraph(worked_on(conv, line, axis)),
            *BLOCKS[name](line),
            *(
                _correlation(line) if line not in (later for later, _ in examples[i + 1 :]) else []
            ),  # said once, at the end
        ]
        blocks.append(Section(f"steps-{name}", Phrase(f"steps.{name}.title_{layer}"), tuple(inner)))
    return Section("steps", Phrase("steps.title"), tuple(blocks))


def stepped(conv: Conv) -> list[str]:
    """What the layer has on some axis: stride, padding, dilation, a remainder."""
    return [name for name in TOLD if any(settings(conv, axis)[name] for axis in range(conv.ndim))]


def worked_on(conv: Conv, line: Conv, axis: int | None) -> Phrase:
    """What the pictures that follow are of: the layer, an axis of it, one like it but shorter, or something else."""
    sizes: dict[str, Value] = {"layer": sizes_of(line)}
    if axis is None:
        return Phrase("steps.example", sizes)
    key = "own" if line.input[0] == conv.input[axis] and line.kernel[0] == conv.kernel[axis] else "short"
    return Phrase(f"steps.{key}" if conv.ndim == 1 else f"steps.{key}_axis", {**sizes, "axis": axis + 1})


def stride(line: Conv) -> list[Block]:
    target = _target(line)
    return [Equations.of(inserted(line, target))]


def padding(line: Conv) -> list[Block]:
    return [Equations(tuple(borders(line)))]


def dilation(line: Conv) -> list[Block]:
    return [Equations.of(_evaluated(line, relation.SPAN))]


def last_rows(line: Conv) -> list[Block]:
    blocks: list[Block] = []
    if line.transposed:
        blocks.append(Equations.of(computed(line, 0, "H", relation.PADDED_SIZE)))
        blocks.append(Paragraph(Phrase("steps.remainder.why_transposed")))
    else:
        blocks.append(Equations.of(remainder(line, 0)))
        blocks.append(Paragraph(Phrase("steps.remainder.why")))
        blocks.append(Equations(tuple(length_without_remainder(line))))
        blocks += [Paragraph(Phrase("steps.remainder.hence")), *unreached(line)]
    return blocks


BLOCKS = {"stride": stride, "padding": padding, "dilation": dilation, "remainder": last_rows}


def _target(line: Conv) -> str:
    """The array that is computed on the padded side: dx, or y of a transposed layer."""
    return "y" if line.transposed else "dx"


def _correlation(line: Conv) -> list[Block]:
    """What the layer computes on its padded side, as one correlation."""
    return [Paragraph(Phrase("steps.drawn")), *drawn(Case(line), (_target(line),), remarked=False)]


def borders(line: Conv) -> list[Equation]:
    """The border before and after in letters, with numbers, as numbers; read from the closed formula."""
    body = standard(_target(line), line.transposed).body
    pad = next(node for node in body.walk() if isinstance(node, tree.Move) and node.name == "pad")
    return [_evaluated(line, amount) for amount in pad.amounts]


def _evaluated(line: Conv, e: Integer) -> Equation:
    value = int(e.evaluate(line.axes[0].values))
    return Equation.of(of_integer(e, letters(line, 0)), of_integer(e, numbers(line, 0)), of_integer(Const(value)))


def length_without_remainder(line: Conv) -> list[Equation]:
    """How long dx would be if its border were d(K - 1) - q without r: that falls r short of H."""
    body = standard("dx").body
    assert isinstance(body, tree.Correlate)
    length = (relation.PADDED_SIZE - Name("r")).substitute({"r": Const(0)})
    short: Math = Sum(((1, Word("H")), (-1, Word("r"))))
    values = line.axes[0].values
    return [
        Equation.of(of_integer(length, letters(line, 0)), short),
        Equation.of(of_integer(length, numbers(line, 0)), of_integer(Const(values["H"] - values["r"]))),
    ]
