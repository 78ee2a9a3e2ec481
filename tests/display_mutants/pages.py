"""The pages whose displays are mutated, and the verdict on one display where it reads something else."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from symconv import Conv
from symconv.article import document
from symconv.checking.context import Context
from symconv.checking.documents import Block, blocks_of
from symconv.checking.result import AMBIGUOUS, BAD, DEFINITION, HOLDS, PROVED, Verdict
from symconv.checking.run import in_sentence, opened, read
from symconv.mathematics.notation import notation
from symconv.mathematics.of_latex import LatexError, read_latex
from tests.display_mutants.mutations import ROWS, Mutant, Rows, mutants, rows_of

__all__ = ["FINE", "FOUND", "MORE", "PAGES", "SUFFIX", "Page", "page", "sample", "whole"]

#: verdicts that find nothing wrong, and those that do; the others say that nothing was judged
FINE = (PROVED, HOLDS, DEFINITION)
FOUND = (*BAD, AMBIGUOUS)

Made = tuple[dict[str, object], str, str, object]

#: layers, formats, languages and notations: axes, channels, groups, borders, transposed layers
PAGES: tuple[Made, ...] = (
    ({"input": 4, "kernel": 2}, "markdown", "en", None),
    ({"input": (4, 3), "kernel": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1))}, "latex", "fr", None),
    ({"input": 8, "kernel": 2, "dilation": 2, "stride": 3, "padding": 1}, "html", "en", None),
    ({"input": 4, "kernel": 3, "padding": 1, "padding_mode": "reflect"}, "markdown", "de", None),
    ({"input": (4, 3), "kernel": (2, 2), "padding": 1, "padding_mode": "circular"}, "ipynb", "en", None),
    ({"input": 3, "kernel": 2, "stride": 2, "output_padding": 1, "transposed": True}, "latex", "en", None),
    ({"input": 4, "kernel": 2, "in_channels": 2, "out_channels": 3}, "markdown", "en", None),
    ({"input": 3, "kernel": 2, "in_channels": 4, "out_channels": 2, "groups": 2, "padding": 1}, "html", "fr", None),
    ({"input": 5, "kernel": 2, "batch": 2, "stride": 2}, "markdown", "en", None),
    ({"input": (3, 3, 2), "kernel": (2, 2, 1), "padding": (0, 1, 0)}, "markdown", "fr", None),
)  # fmt: skip

#: the same in other notations, and other layers
MORE: tuple[Made, ...] = (
    ({"input": 6, "kernel": 3, "stride": 2, "padding": 1}, "markdown", "en", "cs231n"),
    ({"input": (4, 5), "kernel": (2, 3), "padding": ((1, 0), (1, 1))}, "latex", "de", "goodfellow"),
    ({"input": 7, "kernel": 2, "dilation": 3, "stride": 2, "padding": (0, 1)}, "html", "fr", "bishop"),
    ({"input": 5, "kernel": 3, "stride": 2, "padding": 1, "in_channels": 2, "out_channels": 2}, "ipynb", "en", "pytorch"),
    ({"input": 5, "kernel": 3, "padding": (2, 1)}, "markdown", "de", {"gradient": "partial"}),
    ({"input": (3, 4), "kernel": (2, 2), "stride": (1, 2)}, "html", "en", {"gradient": "nabla"}),
    ({"input": 6, "kernel": 2, "stride": 3, "padding": 1}, "latex", "fr", {"gradient": "delta", "index": "parentheses"}),
    ({"input": (3, 2), "kernel": (2, 2), "stride": (2, 1), "transposed": True}, "markdown", "de", {"index_base": 0}),
    ({"input": 5, "kernel": 3, "padding": 2, "padding_mode": "replicate"}, "latex", "de", "bishop"),
    ({"input": 6, "kernel": 3, "stride": 2, "padding": 1, "padding_mode": "circular"}, "html", "en", "cs231n"),
    ({"input": (3, 2, 3), "kernel": (2, 1, 2), "stride": (1, 1, 2), "padding": (1, 0, 1)}, "ipynb", "de", None),
    ({"input": 5, "kernel": 3, "padding": 1, "in_channels": 4, "out_channels": 4, "groups": 2, "batch": 2},
     "markdown", "fr", None),
)  # fmt: skip

SUFFIX = {"markdown": "markdown", "latex": "latex", "html": "html", "ipynb": "notebook"}


@dataclass
class Page:
    """An article whose displays, and claims inside sentences, can be judged one at a time, in the context before each."""

    text: str
    kind: str
    name: str = ""
    rows: Rows = ROWS
    blocks: list[Block] = field(init=False)
    verdicts: dict[int, Verdict] = field(init=False, default_factory=dict)
    before: dict[int, Context] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.blocks = blocks_of(self.text, self.kind)
        self.start = opened(self.blocks)
        context = copy.deepcopy(self.start)
        for number, block in enumerate(self.blocks):
            if block.kind in ("display", "inline"):
                self.before[number] = copy.deepcopy(context)
            found = _judged(block, context)
            if found is not None:
                self.verdicts[number] = found

    def judged(self, number: int, text: str) -> Verdict | None:
        """The verdict on a display where it reads ``text`` instead; None where a sentence claims nothing then."""
        block = replace(self.blocks[number], text=text)
        blocks: list[Block] = [*self.blocks[:number], block, *self.blocks[number + 1 :]]
        start = opened(blocks)
        if start.roles == self.start.roles and start.base == self.start.base:
            context = copy.deepcopy(self.before[number])
        else:
            context = start
            for each in blocks[:number]:
                _judged(each, context)
        return _judged(block, context)

    def mutants(self) -> dict[int, dict[str, list[Mutant]]]:
        """Those of each display that is right as it stands, by their kinds; what reads as the same display is none."""
        told: dict[int, dict[str, list[Mutant]]] = {}
        for number, verdict in self.verdicts.items():
            if verdict.verdict in FINE:
                by_kind: dict[str, list[Mutant]] = {}
                for each in mutants(self.blocks[number].text, self.rows):
                    by_kind.setdefault(each.kind, []).append(each)
                if by_kind:
                    told[number] = by_kind
        return told


def _judged(block: Block, context: Context) -> Verdict | None:
    if block.kind == "inline":
        return next(iter(in_sentence(block, context)), None)
    return read(block, context)


def whole(conv: Conv) -> list[str]:
    """The sections of a layer's page, and that on second derivatives before its end."""
    told = [section.name for section in document(conv).sections]
    return [*told, "second"]


def page(layer: dict[str, object], kind: str, lang: str, letters: object = None) -> Page:
    """What ``derive`` writes of a layer."""
    own = notation(letters)  # type: ignore[arg-type]
    conv = Conv(**layer)  # type: ignore[arg-type]
    text = document(conv, lang, sections=whole(conv), notation=own).render(kind)
    told = ", ".join(f"{name} {value}" for name, value in layer.items())
    return Page(text, SUFFIX[kind], f"{told}, {lang}, {letters or 'own'}", rows_of(own))


def same(a: str, b: str) -> bool:
    """Whether two displays read alike."""
    try:
        return read_latex(a)[0] == read_latex(b)[0]
    except LatexError:
        return False


def sample(pages: Sequence[Page], count: int, seed: int) -> Iterator[tuple[Page, int, Mutant]]:
    """Random mutants: a page, one of its displays, a kind of change, one change."""
    source = random.Random(seed)
    known = [each.mutants() for each in pages]
    seen: set[tuple[int, int, str]] = set()
    for _ in range(20 * count):
        if len(seen) == count:
            return
        p = source.randrange(len(pages))
        number = source.choice(sorted(known[p]))
        mutant = source.choice(known[p][number][source.choice(sorted(known[p][number]))])
        if (p, number, mutant.text) in seen or same(mutant.text, pages[p].blocks[number].text):
            continue
        seen.add((p, number, mutant.text))
        yield pages[p], number, mutant
