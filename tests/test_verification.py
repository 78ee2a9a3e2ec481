"""Formulas against the derivative: the standard ones hold, and one wrong letter is seen."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from symconv import Conv, verify
from symconv.formulas import Formula, formula
from symconv.formulas.standard import STANDARD
from tests.cases import SMALL, convs

#: a layer in which every letter of every formula matters: stride, dilation and padding differ, rows are left over
AWKWARD = Conv(input=(9, 12), kernel=(3, 2), stride=(2, 3), padding=((1, 2), (2, 0)), dilation=(3, 2), batch=2,
               in_channels=4, out_channels=6, groups=2)  # fmt: skip
AWKWARD_TRANSPOSED = Conv(input=(3, 4), kernel=(3, 2), stride=(2, 3), padding=((1, 2), (2, 0)), dilation=(3, 2),
                          batch=2, in_channels=4, out_channels=6, groups=2, transposed=True,
                          output_padding=(1, 2))  # fmt: skip


@pytest.mark.parametrize("conv", [*SMALL, AWKWARD, AWKWARD_TRANSPOSED], ids=lambda conv: conv.slug)
def test_standard_formulas_hold(conv: Conv) -> None:
    result = verify(conv)
    assert result.ok, result.mismatches[:2]
    assert [check.formula.target for check in result.checks] == ["y", "dx", "dw", "db"][: 4 if conv.bias else 3]
    assert result.entries == sum(check.entries for check in result.checks) > 0


@settings(max_examples=80)
@given(convs())
def test_standard_formulas_hold_on_any_layer(conv: Conv) -> None:
    result = verify(conv)
    assert result.ok, result.mismatches[:2]


#: (transposed, mutation) -> the formula after it; one wrong letter each
MUTANTS = {
    (False, "y-pad-before+1"): "y = correlate(pad(x, p + 1, q - 1), w, stride=s, dilation=d) + b",
    (False, "y-pad-after-s"): "y = correlate(pad(x, p, q - s), w, stride=s, dilation=d) + b",
    (False, "y-s-d-swapped"): "y = correlate(pad(x, p, q), w, stride=d, dilation=s) + b",
    (False, "y-flip"): "y = correlate(pad(x, p, q), flip(w), stride=s, dilation=d) + b",
    (False, "y-bias-twice"): "y = correlate(pad(x, p, q), w, stride=s, dilation=d) + 2*b",
    (False, "y-groups"): "y = correlate(shuffle(pad(x, p, q)), w, stride=s, dilation=d) + b",
    (
        False,
        "dx-pad-before+1",
    ): "dx = correlate(pad(dilate(dy, s), d*(K-1) - p + 1, d*(K-1) - q + r), flip(w), dilation=d)",
    (
        False,
        "dx-pad-after-1",
    ): "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r - 1), flip(w), dilation=d)",
    (
        False,
        "dx-pad-shifted",
    ): "dx = correlate(pad(dilate(dy, s), d*(K-1) - p + 1, d*(K-1) - q + r - 1), flip(w), dilation=d)",
    (False, "dx-p-q-swapped"): "dx = correlate(pad(dilate(dy, s), d*(K-1) - q, d*(K-1) - p + r), flip(w), dilation=d)",
    (False, "dx-no-flip"): "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), w, dilation=d)",
    (False, "dx-no-r"): "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q), flip(w), dilation=d)",
    (False, "dx-s-d-swapped"): "dx = correlate(pad(dilate(dy, d), s*(K-1) - p, s*(K-1) - q + r), flip(w), dilation=s)",
    (False, "dx-no-dilation"): "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), flip(w))",
    (False, "dx-no-stride"): "dx = correlate(pad(dy, d*(K-1) - p, d*(K-1) - q + r), flip(w), dilation=d)",
    (False, "dx-groups"): "dx = correlate(pad(dilate(shuffle(dy), s), d*(K-1)-p, d*(K-1)-q+r), flip(w), dilation=d)",
    (
        False,
        "dx-groups-of-w",
    ): "dx = correlate(pad(dilate(dy, s), d*(K-1)-p, d*(K-1)-q+r), flip(shuffle(w)), dilation=d)",
    (False, "dw-pad+1"): "dw = correlate(pad(x, p + 1, q - r - 1), dilate(dy, s), stride=d)",
    (False, "dw-no-r"): "dw = correlate(pad(x, p, q), dilate(dy, s), stride=d)",
    (False, "dw-s-d-swapped"): "dw = correlate(pad(x, p, q - r), dilate(dy, d), stride=s)",
    (False, "dw-flip"): "dw = flip(correlate(pad(x, p, q - r), dilate(dy, s), stride=d))",
    (False, "dw-groups"): "dw = correlate(pad(x, p, q - r), dilate(shuffle(dy), s), stride=d)",
    (False, "db-doubled"): "db = 2*sum(dy)",
    (True, "y-no-r"): "y = correlate(pad(dilate(x, s), d*(K-1) - p, d*(K-1) - q), flip(w), dilation=d) + b",
    (True, "y-no-flip"): "y = correlate(pad(dilate(x, s), d*(K-1) - p, d*(K-1) - q + r), w, dilation=d) + b",
    (True, "dx-flip"): "dx = correlate(pad(dy, p, q - r), flip(w), stride=s, dilation=d)",
    (True, "dx-s-d-swapped"): "dx = correlate(pad(dy, p, q - r), w, stride=d, dilation=s)",
    (True, "dx-pad-shifted"): "dx = correlate(pad(dy, p - 1, q - r + 1), w, stride=s, dilation=d)",
    (True, "dw-no-r"): "dw = correlate(pad(dy, p, q), dilate(x, s), stride=d)",
    (True, "dw-groups"): "dw = correlate(pad(dy, p, q - r), dilate(shuffle(x), s), stride=d)",
}


@pytest.mark.parametrize(
    ("transposed", "mutation"), list(MUTANTS), ids=lambda v: v if isinstance(v, str) else "T" if v else ""
)
def test_one_wrong_letter_is_seen(transposed: bool, mutation: str) -> None:
    conv = AWKWARD_TRANSPOSED if transposed else AWKWARD
    result = verify(conv, [MUTANTS[transposed, mutation]])
    assert not result.ok
    assert result.mismatches
    assert result.checks[0].failures >= len(result.mismatches)


@pytest.mark.parametrize(
    ("transposed", "target"), list(STANDARD), ids=lambda v: v if isinstance(v, str) else "T" if v else ""
)
def test_text_of_a_standard_formula_is_the_formula(transposed: bool, target: str) -> None:
    text = str(STANDARD[transposed, target])
    assert formula(text, transposed) == STANDARD[transposed, target]
    assert verify(AWKWARD_TRANSPOSED if transposed else AWKWARD, [text]).ok


def test_mismatch_tells_both_sides_and_the_terms_between() -> None:
    result = verify(Conv(input=4, kernel=3, padding=1), ["dx = correlate(pad(dy, p), w)"])
    first = result.mismatches[0]
    assert (first.entry, first.index) == ("dx_{1}", (0, 0, 0))
    assert first.formula == "dy_{1}*w_{2} + dy_{2}*w_{3}"
    assert first.derivative == "dy_{1}*w_{2} + dy_{2}*w_{1}"
    told = first.to_dict()
    assert (told["missing"], told["extra"]) == (["dy_{2}*w_{1}"], ["dy_{2}*w_{3}"])
    assert "missing dy_{2}*w_{1}" in str(first)


def test_wrong_shape_is_a_mismatch_and_entries_are_still_compared() -> None:
    result = verify(Conv(input=6, kernel=3, stride=2), ["dw = correlate(x, dilate(dy, s))"])
    assert result.mismatches[0].index is None
    assert (result.mismatches[0].formula, result.mismatches[0].derivative) == ("shape (1, 1, 4)", "shape (1, 1, 3)")
    assert result.checks[0].failures == 1  # the three entries that exist are right


def test_doubled_term_is_extra_once() -> None:
    result = verify(Conv(input=2, kernel=1), ["dx[m] = sum(dy[i]*w[m-i], i) + sum(dy[i]*w[m-i], i)"])
    assert result.mismatches[1].to_dict()["extra"] == ["dy_{2}*w_{1}"]
    assert result.mismatches[1].formula == "2*dy_{2}*w_{1}"


def test_formula_for_y_without_b_speaks_of_the_layer_without_bias() -> None:
    conv = Conv(input=5, kernel=2, stride=2)
    assert verify(conv, ["y = correlate(x, w, stride=s)"]).ok
    assert verify(conv, ["y = correlate(x, w, stride=s) + b"]).ok
    assert not verify(conv, ["y = correlate(x, w, stride=s) + 2*b"]).ok


def test_index_sums_on_several_axes() -> None:
    conv = Conv(input=(6, 5), kernel=(3, 2), stride=(2, 1), padding=((1, 0), (0, 2)), batch=2, in_channels=4,
                out_channels=2, groups=2)  # fmt: skip
    right = ["dx[m] = sum(dy[i] * w[m - s*i + p], i)", "dw[k] = sum(dy[i] * x[s*i + k - p], i)",
             "y[i] = sum(w[k] * x[s*i + k - p], k)", "db = sum(dy)"]  # fmt: skip
    assert verify(conv, right).ok
    for wrong in ("dx[m] = sum(dy[i] * w[m - s*i + q], i)", "dx[m] = sum(dy[i] * w[m - s*i + p], i=(0, O - 1))",
                  "dw[k] = sum(dy[i] * x[i + k - p], i)", "y[i] = sum(w[k] * x[s*i - k - p], k)"):  # fmt: skip
        assert not verify(conv, [wrong]).ok, wrong


def test_meaningless_formula_is_a_mismatch_that_says_why() -> None:
    result = verify(Conv(input=5, kernel=2), ["dx = correlate(dilate(dy, s - 1), flip(w))"])
    assert not result.ok
    assert result.mismatches[0].formula == "means nothing: dilate by s - 1 is 0 on axis 0; it must be at least 1"


def test_results_show_themselves() -> None:
    good, bad = verify(Conv(input=4, kernel=2)), verify(Conv(input=4, kernel=2), ["dx = correlate(pad(dy, 1), w)"])
    assert repr(good) == "<verification of Conv(input=4, kernel=2): ok, 10 entries>"
    assert repr(bad) == "<verification of Conv(input=4, kernel=2): 4 mismatches, 4 entries>"
    assert "4 differ" in bad._repr_html_()
    assert json.loads(json.dumps(bad.to_dict()))["mismatches"][0]["target"] == "dx"
    assert "this size only" in good.scope
    assert isinstance(good.checks[0].formula, Formula)


@pytest.mark.parametrize("by", ["entries", "axes"])
def test_no_more_entries_differ_than_there_are(by: str) -> None:
    """A result of another shape, wrong in every entry too."""
    (check,) = verify(Conv(4, 2, stride=2), ["dx = 3*correlate(dilate(dy, s), flip(w))"], by=by).checks
    assert (check.entries, check.failures, check.ok) == (4, 4, False)
    (check,) = verify(Conv(5, 3), ["dx = 2*correlate(pad(dy, K), flip(w))"], by=by).checks
    assert (check.entries, check.failures, check.ok) == (5, 5, False)
    assert check.mismatches[0].index is None
