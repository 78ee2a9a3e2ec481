"""The fast files: every schedule equal to the derivative, memory and threads within bounds, a choice that can be told."""

from __future__ import annotations

import threading
import tracemalloc
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from symconv import Conv
from symconv.fast.checks import schedules_of
from symconv.fast.schedules import FAST, WINOGRAD_SIZES
from symconv.fast.winograd import algorithm
from symconv.kernels import Kernel, Kind, emit
from symconv.kernels.checks import check, evidence, on_symbols
from symconv.kernels.manners import Faces
from tests.cases import SMALL, convs
from tests.mutants import mutants

_emitted: dict[Kind, Kernel] = {}


def kernel_for(conv: Conv) -> Kernel:
    kind = Kind(conv.ndim, conv.transposed)
    if kind not in _emitted:
        _emitted[kind] = emit("fast", kind)
    return _emitted[kind]


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
    found = check(kernel_for(conv), [conv], ["symbols", "schedules"])
    assert found.failures == ()
    assert all(each.entries for each in found.findings)


@pytest.mark.parametrize("conv", TILED, ids=conv_id)
def test_tiled_layers_are_tiled(conv: Conv) -> None:
    assert "winograd" in schedules_of(Faces(kernel_for(conv), conv), conv)


def test_schedules_are_all_checked_somewhere() -> None:
    layers = [*SMALL, *TILED, Conv(input=(2, 3), kernel=1, in_channels=2)]
    assert {name for conv in layers for name in schedules_of(Faces(kernel_for(conv), conv), conv)} == set(FAST)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(convs(max_terms=60))
def test_every_schedule_on_random_layers(conv: Conv) -> None:
    assert check(kernel_for(conv), [conv], ["schedules"]).failures == ()


def test_evidence_names_the_schedules() -> None:
    kernel = kernel_for(SMALL[0])
    assert any("each schedule of the file" in told for told in evidence([SMALL[0]], kernel.schedule))
    assert not any("each schedule of the file" in told for told in evidence([SMALL[0]]))


TILED_2D = Conv(input=(7, 8), kernel=(3, 2), padding=((1, 0), (2, 1)), dilation=(1, 2))

ROWS = [
    Conv(input=(7, 9), kernel=(3, 3), stride=(3, 2), dilation=(2, 3), padding=(2, 3), batch=3),
    Conv(input=(6, 7), kernel=(4, 3), stride=(2, 3), padding=((1, 2), (0, 2)), in_channels=2, out_channels=2, groups=2),
    Conv(input=(3, 5), kernel=(2, 3), batch=7),  # blocks of images, the last not full
]

#: function -> the layers on which a mistake in it shows
BROKEN = {
    "_planes": [
        Conv(input=(5, 7), kernel=(3, 2), stride=(2, 3), padding=((1, 2), (0, 2)), in_channels=2),
        Conv(input=(4, 5), kernel=(3, 2), padding=((1, 0), (0, 0))),
        Conv(input=(4, 5), kernel=(2, 2), padding=((0, 0), (0, 1)), dilation=(1, 2)),
    ],
    "_tap": [Conv(input=(7, 9), kernel=(3, 3), stride=(3, 2), dilation=(2, 3), padding=(2, 3))],
    "_phases": [
        Conv(input=(7, 9), kernel=(3, 3), stride=(3, 2), dilation=(2, 3), padding=((2, 1), (3, 0))),
        Conv(input=(9, 19), kernel=(3, 3), stride=(2, 4), dilation=(2, 6), padding=((1, 0), (2, 1))),
    ],
    "_padded": [Conv(input=(5, 7), kernel=(3, 2), stride=(2, 3), dilation=(1, 2), padding=1)],
    "_add_back": [Conv(input=(5, 7), kernel=(3, 2), stride=(2, 3), dilation=(1, 2), padding=((1, 0), (2, 1)))],
    "_cut": [Conv(input=(7, 8), kernel=(3, 2), padding=((1, 0), (2, 1)), dilation=(1, 2))],
    "_spread": [TILED_2D],
    "_collect": [TILED_2D],
    **dict.fromkeys(("_begins", "_turns", "_banded", "_meeting", "_lay", "_put_blocks"), ROWS),
    "_below": ROWS[:2],
    "_fft_y": ROWS[:1],
    "_fft_dw": ROWS[:1],
    "_rows_dx": [Conv(input=(6, 7), kernel=(4, 3), stride=(2, 3), padding=((2, 1), (3, 0)), in_channels=2)],
}

#: what may be changed without changing what is computed: sizes may be larger, copies and zeros need not be spared, and how
#: many rows are moved at a time is a matter of speed
HARMLESS = {
    "_planes": {
        "max(steps)", "p <= 0", "O + d * (K - 1) - p <= H", "O + d * (K - 1) - p", "d * (K - 1) // s", "d * (K - 1)", "K - 1",
        "q.stop < size", "1", "2",
    },
    "_phases": {"min(step, K)", "0", "1"},  # the correlation that stands for a residue which no tap meets is not computed
    "_padded": {"d * (K - 1)", "O - 1", "K - 1", "1"},
    "_add_back": {"len(axes) - 1", "1", "2"},
    "_cut": {"-O // (d * m)", "d * m"},
    "_spread": {"len(cut) - 1", "0", "m * (T - 1)", "T - 1", "n.stop - n.start", "2", "1", "1024", "count + 16", "16"},
    "_collect": {"n.stop - n.start", "16", "1", "run // channels", "0"},
    "_fft_y": {
        "max(1, min(F, most // (G * C)))", "1", "min(F, most // (G * C))", "most // (G * C)", "G * C", "most // (G * (C + few))",
        "G * (C + few)", "2",
    },
    "_fft_dw": {
        "max(1, min(F, most // (G * C)))", "1", "min(F, most // (G * C))", "most // (G * C)", "G * C", "most // (G * (C + few))",
        "G * (C + few)",
    },
    "_turns": {"d // gcd(s, d)", "s // gcd(s, d)"},
    "_banded": {"1"},
    "_put_blocks": {"1", "len(target) // together", "full * together"},
    "_below": {
        "-len(range(turn, O, len(turns))) // many", "step * (j * many - 1)", "j * many - 1", "j * many", "1",
        "d * (K - 1) // s", "d * (K - 1)", "K - 1", "-images // together", "places + last", "2", "-places // _PIECE", "0",
        "images - whole * together",
        "whole * together", "places <= _WIDE", "columns - last",
    },
    "_rows_dx": {"-K // s", "1", "min(begins)", "(e - p) % s < H", "last - first", "e - p"},
}  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize("function", BROKEN)
def test_changed_operators_are_caught(function: str) -> None:
    layers = BROKEN[function]
    kernel = kernel_for(layers[0])
    made = list(mutants(kernel, [function]))
    survivors = {name.split(" ", 1)[1] for name, mutant in made if not check(mutant, layers, ["schedules"]).failures}
    assert survivors <= HARMLESS.get(function, set())
    assert len(made) > 2


@pytest.mark.parametrize("size", WINOGRAD_SIZES, ids=lambda size: f"F{size[0]}x{size[1]}")
def test_each_algorithm_of_the_table_alone(size: tuple[int, int]) -> None:
    """On one axis and on two, a tile short and a row over, whatever tile would be chosen."""
    tile, taps = size
    for conv in (
        Conv(input=2 * tile + taps, kernel=taps, dilation=1, padding=((0, 1),), in_channels=2),
        Conv(input=(tile + 1, 3), kernel=(taps, 1), dilation=(2, 1), padding=((taps, taps - 1), (1, 0))),
    ):
        faces = Faces(kernel_for(conv), conv)
        faces.module._WINOGRAD = {key: value for key, value in faces.module._WINOGRAD.items() if key in (size, (1, 1))}
        faces.parameters |= {"algorithm": "winograd"}
        entries, failure = on_symbols(faces, conv)
        assert failure is None
        assert entries


def test_changed_table_is_caught() -> None:
    kernel = emit("fast", Kind(1))
    whole = algorithm(4, 3).integers()["B"][1]
    broken = replace(kernel, source=kernel.source.replace(str(whole), str((0, -4, 4, 1, 1, 0))))
    assert broken.source != kernel.source
    conv = Conv(input=8, kernel=3, padding=1)  # two tiles of four
    assert check(broken, [conv], ["schedules"]).failures
    assert not check(kernel, [conv], ["schedules"]).failures


# numbers -------------------------------------------------------------------------------------------------------------


def _run(conv: Conv, dtype: Any, **options: Any) -> dict[str, Any]:
    faces = Faces(kernel_for(conv), conv)
    faces.parameters |= options
    rng = np.random.default_rng(1)
    return faces.outputs({name: rng.standard_normal(conv.shapes[name]).astype(dtype) for name in ("x", "w", "b", "dy")})


MEDIUM = [
    Conv(input=(23, 18), kernel=(3, 3), batch=3, in_channels=24, out_channels=32, padding=1),
    Conv(input=(21, 26), kernel=(3, 3), batch=2, in_channels=32, out_channels=16, groups=2, dilation=2, padding=(2, 1)),
    Conv(input=301, kernel=9, stride=2, batch=2, in_channels=8, out_channels=12, padding=4),
    Conv(input=(7, 10, 9), kernel=3, batch=2, in_channels=6, out_channels=8, padding=1),
    Conv(input=(19, 33), kernel=(3, 2), batch=2, in_channels=24, out_channels=24, groups=24, padding=1),
]


@pytest.mark.parametrize("conv", MEDIUM, ids=conv_id)
def test_every_schedule_is_accurate(conv: Conv) -> None:
    single = {name: np.asarray(array, np.float64) for name, array in _run(conv, np.float32, algorithm="direct").items()}
    double = _run(conv, np.float64, algorithm="direct", threads=1)
    for algorithm_name in ("auto", *schedules_of(Faces(kernel_for(conv), conv), conv)):
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
    module = kernel_for(conv).load()
    module._LEAST = 1
    rng = np.random.default_rng(5)
    a = {name: rng.standard_normal(conv.shapes[name]) for name in ("x", "w", "b", "dy")}
    function = f"conv_transpose{conv.ndim}d" if conv.transposed else f"conv{conv.ndim}d"
    options: dict[str, Any] = {
        "stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation, "groups": conv.groups,
    }  # fmt: skip

    def made(schedule: str, **more: Any) -> list[Any]:
        y = getattr(module, function)(a["x"], a["w"], a["b"], algorithm=schedule, **options, **more)
        return [
            y,
            *getattr(module, f"{function}_backward")(a["dy"], a["x"], a["w"], algorithm=schedule, **options, **more),
        ]

    truth, gathers = made("windows"), module._gathers
    axes = [(each.H, each.K, each.O, each.s, each.d, each.p) for each in conv.axes]
    for schedule in (name for name in FAST if not module._fits(name, conv.w_shape[1], axes, np.dtype(float))):
        for workspace, threads, taps in (
            (100_000, 2, gathers),
            (64 << 20, 3, lambda *_: True),
            (1 << 20, 1, lambda *_: False),
        ):
            module._gathers = taps
            for found, expected in zip(made(schedule, workspace=workspace, threads=threads), truth, strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


def test_large_kernels_are_transformed() -> None:
    conv = Conv(input=(64, 64), kernel=(31, 31), padding=15, batch=2, in_channels=32, out_channels=32, groups=32)
    module = kernel_for(conv).load()
    axes = [(each.H, each.K, each.O, each.s, each.d, each.p) for each in conv.axes]
    for dtype, schedules in (
        (np.float32, {"fft"}),
        (np.int64, {"depthwise", "blocked"}),
        (np.float16, {"depthwise", "blocked"}),
    ):
        assert module._chosen("auto", "y", 2, 32, 1, 1, axes, np.dtype(dtype), 2) in schedules
    assert module._chosen("direct", "y", 2, 32, 1, 1, axes, np.dtype(np.float32), 2) != "fft"
    with pytest.raises(ValueError, match="needs real numbers"):
        module.conv2d(np.ones((1, 1, 4, 4), complex), np.ones((1, 1, 2, 2), complex), algorithm="fft")
    assert [module._period(n) for n in (1, 7, 94, 158)] == [1, 8, 96, 160]


def test_direct_and_whole_numbers_never_divide() -> None:
    module = kernel_for(MEDIUM[0]).load()
    axes = [(56, 3, 56, 1, 1, 1)] * 2
    asked = (8, 1, 64, 64, axes)
    for dtype, how in ((np.float32, "direct"), (np.int64, "auto"), (object, "auto"), (np.float16, "auto")):
        for target in ("y", "dx", "dw"):
            assert module._chosen(how, target, *asked, np.dtype(dtype), 2) != "winograd"


@pytest.mark.parametrize("target", ["y", "dx", "dw"])
def test_choice_is_the_cheapest_by_the_model(target: str) -> None:
    module = kernel_for(MEDIUM[0]).load()
    axes, single = [(28, 3, 14, 2, 1, 1)] * 2, np.dtype(np.float32)
    costs = module._estimates(target, 8, 1, 256, 128, axes, single, 2)
    assert module._chosen("auto", target, 8, 1, 256, 128, axes, single, 2) == min(costs, key=costs.get)
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


def test_tables_are_those_derived() -> None:
    module = kernel_for(SMALL[0]).load()
    assert set(module._WINOGRAD) == set(WINOGRAD_SIZES)
    for (tile, taps), (A, G, B, whole) in module._WINOGRAD.items():
        found = algorithm(tile, taps)
        assert found.integers() == {"A": A, "G": G, "B": B}
        assert whole == found.denominators


# memory and threads --------------------------------------------------------------------------------------------------


def _peak(module: ModuleType, batch: int, workspace: int, schedule: str) -> int:
    rng = np.random.default_rng(0)
    x, w = (
        rng.standard_normal((batch, 16, 40, 44), dtype=np.float32),
        rng.standard_normal((16, 16, 3, 3), dtype=np.float32),
    )
    dy = rng.standard_normal((batch, 16, 40, 44), dtype=np.float32)
    most = 0
    for way in (
        lambda: (module.conv2d(x, w, padding=1, algorithm=schedule, workspace=workspace, threads=2),),
        lambda: module.conv2d_backward(dy, x, w, padding=1, algorithm=schedule, workspace=workspace, threads=2),
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
    one, many = (_peak(emit("fast", Kind(2)).load(), batch, workspace, schedule) for batch in (24, 48))
    columns = 48 * 16 * 9 * 40 * 44 * 4
    assert many < columns / 5
    assert max(one, many) < workspace + (1 << 20)
    assert many < one + (256 << 10)


def test_one_thread_is_honoured() -> None:
    module = emit("fast", Kind(2)).load()
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((4, 16, 40, 44)), rng.standard_normal((16, 16, 3, 3))
    for schedule in ("blocked", "rows", "winograd"):
        y = module.conv2d(x, w, algorithm=schedule, threads=1)
        module.conv2d_backward(y, x, w, algorithm=schedule, threads=1)
    assert module._POOLS == {}
    assert module._limits(1 << 20, 10_000)[1] == module._cores()


def test_threads_of_the_caller_do_not_share_memory() -> None:
    module = emit("fast", Kind(2)).load()
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((2, 8, 30, 31)) for _ in range(4)]
    w = rng.standard_normal((8, 8, 3, 3))
    truth = [module.conv2d(x, w, algorithm="direct", threads=1) for x in xs]
    failed = []

    def work(i: int) -> None:
        for schedule in ("blocked", "winograd", "rows") * 3:
            if not np.allclose(module.conv2d(xs[i], w, algorithm=schedule), truth[i]):
                failed.append((i, schedule))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []


def test_tasks_run_once_and_errors_come_back() -> None:
    module = emit("fast", Kind(1)).load()
    done: list[int] = []
    module._parallel(done.append, 7, 3)
    assert sorted(done) == list(range(7))
    with pytest.raises(ZeroDivisionError):
        module._parallel(lambda i: 1 // (i - 6), 7, 3)
