"""prove against brute force: 300 random formulas, every size H <= 7, K <= 4, p, q <= 3, s <= 3, d <= 2."""

from __future__ import annotations

import itertools

import pytest

from symconv.formulas import formula as as_formula
from symconv.proof.conditions import condition_of
from symconv.proof.counterexample import smallest_counterexample
from symconv.proof.decide import as_coordinates, decide, parameter_points
from symconv.proof.prover import claims, prove
from symconv.proof.replay import replay_refutation
from tests.proof.brute import failures, sizes
from tests.proof.mutants import formulas

COUNT, BATCH = 160, 20
STEPS = list(itertools.product((1, 2, 3), (1, 2)))


def inside_box(sizes_set, names):
    import islpy as isl

    most = {"H": 7, "K": 4, "p": 3, "q": 3}
    text = " and ".join(f"{n} <= {most[n]}" for n in names)
    box = isl.Set.read_from_str(sizes_set.get_ctx(), f"[{', '.join(names)}] -> {{ : {text} }}")
    points = parameter_points(sizes_set.intersect(box), names)
    return {(at["H"], at["K"], at["p"], at.get("q", at["p"])) for at in points}


def rank(size):
    return (size[0] + size[1] + size[2], size)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, COUNT, BATCH))
def test_agrees(first):
    for number, text in enumerate(formulas(COUNT)[first : first + BATCH]):
        symmetric = not as_formula(text).sizes() & {"q", "r"}
        for s, d in STEPS[number % 2 :: 2]:  # every other stride and dilation of each formula
            (claim,) = claims(text, s, d)
            assert claim.symmetric == symmetric
            wrong = failures(text, s, d, symmetric)
            decision = decide(claim)
            assert inside_box(decision.over_free_sizes(decision.failing), claim.sizes) == wrong, (text, s, d)
            if decision.holds:
                continue
            found = replay_refutation(claim, smallest_counterexample(decision))
            assert found.replayed
            at = tuple(found.sizes[n] for n in "HKpq")
            # the smallest of all: in the box the smallest there, and else before everything that is wrong in the box
            assert at in wrong or any(v > most for v, most in zip(at, (7, 4, 3, 3), strict=True)), (text, s, d)
            assert all(rank(at) <= rank(other) for other in wrong), (text, s, d)


@pytest.mark.slow
def test_there_are_proved_and_refuted_ones():
    verdicts = [not failures(text, 2, 2, not as_formula(text).sizes() & {"q", "r"}) for text in formulas(COUNT)]
    assert COUNT // 10 < sum(verdicts) < COUNT - COUNT // 10


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, COUNT, 4 * BATCH))
def test_conditions(first):
    """What is said in words holds exactly where brute force finds no failure."""
    exact = 0
    for number, text in enumerate(formulas(COUNT)[first : first + 4 * BATCH : 4]):
        s, d = STEPS[number % len(STEPS)]
        proof = prove(text, s, d)
        every = sizes(s, d, proof.claim.symmetric)
        wrong = failures(text, s, d, proof.claim.symmetric)
        if proof.proved:
            assert not wrong
            continue
        names = proof.claim.sizes
        for at in every:
            right = (at["H"], at["K"], at["p"], at["q"]) not in wrong
            assert proof.validity.holds(**{n: at[n] for n in names}) == right, (text, s, d, at)
            if proof.validity.comparisons and proof.validity.degenerate is None:
                assert all(c.evaluate(at) for c in proof.validity.comparisons) == right, (text, s, d, at)
                exact += 1
    assert exact


def test_a_condition_does_not_depend_on_the_sample():
    (claim,) = claims("dx = correlate(pad(dy, p), flip(w))")
    decision = decide(claim)
    assert str(condition_of(decision)) == "2*p == K - 1"
    assert as_coordinates(decision.over_free_sizes(decision.failing), claim.sizes).is_empty() is False
