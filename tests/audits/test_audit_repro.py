"""What ``--repro`` prints: a test passes on a geometry exactly where the function is right there, whatever its kind of call."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from symconv.audits.conventions import Convention, convention_named, native_shape, outputs_of, to_native
from symconv.audits.inference.process import _forward_of
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.search import infer_call
from symconv.audits.reports import repro
from symconv.audits.reports.replay import ELSEWHERE, FAILS, MISTAKEN, PASSES, replayed
from symconv.audits.result import Failure
from symconv.audits.sandbox import files
from symconv.audits.sandbox.target import target_of
from symconv.audits.truth import Derivative
from symconv.layer.conv import Conv
from tests.audits import test_audit_calls, test_audit_public, test_audit_samples
from tests.audits.independent import SAMPLES, load
from tests.audits.test_audit_calls import drawn_function, geometries, styles


def oblong(ndim: int) -> list[Conv]:
    """A stride and a padding for each axis."""
    one: list[dict[str, Any]] = [{"stride": (2, 1, 2), "padding": (1, 0, 1)}, {"stride": (1, 3, 2)}]
    sizes = [{key: value[:ndim] for key, value in each.items()} for each in one]
    size, kernel = (6, 7, 5)[:ndim], (3, 2, 2)[:ndim]
    return [Conv(size, kernel, 2, 3, 2, **sizes[0]), Conv(size, kernel, 1, 1, 1, **sizes[1])]


def come_to(test: tuple[str, str, str], names: dict[str, Any]) -> str:
    """What a test comes to where these names are defined: its import is left out."""
    name, head, body = test
    there = dict(names)
    first, _, *above = head.splitlines()
    exec("\n".join([first, *above, body]), there)
    try:
        there[name]()
    except AssertionError:
        return FAILS
    except Exception as error:
        return repr(error)
    return PASSES


def check(
    label: str, convention: Convention, call: Any, convs: list[Conv], names: dict[str, Any], reading: Reading | None = None,
    forward: str | None = None,
) -> int:  # fmt: skip
    """How many tests there were, each of which fails exactly where the call ``call(conv, arrays)`` is wrong."""
    tried = 0
    for conv in convs:
        if convention.outside(conv):
            continue
        at = repro._arrays(conv, 1.0)
        try:
            got = call(conv, {name: array.copy() for name, array in at.items()})
        except Exception:
            continue
        for output in got:
            truth = Derivative(conv).numbers(at, output)
            if reading is None:
                shape = native_shape(convention, conv, output, truth.shape)
                truth = to_native(convention, conv, output[1:], truth).reshape(shape)
            value = np.asarray(got[output], dtype=float)
            right = value.shape == truth.shape and np.allclose(value, truth, rtol=1e-9, atol=1e-7)
            failure = Failure(output, conv, "shape" if value.shape != truth.shape else "value")
            tests = repro.written_tests(label, convention.name, failure, forward, reading)
            found = [come_to(test, names) for test in tests]
            first = next((each for each in found if each in (FAILS, PASSES)), found)
            assert first == (PASSES if right else FAILS), (output, conv, found)
            tried += 1
    return tried


def check_reading(
    label: str, main: Any, reading: Reading, ndim: int, names: dict[str, Any], forward: Any = None
) -> int:
    convention = convention_named(reading.text())
    call = partial(convention.backward, SimpleNamespace(main=main, forward=forward))
    return check(label, convention, call, [*geometries(ndim), *oblong(ndim)], names, reading=reading)


@pytest.mark.parametrize("name", [*test_audit_calls.RIGHT, *test_audit_calls.WRONG])
def test_of_an_inferred_call(name: str) -> None:
    main = getattr(styles, name)
    forward = {"conv_backward_naive": styles.conv_forward_naive, "opaque_backward": styles.opaque_forward}.get(name)
    found = infer_call(main, forward)
    label = f"{SAMPLES / 'sample_styles.py'}:{name}"
    assert check_reading(label, main, found.reading, found.ndim, vars(styles), forward) >= 1


@pytest.mark.parametrize("name", [*test_audit_public.RIGHT, "torch_unfold", "running_indices"])
def test_of_a_public_layer(name: str) -> None:
    path = test_audit_public.FOLDER / f"{name}.py"
    if "import torch" in path.read_text():
        pytest.importorskip("torch", reason="the layer is written with PyTorch; it is not installed")
    module, target = test_audit_public.module_of(path), files.named(str(path))[2]
    main = getattr(module, target)
    found = infer_call(main, None if isinstance(main, type) else _forward_of(main))
    assert check_reading(f"{path}:{target}", main, found.reading, found.ndim, vars(module)) >= 1


@pytest.mark.parametrize("seed", range(1000, 1012))
def test_of_a_drawn_function(seed: int) -> None:
    function, _ = drawn_function(seed)
    found = infer_call(function)
    label = f"{SAMPLES / 'sample_styles.py'}:backward"  # in no file: its text is asked for words alone
    assert check_reading(label, function, found.reading, found.ndim, {"backward": function}) >= 6


@pytest.mark.parametrize("sample", [*test_audit_samples.RIGHT, *test_audit_samples.WRONG], ids=str)
def test_in_a_convention(sample: test_audit_samples.Sample) -> None:
    module: ModuleType = load(sample.file)
    convention = convention_named(sample.convention)
    main = getattr(module, sample.name)
    functions = SimpleNamespace(main=main, forward=getattr(module, sample.forward or "", None))

    def call(conv: Conv, at: dict[str, Any]) -> dict[str, Any]:
        native = {name: to_native(convention, conv, name, array) for name, array in at.items()}
        return outputs_of(convention.backward(functions, conv, native), None)

    label = f"{SAMPLES / f'sample_{sample.file}.py'}:{sample.name}"
    assert check(label, convention, call, geometries(2), vars(module), forward=sample.forward) >= 1


# each kind of call once more, where a number for each axis is wanted ------------------------------------------------------------


class PairsInTheConstructor:
    def __init__(self, in_channels, out_channels, kernel_size, strides=(1, 1), padding=(0, 0)):
        (self.sh, self.sw), (self.ph, self.pw) = strides, padding
        self.weight, self.bias = np.zeros((out_channels, in_channels, *kernel_size)), np.zeros(out_channels)

    def forward(self, x):
        self.x = x
        return x

    def backward(self, dy):
        dx, dw, self.db = styles.core(dy, self.x, self.weight, (self.sh, self.sw), (self.ph, self.pw))
        self.dw = 2 * dw
        return dx


def test_a_stride_for_each_axis_is_written() -> None:
    reading = infer_call(PairsInTheConstructor).reading
    assert reading.oblong
    label = f"{SAMPLES / 'sample_styles.py'}:PairsInTheConstructor"
    assert check_reading(label, PairsInTheConstructor, reading, 2, globals()) == 42


# before it is printed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("assert half_dw is None", FAILS),
        ("pass", PASSES),
        ("a, b = 1", MISTAKEN),
        ("half_dw(1, 2, 3, 4, 5, 6)", FAILS),
        ("import os; os._exit(3)", ELSEWHERE),
    ],
)
def test_a_test_is_tried(body: str, outcome: str) -> None:
    source = target_of(f"{SAMPLES / 'sample_awkward.py'}:half_dw").source
    assert replayed(source, f"def test_it():\n    {body}\n", "test_it") == (outcome, True)


def test_a_file_that_cannot_be_imported_is_not(tmp_path: Path) -> None:
    text = "def backward(dy, x, w, b):\n    return dy[0].sum((1, 2))\nraise RuntimeError('trains')\n"
    (tmp_path / "train.py").write_text(text)
    source = target_of(f"{tmp_path / 'train.py'}:backward").source
    assert replayed(source, "def test_it():\n    pass\n", "test_it") == (PASSES, False)
    assert repro._paste("from train import backward") == "# paste here what defines backward: importing train fails"
