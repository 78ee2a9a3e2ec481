"""Parts of arrays of three axes, ``flip(w_{1,1})_{2,·,·}``: what they are is found, and what they are not."""

from __future__ import annotations

import pytest

from symconv.checking import check
from symconv.checking.result import HOLDS

LAYER = "The layer: input 2x2x3, kernel 2x1x2, stride 1, padding 0, 2 input channels, 3 output channels."

#: right, with one token of it changed in each line below it
PARTS = {
    r"\operatorname{flip}(w_{1,1})_{1,\cdot,\cdot} = \begin{bmatrix} w_{11212} & w_{11211} \end{bmatrix}": (
        r"\operatorname{flip}(w_{1,1})_{2,\cdot,\cdot} = \begin{bmatrix} w_{11212} & w_{11211} \end{bmatrix}",
        r"\operatorname{flip}(w_{2,1})_{1,\cdot,\cdot} = \begin{bmatrix} w_{11212} & w_{11211} \end{bmatrix}",
        r"\operatorname{flip}(w_{1,1})_{1,\cdot,\cdot} = \begin{bmatrix} w_{11112} & w_{11211} \end{bmatrix}",
        r"\operatorname{flip}(w_{1,1})_{3,\cdot,\cdot} = \begin{bmatrix} w_{11212} & w_{11211} \end{bmatrix}",
        r"\operatorname{flip}(w_{1,1})_{\cdot,1,\cdot} = \begin{bmatrix} w_{11212} & w_{11211} \end{bmatrix}",
        r"\operatorname{flip}(w_{1,1})_{1,\cdot} = \begin{bmatrix} w_{11212} & w_{11211} \end{bmatrix}",
    ),
    r"\operatorname{flip}(w_{1,1})_{\cdot,1,\cdot} = "
    r"\begin{bmatrix} w_{11212} & w_{11211} \\ w_{11112} & w_{11111} \end{bmatrix}": (
        r"\operatorname{flip}(w_{1,1})_{\cdot,2,\cdot} = "
        r"\begin{bmatrix} w_{11212} & w_{11211} \\ w_{11112} & w_{11111} \end{bmatrix}",
        r"\operatorname{flip}(w_{1,1})_{\cdot,\cdot,1} = "
        r"\begin{bmatrix} w_{11212} & w_{11211} \\ w_{11112} & w_{11111} \end{bmatrix}",
    ),
    r"\operatorname{pad}_{(1,0)\times(0,0)\times(0,-1)}(x_{2})_{2,\cdot,\cdot} = "
    r"\begin{bmatrix} x_{2111} & x_{2112} \\ x_{2121} & x_{2122} \end{bmatrix}": (
        r"\operatorname{pad}_{(0,0)\times(0,0)\times(0,-1)}(x_{2})_{2,\cdot,\cdot} = "
        r"\begin{bmatrix} x_{2111} & x_{2112} \\ x_{2121} & x_{2122} \end{bmatrix}",
        r"\operatorname{pad}_{(1,0)\times(0,0)\times(-1,0)}(x_{2})_{2,\cdot,\cdot} = "
        r"\begin{bmatrix} x_{2111} & x_{2112} \\ x_{2121} & x_{2122} \end{bmatrix}",
        r"\operatorname{pad}_{(1,0)\times(0,0)\times(0,-1)}(x_{1})_{2,\cdot,\cdot} = "
        r"\begin{bmatrix} x_{2111} & x_{2112} \\ x_{2121} & x_{2122} \end{bmatrix}",
    ),
    r"\operatorname{pad}_{(1,0)\times(0,0)\times(0,0)}(x_{2})_{1,\cdot,\cdot} = 0": (
        r"\operatorname{pad}_{(0,0)\times(0,0)\times(0,0)}(x_{2})_{1,\cdot,\cdot} = 0",
        r"\operatorname{pad}_{(1,0)\times(0,0)\times(0,0)}(x_{2})_{4,\cdot,\cdot} = 0",
    ),
    r"(dy_{3} \uparrow (1,2,1))_{1,\cdot,\cdot} = "
    r"\begin{bmatrix} dy_{3111} & dy_{3112} \\ 0 & 0 \\ dy_{3121} & dy_{3122} \end{bmatrix}": (
        r"(dy_{3} \uparrow (1,1,2))_{1,\cdot,\cdot} = "
        r"\begin{bmatrix} dy_{3111} & dy_{3112} \\ 0 & 0 \\ dy_{3121} & dy_{3122} \end{bmatrix}",
        r"(dy_{3} \uparrow (1,2,1))_{1,\cdot,\cdot} = "
        r"\begin{bmatrix} dy_{3111} & dy_{3112} \\ 0 & 1 \\ dy_{3121} & dy_{3122} \end{bmatrix}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("right", PARTS)
def test_a_part_of_an_array(right: str) -> None:
    assert [each.verdict for each in check(f"{LAYER}\n\n$${right}$$\n").displays] == [HOLDS]
    for wrong in PARTS[right]:
        (found,) = check(f"{LAYER}\n\n$${wrong}$$\n").displays
        assert found.verdict in ("WRONG", "ILL-FORMED", "NOT READ"), (wrong, found.condition)
        assert found.fix is None or found.fix != wrong


#: a layer of one axis with more than nine entries has numbers of two digits
LONG = "The layer: input 6, kernel 2, stride 2, padding 0. Transposed."


@pytest.mark.parametrize(("text", "verdict"), [
    (r"\begin{aligned} y_1 &= w_1 x_1 + b \\ y_{10} &= w_2 x_5 + b \\ y_{12} &= w_2 x_6 + b \end{aligned}", HOLDS),
    (r"\begin{aligned} y_1 &= w_1 x_1 + b \\ y_{10} &= w_2 x_5 + b \\ y_{12} &= w_2 x_5 + b \end{aligned}", "WRONG"),
    (r"dx_5 = dy_9 w_1 + dy_{10} w_2", HOLDS),
    (r"dx_5 = dy_9 w_1 + dy_{11} w_2", "WRONG"),
    (r"dx_6 = dy_{11} w_1 + dy_{12} w_2", HOLDS),
    (r"dx_6 = dy_{11} w_1 + dy_{13} w_2", "WRONG"),
])  # fmt: skip
def test_numbers_of_two_digits(text: str, verdict: str) -> None:
    assert [each.verdict for each in check(f"# Transposed convolution\n\n{LONG}\n\n$${text}$$\n").displays] == [verdict]
