"""One condition for every stride and dilation, held against loops at strides that it was not made from."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from symconv import Conv, prove
from symconv.algebra.comparisons import compare
from symconv.algebra.integers import Name
from symconv.formulas.verify import verify
from symconv.proof import REFUTED
from symconv.proof.steps import _guards, _number, common_condition

CASES = {
    "dx = correlate(pad(dilate(dy, s), d*(K-1) - p), flip(w), dilation=d)": "(H - d*K + 2*p + d - 1) mod s == 0",
    "dx = correlate(pad(dilate(dy, s), K-1-p, K-1-q+r), flip(w))": "d == 1 or K == 1",
    "dx = correlate(pad(dilate(dy, s), d*(K-1), d*(K-1)+r), flip(w), dilation=d)": "p + q == 0",
    "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r + s - 1), flip(w), dilation=d)": "s == 1",
    "dw = correlate(pad(x, p), dilate(dy, s), stride=d)": "(H - d*K + 2*p + d - 1) mod s <= d - 1",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", CASES)
def test_a_condition_with_s_and_d(text: str) -> None:
    proof = prove(text, "any", "any", max_seconds=60)
    assert proof.verdict == REFUTED
    assert proof.condition == f"{CASES[text]}, for s in 1..4, d in 1..2"
    assert "observed" in str(proof.reason)
    common = common_condition(proof.cases)
    assert common is not None
    generator = random.Random(1)
    tried, right = 0, 0
    while tried < 60:
        s, d, K, p = (generator.randint(1, n) for n in (7, 4, 3, 2))
        q = p if proof.padding == "symmetric" else generator.randint(0, 2)
        p, q = generator.choice([(p, q), (0, 0)])
        try:
            conv = Conv(generator.randint(1, 20), K, stride=s, dilation=d, padding=((p, q),), bias=False)
        except ValueError:
            continue
        tried += 1
        holds = any(all(c.evaluate(conv.sizes(0)) for c in each) for each in common.alternatives)
        assert verify(conv, [text]).ok == holds, conv
        right += holds
    assert 0 < right < tried


def test_one_axis_of_steps() -> None:
    assert (
        prove("dx = correlate(pad(dy, K-1-p), flip(w))", "any").condition
        == "s == 1 or H + 2*p == K, for s in 1..4, d in 1"
    )


def test_where_none_is_found() -> None:
    """Degenerate sizes differ from stride to stride: nothing is said."""
    proof = prove("dw[k] = sum(dy[i]*x[i + d*k - p], i)", "any", "any", max_seconds=60)
    assert proof.verdict == REFUTED
    assert proof.condition is None


def test_a_condition_of_all_steps_is_asked_of_the_cases() -> None:
    proof = prove("dx = correlate(pad(dilate(dy, s), K-1), flip(w))", "any")
    assert proof.validity is not None
    with pytest.raises(ValueError, match="ask the cases"):
        proof.validity.holds(H=3, K=2, p=0)


def test_numbers_that_change_with_the_step() -> None:
    steps = [{"s": s, "d": d} for s in (1, 2, 3) for d in (1, 2)]
    s, d = Name("s"), Name("d")
    for e in (s, d, s * d, 2 * s - 1, d - 1, s - d, s * d + 2, 3 * d):
        found = _number([(step, e.evaluate(step)) for step in steps])
        assert found is not None
        assert all(compare(found, "==", e).evaluate({"s": a, "d": b}) for a in range(1, 9) for b in range(1, 5))
    assert _number([(step, step["s"] ** 3) for step in steps]) is None


def test_no_theorem_states_what_is_observed() -> None:
    proof = prove("dx = correlate(pad(dilate(dy, s), d*(K-1) - p), flip(w), dilation=d)", "any")
    assert proof.validity is not None
    assert "does not hold for all of these sizes" in proof.to_latex()
    assert "if and only if" not in proof.to_latex()
    assert "bmod" not in proof.to_latex()


def test_two_strides_may_be_told_apart_and_no_more() -> None:
    def guards(proved: int) -> list[str]:
        cases = [SimpleNamespace(stride=s, dilation=d, proved=s <= proved) for s in range(1, 6) for d in (1, 2)]
        return [str(each) for (each,) in _guards(cast(Any, cases))]

    assert guards(1) == ["s == 1"]
    assert guards(2) == ["s == 1", "s == 2"]
    assert guards(3) == []
