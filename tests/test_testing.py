"""What other test suites import: the assertion, the cases, the pytest plugin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symconv.layer.conv import Conv
from symconv.testing import ConvCase, assert_conv_gradients, cases

pytest_plugins = ["pytester"]


def right(x, w, b, dy, stride, padding):  # type: ignore[no-untyped-def]
    return {"db": dy.sum(axis=(0, 2, 3))}


def wrong(x, w, b, dy, stride, padding):  # type: ignore[no-untyped-def]
    return {"db": dy.sum(axis=(0, 2, 3)) * stride}


def choosy(x, w, b, dy, stride, padding):  # type: ignore[no-untyped-def]
    if stride > 1:
        raise NotImplementedError("stride 1 alone")
    return right(x, w, b, dy, stride, padding)


GRID = [Conv((4, 3), (2, 2), stride=s, padding=p) for s in (1, 2) for p in (0, 1)]


def test_assertion_passes() -> None:
    assert assert_conv_gradients(right, grid=GRID).right == 4


def test_assertion_says_what_is_wrong() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_conv_gradients(wrong, grid=GRID)
    words = str(caught.value)
    assert "wrong is wrong in 2 of 4 geometries" in words
    assert "smallest failure: db at Conv(input=(4, 3), kernel=(2, 2), stride=(2, 2))" in words
    assert "db = 2*dy_{11} + 2*dy_{21}" not in words.split("true")[1]
    assert "likely cause (db): scaled by 2" in words
    assert "right exactly when stride = 1, on all 4 cases tried" in words


def test_refusals_count_when_asked() -> None:
    assert assert_conv_gradients(choosy, grid=GRID).refused == 2
    with pytest.raises(AssertionError, match=r"refuses 2 of 4 geometries\n.*stride 1 alone"):
        assert_conv_gradients(choosy, grid=GRID, refusals=False)


def test_a_wrong_convention_is_no_assertion() -> None:
    with pytest.raises(ValueError, match="no convention 'keras'"):
        assert_conv_gradients(right, "keras", grid=GRID)


CASE = ConvCase(Conv((5, 6), (3, 2), 2, 2, 3, stride=(2, 1), padding=(1, 0)))


def test_case() -> None:
    torch = pytest.importorskip("torch")
    x, w, b = (torch.tensor(a, requires_grad=True) for a in (CASE.x, CASE.w, CASE.b))
    y = torch.nn.functional.conv2d(x, w, b, stride=CASE.stride, padding=CASE.padding)
    y.backward(torch.tensor(CASE.dy))
    CASE.check(y=y.detach(), dx=x.grad, dw=w.grad, db=b.grad)
    assert (CASE.stride, CASE.padding, str(CASE)) == ((2, 1), (1, 0), "in5x6-k3x2-n2c2f3-s2x1-p1x0")


def test_case_finds_what_is_wrong() -> None:
    CASE.check(dx=CASE.dx, dw=CASE.dw.astype(np.float32), db=list(CASE.db))
    off = CASE.dw.copy()
    off[1, 0, 2, 1] += 1 / 64
    with pytest.raises(
        AssertionError, match=r"is wrong in 1 of 36 entries; dw\[1, 0, 2, 1\] is .* dw_\{2132\} = dy_\{1"
    ):
        CASE.check(dw=off)
    with pytest.raises(AssertionError, match=r"has shape \(2, 2, 4, 6\), true \(2, 2, 5, 6\)"):
        CASE.check(dx=CASE.dx[:, :, :4])
    with pytest.raises(TypeError, match="no result 'dz'"):
        CASE.check(dz=CASE.dx)


def test_cases_do_not_share_arrays() -> None:
    before = CASE.x
    CASE.x[...] = 0
    assert np.array_equal(CASE.x, before)
    assert len(cases("quick", ndim=1, dilation=(1, 2))) > 45
    assert {case.conv.transposed for case in cases("quick", transposed=True)} == {True}


SUITE = """
    import numpy as np
    import pytest
    from symconv.testing import cases

    def db(dy):
        return dy.sum(axis=(0, 2, 3))

    def test_right(conv_case):
        conv_case.check(db=db(conv_case.dy))

    @pytest.mark.conv_grid("quick", stride=(1,), ndim=1)
    def test_one_axis(conv_case):
        assert conv_case.x.ndim == 3
        conv_case.check(db=conv_case.dy.sum(axis=(0, 2)) * (conv_case.conv.batch < 2))

    @pytest.mark.parametrize("case", cases("quick", stride=(3,)), ids=str)
    def test_parameters(case):
        case.check(db=db(case.dy))
"""


@pytest.mark.slow
def test_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("-q", "--strict-markers", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=45 + (15 - 9) + 15, failed=9)
    result.stdout.fnmatch_lines(["FAILED *::test_one_axis[[]in6-k2-n3c1f2*"])


def test_plugin_loads_nothing_until_it_is_asked(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import sys\ndef test():\n    assert not {'sympy', 'symconv.testing', 'joblib'} & set(sys.modules)\n"
    )
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128, np.int64, object], ids=str
)
def test_check_is_as_exact_as_the_dtype(dtype: Any) -> None:
    case = ConvCase(CASE.conv)
    case.__dict__["dw"] = np.round(CASE.dw / 2**6)  # whole numbers that float16 holds exactly
    right = case.dw.astype(dtype)
    case.check(dw=right)
    places = [np.unravel_index(int(np.abs(case.dw).argmax()), right.shape), (0,) * right.ndim]
    step = {"float16": 2.0**-6, "float32": 2.0**-17, "complex64": 2.0**-17, "float64": 1e-11, "complex128": 1e-11}
    by = step.get(np.dtype(dtype).name, 0) * float(np.abs(case.dw).max()) or 1
    for place in places:
        off = right.copy()
        off[place] += by
        with pytest.raises(AssertionError, match=r"is wrong in 1 of .* entries"):
            case.check(dw=off)


def test_check_of_what_is_no_number() -> None:
    for bad in (np.full(CASE.dw.shape, np.nan), CASE.dw + 1j, np.full(CASE.dw.shape, None, object)):
        with pytest.raises(AssertionError, match=f"is wrong in {CASE.dw.size} of {CASE.dw.size} entries"):
            CASE.check(dw=bad)
    with pytest.raises(AssertionError, match="holds no numbers"):
        CASE.check(dw=np.full(CASE.dw.shape, "3"))
    with pytest.raises(AssertionError, match="is wrong in"):  # an error that an absolute tolerance let pass
        CASE.check(dw=CASE.dw + 1e-4)
