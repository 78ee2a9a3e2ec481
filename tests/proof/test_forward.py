"""Proofs about a forward pass of one's own: its derivative is the truth, for isl, z3 and verify; held against loops."""

from __future__ import annotations

import itertools
import json

import pytest
from click.testing import CliRunner

from symconv import Conv, prove
from symconv.cli.main import group
from symconv.formulas.verify import verify
from symconv.proof import PROVED, REFUTED
from tests.proof.sums import layers

#: forward passes with the entry of x that tap w[k] of y[o] meets
FORWARDS = {
    "own": ("y[i] = sum(w[k] * x[s*i + d*k - p], k)", lambda o, k, z: z["s"] * o + z["d"] * k - z["p"]),
    "flipped": (
        "y[i] = sum(w[k] * x[s*i + d*(K - 1 - k) - p], k)", lambda o, k, z: z["s"] * o + z["d"] * (z["K"] - 1 - k) - z["p"],
    ),
    "flipped w": (
        "y[i] = sum(w[K - 1 - j] * x[s*i + d*j - p], j)", lambda o, k, z: z["s"] * o + z["d"] * (z["K"] - 1 - k) - z["p"],
    ),
    "offset": ("y[t] = sum(w[k] * x[s*t + d*k - p + 1], k)", lambda o, k, z: z["s"] * o + z["d"] * k - z["p"] + 1),
    "centred": (
        "y[i] = sum(w[j + K//2] * x[s*i + d*j], j=(0 - K//2, K - K//2))", lambda o, k, z: z["s"] * o + z["d"] * (k - z["K"] // 2),
    ),
    "first taps": (
        "y[i] = sum(w[k] * x[s*i + d*k - p], k=(0, 2))", lambda o, k, z: z["s"] * o + z["d"] * k - z["p"] if k < 2 else -1,
    ),
}  # fmt: skip


def due(meets, target: str, z: dict[str, int]) -> list[set[tuple[int, int]]]:  # type: ignore[no-untyped-def]
    """For each entry of the target the products of entries of the two other arrays, in the order dy, w, x."""
    size = {"dx": "H", "dw": "K", "y": "O"}[target]
    found: list[set[tuple[int, int]]] = [set() for _ in range(z[size])]
    for o, k in itertools.product(range(z["O"]), range(z["K"])):
        m = meets(o, k, z)
        if 0 <= m < z["H"]:
            entry, product = {"y": (o, (k, m)), "dx": (m, (o, k)), "dw": (k, (o, m))}[target]
            found[entry].add(product)
    return found


@pytest.mark.parametrize("target", ["y", "dx", "dw"])
@pytest.mark.parametrize("case", FORWARDS)
def test_against_loops(case: str, target: str) -> None:
    """Which layers the layer's own formulas are right on when the forward pass is another: loops, verify and the condition."""
    text, meets = FORWARDS[case]
    formula = {"y": "y[i] = sum(w[k] * x[s*i + d*k - p], k)", "dx": "dx", "dw": "dw"}[target]
    _, standard = FORWARDS["own"]
    for s, d in ((1, 1), (2, 1), (1, 2)):
        proof = prove(formula, s, d, "free", forward=text, second_opinion=True)
        assert proof.verdict == (PROVED if case == "own" else REFUTED)
        assert proof.second_opinion == ("z3: unsat" if case == "own" else "z3: sat")
        for z in layers(((s, d),)):
            right = due(meets, target, z) == due(standard, target, z)
            conv = Conv(z["H"], z["K"], stride=s, dilation=d, padding=((z["p"], z["q"]),), bias=False)
            assert verify(conv, [formula], forward=text).ok == right, z
            if proof.validity is not None:
                assert proof.validity.holds(**{name: z[name] for name in proof.claim.sizes}) == right, z


FLIPPED = FORWARDS["flipped"][0]


@pytest.mark.parametrize(("formula", "verdict"), [
    ("y = correlate(pad(x, p, q), flip(w), stride=s, dilation=d)", PROVED),
    ("y = correlate(pad(x, p, q), flip(w), stride=s, dilation=d) + b", PROVED),
    ("dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), w, dilation=d)", PROVED),
    ("dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)", REFUTED),
    ("dw = flip(correlate(pad(x, p, q - r), dilate(dy, s), stride=d))", PROVED),
    ("dw = correlate(pad(x, p, q - r), dilate(dy, s), stride=d)", REFUTED),
    ("db", PROVED),
])  # fmt: skip
def test_a_true_convolution(formula: str, verdict: str) -> None:
    proof = prove(formula, 2, 3, forward=FLIPPED)
    assert proof.verdict == verdict
    assert "with the forward pass y[i] = sum(w[k] * x[s*i + d*(K - 1 - k) - p], k)" in proof.scope
    assert proof.replayed or verdict == REFUTED


def test_any_stride() -> None:
    assert prove("dx[m] = sum(dy[i] * w[K - 1 - (m + p - s*i)], i)", "any", forward=FLIPPED).verdict == PROVED


def test_a_centred_kernel_is_a_padding() -> None:
    text = FORWARDS["centred"][0]
    proof = prove("y[i] = sum(w[k] * x[i + k - p], k)", forward=text)
    assert proof.verdict == REFUTED
    assert proof.condition is not None
    assert prove("y", forward=text, assume="p == K // 2").verdict == PROVED


def test_whole_layers() -> None:
    """Axes, batch, channels and groups beside it."""
    conv = Conv(
        (5, 4), (3, 2), batch=2, in_channels=2, out_channels=4, groups=2, stride=(2, 1), padding=((1, 0), (0, 1))
    )
    good = ["y = correlate(pad(x, p, q), flip(w), stride=s, dilation=d) + b",
            "dw = flip(correlate(pad(x, p, q - r), dilate(dy, s), stride=d))", "db"]  # fmt: skip
    assert verify(conv, good, forward=FLIPPED).ok
    assert not verify(conv, ["dw"], forward=FLIPPED).ok


@pytest.mark.parametrize(("forward", "said"), [
    ("dx", "a forward pass is y"),
    ("y = correlate(pad(x, p, q), w)", "a forward pass is y"),
    ("y[i] = sum(w[2*k] * x[i + k], k)", "a tap takes one entry of w"),
    ("y[i] = sum(w[i] * x[i + k], k)", "a tap takes one entry of w"),
    ("y[i] = sum(w[k] * x[j], k, j)", "over one index"),
    ("y[i] = sum(w[k] * x[i + k - p], k) + b", "a forward pass is y"),
    ("y[i = ", "column"),
])  # fmt: skip
def test_what_is_no_forward_pass(forward: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        prove("dx", forward=forward)


def test_layers_without_one() -> None:
    with pytest.raises(ValueError, match="zeros padding"):
        prove("dx", forward=FLIPPED, transposed=True)
    with pytest.raises(ValueError, match="zeros padding"):
        prove("dx", forward=FLIPPED, padding_mode="reflect")
    with pytest.raises(ValueError, match="forward pass only"):
        prove("db", forward=FLIPPED).to_latex()


def test_on_the_command_line() -> None:
    asked = ["prove", "dx[m] = sum(dy[i] * w[K - 1 - (m + p - i)], i)", "--forward", FLIPPED]
    result = CliRunner().invoke(group, [*asked, "--json"])
    assert result.exit_code == 0
    (told,) = json.loads(result.output)["results"]
    assert "with the forward pass" in told["scope"]
    bad = CliRunner().invoke(group, ["prove", "dx", "--forward", "y = x"])
    assert bad.exit_code == 2
