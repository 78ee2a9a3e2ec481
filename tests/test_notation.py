"""An author's notation: what is printed in it says the same, letter by letter, as what is printed in symconv's own."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symconv import Conv
from symconv.article import document
from symconv.article.blocks import Equations
from symconv.layer.differences import exact_gradients, random_integers
from symconv.mathematics.latex import latex
from symconv.mathematics.notation import MEANINGS, PRESETS, Notation, notation
from symconv.mathematics.text import pretty
from symconv.mathematics.tree import Equation, Word
from tests.commands import run

LAYERS = [
    Conv(input=5, kernel=3, stride=2, padding=1),
    Conv(input=(4, 5), kernel=(3, 2), stride=(2, 1), padding=((1, 0), (0, 2)), in_channels=2, out_channels=3),
    Conv(input=(3, 4), kernel=2, stride=(2, 3), transposed=True, output_padding=(1, 0)),
]
ARRAYS = ("x", "w", "b", "y", "dx", "dw", "db", "dy")


@lru_cache(maxsize=64)
def equations(conv: Conv, own: Notation) -> list[str]:
    """Every displayed equation as LaTeX."""
    blocks = document(conv, notation=own, sections=["setting", "forward", "jacobians", "gradients"]).blocks()
    return [
        latex(line)
        for block in blocks
        if isinstance(block, Equations)
        for line in block.lines
        if isinstance(line, Equation)
    ]


def plain_again(text: str, own: Notation) -> str:
    """Read back by rules of its own: what ``own`` wrote, in symconv's letters and signs."""
    letters = {latex_letter(own.letters.get(name, name)): latex_letter(name) for name in MEANINGS}
    if own.gradient == "dx":  # d before the letter of the array
        letters |= {latex_letter(f"d{own.letters.get(a, a)}"): f"d{a}" for a in "xwb"}
    loss = latex_letter(own.letters.get("L", "L"))
    names = {name: latex_letter(own.letters.get(name, name)) for name in "xwb"}
    if own.index != "subscript":
        left, right = ("[", "]") if own.index == "brackets" else ("(", ")")
        arrays = "|".join(
            sorted((re.escape(latex_letter(own.letters.get(a, a))) for a in ("x", "w", "b", "y", "dy")), key=len)[::-1]
        )
        text = re.sub(rf"(?<![A-Za-z\\])({arrays}|d[xwb])\s?\{left}([^\[\]()]*)\{right}", r"\1_{\2}", text)
    if own.gradient == "partial":
        for name, letter in names.items():
            sub = r"((?:_\{(?:[^{}]|\{[^{}]*\})*\})?)"
            entry = rf"\\frac\{{\\partial\s*{re.escape(loss)}\}}\{{\\partial\s*{re.escape(letter)}{sub}\}}"
            text = re.sub(entry, rf"@d{name}\1", text)
    tokens = "|".join(sorted((re.escape(letter) for letter in letters), key=len, reverse=True))
    scanner = rf"@d[xwb]|\{{(?:bmatrix|pad|flip|crop)\}}|\\[A-Za-z]+|{tokens}"
    text = re.sub(scanner, lambda match: letters.get(match[0], match[0]), text)
    text = text.replace("@d", "d").replace(latex_letter(own.operator), r"\star")
    return re.sub(r"\s+", "", text)


def latex_letter(letter: str) -> str:
    return latex(Word(letter))


FREE = ["a", "e", "h", "u", "v", "z", r"\theta", r"\alpha", r"\phi", r"\Omega", "X", "W"]


@given(st.permutations(FREE), st.sampled_from(["dx", "partial"]), st.sampled_from(["⋆", "*"]), st.sampled_from(LAYERS))
@settings(max_examples=8)
def test_what_is_printed_reads_back_as_symconvs_own(free: list[str], gradient: str, operator: str, conv: Conv) -> None:
    letters = dict(zip(("x", "w", "y", "dy", "H", "K"), free, strict=False))
    own = Notation(letters=letters, gradient=gradient, operator=operator)
    plain, mine = equations(conv, Notation()), equations(conv, own)
    assert len(plain) == len(mine)
    for expected, text in zip(plain, mine, strict=True):
        assert plain_again(text, own) == re.sub(r"\s+", "", expected)


def test_a_letter_that_is_missed_is_noticed() -> None:
    own = Notation(letters={"x": "a", "w": "u"})
    text = next(line for line in equations(LAYERS[0], own) if line.startswith("y_{o}"))
    assert plain_again(text, own) != plain_again(text.replace("u", "v", 1), own)


@pytest.mark.parametrize("conv", LAYERS, ids=lambda conv: conv.slug)
def test_indices_from_zero_say_the_same(conv: Conv) -> None:
    """Entries lose one in every index, limits of sums begin at 0 and end one earlier."""
    one, zero = equations(conv, Notation()), equations(conv, Notation(index_base=0))
    assert len(one) == len(zero)
    name = re.compile(r"(?<![A-Za-z])(dx|dw|dy|db|x|w|y|b)_\{(\d+(?:,(?:\d+|\\cdot))*)\}")

    def lowered(match: re.Match[str]) -> str:
        return (
            f"{match[1]}_{{{re.sub('[0-9]+' if ',' in match[2] else '[0-9]', lambda i: str(int(i[0]) - 1), match[2])}}}"
        )

    compared = 0
    for before, after in zip(one, zero, strict=True):
        if name.search(before) and not re.search(r"\\sum|operatorname", before):
            assert name.sub(lowered, before) == after
            compared += 1
        for letter in re.findall(r"\\sum_\{([okmncf](?:_\d|_\{\d\})?) = 1\}", before):
            assert rf"\sum_{{{letter} = 0}}" in after
    assert compared > 10


def test_the_window_from_zero_is_the_relation() -> None:
    """``s(o - 1) + d(k - 1) + 1 - p`` becomes ``so + dk - p``, by substitution."""
    [line] = [
        line for line in equations(LAYERS[0], Notation(index_base=0)) if line.startswith("y_{o}") and "so" in line
    ]
    assert "x_{so + dk - p}" in line
    s, o, d, k, p = sympy.symbols("s o d k p")
    before = s * (o - 1) + d * (k - 1) - p + 1
    assert sympy.expand(before.subs({o: o + 1, k: k + 1}) - 1 - (s * o + d * k - p)) == 0


@pytest.mark.parametrize(("gradient", "shown"), [("dx", "dx_{1}"), ("partial", r"\frac{\partial L}{\partial x_{1}}"),
                                                ("nabla", r"(\nabla_{x}L)_{1}"), ("delta", r"\delta^{x}_{1}")])  # fmt: skip
def test_gradients_as_authors_write_them(gradient: str, shown: str) -> None:
    lines = equations(LAYERS[0], Notation(gradient=gradient))
    assert any(line.startswith(shown) for line in lines), [line for line in lines if "x" in line][:12]


def test_delta_turns_the_kronecker_symbol_into_brackets() -> None:
    told = document(LAYERS[0], notation={"letters": {"dy": r"\delta"}}).render("markdown")
    assert r"\delta_{m," not in told
    assert r"\left[ m = s(o - 1) + d(k - 1) - p + 1 \right]" in told
    assert "Kronecker symbol" not in told
    assert r"\delta_{m," in document(LAYERS[0]).render("markdown")


def test_letters_for_each_axis() -> None:
    own = Notation(letters={"o": "ij", "k": "uv", "H": "HW"})
    lines = equations(LAYERS[1], own)
    assert any("_{f,i,j}" in line and "_{f,c,u,v}" in line for line in lines)
    assert any(r"W + p" in line for line in lines)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_set_in_every_format(preset: str) -> None:
    told = document(LAYERS[0], notation=preset)
    for format in ("text", "latex", "markdown", "html", "ipynb"):
        assert told.render(format)


@pytest.mark.parametrize("conv", LAYERS, ids=lambda conv: conv.slug)
def test_the_listing_speaks_the_same_letters(conv: Conv, capsys: pytest.CaptureFixture[str]) -> None:
    own = {"letters": {"x": "a", "w": r"\theta", "y": "z", "dy": r"\delta", "b": "c0", "s": "stride"}}
    told = document(conv, notation=own, sections=["algorithm"], gradient_check=True).render("markdown")
    shown, check = re.findall(r"(?s)```python\n(.*?)\n```", told)
    assert "def backward(delta, a, theta):" in shown
    names: dict[str, object] = {}
    exec("import numpy as np\n" + shown, names)
    given = random_integers(conv, 2)
    x, w, b, dy = (given[name] for name in ("x", "w", "b", "dy"))
    truth = exact_gradients(conv, x, w, b, dy)
    for target, found in zip(("dx", "dw", "db"), names["backward"](dy, x, w), strict=True):  # type: ignore[operator]
        assert np.array_equal(found, truth[target])
    exec(check, names)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["da", "dtheta", "dc0"]


REFUSED = {
    "clash": ({"letters": {"x": "w"}}, "the letter 'w' would mean both the input and the kernel"),
    "axes": ({"letters": {"o": "ij", "k": "jk"}}, "the letter 'j' would mean both"),
    "unknown": ({"letters": {"j": "a"}}, "no letter 'j' to change"),
    "sign": ({"letters": {"x": "+"}}, r"'\+' is no letter for 'x'"),
    "command": ({"letters": {"x": r"\input{a}"}}, r"no letter \\input for 'x'"),
    "base": ({"index_base": 2}, "index_base is 0 or 1, not 2"),
    "gradient": ({"gradient": "grad"}, "no gradient 'grad'; there are dx, partial"),
    "operator": ({"operator": "@"}, "no operator '@'"),
    "key": ({"font": "serif"}, "no key 'font'"),
    "preset": ("knuth", "no notation 'knuth'; there are article"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_a_line(case: str) -> None:
    given, said = REFUSED[case]
    with pytest.raises(ValueError, match=said) as error:
        notation(given)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_from_a_file_and_options(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('index_base = 0\ngradient = "partial"\n[letters]\nx = "a"\nw = "\\\\theta"\n', encoding="utf-8")
    assert notation(path) == Notation(letters={"x": "a", "w": r"\theta"}, index_base=0, gradient="partial")
    shown = run("derive", "--input", "4", "--kernel", "2", "--notation", str(path), "--letters", r"y=z,dy=\delta")
    assert shown.status == 0
    assert "z₀ = θ₀·a₀ + θ₁·a₁ + b" in shown.out
    path.write_text("index_base = ", encoding="utf-8")
    with pytest.raises(ValueError, match=r"own\.toml"):
        notation(path)
    refused = run("derive", "--input", "4", "--kernel", "2", "--letters", "x=w")
    assert refused.status == 2
    assert "the letter 'w' would mean both" in refused.err


def test_what_it_holds_is_shown() -> None:
    own = Notation(letters={"x": r"\phi"}, operator="*")
    assert own.to_dict() == {
        "letters": {"x": "φ"},
        "index_base": 1,
        "gradient": "dx",
        "operator": "∗",
        "index": "subscript",
    }
    assert notation(own.to_dict()) == own
    assert pretty(own.math(Word("x"))) == "φ"
