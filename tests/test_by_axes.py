"""Formulas held by axes: the same verdicts, shapes, counts and terms as when every term is written down."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest

from symconv import Conv
from symconv.formulas import by_axes, formula
from symconv.formulas.by_axes import NotAProductError, hold, is_product
from symconv.formulas.tree import Add, Array, Formula
from symconv.formulas.values import evaluate
from symconv.formulas.verify import MAX_ENUMERATED, verify
from symconv.layer.gradients import gradients
from symconv.layer.models import model, names
from tests.proof import mutants

Y = "correlate(pad(x, p, q), w, stride=s, dilation=d)"
DX = "correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)"

#: several products, multiples, b, sums over indices: what the mutants of the standard formulas do not have
MIXED = [
    f"y = {Y}", f"y = {Y} + b", f"y = 2*b + {Y} - b", f"y = b + {Y} - b", f"dx = 2*{DX} - {DX}", f"dx = d*{DX}", f"dx = s*{DX}",
    f"dx = {DX} + 3*correlate(pad(dilate(dy, s), r, r), w) - 3*correlate(pad(dilate(dy, s), r), w)", f"dx = {DX} - 0*{DX}",
    f"dx = {DX} + {DX} - correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), w, dilation=d)",
    "db = sum(dy)", "db = 2*sum(dy) - sum(dy)", "db = sum(crop(dy, 0, 1))", "db = sum(dy[i], i)",
    "db = sum(dy) + sum(pad(dy, 1))",
    "dw[k] = sum(dy[i] * x[s*i + d*k - p], i)", "dw[k] = sum(dy[i] * x[s*i + d*k - p], i, j=(0, s))",
    "db = sum(dy[i], i, j=(0, K))",
    "y[t] = sum(w[k] * x[s*t + d*k - p], k) + b",
    "dx[m] = sum(dy[o] * w[k], o, k, where=s*o + d*k - p == m)", "dx[m] = sum(dy[o] * w[k], o, k, where=o + d*k - p == m)",
]  # fmt: skip


def random_layer(chance: random.Random, transposed: bool) -> Conv:
    """Any small layer: up to three axes, groups, channels, unequal paddings, remainders."""
    n = chance.choice([1, 2, 2, 3])
    while True:
        groups = chance.choice([1, 1, 2])
        sizes = {
            "input": (1, 5), "kernel": (1, 3), "stride": (1, 3), "dilation": (1, 2),
            **({"output_padding": (0, 1)} if transposed else {}),
        }  # fmt: skip
        try:
            return Conv(
                **{name: tuple(chance.randint(*bounds) for _ in range(n)) for name, bounds in sizes.items()},
                padding=tuple((chance.randint(0, 2), chance.randint(0, 2)) for _ in range(n)),
                batch=chance.randint(1, 2), in_channels=groups * chance.randint(1, 2),
                out_channels=groups * chance.randint(1, 2), groups=groups, bias=chance.random() < 0.5, transposed=transposed,
                padding_mode="zeros" if transposed else chance.choice(["zeros", "zeros", "reflect", "replicate", "circular"]),
            )  # fmt: skip
        except ValueError:
            continue


def compare(conv: Conv, each: Formula) -> str:
    """Both ways to the verdict, held against each other; what the verdict is, in a word."""
    try:
        found = hold(conv, each)
    except NotAProductError:
        return "enumerated"
    except ValueError:
        (check,) = verify(conv, [each], by="entries").checks
        assert "means nothing" in check.mismatches[0].formula, (conv, each)
        return "means nothing"
    truth, claim = gradients(conv).terms(each.target), evaluate(conv, each)
    if "b" not in each.arrays():
        truth = truth.without("b")
    (check,) = verify(conv, [each], by="entries").checks
    assert (found.ok, found.shape) == (check.ok, claim.shape), (conv, each)
    wrong = {m.index for m in check.mismatches if m.index is not None}
    if len(wrong) < 15:
        assert found.failures == len(wrong), (conv, each)
        assert set(found.entries) <= wrong, (conv, each)
    for index in found.entries[:3]:
        terms, total = found.terms(index, True, 10**6)
        assert (sorted(terms), total) == (sorted(truth.terms_of(index)), len(terms)), (conv, each, index)
        if all(i < n for i, n in zip(index, claim.shape, strict=True)):
            added: Counter[object] = Counter()
            for coefficient, factors in found.terms(index, False, 10**6)[0]:
                added[factors] += coefficient
            assert {f: c for f, c in added.items() if c} == {f: c for c, f in claim.terms_of(index)}, (
                conv,
                each,
                index,
            )
        assert found.differing(index, 5), (conv, each, index)
    return "equal" if found.ok else "differs"


def sweep(seed: int, count: int) -> Counter[str]:
    chance = random.Random(seed)
    texts = mutants.formulas(400)
    seen: Counter[str] = Counter()
    while sum(seen.values()) < count:
        transposed = chance.random() < 0.15
        conv = random_layer(chance, transposed)
        choice = ["y", "dx", "dw", "db"] if conv.padding_mode != "zeros" else texts if chance.random() < 0.5 else MIXED
        seen[compare(conv, formula(chance.choice(choice), transposed, conv.padding_mode))] += 1
    return seen


def test_agrees_with_enumeration() -> None:
    seen = sweep(1, 60)
    assert min(seen["equal"], seen["differs"]) > 5, seen
    assert not seen["enumerated"]


@pytest.mark.slow
def test_agrees_with_enumeration_on_hundreds() -> None:
    seen = sweep(3, 300)
    assert min(seen["equal"], seen["differs"]) > 40, seen


@pytest.mark.sweep
def test_agrees_with_enumeration_on_thousands() -> None:
    assert min(sweep(2, 6000).values()) > 20


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["factors", "multiplicity", "shape", "bias"])
def test_the_comparison_can_fail(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Each part of the rule, left out, is noticed by the comparison with enumeration."""
    plain_difference, plain_counted = by_axes._difference, by_axes._counted
    if broken == "factors":
        monkeypatch.setattr(
            by_axes, "_difference", lambda counts, factors: plain_difference(counts, [1] * len(factors))
        )
    elif broken == "multiplicity":
        monkeypatch.setattr(by_axes, "_counted", lambda array, target: (plain_counted(array, target)[0], 1))
    elif broken == "shape":
        monkeypatch.setattr(by_axes.ByAxes, "ok", property(lambda self: not self.failures))
    else:
        plain = by_axes._compared
        monkeypatch.setattr(
            by_axes, "_compared", lambda conv, t, factors, bias, axes: plain(conv, t, factors, (0, 0), axes)
        )
    by_axes._axis.cache_clear()
    with pytest.raises(AssertionError):
        sweep(1, 400)
    by_axes._axis.cache_clear()


# what it is for ---------------------------------------------------------------------------------------------------------

LARGE = Conv(
    input=(57, 223), kernel=(7, 3), batch=256, in_channels=8, out_channels=64, stride=(2, 3), padding=3, groups=2
)


def test_large_layers_go_by_axes_and_say_so() -> None:
    found = verify(LARGE)
    assert found.ok
    assert {check.by for check in found.checks} == {"axes"}
    assert found.scope.endswith("exact, by axes")
    assert found.entries == sum(math.prod(LARGE.shapes[name]) for name in ("y", "dx", "dw", "db"))
    small = Conv(input=4, kernel=2)
    assert small.terms < MAX_ENUMERATED
    assert {check.by for check in verify(small).checks} == {"entries"}
    assert verify(small, by="axes").scope.endswith("exact, by axes")


def test_large_layer_shows_where_a_formula_differs() -> None:
    found = verify(LARGE, ["dx = correlate(pad(dilate(dy, s), d*(K - 1) - p), flip(w), dilation=d)"])
    shape, first, *_ = found.mismatches
    assert (shape.formula, shape.derivative) == ("shape (256, 8, 57, 222)", "shape (256, 8, 57, 223)")
    assert first.index == (0, 0, 0, 222)
    assert first.derivative.endswith(" + ... (64 terms)")
    assert first.missing
    assert not first.extra


def test_what_is_no_product_is_written_down() -> None:
    shuffled = formula("dx = correlate(shuffle(dy), w)")
    assert not is_product(LARGE, shuffled)
    with pytest.raises(ValueError, match="more than max_terms"):
        verify(LARGE, [shuffled])
    with pytest.raises(ValueError, match="cannot be held by axes"):
        verify(Conv(input=3, kernel=2), [shuffled], by="axes")
    with pytest.raises(ValueError, match="one of auto, entries, axes"):
        verify(Conv(input=3, kernel=2), by="rows")


def test_a_bias_belongs_to_y_alone() -> None:
    """No text says otherwise; a tree may."""
    dx = formula("dx = correlate(dy, flip(w))")
    with pytest.raises(NotAProductError, match="is no sum of products over the axes"):
        hold(Conv(5, 3), Formula("dx", Add(dx.body, Array("b"))))


def test_errors_name_the_axis() -> None:
    (check,) = verify(
        Conv(input=(9, 9), kernel=2, stride=(2, 1)), ["dx = correlate(dilate(dy, s - 1), w)"], by="axes"
    ).checks
    assert check.failures == check.entries == 81
    assert check.mismatches[0].formula == "means nothing: axis 1: dilate by s - 1 is 0; it must be at least 1"


# the tables of networks ---------------------------------------------------------------------------------------------------


def parameters(name: str) -> int:
    return sum(e.times * (math.prod(e.conv.w_shape) + e.conv.bias * e.conv.out_channels) for e in model(name).layers)


def test_networks_have_as_many_weights_as_published() -> None:
    assert set(names()) == {"resnet50", "convnext_tiny", "unet3d"}
    # the whole network less batch normalisation (scale and shift for each channel) and the classifier
    assert parameters("resnet50") == 25_557_032 - 53_120 - 2049 * 1000
    # less layer normalisation, the scale of each block and the classifier
    widths, depths = (96, 192, 384, 768), (3, 3, 9, 3)
    scales = sum(3 * n * c for n, c in zip(depths, widths, strict=True)) + 2 * (96 + 96 + 192 + 384 + 768)
    assert parameters("convnext_tiny") == 28_589_128 - scales - 769 * 1000
    assert parameters("unet3d") == 19_069_955


def test_layers_of_a_network_follow_on_each_other() -> None:
    """Each layer of the 3-D U-Net reads what the one before gives, pooled or not, with what is passed across."""
    layers = [e.conv for e in model("unet3d").layers]
    for before, after in itertools.pairwise(layers):
        assert after.input in (before.output, tuple(n // 2 for n in before.output))
        assert after.in_channels >= before.out_channels
    assert layers[-1].output == (44, 44, 28)


def test_batch_in_place_of_the_tables() -> None:
    assert {e.conv.batch for e in model("resnet50").layers} == {256}
    assert {e.conv.batch for e in model("resnet50", 3).layers} == {3}
