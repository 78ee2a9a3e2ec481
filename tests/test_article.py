"""What a derivation prints is read back and held against SymPy's derivative; its words, elisions and limits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import symconv.article
from symconv import Conv
from symconv.article import document, render
from symconv.article.blocks import Equations, Paragraph, Phrase, Section, Table
from symconv.article.case import Case
from symconv.article.equations import entry
from symconv.article.prose import LANGUAGES, prose
from symconv.article.selection import kept, kinds, selected
from tests.cases import SMALL, convs
from tests.reading import Gap, Line, Poly, Reader, derivative, derivative_by_sympy, displays, matrices, plain_sum, times

FORMATS = ("latex", "markdown")

#: layers whose lists are too long to be shown whole
LONG = [
    Conv(input=(11, 9), kernel=(3, 2), stride=(4, 1), padding=(1, 0), in_channels=2, out_channels=3),
    Conv(input=40, kernel=9, stride=2, padding=4, dilation=2),
    Conv(input=(6, 5), kernel=(3, 4), padding=2, batch=3, in_channels=4, out_channels=6, groups=2),
    Conv(input=(5, 6), kernel=(3, 2), stride=(3, 2), in_channels=2, transposed=True, output_padding=(2, 1)),
]


def slug(value: object) -> str:
    return value.slug if isinstance(value, Conv) else str(value)


def names(conv: Conv, target: str) -> dict[str, tuple[int, ...]]:
    """The printed name of each entry."""
    from symconv.formulas.latex import latex

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


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("conv", SMALL + LONG, ids=slug)
def test_printed_entries_equal_the_derivative(conv: Conv, format: str) -> None:
    text = render(conv, format)
    for target in ("y", "dx", "dw", *(["db"] if conv.bias else [])):
        lists = entry_displays(conv, text, target)
        assert len(lists) == 1, target
        shown, left_out = read_entries(conv, target, lists[0])
        assert shown + left_out == np.prod(conv.shapes[target])


@pytest.mark.parametrize("conv", [SMALL[0], SMALL[6], SMALL[12], LONG[0]], ids=slug)
def test_text_entries_equal_the_derivative(conv: Conv) -> None:
    lower = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
    text = render(conv, "text")
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
    text = render(conv, "latex")
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
    """The index equations for ``target``, each with the equations that say its m."""
    found: list[tuple[Line, list[Line]]] = []
    for lines in displays(text):
        for line in lines:
            if not isinstance(line, Line) or r"\star" in line.sides[0]:
                continue
            if re.fullmatch(rf"{target}(_\{{.*\}})?", line.left) and r"\sum" in line.sides[0]:
                found.append((line, []))
            elif re.match(r"[om]_\{\d\}$", line.left) and found:
                found[-1][1].append(line)
    return found


@pytest.mark.parametrize("conv", SMALL, ids=slug)
def test_index_equations_equal_the_derivative(conv: Conv) -> None:
    text = render(conv, "markdown")
    for target in ("y", "dx", "dw", *(["db"] if conv.bias else [])):
        equations = index_equations(text, target)
        # in letters, and with numbers; db = sum dy of the closed formulas sums over what its letters do not say
        assert len(equations) >= 2
        for line, where in equations[:2]:
            Reader(conv).check(line, where, target)


CHANGES = [("o_{1} - 1", "o_{1}"), ("- p_{1} + 1", "- p_{1} + 2"), ("s_{2}", "s_{1}"), ("K_{1}", "K_{2}")]


@pytest.mark.parametrize(("right", "wrong"), CHANGES)
def test_a_misprinted_index_is_noticed(right: str, wrong: str) -> None:
    text = render(SMALL[6], "markdown")
    assert right in text
    with pytest.raises(AssertionError):
        check_all(SMALL[6], text.replace(right, wrong))


def check_all(conv: Conv, text: str) -> None:
    for target in ("y", "dx", "dw"):
        for line, where in index_equations(text, target)[:2]:
            Reader(conv).check(line, where, target)


@pytest.mark.parametrize("conv", SMALL, ids=slug)
def test_output_size_is_computed_as_printed(conv: Conv) -> None:
    from tests.reading import Parser

    reader = Reader(conv)
    lines = [line for lines in displays(render(conv, "latex")) for line in lines
             if isinstance(line, Line) and re.match(r"[Or](_\{\d\})?$", line.left) and len(line.sides) == 3]  # fmt: skip
    assert lines
    for line in lines:
        values = [reader.integer(Parser(side).all(), {}) for side in (line.left, *line.sides)]
        assert len(set(values)) == 1, line


# matrices -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conv", [*SMALL[:7], *SMALL[10:13]], ids=slug)
def test_jacobians_equal_the_derivative(conv: Conv) -> None:
    truth = derivative(conv)["y"].reshape(-1)
    checked = 0
    for lines in displays(render(conv, "latex")):
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
            expected = Poly({tuple(n for n in term if n != symbol): c for term, c in truth[row].items() if symbol in term})
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


SINGLE = [conv for conv in SMALL if conv.ndim < 3 and (conv.batch, *conv.w_shape[:2]) == (1, 1, 1)]


@pytest.mark.parametrize("conv", SINGLE, ids=slug)
def test_drawn_matrices_correlate_to_the_derivative(conv: Conv) -> None:
    drawn = 0
    for lines in displays(render(conv, "latex")):
        line = lines[0]
        if not isinstance(line, Line) or not re.match(r"d[xw](_\{[^{}]*\})?$", line.left) or "matrix" not in line.sides[0] + (
            "matrix" if "array" in line.sides[0] else ""):  # fmt: skip
            continue
        found = matrices(line.sides[0])
        if any(cell is None for each in found for cell in each.reshape(-1)) or r"\cdots +" in line.sides[0]:
            continue
        steps = re.search(r"\\downarrow (?:\((\d+),(\d+)\)|(\d+))", line.sides[0])
        by = (1, 1) if not steps else (int(steps[1]), int(steps[2])) if steps[1] else (int(steps[3]),) * 2
        target = line.left[:2]
        truth = derivative(conv)[target]
        lead = truth.ndim - conv.ndim
        expected = np.atleast_2d(truth[(0,) * lead])
        total = np.full(expected.shape, None, dtype=object)
        for a, b in zip(found[::2], found[1::2], strict=True):
            part = correlated(a, b, by)
            assert part.shape == expected.shape
            for place in np.ndindex(*part.shape):
                total[place] = part[place] if total[place] is None else total[place] + part[place]
        assert (total == expected).all()
        drawn += 1
    assert drawn == 2


def test_zeros_of_stride_and_border_are_drawn() -> None:
    text = render(Conv(input=(5, 5), kernel=3, stride=2, padding=1), "text")
    assert "⎢ 0  dy₁₁  0  dy₁₂  0  dy₁₃  0 ⎥\n" in text
    assert "  dx = ⎢ 0   0    0   0    0   0    0 ⎥ ⋆ ⎢ w₃₂  w₃₁ ⎥" not in text
    assert "pad₁(dy ↑ 2) ⋆ flip(w)" in text


def test_three_axes_are_drawn_by_slices() -> None:
    text = render(Conv(input=(3, 4, 5), kernel=(2, 1, 3), stride=(2, 1, 1), padding=((0, 0), (1, 0), (0, 0))), "text")
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
    text = render(conv, "text")
    assert "No window reaches the entries 3, 7, 8, 9 of x: their gradient is zero." in text
    assert "dx₇ = 0" in text
    assert "No window" not in render(Conv(input=8, kernel=2, stride=2), "text")


def test_large_layers_stay_short() -> None:
    text = render(Conv(input=(30, 34), kernel=(5, 3), padding=2, in_channels=3, out_channels=12), "text")
    assert len(text.splitlines()) < 500
    assert "of 3,060 columns" in text
    assert max(map(len, text.splitlines())) <= 100


# words ----------------------------------------------------------------------------------------------------------------

WORDY = [*SMALL, *LONG, Conv(input=(8, 5), kernel=3, stride=(4, 1), batch=2), Conv(input=9, kernel=2, stride=4),
         Conv(input=(8, 5), kernel=(2, 3), stride=(5, 1)), Conv(input=4, kernel=2, out_channels=20),
         Conv(input=3, kernel=2, stride=2)]  # fmt: skip


def keys(value: object) -> set[str]:
    """The keys of the prose that a part of a document uses."""
    if isinstance(value, Phrase):
        return {value.key}.union(*(keys(inner) for inner in value.values.values()))
    if isinstance(value, tuple):
        return set().union(*map(keys, value))
    if isinstance(value, Section):
        return keys(value.title) | keys(value.blocks)
    if isinstance(value, Paragraph):
        return keys(value.phrase)
    if isinstance(value, Table):
        return keys(value.head) | keys(value.rows)
    return set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_word_is_used_and_none_is_missing(lang: str) -> None:
    words = set(prose(lang).words)
    article = Path(symconv.article.__file__).parent
    sources = "".join(path.read_text(encoding="utf-8") for path in [*article.glob("readers/*.py"), article / "prose/__init__.py"])
    used = {key for key in words if f'"{key}"' in sources}  # what pages and numbers need, in whatever document
    used |= {"verdict.fails", "verdict.differ", "verdict.loss.differ"}  # no right formula leads there
    for conv in WORDY:
        loss = "squared" if conv.terms < 60 else "upstream"
        told = document(conv, lang, loss)
        used |= keys((told.title, told.subtitle, told.sections))
    assert used == words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_languages_have_the_same_keys(lang: str) -> None:
    assert set(prose(lang).words) == set(prose("en").words)


def test_unknown_language_format_and_loss_are_refused() -> None:
    conv = Conv(input=4, kernel=2)
    with pytest.raises(ValueError, match="no language 'xx'"):
        document(conv, lang="xx")
    with pytest.raises(ValueError, match="no format 'docx'"):
        render(conv, "docx")
    with pytest.raises(ValueError, match="no loss 'hinge'"):
        document(conv, loss="hinge")


def test_too_many_terms_are_refused_with_the_count() -> None:
    with pytest.raises(ValueError, match="has 9 terms, more than max_terms=8"):
        Case(Conv(input=4, kernel=2), max_terms=8)  # at once, before anything is computed
    with pytest.raises(ValueError, match=r"has 2,343,168 terms, more than max_terms=1,000"):
        document(Conv(input=(64, 64), kernel=3, in_channels=8, out_channels=8, padding=1), max_terms=1_000)
    with pytest.raises(ValueError, match=r"has 5,476 terms, more than max_terms=5,000"):
        document(Conv(input=(24, 24), kernel=3, padding=1, out_channels=1, batch=1, in_channels=1), loss="squared")


# the squared loss -----------------------------------------------------------------------------------------------------


def test_squared_loss_names_dy_and_is_checked() -> None:
    told = document(Conv(input=5, kernel=2, stride=2), loss="squared")
    text = told.render("text")
    assert "dy₁ = y₁ − t₁" in text
    assert "(y[o] − t[o])²" in text
    assert "equal for the squared loss, dy put in" in text
    assert told.ok


# results --------------------------------------------------------------------------------------------------------------


def test_document_is_a_result_object() -> None:
    told = document(Conv(input=4, kernel=2))
    assert repr(told) == "<derivation of Conv(input=4, kernel=2), loss 'upstream', 6 sections: ok>"
    assert told._repr_markdown_().startswith("# The gradients of a convolution\n")
    assert r"\begin{align*}" in told._repr_latex_()
    assert r"\documentclass" not in told._repr_latex_()
    plain = told.to_dict()
    assert [section["name"] for section in plain["sections"]] == [
        "setting", "forward", "jacobians", "gradients", "recognition", "verdict"]  # fmt: skip
    assert {"latex": "dx_{2} = dy_{1} w_{2} + dy_{2} w_{1}", "text": "dx₂ = dy₁·w₂ + dy₂·w₁"} in [
        line for block in plain["sections"][3]["blocks"] if block["kind"] == "equations" for line in block["lines"]]  # fmt: skip
    assert any(isinstance(block, Equations) for block in told.blocks())


@pytest.mark.parametrize("format", ["text", *FORMATS])
def test_same_bytes_in_another_process(format: str) -> None:
    code = f"from symconv import Conv; from symconv.article import render; print(render({SMALL[6]!r}, {format!r}), end='')"
    outputs = set()
    for seed in ("0", "12345"):
        env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8", "COLUMNS": str(40 + int(seed) % 100)}
        outputs.add(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout)
    assert outputs == {render(SMALL[6], format).encode()}


@given(convs(max_terms=400))
@settings(max_examples=25)
def test_any_layer_prints_its_derivative(conv: Conv) -> None:
    for format in FORMATS:
        text = render(conv, format)
        for target in ("dx", "dw"):
            [lines] = entry_displays(conv, text, target)
            read_entries(conv, target, lines)
    assert render(conv, "text")
