"""The known mistakes, the fewest geometries that show them, and what published checks let through."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from symconv import Conv
from symconv.audits.minimal import EXTRA, MINIMAL, minimal_cases
from symconv.courses.cover import PARAMETERS, candidates, catches, cheapest_cover, matrix, minimal, taught
from symconv.courses.mistakes import MISTAKES, Backward
from symconv.testing import assert_conv_gradients, cases


def test_the_right_code_is_right():
    """Where nothing is done wrong, all kinds of parameters are right: what a mistake changes is the mistake alone."""
    for options in (
        {},
        {"dilation": (1, 2), "groups": (1, 2)},
        {"stride": ((2, 1), (1, 3))},
        {"padding": (((0, 1), (2, 0)),)},
    ):
        assert not any(catches(Backward(), case) for case in cases("quick", **options))
    assert not any(catches(Backward(), case) for ndim in (1, 3) for case in cases("quick", ndim=ndim))


@pytest.mark.parametrize("ndim", MINIMAL)
def test_every_mistake_shows_on_the_minimal_cases(ndim):
    chosen = cases("minimal", ndim=ndim, parameters=list(EXTRA))
    none = {1: {"dx-swaps-taps", "dx-turned", "dx-square", "dw-turned", "dw-swaps-axes", "stride-one-axis",
                "padding-one-axis", "dx-first-stride", "oblong-stride"}}  # fmt: skip
    missed = {key for key, mistake in MISTAKES.items() if not any(catches(mistake.backward, case) for case in chosen)}
    assert missed == none.get(ndim, set())  # along one axis these are no mistakes
    plain = cases("minimal", ndim=ndim)
    assert missed >= {key for key in taught() if not any(catches(MISTAKES[key].backward, case) for case in plain)}


@pytest.mark.parametrize("ndim", MINIMAL)
def test_no_single_case_would_do(ndim):
    """Two is the fewest: none of the cases to choose from catches what the two do. (A further parameter adds one, its fewest.)"""
    pair = cases("minimal", ndim=ndim)
    shown = {key for key in taught() if any(catches(MISTAKES[key].backward, case) for case in pair)}
    telling = sorted(shown & {"crop-empty", "crop-first-rows", "clips-large"}) + sorted(shown)
    for case in candidates(ndim):
        assert not all(catches(MISTAKES[key].backward, case) for key in telling), case


@pytest.mark.slow
@pytest.mark.sweep
def test_the_committed_set_is_what_the_search_finds():
    chosen, nothing = minimal(1)
    assert [(case.conv, case.number) for case in chosen] == minimal_cases(1)
    assert len(nothing) == 7
    for name, by_axes in EXTRA.items():
        keys = [key for key, mistake in MISTAKES.items() if mistake.needs == {name}]
        options = candidates(1, [name], (0,))
        if 1 in by_axes:
            (best,) = cheapest_cover(options, matrix(options, keys))
            assert best.conv == Conv(**by_axes[1])


@pytest.mark.sweep
@pytest.mark.parametrize("ndim", MINIMAL)
def test_the_committed_sets_are_what_the_search_finds(ndim):
    assert [(case.conv, case.number) for case in minimal(ndim)[0]] == minimal_cases(ndim)


def test_the_cover_is_exact():
    """Against all choices, on random sets."""
    generator = np.random.default_rng(4)
    some = cases("quick")[:9]
    for _ in range(60):
        sets = [int(bits) for bits in generator.integers(1, 64, 9)]
        everything = 0
        for bits in sets:
            everything |= bits
        fewest = next(
            size
            for size in range(1, 10)
            for choice in itertools.combinations(sets, size)
            if _union(choice) == everything
        )
        assert len(cheapest_cover(some, sets)) == fewest


def _union(sets):
    result = 0
    for each in sets:
        result |= each
    return result


def test_parameters_are_told():
    with pytest.raises(ValueError, match="no parameter 'grups' of a minimal set; there are dilation, groups"):
        cases("minimal", parameters=["grups"])
    with pytest.raises(ValueError, match="no minimal set for 4 axes"):
        cases("minimal", ndim=4)
    assert set(PARAMETERS) == set(EXTRA)


def test_assertion_takes_the_minimal_set():
    def backward(x, w, b, dy, stride, padding):
        return MISTAKES["crop-empty"].backward(x, w, b, dy, stride, padding)

    assert_conv_gradients(Backward(), grid=[case.conv for case in cases("minimal")])
    with pytest.raises(AssertionError, match="is wrong in 1 of 2 geometries"):
        assert_conv_gradients(backward, grid="minimal")


# published checks, rebuilt from their numbers -----------------------------------------------------------------------------

#: check -> geometries (x, w in N, C, H, W and F, C, K, L; stride, padding), what dy is, and how results are compared
PUBLISHED = {
    "cs231n": ([((4, 3, 5, 5), (2, 3, 3, 3), 1, 1)], "random", "values"),
    "Coursera": ([((10, 3, 4, 4), (8, 3, 2, 2), 2, 2)], "forward", "means"),
    "10-714, the operation": (
        [
            ((n, c, h, h), (f, c, k, k), s, p)
            for n, h, c, k, f, s, p in [
                (3, 14, 8, 3, 16, 1, 0), (3, 14, 8, 3, 16, 1, 1), (3, 16, 8, 3, 16, 1, 2), (3, 16, 8, 3, 14, 1, 0),
                (3, 16, 2, 3, 14, 1, 0), (3, 14, 8, 3, 16, 2, 0), (3, 14, 8, 3, 16, 2, 1), (3, 16, 8, 3, 16, 2, 2),
                (3, 16, 8, 3, 14, 2, 0), (3, 16, 2, 3, 14, 2, 0), (3, 16, 24, 3, 14, 1, 0), (3, 14, 8, 5, 16, 1, 0),
                (3, 17, 8, 5, 16, 1, 0), (3, 17, 1, 5, 16, 1, 0), (3, 17, 16, 5, 1, 1, 0), (3, 17, 16, 1, 1, 1, 0),
                (1, 14, 2, 3, 2, 1, 0),
            ]
        ],
        "ones",
        "norms",
    ),
    "10-714, the layer": (
        [((1, c, h, h), (f, c, 3, 3), s, 1) for h, c, f, s in [(4, 1, 1, 1), (14, 8, 16, 1), (14, 8, 16, 2), (14, 8, 8, 1),
                                                               (14, 8, 8, 2), (14, 16, 8, 1), (14, 16, 8, 2)]],
        "ones",
        "norms",
    ),
}  # fmt: skip


def lets_through(backward, check, outputs=slice(None)):
    geometries, upstream, comparison = PUBLISHED[check]
    for number, (x_shape, w_shape, s, p) in enumerate(geometries):
        generator = np.random.default_rng(number)
        x, w, b = (generator.standard_normal(shape) for shape in (x_shape, w_shape, w_shape[:1]))
        shape = (x_shape[0], w_shape[0], *((h + 2 * p - k) // s + 1 for h, k in zip(x_shape[2:], w_shape[2:])))
        dy = _forward(x, w, b, s, p) if upstream == "forward" else np.ones(shape)
        if upstream == "random":
            dy = generator.standard_normal(shape)
        try:
            found = backward(x, w, b, dy, s, p)[outputs]
        except Exception:
            return False
        for one, other in zip(found, Backward()(x, w, b, dy, s, p)[outputs]):
            if one.shape != other.shape or not _alike(one, other, comparison):
                return False
    return True


def _alike(one, other, comparison):
    if comparison == "means":
        return np.isclose(np.mean(one), np.mean(other))
    if comparison == "norms":
        return np.linalg.norm(one - other) < 1e-2
    return np.max(np.abs(one - other) / np.maximum(1e-8, np.abs(one) + np.abs(other))) < 1e-6


def _forward(x, w, b, s, p):
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::s, ::s]
    return np.einsum("ncijkl,fckl->nfij", windows, w) + b[:, None, None]


def counts():
    """check -> how many mistakes of stride and padding it lets through."""
    keys = taught()
    found = {check: sum(lets_through(MISTAKES[key].backward, check) for key in keys) for check in PUBLISHED}
    found["symconv's two cases"] = sum(
        not any(catches(MISTAKES[key].backward, case) for case in cases("minimal")) for key in keys
    )
    return found


def test_what_published_checks_let_through():
    found = counts()
    assert found["symconv's two cases"] == 0
    assert all(count > 0 for check, count in found.items() if check in PUBLISHED)
    assert all(lets_through(Backward(), check) for check in PUBLISHED)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = re.search(r"of (\d+) ways .*?\n\n\| check \|.*?\n\|---.*?\n(.*?)\n\n", readme, re.DOTALL)
    assert table is not None
    assert int(table[1]) == len(taught())
    assert [int(row.split("|")[2]) for row in table[2].splitlines()] == list(found.values())


if __name__ == "__main__":
    print(len(taught()), counts())
