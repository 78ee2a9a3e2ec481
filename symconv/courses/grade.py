"""Grading a backward pass: partial credit for each output and kind of geometry, in the form that a course's grader reads.

A mark is given for each output (dx, dw, db; y of a forward pass) on each kind of geometry that the function's convention
documents, all of them worth the same; within one it is given in full or not at all, since a formula that fails somewhere in a
kind is not the formula for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.audits import Audit, audit
from symconv.audits.arrays import face_of
from symconv.audits.grids import default_grid
from symconv.audits.minimal import minimal_cases
from symconv.layer.conv import Conv

__all__ = ["FORMATS", "KINDS", "LEVELS", "Grade", "Mark", "grade"]

#: how much a message says: whether it is right; what kind of mistake it is; also the geometry and the entry, never the true value
LEVELS = ("hidden", "hint", "full")


#: kind -> what is said of it, and whether a geometry is of it; each is of the first that it fits
KINDS: dict[str, tuple[str, Callable[[Conv], bool]]] = {
    "groups": ("several groups of channels", lambda conv: conv.groups > 1),
    "dilation": ("a kernel with gaps", lambda conv: any(d > 1 for d in conv.dilation)),
    "remainder": (
        "a stride that does not divide",
        lambda conv: any(conv.remainder) and any(s > 1 for s in conv.stride),
    ),
    "stride-padding": (
        "stride and padding together",
        lambda conv: any(s > 1 for s in conv.stride) and not _unpadded(conv),
    ),
    "stride": ("a stride", lambda conv: any(s > 1 for s in conv.stride)),
    "padding": ("padding", lambda conv: not _unpadded(conv)),
    "plain": ("stride 1, no padding", lambda conv: True),
}


def _unpadded(conv: Conv) -> bool:
    return not any(p for pair in conv.padding for p in pair)


@dataclass(frozen=True)
class Mark:
    """One output on one kind of geometry: ``right`` of ``cases``; ``message`` in the level asked for."""

    output: str
    kind: str
    right: int
    cases: int
    message: str

    @property
    def name(self) -> str:
        return f"{self.output}: {KINDS[self.kind][0]}"

    @property
    def full(self) -> bool:
        return self.right == self.cases


@dataclass(frozen=True)
class Grade:
    """The marks of a function, ``points`` of ``maximum`` in all, and the audit they come from."""

    marks: tuple[Mark, ...]
    maximum: float
    level: str
    audit: Audit

    @property
    def points(self) -> float:
        return self.maximum * sum(mark.full for mark in self.marks) / len(self.marks)

    def to_dict(self) -> dict[str, Any]:
        """``points``, ``maximum``, ``level`` and ``marks``: a list of output, kind, right, cases, points, message."""
        share = self.maximum / len(self.marks)
        parts = [
            {"output": m.output, "kind": m.kind, "right": m.right, "cases": m.cases, "points": share * m.full, "maximum": share,
             "message": m.message}
            for m in self.marks
        ]  # fmt: skip
        return {
            "function": self.audit.label,
            "points": self.points,
            "maximum": self.maximum,
            "level": self.level,
            "marks": parts,
        }

    def render(self, format: str) -> str:
        """The grade as text or for a grader: gradescope, otter, nbgrader, json."""
        if format not in FORMATS:
            raise ValueError(f"no format {format!r}; there are {', '.join(FORMATS)}")
        return FORMATS[format](self)

    def __str__(self) -> str:
        return _text(self)

    def __repr__(self) -> str:
        return f"<grade of {self.audit.label}: {self.points:g} of {self.maximum:g}>"


def grade(
    function: Any, convention: Any = "plain", *, forward: Any = None, mode: str = "backward",
    outputs: Sequence[str] | None = None, maximum: float = 100.0, level: str = "hint", grid: str = "quick", **options: Any,
) -> Grade:  # fmt: skip
    """Grade a function, or ``"FILE.py:NAME"``, called as for :func:`symconv.audit`.

    The geometries are the fewest that show every known mistake and those of ``grid``, as far as the convention documents them.
    ``outputs`` are those that give marks: all that the convention returns, unless given; one that is not returned is wrong.
    A geometry that the function declines counts as wrong. ValueError for bad options or code that does not load.

    >>> def backward(x, w, b, dy, stride, padding):
    ...     return None, None, dy[0].sum(axis=(1, 2))     # forgets the batch
    >>> found = grade(backward, outputs=["db"], maximum=10)
    >>> found
    <grade of ...backward: 0 of 10>
    >>> print(found.marks[0].message)
    the result is wrong when there are several images
    """
    if level not in LEVELS:
        raise ValueError(f"no level {level!r} of messages; there are {', '.join(LEVELS)}")
    if not maximum > 0:
        raise ValueError(f"maximum {maximum} must be positive")
    convs = [conv for conv, _ in minimal_cases()] + default_grid(grid)
    found = audit(function, convention, forward=forward, mode=mode, grid=convs, trial=False, proof=False, **options)
    names = tuple(outputs or (("y",) if mode == "forward" else _returned(found)))
    marks = []
    for output in names:
        for kind in KINDS:
            cases = [case for case in found.documented if _kind(case.conv) == kind]
            if cases:
                right = sum(case.status(output) == "ok" for case in cases)
                marks.append(Mark(output, kind, right, len(cases), _message(found, output, cases, level)))
    if not marks:
        raise ValueError("the convention documents none of the geometries")
    return Grade(tuple(marks), float(maximum), level, found)


def _returned(found: Audit) -> tuple[str, ...]:
    return tuple(name for name in face_of(found.mode).returns if name in found.outputs)


def _kind(conv: Conv) -> str:
    return next(kind for kind, (_, fits) in KINDS.items() if fits(conv))


#: a property of a geometry -> what is said where exactly the wrong ones have it
_HINTS: dict[str, Callable[[Conv], bool]] = {
    "there are several images": lambda conv: conv.batch > 1,
    "there are several channels": lambda conv: conv.in_channels > 1,
    "there are several filters": lambda conv: conv.out_channels > 1,
    "height and width differ": lambda conv: len(set(conv.input)) > 1,
    "the kernel is not square": lambda conv: len(set(conv.kernel)) > 1,
}


def _message(found: Audit, output: str, cases: Sequence[Any], level: str) -> str:
    """What is said of a mark that is not full; nothing of the true values."""
    wrong = [case for case in cases if case.status(output) != "ok"]
    if not wrong:
        return ""
    if level == "hidden":
        return "not right"
    smallest = min(wrong, key=lambda case: case.conv.terms)
    status = smallest.status(output)
    said = {
        "shape": "the result has another shape than it should", "error": f"it raises: {smallest.verdict.message}",
        "refuses": f"it declines: {smallest.verdict.message}", "value": "the result is wrong",
        "limit": f"it takes too much: {smallest.verdict.message}",
    }.get(status, "no result came back")  # fmt: skip
    bad = {case.conv for case in wrong}
    for words, has in _HINTS.items():
        if {case.conv for case in cases if has(case.conv)} == bad and len(bad) < len(cases):
            said += f" when {words}"
            break
    if level == "hint":
        return said
    causes = [cause.text for cause in found.causes.get(output, ())]
    entry = next((f.entry for f in found.failures if f.output == output and f.conv == smallest.conv and f.entry), None)
    said += f", first at {smallest.conv!r}" + (f" in {entry}" if entry else "")
    return said + (f"; likely cause: {causes[0]}" if causes else "")


# formats ---------------------------------------------------------------------------------------------------------------------


def _json(found: Grade) -> str:
    return json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n"


def _gradescope(found: Grade) -> str:
    """Gradescope's results.json: a test for each mark."""
    told = found.to_dict()
    tests = [
        {"name": mark.name, "score": row["points"], "max_score": row["maximum"], "status": "passed" if mark.full else "failed",
         "output": mark.message or "right", "visibility": "after_published" if found.level == "hidden" else "visible"}
        for mark, row in zip(found.marks, told["marks"], strict=True)
    ]  # fmt: skip
    return (
        json.dumps({"score": found.points, "tests": tests, "output_format": "text"}, indent=1, ensure_ascii=False)
        + "\n"
    )


def _otter(found: Grade) -> str:
    """Otter's grading results: by the name of a test its score, what was possible, whether it is hidden."""
    told = found.to_dict()
    results = {
        f"{mark.output}-{mark.kind}": {
            "name": f"{mark.output}-{mark.kind}", "score": row["points"], "possible": row["maximum"],
            "hidden": found.level == "hidden", "incorrect": not mark.full, "message": mark.message or "right",
        }
        for mark, row in zip(found.marks, told["marks"], strict=True)
    }  # fmt: skip
    return (
        json.dumps({"total": found.points, "possible": found.maximum, "results": results}, indent=1, ensure_ascii=False)
        + "\n"
    )


def _nbgrader(found: Grade) -> str:
    """For nbgrader's cell: the messages as comments, and last the number that it reads as partial credit."""
    lines = [f"# {mark.name}: {mark.message}" for mark in found.marks if mark.message]
    return "\n".join([*lines, f"{found.points:g}"]) + "\n"


def _text(found: Grade) -> str:
    lines = [
        f"{'✓' if mark.full else '✗'} {mark.name:<48} {mark.right}/{mark.cases}"
        + (f"  {mark.message}" if mark.message else "")
        for mark in found.marks
    ]
    return "\n".join([*lines, f"{found.points:g} of {found.maximum:g} points"]) + "\n"


FORMATS: dict[str, Callable[[Grade], str]] = {
    "text": _text, "json": _json, "gradescope": _gradescope, "otter": _otter, "nbgrader": _nbgrader,
}  # fmt: skip
