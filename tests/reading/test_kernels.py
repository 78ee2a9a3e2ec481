"""The emitted kernels before the reader as it stands now: their headers' theorems, every border, and one-token mutants of it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from symconv.audits.functions import prove_function
from symconv.project.theorems import KEPT, REACH
from symconv.reading import prove_source
from symconv.reading.theorem import theorem_of

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in (ROOT / "generated").rglob("conv*.py") if "unrolled" not in path.name)
MODES = ("constant", "reflect", "replicate", "circular", "symmetric")


def parts_of(path):
    """Its function, number of axes, and whether it is of transposed layers."""
    function = path.stem.partition("d_")[0].removesuffix("d") + "d"
    return function, int(function[-2]), "transpose" in function


def steps_of(reach):
    """The strides and dilations, the larger first: they leave remainders."""
    return list(itertools.product(*reach))[::-1]


def test_every_kernel_of_any_size_has_a_file():
    kept = json.loads((ROOT / "symconv" / "project" / KEPT).read_text("utf-8"))
    assert {path.stem for path in FILES} == set(kept)


#: one stride and dilation for each kernel, another for each
ROTATING = [(path, steps_of(REACH[parts_of(path)[1]])) for path in FILES]
ROTATING = [(path, steps[at % len(steps)]) for at, (path, steps) in enumerate(ROTATING)]


@pytest.mark.parametrize(("path", "steps"), ROTATING, ids=[path.stem for path in FILES])
def test_a_header_is_still_proved(path, steps):
    """At one stride and dilation for each kernel, from the text of its file."""
    function, ndim, transposed = parts_of(path)
    found = theorem_of(path.read_text("utf-8"), function, ndim, steps[:1], steps[1:], transposed, 900)
    assert found.proved, found


@pytest.mark.sweep
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_header_is_proved_as_a_whole(path):
    function, ndim, transposed = parts_of(path)
    source = path.read_text("utf-8")
    found = theorem_of(source, function, ndim, *REACH[ndim], transposed, 900)
    assert found.says in " ".join(source.split()), found


#: kernels whose proof with a border takes little
QUICK = [path for path in FILES if not parts_of(path)[2] and (path.parent.name == "kernels" or parts_of(path)[1] == 1)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", QUICK, ids=[path.stem for path in QUICK])
def test_a_kernel_is_proved_with_a_border(path, mode):
    function, ndim, _ = parts_of(path)
    call = {"ndim": ndim, "padding": "free", "groups": True, "padding_mode": mode, "replays": 2}
    source = path.read_text("utf-8")
    found = [*prove_source(source, function, "kernel", 2, targets=("y",), **call),
             *prove_source(source, f"{function}_backward", "kernel", 2, **call)]  # fmt: skip
    assert {proof.verdict for proof in found} == {"PROVED"}, found[-1].reason


#: what is changed in a kernel, by what; the modes in which that is wrong
SLIPS = [
    ("np.pad(np.arange(H), (p, q), name), rows)", "np.pad(np.arange(H), (q, p), name), rows)", "reflect replicate circular"),
    ('"reflect": ("reflect", -1)', '"reflect": ("symmetric", 0)', "reflect"),
    ("slice(p, p + H) for", "slice(q, q + H) for", "constant"),
    ("slice(p, p + H) for", "slice(p + 1, p + 1 + H) for", "constant"),
    ("*(axis[5:] for axis in axes)], name)", "*(axis[5:] for axis in axes)], 'edge')", "reflect circular symmetric"),
    ("return _folded(dpadded, axes, padding_mode), dw, db", "return dpadded[..., p : p + H], dw, db", "reflect replicate"),
    ("value = padding_value if", "value = 0 if", "constant"),
]  # fmt: skip
WRONG = [(old, new, mode) for old, new, modes in SLIPS for mode in modes.split()]


@pytest.mark.parametrize(("old", "new", "mode"), WRONG, ids=[f"{at}-{case[2]}" for at, case in enumerate(WRONG)])
def test_a_kernel_whose_border_is_wrong_is_refuted(old, new, mode):
    source = (ROOT / "generated/kernels/conv1d_taps.py").read_text("utf-8")
    wrong = source.replace(old, new).replace("for H, _, _, _, _, p, _ in axes", "for H, _, _, _, _, p, q in axes")
    assert old in source
    if "dpadded[..., p" in new:
        wrong = wrong.replace(
            "        dpadded, dw, db =", "        H, p = axes[0][0], axes[0][5]\n        dpadded, dw, db ="
        )
    call = {"ndim": 1, "padding": "free", "padding_mode": mode, "replays": 2}
    found = prove_source(wrong, "conv1d_backward", "kernel", 2, **call)
    assert {"REFUTED", "REFUSES"} & {proof.verdict for proof in found}, [proof.reason for proof in found]
    assert found[-1].verdict in ("PROVED", "REFUSES")  # db never hangs on the border


@pytest.mark.parametrize("mode", ["zeros", "reflect", "constant"])
def test_a_kernel_called_as_found_out_is_told_its_padding_and_its_border(mode):
    """In numbers, though it knows words for padding, too; and what its border holds, by the names that it has for that."""
    found = prove_function(f"{ROOT / 'generated/kernels/conv1d_taps.py'}:conv1d_backward", stride=2, padding_mode=mode)
    assert {proof.verdict for proof in found} == {"PROVED"}
    assert "p >= 0" in found[0].scope
