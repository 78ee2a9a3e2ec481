"""How fast the library and the emitted kernels are, against PyTorch and a plain column matrix, as ratios in one run.

The ways take turns, so that what else the machine does falls on all alike; told are the median and the spread of rounds.
Before each turn the machine rests: the threads of either library wait busily for their next product for a while after the
last, and would take the cores from the other.
Every library chooses its own instructions: variables that pin one of them to an older processor are set aside for the
measurement (``SET_ASIDE``), which runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from symconv import fast
from symconv.bench.results import TARGETS, KernelBenchmark, LayerResult, ScheduleResult, Timing
from symconv.bench.suite import SUITE, arrays_of, flops, full_im2col, full_im2col_backward
from symconv.fast import choice, limits
from symconv.kernels import Kind, emit
from symconv.kernels.peers import load_torch
from symconv.layer.conv import Conv

__all__ = ["SET_ASIDE", "run"]

#: environment variables that pin a library to an older processor's instructions or caches
SET_ASIDE = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA",
             "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE")  # fmt: skip

#: environment variables that say how many threads a library may use
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

#: seconds that one turn of a way should take at least; a short call is repeated
_TURN = 0.004

#: seconds of rest before a turn: longer than the libraries' threads wait busily
_REST = 0.15


def run(
    names: Sequence[str] = tuple(SUITE),
    rounds: int = 15,
    schedules: bool = True,
    as_is: bool = False,
    one_thread: bool = False,
) -> KernelBenchmark:
    """Measure the layers of ``SUITE`` that are named, in a process of its own; ``as_is`` leaves the environment alone.

    ``schedules`` also times every schedule for every array. With ``one_thread`` every way has one core, and its processor time
    is told, which other people's work disturbs less. ValueError for an unknown name.
    """
    unknown = [name for name in names if name not in SUITE]
    if unknown:
        raise ValueError(f"no layer {unknown[0]!r} in the suite; there are {', '.join(SUITE)}")
    aside = [] if as_is else [name for name in SET_ASIDE if name in os.environ]
    environment = {name: value for name, value in os.environ.items() if name not in aside}
    environment |= dict.fromkeys(ONE_THREAD, "1") if one_thread else {}
    request = json.dumps(
        {"names": list(names), "rounds": rounds, "schedules": schedules, "set_aside": aside, "one_thread": one_thread}
    )
    done = subprocess.run(
        [sys.executable, "-m", "symconv.bench.kernels", request],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return KernelBenchmark.from_dict(json.loads(done.stdout))


# in the measuring process --------------------------------------------------------------------------------------------

Way = Callable[[], Any]


def _take_turns(ways: Mapping[str, Way], rounds: int, rest: float = _REST) -> dict[str, list[float]]:
    """Seconds of a call of each way, round after round; the first call of a turn warms up and does not count.

    On one core nothing waits busily for its next product: there is no rest, and processor time is told.
    """
    alone = limits.cores() == 1
    clock, rest = (time.process_time, 0.0) if alone else (time.perf_counter, rest)
    repeats = {}
    for name, way in ways.items():
        way()
        start = clock()
        way()
        repeats[name] = max(1, min(200, int(_TURN / max(1e-7, clock() - start))))
    result: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            time.sleep(rest)
            way()
            start = clock()
            for _ in range(repeats[name]):
                way()
            result[name].append((clock() - start) / repeats[name])
    return result


def _options(conv: Conv) -> dict[str, Any]:
    return {"stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation, "groups": conv.groups}


def _emitted(schedule: str, conv: Conv) -> tuple[Any, Any]:
    kernel = emit(schedule, Kind(conv.ndim))
    module = kernel.load()
    return getattr(module, kernel.function), getattr(module, f"{kernel.function}_backward")


def _library(conv: Conv) -> tuple[Any, Any]:
    return getattr(fast, f"conv{conv.ndim}d"), getattr(fast, f"conv{conv.ndim}d_backward")


def _numpy_ways(
    conv: Conv, a: Mapping[str, Any], forward: Callable[..., Any], backward: Callable[..., Any]
) -> tuple[Way, Way]:
    options = _options(conv)

    def both() -> None:
        forward(a["x"], a["w"], a["b"], **options)
        backward(a["dy"], a["x"], a["w"], **options)

    return lambda: forward(a["x"], a["w"], a["b"], **options), both


def _torch_ways(conv: Conv, a: Mapping[str, Any]) -> dict[str, tuple[Way, Way]]:
    """PyTorch as its users call it (autograd), and its two functions called directly; empty where it is missing."""
    try:
        torch = load_torch()
    except ImportError:
        return {}
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    x, w, b, dy = (torch.from_numpy(a[name]) for name in ("x", "w", "b", "dy"))
    function: Any = getattr(torch.nn.functional, f"conv{conv.ndim}d")
    padding = [p for p, _ in conv.padding]
    layer = (list(conv.stride), padding, list(conv.dilation))
    leaves = [t.clone().requires_grad_() for t in (x, w, b)]

    def plain() -> Any:
        with torch.no_grad():
            return function(x, w, b, *layer, conv.groups)

    def autograd() -> None:
        for leaf in leaves:
            leaf.grad = None
        function(*leaves, *layer, conv.groups).backward(dy)

    def direct() -> None:
        plain()
        torch.ops.aten.convolution_backward(
            dy, x, w, [len(b)], *layer, False, [0] * conv.ndim, conv.groups, [True, True, True]
        )

    return {"pytorch": (plain, autograd), "pytorch kernels": (plain, direct)}


def _measure(name: str, rounds: int, schedules: bool) -> LayerResult:
    conv = SUITE[name]
    a = arrays_of(conv)
    forward, backward = _library(conv)
    ways = {
        "fast": _numpy_ways(conv, a, forward, backward),
        "columns": _numpy_ways(conv, a, *_emitted("columns", conv)),
    }
    ways |= _torch_ways(conv, a)
    ways["im2col"] = (lambda: full_im2col(conv, a), lambda: (full_im2col(conv, a), full_im2col_backward(conv, a)))
    ways["taps"] = _numpy_ways(conv, a, *_emitted("taps", conv))
    # the slow ways a few times only: they are not close
    near = {way: both for way, (_, both) in ways.items() if way not in ("im2col", "taps")}
    times = _take_turns(near, rounds)
    times |= _take_turns({way: ways[way][1] for way in ("im2col", "taps")}, max(3, rounds // 4))
    alone = _take_turns({way: first for way, (first, _) in ways.items() if way in ("fast", "pytorch")}, rounds)
    return LayerResult(
        name=name,
        conv=conv.to_dict(),
        times={way: Timing.of(result) for way, result in times.items()},
        forward={way: Timing.of(result) for way, result in alone.items()},
        flops=flops(conv),
        errors=_errors(conv, forward, backward),
        workspace=_workspace(conv, a),
        schedules=_schedules(conv, a, max(3, rounds // 3)) if schedules else (),
    )


def _relative(found: Any, truth: Any) -> float:
    return float(np.linalg.norm(found.astype(np.float64) - truth) / np.linalg.norm(truth))


def _outputs(conv: Conv, a: Mapping[str, Any], forward: Any, backward: Any, **more: Any) -> dict[str, Any]:
    options = {**_options(conv), **more}
    dx, dw, db = backward(a["dy"], a["x"], a["w"], **options)
    return {"y": forward(a["x"], a["w"], a["b"], **options), "dx": dx, "dw": dw, "db": db}


def _errors(conv: Conv, forward: Any, backward: Any) -> dict[str, float]:
    """The largest over y, dx, dw, db, for float32 and float64."""
    single = arrays_of(conv, np.float32)
    double = {name: array.astype(np.float64) for name, array in single.items()}
    truth = _outputs(conv, double, forward, backward, algorithm="direct")
    result = {
        "float32": _outputs(conv, single, forward, backward),
        "float64": _outputs(conv, double, forward, backward),
    }
    return {dtype: max(_relative(made[name], truth[name]) for name in truth) for dtype, made in result.items()}


def _workspace(conv: Conv, a: Mapping[str, Any]) -> int:
    """The most bytes that were held at once beside inputs and results, a thread's kept buffer included."""
    forward, backward = _library(conv)
    most = 0
    first, _ = _numpy_ways(conv, a, forward, backward)
    for way in (first, lambda: backward(a["dy"], a["x"], a["w"], **_options(conv))):
        tracemalloc.start()
        made = way()
        results = sum(each.nbytes for each in (made if isinstance(made, tuple) else (made,)))
        most = max(most, tracemalloc.get_traced_memory()[1] - results)
        tracemalloc.stop()
    return most


def _schedules(conv: Conv, a: Mapping[str, Any], rounds: int) -> tuple[ScheduleResult, ...]:
    """Every schedule that can make y, dx, dw, in turns: predicted, measured, its error, and whether it is the one chosen."""
    N, G = conv.batch, conv.groups
    F, C = conv.out_channels // G, conv.in_channels // G
    axes = tuple((s.H, s.K, s.O, s.s, s.d, s.p) for s in conv.axes)
    bounds = limits.bounds(limits.WORKSPACE, None, a["w"].nbytes)
    grouped = {
        "x": a["x"].reshape(N, G, C, *conv.input), "w": a["w"].reshape(G, F, C, *conv.kernel),
        "dy": a["dy"].reshape(N, G, F, *conv.output), "b": a["b"],
    }  # fmt: skip
    wide = {name: array.astype(np.float64) for name, array in grouped.items()}
    made = {"y": np.empty_like(grouped["dy"]), "dx": np.empty_like(grouped["x"]), "dw": np.empty_like(grouped["w"])}

    def maker(target: str, how: str, given: Mapping[str, Any], out: Any) -> Way:
        if target == "y":
            return lambda: choice.make_y(given["x"], given["w"], given["b"], out, axes, how, *bounds)
        if target == "dx":
            return lambda: choice.make_dx(given["dy"], given["w"], out, axes, how, *bounds)
        return lambda: choice.make_dw(given["dy"], given["x"], out, axes, how, *bounds)

    results = []
    for target in TARGETS:
        costs = choice._estimates(target, N, G, F, C, axes, np.dtype(np.float32), bounds[1])
        chosen = choice._chosen("auto", target, N, G, F, C, axes, np.dtype(np.float32), bounds[1])
        truth = np.empty(made[target].shape)
        maker(target, "direct", wide, truth)()
        ways = {how: maker(target, how, grouped, made[target]) for how in costs}
        times = _take_turns(ways, rounds)
        for how, cost in costs.items():
            ways[how]()
            measured = Timing.of(times[how]).median
            results.append(
                ScheduleResult(target, how, cost / 1e6, measured, _relative(made[target], truth), how == chosen)
            )
    return tuple(results)


def _peak() -> float:
    """The best speed of a large float32 matrix product, GFLOP/s."""
    best = 0.0
    for n in (512, 1024, 2048):
        a = np.random.default_rng(0).standard_normal((n, n)).astype(np.float32)
        out = np.empty_like(a)
        seconds = min(_take_turns({"product": lambda: np.matmul(a, a, out=out)}, 10, rest=0)["product"])  # noqa: B023
        best = max(best, 2 * n**3 / seconds / 1e9)
    return best


def _libraries() -> dict[str, str]:
    blas: Any = np.show_config(mode="dicts")
    result = {"numpy": np.__version__, "blas": str(blas["Build Dependencies"]["blas"].get("name", "unknown"))}
    try:
        torch = load_torch()

        result["pytorch"] = str(torch.__version__)
    except ImportError:
        pass
    return result


def _main(request: Mapping[str, Any]) -> KernelBenchmark:

    if request["one_thread"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # of this process, which only measures
    console = Console(stderr=True)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    peak = _peak()
    names = track(request["names"], "measuring", console=console, transient=True, disable=not console.is_terminal)
    layers = tuple(_measure(name, request["rounds"], request["schedules"]) for name in names)
    peak = max(peak, _peak())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return KernelBenchmark(layers, peak, cores, _libraries(), tuple(request["set_aside"]), request["rounds"], load)


if __name__ == "__main__":
    print(json.dumps(_main(json.loads(sys.argv[1])).to_dict()))
