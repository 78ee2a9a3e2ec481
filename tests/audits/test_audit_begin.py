"""How an audit begins: calls that are mistakes are no verdicts, and say what is to be done; auto is the default everywhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symconv.audits import audit
from symconv.audits.grids import TAKEN, default_grid, taken
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.written import CALLED, written
from symconv.audits.mistakes import CallMistake, exchanged, in_another_order, tame
from symconv.audits.sandbox.supervisor import shared_workers
from symconv.layer.conv import Conv
from symconv.reading.prove import prove_source
from symconv.testing import assert_conv_gradients
from tests.audits.independent import SAMPLES
from tests.commands import assert_bad_usage, run

FILE, STYLES = SAMPLES / "sample_awkward.py", SAMPLES / "sample_styles.py"
#: a layer whose sizes all differ, and one with stride and padding
GRID = [Conv((5, 4), (3, 2), 2, 3, 2), Conv((7, 6), (3, 2), 2, 1, 3, stride=2, padding=1)]
OPTIONS: dict[str, Any] = {"grid": GRID, "once": True, "engine": "exact", "jobs": 1}

#: adapters as they go wrong, beside a function that is right when it is called with x in the middle
ADAPTERS = """import numpy as np
from sample_watched import truth
def right(dy, x, w, b, stride, pad):
    return truth(x, w, b, dy, stride, pad)
def naive(fn, x, w, b, dy, conv):
    dx, dw, db = fn(dy, x, w, b, conv.stride, conv.padding)
    return {"dx": dx, "dw": dw, "db": db}
def typo(fn, x, w, b, dy, conv):
    return {"dx": fn(dy, x, w, b, conv.strides[0], conv.padding[0][0])[0]}
def returns_tuple(fn, x, w, b, dy, conv):
    return fn(dy, x, w, b, conv.stride[0], conv.padding[0][0])
def other_names(fn, x, w, b, dy, conv):
    return {"dX": fn(dy, x, w, b, conv.stride[0], conv.padding[0][0])[0]}
def good(fn, x, w, b, dy, conv):
    if conv.stride[0] == 2:
        raise NotImplementedError("stride 1 alone")
    return {"dx": fn(dy, x, w, b, conv.stride[0], conv.padding[0][0])[0]}
def raising_forward(x, w, b, settings):
    return x[7][7]
def after_forward(dout, cache):
    return cache[0]
"""


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    (folder / "sample_watched.py").write_text((SAMPLES / "sample_watched.py").read_text())
    (folder / "f.py").write_text(ADAPTERS)
    return folder / "f.py"


def refused(*words: str) -> pytest.RaisesExc[CallMistake]:
    return pytest.raises(CallMistake, match="".join(f"(?=.*{word})" for word in words))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "naive",
            [r"backward: ValueError", r"called at f\.py:6: dx, dw, db = fn", r"conv\.stride \(1, 1\)", "at Conv"],
        ),
        ("typo", [r"adapter: AttributeError", r"f\.py:9", r"conv\.padding \(\(0, 0\), \(0, 0\)\)"]),
        ("returns_tuple", ["adapter: TypeError: the adapter returned tuple, not a dict"]),
        ("other_names", ["reading results: TypeError: returned a dict with 'dX'"]),
    ],
)
def test_mistakes_of_an_adapter(adapters: Path, name: str, words: list[str]) -> None:
    with refused(*words):
        audit(f"{adapters}:right", adapter=name, **OPTIONS)


def test_an_adapter_may_decline(adapters: Path) -> None:
    result = audit(f"{adapters}:right", adapter="good", **OPTIONS)
    assert (result.right, result.refused, result.outputs) == (1, 1, ("dx",))


def test_conventions_that_mistake_their_call(adapters: Path) -> None:
    with refused(r"its parameters are \(dy, x, w, b, stride, pad\), not plain's", "auto"):
        audit(f"{adapters}:right", "plain", **OPTIONS)
    with refused("it returns dw, dx, db in this order", "--outputs"):
        audit(f"{FILE}:dw_first", "plain", **OPTIONS)
    with refused("call: TypeError: conv_backward_naive.. takes 2 positional arguments but 6 were given"):
        audit(f"{STYLES}:conv_backward_naive", "plain", **OPTIONS)
    with refused("construct: TypeError"):
        audit(f"{STYLES}:Torchlike", "layer", **OPTIONS)
    with refused("forward: IndexError", r"f\.py:19"):
        audit(f"{adapters}:after_forward", "cs231n", forward="raising_forward", **OPTIONS)
    with refused(
        "called as convention coursera has it, it raises ValueError", "another call: called conv_backward_naive"
    ):
        audit(f"{STYLES}:conv_backward_naive", "coursera", **(OPTIONS | {"grid": [Conv((5, 4), (2, 2), 2, 3, 2)]}))


def test_bad_usage_of_the_command(adapters: Path) -> None:
    call = ["audit", f"{adapters}:right", "--adapter", "typo", "--grid", "minimal"]
    assert_bad_usage(run(*call), "adapter: AttributeError", "adapter typo")


def test_what_fails_in_the_call_is_wrong_for_a_grader() -> None:
    result = audit(f"{FILE}:dw_first", "plain", trial=False, **OPTIONS)
    assert (result.right, result.wrong) == (0, 2)


# auto is the default --------------------------------------------------------------------------------------------------------


def test_python_infers_as_the_command_does(adapters: Path) -> None:
    found = audit(f"{adapters}:right", **OPTIONS)
    assert (found.ok, found.convention, len(found.inferred)) == (True, "auto", 2)
    assert assert_conv_gradients(f"{FILE}:dw_first", **OPTIONS).right == 2
    one = assert_conv_gradients(f"{STYLES}:one_axis", **(OPTIONS | {"grid": "minimal"}))
    assert {case.conv.ndim for case in one.cases} == {1}


def test_names_decide_without_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symconv.audits.begin.settled", lambda *_: pytest.fail("a call was tried"))

    def backward(x, w, b, dy, stride, padding):  # type: ignore[no-untyped-def]
        return None, None, dy.sum(axis=(0, 2, 3))

    result = audit(backward, **OPTIONS)
    assert (result.right, result.convention, result.inferred) == (2, "plain", ())


def test_orders() -> None:
    assert in_another_order(["x", "w", "b", "dy", "padding", "stride"])
    assert not in_another_order(["a", "q", "z", "dy", "stride", "padding"])
    assert exchanged({"db": [[1], [2]]}) is None
    assert exchanged({"dx": [[2], [3]], "dw": [[9], [2]]}) is None
    convs = default_grid("quick")
    first = [convs[i] for i in tame(convs)]
    assert (first[0].stride, first[0].padding, first[-1].stride[0] > 1) == ((1, 1), ((0, 0), (0, 0)), True)


# what functions take ----------------------------------------------------------------------------------------------------------


def test_cases_for_what_a_function_takes() -> None:
    grid = default_grid("default", TAKEN)
    assert set(default_grid()) < set(grid)
    assert max(max(conv.kernel) for conv in default_grid()) > 5
    assert {conv.dilation[0] for conv in grid} == {1, 2, 3}
    assert {conv.groups for conv in grid} == {1, 2, 3}
    assert any(conv.stride[0] != conv.stride[1] for conv in grid)
    assert any(conv.padding[0][0] != conv.padding[0][1] for conv in grid)
    depthwise = [conv for conv in taken(["groups"]) if conv.in_channels == conv.groups]
    assert depthwise
    assert len(depthwise) < len(taken(["groups"]))
    assert all(len(default_grid("quick", [name], ndim=2)) > 45 for name in TAKEN)
    with pytest.raises(ValueError, match="nothing called 'depth' is taken"):
        taken(["depth"])


def test_dilation_that_is_taken_and_forgotten_is_found() -> None:
    def backward(x, w, b, dy, stride, padding, dilation=1, groups=1):  # type: ignore[no-untyped-def]
        assert dilation in (1, 2, 3)
        return {"db": dy.sum(axis=(0, 2, 3)) * (1 if groups == 1 else np.float64(2))}

    result = audit(backward, grid="minimal", engine="exact", once=True, jobs=1)
    wrong = [case.conv.groups > 1 for case in result.documented if not case.right(("db",))]
    assert (wrong, len(result.documented)) == ([True], 4)
    assert any(case.conv.dilation[0] > 1 for case in result.documented)


def test_minimal_is_a_grid() -> None:
    assert len(default_grid("minimal")) == 2
    assert len(default_grid("minimal", ["groups", "oblong"], ndim=2)) == 4
    with pytest.raises(ValueError, match="no stride goes with it"):
        default_grid("minimal", stride=(1,))


# libraries that do not bear a fork ------------------------------------------------------------------------------------------

#: at import a thread takes a lock and keeps it while it waits; in a fork there is no such thread to give it back
THREADED = """import threading, time
LOCK = threading.Lock()
asked, held = threading.Event(), threading.Event()
def serve():
    while True:
        with LOCK:
            held.set()
            asked.wait()
            asked.clear()
        time.sleep(0.01)
threading.Thread(target=serve, daemon=True).start()
held.wait()
def backward(x, w, b, dy, stride, padding):
    asked.set()
    with LOCK:
        return {"db": dy.sum(axis=(0, 2, 3))}
"""


@pytest.mark.slow
def test_threads_of_an_import_make_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "threaded.py").write_text(THREADED)
    result = audit(f"{tmp_path / 'threaded.py'}:backward", time_limit=8.0, **OPTIONS)
    assert (result.right, result.unjudged, result.ok) == (2, 0, True)


def test_a_module_beside_the_root(tmp_path: Path) -> None:
    """A package without __init__.py, whose root is told by the project's file, imported by its whole name."""
    (tmp_path / "pkg" / "ops").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "pkg" / "tensor.py").write_text("AXES = (0, 2, 3)\n")
    (tmp_path / "pkg" / "ops" / "code.py").write_text(
        "from pkg.tensor import AXES\ndef backward(x, w, b, dy, stride, padding):\n    return {'db': dy.sum(axis=AXES)}\n"
    )
    assert audit(f"{tmp_path / 'pkg' / 'ops' / 'code.py'}:backward", **(OPTIONS | {"grid": GRID[:1]})).right == 1


# proofs of calls that were inferred ---------------------------------------------------------------------------------------------

SOURCE = """
import numpy as np
def loops(g, a, k, step):
    n, h, c = a.shape
    da = np.zeros(a.shape)
    for i in range(g.shape[1]):
        for j in range(k.shape[0]):
            da[:, i * step + j] += g[:, i] @ k[j].T
    return [da, "more"]
class Layer:
    def __init__(self, weight, step):
        self.weight, self.step, self.found = weight, step, {}
    def forward(self, a):
        self.a = a
        return a
    def backward(self, g):
        self.found["db"] = g.sum(axis=(0, 2)).reshape(-1, 1) * WRONG
        return None
"""


def test_an_inferred_call_is_proved() -> None:
    """Channels last, another order, one axis, a list, a class: written out as code, and read."""
    names = (("g", "dy"), ("a", "x"), ("k", "w"), ("step", "stride"))
    loops = Reading("function", names, layout="NHWC", weights="HWIO", outputs=(("dx", ("return", 0)),))
    build = (("weight", "w"), ("step", "stride"))
    layer = Reading(
        "class", (("g", "dy"),), (("a", "x"),), build, bias="F1", outputs=(("db", ("self", "found", "db")),)
    )
    for reading, name, factor, proved in (
        (loops, "loops", "1", True),
        (layer, "Layer", "1", True),
        (layer, "Layer", "2", False),
    ):
        source = SOURCE.replace("WRONG", factor)
        more = written(reading, name, 1, source)
        assert more is not None
        ast.parse(more)
        outputs = tuple(output for output, _ in reading.outputs)
        proofs = prove_source(source + more, CALLED, "plain", 2, ndim=1, targets=outputs, replays=0, padding="none")
        assert [proof.proved for proof in proofs] == [proved], (more, [proof.reason for proof in proofs])
    assert written(Reading("function", names, tensors=True), "loops", 1, SOURCE) is None
