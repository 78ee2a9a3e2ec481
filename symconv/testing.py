"""For other people's test suites: assertions and parametrisation over geometries.

    from symconv.testing import assert_conv_gradients, cases

    def test_backward():
        assert_conv_gradients(conv_backward, convention="cs231n")

    @pytest.mark.parametrize("case", cases("quick"), ids=str)
    def test_dx(case):
        case.check(dx=my_dx(case.dy, case.w, case.stride, case.padding))

The pytest plugin gives the same cases as the fixture ``conv_case``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from symconv.audits import audit
from symconv.audits.grids import default_grid
from symconv.audits.minimal import minimal_cases
from symconv.audits.reports.text import unjudged
from symconv.courses.conv_case import ConvCase
from symconv.layer.conv import Conv

if TYPE_CHECKING:
    from symconv.audits import Audit

__all__ = ["ConvCase", "assert_conv_gradients", "cases"]


def cases(grid: str | Iterable[Conv] = "default", **options: Any) -> list[ConvCase]:
    """The cases of a grid, "default", "quick" or "minimal", for parametrisation; with options as those of the grid (``ndim=1``,
    ``dilation=(1, 2)``, ``transposed=True``).

    "minimal" are the fewest cases on which every mistake of :mod:`symconv.courses.mistakes` shows; its options are ``ndim``
    and ``parameters``, what the function takes beside one stride and one padding: some of "dilation", "groups", "oblong",
    "asymmetric", each a case more.

    >>> len(cases()), str(cases("quick")[9])
    (180, 'in4x5-k3x2')
    >>> cases("minimal", parameters=["groups"])  # doctest: +NORMALIZE_WHITESPACE
    [ConvCase(Conv(input=(4, 5), kernel=(3, 2), stride=(2, 2), padding=(2, 2))),
     ConvCase(Conv(input=(6, 4), kernel=(1, 1), batch=2, in_channels=2, out_channels=3, stride=(3, 3))),
     ConvCase(Conv(input=(3, 3), kernel=(1, 1), in_channels=2, out_channels=2, stride=(3, 3), groups=2))]
    """
    if grid == "minimal":
        return [ConvCase(conv, number=number) for conv, number in minimal_cases(**options)]
    convs = default_grid(grid, **options) if isinstance(grid, str) else grid
    return [ConvCase(conv) for conv in convs]


def assert_conv_gradients(
    function: str | os.PathLike[str] | Callable[..., Any],
    convention: str | Callable[..., Any] = "auto",
    *,
    grid: str | Iterable[Conv] = "default",
    forward: str | Callable[..., Any] | None = None,
    mode: str = "backward",
    outputs: Sequence[str] | None = None,
    square: bool = False,
    refusals: bool = True,
    **options: Any,
) -> Audit:
    """AssertionError, with the smallest failure in words, unless the function is right on every case of the grid.

    Arguments are those of :func:`symconv.audit`; with ``refusals=False`` a case that the function declines counts as wrong.
    Returns the audit.

    >>> def backward(x, w, b, dy, stride, padding):
    ...     return None, None, dy.sum(axis=(0, 2, 3))
    >>> assert_conv_gradients(backward, grid="quick").right
    45
    """
    __tracebackhide__ = True
    options.setdefault("proof", False)
    result = audit(
        function, convention, grid=grid, forward=forward, mode=mode, outputs=outputs, square=square, **options
    )
    if result.ok and (refusals or not result.refused):
        return result
    raise AssertionError(_in_words(result))


def _in_words(result: Audit) -> str:
    lines = [f"{result.label} is wrong in {result.wrong} of {result.tally.cases} geometries"]
    if not result.wrong and result.unjudged:
        lines = [f"{result.label} is not judged in {unjudged(result)}"]
    elif not result.wrong:
        lines = [f"{result.label} refuses {result.refused} of {result.tally.cases} geometries"]
        lines.append(next(case.verdict.message for case in result.documented if case.refuses()))
    if result.smallest_failure is not None:
        lines.append(f"smallest failure: {result.smallest_failure}")
    for output, causes in result.causes.items():
        lines += [f"likely cause ({output}): {cause.text}" for cause in causes]
    lines.append(str(result.condition))
    return "\n".join(lines)
