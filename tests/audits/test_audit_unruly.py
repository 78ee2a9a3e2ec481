"""Code that hangs, crashes, exits, prints or depends on chance: the verdict of its cases and of no others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from symconv.audits import Audit, audit
from symconv.audits.grids import default_grid
from symconv.audits.sandbox.supervisor import shared_workers
from symconv.layer.conv import Conv
from tests.audits.independent import SAMPLES

FILE = SAMPLES / "sample_unruly.py"


def small_grid() -> list[Conv]:
    """Strides 1 to 3 and padding 0 to 2 on two sizes, one image and two."""
    return [*default_grid(input=[(4, 3)], kernel=[(2, 2)], batch=1), *default_grid(input=[(5, 4)], kernel=[(3, 2)])]


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


def audited(name: str, **options: object) -> Audit:
    return audit(f"{FILE}:{name}", grid=small_grid(), **options)  # type: ignore[arg-type]


#: function -> (the cases that fail, a word of their message)
UNRULY: dict[str, tuple[Callable[[Conv], bool], str]] = {
    "reads_out_of_bounds": (lambda c: c.batch > 1, ""),
    "kills_the_interpreter": (lambda c: c.stride == (2, 2), "SIGSEGV"),
    "exits": (lambda c: c.stride != (1, 1), "status"),
    "fills_the_memory": (lambda c: c.padding[0] == (1, 1), "MemoryError"),
    "asks": (lambda c: c.padding[0] != (0, 0), "EOFError"),
    "recurses": (lambda c: c.stride == (3, 3), "RecursionError"),
}


@pytest.mark.parametrize("name", UNRULY)
def test_error(name: str) -> None:
    fails, word = UNRULY[name]
    result = audited(name)
    for case in result.cases:
        failed = "limit" if name == "fills_the_memory" else "error"
        assert case.status("db") == (failed if fails(case.conv) else "ok"), (case.conv.slug, case.verdict)
        if fails(case.conv):
            assert word in case.verdict.message
    assert not result.ok
    if name == "fills_the_memory":  # what a limit ends is not judged
        assert (result.wrong, result.unjudged) == (0, sum(fails(case.conv) for case in result.cases))
        assert "raise --memory-limit" in str(result)
        return
    assert result.smallest_failure is not None
    assert result.smallest_failure.message


def test_hang() -> None:
    result = audited("hangs", time_limit=1.0)
    hanging = [case for case in result.cases if case.status("db") != "ok"]
    assert [(c.conv.stride, c.conv.padding[0], c.conv.input[0]) for c in hanging] == [((3, 3), (2, 2), 5)]
    assert hanging[0].verdict.message == "no answer within 1 s (the time limit)"
    assert (result.ok, result.wrong, result.unjudged) == (False, 0, 1)
    assert "raise --time-limit" in str(result)


def test_strided_view_just_beyond() -> None:
    """Where the windows of the padded x end outside x, whatever happens to lie there is not a right answer."""
    result = audited("reads_just_beyond")
    assert {case.conv.padding[0] for case in result.cases if case.right(("dw",))} == {(0, 0)}
    beyond = [case for case in result.cases if any("outside its array" in finding for finding in case.verdict.findings)]
    assert beyond
    assert all(case.right(("db",)) for case in result.cases), "what one output reads says nothing of the others"


def test_unset_memory() -> None:
    result = audited("adds_to_unset_memory")
    assert not any(case.right(("db",)) for case in result.cases)


def test_printing_disturbs_nothing() -> None:
    call = ["audit", f"{FILE}:prints", "--json", "--input", "4x3", "--kernel", "2x2"]
    program = "from symconv.cli import main; main()"
    run = subprocess.run([sys.executable, "-c", program, *call], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["right"] == 9
    assert run.stderr == ""


@pytest.mark.parametrize("name", ["random_noise", "remembers"])
def test_not_deterministic(name: str) -> None:
    result = audited(name)
    assert not result.ok
    assert any("not deterministic" in finding for finding in result.findings)
    if name == "random_noise":
        assert {case.conv.stride for case in result.cases if not case.right(("db",))} == {(2, 2)}
        assert result.condition.text is not None
    assert not any(result.causes.values())


def test_a_case_leaves_nothing_behind() -> None:
    """Every case finds the module as it was loaded: one with a memory is wrong in each, whatever ran before."""
    verdicts = [[case.verdict for case in audited("remembers", jobs=jobs).cases] for jobs in (1, 3)]
    assert verdicts[0] == verdicts[1]
