"""From a plan to files: derive, verify, emit, check; then write them, or say which of those that are there are stale.

Nothing is put in place before everything was checked, and what fails its checks is not written at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from symconv.article import document
from symconv.article.evidence import Evidence
from symconv.files import leftovers, write_all
from symconv.formulas.verify import Verification
from symconv.kernels.checks import CHECKS, Checked, check, evidence
from symconv.kernels.kernel import emit
from symconv.kernels.nest import Kind
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.project.cases import Plan
from symconv.project.theorems import theorem
from symconv.proof.prover import check_step

__all__ = ["Build", "Failure", "Stale", "Written", "build", "check_plan", "stale", "write"]

#: format of a derivation -> the ending of its file
DERIVATION_FILES = {"latex": "tex", "markdown": "md", "html": "html"}

#: pictures of set pages; another version of TeX gives other bytes, so they are made by hand and not compared:
#: symconv derive --input 4x4 --kernel 2x2 -o page.pdf && pdftoppm -png -singlefile -r 84 -f 6 -l 6 page.pdf NAME
PAGES = (".png",)

#: the formats as a reader knows them
SAID = {"latex": "LaTeX", "markdown": "Markdown", "html": "HTML"}


@dataclass(frozen=True)
class Failure:
    """A file that is not written, and what its checks found."""

    file: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"file": self.file, "reason": self.reason}


@dataclass(frozen=True)
class Build:
    """What is to be written, by path: ``files``; what was found on the way: ``checked``, ``verified``, ``failures``."""

    files: Mapping[str, str] = field(repr=False)
    checked: tuple[Checked, ...] = field(repr=False)
    verified: tuple[Verification, ...] = field(repr=False)
    failures: tuple[Failure, ...]

    @property
    def ok(self) -> bool:
        """Whether everything passed its checks."""
        return not self.failures

    def __repr__(self) -> str:
        return f"<build of {len(self.files)} files: {'ok' if self.ok else f'{len(self.failures)} not written'}>"


@dataclass(frozen=True)
class Stale:
    """A file that is not as it would be written: ``reason`` is "differs", "missing", "extra" or "left"."""

    file: str
    reason: str


@dataclass(frozen=True)
class Written:
    """What :func:`write` did, by path."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]


def build(plan: Plan, max_terms: int = MAX_TERMS, started: Callable[[str], None] = lambda name: None) -> Build:
    """Make and check everything in the plan; ``started`` is called with the name of each part as it begins.

    Raises ValueError, before any work, for what :func:`check_plan` refuses.
    """
    check_plan(plan, max_terms)
    files: dict[str, str] = {}
    failures, checked, verified = [], [], []
    for order in plan.kernels:
        told = theorem(emit(order.schedule, order.layer))
        says = evidence(order.checked_on) if told is None else evidence(order.checked_on, str(told), told.proved)
        kernel = emit(order.schedule, order.layer, says)
        started(kernel.name)
        path, found = kernel.path, check(kernel, order.checked_on, peers=plan.peers)
        checked.append(found)
        if found.ok:
            files[path] = kernel.source
        else:
            failures.append(Failure(path, _first_failure(found)))
    for conv in plan.derivations:
        started(conv.slug)
        found_out = Evidence(conv, max_terms)
        verification = found_out.verification
        verified.append(verification)
        for lang in plan.languages:
            derived = document(conv, lang, evidence=found_out) if verification.ok else None
            for format, ending in DERIVATION_FILES.items():
                path = f"derivations/{conv.slug}.{lang}.{ending}"
                if derived is not None:
                    files[path] = derived.render(format)
                else:
                    failures.append(Failure(path, str(verification.mismatches[0])))
    report = _report(plan, checked, verified, failures)
    files["report.json"] = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    files["report.md"] = _report_text(plan, checked, verified, failures)
    return Build(dict(sorted(files.items())), tuple(checked), tuple(verified), tuple(failures))


def check_plan(plan: Plan, max_terms: int = MAX_TERMS) -> None:
    """ValueError for a derivation of more than ``max_terms`` terms, or with a stride or dilation that is too large to prove."""
    for conv in plan.derivations:
        conv.check_terms(max_terms)
        for axis in conv.axes:
            check_step("stride", axis.s)
            check_step("dilation", axis.d)


def write(made: Build, folder: Path) -> Written:
    """Write the files of a build into ``folder``, each whole; those that are there already as they should be are left alone.

    ValueError, naming the path, where one cannot be written; then none is.
    """
    changed = {name: content for name, content in made.files.items() if _content(folder / name) != content}
    write_all({folder / name: content for name, content in changed.items()})
    unchanged = tuple(name for name in made.files if name not in changed)
    return Written(tuple(changed), unchanged)


def stale(made: Build, folder: Path, whole: bool = True) -> tuple[Stale, ...]:
    """The files in ``folder`` that are not as they would be written; with ``whole`` also those that nothing writes."""
    result = []
    for name, content in made.files.items():
        there = _content(folder / name)
        if there != content:
            result.append(Stale(name, "missing" if there is None else "differs"))
    if whole and folder.is_dir():
        present = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        names = (
            path.as_posix() for path in present if not any(p.startswith(".") or p == "__pycache__" for p in path.parts)
        )
        result += [Stale(name, "extra") for name in names if name not in made.files and not name.endswith(PAGES)]
    if folder.is_dir():
        result += [Stale(path.relative_to(folder).as_posix(), "left") for path in leftovers(folder)]
    return tuple(sorted(result, key=lambda each: each.file))


def _content(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def _first_failure(found: Checked) -> str:
    if not found.failures:
        return "no layer is small enough to check it on"
    first = found.failures[0]
    return f"{first.check} on {first.layer.slug}: {first.failure}"


# the report; nothing in it differs from machine to machine -----------------------------------------------------------


def _report(
    plan: Plan, checked: list[Checked], verified: list[Verification], failures: list[Failure]
) -> dict[str, Any]:
    return {
        "checks": {name: each.says for name, each in CHECKS.items() if each.recorded},
        "kernels": [result.to_dict() for result in checked],
        "derivations": [
            {key: value for key, value in each.to_dict().items() if key != "mismatches"} | {"scope": each.scope}
            for each in verified
        ],
        "not_written": [failure.to_dict() for failure in failures],
    }


def _report_text(plan: Plan, checked: list[Checked], verified: list[Verification], failures: list[Failure]) -> str:
    made = {finding.check for found in checked for finding in found.findings}
    names = [name for name, each in CHECKS.items() if each.recorded and name in made]
    rows = []
    for found in checked:
        entries = [sum(f.entries for f in found.findings if f.check == name) for name in names]
        rows.append(
            {
                "name": found.kernel.name,
                "path": found.kernel.path,
                "holds": _kind(found.kernel.kind) + (", any size" if found.kernel.layer is None else ", one size"),
                "entries": [f"{count:,}" if count else "" for count in entries],
                "verdict": "ok" if found.ok else "not written",
            }
        )
    layers: dict[str, dict[str, Conv]] = {}
    for order in plan.kernels:
        kind = Kind(order.layer.ndim, order.layer.transposed)
        layers.setdefault(_kind(kind), {}).update({conv.slug: conv for conv in order.checked_on})
    derivations = [
        {
            "slug": v.conv.slug,
            "layer": v.conv,
            "entries": f"{v.entries:,}",
            "verdict": "equal" if v.ok else "not written",
        }
        for v in verified
    ]
    template = resources.files(__package__).joinpath("report.md.j2").read_text("utf-8")
    environment = jinja2.Environment(keep_trailing_newline=False, undefined=jinja2.StrictUndefined, autoescape=False)
    return (
        environment.from_string(template)
        .render(
            checks={name: CHECKS[name].says for name in names},
            kernels=rows, layers=layers, derivations=derivations, failures=failures,
            languages=plan.languages, formats={ending: SAID[format] for format, ending in DERIVATION_FILES.items()},
        )
        .rstrip()
        + "\n"
    )  # fmt: skip


def _kind(kind: Kind) -> str:
    return f"{kind.ndim}-D{' transposed' if kind.transposed else ''}"
