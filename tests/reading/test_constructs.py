"""Constructs that are read: each in a backward pass that is right, and in one that is wrong by it."""

from __future__ import annotations

import pytest

from symconv.reading import prove_source

HEAD = """import numpy as np

def backward(x, w, b, dy, stride, padding):
    s, p = stride, padding
    N, C, H, W = x.shape
    F, _, K, L = w.shape
    O, P = dy.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dx, dxp, dw, db = np.zeros(x.shape), np.zeros(xp.shape), np.zeros(w.shape), dy.sum(axis=(0, 2, 3))
"""

#: construct -> (what stands between the sizes and the return; what is returned for dx; a slip)
BODIES = {
    "while": (
        """
    top = i = 0
    while top + K <= H + 2 * p:
        left, j = 0, 0
        while left <= W + 2 * p - L:
            dw += np.einsum('nf,nckl->fckl', dy[:, :, i, j], xp[:, :, top:top + K, left:left + L])
            dxp[:, :, top:top + K, left:left + L] += np.einsum('nf,fckl->nckl', dy[:, :, i, j], w)
            left += s
            j += 1
        top = top + s
        i += 1
""",
        "dxp[:, :, p:p + H, p:p + W]",
        ("top + K <= H + 2 * p", "top + K < H + 2 * p"),
    ),
    "break": (
        """
    for i in range(H + 2 * p):
        if i * s + K > H + 2 * p:
            break
        for j in range(W + 2 * p):
            if j * s + L > W + 2 * p:
                break
            dw += np.einsum('nf,nckl->fckl', dy[:, :, i, j], xp[:, :, i * s:i * s + K, j * s:j * s + L])
            dxp[:, :, i * s:i * s + K, j * s:j * s + L] += np.einsum('nf,fckl->nckl', dy[:, :, i, j], w)
""",
        "dxp[:, :, p:p + H, p:p + W]",
        ("if i * s + K > H + 2 * p:", "if i * s + K >= H + 2 * p:"),
    ),
    "filtered": (
        """
    for i, j in np.ndindex(O, P):
        for k in [k for k in range(K) if 0 <= i * s + k - p < H]:
            for l in (l for l in range(L) if j * s + l >= p if j * s + l - p < W):
                m, v = i * s + k - p, j * s + l - p
                dx[:, :, m, v] += dy[:, :, i, j] @ w[:, :, k, l]
                dw[:, :, k, l] += dy[:, :, i, j].T @ x[:, :, m, v]
""",
        "dx",
        ("if 0 <= i * s + k - p < H", "if 0 < i * s + k - p < H"),
    ),
    "minmax": (
        """
    for i in range(O):
        for j in range(P):
            top, left = i * s - p, j * s - p
            k0, k1 = np.maximum(0, -top), np.minimum(K, H - top)
            l0, l1 = np.clip(-left, 0, L), np.where(W - left < L, W - left, L)
            if k1 <= k0 or l1 <= l0:
                continue
            dx[:, :, top + k0:top + k1, left + l0:left + l1] += np.einsum('nf,fckl->nckl', dy[:, :, i, j], w[:, :, k0:k1, l0:l1])
            dw[:, :, k0:k1, l0:l1] += np.einsum('nf,nckl->fckl', dy[:, :, i, j], x[:, :, top + k0:top + k1, left + l0:left + l1])
""",
        "dx",
        ("np.minimum(K, H - top)", "np.minimum(K, H - top - 1)"),
    ),
    "blocks": (
        """
    most = max(1, 4096 // (C * K * L * P))
    rows = [slice(start, min(start + most, O)) for start in range(0, O, most)]
    for n in range(N):
        for part in rows:
            cols = np.empty((C, K, L, part.stop - part.start, P))
            for k, l in np.ndindex(K, L):
                first, last = s * part.start + k, s * (part.stop - 1) + k + 1
                cols[:, k, l] = xp[n, :, first:last:s, l:l + s * (P - 1) + 1:s]
            g = dy[n, :, part].reshape(F, -1)
            dw += (g @ cols.reshape(C * K * L, -1).T).reshape(w.shape)
            back = np.empty((C * K * L, part.stop - part.start, P))
            np.matmul(w.reshape(F, -1).T, g, out=back.reshape(C * K * L, -1))
            back = back.reshape(C, K, L, part.stop - part.start, P)
            for k, l in np.ndindex(K, L):
                first, last = s * part.start + k, s * (part.stop - 1) + k + 1
                dxp[n, :, first:last:s, l:l + s * (P - 1) + 1:s] += back[:, k, l]
""",
        "dxp[:, :, p:p + H, p:p + W]",
        ("= xp[n, :, first:last:s", "= xp[n, ::-1, first:last:s"),
    ),
    "im2col": (
        """
    i0, i1 = np.tile(np.repeat(np.arange(K), L), C).reshape(-1, 1), s * np.repeat(np.arange(O), P)
    j0, j1 = np.tile(np.arange(L), K * C).reshape(-1, 1), s * np.tile(np.arange(P), O)
    k = np.repeat(np.arange(C), K * L).reshape(-1, 1)
    with np.errstate(all="ignore"):
        cols = xp[:, k, i0 + i1, j0 + j1].transpose(1, 2, 0).reshape(C * K * L, -1)
        rows = dy.transpose(1, 2, 3, 0).reshape(F, -1)
        dw = (rows @ cols.T).reshape(w.shape)
        dcols = (w.reshape(F, -1).T @ rows).reshape(C * K * L, -1, N).transpose(2, 0, 1)
        np.add.at(dxp, (slice(None), k, i0 + i1, j0 + j1), dcols)
""",
        "dxp[:, :, p:p + H, p:p + W]",
        ("np.tile(np.arange(L), K * C)", "np.tile(0 * np.arange(L), K * C)"),
    ),
    "vdot": (
        """
    dw = np.full_like(w, 0.0)
    for f, c, k, l in np.ndindex(F, C, K, L):
        dw[f, c, k, l] += np.vdot(dy[:, f], xp[:, c, k:k + s * (O - 1) + 1:s, l:l + s * (P - 1) + 1:s])
        dxp[:, c, k:k + s * (O - 1) + 1:s, l:l + s * (P - 1) + 1:s] += dy[:, f] * w[f, c, k, l]
""",
        "dxp[:, :, p:p + H, p:p + W]",
        ("np.full_like(w, 0.0)", "np.full_like(w, 1.0)"),
    ),
    "named": (
        """
    for n, i, j in np.ndindex(N, O, P):
        g, part = dy[n, :, i, j], xp[n, :, i * s:i * s + K, j * s:j * s + L]
        dw += np.outer(g, part).reshape(w.shape)
        back = dxp[n, :, i * s:i * s + K, j * s:j * s + L]
        np.add(back, np.inner(w.reshape(F, -1).T, g).reshape(C, K, L), out=back)
""",
        "np.rollaxis(dxp.transpose(0, 2, 3, 1), 3, 1)[:, :, p:p + H, p:p + W]",
        ("np.outer(g, part)", "np.outer(g, part[:, ::-1])"),
    ),
    "try": (
        """
    for i in range(O):
        for j in range(P):
            dw += np.einsum('nf,nckl->fckl', dy[:, :, i, j], xp[:, :, i * s:i * s + K, j * s:j * s + L])
            dxp[:, :, i * s:i * s + K, j * s:j * s + L] += np.einsum('nf,fckl->nckl', dy[:, :, i, j], w)
    try:
        dx = np.zeros(x.shape)
        dx[...] = dxp[:, :, p:-p, p:-p]
    except ValueError:
        dx = dxp
""",
        "dx",
        ("except ValueError", "except IndexError"),
    ),
    "mask": (
        """
    for k in range(K):
        for l in range(L):
            rows, cols = np.arange(O) * s + k - p, np.arange(P) * s + l - p
            inside = ((rows >= 0) & (rows < H))[:, None] & ~((cols < 0) | (cols >= W))[None, :]
            r, c = np.clip(rows, 0, H - 1), np.clip(cols, 0, W - 1)
            part = x[:, :, r[:, None], c[None, :]] * inside
            dw[:, :, k, l] = np.einsum('nfij,ncij->fc', dy, part)
            mine = np.where(inside, dy, 0)
            np.add.at(dx, (slice(None), slice(None), r[:, None], c[None, :]), np.einsum('nfij,fc->ncij', mine, w[:, :, k, l]))
""",
        "dx",
        ("(rows < H)", "(rows <= H)"),
    ),
    "collected": (
        """
    cols = []
    for i in range(O):
        for j in range(P):
            part = xp[:, :, i * s:i * s + K, j * s:j * s + L]
            cols.append(part)
    cols = np.stack(cols)
    g = dy.reshape(N, F, O * P)
    dw = np.einsum('nfo,onckl->fckl', g, cols)
""",
        "None",
        ("cols.append(part)", "cols.append(part[:, :, ::-1])"),
    ),
    "generator": (
        """
    def spots(size, k):
        for o in range((size + 2 * p - k) // s + 1):
            first = o * s
            yield o, slice(first, first + k)

    for i, rows in spots(H, K):
        for j, cols in spots(W, L):
            dw += np.einsum('nf,nckl->fckl', dy[:, :, i, j], xp[:, :, rows, cols])
            dxp[:, :, rows, cols] += np.tensordot(dy[:, :, i, j], w, axes=1)
""",
        "dxp[..., p:-p or None, p:-p or None]",
        ("slice(first, first + k)", "slice(first, first + k - 1)"),
    ),
    "walrus": (
        """
    i = 0
    while (top := i * s) + K <= H + 2 * p:
        for j in range(P)[::-1]:
            if (left := j * s) + L <= W + 2 * p:
                dw += np.einsum('nf,nckl->fckl', dy[:, :, i, j], xp[:, :, top:top + K, left:left + L])
        i += 1
    db = dy.mean(axis=(0, 3, 2)) * (N * O * P)
""",
        "None",
        ("* s) + K <= H", "* s) + K < H"),
    ),
    "joined": (
        """
    taps = [np.einsum('nfij,ncij->fc', dy, xp[:, :, k:k + s * O:s, l:l + s * P:s])[:, :, None]
            for k in range(K) for l in range(L)]
    dw = np.concatenate(taps, axis=2).reshape(w.shape)
""",
        "None",
        ("[:, :, None]", "[:, ::-1, None]"),
    ),
    "places": (
        """
    dw.fill(0)
    for k in range(K):
        rows = np.where((np.arange(O) * s + k - p >= 0) & (np.arange(O) * s + k - p < H))[0]
        dw[:, :, k] = np.einsum('nfrj,ncrjl->fcl', dy[:, :, rows], np.stack(
            [xp[:, :, p + rows * s + k - p][:, :, :, l:l + s * (P - 1) + 1:s] for l in range(L)], axis=-1))
""",
        "None",
        ("k - p < H))", "k - p < H - 1))"),
    ),
}


def source(name, slipped=False):
    body, dx, (right, wrong) = BODIES[name]
    assert right in body
    return f"{HEAD}{body.replace(right, wrong) if slipped else body}    return {dx}, dw, db\n"


@pytest.mark.parametrize("name", BODIES)
def test_a_construct_is_read(name):
    proofs = prove_source(source(name), "backward", stride=2, replays=0)
    assert {proof.target for proof in proofs} >= {"dw", "db"}
    assert all(proof.verdict == "PROVED" for proof in proofs), proofs[0]


@pytest.mark.parametrize("name", BODIES)
def test_a_construct_used_wrongly_is_refuted(name):
    proofs = prove_source(source(name, slipped=True), "backward", stride=2, replays=0)
    assert {"REFUTED", "REFUSES"} & {proof.verdict for proof in proofs}, proofs[0]
    assert all(proof.verdict != "UNKNOWN" for proof in proofs), proofs[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_a_construct_is_replayed(name):
    for slipped in (False, True):
        proofs = prove_source(source(name, slipped), "backward", stride=2, replays=6)
        assert "as read" in proofs[0].replayed


def test_what_a_running_index_decides_is_not_guessed():
    for line, said in (
        ("    while True:\n        dw += 1\n", "a while loop without a test"),
        ("    for i in range(O):\n        dw += 1\n        if i > 2:\n            break\n",
         "a break that a running index decides"),
        ("    for i in range(O):\n        try:\n            dw[i] += 1\n        except IndexError:\n            pass\n",
         "an exception caught that a running index may raise"),
        ("    i = 0\n    while i < O:\n        i += K\n", "a while loop whose test is moved by no counter"),
    ):  # fmt: skip
        (proof, *_) = prove_source(f"{HEAD}{line}    return dx, dw, db\n", "backward", stride=1, replays=0)
        assert proof.verdict in ("UNKNOWN", "REFUTED")
        assert said in (proof.reason or ""), proof
