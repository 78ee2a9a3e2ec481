"""Checks of an emitted kernel: its source is executed and held against the derivative and against numbers.

    symbols        on arrays of symbols, every entry equals the derivative of the loss: exact, for all values of the arrays
    second         the same of the double backward
    integers       on random integers, equal to finite differences with step 1 of an independent forward: exact
    values         on random integers, equal to the derivative: for layers too large for the two above
    complex step   in float64 against the complex-step derivative of the kernel's own forward
    manners        dtypes, memory, no images, parameters, both functions, refusals (:mod:`symconv.kernels.behaviour`)
    PyTorch        against autograd in float64, where PyTorch is installed

What a check finds holds for the layers it ran on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import as_terms, expression_text, start_counting, symbols, terms_by_entry
from symconv.kernels.behaviour import Functions, Result, behaves, equal
from symconv.kernels.kernel import Kernel
from symconv.kernels.peers import installed, pytorch_gradients
from symconv.layer.conv import Conv
from symconv.layer.differences import exact_gradients, random_integers
from symconv.layer.filler import constant, in_numbers
from symconv.layer.gradients import Gradients
from symconv.layer.names import entry_name
from symconv.layer.second import SecondGradients

__all__ = ["CHECKS", "TOLERANCE", "Check", "Checked", "Finding", "check", "checks_for", "evidence", "relative_error"]

Array = NDArray[Any]

#: largest relative error of a float64 gradient against the complex step
TOLERANCE = 1e-8

#: what an emitted file says of the checks' reach
COVERED = "These checks cover the layers named"
EVERY_SIZE = f"{COVERED}; they are no proof for every size."
BEYOND = f"{COVERED}; other borders, dtypes, steps that differ by axis and the double backward rest on them."

#: PyTorch adds in another order; both are float64
PYTORCH_TOLERANCE = 1e-11


@dataclass(frozen=True)
class Finding:
    """One check of one kernel on one layer: how many entries it compared, and what is wrong, None when nothing is."""

    check: str
    layer: Conv
    entries: int
    failure: str | None = None

    @property
    def ok(self) -> bool:
        return self.failure is None

    def to_dict(self) -> dict[str, Any]:
        return {"check": self.check, "layer": self.layer.slug, "entries": self.entries, "failure": self.failure}


@dataclass(frozen=True)
class Checked:
    """What the checks of one kernel found: ``ok``, ``failures`` and every ``Finding``."""

    kernel: Kernel
    findings: tuple[Finding, ...] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether every check passed; no check at all is no pass."""
        return bool(self.findings) and all(finding.ok for finding in self.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.ok)

    @property
    def scope(self) -> str:
        """What the verdict covers."""
        layers = list(dict.fromkeys(finding.layer.slug for finding in self.findings))
        return f"these layers only: {', '.join(layers)}; exact on symbols, entry by entry"

    def to_dict(self) -> dict[str, Any]:
        """The verdict, and for each check on how many entries of which layers it compared; only what is the same everywhere."""
        recorded = [finding for finding in self.findings if CHECKS[finding.check].recorded]
        by_check = {
            name: {"entries": sum(f.entries for f in recorded if f.check == name),
                   "layers": [f.layer.slug for f in recorded if f.check == name]}
            for name in dict.fromkeys(finding.check for finding in recorded)
        }  # fmt: skip
        failures = [finding.to_dict() for finding in self.failures]
        return {**self.kernel.to_dict(), "ok": self.ok, "scope": self.scope, "checks": by_check, "failures": failures}

    def __repr__(self) -> str:
        verdict = "ok" if self.ok else f"{len(self.failures)} failures"
        return f"<{self.kernel.name}: {verdict}, {len(self.findings)} checks>"


def relative_error(a: Array, b: Array) -> float:
    """Largest ``|a - b| / max(1e-8, |a| + |b|)`` over the entries, as course assignments measure it."""
    if a.size == 0:
        return 0.0
    return float(np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))))


# the checks: each returns how many entries it compared and what is wrong ---------------------------------------------


def on_symbols(functions: Functions, conv: Conv) -> Result:
    start_counting()
    outputs = functions.outputs({name: symbols(name, conv.shapes[name]) for name in ("x", "w", "b", "dy")})
    return _same_terms(conv, outputs, conv.gradients())


def second_on_symbols(functions: Functions, conv: Conv) -> Result:
    start_counting()
    names = ("x", "w", "dy", "v_x", "v_w", "v_b")
    outputs = functions.second_outputs({name: symbols(name, conv.shapes[name]) for name in names})
    return _same_terms(conv, outputs, conv.second_gradients())


def _same_terms(conv: Conv, outputs: Mapping[str, Array], gradients: Gradients | SecondGradients) -> Result:
    """Whether arrays of polynomials are the derivative, entry by entry."""
    count = 0
    for name, array in outputs.items():
        if array.shape != conv.shapes[name]:
            return count, f"{name} has shape {array.shape}, not {conv.shapes[name]}"
        count += array.size
        truth = [in_numbers(conv, terms) for terms in terms_by_entry(gradients.terms(name))]
        for flat, (entry, terms) in enumerate(zip(array.reshape(-1), truth, strict=True)):
            found = as_terms(entry)
            if found != terms:
                texts = [expression_text(t, lambda a, i: entry_name(conv, a, i)) for t in (found, terms)]
                return count, f"{entry_name(conv, name, flat)} is {texts[0]}, the derivative is {texts[1]}"
    return count, None


def on_integers(functions: Functions, conv: Conv) -> Result:
    values = random_integers(conv, seed=1)
    truth = exact_gradients(conv, values["x"], values["w"], values["b"] if conv.bias else None, values["dy"])
    return equal(functions.outputs(values), truth)


def on_values(functions: Functions, conv: Conv) -> Result:
    values = random_integers(conv, seed=5)
    outputs, gradients = functions.outputs(values), conv.gradients()
    return equal(outputs, {name: gradients.terms(name).substitute(values | constant(conv)) for name in outputs})


def by_complex_step(functions: Functions, conv: Conv) -> Result:
    """The derivative of the kernel's own forward, entry by entry: Im L(v + ih e) / h, exact but for rounding."""
    rng = np.random.default_rng(2)
    values = {name: rng.standard_normal(conv.shapes[name]) for name in ("x", "w", "b", "dy")}
    outputs = functions.outputs(values)
    truth = {f"d{name}": np.zeros(conv.shapes[name]) for name in ("x", "w", "b") if conv.bias or name != "b"}
    step = 1e-20
    for name, array in truth.items():
        variable = name.removeprefix("d")
        shape = conv.shapes[variable]
        # images do not mix: the same entry of every image is moved at once, and each image has its own loss
        for index in np.ndindex(*(shape[1:] if variable == "x" else shape)):
            moved = values[variable].astype(complex)
            moved[(slice(None), *index) if variable == "x" else index] += 1j * step
            given = {**values, variable: moved}
            y = functions.forward(given["x"], given["w"], given["b"] if conv.bias else None)
            slopes = (values["dy"] * y.imag).reshape(conv.batch, -1).sum(axis=1) / step
            array[(slice(None), *index) if variable == "x" else index] = slopes if variable == "x" else slopes.sum()
    return _close({name: outputs[name] for name in truth}, truth, TOLERANCE)


def against_pytorch(functions: Functions, conv: Conv) -> Result:
    rng = np.random.default_rng(3)
    values = {name: rng.standard_normal(conv.shapes[name]) for name in ("x", "w", "b", "dy")}
    return _close(functions.outputs(values), pytorch_gradients(conv, values), PYTORCH_TOLERANCE)


def _close(outputs: Mapping[str, Array], truth: Mapping[str, Array], tolerance: float) -> Result:
    for name, array in outputs.items():
        if array.shape != truth[name].shape:
            return 0, f"{name} has shape {array.shape}, not {truth[name].shape}"
        error = relative_error(array, truth[name])
        if not error < tolerance:
            return array.size, f"{name} has relative error {error:.1e}, more than {tolerance:.0e}"
    return sum(array.size for array in outputs.values()), None


# the table -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """A check: what it does, what passing it says, and what it costs, so that a large layer is not waited for.

    ``cost`` counts the products of one layer that are computed, in Python for a kernel made of loops. One of ``whole`` numbers
    is not made with a constant border that is none.
    """

    run: Callable[[Functions, Conv], Result]
    says: str
    cost: Callable[[Conv], int]
    limit: int
    instead_of: str = ""
    recorded: bool = True
    whole: bool = False

    def applies(self, conv: Conv) -> bool:
        """Whether the layer is small enough, and too large for the check that this one stands in for."""
        spared = bool(self.instead_of) and CHECKS[self.instead_of].applies(conv)
        fits = not (self.whole and conv.mode.filled) or (conv.padding_value or 0) % 1 == 0
        return self.cost(conv) <= self.limit and not spared and fits


def _moves(conv: Conv) -> int:
    """Entries of one image of x, of w and of b: how often a difference runs the forward."""
    shapes = [conv.x_shape[1:], conv.w_shape, conv.b_shape]
    return sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes)


def _power(tolerance: float) -> str:
    return f"1e{round(np.log10(tolerance))}"


#: name -> the check; what is not recorded depends on the machine, and stays out of files
CHECKS: dict[str, Check] = {
    "symbols": Check(
        on_symbols,
        "on symbols y, dx, dw and db equal the derivative of the loss",
        lambda conv: 3 * conv.terms,
        100_000,
    ),
    "second": Check(
        second_on_symbols,
        "the double backward that of <v_x, dx> + <v_w, dw> + <v_b, db>",
        lambda conv: 9 * conv.terms,
        100_000,
    ),
    "integers": Check(
        on_integers,
        "on integers they equal exact differences of step 1",
        lambda conv: conv.batch * _moves(conv) * conv.terms,
        50_000_000,
        whole=True,
    ),
    "values": Check(
        on_values,
        "on random integers they equal the derivative of the loss",
        lambda conv: 3 * conv.terms,
        3_000_000,
        instead_of="symbols",
        whole=True,
    ),
    "complex step": Check(
        by_complex_step,
        f"in float64 the gradients are within {_power(TOLERANCE)} of the complex step",
        lambda conv: _moves(conv) * conv.terms,
        1_000_000,
    ),
    "manners": Check(
        behaves,
        "dtypes are kept, any memory, no images and any form of parameters work, both notations agree, wrong arguments are "
        "refused",
        lambda conv: 40 * conv.terms,
        400_000,
    ),
    "PyTorch": Check(
        against_pytorch,
        f"in float64 all four have a relative error below {_power(PYTORCH_TOLERANCE)} against PyTorch",
        lambda conv: 3 * conv.terms if conv.ndim <= 3 else 10**12,  # PyTorch has no more axes
        3_000_000,
        recorded=False,
    ),
}


def checks_for(conv: Conv) -> list[str]:
    """The checks that are made on a layer: those it is not too large for, PyTorch where it is installed."""
    chosen = [name for name, each in CHECKS.items() if each.applies(conv)]
    return chosen if installed() else [name for name in chosen if name != "PyTorch"]


def evidence(layers: Iterable[Conv], theorem: str | None = None, proved: bool = False) -> list[str]:
    """Paragraphs for a file's header: what was checked on which layers. The same on every machine.

    ``theorem`` says what is proved for every size, or why it is not.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for conv in layers:
        names = tuple(name for name, each in CHECKS.items() if name in checks_for(conv) and each.recorded)
        groups.setdefault(names, []).append(conv.slug)
    paragraphs = []
    for names, slugs in groups.items():
        if names:
            text = "; ".join(CHECKS[name].says for name in names)
            paragraphs.append(f"Checked before it was written: {text}. Layers: {', '.join(slugs)}.")
        else:
            paragraphs.append(f"Too large to be checked: {', '.join(slugs)}.")
    covers = BEYOND if proved else EVERY_SIZE
    said = [*paragraphs[:-1], f"{paragraphs[-1]} {covers}"] if paragraphs else [covers]
    return said if theorem is None else [theorem, *said] if proved else [*said, theorem]


def check(kernel: Kernel, layers: Iterable[Conv], names: Sequence[str] | None = None, peers: bool = True) -> Checked:
    """Run checks of a kernel on each of ``layers``: those named, or all that a layer is not too large for.

    Without ``peers`` PyTorch, which takes seconds to load, is not among those that are not named. Whatever the kernel raises is
    a failure of that check. Raises ValueError for an unknown check.
    """
    unknown = [name for name in names or () if name not in CHECKS]
    if unknown:
        raise ValueError(f"no check {unknown[0]!r}; there are {', '.join(CHECKS)}")
    findings = []
    for conv in layers:
        chosen = [name for name in checks_for(conv) if peers or CHECKS[name].recorded] if names is None else names
        for name in chosen:
            try:
                entries, failure = CHECKS[name].run(Functions(kernel, conv), conv)
            except Exception as error:  # a broken kernel may raise anything
                entries, failure = 0, f"{type(error).__name__}: {error}"
            findings.append(Finding(name, conv, entries, failure))
    return Checked(kernel, tuple(findings))
