"""What has to fit: a terminal of 80 columns, lines of code that are broken and mean the same, sums that are sums."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from symconv.article import document
from symconv.article.listing import OPERATIONS
from symconv.kernels import source
from symconv.layer.conv import Conv

LAYERS: dict[str, dict[str, Any]] = {
    "three-axes": {"input": (3, 4, 3), "kernel": 2},
    "a-border": {"input": (5, 4), "kernel": 3, "padding": 1, "padding_mode": "reflect"},
    "dilated": {"input": (7, 6), "kernel": (3, 2), "dilation": 2, "padding": 1},
    "transposed": {"input": (3, 2), "kernel": 3, "stride": 2, "padding": 1, "output_padding": 1, "transposed": True},
}


@pytest.mark.parametrize(("name", "lang"), list(zip(LAYERS, ("en", "fr", "de", "fr"), strict=True)))
def test_a_terminal_of_80_columns(name: str, lang: str) -> None:
    text = document(Conv(**LAYERS[name]), lang).render("text", 80)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [56, 64, 78, 96])
@pytest.mark.parametrize("name", OPERATIONS)
def test_broken_code_means_the_same(name: str, width: int) -> None:
    text = source.copied(OPERATIONS[name])
    code = re.sub(r'(?s)"""[^"]*"""', "", text)
    broken = source.narrowed(code, width)
    assert ast.dump(ast.parse(broken)) == ast.dump(ast.parse(code))
    assert max(map(len, broken.splitlines())) <= width


def test_a_sum_has_more_than_one_term() -> None:
    """With the numbers of a layer, an index that has one value is that value."""
    one = Conv(input=(3, 3), kernel=(3, 1), in_channels=2, padding=(0, 1))
    text = document(one, sections=["setting", "forward", "gradients", "channels"]).render("markdown")
    assert "= 1}^{1}" not in text
    assert (
        r"dx_{c,m_{1},m_{2}} &= \sum_{o_{2} = 1}^{5} dy_{1,1,o_{2}} \thinspace w_{1, c, m_{1}, m_{2} - o_{2} + 2}"
        in text
    )
    assert r"y_{f,o_{1},o_{2}} &= \sum_{c = 1}^{2} \sum_{k_{1} = 1}^{3} w_{f,c,k_{1},1} \thinspace" in text
