"""A block of code is compared with the formulas above it."""

from __future__ import annotations

import pytest

pytest.importorskip("markdown_it")

from symconv.checking import CodeVerdict, check
from symconv.checking.beside import Covered, beside

PROGRAM = """
def conv_backward(dout, cache):
    x, w, b, param = cache
    {amounts}
    return x * 0, w * 0, dout.sum(axis=(0, 2, 3))
"""
TAKES_BOTH = PROGRAM.format(amounts="stride, pad = param['stride'], param['pad']")
TAKES_NONE = PROGRAM.format(amounts="pass")

PLAIN = r"""
$$y_{i,j} = \sum_{k}\sum_{l} w_{k,l}\, x_{i+k,j+l}$$

$$dw_{k,l} = \sum_{i,j} dy_{i,j}\, x_{i+k,j+l}$$
"""
STEPPED = r"""
$$y_i = \sum_{k=0}^{K-1} w_k x_{si+k-p}$$

$$dw_k = \sum_i dy_i x_{si+k-p}$$
"""


def compared(text: str, program: str) -> str | None:
    (found,) = check(f"{text}\n```python\n{program}```\n", code=False).code
    return found.beside


@pytest.mark.parametrize(("text", "program", "due"), [
    (PLAIN, TAKES_BOTH, "the formulas above it (line 4) are about stride 1 and padding 0, "
                        "the code takes any stride and any padding"),
    (PLAIN, TAKES_NONE, None),
    (STEPPED, TAKES_BOTH, None),
    (STEPPED, TAKES_NONE, "the formulas above it (line 4) are about any stride and padding, the code takes none"),
    ("Words alone.", TAKES_BOTH, None),
])  # fmt: skip
def test_what_each_is_about(text, program, due):
    assert compared(text, program) == due


@pytest.mark.parametrize(("formula", "program", "due"), [
    ("WRONG", "HOLDS", "the code is right where the formulas of line 7 are not"),
    ("PROVED", "WRONG", "the formulas above it (line 7) are right where the code is not"),
    ("PROVED", "HOLDS", None),
    ("WRONG", "WRONG", None),
])  # fmt: skip
def test_which_of_them_is_right(formula, program, due):
    found = CodeVerdict(20, "conv_backward", program)
    assert beside(found, TAKES_NONE, [Covered(7, formula, (("s", 1), ("p", 0), ("d", 1)))]).beside == due
