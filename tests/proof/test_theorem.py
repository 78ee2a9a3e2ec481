"""Theorems as LaTeX: what they state, and that they compile."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from symconv import prove
from symconv.formulas.standard import STANDARD

CASES = {
    "dx": {"stride": 2},
    "dw": {"stride": "any", "dilation": "any"},
    "y": {"stride": 3, "dilation": 2},
    "db": {},
    "dx[m] = sum(dy[i] * w[m - s*i + p], i)": {"stride": 2},
    "db = sum(dy[i], i)": {},
    "y[i] = sum(w[k] * x[s*i + k - p], k) + b": {"stride": 2},
    "dx[m] = sum(w[k] * dy[(m + p - d*k) // s], k, where=(m + p - d*k) % s == 0)": {"stride": "any"},
    "dx = correlate(pad(dy, p), flip(w))": {},
    "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), w, dilation=d)": {"stride": 2, "dilation": 2},
    "y[i] = sum(w[k] * x[s*i + k + s - 1 - p], k)": {"stride": 3},
    "dw = correlate(pad(x, p), dilate(dy, s))": {"stride": 2},
    "dw = flip(correlate(pad(x, p), flip(dilate(dy, s))))": {"stride": 3},
    "dx = correlate(dilate(dy, s - 1), flip(w))": {"stride": 1},
    "dx[m] = 3*sum(dy[i] * w[m - s*i + p], i) - 2*sum(dy[i] * w[m - s*i + p], i)": {"stride": 2},
}


def text_of(formula, **arguments):
    return prove(formula, **arguments).to_latex()


def test_standard_dx():
    text = text_of("dx", stride=2)
    for told in (
        r"\begin{theorem}[Input gradient, stride 2, dilation 1]", r"$H, K \ge 1$ and $p, q \ge 0$", "$s = 2$",
        r"x_{s(o - 1) + d(k - 1) - p + 1}", r"\operatorname{pad}_{d(K - 1) - p, d(K - 1) - q + r}(dy \uparrow s)",
        r"P = s(o - 1) + d(K - 1) - p + 1", r"Q = d(K - k) + 1", r"$P = m + Q - 1$", r"\end{theorem}", r"\end{proof}",
    ):  # fmt: skip
        assert told in text, told


def test_the_argument_is_that_of_the_products_beside_the_bias():
    bare = "y = correlate(pad(x, p, q), w, stride=s, dilation=d)"
    assert all("every product occurs once" in text_of(text) for text in (bare, f"{bare} + b"))
    assert "With multiplicity" in text_of(f"{bare} + 0*{bare[4:]}")


def test_condition():
    assert "holds if and only if $2 p = K - 1$." in text_of("dx = correlate(pad(dy, p), flip(w))")
    text = text_of("dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))", stride=2)
    assert r"holds if and only if $(H + 2 p - K) \bmod 2 = 0$." in text
    assert "The formula has 1 entry instead of 2." in text
    text = text_of("dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), w, dilation=d)", stride=2)
    assert "if and only if $K = 1$, or at a degenerate size: only the middle tap meets the input." in text


def test_the_places_of_the_prose_are_the_relation():
    """P and Q, with the numbers of a random case put in, meet exactly where m = s*(o-1) + d*(k-1) - p + 1."""
    text = text_of("dx", stride=2, dilation=3)
    places = [re.search(rf"\${name} = ([^$]*)\$", text)[1] for name in "PQ"]
    code = [re.sub(r"(?<=[\w)])(?=[(])|(?<=[a-zA-Z])(?=[a-zA-Z])|(?<=\d)(?=[a-zA-Z])", "*", place) for place in places]
    for o, k, m, K, p in [(1, 1, 1, 3, 0), (2, 3, 4, 3, 4), (5, 2, 9, 4, 3), (5, 2, 10, 4, 3), (3, 2, 8, 2, 0)]:
        names = {"s": 2, "d": 3, "o": o, "k": k, "m": m, "K": K, "p": p}
        first, second = (eval(each, names) for each in code)
        assert (first == m + second - 1) == (m == 2 * (o - 1) + 3 * (k - 1) - p + 1)


@pytest.mark.parametrize("formula", CASES)
def test_in_a_notebook(formula):
    """MathJax has neither theorem environments nor comments; what is said is the same."""
    shown, paper = prove(formula, **CASES[formula])._repr_latex_(), text_of(formula, **CASES[formula])
    assert not re.search(r"\\(begin|end)\{(theorem|proof)\}|^%", shown, re.M)
    assert shown.count("$$") % 2 == 0
    display = re.search(r"\\\[ (.*?) ?\\\]", paper)[1]
    assert f"$${display}$$" in shown


def test_unknown():
    assert "not decided" in text_of("dx", max_operations=10)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_compiles(tmp_path):
    parts = [text_of(formula, **arguments) for formula, arguments in CASES.items()]
    parts += [text_of(target, stride=2, dilation=3, transposed=transposed) for transposed, target in STANDARD]
    preamble = (
        r"\documentclass{article}\usepackage{amsmath,amsthm}\usepackage[margin=3cm]{geometry}"
        r"\newtheorem{theorem}{Theorem}\begin{document}"
    )
    path = tmp_path / "theorems.tex"
    path.write_text("\n\n".join([preamble, *parts, r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert "Overfull" not in ran.stdout
    assert "undefined" not in ran.stdout
