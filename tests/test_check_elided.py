"""Matrices with a column of dots: read where what is written goes on so that the equation holds, not read where it does not."""

from __future__ import annotations

import pytest

from symconv.checking import check
from symconv.checking.result import HOLDS, NOT_READ

LAYER = "Input 8, kernel 3, stride 2, padding 0."
KERNEL = r"\begin{bmatrix} w_3 & w_2 & w_1 \end{bmatrix}"
RIGHT = (
    r"dw = \begin{bmatrix} x_1 & x_2 & \cdots & x_7 \end{bmatrix} \star \begin{bmatrix} dy_1 & 0 & dy_2 & 0 & dy_3 \end{bmatrix}",
    r"dw = \begin{bmatrix} x_1 & \cdots & x_7 \end{bmatrix} \star \begin{bmatrix} dy_1 & 0 & dy_2 & \cdots & dy_3 \end{bmatrix}",
    rf"dx = \begin{{bmatrix}} 0 & 0 & dy_1 & 0 & \cdots & 0 \end{{bmatrix}} \star {KERNEL}",
    r"dx = \begin{bmatrix} 0 & 0 & dy_1 & 0 & \cdots & dy_3 & 0 & 0 & 0 \end{bmatrix}"
    r" \star \begin{bmatrix} w_3 & \cdots & w_1 \end{bmatrix}",
)


@pytest.mark.parametrize("text", RIGHT)
def test_columns_left_out(text: str) -> None:
    (found,) = check(f"{LAYER}\n\n$${text}$$\n").displays
    assert (found.verdict, found.condition) == (
        HOLDS,
        "the columns that are written; what the dots stand for is read from them",
    )


@pytest.mark.parametrize(("at", "old", "new"), [
    (0, "x_2", "x_3"), (0, "x_7", "x_8"), (0, "dy_2", "dy_3"), (1, "dy_3", "dy_2"), (1, "& 0 &", "&"),
    (2, "dy_1 & 0", "dy_1 & dy_2"), (2, "0 & 0 & dy_1", "0 & dy_1"), (2, "w_1", "w_2"),
    (3, "w_3", "w_2"), (3, "dy_3 & 0 &", "dy_3 &"), (3, "dx", "dw"),
])  # fmt: skip
def test_what_does_not_go_on_so(at: int, old: str, new: str) -> None:
    text = RIGHT[at].replace(old, new, 1)
    assert text != RIGHT[at]
    (found,) = check(f"{LAYER}\n\n$${text}$$\n").displays
    assert found.verdict == NOT_READ, found.condition
