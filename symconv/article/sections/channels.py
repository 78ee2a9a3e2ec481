"""Depth, batch and groups: the sums over channels, filters and images written out."""

from __future__ import annotations

from collections.abc import Sequence

from symconv.article.blocks import Block, Equations, Paragraph, Picture, Section, Table
from symconv.article.case import Case
from symconv.article.companions import channelled
from symconv.article.equations import gradient_equations, indices, own, shown_labels
from symconv.article.sections.setting import counts, sizes_of
from symconv.article.selection import MOST_TERMS, SHOWN_OF_LONG, places
from symconv.formulas.tree import TARGETS
from symconv.layer.conv import Conv
from symconv.layer.loss import channel_labels
from symconv.mathematics.entries import entry, terms_sum
from symconv.mathematics.tree import Equation, Math, Word, separated
from symconv.prose import Phrase, Value

__all__ = ["channels"]


def channels(case: Case) -> Section:
    conv = channelled(case.conv)
    mine = conv == case.conv
    targets = ("y", *(target for target in ("dx", "dw", "db") if conv.bias or target != "db"))
    layer = conv.kind.name
    blocks: list[Block] = [
        Paragraph(Phrase("channels.intro")),
        Table(tuple(Phrase(f"channels.{head}") for head in ("array", "free", "summed")),
              tuple((Word(target), *free_and_summed(conv, target)) for target in targets)),
        Paragraph(depth(conv, layer)),
        Picture("depth"),
        Paragraph(Phrase("channels.written", {"counts": counts(conv)}) if mine else Phrase("channels.written_other")),
        Equations(_once(conv, targets), "channels"),
    ]  # fmt: skip
    if conv.groups > 1:
        blocks.append(Paragraph(Phrase("channels.groups", {"groups": conv.groups})))
    else:
        blocks.append(Paragraph(Phrase("channels.no_groups")))
    if case.full:
        shown = case.told if mine else Case(small(conv))
        blocks += expanded(shown, shown is case)
    return Section("channels", Phrase("channels.title"), tuple(blocks))


def _once(conv: Conv, targets: Sequence[str]) -> tuple[Equation, ...]:
    """The index equations of the targets; what an index stands for is not said again."""
    return tuple(dict.fromkeys(line for target in targets for line in gradient_equations(conv, target, False)))


def depth(conv: Conv, layer: str) -> Phrase:
    """Why dx sums over filters and dw over images; with groups it is only the filters of a group, perhaps a single one."""
    if conv.groups > 1:
        key = "channels.depth.one_filter" if conv.out_channels == conv.groups else f"channels.depth.groups_{layer}"
        return Phrase(key)
    return Phrase(f"channels.depth.{layer}")


def small(conv: Conv) -> Conv:
    """The smallest layer with two images, two input and three output channels."""
    return Conv(input=3, kernel=2, batch=2, in_channels=2, out_channels=3, transposed=conv.transposed)


def free_and_summed(conv: Conv, target: str) -> tuple[Math, Math]:
    """The indices of the target, and those that its sum runs over."""
    labels = channel_labels(conv)
    shown = [label for label in "ngfc" if label in shown_labels(conv)]
    free = [label for label in labels[target] if label in shown]
    used = "".join(labels[array] for array in TARGETS[target])
    summed = [label for label in shown if label in used and label not in free]
    space = "" if target == "db" else conv.kind.side(target)
    rest = {"k": "o", "o": "k", "m": "ok", "": conv.kind.side("y")}[space]

    def written(channel: list[str], spatial: str) -> Math:
        each: list[Math] = [Word(own(conv, label)) for label in channel]
        return separated([*each, *(index for letter in spatial for index in indices(conv, letter))], wide=True)

    return written(free, space), written(summed, rest)


def expanded(case: Case, mine: bool) -> list[Block]:
    """An inside entry of dx and one of dw with all their terms."""
    conv = case.conv
    chosen = []
    for target, side in (("dx", conv.kind.side("x")), ("dw", "k")):
        lead = (0,) * (len(conv.shapes[target]) - conv.ndim)
        chosen.append((target, (*lead, *(places(axis, side)[0] for axis in conv.axes))))
    lines = []
    for target, index in chosen:
        terms = case.gradients.terms(target).terms_of(index)
        long = len(terms) > MOST_TERMS
        side_ = terms_sum(conv, terms, SHOWN_OF_LONG if long else None)
        lines.append(Equation.of(entry(conv, target, index), side_, note=len(terms) if long else None))
    values: dict[str, Value] = {} if mine else {"counts": counts(conv), "layer": sizes_of(conv)}
    told = Phrase("channels.expanded" if mine else "channels.expanded_other", values)
    return [Paragraph(told), Equations(tuple(lines))]
