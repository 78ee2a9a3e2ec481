"""Mutants of printed displays: one token changed (an index, a number, a sign, a size, an array), and the verdict on each.

A display is judged in the context that the article has come to before it, which is kept; where the mutant changes what the
article's letters mean before anything is read, the whole article is read anew. ``python -m tests.display_mutants --seed 0``
runs as many as ``--count`` says, and lists those that nothing finds.
"""

from __future__ import annotations

import argparse
import copy
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symconv import Conv
from symconv.article import document
from symconv.checking.context import Context
from symconv.checking.documents import Block, blocks_of
from symconv.checking.result import DEFINITION, HOLDS, NO_CLAIM, PROVED, Verdict
from symconv.checking.run import opened, read

#: verdicts that find nothing wrong
FINE = (PROVED, HOLDS, DEFINITION, NO_CLAIM)

#: layers and formats whose pages are mutated: axes, channels, groups, borders, transposed layers
PAGES: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"input": 4, "kernel": 2}, "markdown", "en"),
    ({"input": (4, 3), "kernel": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1))}, "latex", "fr"),
    ({"input": 5, "kernel": 2, "dilation": 2, "stride": 2, "padding": 1}, "html", "en"),
    ({"input": 4, "kernel": 3, "padding": 1, "padding_mode": "reflect"}, "markdown", "de"),
    ({"input": (4, 3), "kernel": (2, 2), "padding": 1, "padding_mode": "circular"}, "ipynb", "en"),
    ({"input": 3, "kernel": 2, "stride": 2, "output_padding": 1, "transposed": True}, "latex", "en"),
    ({"input": 4, "kernel": 2, "in_channels": 2, "out_channels": 3}, "markdown", "en"),
    ({"input": 3, "kernel": 2, "in_channels": 4, "out_channels": 2, "groups": 2, "padding": 1}, "html", "fr"),
    ({"input": 3, "kernel": 2, "batch": 2, "stride": 2}, "markdown", "en"),
    ({"input": (2, 3, 2), "kernel": (2, 2, 1), "padding": (0, 1, 0)}, "markdown", "fr"),
)  # fmt: skip

SUFFIX = {"markdown": "markdown", "latex": "latex", "html": "html", "ipynb": "notebook"}

#: what one token may become: the others of its row
ROWS = (
    ("+", "-"),
    ("o", "k", "m"),
    ("c", "f", "n", "g"),
    ("H", "K", "O"),
    ("s", "d", "p", "q", "r"),
    ("x", "w", "y", "dy"),
    ("dx", "dw"),
    ("ddx", "ddw", "ddy"),
    (r"\uparrow", r"\downarrow"),
    ("<", ">"),
)
TOKEN = re.compile(r"\\[A-Za-z]+|d[xwyb](?![A-Za-z])|[A-Za-z]+|\d|[-+<>]")

#: names of environments and what stands in square brackets after a line's end are no mathematics
SET = re.compile(r"\\(?:begin|end)\{[^}]*\}(?:\{c+\})?|\\(?:tag|label|operatorname|text)\{[^}]*\}|\\\\\[\d+pt\]")


@dataclass(frozen=True)
class Mutant:
    """A display with one token changed."""

    text: str
    at: int
    old: str
    new: str

    def __str__(self) -> str:
        start, end = max(0, self.at - 60), self.at + len(self.new)
        return f"{self.old} -> {self.new}: {self.text[start : self.at]}[{self.new}]{self.text[end : end + 40]}".replace(
            "\n", " "
        )


def mutants(text: str) -> Iterator[Mutant]:
    """Every display that differs from ``text`` in one index, number, sign, size or array."""
    still = [m.span() for m in SET.finditer(text)]
    for token in TOKEN.finditer(text):
        if any(a <= token.start() < b for a, b in still):
            continue
        old = token[0]
        others = [str(n) for n in (int(old) - 1, int(old) + 1) if 0 <= n <= 9] if old.isdigit() else []
        others += [each for row in ROWS if old in row for each in row if each != old]
        others += [old[1:]] if old.startswith("dd") else []
        for new in others:
            yield Mutant(text[: token.start()] + new + text[token.end() :], token.start(), old, new)


class Page:
    """An article whose displays can be judged one at a time, each in the context that those before it leave."""

    def __init__(self, text: str, kind: str) -> None:
        self.blocks = blocks_of(text, kind)
        self.start = opened(self.blocks)
        context = copy.deepcopy(self.start)
        self.before: dict[int, Context] = {}
        self.verdicts: dict[int, Verdict] = {}
        for number, block in enumerate(self.blocks):
            if block.kind == "display":
                self.before[number] = copy.deepcopy(context)
            found = read(block, context)
            if found is not None:
                self.verdicts[number] = found

    def judged(self, number: int, text: str) -> Verdict:
        """The verdict on display ``number`` where it reads ``text`` instead."""
        block = replace(self.blocks[number], text=text)
        blocks: list[Block] = [*self.blocks[:number], block, *self.blocks[number + 1 :]]
        start = opened(blocks)
        if start.roles == self.start.roles and start.base == self.start.base:
            context = copy.deepcopy(self.before[number])
        else:
            context = start
            for each in blocks[:number]:
                read(each, context)
        found = read(block, context)
        assert found is not None
        return found


def whole(conv: Conv) -> list[str]:
    """The sections of a layer's page, and that on second derivatives before its end."""
    told = [section.name for section in document(conv).sections]
    return [*told, "second"]


def page(layer: dict[str, object], kind: str, lang: str) -> Page:
    conv = Conv(**layer)  # type: ignore[arg-type]
    return Page(document(conv, lang, sections=whole(conv)).render(kind), SUFFIX[kind])


def sample(pages: Sequence[Page], count: int, seed: int) -> Iterator[tuple[Page, int, Mutant]]:
    """Random mutants: a page, one of its displays, one token of it."""
    source = random.Random(seed)
    known = {(p, n): list(mutants(one.blocks[n].text)) for p, one in enumerate(pages) for n in one.verdicts}
    for _ in range(count):
        p = source.randrange(len(pages))
        number = source.choice([n for (q, n), found in known.items() if q == p and found])
        yield pages[p], number, source.choice(known[p, number])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    given = parser.parse_args()
    pages = [page(*each) for each in PAGES]
    alive = 0
    for one, number, mutant in sample(pages, given.count, given.seed):
        found = one.judged(number, mutant.text)
        if found.verdict in FINE:
            alive += 1
            layer = next(layer for layer, each in zip(PAGES, pages, strict=True) if each is one)
            print(f"{layer[0]} {found.verdict} {found.condition}\n    {mutant}", flush=True)
    print(f"{alive} of {given.count} are not found")


if __name__ == "__main__":
    main()
