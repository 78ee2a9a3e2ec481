"""What is said of functions on which false things are said easily: verdict, condition and cause, in our own words."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from symconv.audits import Audit, audit
from symconv.audits.causes import Observed, confirmed
from symconv.audits.grids import default_grid
from symconv.audits.inference.settle import settled
from symconv.audits.reports.junit import junit_xml
from symconv.audits.reports.repro import repro
from symconv.audits.sandbox.supervisor import shared_workers
from symconv.audits.truth import Derivative, point
from symconv.layer.conv import Conv
from tests.audits.independent import SAMPLES

FILE = SAMPLES / "sample_awkward.py"


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


@cache
def audited(name: str) -> Audit:
    """What none of the tests changes; earlier calls matter to none of these functions."""
    return audit(f"{FILE}:{name}", "plain", grid="quick", seed=3, engine="exact", once=True)


def cause(result: Audit, output: str) -> list[str]:
    return [each.key for each in result.causes.get(output, [])]


@pytest.mark.parametrize(
    ("name", "output", "key"),
    [
        ("bias_column", "db", "other-shape"),
        ("python2_division", "dx", "true-division"),
        ("shifted_when_even", "dx", "shifted"),
        ("reshaped_dw", "dw", "reshaped"),
        ("one_axis", "dx", "forgets-stride-on-one-axis"),
    ],
)
def test_cause(name: str, output: str, key: str) -> None:
    result = audited(name)
    assert not result.ok
    assert key in cause(result, output)


def test_no_stride_where_it_says_nothing() -> None:
    result = audited("one_position")
    assert result.tally_of("dx").wrong
    assert "forgets-stride" not in cause(result, "dx")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("shifted_when_even", "K is odd or no tap meets the input, wherever every side of the input is longer than 1"),
        ("reshaped_dw", "C = 1 or F = 1 or no tap meets the input"),
    ],
)
def test_condition(name: str, rule: str) -> None:
    assert audited(name).condition.rule_text == rule


def test_refusals() -> None:
    assert str(audited("right_when_f_is_1").refusal).startswith("refuses exactly when F > 1,")
    fits = audited("size_check")
    assert (fits.wrong, fits.ok, fits.ok_strictly) == (0, True, False)
    assert "dx right in 22 of 22 judged, refused in 23" in str(fits)
    limited = audited("raises_on_stride")
    assert (limited.wrong, limited.ok, limited.limits) == (0, False, ("refuses every stride > 1",))
    assert audited("helper_refuses").wrong, "a helper that declines what was worked out wrongly is an error"
    checks = audited("helper_checks")
    assert (checks.wrong, checks.refused) == (0, 15)


def test_nan_of_one_output_leaves_the_others() -> None:
    result = audited("reads_outside")
    assert [result.tally_of(output).right for output in ("dx", "dw", "db")] == [0, 45, 45]


def test_every_exception_is_told() -> None:
    result = audited("two_exceptions")
    assert sorted(result.errors.values()) == [15, 15]
    assert {message for message, _ in result.errors} == {"KeyError: 'first'", "IndexError: list index out of range"}


def test_complex_result() -> None:
    failure = audited("complex_db").smallest_failure
    assert failure is not None
    assert "complex128" in failure.note


def test_junit_says_why() -> None:
    assert "likely cause: dw has the right entries in another order" in junit_xml(audited("reshaped_dw"))


def test_repro_fails_without_symconv(tmp_path: Path) -> None:
    """The test that is printed fails on the function, passes on a right one, and imports NumPy and the file alone."""
    text = repro(audited("half_dw"))
    assert len(text.splitlines()) <= 16
    (tmp_path / "test_it.py").write_text(text)
    for name in (FILE, SAMPLES / "sample_watched.py"):
        (tmp_path / name.name).write_text(name.read_text())
    # -B: the file is written twice within a second, and compiled once it would be taken for the same
    program = "import sys; sys.modules['symconv'] = None; import test_it; test_it.test_dw_of_half_dw()"
    ran = subprocess.run([sys.executable, "-B", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert "AssertionError" in ran.stderr
    (tmp_path / "test_it.py").write_text(
        text.replace("import half_dw", "import truth as half_dw").replace("awkward", "watched")
    )
    assert subprocess.run([sys.executable, "-B", "-c", program], cwd=tmp_path, check=False).returncode == 0


@pytest.mark.parametrize("name", ["WrongBias", "WrongUpdate", "wrong_averages", "wrong_forgets_stride"])
def test_repro_of_an_inferred_call(name: str, tmp_path: Path) -> None:
    """A class, one that learns as it goes back, a cache, a function in another order: the test is about the true derivative."""
    styles = SAMPLES / "sample_styles.py"
    call = settled(f"{styles}:{name}")
    assert call.reading is not None
    found = audit(f"{styles}:{name}", call.convention, grid="minimal", engine="exact", once=True, jobs=1)
    text = repro(found, reading=call.reading)
    assert len(text.splitlines()) <= 21
    (tmp_path / "test_it.py").write_text(text)
    (tmp_path / styles.name).write_text(styles.read_text())
    test = re.findall(r"def (test_\w+)", text)[0]
    program = f"import sys; sys.modules['symconv'] = None; import test_it; test_it.{test}()"
    ran = subprocess.run([sys.executable, "-B", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert "AssertionError" in ran.stderr
    right = {"WrongBias": "Torchlike", "WrongUpdate": "Updating", "wrong_averages": "cached_without_forward",
             "wrong_forgets_stride": "other_order"}[name]  # fmt: skip
    (tmp_path / "test_it.py").write_text(re.sub(rf"\b{name}\b", right, text))
    assert subprocess.run([sys.executable, "-B", "-c", program], cwd=tmp_path, check=False).returncode == 0


def test_rows_in_reverse_order() -> None:
    conv = Conv((4, 3), (2, 2), 2)
    at = point(conv, 0, 0, 9)
    truth = Derivative(conv).numbers(at, "dx")
    for value, seen in (
        (truth[..., ::-1], True),
        (truth[:, :, ::-1, ::-1], True),
        (truth, False),
        (truth[::-1], False),
    ):
        assert ("mirrored" in confirmed(Observed(conv, "dx", at, truth, value))) is seen


def test_an_empty_grid_says_why() -> None:
    with pytest.raises(ValueError, match=r"is empty: .*kernel"):
        default_grid(input=[(2, 2)], kernel=[(5, 5)], padding=[0])
