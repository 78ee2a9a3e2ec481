"""Ways of writing that strangers have: colons of a program, bold letters, a derivative of an entry that there may not be."""

from __future__ import annotations

import pytest

from symconv.checking.run import check

COLONS = r"""
$$ y[l,m,i,j] = (x \circledast w) = \sum_{a}\sum_{b} w[m,:,a,b] \cdot x[l,:,i+a,j+b] $$

$$ \frac{\partial E}{\partial w[m,:,a,b]} = \sum_{l}\sum_i\sum_j \frac{\partial E}{\partial y[l,m,i,j]} \cdot x[l,:,i+a,j+b] $$

$$ \frac{\partial E}{\partial x[l,:,i,j]} = \sum_{m}\sum_a\sum_b \frac{\partial E}{\partial y[l,m,i-a,j-b]} \cdot w[m,:,a,b] $$

$$ \frac{\partial E}{\partial b[m]} = \sum_{l}\sum_i\sum_j \frac{\partial E}{\partial y[l,m,i,j]} $$
"""


def verdicts(text: str) -> list[str]:
    return [each.verdict for each in check(text).displays]


def test_a_colon_is_an_index_of_both():
    assert verdicts(COLONS) == ["PROVED"] * 4


@pytest.mark.parametrize(
    ("right", "wrong", "at"),
    [
        ("y[l,m,i-a,j-b]} ", "y[l,m,i+a,j-b]} ", 2),
        (r"y[l,m,i,j]} \cdot x[l,:,i+a,j+b]", r"y[l,m,i,j]} \cdot x[l,:,i+a,j-b]", 1),
        (r"b[m]} = \sum_{l}\sum_i\sum_j", r"b[m]} = \sum_i\sum_j", 3),
        (r"x[l,:,i,j]} = \sum_{m}", r"x[l,:,i,j]} = ", 2),
    ],
)
def test_a_slip_among_colons_is_told(right, wrong, at):
    assert right in COLONS
    told = verdicts(COLONS.replace(right, wrong))
    assert told[at] in ("WRONG", "ILL-FORMED")
    assert [each for n, each in enumerate(told) if n != at] == ["PROVED"] * 3


def test_the_filter_has_the_index_of_its_bias():
    """Four indices of y may be a filter and three axes, or an image, a filter and two: b says which is the filter's."""
    assert verdicts(
        r"$$\frac{\partial L}{\partial b_f} = \sum_n \sum_i \sum_j \frac{\partial L}{\partial y_{n,f,i,j}}$$"
    ) == ["PROVED"]
    assert verdicts(
        r"$$\frac{\partial L}{\partial b_f} = \sum_i \sum_j \sum_l \frac{\partial L}{\partial y_{f,i,j,l}}$$"
    ) == ["PROVED"]


LOCAL = r"""
$$\mathbf{y}[r, c] = \sum_{a=0}^{k_1-1} \sum_{b=0}^{k_2-1} \mathbf{X}[r + a, c + b] \mathbf{w}[a, b]$$

$$\frac{\partial \mathbf{y}[r'-a,c'-b]}{\partial \mathbf{X}[r',c']} = \mathbf{w}[a,b]$$

$$\frac{\partial \mathbf{y}[r'-a,c'-b]}{\partial \mathbf{X}[r',c']} = \mathbf{w}[b,a]$$
"""


def test_a_derivative_is_one_of_entries_that_there_are():
    told = verdicts(LOCAL)
    assert told[0] == "PROVED"
    assert told[1] in ("PROVED", "HOLDS")
    assert told[2] in ("WRONG", "ILL-FORMED")


CONDITIONS = [
    r"\sum_{i,k:\, si+k=m}",
    r"\sum_i \sum_{k: si+k=m}",
    r"\sum_i \sum_{\substack{k \\ si+k=m}}",
    r"\sum_{si+k=m}",
]


@pytest.mark.parametrize("sums", CONDITIONS)
def test_what_stands_before_a_colon_is_summed_over(sums):
    """i is summed over once, whether the sum with the condition names it or the one before."""
    forward = r"$$y_i = \sum_{k=0}^{K-1} w_k x_{si+k}$$"
    told = verdicts(f"{forward}\n\n$$dx_m = {sums} dy_i w_k$$\n\n$$dx_m = {sums} dy_k w_i$$\n")
    assert told == ["PROVED", "PROVED", "WRONG"]


def test_what_is_in_brackets_after_a_function_is_its_argument():
    """flip(w)_{1,·} is a part of what is turned, not what is turned of a part."""
    article = r"""$$w = \begin{bmatrix} w_{11} & w_{12} \\ w_{21} & w_{22} \end{bmatrix}$$

$$x = \begin{bmatrix} x_{11} & x_{12} & x_{13} \\ x_{21} & x_{22} & x_{23} \end{bmatrix}$$

$$\operatorname{flip}(w)_{1,\cdot} = \begin{bmatrix} w_{22} & w_{21} \end{bmatrix}$$

$$\operatorname{flip}(w)_{1,\cdot} = \begin{bmatrix} w_{12} & w_{11} \end{bmatrix}$$"""
    told = verdicts(article)
    assert told[2] in ("HOLDS", "PROVED")
    assert told[3] == "WRONG"
