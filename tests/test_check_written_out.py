"""Articles that write the entries of the output out and say nothing of stride and padding: the entries say it."""

from __future__ import annotations

import itertools

import pytest

from symconv.checking.run import check

LETTERS = [("x", "w", "y"), ("a", "w", "z"), ("I", "F", "O")]


def layer(h: int, k: int, s: int, d: int, p: int) -> list[tuple[int, int, int]]:
    """(o, k, m) from 1, by hand."""
    outputs = (h + 2 * p - d * (k - 1) - 1) // s + 1
    every = itertools.product(range(outputs), range(k))
    return [(o + 1, t + 1, s * o + d * t - p + 1) for o, t in every if 0 <= s * o + d * t - p < h]


def sums(
    products: list[tuple[int, int, int]], key: int, names: tuple[str, str, str], others: tuple[int, int]
) -> list[str]:
    left, first, second = names
    found = []
    for n in sorted({each[key] for each in products}):
        terms = [f"{first}_{{{each[others[0]]}}} {second}_{{{each[others[1]]}}}" for each in products if each[key] == n]
        found.append(f"{left}_{{{n}}} = " + " + ".join(terms))
    return found


def article(h: int, k: int, s: int, d: int, p: int, letters: tuple[str, str, str]) -> list[str]:
    x, w, y = letters
    products = layer(h, k, s, d, p)
    return [
        *sums(products, 0, (y, x, w), (2, 1)),
        *sums(products, 2, (f"d{x}", f"d{y}", w), (0, 1)),
        *sums(products, 1, (f"d{w}", f"d{y}", x), (0, 2)),
    ]


def written(equations: list[str]) -> str:
    return "# A layer\n\n" + "".join(f"$$ {each} $$\n\n" for each in equations)


CASES = [
    (7, 3, 2, 1, 1),
    (8, 2, 3, 1, 0),
    (5, 3, 1, 1, 1),
    (6, 2, 1, 2, 1),
    (9, 3, 2, 2, 2),
    (6, 3, 1, 1, 2),
    (7, 3, 2, 1, 0),
    (6, 2, 1, 1, 0),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("letters", LETTERS)
def test_the_entries_say_the_layer(case, letters):
    _, _, s, _, p = case
    equations = article(*case, letters)
    found = check(written(equations))
    assert {each.verdict for each in found.displays} == {"HOLDS"}, [
        (e.latex, e.verdict, e.reason) for e in found.displays
    ]
    told = {each["slot"]: each["value"] for each in found.context}
    assert (told.get("stride", 1), told.get("padding", 0)) == (s, p)


@pytest.mark.parametrize("case", [CASES[0], *CASES[2:4]])
def test_a_wrong_gradient_is_told(case):
    equations = article(*case, LETTERS[1])
    at = next(n for n, each in enumerate(equations) if each.startswith("da") and "+" in each)
    spoiled = equations[at].replace("w_{1}", "w_{0}").replace("w_{2}", "w_{1}").replace("w_{0}", "w_{2}")
    assert spoiled != equations[at]
    found = check(written([*equations[:at], spoiled, *equations[at + 1 :]]))
    assert [each.verdict for each in found.displays].count("HOLDS") == len(equations) - 1
    assert found.displays[at].verdict == "WRONG"


def test_words_have_the_last_word():
    """Of a stride that is said the entries must be; those that are not are wrong."""
    equations = article(7, 3, 2, 1, 1, LETTERS[0])
    text = written(equations).replace("# A layer\n", "# A layer\n\nThe stride is 3.\n")
    assert "WRONG" in {each.verdict for each in check(text).displays}


NAMED = r"""
# Back through a strided layer

\begin{equation} Z = zero\_pad(a_{prev}) *_{stride=2} W \end{equation}

in which

\begin{equation} a_{prev} = \begin{bmatrix} a_{11} & a_{12} & a_{13} \\ a_{21} & a_{22} & a_{23} \\
  a_{31} & a_{32} & a_{33} \end{bmatrix} \end{equation}
\begin{equation} zero\_pad(a_{prev}) = \begin{bmatrix} 0 & 0 & 0 & 0 & 0 \\ 0 & a_{11} & a_{12} & a_{13} & 0 \\
  0 & a_{21} & a_{22} & a_{23} & 0 \\ 0 & a_{31} & a_{32} & a_{33} & 0 \\ 0 & 0 & 0 & 0 & 0 \end{bmatrix} \end{equation}
\begin{equation} W = \begin{bmatrix} w_{11} & w_{12} \\ w_{21} & w_{22} \end{bmatrix} \end{equation}
\begin{equation} Z = \begin{bmatrix} z_{11} & z_{12} \\ z_{21} & z_{22} \end{bmatrix} \end{equation}

$$z_{11} = a_{11} w_{22}$$
$$z_{12} = a_{12} w_{21} + a_{13} w_{22}$$
$$z_{22} = a_{22} w_{11} + a_{23} w_{12} + a_{32} w_{21} + a_{33} w_{22}$$

## Its gradients

$$\frac{\partial L}{\partial a_{11}} = \frac{\partial L}{\partial z_{11}} w_{22}$$
$$\frac{\partial L}{\partial a_{33}} = \frac{\partial L}{\partial z_{22}} w_{22}$$
$$\frac{\partial L}{\partial a_{23}} = \frac{\partial L}{\partial z_{22}} w_{21}$$
$$\frac{\partial L}{\partial w_{12}} = \frac{\partial L}{\partial z_{21}} a_{21} + \frac{\partial L}{\partial z_{22}} a_{23}$$
"""


def test_names_of_whole_arrays_and_words_for_the_border():
    found = check(NAMED)
    told = [each.verdict for each in found.displays]
    assert told == ["PROVED", *["HOLDS"] * 9, "WRONG", "HOLDS"]
    assert "this is" in str(found.displays[-2]) or found.displays[-2].fix == (
        r"\frac{\partial L}{\partial a_{23}} = \frac{\partial L}{\partial z_{22}} w_{12}"
    )
    no_stride = check(NAMED.replace("*_{stride=2}", "*"))
    assert no_stride.displays[0].verdict == "WRONG"


BRACES = r"""
$$z^l_{i,j} = \sum_m \sum_n {a^{l-1}_{i+m,j+n} (\omega')^l_{m,n} + b^l}$$

$$\frac{\partial Loss}{\partial (\omega')^l_{m,n}} = \sum_i \sum_j {\frac{\partial Loss}{\partial z^l_{i,j}} a^{l-1}_{i+m,j+n}}$$

$$\frac{\partial Loss}{\partial (\omega')^l_{m,n}} = \sum_i \sum_j {\frac{\partial Loss}{\partial z^l_{i,j}} a^{l-1}_{i-m,j+n}}$$
"""


def test_braces_do_not_show_and_letters_may_stand_in_brackets():
    """A bias inside the braces after a sum is read as it is set: after the sum."""
    assert [each.verdict for each in check(BRACES).displays] == ["PROVED", "PROVED", "WRONG"]
