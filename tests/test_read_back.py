"""What ``derive`` prints as LaTeX, read back, is the mathematics that was printed: every equation, in any notation."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from symconv import Conv
from symconv.article import document
from symconv.article.blocks import Equations
from symconv.mathematics.latex import latex
from symconv.mathematics.notation import PRESETS
from symconv.mathematics.of_latex import Text, read_latex
from symconv.mathematics.tree import Above, Below, Equation, Math, Operator, Product, Row, Sum, Word
from tests.layers import random_layer

GRADIENTS, PLACES = ("dx", "partial", "nabla", "delta"), ("subscript", "brackets", "parentheses")


def parts(thing: Math) -> list[Any]:
    """What stands side by side, letter by letter: how the printers group it and how far apart they set it left out."""
    if isinstance(thing, Row):
        return [part for each in thing.parts for part in parts(each)]
    if isinstance(thing, Product):
        return [part for each in thing.factors for part in parts(each)]
    if isinstance(thing, Sum):
        found: list[Any] = []
        for number, (sign, each) in enumerate(thing.terms):
            found += (["−"] if sign < 0 else ["+"] if number else []) + parts(each)
        return found
    if isinstance(thing, (Operator, Word, Text)):
        return [each for each in thing.text.replace("⋯", "…") if each not in "· "]
    if isinstance(thing, (Below, Above)):  # a script stands at the last letter, dx_1 as d x_1
        base = parts(thing.base)
        script = thing.sub if isinstance(thing, Below) else thing.sup
        return [*base[:-1], (type(thing).__name__, tuple(base[-1:]), flat(script))]
    return [(type(thing).__name__, *(flat(getattr(thing, each.name)) for each in fields(thing)))]  # type: ignore[arg-type]


def flat(value: Any) -> Any:
    if isinstance(value, Math):
        return tuple(parts(value))
    return tuple(map(flat, value)) if isinstance(value, tuple) else value


def sides(layer: dict[str, Any], **options: Any) -> list[Math]:
    """Everything that stands on either side of an equation of a page."""
    blocks = [block for section in document(Conv(**layer), **options).sections for block in section.walk()]
    lines = [line for block in blocks if isinstance(block, Equations) for line in block.lines]
    return [side for line in lines if isinstance(line, Equation) for side in (line.left, *(s for _, s in line.steps))]


def lost(layer: dict[str, Any], **options: Any) -> list[str]:
    found = sides(layer, **options)
    assert found
    return [latex(each) for each in found if flat(read_latex(latex(each))[0]) != flat(each)]


@settings(max_examples=4, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.integers(0, 2**32), st.sampled_from(GRADIENTS), st.sampled_from(PLACES), st.integers(0, 1))
def test_what_is_printed_reads_back(seed: int, gradient: str, index: str, base: int) -> None:
    own = {"gradient": gradient, "index": index, "index_base": base}
    assert not lost(random_layer(random.Random(seed)), notation=own)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "article"])
def test_presets_read_back(preset: str) -> None:
    layer = {"input": (3, 3), "kernel": (2, 1), "stride": (2, 1), "padding": ((1, 0), (0, 0))}
    assert not lost(layer, notation=preset)


def test_second_derivatives_read_back() -> None:
    assert not lost({"input": 3, "kernel": 2}, sections=["setting", "second"])


def test_what_differs_is_told_apart() -> None:
    assert flat(read_latex("x_{12} - b")[0]) != flat(read_latex("x_1 2 - b")[0])
    assert flat(read_latex("x_{1} - b")[0]) != flat(read_latex("x_{1} + b")[0])
