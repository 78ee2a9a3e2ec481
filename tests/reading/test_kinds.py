"""What Python's types refuse: read as the exception that it is, and only where it is one."""

from __future__ import annotations

import numpy as np
import pytest

from symconv.reading import Call, prove_source, read

REFUSED = [
    "x.start", "stride.start", "x.shape.kind", "'pad'.shape", "slice(0, 1).begin", "{}.shape", "backward2",
    "x(1)", "stride(padding)", "x.shape(0)", "slice(1)(2)",
    "[a for a in stride]", "[a for a in None]", "tuple(padding)", "dict(**x.shape)", "len(stride)", "list(stride)",
    "x.shape['a']", "stride[0]", "slice(0, 1)[0]",
    "x + None", "x.shape + 'a'", "-x.shape", "~x.shape", "'a' - 'b'", "'a' < 1", "x.shape < 'a'", "1 in 2", "{} + 1",
    "np.zeros((x, 1))", "np.zeros(stride / 2)", "x.reshape(x, 1)", "x[:x]", "x[None:(1,)]", "x[x]",
    "np.stride", "[a for b in (1, 2) for a in (b, a)][0] + a",
    "later", "[later for a in (1, 2)]",
]  # fmt: skip
LET_PASS = [
    "x.shape + (1,)",
    "len(x.shape)",
    "'a' + 'b'",
    "x.shape[0]",
    "x.shape[:2]",
    "1 in (1, 2)",
    "-stride",
    "'a' in 'ab'",
]


def source(expression: str) -> str:
    return f"""
import numpy as np

def backward(x, w, b, dy, stride, padding):
    found = {expression}
    later = found
    return None, None, dy.sum(axis=(0, 2, 3))
"""


@pytest.mark.parametrize("expression", REFUSED)
def test_what_python_refuses_is_its_exception(expression):
    space: dict = {}
    exec(source(expression), space)
    with pytest.raises((TypeError, AttributeError, NameError, IndexError)) as raised:
        space["backward"](np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), None, np.ones((1, 1, 2, 2)), 1, 0)
    reading = read(source(expression), "backward", Call("plain"))
    assert reading.reasons == []
    (kind,) = reading.raises
    assert issubclass(__builtins__[kind], (TypeError, AttributeError, NameError, IndexError))
    assert issubclass(raised.type, __builtins__[kind]) or issubclass(__builtins__[kind], raised.type)


@pytest.mark.parametrize("expression", LET_PASS)
def test_what_it_lets_pass_is_read(expression):
    (proof,) = prove_source(source(expression), "backward", targets=("db",), replays=0)
    assert proof.proved


@pytest.mark.parametrize(
    "expression", ["x.view(int)", "stride + x.shape", "'%s' % 1 % 2", "x < (1, 2)", "x.real", "stride.shape"]
)
def test_what_may_be_lets_the_verdict_open(expression):
    proofs = prove_source(source(expression), "backward", targets=("db",), replays=0)
    assert [proof.verdict for proof in proofs] == ["UNKNOWN"] or proofs[0].proved


def test_a_loop_may_bind_before():
    text = """
def backward(x, w, b, dy, stride, padding):
    for i in range(2):
        if i == 1:
            first = last
        last = i
    return None, None, dy.sum(axis=(0, 2, 3)) + first
"""
    (proof,) = prove_source(text, "backward", targets=("db",), replays=0)
    assert proof.verdict != "REFUSES"
    (proof,) = prove_source(text.replace("i == 1", "i == 0"), "backward", targets=("db",), replays=0)
    assert proof.verdict == "REFUSES"
    (proof,) = prove_source(
        text.replace("range(2)", "range(2, 2 + x.shape[0])"), "backward", targets=("db",), replays=0
    )
    assert proof.verdict in ("UNKNOWN", "REFUSES")
    (proof,) = prove_source(text.replace("range(2)", "range(x.shape[0])"), "backward", targets=("db",), replays=0)
    assert proof.verdict == "UNKNOWN"


def test_one_output_of_three_values_is_named_by_its_place():
    (proof,) = prove_source(source("stride"), "backward", targets=("db",), replays=3)
    assert (proof.target, proof.proved) == ("db", True)


@pytest.mark.parametrize(
    ("test", "verdict"), [("stride == 1", "PROVED"), ("stride == 2", "REFUSES"), ("x.shape[0] > 1", "REFUSES")]
)
def test_what_no_statement_bound_raises(test, verdict):
    text = f"""
def backward(x, w, b, dy, stride, padding):
    if {test}:
        zero = 0
    return None, None, dy.sum(axis=(0, 2, 3)) + zero
"""
    (proof,) = prove_source(text, "backward", targets=("db",), replays=0)
    assert proof.verdict == verdict
    if "shape" in test:
        assert proof.condition == "N >= 2"


@pytest.mark.parametrize(("given", "replays"), [("x.shape[1]", 2), ("0", 0)])
def test_a_number_is_no_gradient(given, replays):
    (proof,) = prove_source(
        source("stride").replace("dy.sum(axis=(0, 2, 3))", given), "backward", targets=("db",), replays=replays
    )
    assert (proof.verdict, proof.condition) == ("REFUTED", "never")


@pytest.mark.parametrize("axes", ["(0, -1, -2)", "(3, 0, 2)", "(2, 3, 0)"])
def test_a_sum_over_axes_in_any_order(axes):
    source = f"def backward(x, w, b, dy, stride, padding):\n    return dy.sum({axes})\n"
    (proof,) = prove_source(source, "backward", stride=2, targets=("db",), replays=4)
    assert proof.verdict == "PROVED", proof.reason


def test_a_comprehension_over_what_its_own_index_bounds_is_not_guessed():
    """The inner range is the comprehension's own i, not the function's."""
    source = """
def backward(x, w, b, dy, stride, padding):
    i = 2
    total = sum([dy[:, :, i % 1, 0].sum(axis=0) for i in range(dy.shape[2]) for j in range(i)])
    return total
"""
    (proof,) = prove_source(source, "backward", stride=1, targets=("db",), replays=0)
    assert proof.verdict == "UNKNOWN"
    assert "line 4, column 17: a comprehension over what its own index bounds" in (proof.reason or "")


def test_a_default_is_made_once():
    source = """
def scaled(a, calls=[0]):
    calls[0] += 1
    return a * calls[0]

def backward(x, w, b, dy, stride, padding):
    scaled(dy)
    return scaled(dy).sum(axis=(0, 2, 3)) / 2
"""
    (proof,) = prove_source(source, "backward", stride=1, targets=("db",), replays=0)
    assert proof.verdict == "PROVED", proof.reason
