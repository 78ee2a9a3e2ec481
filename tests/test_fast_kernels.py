"""The library of fast kernels: every schedule equal to the derivative, memory and threads within bounds, a choice by sizes."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from symconv import Conv, fast
from symconv.fast import choice, interpolation, layout, limits, matrices, spectra, threads, windows
from symconv.fast import rows as rows_module
from symconv.fast.interpolation import WINOGRAD_SIZES
from symconv.fast.schedules import FAST
from symconv.fast.winograd import algorithm
from symconv.kernels import Kind, emit
from symconv.kernels.behaviour import BEHAVIOUR, Functions, functions_agree
from symconv.kernels.checks import CHECKS, on_symbols
from tests.cases import SMALL, convs
from tests.fast_library import Library, limits_set, schedules_of, sizes_of, symbols_by_every_schedule
from tests.mutants import module_mutants


def conv_id(conv: Conv) -> str:
    return conv.slug


#: layers of stride 1 whose sizes no tile divides, for every number of axes and for each of the tables' taps
TILED = [
    Conv(input=7, kernel=3, padding=((2, 1),), dilation=2, batch=2, in_channels=2, out_channels=4, groups=2),
    Conv(input=11, kernel=4, padding=((0, 3),), in_channels=2),
    Conv(input=6, kernel=5, padding=5, bias=False),
    Conv(input=(7, 5), kernel=(3, 2), padding=((1, 0), (2, 1)), dilation=(1, 2), out_channels=2),
    Conv(input=(6, 9), kernel=(1, 3), padding=(0, 1), in_channels=2, out_channels=2, groups=2),
    Conv(input=(3, 5, 4), kernel=(2, 3, 1), padding=((1, 0), (1, 2), (0, 0)), dilation=(1, 1, 2)),
    Conv(input=(5, 6), kernel=(3, 2), padding=(2, 1), transposed=True, in_channels=2),
    # rows of dx that no window reaches, on the first axis and on the last
    Conv(input=(2, 9), kernel=(1, 2), dilation=(2, 9), output_padding=(1, 8), padding=(0, 2), transposed=True),
]


# right ---------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("conv", [*SMALL, *TILED], ids=conv_id)
def test_every_schedule_equals_derivative(conv: Conv) -> None:
    for entries, failure in (symbols_by_every_schedule(conv), on_symbols(Library(conv), conv)):
        assert failure is None
        assert entries


@pytest.mark.parametrize("name", ["integers", "complex step", "PyTorch"])
def test_checks_of_kernels_hold(name: str) -> None:
    if name == "PyTorch":
        pytest.importorskip("torch", reason="PyTorch is the outside reference; it is not installed")
    for conv in SMALL:
        if CHECKS[name].applies(conv):
            entries, failure = CHECKS[name].run(Library(conv), conv)
            assert failure is None, conv
            assert entries


@pytest.mark.parametrize(
    "manner", [each for each in BEHAVIOUR if each is not functions_agree], ids=lambda each: each.__name__
)
def test_manners(manner: Any) -> None:
    for conv in (SMALL[1], SMALL[6], SMALL[9], *SMALL[12:]):
        _, failure = manner(Library(conv), conv)
        assert failure is None, conv


@pytest.mark.parametrize("conv", TILED, ids=conv_id)
def test_tiled_layers_are_tiled(conv: Conv) -> None:
    assert "winograd" in schedules_of(conv)


def test_schedules_are_all_checked_somewhere() -> None:
    layers = [*SMALL, *TILED, Conv(input=(2, 3), kernel=1, in_channels=2)]
    assert {name for conv in layers for name in schedules_of(conv)} == set(FAST) == set(choice.WAYS)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(convs(max_terms=60))
def test_every_schedule_on_random_layers(conv: Conv) -> None:
    assert symbols_by_every_schedule(conv)[1] is None


def test_importing_needs_numpy_only() -> None:
    code = "import sys, symconv.fast; print([m for m in ('sympy', 'islpy', 'click', 'rich', 'jinja2') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


TILED_2D = Conv(input=(7, 8), kernel=(3, 2), padding=((1, 0), (2, 1)), dilation=(1, 2))

ROWS = [
    Conv(input=(7, 9), kernel=(3, 3), stride=(3, 2), dilation=(2, 3), padding=(2, 3), batch=3),
    Conv(input=(6, 7), kernel=(4, 3), stride=(2, 3), padding=((1, 2), (0, 2)), in_channels=2, out_channels=2, groups=2),
    Conv(input=(1, 4), kernel=(1, 2), batch=5),
    Conv(input=(9, 12), kernel=(2, 2), stride=(5, 5), dilation=(3, 2), padding=1),  # residues that no tap has
    Conv(input=(3, 4), kernel=(3, 2), padding=1, in_channels=3, out_channels=5),  # weights larger than images
    Conv(input=5, kernel=2, padding=1, in_channels=2),
]

#: functions, and the layers on which a mistake in them shows
SHOWN_ON: list[tuple[str, list[Conv]]] = [
    ("_planes", [
        Conv(input=(5, 7), kernel=(3, 2), stride=(2, 3), padding=((1, 2), (0, 2)), in_channels=2),
        Conv(input=(4, 5), kernel=(3, 2), padding=((1, 0), (0, 0))),
        Conv(input=(4, 5), kernel=(2, 2), padding=((0, 0), (0, 1)), dilation=(1, 2)),
    ]),
    ("_tap", [Conv(input=(7, 9), kernel=(3, 3), stride=(3, 2), dilation=(2, 3), padding=((1, 2), (0, 3)))]),
    ("_phases _by_phases", [
        Conv(input=(7, 9), kernel=(3, 3), stride=(3, 2), dilation=(2, 3), padding=((2, 1), (3, 0))),
        Conv(input=(4, 5), kernel=(2, 3), stride=(3, 2), padding=((2, 1), (1, 0)), in_channels=2, out_channels=3),
        Conv(input=(9, 19), kernel=(3, 3), stride=(2, 4), dilation=(2, 6), padding=((1, 0), (2, 1))),
        Conv(input=(9, 19), kernel=(2, 3), stride=(3, 4), dilation=(1, 6), padding=((1, 0), (2, 1))),
    ]),
    ("_padded", [Conv(input=(5, 7), kernel=(3, 2), stride=(2, 3), dilation=(1, 2), padding=1)]),
    ("_add_back", [Conv(input=(5, 7), kernel=(3, 2), stride=(2, 3), dilation=(1, 2), padding=((1, 0), (2, 1)))]),
    ("_cut _spread _collect", [TILED_2D]),
    ("_residues _quotients _begins _turns _banded _meeting _lay _lay_blocks _put_blocks _below _in_pieces", ROWS),
    ("_rows_into _products _outputs_of _put", ROWS),
    ("_few_dw _slopes _few_products _rows_dw _channels_last _padded_slopes _add_products", ROWS),
    ("_fft_y _fft_dw", [ROWS[0], ROWS[4]]),
    ("_rows_dx", [
        Conv(input=(6, 7), kernel=(4, 3), stride=(2, 3), padding=((2, 1), (3, 0)), in_channels=2),
        Conv(input=(6, 7), kernel=(4, 3), stride=(2, 3), padding=((1, 2), (1, 0)), out_channels=2),
    ]),
]  # fmt: skip
BROKEN = {name: layers for names, layers in SHOWN_ON for name in names.split()}

#: lines that begin so work out how much memory, how many threads, and into what pieces work is cut: results do not depend on
#: what they say, as the sizes are tried that the library would not choose by itself (tests/fast_library.py)
AMOUNTS = (
    "used ", "kept ", "row ", "size ", "shared ", "each ", "threads = ", "products = ", "units = ", "together = ", "inner = -",
    "few = ", "long = ", "wide = _part", "many = ", "pieces = min", "numbers = ", "reach = ", "most ", "columns = -(",
)  # fmt: skip

#: function -> beginning of a line in it, why the changes named change nothing there, and those changes
HARMLESS: dict[str, list[tuple[str, ...]]] = {
    "_planes": [
        ("if all(s == 1", "another way to the same rows", "1"),
        ("p <= 0 and O", "another way to the same rows", "K - 1", "O + d * (K - 1) - p", "O + d * (K - 1) - p <= H",
         "d * (K - 1)", "p <= 0"),
        ("edges = any(", "zeros that are not needed", "q.stop < size"),
        ("sizes = [O", "rows after the last that a tap meets", "d * (K - 1) // s"),
    ],
    "_residues": [
        ("return sorted", "residues that no tap has may be there too", "min(K, s)"),
    ],
    "_by_phases": [
        ("if any(s // gcd", "zeros that are not needed", "s // gcd(s, d)"),
    ],
    "_add_back": [
        ("starts = ", "zip ends with the shorter", "len(axes) - 1"),
    ],
    "_cut": [
        ("(H if offset", "tiles that only fill up", "d * m"),
    ],
    "_spread": [
        ("begin = ", "zip ends with the shorter", "len(cut) - 1"),
        ("inputs = ", "all rows are as long", "0"),
        ("sizes = [d", "rows that only fill up", "T - 1", "m * (T - 1)"),
        ("images, channels", "more room", "n.stop - n.start"),
        ("if source", "another way to the same rows", "0", "1", "1024", "2"),
        ("count = ", "more room", "2"),
        ("apart = take", "more room", "16", "count + 16"),
        ("whole = rest", "any negative size is the one left over", "1"),
        ("(products, places", "all rows are as long", "0"),
    ],
    "_collect": [
        ("images, channels", "more room", "n.stop - n.start"),
        ("laid = take", "more room", "16"),
        ("parts = a", "any negative size is the one left over", "0", "1"),
        ("shape = (", "runs of another length", "0", "run // channels"),
        ("out = laid", "runs of another length", "run // channels"),
    ],
    "_turns": [
        ("count = d", "every turn is gone through more often", "d // gcd(s, d)"),
        ("return [(turn", "steps that count for one turn only", "s // gcd(s, d)"),
    ],
    "_quotients": [
        ("counts = ", "more room", "-len(range(turn, O, len(turns))) // many"),
        ("return max", "more room", "j * many", "j * many - 1", "step * (j * many - 1)"),
    ],
    "_banded": [
        ("source, shape", "an axis of one", "1"),
        ("return band", "any negative size is the one left over", "1"),
    ],
    "_below": [
        ("sizes = [", "columns that mean nothing", "K - 1", "d * (K - 1)", "d * (K - 1) // s"),
        ("blocks, last", "more room", "-images // together"),
        ("apart, beside", "more room", "1"),
        ("S[..., places:] = 0", "columns that mean nothing", "0"),
        ("return laid", "columns in pieces or not", "places <= limits.WIDE"),
    ],
    "_rows_into": [
        ("if len(axes) == 1", "an axis of one more", "1"),
        ("axes = [(1", "an axis of one", "1"),
        ("gathered = ", "copied or not", "1"),
    ],
    "_products": [
        ("if len(laid.starts)", "an array that is not needed", "inner < whole"),
        ("matrix.reshape", "any negative size is the one left over", "1"),
    ],
    "_put": [
        ("hi = min", "slices end with the array", "min(o.stop, begin[0] + target.shape[3]) - o.start"),
        ("place = target", "slices end with the array", "0", "o.start + hi - begin[0]"),
    ],
    "_few_dw": [
        ("laid = _below", "blocks of another size", "n.stop - n.start"),
        ("span, taps", "outputs that only fill up", "1"),
        ("whole = totals", "any negative size is the one left over", "1"),
    ],
    "_slopes": [
        ("slopes[..., places:] = 0", "columns that mean nothing", "0"),
        ("cells[:, rows", "outputs that mean nothing", "0"),
    ],
    "_rows_dw": [
        ("if dw.shape[2] < ", "the other way to the same sums", "2", "dw.shape[2] < limits.FEW"),
        ("sizes = [O", "columns that mean nothing", "K - 1", "d * (K - 1)", "d * (K - 1) // s"),
        ("workers = 1", "a total more", "1"),
        ("columns = (", "more room", "(n.stop - n.start) * prod(sizes)", "n.stop - n.start"),
        ("rows = _channels", "more room", "-(-columns // wide) * wide", "-columns // wide"),
        ("if source.shape[3]", "sums of nothing", "3"),
        ("total = totals", "either is right", "1"),
        ("_share_out(make", "threads", "max(pieces, workers)"),
    ],
    "_channels_last": [
        ("images, channels", "more room", "1"),
        ("cells = rows", "any negative size is the one left over", "1"),
    ],
    "_add_products": [
        ("part = take", "more room", "min(C, limits.TILE)", "min(F, limits.TILE)"),
    ],
    "_rows_dx": [
        ("taps = [", "taps that only fill up", "-K // s"),
        ("make = ", "outputs at a time", "1"),
        ("if all(s == 1", "another way to the same rows", "1"),
        ("rows = [", "rows that dx has not", "(e - p) % s < H", "e - p"),
        ("layer.append", "rows that only fill up", "last - first"),
    ],
}  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize("function", BROKEN)
def test_changed_operators_are_caught(function: str) -> None:
    survivors, made = set(), 0
    for line, changed in module_mutants("symconv.fast", function):
        if line.startswith(AMOUNTS):
            continue
        made += 1
        if not _caught(BROKEN[function]):
            survivors.add((line, changed))
    harmless = [(begin, change) for begin, _, *changes in HARMLESS.get(function, []) for change in changes]
    assert {(line, changed) for line, changed in survivors
            if not any(line.startswith(begin) and changed == change for begin, change in harmless)} == set()  # fmt: skip
    assert made > 2
    assert not _caught(BROKEN[function])


def test_blocks_of_images_are_laid_and_taken_up_again() -> None:
    assert _blocks_are_right()


def _blocks_are_right() -> bool:
    """Five images in blocks of three: the last block is filled up with zeros, and nothing of it comes back."""
    rows = np.arange(1.0, 11).reshape(5, 1, 2)
    place = np.full((2, 3, 1, 4), 9.0)
    layout._lay_blocks(place, rows, [slice(None), slice(1, 3)])
    wide = np.zeros((6, 1, 4))
    wide[:5, :, 1:3] = rows
    target = np.zeros((5, 1, 4))
    rows_module._put_blocks(place, target, None)
    biased = np.zeros((5, 1, 4))
    rows_module._put_blocks(place, biased, np.full((1, 1, 1), 2.0)[:, 0])
    return bool(
        np.array_equal(place.reshape(6, 1, 4), wide)
        and np.array_equal(target, wide[:5])
        and np.array_equal(biased, wide[:5] + 2)
    )


def _caught(layers: list[Conv]) -> bool:
    """Whether a schedule differs from the derivative, or raises, on one of the layers."""
    try:
        return not _blocks_are_right() or any(symbols_by_every_schedule(conv)[1] for conv in layers)
    except Exception:  # a mutant may raise anything
        return True


@pytest.mark.parametrize("size", WINOGRAD_SIZES, ids=lambda size: f"F{size[0]}x{size[1]}")
def test_each_algorithm_of_the_table_alone(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """On one axis and on two, a tile short and a row over, whatever tile would be chosen."""
    tile, taps = size
    monkeypatch.setattr(interpolation, "WINOGRAD_SIZES", tuple({size, (1, 1)}))
    for conv in (
        Conv(input=2 * tile + taps, kernel=taps, dilation=1, padding=((0, 1),), in_channels=2),
        Conv(input=(tile + 1, 3), kernel=(taps, 1), dilation=(2, 1), padding=((taps, taps - 1), (1, 0))),
    ):
        entries, failure = on_symbols(Library(conv, algorithm="winograd"), conv)
        assert failure is None
        assert entries


def test_changed_table_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    conv = Conv(input=8, kernel=3, padding=1)  # two tiles of four
    right = interpolation.table(4, 3)
    assert on_symbols(Library(conv, algorithm="winograd"), conv)[1] is None
    for row, column in ((1, 4), (2, 1), (0, 0)):
        B = [list(each) for each in right.B]
        B[row][column] += 1
        broken = right._replace(B=tuple(map(tuple, B)))
        monkeypatch.setattr(interpolation, "table", lambda *_, broken=broken: broken)
        assert on_symbols(Library(conv, algorithm="winograd"), conv)[1]


def test_table_is_the_one_derived() -> None:
    for tile, taps in WINOGRAD_SIZES:
        found, table = algorithm(tile, taps), interpolation.table(tile, taps)
        assert found.ok
        assert found.integers() == {"A": table.A, "G": table.G, "B": table.B}
        assert table.denominators == found.denominators


# numbers -------------------------------------------------------------------------------------------------------------


def _run(conv: Conv, dtype: Any, **options: Any) -> dict[str, Any]:
    faces = Library(conv, **options)
    rng = np.random.default_rng(1)
    return faces.outputs({name: rng.standard_normal(conv.shapes[name]).astype(dtype) for name in ("x", "w", "b", "dy")})


MEDIUM = [
    Conv(input=(23, 18), kernel=(3, 3), batch=3, in_channels=24, out_channels=32, padding=1),
    Conv(input=(21, 26), kernel=(3, 3), batch=2, in_channels=32, out_channels=16, groups=2, dilation=2, padding=(2, 1)),
    Conv(input=301, kernel=9, stride=2, batch=2, in_channels=8, out_channels=12, padding=4),
    Conv(input=(7, 10, 9), kernel=3, batch=2, in_channels=6, out_channels=8, padding=1),
    Conv(input=(19, 33), kernel=(3, 2), batch=2, in_channels=24, out_channels=24, groups=24, padding=1),
]


@pytest.mark.slow
@pytest.mark.parametrize("conv", MEDIUM, ids=conv_id)
def test_every_schedule_is_accurate(conv: Conv) -> None:
    single = {name: np.asarray(array, np.float64) for name, array in _run(conv, np.float32, algorithm="direct").items()}
    double = _run(conv, np.float64, algorithm="direct", threads=1)
    for algorithm_name in ("auto", *schedules_of(conv, float)):
        for dtype, truth, bound in ((np.float32, single, 1e-5), (np.float64, double, 1e-13)):
            for name, array in _run(conv, dtype, algorithm=algorithm_name, workspace=1 << 20).items():
                assert array.dtype == dtype
                error = np.linalg.norm(array - truth[name]) / np.linalg.norm(truth[name])
                assert error < bound, (algorithm_name, name, dtype)


#: layers of more than one block, of whole pieces of columns and not, of few channels and many
LARGER = [
    Conv(input=(19, 23), kernel=(3, 2), padding=((1, 0), (1, 1)), batch=13, in_channels=20, out_channels=70),
    Conv(
        input=(12, 7), kernel=(3, 3), stride=(2, 1), padding=1, dilation=(1, 2), batch=31, in_channels=3, out_channels=5
    ),
    Conv(
        input=(9, 41), kernel=(2, 5), stride=(3, 2), padding=(2, 3), batch=5, in_channels=34, out_channels=66, groups=2
    ),
    Conv(input=(40, 30), kernel=(7, 7), stride=2, padding=3, batch=3, in_channels=3, out_channels=33),
    Conv(input=1100, kernel=9, stride=2, padding=4, batch=5, in_channels=16, out_channels=33),
    Conv(input=700, kernel=4, dilation=3, batch=2, in_channels=70, out_channels=17),
    Conv(input=(17, 21), kernel=(3, 4), padding=(2, 1), batch=9, in_channels=10, out_channels=10, groups=10),
    Conv(input=(6, 9, 21), kernel=(3, 2, 3), padding=((1, 2), (0, 1), (1, 1)), batch=3, in_channels=17, out_channels=9),
    Conv(
        input=(13, 18),
        kernel=(3, 3),
        stride=(1, 2),
        padding=1,
        dilation=(2, 1),
        transposed=True,
        batch=7,
        in_channels=33,
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("conv", LARGER, ids=conv_id)
def test_schedules_agree_on_larger_layers(conv: Conv) -> None:
    rng = np.random.default_rng(5)
    a = {name: rng.standard_normal(conv.shapes[name]) for name in ("x", "w", "b", "dy")}
    truth = Library(conv, algorithm="windows").outputs(a)
    for schedule in schedules_of(conv, float):
        for workspace, workers, gathers in ((100_000, 2, None), (64 << 20, 3, True), (1 << 20, 1, False)):
            with limits_set(gathers, LEAST=1):
                found = Library(conv, algorithm=schedule, workspace=workspace, threads=workers).outputs(a)
            for name, array in found.items():
                np.testing.assert_allclose(array, truth[name], rtol=1e-9, atol=1e-10, err_msg=f"{schedule} {name}")


def test_large_kernels_are_transformed() -> None:
    conv = Conv(input=(64, 64), kernel=(31, 31), padding=15, batch=2, in_channels=32, out_channels=32, groups=32)
    axes = sizes_of(conv)
    for dtype, schedules in (
        (np.float32, {"fft"}),
        (np.int64, {"depthwise", "blocked"}),
        (np.float16, {"depthwise", "blocked"}),
    ):
        assert choice._chosen("auto", "y", 2, 32, 1, 1, axes, np.dtype(dtype), 2) in schedules
    assert choice._chosen("direct", "y", 2, 32, 1, 1, axes, np.dtype(np.float32), 2) != "fft"
    with pytest.raises(ValueError, match="needs real numbers"):
        fast.conv2d(np.ones((1, 1, 4, 4), complex), np.ones((1, 1, 2, 2), complex), algorithm="fft")
    assert [spectra._period(n) for n in (1, 7, 94, 158)] == [1, 8, 96, 160]


def test_direct_and_whole_numbers_never_divide() -> None:
    asked = (8, 1, 64, 64, ((56, 3, 56, 1, 1, 1),) * 2)
    for dtype, how in ((np.float32, "direct"), (np.int64, "auto"), (object, "auto"), (np.float16, "auto")):
        for target in ("y", "dx", "dw"):
            assert choice._chosen(how, target, *asked, np.dtype(dtype), 2) not in choice.INDIRECT


@pytest.mark.parametrize("target", ["y", "dx", "dw"])
def test_choice_is_the_cheapest_by_the_model(target: str) -> None:
    axes, single = ((28, 3, 14, 2, 1, 1),) * 2, np.dtype(np.float32)
    costs = choice._estimates(target, 8, 1, 256, 128, axes, single, 2)
    assert choice._chosen("auto", target, 8, 1, 256, 128, axes, single, 2) == min(costs, key=costs.__getitem__)
    assert min(costs.values()) > 0


@pytest.mark.parametrize(
    ("conv", "options", "told"),
    [
        (SMALL[0], {"algorithm": "quick"}, "algorithm 'quick' must be auto, direct, blocked"),
        (SMALL[1], {"algorithm": "winograd"}, "algorithm 'winograd' needs stride 1"),
        (Conv(input=9, kernel=7), {"algorithm": "winograd"}, "has algorithms for 1, 2, 3, 4, 5 taps"),
        (SMALL[0], {"algorithm": "pointwise"}, "needs one tap, stride 1 and no padding"),
        (SMALL[1], {"algorithm": "depthwise"}, "needs one channel of x for each group, not 2"),
        (SMALL[0], {"workspace": 0}, "workspace 0 must be"),
        (SMALL[0], {"threads": 0}, "threads 0 must be"),
        (SMALL[0], {"threads": 1.5}, "threads 1.5 must be"),
    ],
)
def test_refusals(conv: Conv, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        _run(conv, np.float64, **options)


def test_winograd_of_integers_is_refused() -> None:
    with pytest.raises(ValueError, match="divides, which int64 does not do well"):
        _run(SMALL[0], np.int64, algorithm="winograd")


# memory and threads --------------------------------------------------------------------------------------------------


def _peak(batch: int, workspace: int, schedule: str) -> int:
    rng = np.random.default_rng(0)
    x, w = (
        rng.standard_normal((batch, 16, 40, 44), dtype=np.float32),
        rng.standard_normal((16, 16, 3, 3), dtype=np.float32),
    )
    dy = rng.standard_normal((batch, 16, 40, 44), dtype=np.float32)
    most = 0
    for way in (
        lambda: (fast.conv2d(x, w, padding=1, algorithm=schedule, workspace=workspace, threads=2),),
        lambda: fast.conv2d_backward(dy, x, w, padding=1, algorithm=schedule, workspace=workspace, threads=2),
    ):
        tracemalloc.start()
        made = way()
        most = max(most, tracemalloc.get_traced_memory()[1] - sum(each.nbytes for each in made))
        tracemalloc.stop()
    return most


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["auto", "blocked", "scatter", "rows", "winograd"])
def test_working_memory_is_bounded_and_does_not_grow_with_the_batch(schedule: str) -> None:
    workspace = 4 << 20
    columns = 24 * 16 * 9 * 40 * 44 * 4
    assert workspace + (1 << 20) < columns / 4
    # one bound for every batch; how near to it a call comes depends on which threads are at work at the same time
    for batch in (8, 24):
        assert _peak(batch, workspace, schedule) < workspace + (1 << 20)


def test_one_thread_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_POOLS", {})
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((4, 16, 40, 44)), rng.standard_normal((16, 16, 3, 3))
    for schedule in ("blocked", "rows", "winograd"):
        y = fast.conv2d(x, w, algorithm=schedule, threads=1)
        fast.conv2d_backward(y, x, w, algorithm=schedule, threads=1)
    assert threads._POOLS == {}
    assert limits.bounds(1 << 20, 10_000, 0)[1] == limits.cores()


def test_threads_of_the_caller_do_not_share_memory() -> None:
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((2, 8, 30, 31)) for _ in range(4)]
    w = rng.standard_normal((8, 8, 3, 3))
    truth = [fast.conv2d(x, w, algorithm="direct", threads=1) for x in xs]
    failed = []

    def work(i: int) -> None:
        for schedule in ("blocked", "winograd", "rows") * 3:
            if not np.allclose(fast.conv2d(xs[i], w, algorithm=schedule), truth[i]):
                failed.append((i, schedule))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []


def test_tasks_run_once_and_errors_come_back() -> None:
    done: list[int] = []
    threads._parallel(done.append, 7, 3)
    assert sorted(done) == list(range(7))
    with pytest.raises(ZeroDivisionError):
        threads._parallel(lambda i: 1 // (i - 6), 7, 3)


def test_a_workspace_beyond_all_memory_is_not_taken() -> None:
    x, w = np.ones((1, 2, 5, 6)), np.ones((3, 2, 3, 2))
    for schedule in schedules_of(Conv(input=(5, 6), kernel=(3, 2), in_channels=2, out_channels=3), float):
        tracemalloc.start()
        fast.conv2d(x, w, algorithm=schedule, workspace=10**18, threads=1)
        fast.conv2d_backward(np.ones((1, 3, 3, 5)), x, w, algorithm=schedule, workspace=10**18, threads=1)
        assert tracemalloc.get_traced_memory()[1] < 1 << 30
        tracemalloc.stop()
    assert limits.bounds(10**18, 1, 1000)[0] < 1 << 30


@pytest.mark.parametrize("stride", [10**5, 10**12, 2**70, (10**9, 1)], ids=str)
def test_a_stride_beyond_the_image_costs_nothing(stride: Any) -> None:
    """Were there work for each row of a stride, this would not end."""
    x, w = np.arange(50.0).reshape(1, 2, 5, 5), np.arange(12.0).reshape(1, 2, 2, 3)
    for schedule in ("auto", "blocked", "scatter", "rows", "windows", "fft"):
        y = fast.conv2d(x, w, stride=stride, padding=(0, 1), algorithm=schedule)
        dx, dw, _ = fast.conv2d_backward(y, x, w, stride=stride, padding=(0, 1), algorithm=schedule)
        truth = (x[:, :, :2, :2] * w[:, :, :, 1:]).sum()
        np.testing.assert_allclose(y[0, 0, 0, 0], truth)
        assert (dx.shape, dw.shape) == (x.shape, w.shape)


def test_residues_are_no_more_than_taps() -> None:
    axes = [(2100, 3, 3, 1000, 7, 2), (900, 2, 4, 250, 1, 0)]
    assert [windows._residues(axis) for axis in axes] == [[0, 7, 14], [0, 1]]
    assert len(list(matrices._phases(axes))) == 6
    planes = windows._planes(np.zeros((1, 1, 1, 2100, 900)), axes, lambda shape: np.empty(shape))
    assert planes.shape == (1, 1, 1, 3, 2, 3, 4)


# infinities and NaN ------------------------------------------------------------------------------------------------------

UNPADDED = [
    Conv(input=(23, 18), kernel=(3, 3), batch=2, in_channels=24, out_channels=32),
    Conv(
        input=(21, 26), kernel=(4, 3), batch=2, in_channels=8, out_channels=6, groups=2, dilation=(1, 2), stride=(2, 3)
    ),
    Conv(input=(13, 14), kernel=(3, 2), batch=2, in_channels=6, out_channels=6, groups=6),
    Conv(input=40, kernel=5, stride=3, in_channels=3),
    Conv(input=(9, 8), kernel=(3, 2), stride=(2, 1), transposed=True, in_channels=3, out_channels=2),
    Conv(input=(6, 5), kernel=1, in_channels=3, out_channels=2),
]


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize("conv", UNPADDED, ids=conv_id)
def test_direct_keeps_infinities_in_place(conv: Conv, bad: float) -> None:
    """The entries that are not finite are those whose sums have the entry, as plain loops over taps make them."""
    rng = np.random.default_rng(2)
    values = {name: rng.standard_normal(conv.shapes[name]) for name in ("x", "w", "b", "dy")}
    taps = Functions(emit("taps", Kind(conv.ndim, conv.transposed)), conv)
    names = ["direct", *(name for name in schedules_of(conv, float) if name in choice.DIRECT)]
    for array in ("x", "dy"):
        given = {**values, array: values[array].copy()}
        given[array][(0, 1 % given[array].shape[1], *(n // 2 for n in given[array].shape[2:]))] = bad
        with np.errstate(invalid="ignore"):
            truth = {name: np.isfinite(each) for name, each in taps.outputs(given).items()}
            for name in names:
                for output, found in Library(conv, algorithm=name).outputs(given).items():
                    assert np.array_equal(np.isfinite(found), truth[output]), (name, array, output)
        assert not all(each.all() for each in truth.values())


@pytest.mark.parametrize("schedule", choice.INDIRECT)
def test_transforms_spread_infinities(schedule: str) -> None:
    """What the documentation says of them: more entries than the sums that have the entry."""
    x, w = np.ones((1, 1, 12, 12), np.float32), np.ones((1, 1, 3, 3), np.float32)
    x[0, 0, 5, 5] = np.inf
    with np.errstate(invalid="ignore"):
        assert (~np.isfinite(fast.conv2d(x, w, algorithm=schedule))).sum() > 9
        assert (~np.isfinite(fast.conv2d(x, w, algorithm="direct"))).sum() == 9
