"""Functions whose layer's border holds more than zeros: proved, and refuted where they fold it back wrongly."""

from __future__ import annotations

import pytest

from symconv.reading import prove_source

HEAD = """import numpy as np

def backward(x, w, b, dy, stride, padding, padding_mode="zeros", padding_value=0):
    s, p = stride, padding
    H, W = x.shape[2:]
    K, L = w.shape[2:]
    mode = {"replicate": "edge", "circular": "wrap"}.get(padding_mode, padding_mode)
"""

PADDED = "    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode=mode)\n"
INDEXED = """    rows, cols = np.pad(np.arange(H), p, mode=mode), np.pad(np.arange(W), p, mode=mode)
    xp = x[:, :, rows][:, :, :, cols]
"""
PASSES = """    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            window = np.s_[:, :, i * s : i * s + K, j * s : j * s + L]
            dw += np.einsum("nf,nckl->fckl", dy[:, :, i, j], xp[window])
            dxp[window] += np.einsum("nf,fckl->nckl", dy[:, :, i, j], w)
"""
TAIL = "    return dx, dw, dy.sum((0, 2, 3))\n"

#: padding; folding back; the modes it is right for; slips that make dx wrong, and the condition then
FOLDS = {
    "added at": (
        PADDED,
        """    rows, cols = np.pad(np.arange(H), p, mode=mode), np.pad(np.arange(W), p, mode=mode)
    dx = np.zeros_like(x)
    np.add.at(dx, (slice(None), slice(None), rows[:, None], cols), dxp)
""",
        ("reflect", "replicate", "circular", "symmetric"),
        (("rows[:, None], cols)", "cols[:, None], rows)"),),
    ),
    "row by row": (
        INDEXED,
        """    middle, dx = np.zeros((*x.shape[:3], W + 2 * p)), np.zeros_like(x)
    for t in range(H + 2 * p):
        middle[:, :, rows[t]] += dxp[:, :, t]
    for t in range(W + 2 * p):
        dx[:, :, :, cols[t]] += middle[..., t]
""",
        ("reflect", "replicate", "circular", "symmetric"),
        (("in range(W + 2 * p)", "in range(p, W + 2 * p)"),),
    ),
    "in place": (
        PADDED,
        """    for i in range(p):
        dxp[:, :, 2 * p - i] += dxp[:, :, i]
        dxp[:, :, p + H - 2 - i] += dxp[:, :, p + H + i]
    for j in range(p):
        dxp[..., 2 * p - j] += dxp[..., j]
        dxp[..., p + W - 2 - j] += dxp[..., p + W + j]
    dx = dxp[:, :, p : p + H, p : p + W]
""",
        ("reflect",),
        (
            ("dxp[..., 2 * p - j]", "dxp[..., 2 * p - 1 - j]"),  # the edge counted twice
            ("dxp[..., p + W - 2 - j]", "dxp[..., p + W - 1 - j]"),
            ("        dxp[:, :, 2 * p - i] += dxp[:, :, i]\n", ""),  # one side alone
        ),
    ),
    "slices": (
        PADDED,
        """    rows = dxp[:, :, p : p + H].copy()
    rows[:, :, 0] += dxp[:, :, :p].sum(axis=2)
    rows[:, :, -1] += dxp[:, :, p + H :].sum(axis=2)
    dx = rows[..., p : p + W].copy()
    dx[..., 0] += rows[..., :p].sum(axis=3)
    dx[..., -1] += rows[..., p + W :].sum(axis=3)
""",
        ("replicate",),
        (("dx[..., -1] += rows", "dx[..., -2] += rows"), ("dx[..., 0] += rows", "dx[..., 0] += dxp[:, :, p : p + H]")),
    ),
    "joined": (
        """    xp = np.concatenate([x[:, :, H - p :], x, x[:, :, :p]], axis=2)
    xp = np.concatenate([xp[..., W - p :], xp, xp[..., :p]], axis=3)
""",
        """    rows = dxp[:, :, p : p + H].copy()
    rows[:, :, H - p :] += dxp[:, :, :p]
    rows[:, :, :p] += dxp[:, :, p + H :]
    dx = rows[..., p : p + W].copy()
    dx[..., W - p :] += rows[..., :p]
    dx[..., :p] += rows[..., p + W :]
""",
        ("circular",),
        (("dx[..., W - p :] += rows[..., :p]", "dx[..., :p] += rows[..., :p]"),),
    ),
    "a constant": (
        '    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=padding_value)\n',
        "    dx = dxp[:, :, p : p + H, p : p + W]\n",
        ("constant",),
        (),
    ),
}  # fmt: skip


def source(padded: str, folded: str) -> str:
    return HEAD + padded + PASSES + folded + TAIL


@pytest.mark.parametrize(("name", "mode"), [(name, mode) for name, (_, _, modes, _) in FOLDS.items() for mode in modes])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_border_folded_back_is_proved(name, mode, stride):
    padded, folded, _, _ = FOLDS[name]
    proofs = prove_source(
        source(padded, folded), "backward", stride=stride, padding_mode=mode, replays=4 * (stride - 1)
    )
    assert [proof.verdict for proof in proofs] == ["PROVED"] * 3, proofs[0].reason
    assert f"a border of mode {mode}" in proofs[0].scope


SLIPS = [(name, slip) for name, (_, _, _, slips) in FOLDS.items() if name != "a constant" for slip in slips]


@pytest.mark.parametrize(("name", "slip"), SLIPS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(SLIPS)])
def test_a_border_folded_wrongly_is_refuted(name, slip):
    padded, folded, modes, _ = FOLDS[name]
    assert slip[0] in folded
    proofs = prove_source(source(padded, folded.replace(*slip)), "backward", stride=1, padding_mode=modes[0], replays=0)
    dx, dw, db = proofs
    assert dx.verdict in ("REFUTED", "REFUSES"), dx.reason
    assert {dw.verdict, db.verdict} <= {"PROVED", "REFUSES"}, dx.reason
    assert dx.counterexample is None or dx.counterexample.sizes["p"] >= 1


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "symmetric"])
def test_a_border_padded_like_the_input_is_right_without_one(mode):
    """The gradient padded with the mode in place of folded back; and a border of zeros where the layer has another."""
    wrong = "    dx = np.pad(dxp[:, :, p : p + H, p : p + W], ((0, 0), (0, 0), (p, p), (p, p)), mode=mode)\n"
    wrong += "    dx = dx[:, :, p : p + H, p : p + W]\n"
    dx, dw, _ = prove_source(source(PADDED, wrong), "backward", padding_mode=mode, replays=0)
    assert (dx.condition, dw.verdict) == ("p == 0", "PROVED")
    zeros = source(PADDED.replace(", mode=mode", ""), "    dx = dxp[:, :, p : p + H, p : p + W]\n")
    assert {proof.condition for proof in prove_source(zeros, "backward", padding_mode=mode, replays=0)} == {
        "p == 0",
        "always",
    }


def test_a_border_of_a_constant_that_a_function_is_not_told_is_not_guessed():
    text = source(FOLDS["a constant"][0], FOLDS["a constant"][1]).replace(", padding_value=0", "")
    proofs = prove_source(text, "backward", padding_mode="constant", replays=0)
    assert {proof.verdict for proof in proofs} == {"UNKNOWN"}
    assert "takes no padding_value" in (proofs[0].reason or "")


def test_more_rows_than_stand_there_once_are_not_guessed():
    text = source(PADDED.replace("(p, p), (p, p)", "(p, p), (p + W, p)"), "    dx = dxp[:, :, p : p + H, p : p + W]\n")
    proofs = prove_source(text, "backward", padding_mode="reflect", replays=0)
    assert proofs[0].verdict == "UNKNOWN"
    assert "line 8, column" in (proofs[0].reason or "")


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_z3_agrees(mode):
    told = prove_source(source(INDEXED, FOLDS["row by row"][1]), "backward", padding_mode=mode, replays=0, second=True)
    assert {proof.second_opinion for proof in told} == {"z3 agrees"}


def test_a_transposed_layer_knows_no_border():
    with pytest.raises(ValueError, match="zeros only"):
        prove_source(source(PADDED, ""), "backward", padding_mode="reflect", transposed=True)
