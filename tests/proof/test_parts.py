# ruff: noqa: E501
"""What the functions of symconv.proof promise, one by one: searches with their bounds, texts, limits, errors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from symconv import Conv, isl, prove
from symconv.algebra.comparisons import compare
from symconv.algebra.integers import Const, Name
from symconv.formulas import formula
from symconv.formulas.standard import standard
from symconv.formulas.tree import (
    Array,
    Correlate,
    Formula,
    Scale,
    crop,
    dilate,
    flip,
    move,
    pad,
)
from symconv.mathematics.of_integers import FIRST
from symconv.proof import clock as timing
from symconv.proof import conditions, counterexample, decide, prover, replay, result, solver, steps
from symconv.proof import vocabulary as vocabulary_module
from symconv.proof.assumptions import MAX_ASSUMPTIONS, assumptions
from symconv.proof.candidates import conjunctions, greedy, short, unions
from symconv.proof.claim import EXTENTS, Claim
from symconv.proof.clock import LimitError, check_time, clock, seconds_left
from symconv.proof.conditions import Condition
from symconv.proof.counterexample import Counterexample, ReplayError
from symconv.proof.forward import comparisons, read_forward
from symconv.proof.positions import meeting, places, plain_length, position, shown_array
from symconv.proof.result import PROVED, REFUTED, UNKNOWN, Proof, Proofs, size_order
from symconv.proof.smtlib import smtlib
from symconv.proof.vocabulary import Atom, Sample, affine, balanced, collected

H, K, O, p, q, s, d, i, k, m, o = (Name(n) for n in ("H", "K", "O", "p", "q", "s", "d", "i", "k", "m", "o"))
x, w, dy = (Array(n) for n in ("x", "w", "dy"))
WRONG = formula("dx = correlate(pad(dy, p), flip(w))")


def refused(what: Callable[[], object], told: str, kind: type[Exception] = ValueError) -> None:
    with pytest.raises(kind) as caught:
        what()
    assert str(caught.value) == told


# words and their combinations ----------------------------------------------------------------------------------------


def atom(bits: int, cost: float = 1.0) -> Atom:
    return Atom(compare(Name("H"), "==", bits), cost, bits)


def names(found: Any) -> list[Any]:
    """The combinations as the bits of their words."""
    return [[tuple(each.bits for each in conjunction) for conjunction in alternatives] for alternatives in found]


def test_one_word_or_two_or_up_to_four() -> None:
    a, b, c = atom(0b0111), atom(0b1110, 2.0), atom(0b0110, 9.0)
    assert [tuple(e.bits for e in each) for each in conjunctions([a, b, c], 0b0110, 0b1111)] == [
        (0b0110,), (0b0111, 0b1110), (0b0111, 0b0110), (0b1110, 0b0110)
    ]  # fmt: skip
    assert names(short([a, b], 0b0110, 0b1111)) == [[(0b0111, 0b1110)]]
    # a word that is missing some of the goal is none, nor is one that holds on the whole frame
    assert names(short([atom(0b0010), atom(0b1111)], 0b0110, 0b1111)) == []
    assert names(short([atom(0b1111)], 0b1111, 0b1111)) == [[()]]  # no word is needed
    # outside the frame nothing counts
    assert names(short([atom(0b10110)], 0b0110, 0b1111))[0] == [(0b10110,)]
    # three words, each taking away most of what is left
    three = [atom(0b0011111), atom(0b1101111), atom(0b1110011), atom(0b1111110)]
    for goal, words in ((0b0010011, (0, 2)), (0b0000011, (0, 2, 1)), (0b0000010, (0, 2, 1, 3))):
        assert next(conjunctions(three, goal, 0b1111111)) == tuple(three[n] for n in words)


def test_the_cheaper_of_what_says_the_same() -> None:
    dear, cheap = atom(0b0111, 5.0), atom(0b1110, 4.0)
    other, last = atom(0b10110, 0.5), atom(0b00110 | 1 << 6, 1.0)
    found = [tuple(e.cost for e in each) for each in conjunctions([dear, cheap, other, last], 0b00110, 0b1111111)]
    assert found == sorted(found, key=sum)
    assert found[0] == (0.5, 1.0)
    # of two pairs alike in cost the first is kept, a cheaper one takes its place
    words = [atom(0b1 | 1 << 10, 2.0), atom(0b1 | 1 << 11, 2.0), atom(0b1 | 1 << 12, 2.0), atom(0b10, 9.0)]
    assert (words[0], words[1]) in next(unions(words, 0b11, (1 << 20) - 1))
    cheaper = [*words[:3], atom(0b1 | 1 << 13, 1.0), atom(0b1 | 1 << 14, 0.5), words[3]]
    assert (cheaper[3], cheaper[4]) in next(unions(cheaper, 0b11, (1 << 20) - 1))


def test_greedy_takes_four_words_at_most() -> None:
    frame = 0b11111
    apart = [(frame & ~(1 << n), atom(frame & ~(1 << n), float(n))) for n in range(5)]
    assert [tuple(e.bits for e in each) for each in greedy(apart[1:], 0b00001, frame)] == [
        (0b11101, 0b11011, 0b10111, 0b01111)
    ]  # fmt: skip
    assert list(greedy(apart, 0, frame)) == []  # it would take five
    assert list(greedy(apart[:2], 0b00001, frame)) == []  # nothing takes away the rest
    assert list(greedy([], 0, frame)) == []
    assert list(greedy([], frame, frame)) == [()]


def test_unions_of_up_to_three() -> None:
    one, two, three = atom(0b001, 3.0), atom(0b010, 2.0), atom(0b100, 1.0)
    assert names(unions([three, two, one], 0b011, 0b111)) == [[(0b010,), (0b001,)]]
    assert names(unions([three, two, one], 0b111, 0b1111)) == [[(0b100,), (0b010,), (0b001,)]]
    assert names(unions([atom(0b1011), atom(0b1101), atom(0b0110)], 0b1111, 0b11111))[0] == [(0b1011,), (0b1101,)]
    # a conjunction inside the goal serves as well, the cheaper of two with the same bits
    found = names(unions([atom(0b0111), atom(0b1110, 5.0), atom(0b1001, 5.0), atom(0b10110, 0.5)], 0b1111, 0b11111))
    assert found[0] == [(0b0111,), (0b1110,)]
    assert names(unions([atom(0b01)], 0b11, 0b111)) == []
    cheap = [atom(0b110001, 1.0), atom(0b010011, 1.0), atom(0b110101, 0.5), atom(0b001010, 1.0)]
    assert names(unions(cheap, 0b011011, 0b111111))[0] == [(0b010011,), (0b001010,)]


def test_forms_as_a_reader_would_have_them() -> None:
    for coefficients, relation, constant, text in (
        ({"K": -1, "p": 2}, "==", 1, "2*p == K - 1"), ({"H": -1, "p": 1}, "<=", 0, "p <= H"), ({"H": 1, "K": 1}, "==", -2, "H + K == 2"),
        ({"K": -2}, "<=", 4, "2*K >= 4"), ({"K": 1}, "<=", -3, "K <= 3"), ({"K": 1, "p": -1}, ">=", 0, "p <= K"),
        ({"H": 2, "q": -3, "K": -1}, ">=", 5, "2*H >= 3*q + K - 5"), ({"p": -2, "q": -1}, "<=", 3, "2*p + q >= 3"),
        ({"H": 1, "K": 2, "p": 1}, "<=", 0, "H + p + 2*K <= 0"), ({"H": 1, "K": 1, "p": -1}, "==", 0, "H == p - K"),
    ):  # fmt: skip
        assert str(balanced(coefficients, relation, constant)) == text
        e = sum((c * Name(n) for n, c in coefficients.items()), start=Const(0) + constant)
        for values in itertools.product(range(-1, 3), repeat=4):
            at = dict(zip("HKpq", values, strict=True))
            due = compare(e, relation, 0).evaluate(at)
            assert balanced(coefficients, relation, constant).evaluate(at) == due, (text, at)
    assert str(affine({"H": -2, "K": 1, "p": 0}, 4)) == "K - 2*H + 4"
    assert str(collected(2 * (H - K) + p - H + 1)) == "H + p - 2*K + 1"
    assert str(collected(H // 2)) == "H // 2"
    sample = Sample(("H", "p"), [{"H": 1, "p": 0}, {"H": 3, "p": 2}, {"H": 4, "p": 1}])
    assert (sample.all, sample.bits(compare(H, ">=", 3)), sample.bits(compare(p, "==", 1))) == (0b111, 0b110, 0b100)
    assert sample.bits(compare(Const(1), "==", 1)) == 0b111


# assumptions, clock, forward passes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("p == 0", ["p == 0"]), ("K odd", ["K % 2 == 1"]), ("K is even", ["K % 2 == 0"]), ("0 <= p < K, s != 2", ["0 <= p", "p < K", "s != 2"]),
        ("2*q <= K - 1 and K odd", ["2*q <= K - 1", "K % 2 == 1"]), ("H > 3 and d >= 1", ["H > 3", "d >= 1"]),
    ],
)  # fmt: skip
def test_assumptions_are_read(text: str, read: list[str]) -> None:
    assert [str(each) for each in assumptions(text)] == read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p", "column 1: 'p' is no comparison, as in p == 0 or K odd, in 'p'"),
        ("p == 0, z == 1", "column 9: unknown name 'z': sizes are H K O p q s d r, in 'p == 0, z == 1'"),
        ("p == 0,  q is 1", "column 10: 'q is 1' is no comparison, as in p == 0 or K odd, in 'p == 0, q is 1'"),
        ("p == 0, ", "column 9: '' is no comparison, as in p == 0 or K odd, in 'p == 0,'"),
        ("p == 0 and z odd", "column 1: unknown name 'z': sizes are H K O p q s d r, in 'p == 0 and z odd'"),
        ("p == é", "column 1: a character that is not ASCII, in 'p == é'"),
        ("p == (1", "column 1: 'p == (1' is no comparison, as in p == 0 or K odd, in 'p == (1'"),
        (
            "p or " + "q" * 60,
            f"column 1: {'p or ' + 'q' * 35!r} is no comparison, as in p == 0 or K odd, in {'p or ' + 'q' * 60!r}",
        ),
    ],
)
def test_what_is_no_assumption(text: str, told: str) -> None:
    refused(lambda: assumptions(text), told)


def test_assumptions_are_limited() -> None:
    assert len(assumptions(", ".join(["p == 0"] * MAX_ASSUMPTIONS))) == MAX_ASSUMPTIONS
    refused(lambda: assumptions(", ".join(["p == 0"] * 17)), "17 assumptions, more than 16")


def test_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(timing.time, "monotonic", lambda: now[0])
    assert seconds_left() == math.inf
    check_time()
    with clock(5):
        assert seconds_left() == 5
        with clock(9):
            assert seconds_left() == 5
        with clock(2):
            assert seconds_left() == 2
        now[0] = 104.5
        check_time()
        now[0] = 105.0
        refused(check_time, "the seconds for this claim are used up", LimitError)
    assert seconds_left() == math.inf


def test_forward_passes() -> None:
    read = read_forward("y[i] = sum(w[K - 1 - j] * x[i + j - p], j=(0, H), where=j != 2)")
    assert [str(each) for each in comparisons(read)] == [
        "m == o + K - 1 - k - p", "0 <= o", "o < O", "0 <= k", "k < K", "0 <= m", "m < H", "K - 1 - k != 2", "0 <= K - 1 - k", "K - 1 - k < H"
    ]  # fmt: skip
    shifted = comparisons(read_forward("y[o] = sum(w[k + 1] * x[o + k], k)"))
    assert str(shifted[0]) == "m == o + k - 1"
    for text, told in (
        ("dx", f"a forward pass is y[i] = sum(w[...] * x[...], k), not {standard('dx')!s:.120}"),
        ("y = correlate(x, w)", "a forward pass is y[i] = sum(w[...] * x[...], k), not y = correlate(x, w)"),
        ("dw[k] = sum(dy[i] * x[i + k], i)", "a forward pass is y[i] = sum(w[...] * x[...], k), not dw[k] = sum(dy[i] * x[i + k], i)"),
        ("y[o] = sum(w[k] * x[o + k] + w[k] * x[o], k)",
         "a forward pass is y[i] = sum(w[...] * x[...], k), not y[o] = sum(w[k] * x[o + k], k) + sum(w[k] * x[o], k)"),
        ("y[o] = sum(w[k] * x[i], k, i)", "a forward pass sums w times x over one index, the tap; y[o] = sum(w[k] * x[i], k, i) does not"),
        ("y[o] = w[0] * x[o]", "a forward pass sums w times x over one index, the tap; y[o] = sum(w[0] * x[o]) does not"),
        ("y[o] = sum(w[2*k] * x[o + k], k)", "w[2*k]: a tap takes one entry of w, as in w[k] or w[K - 1 - k]"),
        ("y[o] = sum(w[k - o] * x[o + k], k)", "w[k - o]: a tap takes one entry of w, as in w[k] or w[K - 1 - k]"),
        ("y[o] = sum(w[k // 2] * x[o + k], k)", "w[k // 2]: a tap takes one entry of w, as in w[k] or w[K - 1 - k]"),
    ):  # fmt: skip
        refused(lambda text=text: read_forward(text), told)


def test_a_long_forward_pass_is_cut_short() -> None:
    where = " and ".join(f"k != {n}" for n in range(30))
    for text, told in (
        (
            f"y[o] = sum(w[k] * x[o + k] + w[k] * x[o], k, where={where})",
            "a forward pass is y[i] = sum(w[...] * x[...], k), not {}",
        ),
        (
            f"y[o] = sum(w[k] * x[i], k, i, where={where})",
            "a forward pass sums w times x over one index, the tap; {} does not",
        ),
    ):
        assert len(str(formula(text))) > 130
        refused(lambda text=text: read_forward(text), told.format(str(formula(text))[:120]))


# places --------------------------------------------------------------------------------------------------------------


def test_places_of_entries() -> None:
    assert shown_array(flip(pad(dilate(dy, s), p))) == "dy"
    assert shown_array(Correlate(x, w)) is None
    length = lambda node: plain_length(node, EXTENTS)  # noqa: E731
    assert str(position(flip(pad(dilate(dy, s), p, 1)), i, length)) == "p + s*(O - 1) + 1 + 1 - 1 - (s*i + p)"
    refused(
        lambda: position(move("pad reflect", x, 1), i, length),
        "pad(x, 1, mode=reflect) is not an array, moved about, with every entry at one place",
    )
    refused(
        lambda: position(Correlate(x, w), i, length),
        "correlate(x, w) is not an array, moved about, with every entry at one place",
    )
    assert str(plain_length(Correlate(pad(x, p), w, s, d), EXTENTS)) == "(p + H + p - d*(K - 1) - 1) // s + 1"
    assert str(plain_length(crop(x, 1, 2), EXTENTS)) == "H - 1 - 2"
    refused(lambda: plain_length(Scale(Const(2), x), EXTENTS), "2*x is not an array, moved about")
    (first, at), (second, there) = places(Correlate(x, w, s, d), {"x": "m", "w": "k"}.__getitem__, EXTENTS)
    assert (first, str(at), second, str(there)) == ("x", "m", "w", "d*k")
    assert str(places(Correlate(x, w), {"x": "m", "w": "k"}.__getitem__, EXTENTS)[1][1]) == "k"


@pytest.mark.parametrize("first", [0, 1])
def test_where_two_places_meet(first: int) -> None:
    token = FIRST.set(first)
    try:
        for stride in (Const(1), s, Const(3)):
            values = {"s": 2, "o": 5, "Q": 7}
            due = stride.evaluate(values) * (5 - first) + 7
            assert meeting(Correlate(x, w, stride, d), o, Name("Q")).evaluate(values) == due
    finally:
        FIRST.reset(token)


# replay --------------------------------------------------------------------------------------------------------------


def test_layers_are_drawn_within_their_bounds() -> None:
    """The same for one claim every time, and as wide as they say."""
    claim = Claim(standard("dx"), None, None)
    drawn = [
        each
        for n in range(40)
        for each in replay.drawn_layers(replace(claim, formula=formula(f"dx = {n + 2}*correlate(dy, w)")))
    ]
    assert len(drawn) == 40 * replay.DRAWN
    assert {conv.stride[0] for conv in drawn} == set(range(1, 10))
    assert {conv.dilation[0] for conv in drawn} == set(range(1, 6))
    assert {conv.kernel[0] for conv in drawn} == set(range(1, 6))
    assert {n for conv in drawn for n in conv.padding[0]} == set(range(6))
    spare = [2 * c.stride[0] + c.dilation[0] * (c.kernel[0] - 1) + 3 - c.input[0] for c in drawn]
    assert min(spare) == 0
    assert any(conv.padding[0][0] != conv.padding[0][1] for conv in drawn)
    symmetric = [
        each
        for n in range(9)
        for each in replay.drawn_layers(Claim(formula(f"dx = {n + 2}*correlate(dy, w)"), 2, 1, True))
    ]
    assert all(conv.padding[0][0] == conv.padding[0][1] for conv in symmetric)
    assert {(conv.stride, conv.dilation) for conv in symmetric} == {((2,), (1,))}
    turned = [
        each
        for n in range(30)
        for each in replay.drawn_layers(Claim(formula(f"y = {n + 2}*correlate(x, w)", True), None, None))
    ]
    assert {conv.input[0] for conv in turned} == set(range(1, 10))
    assert max(conv.output_padding[0] for conv in turned) >= 4
    assert all(conv.transposed for conv in turned)
    odd = list(replay.drawn_layers(Claim(standard("dx"), 1, 1, False, assumptions("K odd, p == 2"))))
    assert len(odd) == 4
    assert all(conv.kernel[0] % 2 and conv.padding[0][0] == 2 for conv in odd)
    assert list(map(repr, replay.drawn_layers(claim))) == list(map(repr, replay.drawn_layers(claim)))


def test_a_layer_of_a_claim() -> None:
    sizes = {"H": 5, "K": 2, "p": 1, "q": 0, "r": 1, "s": 2, "d": 1}
    assert replay.layer_of(Claim(standard("y")), sizes) == Conv(5, 2, stride=2, padding=((1, 0),))
    assert not replay.layer_of(Claim(WRONG), sizes).bias
    assert replay.layer_of(Claim(standard("db")), sizes).bias
    assert replay.layer_of(Claim(standard("dx", True)), sizes).output_padding == (1,)
    assert replay.layer_of(Claim(standard("dx", padding_mode="replicate")), sizes).padding_mode == "replicate"


def test_verdicts_are_held_against_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    assert replay.replay_proof(Claim(standard("dx"), 2, 1)) == 4
    with pytest.raises(
        ReplayError, match=r"^dx = correlate\(pad\(dy, p\), flip\(w\)\) is proved, and verify finds it wrong at Conv\("
    ):
        replay.replay_proof(Claim(WRONG, 1, 1, True))
    sizes = {"H": 1, "K": 1, "p": 1, "q": 1, "O": 3, "r": 0, "s": 1, "d": 1}
    right = Counterexample(sizes, 0, "0", "dy[1]*w[0]", missing=("dy[1]*w[0]",), lengths=(5, 1))
    claim = Claim(WRONG, 1, 1, True)
    assert replay.replay_refutation(claim, right).replayed
    longer = Counterexample(
        {**sizes, "H": 3, "K": 2, "p": 0, "q": 0, "O": 2}, 1, "0", "1", missing=("dy[0]*w[0]",), lengths=(1, 3)
    )
    assert replay.replay_refutation(claim, longer).replayed
    with pytest.raises(ReplayError, match=r"is refuted at \{.*\}, entry 7, and verify does not confirm it$"):
        replay.replay_refutation(claim, replace(longer, index=7, lengths=(1, 9)))
    assert replay.replay_refutation(claim, replace(longer, index=7, lengths=(1, 7))).replayed  # outside: a length
    assert replay.replay_refutation(claim, replace(longer, index=7, lengths=(1, 9), missing=())).replayed
    with pytest.raises(ReplayError):
        replay.replay_refutation(Claim(standard("dx"), 1, 1), right)
    monkeypatch.setattr(replay, "MAX_REPLAY", 4)
    assert replay.replay_refutation(claim, longer).replayed  # four terms
    monkeypatch.setattr(replay, "MAX_REPLAY", 3)
    assert not replay.replay_refutation(claim, longer).replayed
    assert replay.replay_proof(Claim(standard("dx"), 2, 1)) < 4


# results -------------------------------------------------------------------------------------------------------------

SIZES = {"H": 3, "K": 2, "p": 0, "q": 1, "O": 2, "r": 1, "s": 2, "d": 1}


def test_kinds_of_counterexamples() -> None:
    found = Counterexample(
        SIZES, 1, "a", "b", missing=("m",), extra=("e",), doubled=("t",), miscounted=("n",), lengths=(2, 3)
    )
    assert (found.kind, found.term) == ("doubled", "t")
    assert found.differences == ("doubled t", "missing m", "extra e", "miscounted n", "2 entries instead of 3")
    assert str(found) == (
        "H = 3, K = 2, p = 0, q = 1, O = 2, r = 1, s = 2, d = 1, entry 1: formula a, truth b; doubled t; missing m; extra e; "
        "miscounted n; 2 entries instead of 3"
    )
    assert replace(found, doubled=()).kind == "missing"
    plain = Counterexample(SIZES, 1, "a", "b", lengths=(1, 3))
    assert (plain.kind, plain.term, plain.differences) == ("length", None, ("1 entry instead of 3",))
    nothing = Counterexample(SIZES, None, "a", "b", lengths=(3, 3))
    assert (nothing.kind, nothing.differences) == ("meaningless", ())
    assert str(nothing).endswith("d = 1: formula a, truth b")
    assert size_order(found) == (7, 3, 2, 0, 1, 1, 2, 1)


def test_several_proofs_show_themselves() -> None:
    claim = Claim(WRONG, 1, 1, True)
    small, large = Counterexample(SIZES, 0, "a", "b"), Counterexample({**SIZES, "H": 4}, 0, "a", "b")
    cases = (
        Proof(claim, REFUTED, large, seconds=1.5),
        Proof(claim, PROVED, seconds=2),
        Proof(claim, REFUTED, small),
        Proof(claim, UNKNOWN, reason="why"),
    )
    several = Proofs(cases)
    assert (several.verdict, several.proved, several.counterexample, several.seconds) == (REFUTED, False, small, 3.5)
    assert repr(several) == f"<1 PROVED, 2 REFUTED, 1 UNKNOWN: {WRONG}>"
    assert (len(several), several[1], several[1:3], list(several)) == (4, cases[1], cases[1:3], list(cases))
    assert Proofs(cases[1::2]).verdict == UNKNOWN
    assert Proofs(cases[1:2]).proved
    assert Proofs(cases[1:2]).counterexample is None
    assert set(several.to_dict()) == {"verdict", "results"}
    assert several._repr_latex_().count("\n\nProof.\n\n") == 3
    assert repr(cases[3]) == f"<UNKNOWN: {WRONG}; stride 1, dilation 1, symmetric padding; why>"
    assert "why" not in repr(replace(cases[3], verdict=PROVED))
    assert replace(cases[0], claim=Claim(WRONG, None, None)).stride == "any"
    assert cases[0].to_smtlib() == smtlib(claim)
    assert result.Proof(Claim(standard("dx")), PROVED, seconds=0.12345678).to_dict()["seconds"] == 0.123457


def test_a_condition_answers_at_a_size() -> None:
    found = prove(WRONG)
    assert isinstance(found, Proof)
    validity = found.validity
    assert validity is not None
    assert [validity.holds(H=5, K=K, p=1) for K in (2, 3, 4)] == [False, True, False]
    refused(lambda: validity.holds(H=5), "the condition speaks of H, K, p; K, p is not given")
    refused(lambda: validity.holds(H=5, K=3, p=1, q=2), "the condition does not speak of q")
    refused(
        lambda: Condition("a", "a", None, True, "a").holds(H=1),
        "the condition is that of several strides and dilations; ask the cases of the proof",
    )
    assert str(validity) == "2*p == K - 1"


def sizes_of(text: str) -> isl.Set:
    return isl.Set.read_from_str(isl.Context(), f"[H, K, p] -> {{ : {text} }}")


def test_how_far_a_set_of_sizes_reaches() -> None:
    for text, told in (
        ("H >= 1 and K >= 1 and p >= 0", "some"), ("H = 2 and K >= 2 and 0 <= p <= 3", "some with H == 2, K >= 2, p <= 3"),
        ("1 <= H <= 4 and K = 1 and p >= 1", "some with H <= 4, K == 1, p >= 1"), ("H >= 2 and K >= 1 and p = 0", "some with H >= 2, p == 0"),
        ("0 <= H and K <= 5 and p >= 0", "some with K <= 5"),
    ):  # fmt: skip
        assert conditions._bounds(sizes_of(text), ("H", "K", "p")) == told
    assert conditions._shown(sizes_of("H >= 1")) == "H > 0"
    assert conditions._shown(sizes_of("1 = 1")) == "always"
    assert conditions._largest(sizes_of("1 <= H <= 4 and K = 1 and p = 0"), ("H", "K", "p"), "H").to_python() == 4
    assert conditions._contains(sizes_of("H = 2 and K = 1"), {"H": 2, "K": 1, "p": 9, "z": 3})
    assert not conditions._contains(sizes_of("H = 2 and K = 1"), {"H": 2, "K": 2, "p": 9})
    assert conditions._member(sizes_of("H = 2 and K = 1 and p = 4"), ("H", "K", "p")) == {"H": 2, "K": 1, "p": 4}
    one, two, three = (atom(n) for n in (1, 2, 3))
    assert conditions._text([(one,)]) == "H == 1"
    assert conditions._text([(one, two), (three,)]) == "(H == 1 and H == 2) or H == 3"
    assert conditions._text([(one, two)]) == "H == 1 and H == 2"


# deciding ------------------------------------------------------------------------------------------------------------


def test_repeated_products_are_counted_out() -> None:
    context = isl.Context()
    relation = isl.Map.read_from_str(
        context, "{ [t] -> [i, j, c] : 0 <= t < 2 and i = t and j = 0 and 0 <= c <= 2 * t }"
    )
    found = decide.levels(relation, 2)
    due = [f"{{ [t] -> [i, j] : {low} <= t < 2 and i = t and j = 0 }}" for low in (0, 1, 1)]
    assert [each.is_equal(isl.Map.read_from_str(context, text)) for each, text in zip(found, due, strict=True)] == [
        True
    ] * 3
    many = isl.Map.read_from_str(context, "{ [t] -> [i, c] : t = 0 and i = 0 and 0 <= c < 20 }")
    assert len(decide.levels(many, 1)) == decide.MAX_REPEATS + 1
    assert decide.points(isl.Set.read_from_str(context, "{ [a, b] : 0 <= a < 2 and b = 3 - a }")) == [(0, 3), (1, 2)]
    sizes = sizes_of("1 <= H <= 2 and K = H + 1 and p = 0")
    assert decide.parameter_points(sizes, ("K", "H")) == [{"K": 2, "H": 1}, {"K": 3, "H": 2}]


def test_sizes_that_others_determine_are_left_out() -> None:
    context = isl.Context()
    left = decide.over(isl.Set.read_from_str(context, "[O, H, r] -> { : O = 2 * H and r = 0 and H >= 1 }"), ("H", "K"))
    assert left.is_equal(isl.Set.read_from_str(context, "[H] -> { : H >= 1 }"))
    assert left.dim(isl.dim_type.param) == 1


def test_limits_on_operations_and_repetitions() -> None:
    context = isl.Context()

    def work() -> None:
        with decide.limited(context, 1000):
            for _ in range(2000):
                isl.Set.read_from_str(context, "[n] -> { [i] : i >= 0 and i < n }").is_empty()

    refused(work, "isl reached the limit of 1,000 operations", LimitError)
    with pytest.raises(isl.Error), decide.limited(context, 100_000):
        isl.Set.read_from_str(context, "{ no set")
    five = formula("dx[m] = 5*sum(dy[i] * w[m - i], i, j=(0, 5)) - 24*sum(dy[i] * w[m - i], i)")
    refused(
        lambda: decide.decide(Claim(five, 1, 1, True, assumptions("p == 0, q == 0"))),
        "a product is repeated more than 4 times and taken away elsewhere", LimitError,
    )  # fmt: skip
    four = formula("dx[m] = sum(dy[i] * w[m - i], i, j=(0, 4)) - 3*sum(dy[i] * w[m - i], i)")
    assert decide.decide(Claim(four, 1, 1, True, assumptions("p == 0"))).holds
    wrong = formula("dx[m] = sum(dy[i] * w[m - i], i, j=(0, 9))")
    assert not decide.decide(Claim(wrong, 1, 1, True, assumptions("p == 0"))).holds
    refused(
        lambda: decide.decide(Claim(Formula("dx", Correlate(x, w)))), "dx = correlate(x, w): dx is not made of w and x"
    )


def test_the_smallest_size_by_either_search() -> None:
    order = ("H", "K", "p")
    failing = sizes_of("H >= 3 and K >= 2 and p >= 0 and (H + p >= 5 or K >= 4)")
    due = min(
        (h + kk + pp, h, kk, pp) for h in range(3, 9) for kk in range(2, 9) for pp in range(9) if h + pp >= 5 or kk >= 4
    )[1:]
    assert counterexample._first_by_total(failing, order) == due
    assert counterexample._first_by_order(failing.get_ctx(), failing, order) == due
    last = counterexample.LARGEST_TOTAL - 1
    assert counterexample._first_by_total(sizes_of(f"H = {last - 1} and K = 1 and p = 0"), order) == (last - 1, 1, 0)
    assert counterexample._first_by_total(sizes_of(f"H = {last} and K = 1 and p = 0"), order) is None
    assert counterexample._first_by_total(sizes_of("H = 1 and K = 1 and p = 0"), order) == (1, 1, 0)
    assert counterexample._first_by_total(sizes_of(f"H = 1 and K = {last - 1} and p = 0"), order) == (1, last - 1, 0)


# the prover ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"padding": "same"}, "padding 'same' is unknown; it is symmetric (q = p), free, or auto"),
        ({"padding_mode": "odd"}, "padding_mode 'odd' is unknown; there are zeros, constant, reflect, replicate, circular, symmetric"),
        ({"stride": "all"}, "stride 'all' is neither a whole number nor 'any'"),
        ({"stride": []}, "no stride is given"),
        ({"dilation": [1, 0]}, "dilation 0 must be at least 1 and at most 1,000"),
        ({"stride": 1001}, "stride 1001 must be at least 1 and at most 1,000"),
        ({"stride": range(1, 102), "dilation": range(1, 101)}, "10,100 strides and dilations, more than 10,000"),
        ({"formula": "y = correlate(pad(x, 1, mode=reflect), w)", "transposed": True},
         "padding_mode 'reflect': a transposed convolution knows zeros only"),
        ({"forward": "y[i] = sum(w[k] * x[i + k], k)", "transposed": True},
         "a forward pass of one's own is that of a convolution with zeros padding"),
        ({"forward": "y[i] = sum(w[k] * x[i + k], k)", "padding_mode": "reflect"},
         "a forward pass of one's own is that of a convolution with zeros padding"),
    ],
)  # fmt: skip
def test_what_is_not_claimed(arguments: dict[str, Any], told: str) -> None:
    refused(lambda: prover.claims(**{"formula": "dx"} | arguments), told)


@pytest.mark.parametrize(("value", "told"), [(True, "True"), (1.5, "1.5"), ([1, "2"], "'2'")])
def test_steps_are_whole_numbers(value: Any, told: str) -> None:
    refused(lambda: prover.claims("dx", stride=value), f"stride must be a whole number, got {told}", TypeError)


def test_what_is_claimed() -> None:
    made = prover.claims("dx", [1, 1000], [2, 3], assume="K odd")
    assert [(c.stride, c.dilation) for c in made] == [(1, 2), (1, 3), (1000, 2), (1000, 3)]
    assert [str(each) for each in made[0].assumed] == ["K % 2 == 1"]
    assert not made[0].symmetric  # a standard one
    assert prover.claims(WRONG)[0].symmetric
    assert not prover.claims(WRONG, padding="free")[0].symmetric
    assert prover.claims("dx", padding="symmetric")[0].symmetric
    assert not prover.claims("dx = correlate(pad(dy, q), w)")[0].symmetric
    assert not prover.claims("dx = correlate(pad(dy, r), w)")[0].symmetric
    assert not prover.claims(WRONG, forward="y[i] = sum(w[k] * x[i + k - q], k)")[0].symmetric
    assert prover.claims(WRONG, "any", 2)[0].numbers == {"d": 2}
    assert len(prover.claims("dx", range(1, 101), range(1, 101))) == 10_000
    assert isinstance(prove("db", [1]), Proofs)
    assert isinstance(prove("db", 1, "any"), Proof)
    free = prover.claims("dx", "any", "any")[0]
    assert [(c.stride, c.dilation) for c in prover._first_cases(free)] == [(n, e) for n in range(1, 5) for e in (1, 2)]
    assert [(c.stride, c.dilation) for c in prover._first_cases(replace(free, dilation=3))] == [
        (n, 3) for n in range(1, 5)
    ]
    far = [
        (c.stride, c.dilation)
        for n in range(40)
        for c in prover._far_cases(replace(free, formula=formula(f"dx = {n + 2}*correlate(dy, w)")))
    ]
    assert len(far) == 80
    assert {s for s, _ in far} <= set(range(9, 41))
    assert {d for _, d in far} == set(range(5, 21))
    assert (min(far)[0], max(far)[0]) == (9, 40)
    assert {c.dilation for c in prover._far_cases(replace(free, dilation=3))} == {3}


def answering(monkeypatch: pytest.MonkeyPatch, answer: solver.Answer) -> None:
    monkeypatch.setattr(solver, "ask", lambda claim: answer)


def test_what_two_opinions_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    proved, wrong = (
        Proof(Claim(standard("db")), PROVED),
        Proof(Claim(WRONG), REFUTED, Counterexample(SIZES, 0, "a", "b")),
    )
    answering(monkeypatch, solver.Answer(True))
    assert prover._with_second_opinion(proved).second_opinion == "z3: unsat"
    told = prover._with_second_opinion(wrong)
    assert (told.verdict, told.second_opinion, told.counterexample) == (UNKNOWN, "z3: unsat", None)
    assert told.reason == "isl says REFUTED, and z3: unsat: one of the two is wrong"
    answering(monkeypatch, solver.Answer(False))
    assert prover._with_second_opinion(wrong) == replace(wrong, second_opinion="z3: sat")
    assert prover._with_second_opinion(proved).verdict == UNKNOWN
    answering(monkeypatch, solver.Answer(None, "too long"))
    assert prover._with_second_opinion(proved) == replace(proved, second_opinion="none: too long")
    for kept in (replace(proved, second_opinion="z3: unsat"), replace(proved, verdict=UNKNOWN)):
        assert prover._with_second_opinion(kept) is kept


def test_what_an_answer_for_any_stride_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """z3 is asked only where nothing tried is refuted, and isl has the last word on what it finds."""
    right = Claim(standard("db"), None, 1)
    for answer, verdict, reason in (
        (solver.Answer(None, "too long"), UNKNOWN, "too long; single strides and dilations are decided apart"),
        (solver.Answer(False, sizes={"s": 7, "d": 1}), UNKNOWN, "z3 and isl disagree; single strides and dilations are decided apart"),
        (solver.Answer(False, sizes={"s": 1000, "d": 1}), UNKNOWN, "z3 and isl disagree; single strides and dilations are decided apart"),
        (solver.Answer(False, sizes={"s": 1001, "d": 1}), UNKNOWN,
         "z3 refutes it at a stride or dilation beyond what is decided; single strides and dilations are decided apart"),
    ):  # fmt: skip
        answering(monkeypatch, answer)
        found = prover.prove_claim(right, max_seconds=600)
        assert (found.verdict, found.reason) == (verdict, reason)
        assert len(found.cases) == 4
    late = formula("db = (1 + s // 7)*sum(dy)")  # wrong from stride 7
    answering(monkeypatch, solver.Answer(False, sizes={"s": 8, "d": 1}))
    found = prover.prove_claim(Claim(late, None, 1, True), max_seconds=600)
    assert (found.verdict, found.reason) == (
        REFUTED,
        "found by z3 at stride 8, dilation 1; not necessarily the smallest",
    )
    assert [case.stride for case in found.cases] == [1, 2, 3, 4, 8]
    answering(monkeypatch, solver.Answer(True))
    found = prover.prove_claim(Claim(late, None, 1, True), max_seconds=600)
    assert found.verdict == UNKNOWN
    assert str(found.reason).startswith("z3 says it holds, and isl refutes it at stride ")
    found = prover.prove_claim(right, max_seconds=600)
    assert (found.verdict, found.second_opinion, found.replayed, len(found.cases)) == (PROVED, "z3: unsat", 4, 6)


def test_a_larger_stride_may_be_the_smaller_size() -> None:
    """Strides beyond those tried first are, as long as their sum can be smaller than what was found."""
    found = prove("db = (1 + s // 4 * (s // 4))*sum(dy)", "any", max_seconds=600)
    assert isinstance(found, Proof)
    assert found.counterexample is not None
    assert found.counterexample.sizes["s"] == 4
    assert [case.stride for case in found.cases] == [1, 2, 3, 4]
    assert found.reason is not None
    assert found.reason.startswith("it is PROVED for s=1 d=1, s=2 d=1, s=3 d=1")


def test_strides_beyond_those_tried_first() -> None:
    """They are tried as long as their sum can be smaller than what was found: here 1 + 1 + 0 + 5 < 2 + 1 + 4 + 1."""
    found = prove("db = (1 + s // 5)*sum(dy[i], i=(0, 9))", "any", max_seconds=600)
    assert isinstance(found, Proof)
    assert found.counterexample is not None
    assert [found.counterexample.sizes[name] for name in "HKps"] == [1, 1, 0, 5]
    assert [case.stride for case in found.cases] == [1, 2, 3, 4, 5, 6]


def test_what_limits_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    found = prove(WRONG, max_seconds=0)
    assert isinstance(found, Proof)
    assert (found.verdict, found.reason) == (UNKNOWN, "the seconds for this claim are used up")
    assert found.seconds > 0

    def give_up(*arguments: object) -> Condition:
        raise LimitError("it is enough")

    monkeypatch.setattr(conditions, "condition_of", give_up)
    found = prove(WRONG)
    assert isinstance(found, Proof)
    assert (found.verdict, found.reason, found.validity) == (REFUTED, "no condition: it is enough", None)
    assert found.counterexample is not None
    assert found.counterexample.replayed

    def disagree(claim: Claim) -> int:
        raise ReplayError("at 3")

    monkeypatch.setattr(replay, "replay_proof", disagree)
    found = prove("db")
    assert isinstance(found, Proof)
    assert (found.verdict, found.reason) == (UNKNOWN, "the two readings of the formula disagree: at 3")


def test_answers_of_the_solver() -> None:
    assert solver.ask(Claim(standard("db"))) == solver.Answer(True)
    found = solver.ask(Claim(formula("db = 2*sum(dy)"), None, 2))
    assert found.holds is False
    assert found.sizes is not None
    assert (set(found.sizes), found.sizes["d"]) == (set("HKpqOrsd"), 2)
    assert solver.ask(Claim(formula("y = correlate(x, w, stride=s - 1)"))) == solver.Answer(
        False, "the formula says nothing: stride s - 1 is 0; it must be at least 1"
    )
    unread = solver.ask(Claim(formula("y = shuffle(correlate(x, w))")))
    assert unread == solver.Answer(None, "shuffle(correlate(x, w)) is not read here")
    gave_up = solver.ask(Claim(standard("dw"), None, None), max_resources=10)
    assert gave_up.holds is None
    assert gave_up.reason.startswith("z3 gave up: ")


# one condition for every stride --------------------------------------------------------------------------------------


def test_numbers_and_steps_in_common() -> None:
    at = [{"s": a, "d": b} for a in (1, 2, 3) for b in (1, 2)]
    for e in (s, d, 3 * s, -2 * d, s + 1, 2 * d - 3, s - d, s * d, s * d + 2, 2 * s - d + 1, Const(4)):
        found = steps._number([(step, int(e.evaluate(step))) for step in at])
        assert found is not None
        assert all(found.evaluate(step) == e.evaluate(step) for step in at)
    assert steps._number([(step, step["s"] ** 3) for step in at]) is None
    assert steps._numbers([1, 2, 3]) == "1..3"
    assert steps._numbers([1, 3]) == "1, 3"
    assert steps._numbers([2]) == "2"
    assert steps.Common("", (), tuple(at)).checked == "s in 1..3, d in 1..2"
    assert steps.Common("", (), (at[0], at[3])).checked == "s=1 d=1, s=2 d=2"
    lifted = steps._lifted([(step, (H + 2 * p - K) % step["s"]) for step in at[2:]])
    assert str(lifted) == "(H - K + 2*p) % s"
    assert steps._lifted([(at[0], H % 2), (at[2], H)]) is None
    assert steps._lifted([(at[0], H // 2)]) is None
    assert str(steps._lifted([(step, H - step["s"] * K + 1) for step in at])) == "H - s*K + 1"
    assert str(steps._at_most(compare(H % 2, "==", 0))) == "H % 2 <= 0"
    assert [str(steps._at_most(each)) for each in (compare(H % 2, "==", 1), compare(H, "==", 0), compare(H % 2, ">=", 0))] == [
        "H % 2 == 1", "H == 0", "H % 2 >= 0"
    ]  # fmt: skip


def proof_at(stride: int, dilation: int, holding: str | None, *said: Any) -> Proof:
    """A case decided by hand: proved, or right at the sizes where ``holding``, said by the comparisons."""
    claim = Claim(WRONG, stride, dilation, True)
    if holding is None:
        return Proof(claim, PROVED)
    legal = steps.over(decide.legal_sizes(isl.Context(), claim), claim.sizes)
    sizes = legal.intersect(isl.Set.read_from_str(legal.get_ctx(), f"[H, K, p] -> {{ : {holding} }}"))
    return Proof(claim, REFUTED, Counterexample(SIZES, 0, "a", "b"), Condition("c", "c", None, True, "f", said, sizes))


def test_one_condition_from_several() -> None:
    slack = H + 2 * p - K

    def text(cases: list[Proof]) -> str | None:
        found = steps.common_condition(cases)
        return None if found is None else found.text

    assert (
        text([proof_at(n, 1, f"(H + 2p - K) mod {n} = 0", compare(slack % n, "==", 0)) for n in (2, 3, 4)])
        == "(H - K + 2*p) mod s == 0"
    )
    one = proof_at(1, 1, None)
    assert (
        text([one, *(proof_at(n, 1, f"(H + 2p - K) mod {n} = 0", compare(slack % n, "==", 0)) for n in (2, 3))])
        == "(H - K + 2*p) mod s == 0"
    )
    guarded = [proof_at(1, e, None) for e in (1, 2)] + [
        proof_at(n, e, f"p = {e}", compare(p, "==", e)) for n in (2, 3) for e in (1, 2)
    ]
    assert text(guarded) == "s == 1 or p == d"
    both = [
        proof_at(n, e, None if 1 in (n, e) else "K = 1", *[compare(K, "==", 1)] * (1 not in (n, e)))
        for n in (1, 2)
        for e in (1, 2)
    ]
    assert text(both) == "s == 1 or d == 1 or K == 1"
    pair = [proof_at(n, 1, f"p = {n} and K = 1", compare(p, "==", n), compare(K, "==", 1)) for n in (1, 2)]
    assert text(pair) == "p == s and K == 1"
    assert text([proof_at(n, 1, f"p = {n**3}", compare(p, "==", n**3)) for n in (1, 2, 3)]) is None
    assert (
        text([proof_at(1, 1, "p = 1", compare(p, "==", 1)), proof_at(2, 1, "p = 3", compare(p, "==", 2))]) is None
    )  # not what is said
    assert text([one, replace(one, verdict=UNKNOWN)]) is None
    assert text([one]) is None
    unlike = [
        proof_at(1, 1, "K = 1", compare(K, "==", 1)),
        proof_at(2, 1, "K = 1", compare(K, "<=", 1)),
        proof_at(3, 1, "K = 1", compare(K, "<=", 1)),
    ]
    assert text(unlike) == "K <= 1"
    claim = Claim(WRONG, None, 1, True, assumptions("q == 1"))
    found = steps.common_condition(guarded)
    assert found is not None
    assert [[str(each) for each in c.assumed] for c in steps.claims_there(claim, found)] == [
        ["q == 1", "s == 1"],
        ["q == 1", "p == d"],
    ]


# how far searches go -------------------------------------------------------------------------------------------------


def chain(count: int) -> list[Atom]:
    """Words inside the first 400 bits, each holding more than the one before, all of them more than 100."""
    return [atom((1 << 101 + n) - 1, 2.0) for n in range(count)]


@pytest.mark.parametrize(("decoys", "found"), [(118, True), (119, False)])
def test_unions_of_two_out_of_120(decoys: int, found: bool) -> None:
    whole, rest = atom((1 << 400) - 1, 1.0), atom((1 << 440) - (1 << 400), 1.0)
    words = [whole, *chain(decoys), rest]
    assert bool(names(unions(words, (1 << 440) - 1, (1 << 441) - 1))) == found


@pytest.mark.parametrize(("decoys", "found"), [(21, True), (22, False)])
def test_unions_of_three_out_of_24(decoys: int, found: bool) -> None:
    whole, second, third = atom((1 << 400) - 1), atom((1 << 440) - (1 << 400)), atom((1 << 470) - (1 << 440))
    assert bool(names(unions([whole, *chain(decoys), second, third], (1 << 470) - 1, (1 << 471) - 1))) == found


@pytest.mark.parametrize(("decoys", "found"), [(148, True), (149, False)])
def test_pairs_inside_out_of_150(decoys: int, found: bool) -> None:
    """Words that reach beyond the goal are tried in pairs, the first 150 of them."""
    frame, goal = (1 << 20) - 1, 0b1111
    beyond = [atom(0b0001 | 1 << 15 | n << 20, 1.0) for n in range(decoys)]  # all alike on the frame
    words = [atom(0b0011 | 1 << 10), *beyond, atom(0b1111 & ~0b1100 | 1 << 11), atom(0b1100)]
    assert bool(names(unions(words, goal, frame))) == found


@pytest.mark.parametrize(("decoys", "found"), [(398, True), (399, False)])
def test_two_words_out_of_400(decoys: int, found: bool) -> None:
    width = 500
    goal = 1
    first = goal | (1 << 10) - 1 << 1
    last = goal | (1 << width) - (1 << 11)
    between = [atom(goal | (1 << 12 + n) - (1 << 5)) for n in range(decoys)]
    frame = (1 << width + 1) - 1
    pairs = [
        each
        for each in conjunctions([atom(first), *between, atom(last)], goal, frame)
        if len(each) == 2 and each[1].bits == last
    ]
    assert bool(pairs) == found


@pytest.mark.parametrize(("decoys", "found"), [(1498, True), (1499, False)])
def test_unions_out_of_1500_words(decoys: int, found: bool) -> None:
    outside = [atom(1 << 30 + n) for n in range(decoys)]
    assert bool(names(unions([atom(0b01), *outside, atom(0b10)], 0b11, 0b111))) == found


def search(text: str, stride: int = 1, dilation: int = 1, symmetric: bool = True) -> conditions._Search:
    return conditions._Search(decide.decide(Claim(formula(text), stride, dilation, symmetric)))


def test_the_sizes_that_are_tried() -> None:
    for one, due in (
        (search(str(WRONG)), {"H": 8, "K": 5, "p": 5}), (search(str(WRONG), 3, 2), {"H": 11, "K": 5, "p": 5}),
        (search("dx = correlate(dy, w)", 2, 1, False), {"H": 9, "K": 4, "p": 3, "q": 3}),
    ):  # fmt: skip
        box = one.legal.intersect(one.box())
        assert {name: conditions._largest(box, one.claim.sizes, name).to_python() for name in one.claim.sizes} == due
    turned = conditions._Search(decide.decide(Claim(formula("dx = correlate(dy, w)", True), 2, 3)))
    box = turned.box()
    assert {n: conditions._largest(box, turned.claim.sizes, n).to_python() for n in turned.claim.sizes} == {
        "H": 11,
        "K": 4,
        "p": 3,
        "q": 3,
        "r": 3,
    }


def test_what_ordinary_sizes_are() -> None:
    def told(one: conditions._Search) -> list[str]:
        return [" and ".join(map(str, each)) for each in one.ordinary()]

    assert told(search(str(WRONG), 3, 2)) == [
        "H >= 2*K - 1", "H >= 2*K", "H >= 2*K + 4", "H >= 2*K + 4 and p <= 2*K - 2"
    ]  # fmt: skip
    assert told(search("dx = correlate(dy, w)", 1, 1, False))[3] == "H >= K + 1 and p <= K - 1 and q <= K - 1"
    turned = conditions._Search(decide.decide(Claim(formula("dx = correlate(dy, w)", True), 2, 1)))
    assert told(turned) == ["H >= 2", "H >= K", "H >= K + 1 and p <= K - 1 and q <= K - 1"]


@pytest.mark.parametrize(
    "text",
    [
        "dx = correlate(dy, w)",
        "dw = correlate(x, dilate(dy, 2))",
        "y = correlate(x, flip(w))",
        "ddw = correlate(v_x, dy, 2)",
    ],
)
def test_sizes_at_which_little_is_left(text: str) -> None:
    one = search(text, 2, 1)
    found = {phrase.text: phrase.sizes for _, phrase in one.named_sizes()}
    assert [cost for cost, _ in one.named_sizes()] == [1.5, 2.5, 2.6, 2.6][: len(found)]
    meant = {
        "no tap meets the input": lambda k, K: False, "only the middle tap meets the input": lambda k, K: 2 * k == K - 1,
        "only the first tap meets the input": lambda k, K: k == 0, "only the last tap meets the input": lambda k, K: k == K - 1,
    }  # fmt: skip
    assert set(found) == set(meant)
    seen = dict.fromkeys(found, 0)
    for h, kk, pp in itertools.product(range(1, 4), range(1, 5), range(4)):
        if h + 2 * pp < kk:
            continue
        used = {t for t in range(kk) for n in range((h + 2 * pp - kk) // 2 + 1) if 0 <= 2 * n + t - pp < h}
        for name, sizes in found.items():
            due = all(meant[name](t, kk) for t in used)
            assert conditions._contains(sizes, {"H": h, "K": kk, "p": pp}) == due, (name, h, kk, pp)
            seen[name] += due
    assert all(seen.values())
    assert search("db = 2*sum(dy)").named_sizes() == []


def test_a_condition_as_isl_writes_it() -> None:
    one = search(str(WRONG))
    assert one.as_it_is().text == "2p == -1 + K"
    for length, exact in ((120, True), (121, False)):
        one.full = "=" * length
        found = one.as_it_is()
        assert found.exact == exact
        assert found.text == ("=" * 120 if exact else "some sizes, which have no short description")
    rest = one.parameters([compare(H, "==", 1), compare(K, ">=", 2)]).intersect(one.legal)
    one.boxed = conditions.parameter_points(one.legal.intersect(one.box()), one.claim.sizes)
    one.phrases = one.named_sizes()
    one.refresh()
    one.holding = rest
    found = one.and_degenerate("never", rest)
    assert (found.text, found.degenerate, found.exact) == (
        "never, apart from degenerate sizes (H == 1 and K >= 2)",
        "H == 1 and K >= 2",
        True,
    )
    assert one.and_degenerate("p == 0", rest.subtract(rest)).text == "p == 0"


def test_words_reach_as_far_as_they_say() -> None:
    words = vocabulary_module._words(("H", "K", "p", "q"), 20, 5)
    by_form: dict[Any, set[int]] = {}
    for word in words:
        if not word.modulus:
            by_form.setdefault(word.form, set()).add(word.constant)
    around = {sign * 20 + c for sign in (1, -1) for c in (-1, 0, 1)}
    assert by_form[(("p", 1),)] == set(range(-6, 7)) | around
    assert by_form[(("H", 1), ("K", -1))] == set(range(-6, 7)) | around
    assert by_form[(("H", 1), ("K", -1), ("p", 2))] == set(range(-3, 4)) | around
    assert (("H", 1), ("K", -20), ("p", 1), ("q", 1)) in by_form
    assert (("K", 1),) in by_form
    assert (("K", -1),) not in by_form
    assert (("H", 1), ("K", 1)) not in by_form
    moduli = {(word.form, word.modulus, word.constant) for word in words if word.modulus}
    assert {(m, c) for form, m, c in moduli if form == (("p", 1),)} == {(m, c) for m in (2, 5, 20) for c in range(m)}
    assert not any(len(form) > 2 for form, *_ in moduli)
    assert {word.modulus for word in vocabulary_module._words(("H", "K", "p"), 1, 1)} == {0, 2}
    costs = {(word.form, word.relation, word.constant): round(word.cost, 6) for word in words if not word.modulus}
    one = (("p", 1),)
    assert [
        costs[one, "==", 0],
        costs[one, "<=", 0],
        costs[one, ">=", 0],
        costs[one, "==", -2],
        costs[one, "<=", 20],
    ] == [1, 1.3, 1.3, 1.4, 2.6]
    assert costs[(("H", 1), ("K", -20), ("p", 2)), "==", 0] == 3.4
    assert costs[(("H", 1), ("K", -1)), "==", 0] == 2
    assert costs[(("H", 1), ("K", -2)), "==", 0] == 2.4
    rests = {(word.form, word.modulus, word.constant): round(word.cost, 6) for word in words if word.modulus}
    assert (rests[one, 5, 0], rests[one, 5, 3]) == (2.5, 2.8)
    slack = vocabulary_module._remainder_words(H - K, 4)
    assert [(round(cost, 6), str(each)) for cost, each in slack] == [
        (1.0, "(H - K) % 4 == 0"), (2.0, "H - K < 4"), (1.25, "(H - K) % 4 <= 1"), (1.3, "(H - K) % 4 <= 2"),
        (1.45, "(H - K) % 4 == 1"), (1.5, "(H - K) % 4 == 2"), (1.55, "(H - K) % 4 == 3"),
        (1.65, "(H - K) % 4 >= 1"), (1.7, "(H - K) % 4 >= 2"), (1.75, "(H - K) % 4 >= 3"),
    ]  # fmt: skip
    assert [(cost, str(each)) for cost, each in vocabulary_module._remainder_words(H - K, 1)] == [(1.9, "H - K == 0")]
