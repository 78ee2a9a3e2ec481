"""Bilinear algorithms derived from points: equal to the relation, read three ways, broken ones caught."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symconv.fast.points import point_table
from symconv.fast.winograd import MAX_PRODUCTS, POINTS, algorithm, derivation, measured_error
from tests.commands import assert_bad_usage, run

SIZES = [(1, 1), (1, 4), (3, 1), (2, 3), (4, 3), (3, 2), (2, 5), (6, 3), (5, 4)]


def size_id(size: tuple[int, int]) -> str:
    return f"F{size[0]}x{size[1]}"


def exact(matrix: Any) -> Any:
    return np.array([[Fraction(int(v.p), int(v.q)) for v in row] for row in matrix.tolist()], dtype=object)


@pytest.mark.parametrize("size", SIZES, ids=size_id)
def test_equals_relation_by_loops(size: tuple[int, int]) -> None:
    """The sum over q written out, apart from the way the algorithm checks itself."""
    m, r = size
    found = algorithm(m, r)
    A, G, B = found.A, found.G, found.B
    assert found.products == m + r - 1 == A.cols == G.rows == B.rows == B.cols
    for o in range(m):
        for k in range(r):
            for i in range(m + r - 1):
                total = sum(A[o, q] * G[q, k] * B[q, i] for q in range(m + r - 1))
                assert total == (1 if i == o + k else 0)


@pytest.mark.parametrize("size", SIZES, ids=size_id)
def test_three_readings_on_fractions(size: tuple[int, int]) -> None:
    m, r = size
    found = algorithm(m, r)
    A, G, B = (exact(each) for each in (found.A, found.G, found.B))
    rng = np.random.default_rng(m + 10 * r)
    x, w, dy = (rng.integers(-9, 10, n).astype(object) for n in (m + r - 1, r, m))
    V, U, Z = B @ x, G @ w, A.T @ dy
    assert list(A @ (U * V)) == [sum(w[k] * x[o + k] for k in range(r)) for o in range(m)]
    assert list(G.T @ (Z * V)) == [sum(dy[o] * x[o + k] for o in range(m)) for k in range(r)]
    dx = [sum(dy[o] * w[i - o] for o in range(m) if 0 <= i - o < r) for i in range(m + r - 1)]
    assert list(B.T @ (Z * U)) == dx


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_points_and_sizes(data: st.DataObject) -> None:
    m, r = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    rationals = st.fractions(-3, 3, max_denominator=4)
    chosen = data.draw(st.lists(rationals, min_size=m + r - 2, max_size=m + r - 2, unique=True))
    found = algorithm(m, r, tuple(sympy.Rational(p.numerator, p.denominator) for p in chosen))
    assert found.ok
    whole = found.integers()
    assert all(isinstance(v, int) for matrix in whole.values() for row in matrix for v in row)
    scaled = sympy.diag(*found.denominators) * found.G
    assert sympy.Matrix(whole["G"]) == scaled


@pytest.mark.parametrize("name", ["A", "G", "B"])
def test_changed_entries_are_caught(name: str) -> None:
    found = algorithm(3, 2)
    matrix = getattr(found, name)
    for position in np.ndindex(*matrix.shape):
        changed = sympy.Matrix(matrix)
        changed[position] += 1
        broken = replace(found, **{name: sympy.ImmutableMatrix(changed)})
        assert not broken.ok, position
        assert broken.residual()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((0, 3), "tile 0"), ((2, 0), "kernel 0"), ((2, 3, (0, 1)), "3 different points"), ((2, 3, (0, 1, 1)), "got 0, 1, 1"),
     ((2, 3, (0, 1, 2, 3)), "3 different points"), ((MAX_PRODUCTS, 2), f"more than {MAX_PRODUCTS}")],
)  # fmt: skip
def test_refusals(arguments: tuple[Any, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        algorithm(*arguments)


def test_points_differ() -> None:
    assert len(set(POINTS)) == len(POINTS)


@pytest.mark.parametrize("tiles", [((4, 3),), ((2, 3), (4, 2)), ((2, 2), (1, 3), (3, 2))], ids=str)
def test_nested_errors_grow_with_the_machine_number(tiles: tuple[tuple[int, int], ...]) -> None:
    axes = [algorithm(*tile) for tile in tiles]
    single, double = measured_error(axes, np.float32, 50, 3), measured_error(axes, np.float64, 50, 3)
    assert 1e-9 < single < 1e-5
    assert 1e-18 < double < 1e-13


def test_measured_error_sees_a_wrong_matrix() -> None:
    found = algorithm(2, 3)
    wrong = replace(found, B=found.B.T.as_immutable())
    assert measured_error([wrong], np.float64, 20, 2) > 1e-3


# the derivation ------------------------------------------------------------------------------------------------------


def test_derivation_counts_and_checks() -> None:
    found = derivation((4, 2), (3, 5))
    assert (found.ok, found.multiplications, found.direct, found.name) == (True, 36, 120, "F(4, 3) x F(2, 5)")
    plain = found.to_dict()
    assert [axis["points"][-1] for axis in plain["axes"]] == ["infinity", "infinity"]
    assert plain["axes"][0]["G"][1] == ["-1/6", "-1/6", "-1/6"]
    assert "holds at all 72 (o, k, i)" in found.text()
    assert found._repr_latex_() == found.latex()
    assert r"\frac{1}{24}" in found.latex()
    assert "36 instead of 120" in repr(found).replace("multiplications ", "")


def test_one_tile_serves_all_axes() -> None:
    assert derivation(2, (3, 3, 3)).multiplications == 64


def test_axes_that_disagree() -> None:
    with pytest.raises(ValueError, match=r"tile \(2, 2, 2\) has 3 axes, kernel \(3, 3\) has 2"):
        derivation((2, 2, 2), (3, 3))


def test_wrong_derivation_says_so() -> None:
    found = derivation(2, 3)
    (axis,) = found.axes
    wrong = replace(found, axes=(replace(axis, G=2 * axis.G),))
    assert not wrong.ok
    assert "fails at" in wrong.text()
    assert "does not hold" in wrong.latex()
    assert "does not hold" in repr(wrong)


def test_command(tmp_path: Path) -> None:
    shown = run("algorithm", "winograd", "--tile", "4", "--kernel", "3")
    assert shown.status == 0
    assert "6 multiplications for each tile instead of 12" in shown.out
    assert run("algorithm", "winograd", "--tile", "2x4", "--kernel", "3", "--json").json["multiplications"] == 24
    written = run("algorithm", "winograd", "--tile", "2", "--kernel", "3", "-o", str(tmp_path / "f.tex"))
    assert (written.status, written.out) == (0, "")
    assert (tmp_path / "f.tex").read_text("utf-8") == derivation(2, 3).latex()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--tile", "4"], "Missing option '--kernel'"), (["--tile", "1..3", "--kernel", "3"], "not a range"),
     (["--tile", "40", "--kernel", "30"], "more than"), (["--tile", "4", "--kernel", "3", "--format", "html"], "'html' is not")],
)  # fmt: skip
def test_command_refusals(arguments: list[str], told: str) -> None:
    assert_bad_usage(run("algorithm", "winograd", *arguments), told)


def test_tile_without_algorithm() -> None:
    assert_bad_usage(run("derive", "--tile", "4", "--input", "4", "--kernel", "3"), "symconv algorithm winograd --tile")


# points ------------------------------------------------------------------------------------------------------------------


def test_table_of_points_is_in_order_and_measured() -> None:
    table = point_table(4, 3, axes=1)
    errors = [each.float32 for each in table.choices]
    assert errors == sorted(errors)
    assert len({frozenset(each.points) for each in table.choices}) == len(table.choices) > 50
    assert [each.points for each in table.choices if each.default] == [algorithm(4, 3).points]
    # far points lose more
    assert table.choices[-1].float32 > 3 * table.choices[0].float32
    worst = algorithm(4, 3, table.choices[-1].points)
    assert measured_error([worst], samples=300) == pytest.approx(table.choices[-1].float32)
    assert all(each.float64 < 1e-6 * each.float32 for each in table.choices)
    assert table.text(3).count("\n") <= 7


def test_errors_and_points_as_command(tmp_path: Path) -> None:
    told = run("algorithm", "winograd", "--tile", "2", "--kernel", "3", "--errors").out
    assert "0, 1, -1, infinity" in told
    assert "taken when none are named" in told
    told = run("algorithm", "winograd", "--tile", "2", "--kernel", "3", "--points", "0,1/2,-2").out
    assert "points 0, 1/2, -2, infinity" in told
    assert "holds at all 24" in told
    algorithm_options = ["algorithm", "winograd", "--tile", "2", "--kernel", "3"]
    assert_bad_usage(run(*algorithm_options, "--points", "0,x,1"), "numbers with commas")
    assert_bad_usage(run(*algorithm_options, "--points", "0,1"), "3 different points")
    assert_bad_usage(run(*algorithm_options, "--errors", "--points", "0,1,2"), "leave out --points")
    assert_bad_usage(run("derive", "--input", "4", "--kernel", "2", "--errors"), "symconv algorithm winograd --errors")


def test_older_spelling_takes_nothing_that_it_would_ignore() -> None:
    """``derive --algorithm``, as the command was once called; options about layers are refused, not passed over."""
    older = ("derive", "--algorithm", "winograd", "--tile", "2", "--kernel", "3")
    assert run(*older).out == run("algorithm", "winograd", "--tile", "2", "--kernel", "3").out
    for option in (
        ("--stride", "2"),
        ("--lang", "fr"),
        ("--fragment",),
        ("--input", "4"),
        ("--sections", "forward"),
        ("--all",),
    ):
        assert_bad_usage(run(*older, *option), f"{option[0]} does not go with --algorithm")
