"""Random backward passes, read and run: what is said of every size is true at every size that is run."""

from __future__ import annotations

import functools
import random
import warnings

import numpy as np
import pytest

from symconv.reading import prove_source
from symconv.reading.replay import within
from tests.reading.grammar import source

NAMES = ("N", "C", "F", "H", "W", "K", "L", "p")


@functools.cache
def layer(sizes: tuple[int, ...], stride: int):
    """x, w, b, dy of integers, and the gradients, entry by entry from the loss."""
    n, c, f, height, width, k, l, p = sizes
    rng = np.random.default_rng(hash((sizes, stride)) % 2**32)
    o, q = (height + 2 * p - k) // stride + 1, (width + 2 * p - l) // stride + 1
    shapes = ((n, c, height, width), (f, c, k, l), (f,), (n, f, o, q))
    # no zeros: a wrong product must show
    x, w, b, dy = (rng.integers(1, 100, shape) * rng.choice([-1.0, 1.0], shape) for shape in shapes)
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i, j, u, v in np.ndindex(o, q, k, l):
        row, column = i * stride + u - p, j * stride + v - p
        if 0 <= row < height and 0 <= column < width:
            dx[:, :, row, column] += dy[:, :, i, j] @ w[:, :, u, v]
            dw[:, :, u, v] += dy[:, :, i, j].T @ x[:, :, row, column]
    return (x, w, b, dy), {"dx": dx, "dw": dw, "db": dy.sum(axis=(0, 2, 3))}


def drawn(rng: random.Random, stride: int) -> tuple[int, ...]:
    while True:
        n, c, f = rng.choice([(1, 1, 1), (2, 1, 1), (1, 2, 2), (2, 2, 3)])
        sizes = (n, c, f, rng.randint(1, 6), rng.randint(1, 6), rng.randint(1, 3), rng.randint(1, 3), rng.randint(0, 3))
        if sizes[3] + 2 * sizes[7] >= sizes[5] and sizes[4] + 2 * sizes[7] >= sizes[6]:
            return sizes


def contradictions(seed: int, points: int) -> tuple[str, list[str]]:
    """The verdicts on one random function, and every size at which running it says something else."""
    text, stride = source(seed), 1 + seed % 3
    proofs = prove_source(text, "backward", stride=stride, replays=0)
    namespace: dict[str, object] = {}
    exec(text, namespace)
    rng, found = random.Random(seed), []
    for _ in range(points):
        sizes = drawn(rng, stride)
        arrays, due = layer(sizes, stride)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = dict(
                    zip(("dx", "dw", "db"), namespace["backward"](*(a.copy() for a in arrays), stride, sizes[-1]))
                )
        except Exception:
            got = None
        for proof in proofs:
            if proof.right is None:
                continue
            said = within(proof.right, dict(zip(NAMES, sizes)))
            array, wanted = None if got is None else np.asarray(got[proof.target]), due[proof.target]
            is_right = array is not None and array.shape == wanted.shape and np.allclose(array, wanted)
            if said != is_right:
                found.append(f"seed {seed}, stride {stride}, {proof.target} at {dict(zip(NAMES, sizes))}: said {said}")
    return ",".join(f"{proof.verdict}{': ' + proof.reason if proof.reason else ''}" for proof in proofs), found


@pytest.mark.parametrize("seed", [*range(24), 789])
def test_a_function_of_the_grammar(seed):
    _, found = contradictions(seed, 25)
    assert not found, "\n".join([*found[:3], source(seed)])


@pytest.mark.sweep
def test_two_thousand_functions_of_the_grammar():
    unknown = 0
    for seed in range(2000):
        verdicts, found = contradictions(seed, 60)
        unknown += "UNKNOWN" in verdicts
        assert not found, "\n".join([*found[:3], source(seed)])
    assert unknown < 200
