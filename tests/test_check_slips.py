"""Slips that keep a value at the sizes written, or hide behind dots: found all the same."""

from __future__ import annotations

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")

from symconv.checking import check
from symconv.checking.result import BAD, DEFINITION, HOLDS, PROVED

PLAIN = "input $5$, kernel $2$\n\n$$y_o = \\sum_{k=1}^{K} w_k x_{o+k-1} + b$$\n\n"
OBLONG = (
    "input $4 \\times 4$, kernel $2 \\times 2$, padding $1$\n\n"
    "$$y_{o_1,o_2} = \\sum_{k_1=1}^{K_1} \\sum_{k_2=1}^{K_2} w_{k_1,k_2} x_{o_1+k_1-p-1,o_2+k_2-p-1} + b$$\n\n"
)
SIDED = "input $5$, kernel $2$, padding $1$\n\n$$O = \\lfloor \\frac{H + p + q - d(K - 1) - 1}{s} \\rfloor + 1$$\n\n"
IMAGES = (
    "input $3$, kernel $2$, batch of $2$\n\n$$y_{n,o} = \\sum_{k=1}^{K} w_k x_{n,o+k-1} + b$$\n\n"
    "$$y_n = x_n \\star w + b$$\n\n"
)
SIZE = (
    r"O_{2} = \lfloor \frac{H_{2} + 2p - K_{2}}{s} \rfloor + 1 = "
    r"\lfloor \frac{4 + 2 - 2}{1} \rfloor + 1 = 5"
)
WIDTH = "$$dx = \\operatorname{pad}_{d(K - 1) - p, d(K - 1) - q + r}(dy) \\star \\operatorname{flip}(w)$$\n\n"

#: what stands before, a display that holds, what one token of it becomes
SLIPS: dict[str, tuple[str, str, str, str]] = {
    "a size of another axis": (OBLONG, SIZE, "H_{2}", "H_{1}"),
    "a size of another kind": (OBLONG, SIZE, "K_{2}", "p"),
    "a number that a floor keeps": (
        SIDED, r"O = \lfloor \frac{H + p + q - d(K - 1) - 1}{s} \rfloor + 1 "
        r"= \lfloor \frac{5 + 1 + 1 - 1(2 - 1) - 1}{1} \rfloor + 1 = 6", "1(2 - 1) - 1}", "1(2 - 1) - 0}"),
    "the padding before for that after": (SIDED, r"y = \operatorname{pad}_{p,q}(x) \star w + b", "p,q", "p,p"),
    "no width that the article pads by": (SIDED + WIDTH, r"d(K - 1) - p = 1(2 - 1) - 1 = 0", "- p", "- d"),
    "an entry that there is not": (PLAIN, "dx_{1} = dy_{1} w_{1}", "dy_{1} w_{1}", "dy_{1} w_{1} + dy_{1} w_{3}"),
    "a sum that goes on": (
        PLAIN, r"dx_{2} = dy_{1} w_{2} + \cdots = dy_{1} w_{2} + dy_{2} w_{1}", r"w_{2} + \cdots",
        r"w_{1} + \cdots"),
    "an axis that there is not": (
        OBLONG, r"dx_{m_1,m_2} = \sum_{o_1 = 1}^{O_1} \sum_{o_2 = 1}^{O_2} "
        r"dy_{o_1,o_2} \frac{\partial y_{o_1,o_2}}{\partial x_{m_1,m_2}}",
        "{O_2}", "{O_3}"),
    "another image": (IMAGES, r"dx_n = \operatorname{pad}_{K - 1}(dy_n) \star \operatorname{flip}(w)", "(dy_n)", "(dy_c)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SLIPS)
def test_a_slip_is_found(kind: str) -> None:
    before, display, old, new = SLIPS[kind]
    assert display.count(old) >= 1
    right = check(f"{before}$${display}$$").displays[-1]
    assert right.verdict in (PROVED, HOLDS, DEFINITION), right
    wrong = check(f"{before}$${display.replace(old, new, 1)}$$").displays[-1]
    assert wrong.verdict not in (PROVED, HOLDS, DEFINITION), wrong
    assert wrong.verdict not in BAD or wrong.reason or wrong.counterexample


def test_an_entry_of_the_border_may_be_written() -> None:
    text = "input $3$, kernel $2$, padding $1$\n\n$$y_o = \\sum_{k=1}^{K} w_k x_{o+k-2} + b$$\n\n"
    assert check(f"{text}$$y_1 = w_1 x_0 + w_2 x_1 + b$$").displays[-1].verdict == HOLDS
    assert check(f"{text}$$y_1 = w_1 x_{{-1}} + w_2 x_1 + b$$").displays[-1].verdict not in (HOLDS, PROVED)
