"""What an article says of every size is proved: transposed layers, borders, true convolutions, groups."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")

from symconv import Conv
from symconv.article import document
from symconv.checking import check
from symconv.checking.result import HOLDS, PROVED

#: kinds of which the derivations say something for every size
GENERAL = ("index equation", "operator statement", "Kronecker condition", "local derivative", "chain rule")

LAYERS: dict[str, dict[str, Any]] = {
    "plain": {"input": 4, "kernel": 2},
    "two axes": {"input": (4, 3), "kernel": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1))},
    "dilated": {"input": 5, "kernel": 2, "dilation": 2, "stride": 2, "padding": 1},
    "transposed": {"input": 3, "kernel": 2, "stride": 2, "output_padding": 1, "transposed": True},
    "transposed channels": {"input": 4, "kernel": 2, "in_channels": 2, "out_channels": 3, "transposed": True},
    "groups": {"input": 3, "kernel": 2, "in_channels": 4, "out_channels": 2, "groups": 2, "padding": 1},
    **{mode: {"input": 4, "kernel": 3, "padding": 1, "stride": 2, "padding_mode": mode}
       for mode in ("reflect", "replicate", "circular", "symmetric", "constant")},
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_what_a_derivation_says_in_general_is_proved(name: str) -> None:
    """All but sums written out, whose entries are those of one size."""
    displays = check(document(Conv(**LAYERS[name]), "en").render("markdown"), code=False).displays
    open_ = [each.latex for each in displays if each.verdict == HOLDS and each.kind in GENERAL]
    assert all("sum" not in latex and "star" not in latex for latex in open_), open_
    assert sum(each.verdict == PROVED for each in displays) >= 3


TRANSPOSED = r"A transposed convolution. $$y_o = \sum_{s m + k - p = o} w_k x_m$$"
CONVOLUTION = r"$$y_i = \sum_{k=0}^{K-1} w_k x_{i-k}$$"


@pytest.mark.parametrize(("before", "claim", "verdict", "condition"), [
    (TRANSPOSED, r"dx_m = \sum_{k=0}^{K-1} dy_{s m + k - p} w_k", "PROVED", "every size, stride 1 to 3"),
    (TRANSPOSED, r"dx_m = \sum_{k=0}^{K-1} dy_{s m + k} w_k", "WRONG", "right only when p == 0"),
    (TRANSPOSED, r"dw_k = \sum_m x_m dy_{s m + k - p}", "PROVED", "every size, stride 1 to 3"),
    (CONVOLUTION, r"dx_m = \sum_i dy_i w_{i-m}", "PROVED", "every size"),
    (CONVOLUTION, r"dw_k = \sum_i dy_i x_{i-k}", "PROVED", "every size"),
    (CONVOLUTION, r"dw_k = \sum_i dy_i x_{i-K+1+k}", "WRONG", "right only when p == 0, where p == K - 1"),
])  # fmt: skip
def test_a_claim_has_its_exact_condition(before: str, claim: str, verdict: str, condition: str) -> None:
    found = check(f"{before}\n\n$${claim}$$\n", code=False).displays[-1]
    assert (found.verdict, found.condition) == (verdict, condition), found.reason
