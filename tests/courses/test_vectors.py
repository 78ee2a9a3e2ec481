"""Conformance vectors, and programs of other languages that are audited."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from symconv.audits.program import Program, program
from symconv.courses.mistakes import MISTAKES
from symconv.courses.vectors import LIMIT, SETS, Vector, vectors
from symconv.layer.conv import Conv
from symconv.layer.padding import MODES
from tests.commands import assert_bad_usage, run

C = Path(__file__).with_name("backward.c")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> str:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    made = tmp_path_factory.mktemp("c") / "backward"
    subprocess.run([compiler, "-O1", "-o", str(made), str(C)], check=True)
    return str(made)


def in_bfloat16(values):
    """The nearest bfloat16, by cutting a float32 to its upper half (exact where nothing is cut)."""
    return (values.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


@pytest.mark.parametrize("name", SETS)
def test_numbers_are_exact_in_the_small_types(name):
    cases = vectors(name)
    for case in cases if name == "minimal" else cases[::9]:
        for array in [*case.arrays.values(), *case.expected.values()]:
            assert np.array_equal(array, np.rint(array))
            assert np.abs(array).max(initial=0) <= LIMIT
            assert np.array_equal(array.astype(np.float16), array)
            assert np.array_equal(in_bfloat16(array), array)
        sums = case._results({key: np.abs(array) for key, array in case.arrays.items()})
        assert all(array.max(initial=0) <= LIMIT for array in sums.values())  # in whatever order it is added up
        assert all(np.any(case.expected[key]) for key in ("y", "dx", "dw"))


def test_every_kind_of_layer_is_there():
    convs = [case.conv for case in vectors()]
    assert {conv.ndim for conv in convs} == {1, 2, 3}
    assert {conv.padding_mode for conv in convs} == {mode.name for mode in MODES.values() if not mode.filled}
    assert any(conv.transposed and any(conv.output_padding) for conv in convs)
    assert any(conv.groups > 1 for conv in convs)
    assert any(d > 1 for conv in convs for d in conv.dilation)
    assert any(p != q for conv in convs for p, q in conv.padding)


def test_the_mistakes_that_integers_can_show_are_shown():
    shown = {key for case in vectors() for key in case.catches}
    assert set(MISTAKES) - shown == {"clips-large", "dx-integers"}  # large numbers, and fractions


def test_second_derivatives_against_pytorch():
    torch = pytest.importorskip("torch")
    two_dimensional = [
        c for c in vectors() if c.conv.ndim == 2 and not c.conv.transposed and not c.conv.mode.counts_outside
    ]
    for case in two_dimensional:
        conv = case.conv
        if any(p != q for p, q in conv.padding):
            continue
        x, w, b, dy = (torch.tensor(case.arrays[key], requires_grad=True) for key in ("x", "w", "b", "dy"))
        y = torch.nn.functional.conv2d(
            x, w, b, conv.stride, tuple(p for p, _ in conv.padding), conv.dilation, conv.groups
        )
        first = torch.autograd.grad(y, (x, w, b), dy, create_graph=True)
        total = sum((torch.tensor(case.arrays[f"v_{key}"]) * part).sum() for key, part in zip("xwb", first))
        second = torch.autograd.grad(total, (dy, x, w))
        found = dict(zip(("y", "dx", "dw", "db", "ddy", "ddx", "ddw"), (y, *first, *second)))
        for key, value in found.items():
            assert np.array_equal(value.detach().numpy(), case.expected[key]), (conv, key)


def test_files(tmp_path):
    ran = run("vectors", "-o", str(tmp_path / "v"), "--json")
    assert ran.status == 0
    assert len(ran.json["cases"]) == len(vectors())
    index = json.loads((tmp_path / "v" / "index.json").read_text())
    for row in index["cases"]:
        told = json.loads((tmp_path / "v" / f"{row['name']}.json").read_text())
        kept = np.load(tmp_path / "v" / f"{row['name']}.npz")
        assert told["layer"] == row["layer"]
        for key, array in told["arrays"].items():
            assert np.array_equal(kept[key], np.array(array["data"]).reshape(array["shape"]))
        for key, array in told["expected"].items():
            assert np.array_equal(kept[f"{key}_expected"], np.array(array["data"]).reshape(array["shape"]))
        assert set(row["catches"]) <= set(index["mistakes"])
    again = run("vectors", "-o", str(tmp_path / "v"))
    assert "they show 47 known mistakes" in again.out
    (tmp_path / "file").write_text("")
    assert_bad_usage(run("vectors", "-o", str(tmp_path / "file")), "-o", "file")


def test_a_program_in_c(compiled):
    right = run("audit", "--command", compiled, "--grid", "quick", "--once", "--json")
    assert right.status == 0, right
    assert (right.json["right"], right.json["wrong"]) == (45, 0)
    wrong = run("audit", "--command", f"{compiled} wrong", "--grid", "quick", "--once", "--json")
    assert wrong.status == 1
    assert "forgets the stride in dw" in json.dumps(wrong.json)
    refused = run(
        "audit", "--command", compiled, "--grid", "quick", "--dilation", "1..2", "--stride", "1", "--once", "--json"
    )
    assert refused.json["refused"] == refused.json["cases"] - 15  # every case with dilation


def test_what_a_program_may_answer():
    case = Vector(Conv(input=3, kernel=2))
    arrays = [case.arrays[key] for key in ("x", "w", "b", "dy")]

    def answer(code: str):
        python = Program((shutil.which("python3") or "python3", "-c", code))
        return python(None, *arrays, case.conv)

    assert answer("print('{\"db\": [3, 4]}')")["db"].tolist() == [3, 4]
    with pytest.raises(NotImplementedError, match="no padding"):
        answer('print(\'{"refuses": "no padding"}\')')
    with pytest.raises(RuntimeError, match="exit status 3: lost"):
        answer("import sys; print('lost', file=sys.stderr); sys.exit(3)")
    with pytest.raises(ValueError, match="the answer is no JSON: 'dx'"):
        answer("print('dx', end='')")
    with pytest.raises(ValueError, match="none of y, dx, dw, db, ddy, ddx, ddw; it has grad"):
        answer("print('{\"grad\": 1}')")
    with pytest.raises(ValueError, match="dx is no array"):
        answer('print(\'{"dx": {"shape": [2], "data": [1]}}\')')
    with pytest.raises(ValueError, match="there is no program 'nowhere'"):
        program("nowhere --fast")


def test_bad_usage():
    assert_bad_usage(run("audit"), "name one of FILE.py:NAME and --command")
    assert_bad_usage(run("audit", "--command", "cat", "--adapter", "a"), "--command takes no --adapter")
