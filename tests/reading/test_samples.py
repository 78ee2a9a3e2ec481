"""Functions of the audit's samples, read: what is proved, what is refuted, under which condition, what refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from symconv.layer.conv import Conv
from symconv.proof.assumptions import assumptions, hold_for
from symconv.reading import Call, prove_code, prove_source, read
from symconv.reading.replay import replay
from symconv.reading.steps import STRIDES, common_condition
from symconv.reading.theorem import condition_for, theorem_of
from tests.commands import assert_bad_usage, run

SAMPLES = Path(__file__).parents[1] / "audits" / "samples"

#: file:function, convention, stride -> verdict and condition of each output
CASES = [
    ("plain:five_loops", "plain", 2, "PROVED", "PROVED", "PROVED"),
    ("plain:float_buffers", "plain", 3, "PROVED", "PROVED", "PROVED"),
    ("plain:with_tensordot", "plain", 2, "PROVED", "PROVED", "PROVED"),
    ("plain:float_casts", "plain", 2, "PROVED", None, "PROVED"),
    ("plain:overwrites_x", "plain", 1, "PROVED", "PROVED", "PROVED"),
    ("plain:crops_with_minus_pad", "plain", 1, "p >= 1", "PROVED", "PROVED"),
    ("plain:returns_padded", "plain", 2, "p == 0", "PROVED", "PROVED"),
    ("plain:divides_by_batch", "plain", 1, "PROVED", "N == 1", "N == 1"),
    ("plain:asserts_no_remainder", "plain", 2, *["(H + 2*p - K) mod 2 == 0 and (W + 2*p - L) mod 2 == 0"] * 3),
    ("plain:last_image_only", "plain", 1, None, "N == 1", None),
    ("plain:with_einsum", "plain", 2, "PROVED", "PROVED", "PROVED"),
    ("plain:full_correlation", "plain", 2, "PROVED", "PROVED", "PROVED"),
    ("plain:strided_windows", "plain", 2, None, "PROVED", "PROVED"),
    ("plain:matmul_and_add_at", "plain", 2, "PROVED", "PROVED", "PROVED"),
    ("plain:misses_rows", "plain", 2, "(H + 2*p - K) mod 2 == 0 and (W + 2*p - L) mod 2 == 0", "PROVED", "PROVED"),
    ("plain:dw_rows_too_many", "plain", 2, "PROVED", "(H + 2*p - K) mod 2 == 0 and (W + 2*p - L) mod 2 == 0", "PROVED"),
    ("plain:view_of_dy", "plain", 1, "PROVED", "PROVED", "PROVED"),
    ("plain:wrong_variable", "plain", 1, "PROVED", "PROVED", "never"),
    ("cs231n:conv_backward_naive", "cs231n", 2, "PROVED", "PROVED", "PROVED"),
    ("cs231n:conv_backward_crops", "cs231n", 1, "p >= 1", "PROVED", "PROVED"),
    ("coursera:conv_backward", "coursera", 2, "PROVED", "PROVED", "PROVED"),
    ("coursera:conv_backward_mean", "coursera", 1, "PROVED", "N == 1", "N == 1"),
    ("layers:Convolution", "layer", 2, "PROVED", "PROVED", "PROVED"),
    ("layers:ConvolutionWithoutCrop", "layer", 2, "p == 0", "PROVED", "PROVED"),
]


@pytest.mark.parametrize(("name", "convention", "stride", "dx", "dw", "db"), CASES, ids=lambda value: str(value))
def test_samples(name, convention, stride, dx, dw, db):
    file, function = name.split(":")
    proofs = prove_code(f"{SAMPLES / f'sample_{file}.py'}:{function}", convention, stride, replays=0)
    expected = {"dx": dx, "dw": dw, "db": db}
    assert {proof.target for proof in proofs} == {target for target, due in expected.items() if due is not None}
    for proof in proofs:
        due = expected[proof.target]
        assert (proof.verdict if proof.proved else proof.condition) == due, proof
        assert proof.condition_exact


@pytest.mark.slow
@pytest.mark.parametrize("name", ["crops_with_minus_pad", "asserts_no_remainder", "overwrites"])
def test_replayed(name):
    source = (SAMPLES / "sample_plain.py").read_text()
    reading = read(source, name, Call("plain", stride=2))
    played = replay(reading, source, name, 12)
    assert played.disagreement is None
    assert played.arrays >= 6
    assert (played.exceptions > 0) is (name == "asserts_no_remainder")


def test_a_reading_that_is_not_what_runs_is_seen():
    source = (SAMPLES / "sample_plain.py").read_text()
    reading = read(source, "five_loops", Call("plain", stride=2))
    played = replay(reading, source, "forgets_stride_in_dx", 12)
    assert "has other entries than were read" in played.disagreement
    refusing = read(source, "asserts_no_remainder", Call("plain", stride=2))
    assert "read as it raises" in replay(refusing, source, "five_loops", 12).disagreement


def test_counterexample():
    (proof,) = prove_code(f"{SAMPLES / 'sample_plain.py'}:forgets_stride_in_dx", "plain", 2, replays=0)[:1]
    assert proof.verdict == "REFUTED"
    assert proof.counterexample.sizes == {"N": 1, "C": 1, "F": 1, "H": 1, "W": 1, "K": 1, "L": 1, "p": 1}
    assert proof.counterexample.given == "dy[0,0,1,1]*w[0,0,0,0]"
    assert proof.counterexample.right == "0"


def test_what_has_no_row_is_unknown():
    source = "import numpy as np\ndef f(x, w, b, dy, stride, padding):\n    return np.fft.fft(x), None, None\n"
    proofs = prove_source(source, "f", stride=1)
    assert {proof.verdict for proof in proofs} == {"UNKNOWN"}
    assert "line 3, column 12: fft is not read" in proofs[0].reason


KERNELS = Path(__file__).parents[2] / "generated" / "kernels"


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [("conv1d_loops", 3, 2), ("conv1d_taps", 2, 1), ("conv2d_loops", 2, 1), ("conv2d_formulas", 2, 1)],
)
def test_emitted_kernels(kernel, stride, dilation):
    """With groups and the padding on every side free."""
    ndim = int(kernel[4])
    proofs = prove_code(
        f"{KERNELS / kernel}.py:conv{ndim}d_backward", "kernel", stride, dilation,
        ndim=ndim, padding="free", groups=True, replays=0,
    )  # fmt: skip
    assert [(proof.target, proof.verdict) for proof in proofs] == [(t, "PROVED") for t in ("dx", "dw", "db")], proofs[
        0
    ].reason
    assert "G" in proofs[0].scope


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [("conv_transpose1d_loops", 3, 2), ("conv_transpose1d_taps", 2, 1), ("conv_transpose2d_formulas", 2, 2)],
)
def test_emitted_transposed_kernels(kernel, stride, dilation):
    """With groups, the padding on every side and output padding free."""
    ndim = int(kernel[14])
    source = (KERNELS / f"{kernel}.py").read_text()
    options = {"ndim": ndim, "padding": "free", "groups": True, "transposed": True, "replays": 0}
    name = f"conv_transpose{ndim}d_backward"
    proofs = prove_source(source, name, "kernel", stride, dilation, **options)
    assert [(proof.target, proof.verdict) for proof in proofs] == [(t, "PROVED") for t in ("dx", "dw", "db")], proofs[0]
    assert f"0 <= {'r' if ndim == 1 else 'r, r2'} < {max(stride, dilation)} (output padding)" in proofs[0].scope


TRANSPOSED = """
import numpy as np

def backward(x, w, b, dy, stride, padding):
    N, C, O, P = x.shape
    _, F, K, L = w.shape
    H, W = dy.shape[2:]
    padded = np.zeros((N, F, stride * (O - 1) + K, stride * (P - 1) + L))
    padded[:, :, padding:padding + H, padding:padding + W] = dy
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i in range(O):
        for j in range(P):
            window = padded[:, :, i * stride:i * stride + K, j * stride:j * stride + L]
            dx[:, :, i, j] = np.einsum('nfkl,cfkl->nc', window, w)
            dw += np.einsum('nc,nfkl->cfkl', x[:, :, i, j], window)
    return dx, dw, dy.sum(axis=(0, 2, 3))
"""


def test_a_transposed_function_of_anybody():
    proofs = prove_source(TRANSPOSED, "backward", stride=2, transposed=True, replays=6)
    assert [proof.verdict for proof in proofs] == ["PROVED"] * 3, proofs[0]
    turned = TRANSPOSED.replace("return dx,", "return dx[:, :, ::-1],")
    (dx, *_) = prove_source(turned, "backward", stride=2, transposed=True, replays=6)
    assert dx.verdict == "REFUTED"
    assert dx.counterexample.sizes["O"] == 2
    (plain, *_) = prove_source(TRANSPOSED, "backward", stride=2, replays=0)
    assert not plain.proved  # the gradient of a transposed layer is not that of a plain one


ADJOINTS = [
    ("conv_backward_naive", "conv_forward_naive", ("PROVED", "PROVED", "PROVED")),
    ("conv_backward_naive", "conv_forward_turned", ("PROVED", "REFUTED", "PROVED")),
    ("conv_backward_naive", "conv_forward_unpadded", ("REFUTED", "REFUTED", "REFUSES")),
]


@pytest.mark.parametrize(
    ("backward", "forward", "verdicts"), ADJOINTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_adjoint_of_its_own_forward(backward, forward, verdicts):
    """The truth is what the forward function computes, whatever that is."""
    path = SAMPLES / "sample_cs231n.py"
    proofs = prove_code(f"{path}:{backward}", "cs231n", 2, forward=f"{path}:{forward}", replays=0)
    assert tuple(proof.verdict for proof in proofs) == verdicts


def test_forward_passes():
    path = SAMPLES / "sample_cs231n.py"
    verdicts = {
        name: prove_code(f"{path}:{name}", "cs231n", 2, targets=("y",), replays=0).verdict
        for name in ("conv_forward_naive", "conv_forward_turned", "conv_forward_no_bias")
    }
    assert verdicts == {
        "conv_forward_naive": "PROVED",
        "conv_forward_turned": "REFUTED",
        "conv_forward_no_bias": "REFUTED",
    }


def test_a_square_is_never_the_gradient():
    (proof,) = prove_code(f"{SAMPLES / 'sample_plain.py'}:squares_dy", "plain", 1, replays=0)
    assert (proof.target, proof.verdict) == ("dw", "REFUTED")
    assert proof.counterexample.given == "dy[0,0,0,0]*dy[0,0,0,0]*x[0,0,0,0]"


def test_theorem_of_an_emitted_kernel():
    source = (KERNELS / "conv1d_loops.py").read_text()
    found = theorem_of(source, "conv1d", 1, (1, 2), (1,))
    assert found.proved
    assert str(found).startswith("Proved for every size at stride 1 to 2, dilation 1: what conv1d and conv1d_backward")
    wrong = source.replace("dw[g, f, c, k] +=", "dw[g, f, c, k] -=")
    assert wrong != source
    assert str(theorem_of(wrong, "conv1d", 1, (1,), (1,))) == (
        "Not proved for every size: dw at stride 1, dilation 1: right exactly when never."
    )


def test_condition_for():
    source = (SAMPLES / "sample_plain.py").read_text()
    found = condition_for(source, "crops_with_minus_pad", "plain", (1, 2))
    assert found.text == "p >= 1"
    sizes = {"N": 1, "C": 1, "F": 1, "H": 3, "W": 3, "K": 2, "L": 2}
    assert found.right("dx", 1, 1, {**sizes, "p": 1})
    assert not found.right("dx", 1, 1, {**sizes, "p": 0})
    assert condition_for(source, "by_fourier", "plain", (1,)) is None
    for assumed, condition in (
        ("p == 0", "never"), ("p >= 1", "always"), ("2*p == K - 1 and K != 1", "always"), ("K odd, r == 0", "p >= 1"),
    ):  # fmt: skip
        restricted = found.under(assumptions(assumed))
        assert restricted.text == condition, assumed
        for sizes in ({"p": 0}, {"p": 1, "K": 3, "L": 3}):
            at = {"N": 2, "C": 1, "F": 3, "H": 5, "W": 6, "K": 3, "L": 2} | sizes
            layer = Conv((at["H"], at["W"]), (at["K"], at["L"]), stride=2, padding=at["p"])
            due = hold_for(assumptions(assumed), layer) and found.right("dx", 2, 1, at)
            assert restricted.right("dx", 2, 1, at) == due


def test_any_stride_in_the_command(tmp_path):
    (tmp_path / "layer.py").write_text("def db(x, w, b, dy, stride, padding):\n    return dy.sum(axis=(0, 2, 3))\n")
    ran = run("prove", f"{tmp_path / 'layer.py'}:db", "--target", "db", "--stride", "any", "--json")
    assert ran.status == 0, ran
    assert [(each["stride"], each["dilation"]) for each in ran.json["results"]] == [(s, 1) for s in STRIDES]
    assert_bad_usage(run("prove", f"{tmp_path / 'layer.py'}:db", "--stride", "all"), "all")


def test_one_condition_with_s_and_d():
    """Exact at every stride and dilation that was proved, and none where there is no such text."""
    path = SAMPLES / "sample_plain.py"
    proofs = prove_code(f"{path}:misses_rows", "plain", (1, 2, 3), replays=0)
    general = "(H + 2*p - d*(K - 1) - 1) mod s == 0 and (W + 2*p - d*(L - 1) - 1) mod s == 0"
    assert proofs.common == {"dx": general, "dw": "always", "db": "always"}
    assert proofs.to_dict()["common"] == proofs.common
    assert common_condition([proofs[3], replace(proofs[3], stride=3, right=proofs[3].right)]) == general
    everywhere = proofs[3].right.union(proofs[0].right)
    assert common_condition([proofs[3], replace(proofs[3], right=everywhere)]) is None


KINDS = [("conv", False), ("conv_transpose", True)]


@pytest.mark.parametrize(("name", "transposed"), KINDS, ids=[name for name, _ in KINDS])
def test_the_file_to_use_is_proved(name, transposed):
    """The columns, in blocks of as many rows as memory holds, however many those are."""
    source = (KERNELS.parent / f"{name}1d.py").read_text()
    options = {"ndim": 1, "padding": "free", "groups": True, "transposed": transposed, "replays": 3}
    proofs = prove_source(source, f"{name}1d_backward", "kernel", 2, 1, **options)
    assert [proof.verdict for proof in proofs] == ["PROVED"] * 3, proofs[0].reason
    overlapping = source.replace("min(start + max(1, most), O)", "min(start + max(1, most) + 1, O)")
    assert overlapping != source
    (dx, *_) = prove_source(overlapping, f"{name}1d_backward", "kernel", 2, 1, **{**options, "replays": 0})
    assert not dx.proved


@pytest.mark.parametrize("name", ["conv2d", "conv3d", "conv_transpose2d", "conv_transpose3d"])
@pytest.mark.slow
def test_the_file_to_use_is_proved_on_several_axes(name):
    source = (KERNELS.parent / f"{name}.py").read_text()
    options = {
        "ndim": int(name[-2]),
        "padding": "free",
        "groups": True,
        "transposed": "transpose" in name,
        "replays": 0,
    }
    proofs = prove_source(source, f"{name}_backward", "kernel", 3, 2, **options)
    assert [proof.verdict for proof in proofs] == ["PROVED"] * 3, proofs[0].reason


def test_an_unbound_name_raises():
    source = "import numpy as np\ndef f(x, w, b, dy, stride, padding):\n    return missing, None, None\n"
    proofs = prove_source(source, "f", stride=1, replays=2)
    assert {proof.verdict for proof in proofs} == {"REFUSES"}
    assert proofs[0].raises == {"NameError": "always"}
    later = source.replace("    return", "    global missing\n    return")  # somebody else may bind it
    assert prove_source(later, "f", stride=1, replays=0)[0].verdict == "UNKNOWN"


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        ("min(C * F, N) < 1", "PROVED"),
        ("C * F >= 1", "REFUSES"),
        ("min(C * F, N) > 1", "UNKNOWN"),
        ("C * F <= 1", "UNKNOWN"),
    ],
)
def test_of_a_product_only_is_known_that_it_is_one_at_least(test, verdict):
    source = f"""
def f(x, w, b, dy, stride, padding):
    N, C, F = x.shape[0], x.shape[1], w.shape[0]
    if {test}:
        raise ValueError
    return dy.sum(axis=(0, 2, 3))
"""
    assert prove_source(source, "f", stride=1, targets=("db",), replays=0).verdict == verdict


def test_a_border_is_read():
    """The gradient by w of a layer whose border repeats the edge, against its own forward pass and against zeros."""
    body = """
    xp, K, L = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="edge"), w.shape[2], w.shape[3]
    O, P = xp.shape[2] - K + 1, xp.shape[3] - L + 1
"""
    head = "    x, w, b, param = cache\n    p = param['pad']"
    source = f"""
import numpy as np

def forward(x, w, b, param):
    p = param["pad"]{body}
    y = np.zeros((x.shape[0], w.shape[0], O, P))
    for i, j in np.ndindex(O, P):
        y[:, :, i, j] = np.einsum("nckl,fckl->nf", xp[:, :, i:i + K, j:j + L], w) + b
    return y, (x, w, b, param)

def backward(dy, cache):
{head}{body}
    dw = np.zeros(w.shape)
    for i, j in np.ndindex(O, P):
        dw += np.einsum("nf,nckl->fckl", dy[:, :, i, j], xp[:, :, i:i + K, j:j + L])
    return dw
"""
    options = {"targets": ("dw",), "replays": 0}
    assert prove_source(source, "backward", "cs231n", 1, forward="forward", **options).proved
    (against_zeros,) = prove_source(source, "backward", "cs231n", 1, **options)
    assert (against_zeros.verdict, against_zeros.condition) == ("REFUTED", "p == 0")


@pytest.mark.parametrize(("given", "verdict"), [("x, w", "PROVED"), ("[x, w]", "UNKNOWN"), ("1", "UNKNOWN")])
def test_the_dtype_of_several(given, verdict):
    source = f"""
import numpy as np
def f(x, w, b, dy, stride, padding):
    return dy.astype(np.result_type({given})).sum(axis=(0, 2, 3))
"""
    assert prove_source(source, "f", stride=1, targets=("db",), replays=0).verdict == verdict


def test_outputs_that_are_asked_for_alone():
    """Of a tuple of dx, dw, db only some may be outputs: the others are None, or not asked for."""
    source = "def f(x, w, b, dy, stride, padding):\n    return None, None, dy.sum(axis=(0, 2, 3))\n"
    found = prove_source(source, "f", targets=("dw", "db"))
    assert [(each.target, each.verdict) for each in found] == [("db", "PROVED")]
    assert [each.target for each in prove_source(source.replace("None, None, ", ""), "f", targets=("db",))] == ["db"]
    (unread,) = prove_source(source.replace("None, None", "None"), "f", targets=("db",), replays=0)
    assert (unread.verdict, unread.reason) == ("UNKNOWN", "line 2, column 5: a return of 2 values is not read")
