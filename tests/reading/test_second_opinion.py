"""z3 on what was read: it agrees with a verdict, and contradicts the verdict turned around."""

from __future__ import annotations

from pathlib import Path

import pytest

from symconv.reading import Call, prove_code, read
from symconv.reading.second import second_opinion

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "audits" / "samples"
CASES = [
    ("five_loops", SAMPLES / "sample_plain.py", Call("plain", 2)),
    ("with_tensordot", SAMPLES / "sample_plain.py", Call("plain", 3)),
    ("forgets_stride_in_dx", SAMPLES / "sample_plain.py", Call("plain", 2)),
    ("conv_backward", SAMPLES / "sample_coursera.py", Call("coursera", 2)),
    ("conv2d_backward", ROOT / "generated" / "kernels" / "conv2d_loops.py", Call("kernel", 2, 2, 2, "free", groups=True)),
    ("conv_transpose1d_backward", ROOT / "generated" / "kernels" / "conv_transpose1d_formulas.py",
     Call("kernel", 2, 2, 1, "free", groups=True, transposed=True)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "call"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_z3_agrees(name, path, call):
    pytest.importorskip("z3")
    reading = read(path.read_text(), name, call)
    assert set(reading.outputs) >= {"dx"}
    for target, output in reading.outputs.items():
        proved = bool(output.wrong.is_empty())
        # the products of tensordot take z3 near its limit, which counts what the process asked before
        tired = {"z3 gave up"} if name == "with_tensordot" else set()
        assert second_opinion(reading, target, proved) in {"z3 agrees"} | tired
        assert second_opinion(reading, target, not proved) in {"z3 disagrees"} | tired


def test_what_z3_is_not_asked():
    pytest.importorskip("z3")
    path = SAMPLES / "sample_plain.py"
    (dx, *_) = prove_code(f"{path}:crops_with_minus_pad", stride=1, second=True, replays=0)
    assert dx.second_opinion == dx.to_dict()["second_opinion"] == "z3 was not asked: the sizes divide into cases"
