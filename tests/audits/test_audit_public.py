"""Layers in the styles of public courses and libraries, right and with a mistake, audited by the name of their file alone."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from symconv.audits import audit
from symconv.audits.conventions import convention_named
from symconv.audits.grids import taken
from symconv.audits.inference.process import _forward_of
from symconv.audits.inference.search import NotInferred, infer_call
from symconv.audits.sandbox import files
from tests.audits.independent import SAMPLES
from tests.audits.test_audit_calls import geometries, verdicts

FOLDER = SAMPLES / "public"

#: file -> the outputs that it has
RIGHT = {
    **dict.fromkeys(
        ("closure", "collecting_layer", "columns", "first_step", "in_channels_first", "lazy_layer", "one_image_loops",
         "params_and_grads", "residuals", "strided_columns", "tensors_with_g", "torch_function", "untied_bias",
         "words_for_padding"),
        ("dx", "dw", "db"),
    ),
    "by_fourier": ("dx", "dw"), "one_axis_function": ("dx", "dw"), "input_size_alone": ("dx",), "weight_size_alone": ("dw",),
}  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """In a file one text in place of another, the outputs that are wrong by it, and what is said of them."""

    file: str
    was: str
    now: str
    outputs: tuple[str, ...]
    condition: str = ""
    cause: str = ""


MISTAKES = [
    Mistake("columns", "dout.transpose(1, 2, 3, 0)", "dout.transpose(1, 0, 2, 3)", ("dx", "dw"), "N = 1"),
    Mistake("columns", "    if padding == 0:\n        return x_padded\n", "", ("dx",), "padding > 0", "empty-crop"),
    Mistake("closure", "dcols[:, :, k]", "dcols[:, :, -1 - k]", ("dx",), "K = 1", "flips"),
    Mistake("untied_bias", 'signal.convolve2d(output_gradient[i], self.kernels[i, j], "full")',
            'signal.correlate2d(output_gradient[i], self.kernels[i, j], "full")', ("dx",), "K = 1", "flips"),
    Mistake("params_and_grads", 'self.grads["b"] = np.sum(', 'self.grads["b"] = np.mean(', ("db",),
            "N = 1 and one output position", "scaled-"),
    Mistake("words_for_padding", "d_padded[:, top : top + h, left : left + w]", "d_padded[:, -h - top :, -w - left :][:, :h, :w]",
            ("dx",), "padding is the same before and after"),
    Mistake("torch_unfold", "", "", ("dx",), "the stride divides (remainder 0)", "misses-rows"),
    Mistake("collecting_layer", "dW += np.einsum", "dW = np.einsum", ("dw",)),
    Mistake("lazy_layer", '["b"] = dLdY.sum(', '["b"] = dLdY[:1].sum(', ("db",), "N = 1", "one-image"),
    Mistake("residuals", "w[:, :, ::-1, ::-1]", "w", ("dx",), "K = 1", "flips"),
    Mistake("weight_size_alone", "np.pad(input,", "np.pad(0 * input if padding else input,", ("dw",), "padding = 0"),
    Mistake("tensors_with_g", "self.b.g = g.sum((0, 2, 3))", "self.b.g = g.mean(0).sum((1, 2))", ("db",), "N = 1", "scaled-1/N"),
    Mistake("in_channels_first", "grad_W[:, oc] +=", "grad_W[:, oc] =", ("dw",), "one output position", "overwrites"),
]  # fmt: skip


def module_of(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"public_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its source is looked for
    spec.loader.exec_module(module)
    return module


def found_in(path: Path) -> dict[str, list[bool]]:
    """For each output whether it is right in each geometry that the inferred call covers."""
    if "import torch" in path.read_text():
        pytest.importorskip("torch", reason="the layer is written with PyTorch; it is not installed")
    main = getattr(module_of(path), files.named(str(path))[2])
    inferred = infer_call(main, None if isinstance(main, type) else _forward_of(main))
    found = verdicts(main, inferred.reading, inferred.ndim)
    if inferred.reading.padding == "word":
        for output, each in verdicts(main, inferred.reading, inferred.ndim, taken(["same"])).items():
            found[output] += each
    return found


def written(mistake: Mistake, folder: Path) -> Path:
    text = (FOLDER / f"{mistake.file}.py").read_text()
    assert mistake.was in text
    path = folder / f"{mistake.file}.py"
    path.write_text(text.replace(mistake.was, mistake.now) if mistake.was else text)
    return path


@pytest.mark.parametrize("name", RIGHT)
def test_right(name: str) -> None:
    found = found_in(FOLDER / f"{name}.py")
    assert tuple(found) == RIGHT[name]
    assert all(each and all(each) for each in found.values()), found


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: f"{each.file}-{each.outputs[0]}")
def test_wrong(mistake: Mistake, tmp_path: Path) -> None:
    found = found_in(written(mistake, tmp_path))
    assert tuple(output for output, each in found.items() if not all(each)) == mistake.outputs, found


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.sweep
def test_audit_of_what_is_right(name: str) -> None:
    found = audit(str(FOLDER / f"{name}.py"), grid="quick", proof=False)
    assert (found.ok, found.outputs, found.wrong) == (True, RIGHT[name], 0)
    assert found.tally.cases >= 12


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: f"{each.file}-{each.outputs[0]}")
@pytest.mark.sweep
def test_audit_of_what_is_wrong(mistake: Mistake, tmp_path: Path) -> None:
    found = audit(str(written(mistake, tmp_path)), grid="default", proof=False)
    statuses = {
        output for output in found.outputs if any(c.status(output) in ("value", "shape") for c in found.documented)
    }
    assert statuses == set(mistake.outputs)
    output = mistake.outputs[0]
    if mistake.condition:
        assert mistake.condition in str(found.conditions[output])  # exactly when, or always and in few other cases
    if mistake.cause:
        assert any(cause.key.startswith(mistake.cause) for cause in found.causes[output])


def test_images_that_are_square_alone() -> None:
    """A function that reads one side of an image is called with one image, and its db is a column."""
    path = FOLDER / "running_indices.py"
    main = getattr(module_of(path), files.named(str(path))[2])
    reading = infer_call(main).reading
    assert (reading.batch, reading.bias, reading.weights) == (False, "F1", "OIHW")


# what is no reading ---------------------------------------------------------------------------------------------------------


class Forgetful:
    """Its weights are nowhere to be put."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any) -> None:
        self.secret = [[[[0.5]]]]

    def forward(self, x: Any) -> Any:
        return x[:, [0, 1, 2, 3, 0], 2:, 1:]

    def backward(self, dy: Any) -> Any:
        import numpy as np

        return np.zeros((2, 4, 8, 9))


def test_a_layer_whose_weights_are_not_found_is_no_verdict() -> None:
    with pytest.raises(NotInferred, match="w was handed over nowhere"):
        infer_call(Forgetful, seconds=2)


def test_the_geometries_have_what_they_should() -> None:
    assert len(geometries(2)) == 14
    assert convention_named("plain").outside(taken(["same"])[0]) is None
