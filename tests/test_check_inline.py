"""What sentences claim between their dollars: judged where it is a claim, left where it only names something."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("markdown_it")

from symconv.checking import check
from symconv.cli.main import group

ARTICLE = r"""# One axis

$$y_i = \sum_{k=1}^{K} w_k x_{i+k-1} + b$$

"""


@pytest.mark.parametrize(("words", "verdicts"), [
    (r"so $dw_k = \sum_i dy_i x_{i+k-1}$ and $dx_m = \sum_i dy_i w_{m-i+1}$.", ["PROVED", "PROVED"]),
    (r"so $dw_k = \sum_i dy_i x_{i+k}$.", ["WRONG"]),
    (r"with $dx = \mathrm{full}(dy, rot180(w))$, and $dw = x * dy$.", ["PROVED", "PROVED"]),
    (r"The output has $O = \lfloor (H - K + 2p)/s \rfloor + 1$ entries, not $O = (H - K + 2p)/s$.", ["HOLDS", "WRONG"]),
    (r"$s = 1$, $H = 5$, $2p = K - 1$, $p = (K-1)/2$, $O = 4$, $m = i + k$, $x_0 = 0$, $y = wx + b$, "
     r"$dy = \frac{\partial L}{\partial y}$, "
     r"$dw = x\,dy$, $H = W$", []),
])  # fmt: skip
def test_claims_and_mentions(words: str, verdicts: list[str]) -> None:
    found = check(f"{ARTICLE}{words}\n")
    assert [each.verdict for each in found.inline] == verdicts
    assert [each.verdict for each in found.displays] == ["PROVED"]
    counts = found.counts
    assert sum(counts["inline_verdicts"].values()) == counts["inline"] == len(verdicts)
    assert all(each.inline for each in found.inline)


def test_what_a_sentence_says_of_an_index_holds_for_what_follows() -> None:
    claim = r"$$dx_m = \sum_i dy_i w_k$$"
    assert check(f"{ARTICLE}{claim}\n").displays[-1].verdict == "ILL-FORMED"
    assert check(f"{ARTICLE}There $k = m - i + 1$.\n\n{claim}\n").displays[-1].verdict in ("PROVED", "HOLDS")
    assert check(f"{ARTICLE}There $k = m - i$.\n\n{claim}\n").displays[-1].verdict == "WRONG"


def test_a_wrong_claim_in_a_sentence_is_told_in_its_line(tmp_path) -> None:
    path = tmp_path / "post.md"
    path.write_text(ARTICLE + "One has\n$dw_k = \\sum_i dy_i x_{i+k}$ here.\n", encoding="utf-8")
    told = CliRunner().invoke(group, ["check", str(path), "--format", "json"])
    assert told.exit_code == 1
    (found,) = json.loads(told.output)["inline"]
    assert found["line"] == 6
    assert "x_{i+k-1}" in found["fix"]
    annotated = CliRunner().invoke(group, ["check", str(path), "--format", "annotated"]).output
    assert "here. <!-- symconv check: WRONG" in annotated


def test_a_sum_beside_a_star_says_that_both_are_true_convolutions() -> None:
    forward = r"$$z_{u,v} = w * x + b_{u,v} = \sum_{a} \sum_{c} w_{a,c} x_{u-a,v-c} + b_{u,v}$$"
    gradient = r"$$dx_{u,v} = \sum_{i} \sum_{j} dz_{i,j} w_{i-u,j-v}$$"
    found = check(f"{forward}\n\n{gradient}\n", code=False).displays
    assert [each.verdict for each in found] == ["DEFINITION", "PROVED"]
