"""The verdicts: what must come out, their scope, their counterexamples and conditions, and every other way to the same fact."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from functools import cache

import cvc5
import pytest
import z3

from symconv import Conv, prove, verify
from symconv.algebra.integers import Name
from symconv.formulas import formula as as_formula
from symconv.formulas.standard import STANDARD
from symconv.formulas.tree import Array, Formula, IndexSum, Scale, Shuffle, correlate
from symconv.proof import PROVED, REFUTED, UNKNOWN, Proof, Proofs
from symconv.proof.claim import Claim
from symconv.proof.prover import claims, prove_claim
from symconv.proof.solver import ask
from tests.proof.brute import failures
from tests.proof.brute import sizes as every_size

STEPS = list(itertools.product(range(1, 9), range(1, 5)))

NO_REMAINDER = "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q), flip(w), dilation=d)"
SLIDE = "dx = correlate(pad(dy, p), flip(w))"
TEXTBOOK = "dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))"
NO_FLIP = "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), w, dilation=d)"
DW_NO_STRIDE = "dw = correlate(pad(x, p), dy)"
DW_NO_CROP = "dw = correlate(pad(x, p), dilate(dy, s))"
ONE_BASED = "y[i] = sum(w[k] * x[s*i + k + s - 1 - p], k)"
DX_SUM = "dx[m] = sum(dy[i] * w[m - s*i + p], i)"
DW_SUM = "dw[k] = sum(dy[i] * x[s*i + k - p], i)"
TWICE = "dx[m] = 2 * sum(dy[i] * w[m - s*i + p], i)"
LISTED_TWICE = "dx[m] = sum(dy[i] * w[m - s*i + p] + dy[i] * w[m - s*i + p], i)"
COUNTED_TWICE = "dx[m] = sum(dy[i] * w[m - s*i + p], i, j=(0, 2))"


def remainder_zero(s: int) -> str:
    return f"(H + 2*p - K) mod {s} == 0"


# what must come out -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("transposed", "target"), STANDARD)
def test_standard(transposed, target):
    proofs = prove(target, range(1, 9), range(1, 5), transposed=transposed)
    assert isinstance(proofs, Proofs)
    assert [(p.stride, p.dilation) for p in proofs] == STEPS
    assert {p.verdict for p in proofs} == {PROVED}
    assert {p.padding for p in proofs} == {"free"}
    assert all(p.counterexample is None and p.condition is None for p in proofs)


@pytest.mark.parametrize(
    ("text", "stride"),
    [
        (NO_REMAINDER, 1), (TEXTBOOK, 1), (DW_NO_STRIDE, 1), (DW_NO_CROP, 1), (ONE_BASED, 1),
        *((text, s) for text in (DX_SUM, DW_SUM) for s in (1, 2, 3, 5)),
    ],
)  # fmt: skip
def test_proved(text, stride):
    assert prove(text, stride).verdict == PROVED


@pytest.mark.parametrize(
    ("text", "stride", "condition"),
    [
        *((TEXTBOOK, s, remainder_zero(s)) for s in (2, 3, 4, 8)),
        *((DW_NO_CROP, s, remainder_zero(s)) for s in (2, 3, 4, 8)),
        *((NO_REMAINDER, s, f"(H + p + q - K) mod {s} == 0") for s in (2, 3, 4, 8)),
        (SLIDE, 1, "2*p == K - 1"),
        *((DW_NO_STRIDE, s, "H + 2*p == K") for s in (2, 3)),
        *((text, 1, "never") for text in (TWICE, LISTED_TWICE, COUNTED_TWICE)),
        (TWICE, 2, "never, apart from degenerate sizes (no tap meets the input)"),
        (ONE_BASED, 2, "never"),
        ("y = correlate(pad(x, q, p), w)", 1, "p == q"),
        ("dx[m] = sum(dy[i] * w[m - s*i + p], i, j=(0, K))", 2, "K == 1"),
        ("dw = correlate(pad(x, p, q), dilate(dy, s), stride=d)", 3, "(H + p + q - K) mod 3 == 0"),
    ],
)  # fmt: skip
def test_refuted(text, stride, condition):
    proof = prove(text, stride)
    assert proof.verdict == REFUTED
    assert proof.condition == condition
    assert proof.validity.exact
    assert proof.counterexample.replayed


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)])
def test_no_flip(stride, dilation):
    validity = prove(NO_FLIP, stride, dilation).validity
    assert validity.generic == "K == 1"
    assert validity.degenerate == "only the middle tap meets the input"
    for K, H, p, q in itertools.product(range(1, 5), range(dilation * 3 + 2 * stride, 12), range(4), range(4)):
        assert validity.holds(H=H, K=K, p=p, q=q) == (K == 1)  # no generic size is among the degenerate ones


@pytest.mark.parametrize("stride", range(2, 6))
def test_one_based_index(stride):
    proof = prove(ONE_BASED, stride)
    assert (proof.verdict, proof.validity.generic) == (REFUTED, "never")


def test_padding_larger_than_the_kernel_is_a_crop():
    """TEXTBOOK at stride 1 covers p > K - 1; the crop is needed there."""
    assert prove(TEXTBOOK).proved
    conv = Conv(input=4, kernel=2, padding=3)
    assert verify(conv, [TEXTBOOK]).ok


@pytest.mark.parametrize(("text", "kind"), [(TWICE, "doubled"), (LISTED_TWICE, "doubled"), (COUNTED_TWICE, "doubled"),
                                            (DW_NO_CROP.replace("s)", "2)"), "extra"), (ONE_BASED, "missing"),
                                            (TEXTBOOK, "length"), ("dx[m] = -sum(dy[i] * w[m - s*i + p], i)", "miscounted"),
                                            ("dx[m] = 3*sum(dy[i] * w[m - s*i + p], i)", "miscounted"),
                                            ("dx = correlate(dilate(dy, s - 2), w)", "meaningless")])  # fmt: skip
def test_kind_of_failure(text, kind):
    assert prove(text, 2).counterexample.kind == kind


def test_lengths_count_where_all_entries_are_right():
    """One entry too many, and a zero at that."""
    proof = prove("y = correlate(pad(x, p, q + 1), w)")
    assert (proof.verdict, proof.counterexample.kind, proof.counterexample.lengths) == (REFUTED, "length", (2, 1))


def test_bias():
    assert prove("y = correlate(pad(x, p, q), w, stride=s) + b", 2).proved
    assert prove("y = b + correlate(pad(x, p, q), w, stride=s)", 2).proved
    assert prove("y = correlate(pad(x, p, q), w, stride=s)", 2).proved  # the layer without bias
    assert "without bias" in prove("y = correlate(pad(x, p, q), w, stride=s)", 2).scope
    doubled = prove("y = correlate(pad(x, p, q), w, stride=s) + 2*b", 2)
    assert doubled.counterexample.doubled == ("b",)
    missing = prove("y = correlate(pad(x, p, q), w, stride=s) + 0*b", 2)
    assert missing.counterexample.missing == ("b",)


def test_terms_may_be_taken_away_again():
    right = DX_SUM.removeprefix("dx[m] = ")
    assert prove(f"dx[m] = 3*{right} - 2*{right}", 2).proved
    assert not prove(f"dx[m] = 3*{right} - {right}", 2).proved
    even, odd = (f"sum(dy[i] * w[m - s*i + p], i, where=i % 2 == {bit})" for bit in (0, 1))
    assert prove(f"dx[m] = {even} + {odd}", 3).proved
    assert prove(f"dx[m] = {even} + {even}", 3).verdict == REFUTED


def test_repeated_without_bound_and_taken_away():
    right = "sum(dy[i] * w[m - s*i + p], i, j=(0, {}))"
    assert prove(f"dx[m] = {right.format('K')}").condition == "K == 1"
    proof = prove(f"dx[m] = {right.format('K + 1')} - {right.format('K')}")
    assert proof.verdict == UNKNOWN
    assert "taken away" in proof.reason


@pytest.mark.parametrize("by", ["s", "d"])
def test_quotients_and_conditions_on_indices(by):
    """dx by the taps: the form in which many articles write it."""
    text = "dx[m] = sum(w[k] * dy[(m + p - d*k) // s], k, where=(m + p - d*k) % s == 0)"
    assert {p.verdict for p in prove(text, (1, 2, 3), (1, 2))} == {PROVED}
    assert {p.verdict for p in prove(text.replace(f" % {by} == 0", f" % {by} <= 0"), (2, 3), (2, 3))} == {PROVED}
    assert prove(text.partition(", where")[0] + ")", 2).verdict == REFUTED


@pytest.mark.parametrize(
    "text",
    [
        "y = correlate(pad(pad(x, -3), p + 3), w)", "y = correlate(pad(crop(x, 4, 0), p + 4, p), w)",
        "dw = correlate(pad(x, p), crop(pad(dilate(dy, s), 2), 2 + H % 2, 2))", "y = crop(pad(correlate(x, w), -2), -2)",
        "dx = correlate(flip(pad(dy, -K, 0)), flip(w))", "dw = correlate(x, crop(dy, 2, 1))",
    ],
    ids=range(6),
)  # fmt: skip
@pytest.mark.parametrize("stride", [1, 2])
def test_nothing_is_shorter_than_nothing(text, stride):
    """Crops that take more than there is leave an empty array, and what is padded afterwards is zeros."""
    proof = prove(text, stride)
    wrong = failures(text, stride, 1, proof.claim.symmetric)
    assert wrong
    for at in every_size(stride, 1, proof.claim.symmetric):
        holds = proof.validity.holds(**{n: at[n] for n in proof.claim.sizes})
        assert holds == (tuple(at[n] for n in "HKpq") not in wrong), at


@pytest.mark.parametrize("far", ["p // 9", "K // 9", "H // 12"])
def test_a_condition_that_only_the_sample_meets_is_not_said(far):
    """On small sizes the remainder decides; far out the formula is wrong, and the condition must not hide it."""
    validity = prove(TEXTBOOK.replace("K - 1 - p", f"K - 1 - p + {far}"), 2).validity
    assert remainder_zero(2) not in (validity.text, validity.generic, validity.degenerate)
    assert validity.holds(H=8, K=2, p=0)
    assert not validity.holds(H=30, K=10, p=10)


# scope, smallest counterexample, exactness ------------------------------------------------------------------------------------


def test_auto_padding():
    assert prove(TEXTBOOK).padding == "symmetric"
    assert prove(NO_REMAINDER).padding == "free"
    assert prove(DX_SUM, padding="free").padding == "free"
    assert prove("y = correlate(pad(x, p), w)").proved
    assert prove("y = correlate(pad(x, p), w)", padding="free").condition == "p == q"


@pytest.mark.parametrize("text", [TEXTBOOK, DW_NO_STRIDE, NO_FLIP, NO_REMAINDER,
                                  "dw = flip(correlate(pad(x, p), dilate(dy, s)))"])  # fmt: skip
@pytest.mark.parametrize(("stride", "dilation"), [(2, 1), (3, 2)])
def test_smallest_counterexample(text, stride, dilation):
    proof = prove(text, stride, dilation)
    wrong = failures(text.replace("K-1", "K - 1"), stride, dilation, proof.claim.symmetric)
    at = tuple(proof.counterexample.sizes[n] for n in "HKpq")
    assert at == min(wrong, key=lambda size: (sum(size[:3]), size))


def test_smallest_of_several_strides():
    proofs = prove(TEXTBOOK, range(1, 5))
    totals = [sum(p.counterexample.sizes[n] for n in "HKps") for p in proofs if p.counterexample]
    assert sum(proofs.counterexample.sizes[n] for n in "HKps") == min(totals)
    assert proofs.verdict == REFUTED


@pytest.mark.slow
@pytest.mark.parametrize("transposed", [False, True])
def test_meets_verify_on_transposed_layers_too(transposed):
    """Verdicts on mutants of the transposed formulas, against verify on a box of sizes."""
    texts = ["y = correlate(pad(dilate(x, s), d*(K-1) - p, d*(K-1) - q), flip(w), dilation=d)",
             "dx = correlate(pad(dy, p, q), w, stride=s, dilation=d)",
             "dw = correlate(pad(dy, p, q), dilate(x, s), stride=d)",
             "dx = correlate(pad(dy, p, q - r), w, stride=s, dilation=d)"]  # fmt: skip
    if not transposed:
        texts = [
            t.replace("dy", "Y").replace("x, s", "dy, s").replace("Y", "x").replace("y =", "dx =") for t in texts[:1]
        ]
    for text, (s, d) in itertools.product(texts, [(1, 2), (2, 1), (2, 3)]):
        proof = prove(text, s, d, transposed=transposed)
        for H, K, p, q, r in itertools.product(
            (1, 2, 4), (1, 2, 3), (0, 1, 2), (0, 2), range(max(s, d) if transposed else 1)
        ):
            try:
                conv = Conv(H, K, stride=s, dilation=d, padding=((p, q),), transposed=transposed, bias=False,
                            output_padding=r if transposed else 0)  # fmt: skip
            except ValueError:
                continue
            sizes = {"H": H, "K": K, "p": p, "q": q} | ({"r": r} if transposed else {})
            holds = proof.proved or proof.validity.holds(**sizes)
            assert verify(conv, [as_formula(text, transposed)]).ok == holds, (text, conv)


def test_transposed_condition_is_no_output_padding():
    text = "y = correlate(pad(dilate(x, s), d*(K-1) - p, d*(K-1) - q), flip(w), dilation=d)"
    assert prove(text, 2, 3, transposed=True).condition == "r == 0"


# the product lemma --------------------------------------------------------------------------------------------------------


@cache
def on_one_axis(text: str, stride: int, dilation: int) -> Proof:
    return prove(text, stride, dilation, padding="free")


@pytest.mark.parametrize("text", [*("y", "dx", "dw"), NO_REMAINDER, NO_FLIP])
@pytest.mark.parametrize("ndim", [2, 3])
def test_axes_are_independent(text, ndim):
    """On several axes, with channels, groups and a batch, a formula of one product is right where it is right on each axis; and
    where it is wrong on one, it is wrong unless another axis leaves nothing to be wrong."""
    chance = random.Random(ndim)
    seen = set()
    for _ in range(25):
        size = lambda low, high: tuple(chance.randint(low, high) for _ in range(ndim))  # noqa: E731
        try:
            conv = Conv(size(2, 4), size(1, 2), batch=2, in_channels=2, out_channels=4, groups=2, stride=size(1, 2),
                        dilation=size(1, 2), padding=tuple(size(0, 1)[:1] * 2 for _ in range(ndim)))  # fmt: skip
        except ValueError:
            continue
        if conv.terms > 4000:
            continue
        each = []
        for axis in range(ndim):
            sizes = conv.sizes(axis)
            proof = on_one_axis(text, sizes["s"], sizes["d"])
            each.append(proof.proved or proof.validity.holds(**{n: sizes[n] for n in "HKpq"}))
        ok = verify(conv, [text]).ok
        assert ok or not all(each)
        assert ok == all(each) or any(axis.H + axis.p + axis.q == 0 for axis in conv.axes)
        seen.add(ok)
    assert True in seen


def test_scope_of_a_sum_of_products_is_one_axis():
    """Even and odd taps apart: right on one axis, wrong on two, and the scope says so."""
    left = "dx[m] = sum(dy[i] * w[m - s*i + p], i, where=i % 2 == 0)"
    text = f"{left} + {left.removeprefix('dx[m] = ').replace('== 0', '== 1')}"
    proof = prove(text)
    assert proof.proved
    assert "one spatial axis only" in proof.scope
    assert verify(Conv(4, 2, in_channels=2, batch=2), [text]).ok
    assert not verify(Conv((4, 4), (2, 2)), [text]).ok
    assert "any number of axes" in prove("dx").scope


# other ways to the same fact ----------------------------------------------------------------------------------------------


SECOND = [
    *("y", "dx", "dw", "db"), NO_REMAINDER, SLIDE, TEXTBOOK, NO_FLIP, DW_NO_STRIDE, DW_NO_CROP, ONE_BASED, DX_SUM, DW_SUM, TWICE,
    LISTED_TWICE, COUNTED_TWICE, "dw = crop(correlate(pad(x, p), dilate(dy, s)), 0, r)",
    "dx[m] = sum(w[k] * dy[(m + p - d*k) // s], k, where=(m + p - d*k) % s == 0)",
    "dx = flip(correlate(pad(dilate(flip(dy), s), K - 1, K - 1), w))", "dx = dilate(correlate(pad(dy, K - 1 - p), flip(w)), s)",
    "dw[k] = sum(dy[i] * x[3*i + k - p], i=(0, O))", "y = correlate(pad(pad(x, -1, 0), p + 1, p), w)",
    "dx = correlate(pad(pad(dilate(dy, s), -2), d*(K - 1) - p + 2, d*(K - 1) - q + r + 2), flip(w), dilation=d)",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("text", SECOND, ids=range(len(SECOND)))
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2)])
def test_second_opinion(text, stride, dilation):
    proof = prove(text, stride, dilation, second_opinion=True)
    assert proof.second_opinion == ("z3: unsat" if proof.proved else "z3: sat")
    assert proof.verdict in (PROVED, REFUTED)


@pytest.mark.parametrize("target", ["y", "dx", "dw", "db"])
def test_second_opinion_on_transposed_layers(target):
    for s, d in ((1, 1), (2, 3), (3, 2)):
        assert prove(target, s, d, transposed=True, second_opinion=True).second_opinion == "z3: unsat"


def test_a_contradiction_is_not_a_verdict(monkeypatch):
    from symconv.proof import solver

    monkeypatch.setattr(solver, "ask", lambda claim: solver.Answer(False))
    proof = prove("dx", second_opinion=True)
    assert proof.verdict == UNKNOWN
    assert "one of the two is wrong" in proof.reason


def answer_of_cvc5(script: str) -> str:
    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "claim.smt2")
    symbols, told = parser.getSymbolManager(), ""
    while not (command := parser.nextCommand()).isNull():
        told += command.invoke(solver, symbols)
    return told.strip()


@pytest.mark.parametrize("text", SECOND, ids=range(len(SECOND)))
def test_smtlib_for_z3_and_cvc5(text):
    proof = prove(text, 2, 1)
    script = proof.to_smtlib()
    expected = "unsat" if proof.proved else "sat"
    solver = z3.Solver()
    solver.from_string(script)
    assert str(solver.check()) == expected
    assert answer_of_cvc5(script) == expected
    assert script.count("(") == script.count(")")


def test_smtlib_rules_out_no_size():
    """Without the last assertion, that something differs, every script has models: an unsat is not an accident."""
    vanishing = "dx[m] = sum(dy[i] * w[m - s*i + p + (s - s) // (s - 1) + i // (s - 1)], i)"
    for text in (*SECOND, vanishing):
        for claim in (*claims(text, 2, 2), *claims(text, "any", "any"), *claims(text, "any", 1)):
            head, _, _ = Proof(claim, PROVED).to_smtlib().rpartition("(assert")
            solver = z3.Solver()
            solver.from_string(head if claim.stride else f"{head}(assert (= s 1))")
            assert str(solver.check()) == "sat", text


# any stride, any dilation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("transposed", "target"), STANDARD)
def test_any_stride_and_dilation(transposed, target):
    proof = prove(target, "any", "any", transposed=transposed)
    assert proof.verdict == PROVED
    assert (proof.stride, proof.dilation, proof.second_opinion) == ("any", "any", "z3: unsat")
    assert "stride any, dilation any" in proof.scope


@pytest.mark.parametrize("text", [DX_SUM, DW_SUM])
def test_any_stride(text):
    assert prove(text, "any", 1).proved
    assert prove(text, "any", "any").verdict == REFUTED  # they leave d out
    assert prove(text, "any", "any").counterexample.sizes["d"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("text", [NO_REMAINDER, TEXTBOOK, DW_NO_CROP, DW_NO_STRIDE, ONE_BASED])
def test_any_stride_refuted(text):
    proof = prove(text, "any")
    assert proof.verdict == REFUTED
    assert "PROVED for s=1" in proof.reason
    singles = prove(text, range(1, 7))
    assert sum(proof.counterexample.sizes[n] for n in "HKps") == sum(singles.counterexample.sizes[n] for n in "HKps")


def test_wrong_only_far_away():
    """Right at strides 1 to 4, so that z3 has to find where it is not."""
    proof = prove("dx[m] = sum(dy[i] * w[m - s*i + p + s // 7], i)", "any")
    assert proof.verdict == REFUTED
    assert proof.counterexample.sizes["s"] >= 7
    assert proof.counterexample.replayed


def test_a_divisor_that_may_vanish_proves_nothing():
    assert prove("dx[m] = sum(dy[i] * w[m - s*i + p + (s - s) // (s - 1)], i)", "any").verdict != PROVED


def test_sizes_of_z3_fail_in_isl_too():
    (claim,) = claims(TEXTBOOK, "any")
    sizes = ask(claim).sizes
    assert not prove(TEXTBOOK, sizes["s"]).validity.holds(H=sizes["H"], K=sizes["K"], p=sizes["p"])


# limits, refusals, objects ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 50, 1000, 20_000])
@pytest.mark.parametrize("text", ["dx", NO_FLIP])
def test_operation_limit(limit, text):
    proof = prove(text, 2, max_operations=limit)
    if proof.verdict != UNKNOWN:  # fewer operations are no reason for another verdict
        assert proof.verdict == prove(text, 2).verdict
    if limit <= 1000:
        assert (proof.verdict, proof.condition) == (UNKNOWN, None)
        assert f"{limit:,}" in proof.reason


def test_condition_beyond_the_limit():
    """Verdict and counterexample stand, and the condition says that it is missing or is left as isl has it."""
    proof = prove(NO_FLIP, 3, 2, max_operations=60_000)
    assert proof.verdict in (REFUTED, UNKNOWN)
    if proof.verdict == REFUTED:
        assert proof.condition is None or not proof.validity.exact or proof.validity.generic != "K == 1"


def test_meaningless():
    proof = prove("dx = correlate(dilate(dy, s - 1), flip(w))", 1)
    assert (proof.verdict, proof.condition) == (REFUTED, "never")
    assert "must be at least 1" in proof.reason
    assert prove("dx[m] = sum(dy[i] * w[m // (s - 1)], i)", 1).counterexample.kind == "meaningless"
    assert "no end" in prove("dx[m] = sum(dy[(s - 1)*i] * w[m], i)").reason


def test_shuffle_is_out_of_reach():
    with pytest.raises(ValueError, match="channels"):
        prove(Formula("dx", correlate(Array("dy"), Shuffle(Array("w")))))


@pytest.mark.parametrize("body", [Array("w"), correlate(Array("x"), Array("w")), IndexSum((), ()),
                                  Scale(Name("K"), correlate(Array("dy"), Array("w")))])  # fmt: skip
def test_trees_that_are_no_formula(body):
    with pytest.raises(ValueError):
        prove(Formula("dx", body))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"stride": 0}, "stride 0"), ({"dilation": -1}, "dilation -1"), ({"stride": 5000}, "1,000"), ({"stride": "all"}, "'all'"),
        ({"stride": []}, "no stride"), ({"padding": "same"}, "'same'"),
        ({"stride": range(1, 200), "dilation": range(1, 200)}, "39,601"),
    ],
)  # fmt: skip
def test_bad_arguments(arguments, told):
    with pytest.raises(ValueError, match=told):
        prove("dx", **arguments)


@pytest.mark.parametrize("stride", [1.5, True, [None]])
def test_bad_types(stride):
    with pytest.raises(TypeError):
        prove("dx", stride)


def test_proof_as_an_object():
    proof = prove(SLIDE)
    assert "REFUTED" in repr(proof)
    assert "2*p == K - 1" in repr(proof)
    told = proof.to_dict()
    assert {
        "formula",
        "target",
        "stride",
        "dilation",
        "verdict",
        "scope",
        "counterexample",
        "condition",
        "seconds",
    } <= set(told)
    assert told["counterexample"]["sizes"]["H"] == 1
    assert told["counterexample"]["missing"] == ["dy[1]*w[0]"]
    assert told["counterexample"]["lengths"] == {"formula": 5, "truth": 1}
    assert prove("dx").to_dict()["counterexample"] is None
    several = prove("dx", (1, 2))
    assert len(several.to_dict()["results"]) == len(several) == 2
    assert isinstance(several[0], Proof)
    assert repr(several).startswith("<2 PROVED")
    with pytest.raises(ValueError, match="does not speak of q"):
        proof.validity.holds(H=1, K=1, p=0, q=0)


def test_claims_are_made_without_work():
    (claim,) = claims("dx", 2)
    assert isinstance(claim, Claim)
    assert prove_claim(claim).proved


def test_proof_does_without_sympy():
    code = "import sys, symconv; assert symconv.prove('dx', range(1, 9), range(1, 5)).proved; print('sympy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False"]


# what a verdict is held against ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("target", ["y", "dx", "dw", "db"])
def test_every_proof_is_replayed(target, transposed):
    assert prove(target, 3, 2, transposed=transposed).replayed == 4
    assert prove(target, 3, 2, transposed=transposed).to_dict()["replayed"] == 4


def test_a_proof_that_verify_denies_is_no_verdict(monkeypatch):
    from symconv.proof import replay

    wrong = verify(Conv(3, 2), ["dx = correlate(pad(dy, K - 1), w)"])
    monkeypatch.setattr(replay, "verify", lambda conv, formulas, **more: wrong)
    proof = prove("dx")
    assert proof.verdict == UNKNOWN
    assert "the two readings of the formula disagree" in proof.reason


def test_any_stride_is_decided_again_at_large_ones():
    proof = prove("dx", "any", "any")
    far = [(case.stride, case.dilation) for case in proof.cases if case.stride > 8]
    assert len(far) == 2
    assert all(s > 8 and d > 4 for s, d in far)
    assert proof.replayed == 4


def test_a_proof_of_any_stride_that_isl_denies_is_no_verdict(monkeypatch):
    from symconv.proof import prover

    decided = prover._decided
    refuted = decided(Claim(as_formula("dx = correlate(pad(dy, p), flip(w))"), 1, 1, True), 500_000)
    monkeypatch.setattr(
        prover, "_decided", lambda claim, limit: refuted if (claim.stride or 0) > 8 else decided(claim, limit)
    )
    proof = prove("dx", "any", 1)
    assert proof.verdict == UNKNOWN
    assert "isl refutes it at stride" in proof.reason


def test_seconds_are_a_limit():
    assert prove("dx", 3, 2, max_seconds=1e-9).verdict == UNKNOWN
    assert "seconds" in prove("dx", 3, 2, max_seconds=1e-9).reason
    assert prove("dx", 3, 2, max_seconds=60).proved


def test_a_condition_needs_every_size():
    validity = prove("dx = correlate(pad(dy, p), flip(w))").validity
    assert validity.holds(H=4, K=3, p=1)
    with pytest.raises(ValueError, match="speaks of H, K, p; p is not given"):
        validity.holds(H=4, K=3)


# assumptions ------------------------------------------------------------------------------------------------------------


def test_under_an_assumption():
    text = "dx = correlate(pad(dy, K - 1), flip(w))"
    assert prove(text).verdict == REFUTED
    proof = prove(text, assume="p == 0")
    assert (proof.verdict, proof.beyond) == (PROVED, "p == 0")
    assert "and p == 0; stride 1" in proof.scope
    assert proof.to_dict()["assumed"] == ["p == 0"]
    assert prove("dx", 2, assume="K odd, 2*p == K - 1").beyond == "always"


@pytest.mark.parametrize(("assume", "verdict"), [("K odd", REFUTED), ("2*p == K - 1", PROVED), ("K odd and p == K // 2", PROVED),
                                                 ("H == O", PROVED), ("1 <= p <= 2", REFUTED)])  # fmt: skip
def test_what_an_assumption_makes_of_a_formula(assume, verdict):
    """Held against brute force on every size of the box that the assumption allows."""
    text = "dx = correlate(pad(dy, p), flip(w))"
    assert prove(text, assume=assume).verdict == verdict
    wrong = failures(text, 1, 1, True)
    (claim,) = claims(text, assume=assume)
    allowed = [at for at in every_size(1, 1, True) if all(each.evaluate(at) for each in claim.assumed)]
    assert allowed
    assert any((at["H"], at["K"], at["p"], at["q"]) in wrong for at in allowed) == (verdict == REFUTED)


def test_an_assumption_that_no_layer_has_proves_nothing():
    proof = prove("dx", 2, assume="s == 1")
    assert proof.verdict == UNKNOWN
    assert "no layer has s == 1" in proof.reason


@pytest.mark.parametrize(("assume", "column"), [("p = 0", 1), ("p == 0, K", 9), ("p == x", 6), ("H*K == 3", 1), ("K prime", 1),
                                                ("__import__('os')", 1), ("", 1), ("p == 0,", 8)])  # fmt: skip
def test_what_is_no_assumption(assume, column):
    with pytest.raises(ValueError, match=rf"column {column}"):
        prove("dx", assume=assume)


@pytest.mark.parametrize(
    ("formula", "condition"),
    [
        ("dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d) "
         "+ correlate(dy, w) - correlate(dy, w)",
         "p + q == 2*K - 2"),
        ("y = correlate(pad(x, p, q), w, stride=s, dilation=d) + correlate(pad(x, 1), w) - correlate(pad(x, 1), w)",
         "p + q == 2"),
    ],
)  # fmt: skip
def test_what_cancels_must_have_the_right_length(formula: str, condition: str) -> None:
    proof = prove(formula, padding="free")
    assert (proof.verdict, proof.condition) == (REFUTED, condition)


@pytest.mark.parametrize("n", [2, 3, -2, -3])
def test_both_opinions_divide_alike(n: int) -> None:
    """m is n * (m // n) + m % n, of either sign, and of numbers below 0; not with another quotient or remainder."""
    for m in ("m", "(m - p)", "(1 - m)"):
        rest = {"m": "p", "(m - p)": "2*p", "(1 - m)": "m + m + p - 1"}[m]
        right = f"dx[m] = sum(dy[i] * w[({n})*({m} // ({n})) + {m} % ({n}) + {rest} - s*i], i)"
        proof = prove(right, stride=2, second_opinion=True)
        assert (proof.verdict, proof.second_opinion) == (PROVED, "z3: unsat")
        for wrong in (f"{m} // ({-n})", f"{m} // ({n}) + 1"):
            proof = prove(right.replace(f"{m} // ({n})", wrong), stride=2, second_opinion=True)
            assert (proof.verdict, proof.second_opinion) == (REFUTED, "z3: sat")


def test_a_divisor_that_vanishes_at_one_stride_is_told() -> None:
    """z3 alone decides at any stride: the formula says nothing at s = 1, where it divides by zero, and is right elsewhere."""
    proof = prove("dw[k] = sum(dy[i]*x[s*i + d*k - p + (K // (s - 1)) - (K // (s - 1))], i)", stride="any")
    assert proof.verdict == REFUTED
    assert proof.counterexample is not None
    assert proof.counterexample.sizes["s"] == 1
