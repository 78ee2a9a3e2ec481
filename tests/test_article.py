"""What a derivation prints is read back and held against SymPy's derivative; its words, elisions and limits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import symconv.article
from symconv import Conv
from symconv.article import Document, document, render
from symconv.article.blocks import Equations, Paragraph, Section, Table
from symconv.article.case import Case
from symconv.article.companions import channelled, character, example, fewer, is_line, line_of, shorter
from symconv.article.formats.markdown import DIALECTS
from symconv.article.listing import listing
from symconv.article.selection import kept, kinds, selected
from symconv.article.write import SECTIONS
from symconv.formulas.standard import STANDARD
from symconv.formulas.tree import Array
from symconv.kernels.checks import CHECKS
from symconv.layer.differences import exact_gradients, random_integers
from symconv.layer.names import entry_name
from symconv.layer.padding import MODES
from symconv.mathematics.entries import entry
from symconv.prose import LANGUAGES, Phrase, Reference, prose
from tests.cases import SMALL, convs
from tests.reread import (
    FormulaParser,
    Gap,
    Line,
    Parser,
    Poly,
    Reader,
    derivative,
    derivative_by_sympy,
    displays,
    matrices,
    plain_sum,
    times,
)

#: each format in one of the languages
SHOWN = (("latex", "en"), ("markdown", "fr"))  # the equations are the same in all

#: layers whose lists are too long to be shown whole
LONG = [
    Conv(input=(11, 9), kernel=(3, 2), stride=(4, 1), padding=(1, 0), in_channels=2, out_channels=3),
    Conv(input=40, kernel=9, stride=2, padding=4, dilation=2),
    Conv(input=(6, 5), kernel=(3, 4), padding=2, batch=3, in_channels=4, out_channels=6, groups=2),
    Conv(input=(5, 6), kernel=(3, 2), stride=(3, 2), in_channels=2, transposed=True, output_padding=(2, 1)),
]


@lru_cache(maxsize=128)
def article(conv: Conv, lang: str = "en") -> Document:
    return document(conv, lang, detail="all")


def part(conv: Conv, *names: str, format: str = "latex", lang: str = "en") -> str:
    """Some sections of the article on a layer."""
    told = article(conv, lang)
    return replace(told, sections=tuple(section for section in told.sections if section.name in names)).render(format)


def lists(conv: Conv) -> tuple[str, str]:
    """The sections in which the entries of y and those of the gradients are written out."""
    return "forward", "jacobians" if is_line(conv) and line_of(conv) == conv else "gradients"


def slug(value: object) -> str:
    return value.slug if isinstance(value, Conv) else str(value)


def names(conv: Conv, target: str) -> dict[str, tuple[int, ...]]:
    """The printed name of each entry."""
    from symconv.mathematics.latex import latex

    return {latex(entry(conv, target, index)): index for index in np.ndindex(*conv.shapes[target])}


@pytest.mark.parametrize("conv", [SMALL[1], SMALL[3], SMALL[6], SMALL[11], SMALL[13]], ids=slug)
def test_the_loops_equal_sympy(conv: Conv) -> None:
    for name, array in derivative_by_sympy(conv).items():
        assert (array == derivative(conv)[name]).all(), name


# entries --------------------------------------------------------------------------------------------------------------


def read_entries(conv: Conv, target: str, lines: list[Line | Gap]) -> tuple[int, int]:
    """Entry equations held against the derivative; how many were shown and how many left out."""
    where, truth = names(conv, target), derivative(conv)[target]
    shown = left_out = following = 0
    for line in lines:
        if isinstance(line, Gap):
            left_out += line.count
            following += line.count
            continue
        index = where[line.left]
        assert int(np.ravel_multi_index(index, truth.shape)) == following, line
        following += 1
        shown += 1
        found, dotted = (Poly(), False) if line.sides == ("0",) else plain_sum(line.sides[0])
        if dotted:
            assert found.items() <= truth[index].items()
            assert line.terms == len(truth[index])
        else:
            assert found == truth[index], line
            assert line.terms is None
    assert following == truth.size
    return shown, left_out


def entry_displays(conv: Conv, text: str, target: str) -> list[list[Line | Gap]]:
    """The displays in which entries of ``target`` are written out as plain sums of products."""
    where = names(conv, target)
    other = re.compile(r"\\(sum|star|operatorname|partial|begin|frac)")
    return [
        lines
        for lines in displays(text)
        if isinstance(lines[0], Line) and lines[0].left in where and not other.search(lines[0].sides[0])
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("format", "lang"), SHOWN)
@pytest.mark.parametrize("conv", SMALL + LONG, ids=slug)
def test_printed_entries_equal_the_derivative(conv: Conv, format: str, lang: str) -> None:
    text = part(conv, *lists(conv), format=format, lang=lang)
    for target in ("y", "dx", "dw", *(["db"] if conv.bias else [])):
        [lines] = entry_displays(conv, text, target)
        shown, left_out = read_entries(conv, target, lines)
        assert shown + left_out == np.prod(conv.shapes[target])


@pytest.mark.parametrize(("format", "lang"), SHOWN)
@pytest.mark.parametrize("conv", [conv for conv in SMALL + LONG if not is_line(conv)], ids=slug)
def test_the_line_prints_its_derivative(conv: Conv, format: str, lang: str) -> None:
    line, text = line_of(conv), part(conv, "jacobians", format=format, lang=lang)
    for target in ("y", "dx", "dw", *(["db"] if conv.bias else [])):
        [lines] = entry_displays(line, text, target)
        assert read_entries(line, target, lines)[1] == 0


@pytest.mark.parametrize("conv", [SMALL[0], SMALL[6], SMALL[12], LONG[0]], ids=slug)
def test_text_entries_equal_the_derivative(conv: Conv) -> None:
    lower = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
    text = part(conv, *lists(conv), format="text")
    for target in ("y", "dx", "dw"):
        truth = derivative(conv)[target]
        by_name = {name.replace("_{", "").replace("}", ""): index for name, index in names(conv, target).items()}
        # an equation begins at the left margin of its display and goes on in lines that begin with a sign
        pattern = rf"(?m)^  +({target}[₀-₉,]+) = ([^Σ⋆⎡\[]+?)(?:   \((\d+) terms\))?$((?:\n +[+−] .*)*)"
        seen = 0
        for name, first, noted, rest in re.findall(pattern, text):
            tail = re.search(r"\((\d+) terms\)", rest)
            body = first + re.sub(r"\((\d+) terms\)", "", rest)
            expected = truth[by_name[name.translate(lower)]]
            terms = Poly()
            for product in re.split(r"\s*\+\s*", " ".join(body.split())):
                if product not in ("⋯", "0"):
                    printed = [re.sub(r"([\d,]+)$", r"_{\1}", f.translate(lower)) for f in product.split("·")]
                    terms[tuple(sorted(printed))] += 1
            if noted or tail:
                assert terms.items() <= expected.items()
                assert int(noted or tail[1]) == len(expected)
            else:
                assert terms == expected, name
            seen += 1
        assert seen >= min(len(by_name), len(selected(conv, target)))


def test_a_misprint_is_noticed() -> None:
    conv = SMALL[6]
    text = part(conv, "gradients")
    [lines] = entry_displays(conv, text, "dx")
    printed = next(line for line in lines if isinstance(line, Line) and "w_{" in line.sides[0])
    found = re.search(r"w_\{(\d+)\}", printed.sides[0])
    assert found
    other = "w_{1111}" if found[0] != "w_{1111}" else "w_{1112}"
    wrong = text.replace(f"{printed.left} &= {printed.sides[0]}",
                         f"{printed.left} &= {printed.sides[0].replace(found[0], other, 1)}", 1)  # fmt: skip
    assert wrong != text
    with pytest.raises(AssertionError):
        read_entries(conv, "dx", entry_displays(conv, wrong, "dx")[0])


# index equations ------------------------------------------------------------------------------------------------------


def index_equations(text: str, target: str) -> list[tuple[Line, list[Line]]]:
    """The index equations for ``target``, each with the equations that say its m, and all with those that solve for k."""
    found: list[tuple[Line, list[Line]]] = []
    solved = []
    for lines in displays(text):
        before = len(found)  # an m is said in the display in which it stands
        for line in lines:
            if (
                not isinstance(line, Line)
                or not line.sides
                or any(sign in line.sides[0] for sign in (r"\star", r"\partial"))
            ):
                continue
            if (
                re.fullmatch(rf"{target}(_\{{.*\}})?", line.left)
                and r"\sum" in line.sides[0]
                and "matrix" not in line.sides[0]
            ):
                found.append((line, []))
            elif re.fullmatch(r"[om]_\{\d\}", line.left) and len(found) > before:
                found[-1][1].append(line)
            elif re.fullmatch(r"k(_\{\d\})?", line.left):
                solved.append(line)
    return [(line, [*solved, *where]) for line, where in found]


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("conv", SMALL, ids=slug)
def test_index_equations_equal_the_derivative(conv: Conv, lang: str) -> None:
    text = part(conv, "forward", "gradients", format="markdown", lang=lang)
    for target in ("y", "dx", "dw", *(["db"] if conv.bias else [])):
        equations = index_equations(text, target)
        # in letters and with numbers; dx of a convolution also as a sum over the windows alone
        assert len(equations) == (4 if target == "dx" and not conv.transposed else 2)
        for line, where in equations:
            Reader(conv).check(line, where, target)


@pytest.mark.parametrize("conv", SMALL, ids=slug)
def test_sums_over_channels_equal_the_derivative(conv: Conv) -> None:
    small = Conv(**{**conv.to_dict(), "batch": 1}) if conv.terms > 300 else conv
    text = part(small, "channels", format="markdown", lang="fr")
    found = {target: index_equations(text, target) for target in ("y", "dx", "dw", *(["db"] if conv.bias else []))}
    said = list({each.left: each for [(_, where)] in found.values() for each in where}.values())  # once for all of them
    for target, [(line, _)] in found.items():
        Reader(channelled(small)).check(line, said, target)


def steps_of(conv: Conv, text: str) -> tuple[Line, Line, list[Line], list[Line]]:
    """The chain rule, the Kronecker condition, the places it names, and the condition solved, as printed."""
    lines = [line for shown in displays(text) for line in shown if isinstance(line, Line)]
    [chain] = [line for line in lines if line.left.startswith("dx") and r"\partial" in line.sides[0]]
    [condition] = [line for line in lines if r"\delta" in "".join(line.sides)]
    led = [line for line in lines if line.left.startswith(r"\mu")]
    solved = [
        line for line in lines if re.fullmatch(r"[ok](_\{\d\})?" if conv.transposed else r"k(_\{\d\})?", line.left)
    ]
    return chain, condition, led, solved


def check_steps(conv: Conv, text: str) -> None:
    """The derivation's steps: the chain rule with the Kronecker condition put in is dx, and the condition is solved rightly."""
    chain, condition, led, solved = steps_of(conv, text)
    reader = Reader(conv)
    reader.know(led)
    partial = re.search(r"\\frac\{\\partial y.*?\}\{\\partial x(?:_\{(?:[^{}]|\{[^{}]*\})*\})?\}", chain.sides[0])
    assert partial
    assert partial[0] == condition.left
    whole = Line(chain.left, (chain.sides[0].replace(partial[0], f"({condition.sides[0]})"),), None)
    reader.check(whole, [], "dx")
    assert len(solved) >= conv.ndim or not conv.transposed
    for line in solved:
        axis = int(digit[0]) - 1 if (digit := re.search(r"\d", line.left)) else 0
        names = [letter + line.left[1:].strip("_{}") for letter in ("m", "o", "k")]
        sides = [Parser(side).all() for side in line.sides]
        sizes = conv.axes[axis]
        for o, k in np.ndindex(sizes.O, sizes.K):
            m = sizes.s * o + sizes.d * k - sizes.p
            # of a transposed layer x is indexed by m, on the strided side
            values = (o, m, k) if conv.transposed else (m, o, k)
            env = {name: value + 1 for name, value in zip(names, values, strict=True)}
            key = line.left.replace("_{", "").strip("}")
            for side in sides:
                assert reader.integer(side, {n: v for n, v in env.items() if n != key}) == env[key], line


@pytest.mark.slow
@pytest.mark.parametrize("conv", [conv for conv in SMALL if conv.terms < 400], ids=slug)
def test_steps_of_the_index_derivation(conv: Conv) -> None:
    check_steps(conv, part(conv, "gradients"))


CHANGES = [("o_{1} - 1", "o_{1}"), ("- p_{1} + 1", "- p_{1} + 2"), ("s_{2}", "s_{1}"), ("K_{1}", "K_{2}")]


@pytest.mark.parametrize(("right", "wrong"), CHANGES)
def test_a_misprinted_index_is_noticed(right: str, wrong: str) -> None:
    text = part(SMALL[6], "forward", "gradients", format="markdown")
    assert right in text
    with pytest.raises(AssertionError):
        check_all(SMALL[6], text.replace(right, wrong))


STEP_CHANGES = [(r"\delta_{m_{1}, \mu_{1}}", r"\delta_{m_{2}, \mu_{1}}"), (r"\mu_{2} &= s_{2}", r"\mu_{2} &= s_{1}"),
                ("+ p_{1} - 1}{", "+ p_{1}}{"), ("= m_{1} - 2 o_{1} + 3", "= m_{1} - 2 o_{1} + 2")]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong"), STEP_CHANGES)
def test_a_misprinted_step_is_noticed(right: str, wrong: str) -> None:
    conv = Conv(input=(5, 4), kernel=(3, 2), stride=(2, 1), padding=((1, 1), (0, 1)))
    text = part(conv, "gradients", format="markdown")
    check_steps(conv, text)
    assert right in text
    with pytest.raises(AssertionError):
        check_steps(conv, text.replace(right, wrong))


def check_all(conv: Conv, text: str) -> None:
    for target in ("y", "dx", "dw"):
        for line, where in index_equations(text, target):
            Reader(conv).check(line, where, target)


@pytest.mark.parametrize("conv", SMALL, ids=slug)
def test_output_size_is_computed_as_printed(conv: Conv) -> None:
    reader = Reader(conv)
    lines = [line for lines in displays(part(conv, "setting")) for line in lines
             if isinstance(line, Line) and re.match(r"[Or](_\{\d\})?$", line.left) and len(line.sides) == 3]  # fmt: skip
    assert lines
    for line in lines:
        values = [reader.integer(Parser(side).all(), {}) for side in (line.left, *line.sides)]
        assert len(set(values)) == 1, line


# matrices -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conv", [*SMALL[:7], *SMALL[10:13]], ids=slug)
def test_jacobians_equal_the_derivative(conv: Conv) -> None:
    text, checked = part(conv, "jacobians"), 0
    conv = conv if is_line(conv) else line_of(conv)
    truth = derivative(conv)["y"].reshape(-1)
    for lines in displays(text):
        line = lines[0]
        if not isinstance(line, Line) or not line.left.startswith(r"\frac{\partial y}"):
            continue
        array = line.left.split(r"\partial ")[2][0]
        [found] = matrices(line.sides[0])
        columns = sorted(names(conv, array).items(), key=lambda item: item[1])
        rows_left_out, columns_left_out = (n - m for n, m in zip((len(truth), len(columns)), found.shape, strict=True))
        for (i, j), cell in np.ndenumerate(found):
            if cell is None:
                continue
            # what stands behind the dots is counted from the end
            row = i if None not in found[:i, 0] else i + rows_left_out
            column = j if None not in found[0, :j] else j + columns_left_out
            symbol = columns[column][0]
            expected = Poly(
                {tuple(n for n in term if n != symbol): c for term, c in truth[row].items() if symbol in term}
            )
            assert cell == expected, (array, row, column)
            checked += 1
    assert checked


def correlated(a: np.ndarray, b: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """The plain correlation of two matrices of polynomials, thinned out."""
    full = np.empty(tuple(n - m + 1 for n, m in zip(a.shape, b.shape, strict=True)), dtype=object)
    for place in np.ndindex(*full.shape):
        total: Poly = Poly()
        for tap in np.ndindex(*b.shape):
            for term, n in times(a[place[0] + tap[0], place[1] + tap[1]], b[tap]).items():
                total[term] += n
        full[place] = total
    return full[:: steps[0], :: steps[1]]


def check_drawing(conv: Conv, line: Line) -> bool:
    """A correlation drawn in matrices held against the derivative; False where it is cut short."""
    target, found = re.match(r"y|dx|dw", line.left)[0], matrices(line.sides[0])  # type: ignore[index]
    if any(cell is None for each in found for cell in each.reshape(-1)) or r"\cdots +" in line.sides[0]:
        return False
    steps = re.search(r"\\downarrow (?:\((\d+),(\d+)\)|(\d+))", line.sides[0])
    by = (1, 1) if not steps else (int(steps[1]), int(steps[2])) if steps[1] else (int(steps[3]),) * 2
    truth = derivative(conv)[target]
    expected = np.atleast_2d(truth[(0,) * (truth.ndim - conv.ndim)])
    total = np.full(expected.shape, None, dtype=object)
    for a, b in zip(found[::2], found[1::2], strict=True):
        drawn = correlated(a, b, by)
        assert drawn.shape == expected.shape
        for place in np.ndindex(*drawn.shape):
            total[place] = drawn[place] if total[place] is None else total[place] + drawn[place]
    assert (total == expected).all(), line
    return True


def drawings(text: str) -> list[Line]:
    """The equations that are correlations of matrices."""
    lines = [line for shown in displays(text) for line in shown if isinstance(line, Line) and line.sides]
    return [
        line for line in lines if r"\star" in line.sides[0] and re.search(r"\\begin\{(bmatrix|array)", line.sides[0])
    ]


SINGLE = [conv for conv in SMALL if conv.ndim < 3 and (conv.batch, *conv.w_shape[:2]) == (1, 1, 1)]


@pytest.mark.parametrize("conv", SINGLE, ids=slug)
def test_drawn_matrices_correlate_to_the_derivative(conv: Conv) -> None:
    found = drawings(part(conv, lists(conv)[1]))
    assert len(found) == 2
    for line in found:
        assert check_drawing(conv, line)


@pytest.mark.parametrize("conv", SMALL, ids=slug)
def test_examples_of_stride_padding_dilation_and_remainder(conv: Conv) -> None:
    """What is drawn correlates to the derivative, and what is computed is equal on all sides."""
    told = next(section for section in article(conv, "fr").sections if section.name == "steps")
    inners = [inner for inner in told.blocks if isinstance(inner, Section)]
    texts = {inner.name: replace(article(conv, "fr"), sections=(inner,)).render("latex") for inner in inners}
    lines = {inner.name: example(conv, inner.name.removeprefix("steps-"))[0] for inner in inners}
    # each example is drawn once, where it is spoken of for the last time
    drawn_of = {lines[name]: drawings(text) for name, text in texts.items()}
    assert sum(len(drawings(text)) for text in texts.values()) == len(drawn_of)
    for inner in inners:
        line, text = lines[inner.name], texts[inner.name]
        [drawing] = drawn_of[line]
        assert check_drawing(line, drawing)
        reader, counted = Reader(line), 0
        for shown in displays(text):
            for each in shown:
                if isinstance(each, Line) and r"\begin" not in "".join(each.sides):
                    values = {reader.integer(Parser(side).all(), {}) for side in (each.left, *each.sides)}
                    assert len(values) == 1, each
                    counted += 1
        assert counted or inner.name == "steps-stride"
        if inner.name == "steps-padding":
            # the border that is computed is the border that is drawn, unless it is negative
            zeros = [cell == Poly() for cell in matrices(drawing.sides[0])[0][0]]
            borders = [
                reader.integer(Parser(each.left).all(), {}) for each in displays(text)[0] if isinstance(each, Line)
            ]
            for border, drawn in zip(borders, (zeros.index(False), zeros[::-1].index(False)), strict=True):
                assert max(0, border) == drawn


def last_index(entry: str, first: str) -> str:
    """The index along the axis; those before it, as the ``first`` entry has them, are digits where no comma parts them."""
    (written,) = re.findall(r"_\{([^{}]*)\}", entry)
    _, comma, last = written.rpartition(",")
    return last if comma or first.count("1") == 1 else last[-1]


def crossed_out(conv: Conv, line: Line) -> bool:
    """Whether the indices that are crossed out are the relation's: those of w at window o lie at ``m = s*o + d*k - p``."""
    if conv.transposed or conv.ndim > 1:
        return True
    axis, m = conv.axes[0], int(last_index(line.left, entry_name(conv, "x", 0)))
    dys, taps = re.findall(r"(?s)\\begin\{bmatrix\}\s*(.*?)\s*\\end", line.sides[0])[:2]
    for dy, cell in zip(dys.split(" & "), taps.split(" & "), strict=True):
        o, index = last_index(dy, entry_name(conv, "dy", 0)), last_index(cell, entry_name(conv, "w", 0))
        top, _, bottom = index.partition("/")
        k = Fraction(int(top), int(bottom or 1))
        assert m - 1 == axis.s * (int(o) - 1) + axis.d * (k - 1) - axis.p
        assert cell.startswith(r"\cancel") == (k.denominator > 1 or not 1 <= k <= axis.K)
    return True


def check_against(conv: Conv, text: str) -> int:
    """dy against the kernel: the matrices multiplied entry by entry, and the sum beside them, are the entry's derivative."""
    where, count = names(conv, "dx"), 0
    for shown in displays(text):
        for line in shown:
            if isinstance(line, Line) and len(line.sides) in (2, 3) and r"\odot" in line.sides[0]:
                truth = derivative(conv)["dx"][where[line.left]]
                for side in line.sides[:-1]:  # the first with its indices crossed out where they lie outside
                    found, total = matrices(side), Poly()
                    for a, b in zip(found[::2], found[1::2], strict=True):
                        assert a.shape == b.shape
                        for place in np.ndindex(*a.shape):
                            total += times(a[place], b[place])
                    if r"\cdots" in side:
                        assert total.items() <= truth.items()
                    else:
                        assert total == truth, line
                assert len(line.sides) == 2 or crossed_out(conv, line)
                summed, dotted = (Poly(), False) if line.sides[-1] == "0" else plain_sum(line.sides[-1])
                assert summed.items() <= truth.items() if dotted else summed == truth
                count += 1
    return count


@pytest.mark.parametrize("conv", [conv for conv in SMALL + LONG if conv.ndim < 3], ids=slug)
def test_dy_against_the_flipped_kernel(conv: Conv) -> None:
    text = part(conv, "gradients", lang="fr")
    drawn = shorter(conv) if "Dans une couche plus courte de même nature" in text else conv
    assert check_against(drawn, text) >= conv.ndim


def test_a_misplaced_kernel_is_noticed() -> None:
    text = part(SMALL[5], "gradients")
    assert r"\\ w_{12} & w_{11} & 0 \\" in text
    with pytest.raises(AssertionError):
        check_against(SMALL[5], text.replace(r"\\ w_{12} & w_{11} & 0 \\", r"\\ w_{11} & w_{12} & 0 \\"))


@pytest.mark.parametrize("conv", SMALL, ids=slug)
def test_products_with_the_jacobian(conv: Conv) -> None:
    line = conv if is_line(conv) else line_of(conv)
    for shown in displays(part(conv, "jacobians")):
        for each in shown:
            if isinstance(each, Line) and len(each.sides) == 2 and r"\top" in each.sides[0]:
                matrix, column = matrices(each.sides[1])
                truth = derivative(line)[each.left].reshape(-1)
                assert len(matrix) == len(truth)
                for row, expected in zip(matrix, truth, strict=True):
                    total: Poly = Poly()
                    for cell, factor in zip(row, column[:, 0], strict=True):
                        total += times(cell if cell != Poly({("1",): 1}) else Poly({(): 1}), factor)
                    assert total == expected, each


# closed formulas ------------------------------------------------------------------------------------------------------


def boxes(conv: Conv, lang: str) -> list[list[Line]]:
    """The two boxes of the summary: letters, numbers."""
    shown = displays(part(conv, "summary", lang=lang))
    starts = (each for each in shown if isinstance(each[0], Line) and each[0].left == "y")
    return [[line for line in each if isinstance(line, Line)] for each in starts]


@pytest.mark.parametrize("conv", SINGLE, ids=slug)
def test_closed_formulas_are_read_back_and_verified(conv: Conv) -> None:
    letters, numbers = boxes(conv, "fr")
    chosen = [*letters, *(numbers if conv.ndim == 1 else [])]
    assert {line.left for line in letters} == {"y", "dx", "dw", *(["db"] if conv.bias else [])}
    for line in chosen:
        text = f"{line.left} = {FormulaParser(line.sides[0]).formula()}"
        assert conv.verify([text]).ok, text


def test_a_misprinted_formula_is_noticed() -> None:
    conv = Conv(input=9, kernel=3, stride=2, padding=1, dilation=2)
    [letters, _] = boxes(conv, "en")
    layer = Conv(input=9, kernel=3, stride=2, padding=((1, 0),), dilation=3)  # no two sizes alike, a remainder
    assert layer.remainder == (1,)
    for right, wrong in (
        (" - p", ""),
        (" + r", ""),
        ("K - 1", "K"),
        (r"\uparrow d", r"\uparrow s"),
        ("flip", "pad_{0}"),
    ):
        dx = next(line.sides[0] for line in letters if line.left == "dx")
        assert right in dx
        text = FormulaParser(dx.replace(right, wrong, 1).replace("{pad_{0}}", "{pad}_{0}")).formula()
        assert not layer.verify([f"dx = {text}"]).ok, text


@pytest.mark.parametrize("transposed", [False, True])
def test_places_of_the_proof_meet_where_the_relation_holds(transposed: bool) -> None:
    conv = Conv(input=5, kernel=3, stride=2, padding=((1, 2),), dilation=2, transposed=transposed)
    text, reader, sizes = part(conv, "summary", lang="fr"), Reader(conv), conv.axes[0]
    told = re.findall(r"\$P = ([^$]*)\$.*?\$Q = ([^$]*)\$.*?\$P = ([^$]*)\$", text)
    assert len(told) == 3
    for first, second, meeting in told:
        for o, k, m in np.ndindex(sizes.O, sizes.K, sizes.H):
            # m runs over x and o over y, whichever side of the relation that is
            env = {"o": m + 1, "k": k + 1, "m": o + 1} if transposed else {"o": o + 1, "k": k + 1, "m": m + 1}
            P, Q = (reader.integer(Parser(side).all(), env) for side in (first, second))
            related = m == sizes.s * o + sizes.d * k - sizes.p
            assert (reader.integer(Parser(meeting).all(), {**env, "P": P, "Q": Q}) == P) == related


def test_theorem_says_what_was_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    conv = Conv(input=(7, 6), kernel=(3, 2), stride=(3, 2), dilation=(1, 2))
    text = part(conv, "summary")
    assert r"$(s, d) = (3, 1), (2, 2)$" in text
    assert r"\begin{theorem}" in text
    unflipped = replace(STANDARD[False, "dx"], body=replace(STANDARD[False, "dx"].body, filter=Array("w")))  # type: ignore[call-arg]
    monkeypatch.setitem(STANDARD, (False, "dx"), unflipped)
    doubted = document(conv, sections=["summary"]).render("latex")
    assert r"\begin{theorem}" not in doubted
    assert "refuted" in doubted


def test_zeros_of_stride_and_border_are_drawn() -> None:
    text = part(Conv(input=(5, 5), kernel=3, stride=2, padding=1), "gradients", "summary", format="text")
    assert "⎢ 0  dy₁₁  0  dy₁₂  0  dy₁₃  0 ⎥\n" in text
    assert "  dx = ⎢ 0   0    0   0    0   0    0 ⎥ ⋆ ⎢ w₃₂  w₃₁ ⎥" not in text
    assert "pad₁(dy ↑ 2) ⋆ flip(w)" in text


def test_three_axes_are_drawn_by_slices() -> None:
    conv = Conv(input=(3, 4, 5), kernel=(2, 1, 3), stride=(2, 1, 1), padding=((0, 0), (1, 0), (0, 0)))
    text = part(conv, "gradients", format="text")
    assert "flip(w)[1,·,·] = [ w₂₁₃  w₂₁₂  w₂₁₁ ]" in text
    assert "slice by slice" in text


# what is left out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conv", LONG, ids=slug)
def test_every_kind_of_entry_is_shown(conv: Conv) -> None:
    """Axis by axis, each set of taps that meets in a place of dx occurs among the entries shown."""
    side = "o" if conv.transposed else "m"
    chosen = [np.unravel_index(flat, conv.x_shape)[2:] for flat in selected(conv, "dx")]
    for axis, each in enumerate(conv.axes):
        found = kinds(each, side)
        unreached = {place for place, kind in enumerate(found) if not kind}
        shown = {int(index[axis]) for index in chosen}
        assert {0, len(found) - 1} <= shown
        assert not unreached or unreached & shown
        if len(set(found)) <= 5:
            assert {found[place] for place in shown} == set(found)


def test_first_and_last_rows_of_a_matrix_are_kept() -> None:
    """The border is in the first and last rows, and so are the rows that no window reaches."""
    assert kept(5, 5) == [0, 1, 2, 3, 4]
    assert kept(100, 9) == [0, 1, 2, 3, 4, 5, None, 98, 99]
    assert kept(100, 4) == [0, 1, None, 99]


def test_unreached_entries_are_named() -> None:
    conv = Conv(input=9, kernel=3, stride=4, padding=((1, 0),))
    text = part(conv, "jacobians", "gradients", format="text")
    assert "No window reaches the entries 3, 7, 8, 9 of x: their gradient is zero." in text
    assert "dx₇ = 0" in text
    assert "No window" not in part(Conv(input=8, kernel=2, stride=2), "gradients", format="text")


def test_large_layers_stay_short() -> None:
    text = render(Conv(input=(30, 34), kernel=(5, 3), padding=2, in_channels=3, out_channels=12), "text")
    assert len(text.splitlines()) < 900
    mathematics = text.partition("\nThe algorithm\n")[0]  # code is as wide as it is
    assert max(map(len, mathematics.splitlines())) <= 100


# shorter layers -------------------------------------------------------------------------------------------------------

KNOWN = [Conv(224, 7, stride=2, padding=3), Conv(28, 5, padding=2), Conv(224, 11, stride=4, padding=2), Conv(56, 7, padding=3),
         Conv(224, 5, stride=2, padding=2), Conv(33, 3, dilation=12, padding=12), Conv(224, 16, stride=16), Conv(56, 1),
         Conv(56, 3, stride=2, padding=1), Conv(32, 4, stride=2, padding=1, transposed=True), Conv(64, 3, padding=2)]  # fmt: skip


@pytest.mark.parametrize("conv", KNOWN, ids=slug)
def test_the_shorter_layer_is_like_it(conv: Conv) -> None:
    """Border, padding, stride, dilation, remainder and name are those of the layer, in arrays of at most nine entries."""
    line = line_of(conv)
    assert character(line.axes[0]) == character(conv.axes[0])
    assert max(*line.input, *line.kernel, *line.output) <= 9


@given(
    st.integers(13, 60), st.integers(1, 9), st.integers(1, 5), st.integers(1, 4), st.integers(0, 9), st.integers(0, 9)
)
@settings(max_examples=60)
def test_any_long_axis_has_a_shorter_one(H: int, K: int, s: int, d: int, p: int, q: int) -> None:
    """Of the character only evenness, an inside window and touching windows may be lost, and they rarely are."""
    assume(H + p + q >= d * (K - 1) + 1)
    conv = Conv(H, K, stride=s, dilation=d, padding=((p, q),))
    mine, its = (character(layer.axes[0]) for layer in (conv, line_of(conv)))
    lost = {name for name in mine if mine[name] != its[name]}
    assert lost <= {"inside", "windows", "uneven"}


def test_what_is_copied_is_not_like_it() -> None:
    """Keeping stride and padding on a short input turns the border of the stem of ResNet into a crop."""
    copied = Conv(input=4, kernel=3, stride=2, padding=3)
    assert character(copied.axes[0]) != character(KNOWN[0].axes[0])


# words ----------------------------------------------------------------------------------------------------------------

WORDY = [*SMALL, *LONG, Conv(input=(8, 5), kernel=3, stride=(4, 1), batch=2), Conv(input=9, kernel=2, stride=4),
         Conv(input=(8, 5), kernel=(2, 3), stride=(5, 1)), Conv(input=4, kernel=2, out_channels=20),
         Conv(input=3, kernel=2, stride=2), Conv(input=(20, 14), kernel=3), Conv(input=5, kernel=3, padding=2),
         Conv(input=20, kernel=3, transposed=True),
         *(Conv(input=(4, 5), kernel=3, padding=1, padding_mode=mode) for mode in MODES
           if mode not in ("zeros", "constant")),
         Conv(input=(4, 5), kernel=3, padding=1, padding_mode="constant"),
         Conv(input=3, kernel=2, in_channels=4, out_channels=4, groups=2, transposed=True),
         Conv(input=5, kernel=3, padding=((2, 0),)), Conv(input=5, kernel=3, stride=2, padding=1),
         Conv(input=(56, 56), kernel=3, padding=1, in_channels=64, out_channels=64)]  # fmt: skip


def keys(value: object) -> set[str]:
    """The keys of the prose that a part of a document uses."""
    if isinstance(value, Phrase):
        return {value.key}.union(*(keys(inner) for inner in value.values.values()))
    if isinstance(value, Reference):
        return keys(value.otherwise)
    if isinstance(value, tuple):
        return set().union(*map(keys, value))
    if isinstance(value, Section):
        return keys(value.title) | keys(value.blocks)
    if isinstance(value, Paragraph):
        return keys(value.phrase)
    if isinstance(value, Table):
        return keys(value.head) | keys(value.rows)
    return set()


@pytest.mark.slow
def test_every_word_is_used_and_none_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    words = set(prose("en").words)
    package = Path(symconv.article.__file__).parent
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in [*package.glob("formats/*.py"), package.parent / "prose/__init__.py"]
    )
    used = {key for key in words if f'"{key}"' in sources}  # what pages and numbers need, in whatever document
    used |= {key for key in words if key.startswith(("listing.", "cited."))} | {"algorithm.check", "gradients.iverson"}
    # no right formula and no right kernel lead there
    used |= {
        "verdict.fails",
        "verdict.differ",
        "verdict.loss.differ",
        "verdict.broken",
        "theorem.open",
        "theorem.steps",
    }
    used |= {"theorem.proved", "theorem.refuted", "theorem.unknown", "verdict.checks.values"}
    for conv in WORDY:
        told = document(conv, "en", "squared", detail="all") if conv.terms < 60 else article(conv)
        used |= keys((told.title, told.subtitle, told.sections))
    filled = Conv(input=(3, 3), kernel=2, padding=1, padding_mode="constant")
    for conv in (SMALL[0], SMALL[6], SMALL[2], filled):
        used |= keys(document(conv, sections=["second"]).sections)
    used |= {"second.fails"}
    used |= keys(document(Conv(input=12, kernel=3), budget=30).sections)  # too narrow for its Jacobian
    for conv in (WORDY[0], WORDY[6]):  # sections by themselves, and a brief one
        for name in ("gradients", "summary", "steps", "algorithm"):
            used |= keys(document(conv, sections=[name], detail="brief").sections)
    used |= keys(document(SMALL[0], sections=["summary"], assume="p == 0").sections)
    own = {"letters": {"dx": "g", "dw": "h", "db": "e"}}
    used |= keys(document(SMALL[0], sections=["setting"], notation=own).sections)
    used |= keys(document(SMALL[0], sections=["algorithm"], code="none").sections)
    used |= keys(document(SMALL[0], sections=["algorithm"], code="loops").sections)
    monkeypatch.setattr("symconv.isl.is_there", lambda: False)  # as in a browser
    used |= keys(document(SMALL[0], sections=["summary"]).sections)
    assert used == words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_languages_have_the_same_keys(lang: str) -> None:
    assert set(prose(lang).words) == set(prose("en").words)


def test_languages_put_in_the_same_values() -> None:
    def named(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    own = {"x", "w", "b", "y", "dy", "dx", "dw", "db"}  # arrays: a sentence may turn round which of them it names
    for key, text in prose("en").words.items():
        for lang in LANGUAGES:
            assert named(text) - own == named(prose(lang).words[key]) - own, (lang, key)


def test_french_is_spaced_as_french_is() -> None:
    """No plain space before high punctuation or inside guillemets; no English quotation marks; apostrophes curved."""
    for key, text in prose("fr").words.items():
        if key.startswith("references.") and key != "references.title":
            continue  # titles of English works
        assert not re.search(r" [:;!?»]|« ", text), key
        assert not re.search(r"[^\u00a0]:|[^\u202f][;!?]", re.sub(r"https?:", "", text)), key
        assert "'" not in text, key
        assert '"' not in text, key
    assert prose("fr").number(1234567) == "1\u202f234\u202f567"


def test_german_is_set_as_german_is() -> None:
    """Quotation marks low and high, no straight ones, no space before a sign, a capital after a colon that a sentence follows."""
    words = prose("de").words
    for key, text in words.items():
        if key.startswith("references.") and key != "references.title":
            continue  # titles of English works
        assert not re.search(r"['\"”’«»]|\s[:;!?,.]", text), key
        assert len(re.findall("„", text)) == len(re.findall("“", text)) == len(re.findall("„[^„“]+“", text)), key
        assert not re.search(r": (?:der|die|das|ein|eine|kein|er|es|ihr|sein) (?:\w+ )*?(?:ist|wird|hat)\b", text), key
    assert prose("de").number(1234567) == "1\u202f234\u202f567"


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if lang != "en"])
@pytest.mark.parametrize("format", ["text", "latex", "markdown", "html"])
def test_an_article_of_another_language_has_no_english_in_it(format: str, lang: str) -> None:
    text = part(LONG[2], *(name for name in SECTIONS if name != "references"), format=format, lang=lang)
    # code, pictures and names of commands and classes are no words
    code = r"(?s)\\begin\{(lstlisting|tikzpicture)\}.*?\\end\{\1\}|```.*?```|<(pre|style|svg)\b.*?</\2>|<[^>]*>|^  .*?$|\\\w+"
    said = re.sub(code, "", text, flags=re.M)
    assert not re.findall(r"\b(?:the|of|and|with|from|entries|more|terms|which|Shown)\b", said)


def test_unknown_language_format_and_loss_are_refused() -> None:
    conv = Conv(input=4, kernel=2)
    with pytest.raises(ValueError, match="no language 'xx'"):
        document(conv, lang="xx")
    with pytest.raises(ValueError, match="no format 'docx'"):
        render(conv, "docx")
    with pytest.raises(ValueError, match="no loss 'hinge'"):
        document(conv, loss="hinge")


def test_of_a_large_layer_a_smaller_one_of_its_kind_is_written_out() -> None:
    conv = Conv(input=(224, 224), kernel=7, stride=2, padding=3, in_channels=64, out_channels=64)
    large, small = (document(each, sections=["forward", "algorithm"]) for each in (conv, fewer(conv)))
    assert large.ok
    said = [block.phrase.key for block in large.blocks() if isinstance(block, Paragraph)]
    assert {"forward.entries_short", "verdict.intro_smaller"} <= set(said)
    entries = [[block for block in each.blocks() if isinstance(block, Equations)][1] for each in (large, small)]
    assert entries[0] == entries[1]
    assert "4,214,848 entries" in large.render("text")


def test_too_many_terms_are_refused_with_the_count() -> None:
    with pytest.raises(ValueError, match="has 9 terms, more than max_terms=8"):
        Case(Conv(input=4, kernel=2), max_terms=8)  # at once, before anything is computed
    with pytest.raises(ValueError, match=r"has 254 terms, more than max_terms=100"):
        document(Conv(input=(64, 64), kernel=3, in_channels=8, out_channels=8, padding=1), max_terms=100)
    with pytest.raises(ValueError, match=r"has 5,476 terms, more than max_terms=5,000"):
        document(Conv(input=(24, 24), kernel=3, padding=1, out_channels=1, batch=1, in_channels=1), loss="squared")


# the squared loss -----------------------------------------------------------------------------------------------------


def test_squared_loss_names_dy_and_is_checked() -> None:
    told = document(Conv(input=5, kernel=2, stride=2), loss="squared")
    text = told.render("text")
    assert "dy₁ = y₁ − t₁" in text
    assert "(y[o] − t[o])²" in text
    assert re.search(r"dx +derivative of the squared loss +5 +equal, dy substituted", text)
    assert told.ok


# results --------------------------------------------------------------------------------------------------------------


def test_document_is_a_result_object() -> None:
    told = document(Conv(input=4, kernel=2), detail="all")
    assert repr(told) == "<derivation of Conv(input=4, kernel=2), loss 'upstream', 9 sections: ok>"
    assert told._repr_markdown_().startswith("# The gradients of a convolution\n")
    assert r"\begin{align}" in told._repr_latex_()
    assert r"\documentclass" not in told._repr_latex_()
    plain = told.to_dict()
    assert [section["name"] for section in plain["sections"]] == [
        name for name in SECTIONS if name not in ("border", "second")
    ]
    assert {"latex": "dx_{2} = dy_{1} w_{2} + dy_{2} w_{1}", "text": "dx₂ = dy₁·w₂ + dy₂·w₁"} in [
        line for block in plain["sections"][2]["blocks"] if block["kind"] == "equations" for line in block["lines"]]  # fmt: skip
    assert any(isinstance(block, Equations) for block in told.blocks())


def test_numbers_and_references_belong_together() -> None:
    """Every number is said once, beside its equation, and every reference points at one; without its section it becomes words."""
    text = part(SMALL[5], *SECTIONS)
    labels = re.findall(r"\\label\{([^{}]*)\}", text)
    assert len(set(labels)) == len(labels)
    cited = re.findall(r"\\eqref\{([^{}]*)\}", text)
    assert len(cited) >= 4
    assert set(cited) <= set(labels)
    assert re.findall(r"\\tag\{(\d+)\}", part(SMALL[5], *SECTIONS, format="markdown")) == [
        str(i + 1) for i in range(14)
    ]
    alone = document(SMALL[5], sections=["gradients"]).render("latex")
    assert "By the index equation of the forward pass, the entry" in alone


def test_sections_and_detail() -> None:
    conv = SMALL[5]
    told = document(conv, sections=["summary", "setting"])
    assert [section.name for section in told.sections] == ["setting", "summary"]
    brief, full, everything = (document(conv, detail=detail).render("markdown") for detail in ("brief", "full", "all"))
    assert len(brief) < 0.9 * len(full) < 0.9 * 0.9 * len(everything)
    for each in (brief, full, everything):
        assert "### Theorem" in each
        assert "def backward" in each
    assert "### Proof" not in brief
    assert ("## Depth" in full, "## Stride" in full) == (False, False)
    assert ("## Depth" in everything, "## Stride" in everything) == (True, True)
    strided = document(Conv(input=5, kernel=2, stride=2, in_channels=2)).render("markdown")
    assert ("### Stride" in strided, "### Dilation" in strided, "## Depth" in strided) == (True, False, True)
    with pytest.raises(ValueError, match="no section 'check'; there are setting, forward"):
        document(conv, sections=["check"])
    with pytest.raises(ValueError, match="no detail 'long'; there are full, brief"):
        document(conv, detail="long")
    with pytest.raises(ValueError, match="no section is named"):
        document(conv, sections=[])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_of_markdown(dialect: str) -> None:
    told = article(SMALL[5])
    text = told.render("markdown", dialect=dialect)
    inline = {"jekyll": "the kernel $$w$$", "github": "the kernel $`w`$"}.get(dialect, "the kernel $w$")
    cited = {"myst": "{eq}`chain`", "quarto": "@eq-chain"}.get(dialect, "(6)")
    number = {"myst": "$$ (chain)\n", "quarto": "$$ {#eq-chain}\n"}.get(dialect, r" \tag{6}")
    for expected in (inline, f"Substituting into {cited} removes", number):
        assert expected in text
    assert ("operatorname" in text) == (dialect != "github")


def test_front_matter() -> None:
    told = article(SMALL[5], "fr")
    given = {"date": "2024-05-01", "categories": "maths réseaux", "math": "true", "author": 'A. "B"'}
    text = told.render("markdown", dialect="jekyll", front_matter=given)
    assert text.startswith("---\n" + "\n".join([
        'title: "Rétropropagation dans une couche de convolution"', "date: 2024-05-01",
        'categories: ["maths", "réseaux"]', "math: true",
        'author: "A. \\"B\\""', "---", "", "entrée"]))  # fmt: skip
    with pytest.raises(ValueError, match="'a b' is no key"):
        told.render("markdown", front_matter={"a b": "1"})
    with pytest.raises(ValueError, match="no dialect 'wiki'"):
        told.render("markdown", dialect="wiki")


LISTED = [SMALL[5], *LONG[:2], Conv((5, 7), (3, 2), stride=(2, 1), padding=((1, 0), (0, 2)), in_channels=4, out_channels=6,
               groups=2, batch=2), Conv(9, 3, stride=2, dilation=2, padding=1, bias=False), Conv((4, 5, 6), 2, stride=2, batch=3),
          Conv((3, 4), (3, 2), stride=(2, 3), transposed=True, output_padding=(1, 2), in_channels=2, out_channels=4, groups=2,
               dilation=(1, 2))]  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("conv", LISTED, ids=slug)
def test_the_listing_runs_as_it_stands(conv: Conv, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Pasted under ``import numpy as np`` it gives the gradients that differences of plain loops give, exactly on integers."""
    told = document(conv, lang, sections=["algorithm"], gradient_check=True).render("markdown")
    shown, check = re.findall(r"(?s)```python\n(.*?)\n```", told)
    names: dict[str, Any] = {}
    exec("import numpy as np\n" + shown, names)
    given = random_integers(conv, 1)
    x, w, b, dy = (given[name] for name in ("x", "w", "b", "dy"))
    truth = exact_gradients(conv, x, w, b, dy)
    y = names["forward"](x, w, *([b] if conv.bias else []))
    assert (y == truth["y"] - (0 if conv.bias else b.reshape(-1, *[1] * conv.ndim))).all()
    for target, found in zip(("dx", "dw", "db"), names["backward"](dy, x, w)):
        assert found.shape == truth[target].shape
        assert (found == truth[target]).all(), target
    exec(check, names)
    errors = dict(line.split(": ") for line in capsys.readouterr().out.split("\n") if line)
    assert list(errors) == ["dx", "dw", "db"][: 3 if conv.bias else 2]
    assert all(float(error) < 1e-6 for error in errors.values())
    brief: dict[str, Any] = {}
    exec("import numpy as np\n" + listing(conv, prose(lang), brief=True), brief)
    assert (brief["forward"](x, w, *([b] if conv.bias else [])) == y).all()
    for found, full in zip(brief["backward"](dy, x, w), names["backward"](dy, x, w), strict=True):
        assert found.shape == full.shape
        assert (found == full).all()


def test_a_brief_listing_leaves_out_what_does_nothing() -> None:
    assert "dx = correlate(pad(dy, K - 1, K - 1), flip(w)," in listing(SMALL[5], prose("en"), brief=True)
    uneven = Conv(input=(5, 6), kernel=(2, 3), stride=(1, 2))  # no number stands for both axes
    assert listing(uneven, prose("en"), brief=True) == listing(uneven, prose("en"))


def test_a_gradient_check_sees_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    conv = LISTED[0]
    told = document(conv, sections=["algorithm"], gradient_check=True).render("markdown")
    shown, check = re.findall(r"(?s)```python\n(.*?)\n```", told)
    names: dict[str, Any] = {}
    exec("import numpy as np\n" + shown.replace("flip(w)", "w"), names)
    exec(check, names)
    assert float(capsys.readouterr().out.split("\n")[0].partition(": ")[2]) > 1e-3


def test_a_kernel_that_fails_its_checks_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, "symbols", replace(CHECKS["symbols"], run=lambda faces, conv: (3, "wrong")))
    told = document(Conv(input=4, kernel=2), sections=["algorithm"])
    text = told.render("text")
    assert not told.ok
    assert "def forward" not in text
    assert "differs" in text
    assert "✗" in text


@pytest.mark.slow
@pytest.mark.parametrize("format", ["text", "latex", "markdown"])
def test_same_bytes_in_another_process(format: str) -> None:
    code = (
        f"from symconv import Conv; from symconv.article import render; print(render({SMALL[6]!r}, {format!r}), end='')"
    )
    outputs = set()
    for seed in ("0", "12345"):
        env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8", "COLUMNS": str(40 + int(seed) % 100)}
        outputs.add(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout)
    assert outputs == {render(SMALL[6], format).encode()}


@given(convs(max_terms=300))
@settings(max_examples=8)
def test_any_layer_prints_its_derivative(conv: Conv) -> None:
    told = document(conv, "fr", sections=lists(conv))
    text = told.render("latex")
    for target in ("dx", "dw"):
        [lines] = entry_displays(conv, text, target)
        read_entries(conv, target, lines)
    if not is_line(conv):
        check_against(conv, text)
    assert told.render("text")


def test_a_fault_in_a_figure_is_told_and_what_is_too_large_is_drawn_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a layer that is too large to draw the article shows a shorter one; a mistake in the drawing is no such thing."""
    from symconv.article import pictures as module

    assert "tikzpicture" in document(Conv(4, 2)).render("latex")
    large = document(Conv((60, 60), 2), sections=["forward"]).render("latex")
    assert "tikzpicture" in large
    assert "Drawn for a shorter layer of the same kind" in large
    assert "Drawn for a shorter layer" not in document(Conv(4, 2)).render("latex")

    def broken(*given: object, **more: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(module, "figure", broken)
    with pytest.raises(ValueError, match="a mistake"):
        document(Conv(4, 2)).render("latex")
