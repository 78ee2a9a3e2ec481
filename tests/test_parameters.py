"""Parameters in every form there is, one call after the other and from eight threads: each call gives what a fresh kernel gives.

A kernel that remembers a layer by anything but its sizes returns another layer's numbers here.
"""

from __future__ import annotations

import ast
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from symconv import Conv, fast
from symconv.fast import choice, interpolation, tiles
from symconv.kernels import SCHEDULES, Kind, emit

WIDTHS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
KINDS = [Kind(ndim, transposed) for transposed in (False, True) for ndim in (1, 2, 3)]

#: parameters of layers on the same arrays: neighbours differ in one of them, and none is alike on all axes
LAYERS: list[dict[str, Any]] = [
    {"stride": (2, 1, 2), "padding": ((2, 0),) * 3, "dilation": (1, 2, 1), "groups": 1},
    {"stride": (1, 2, 1), "padding": ((2, 0),) * 3, "dilation": (1, 2, 1), "groups": 1},
    {"stride": (1, 2, 1), "padding": ((0, 2),) * 3, "dilation": (1, 2, 1), "groups": 1},
    {"stride": (1, 2, 1), "padding": ((0, 2),) * 3, "dilation": (2, 1, 2), "groups": 1},
    {"stride": (1, 2, 1), "padding": ((0, 2),) * 3, "dilation": (2, 1, 2), "groups": 2},
    {"stride": (1, 1, 1), "padding": ((1, 1),) * 3, "dilation": (1, 1, 1), "groups": 2},
    {"stride": (2, 2, 2), "padding": ((0, 0),) * 3, "dilation": (2, 2, 2), "groups": 1},
]


def forms(value: Any) -> Iterator[Any]:
    """The same numbers as tuple, list, array of each width, of NumPy's integers, of arrays without axes; one for all axes."""
    yield value
    yield np.array(value, np.int64).tolist()
    for width in WIDTHS:
        array = np.array(value, width)
        yield array
        yield tuple(array)
        yield [np.array(each) for each in array] if array.ndim == 1 else list(array)
    if len({np.array(each).tobytes() for each in value}) == 1 and np.ndim(value[0]) == 0:
        yield from ones(value[0])
    if np.ndim(value) == 2 and len(set(value)) == 1 and len(set(value[0])) == 1:
        yield from ones(value[0][0])


def ones(value: int) -> Iterator[Any]:
    """One number as int, as each of NumPy's integers, as an array without axes."""
    yield value
    for width in WIDTHS:
        yield width(value)
        yield np.array(value, width)


def spelled(kind: Kind, library: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    """Calls: which layer, and its parameters in some form; all forms of every parameter occur, layers change at each call."""
    for turn in range(36):  # more than there are forms of one parameter
        for number, layer in enumerate(LAYERS):
            given = {}
            for name, value in layer.items():
                each = list(ones(value)) if name == "groups" else list(forms(value[: kind.ndim]))
                given[name] = each[(turn + number) % len(each)]
            if kind.transposed:
                zero = list(forms((0,) * kind.ndim))
                given["output_padding"] = zero[turn % len(zero)]
            if library:
                given["workspace"] = list(ones(100))[turn % 17]
                if turn % 3 == 0:
                    given["threads"] = list(ones(2))[turn % 17]
            yield number, given


def arrays(kind: Kind, groups: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(kind.ndim)
    channels = (4, 2) if kind.transposed else (2, 4)
    w_shape = (4, 2 // groups) if kind.transposed else (2, 4 // groups)
    x = rng.integers(-4, 5, (1, channels[0] if kind.transposed else 4, *(6, 5, 6)[: kind.ndim]))
    return x, rng.integers(-4, 5, (*w_shape, *(2, 2, 2)[: kind.ndim]))


def results(forward: Callable[..., Any], backward: Callable[..., Any], kind: Kind, given: dict[str, Any]) -> list[Any]:
    x, w = arrays(kind, int(given["groups"]))
    y = forward(x, w, None, **given)
    dx, dw, _ = backward(y % 5, x, w, **given)
    return [y, dx, dw]


def expected(kind: Kind) -> list[list[Any]]:
    """What the plain loops, loaded afresh for each, give for every layer."""
    found = []
    for layer in LAYERS:
        kernel = emit("taps", kind)
        module = kernel.load()
        given = {name: value if name == "groups" else value[: kind.ndim] for name, value in layer.items()}
        backward = getattr(module, f"{kernel.function}_backward")
        found.append(results(getattr(module, kernel.function), backward, kind, given))
    return found


def wrong(forward: Callable[..., Any], backward: Callable[..., Any], kind: Kind, options: bool) -> list[Any]:
    """The calls that give anything else than a fresh kernel."""
    truth, failed = expected(kind), []
    for number, given in spelled(kind, options):
        found = results(forward, backward, kind, given)
        if not all(np.array_equal(a, b) for a, b in zip(found, truth[number], strict=True)):
            failed.append((number, given))
    return failed


def kernels() -> list[Any]:
    # loops read arguments as the others do, and are slow on three axes
    named = [(schedule.name, kind) for schedule in SCHEDULES.values() if schedule.any_size for kind in KINDS
             if schedule.name != "loops" or kind.ndim < 3]  # fmt: skip
    return [pytest.param(*each, id=f"{each[0]}-{each[1].ndim}d{'-transposed' * each[1].transposed}") for each in named]


def faces(schedule: str, kind: Kind) -> tuple[Callable[..., Any], Callable[..., Any]]:
    stem = f"conv{'_transpose' if kind.transposed else ''}{kind.ndim}d"
    module: Any = fast if schedule == "fast" else emit(schedule, kind).load()
    return getattr(module, stem), getattr(module, f"{stem}_backward")


LIBRARY = [pytest.param("fast", kind, id=f"fast-{kind.ndim}d{'-transposed' * kind.transposed}") for kind in KINDS]


@pytest.mark.slow
@pytest.mark.parametrize(("schedule", "kind"), [*kernels(), *LIBRARY])
def test_every_form_of_every_parameter(schedule: str, kind: Kind) -> None:
    assert wrong(*faces(schedule, kind), kind, schedule == "fast") == []


@pytest.mark.parametrize("schedule", ["columns", "taps", "formulas", "fast"])
@pytest.mark.parametrize("kind", [Kind(2), Kind(1, True)], ids=["2d", "1d-transposed"])
def test_eight_threads_at_once(schedule: str, kind: Kind) -> None:
    forward, backward = faces(schedule, kind)
    truth, calls, failed = expected(kind), list(spelled(kind, schedule == "fast")), []

    def work(part: int) -> None:
        for number, given in calls[part::8]:
            try:
                found = results(forward, backward, kind, given)
            except Exception as error:  # a thread must not end in silence
                failed.append((number, error))
                return
            if not all(np.array_equal(a, b) for a, b in zip(found, truth[number], strict=True)):
                failed.append((number, given))

    workers = [threading.Thread(target=work, args=(part,)) for part in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []


def test_unrolled_takes_every_form_of_its_own_layer() -> None:
    layer = Conv(input=(5, 4), kernel=(2, 2), stride=(2, 1), padding=((2, 0), (0, 1)), dilation=(1, 2))
    kernel = emit("unrolled", layer)
    module = kernel.load()
    rng = np.random.default_rng(0)
    x, w = rng.integers(-4, 5, layer.x_shape), rng.integers(-4, 5, layer.w_shape)
    truth = module.conv2d(x, w)
    for name in ("stride", "padding", "dilation"):
        for value in forms(getattr(layer, name)):
            assert np.array_equal(module.conv2d(x, w, **{name: value}), truth)
        wrong_value = np.array(getattr(layer, name)) + 1
        with pytest.raises(ValueError, match="other sizes"):
            module.conv2d(x, w, **{name: wrong_value})


# what is remembered --------------------------------------------------------------------------------------------------


def without(function: Any, dropped: str) -> Any:
    """``function``, remembering its results by all of its arguments but one."""
    plain, remembered = inspect.unwrap(function), {}
    names = list(inspect.signature(plain).parameters)

    def forgetful(*arguments: Any) -> Any:
        key = tuple(a for name, a in zip(names, arguments, strict=True) if name != dropped)
        if key not in remembered:
            remembered[key] = plain(*arguments)
        return remembered[key]

    return forgetful


def as_floats(layers: list[tuple[str, dict[str, Any], Any]]) -> bool:
    """Whether layers of several dtypes, one after the other, are as the plain taps make them, infinities included."""
    module = emit("taps", Kind(2)).load()
    for algorithm, given, dtype in layers:
        rng = np.random.default_rng(3)
        x, w = rng.integers(-3, 4, given["x"]).astype(dtype), rng.integers(-3, 4, given["w"]).astype(dtype)
        if algorithm == "direct":
            x[0, 0, 5, 5] = np.inf
            w[...] = np.abs(w) + 1
        options = {name: value for name, value in given.items() if name not in ("x", "w")}
        with np.errstate(invalid="ignore"):
            try:
                found = fast.conv2d(x, w, algorithm=algorithm, **options)
            except Exception:  # the schedule of another layer may raise anything
                return False
        right = module.conv2d(x, w, **options)
        close = {"rtol": 1e-4, "atol": 0.1} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-10}
        if found.dtype != right.dtype or not np.allclose(found, right, **close):
            return False
    one, half = (tiles._as_array(((3,),), (n,), np.dtype(float)) for n in (1, 2))
    return bool(one == 3 and half == 1.5)


BIG = {"x": (2, 48, 28, 28), "w": (48, 48, 3, 3), "padding": 1}
SEQUENCE = [
    ("auto", BIG, np.float32), ("direct", BIG, np.float32), ("auto", BIG, np.int16), ("auto", BIG, np.float64),
    ("auto", {"x": (2, 48, 28, 28), "w": (48, 48, 1, 1)}, np.float32),
    ("auto", {**BIG, "stride": 2}, np.float32),
    ("winograd", {"x": (1, 2, 9, 8), "w": (2, 2, 3, 3)}, np.float64),
    ("winograd", {"x": (1, 2, 9, 8), "w": (2, 2, 2, 3)}, np.float64),
    ("winograd", {"x": (1, 2, 3, 3), "w": (2, 2, 3, 3)}, np.float64),
    ("winograd", {"x": (1, 2, 9, 8), "w": (2, 2, 3, 3)}, np.complex128),
    ("winograd", {"x": (1, 2, 9, 8), "w": (2, 2, 3, 3)}, np.float32),
]  # fmt: skip


def test_what_is_remembered_is_right_whatever_came_before() -> None:
    assert as_floats([*SEQUENCE, *reversed(SEQUENCE)])


@pytest.mark.parametrize(
    ("module", "name", "dropped"),
    [(choice, "_cheapest", "direct"), (choice, "_cheapest", "axes"), (choice, "_cheapest", "dtype"),
     (tiles, "_as_array", "matrix"), (tiles, "_as_array", "whole"), (tiles, "_as_array", "dtype"),
     (interpolation, "table", "tile"), (interpolation, "table", "taps")],
)  # fmt: skip
def test_a_key_without_one_of_its_parts_is_caught(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, dropped: str
) -> None:
    original = getattr(module, name)
    assert dropped in inspect.signature(original).parameters
    monkeypatch.setattr(module, name, without(original, dropped))
    assert not (as_floats(SEQUENCE) and as_floats(SEQUENCE[::-1]))


def test_nothing_else_is_remembered() -> None:
    """Emitted files have no state: no dictionary, list or cache at the top that is written to; the library's are those named."""
    for schedule, kind in [each.values for each in kernels()]:
        module = emit(schedule, kind).load()
        held = [n for n, v in vars(module).items() if isinstance(v, (dict, set)) and not n.startswith("__")]
        assert set(held) <= {"_MODES"}, schedule  # the modes that there are
        assert not any(
            isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "_MODES"
            for node in ast.walk(ast.parse(emit(schedule, kind).source))
        )
    state = {
        f"{module.__name__.rsplit('.', 1)[1]}.{name}"
        for module in (fast.layers, choice, tiles, interpolation)
        for name, value in vars(module).items()
        if hasattr(value, "cache_clear") and value.__module__ == module.__name__
    }
    assert state == {"choice._cheapest", "tiles._as_array", "interpolation.table"}
