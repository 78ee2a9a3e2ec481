"""A squared loss and its derivative; displays in the dialects of Markdown."""

from __future__ import annotations

import pytest

from symconv.checking import check
from symconv.checking.result import DEFINITION, HOLDS

LAYER = "The layer: input 5, kernel 2, stride 1, padding 0."
LOSS = r"L = \frac{1}{2} \sum_{o=1}^{O} (y_o - t_o)^2"
FORWARD = r"$$y_o = \sum_{k=1}^{K} w_k x_{o+k-1} + b$$"


def told(*displays: str) -> list[str]:
    shown = "\n\n".join(f"$${each}$$" for each in displays)
    return [each.verdict for each in check(f"{LAYER}\n\n{FORWARD}\n\n{shown}\n").displays][1:]


@pytest.mark.parametrize(("loss", "dy", "verdicts"), [
    (LOSS, "dy_3 = y_3 - t_3", [DEFINITION, HOLDS]),
    (LOSS, "dy_o = y_o - t_o", [DEFINITION, HOLDS]),
    (LOSS, "dy = y - t", [DEFINITION, HOLDS]),
    (LOSS, "dy_3 = y_3 - t_2", [DEFINITION, "WRONG"]),
    (LOSS, "dy_3 = t_3 - y_3", [DEFINITION, "WRONG"]),
    (LOSS, "dy_3 = y_3 + t_3", [DEFINITION, "WRONG"]),
    (LOSS, "dy_o = y_o - t_k", [DEFINITION, "NOT READ"]),
    (r"L = \sum_{o=1}^{O} (y_o - t_o)^2", "dy_3 = y_3 - t_3", [DEFINITION, "WRONG"]),
    (r"L = \sum_{o=1}^{O} (y_o - t_o)^2", "dy_3 = 2 (y_3 - t_3)", [DEFINITION, HOLDS]),
    (r"L = \frac{1}{2} \sum_{o=1}^{K} (y_o - t_o)^2", "dy_3 = y_3 - t_3", ["WRONG", "NOT READ"]),
    (r"L = \frac{1}{2} \sum_{o=1}^{O} (y_o - t_{o+1})^2", "dy_3 = y_3 - t_3", ["NOT READ", "NOT READ"]),
])  # fmt: skip
def test_a_squared_loss(loss: str, dy: str, verdicts: list[str]) -> None:
    assert told(loss, dy) == verdicts


def test_a_squared_loss_is_corrected() -> None:
    (*_, found) = check(f"{LAYER}\n\n{FORWARD}\n\n$${LOSS}$$\n\n$$dy_3 = y_2 - t_3$$\n").displays
    assert found.fix == "dy_{3} = y_{3} - t_{3}"


WORDS = f"{LAYER} Here MATH is the output.\n\n| sign | meaning |\n|:--|:--|\n| MATH | the output |\n\n"


@pytest.mark.parametrize(
    ("mark", "end"), [("$y$", "$$"), ("$$y$$", "$$"), ("$`y`$", "$$"), ("$y$", "$$ {#eq-db}"), ("$y$", "$$ (db)")]
)
def test_dialects(mark: str, end: str) -> None:
    text = WORDS.replace("MATH", mark) + "$$\ndb = \\sum dy\n" + end + "\n\nAfter it.\n"
    assert [(each.latex, each.verdict) for each in check(text).displays] == [(r"db = \sum dy", "PROVED")]


def test_a_display_in_smaller_type() -> None:
    text = (
        "\\documentclass{article}\\begin{document}\nBefore it:\n{\\small\n\\begin{align*}\n  db &= \\sum dy\n\\end{align*}}\n"
        "After it, {\\small words}.\n\\end{document}\n"
    )
    assert [each.verdict for each in check(text).displays] == ["PROVED"]
