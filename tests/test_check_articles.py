"""Articles as strangers write them, with what is right and what is subtly wrong: no right display is called wrong, and the
wrong ones are found with a correction that holds."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")
pytest.importorskip("bs4")

from symconv.checking import check
from symconv.checking.result import BAD

#: article -> its displays in order: right (r), wrong (w), wrong and without a correction (o), not read (?)
TRUTH = {"kernels.md": "rrrrrwrrrrwrwrrrrwrwrrrrww", "strided.tex": "rrrrwwwrr", "capa.html": "rrrrrrrwrwrwrrw"}
FOLDER = Path(__file__).parent / "articles"


@pytest.mark.parametrize("name", TRUTH)
def test_an_article(name: str) -> None:
    displays = [each for each in check(FOLDER / name, code=False).displays if each.verdict != "NO CLAIM"]
    found = "".join("w" if each.verdict in BAD and each.fix else "o" if each.verdict in BAD else
                    "r" if each.verdict in ("PROVED", "HOLDS", "DEFINITION") else "?" for each in displays)  # fmt: skip
    assert found == TRUTH[name], [(each.line, each.verdict, each.reason) for each in displays]


def test_an_activation_of_one_array_is_the_next_layers_input() -> None:
    forward = r"z^{l}_{i} = \sum_{u} w^{l}_{u} a^{l-1}_{i+u} + b^l"
    article = (
        rf"$${forward}, \qquad a^{{l}}_{{i}} = \sigma(z^{{l}}_{{i}})$$" + "\n\n" + r"$$a^{l}_{i} = \sigma(z^{l}_{i})$$"
    )
    assert [each.verdict for each in check(article).displays] == ["PROVED", "DEFINITION"]


def test_a_size_with_an_axis_for_its_index_is_no_entry_of_the_kernel() -> None:
    forward = r"Z_{i,j} = \sum_{c=0}^{C-1}\sum_{m=0}^{K_x-1} \sum_{n=0}^{K_y-1} X_{c,i+m,j+n} K_{c,m,n} + b"
    bias = r"\frac{\partial E}{\partial b} = \sum_{i}\sum_{j} \frac{\partial E}{\partial Z_{i,j}}"
    assert [each.verdict for each in check(f"$${forward}$$\n\n$${bias}$$").displays] == ["PROVED", "PROVED"]
