"""What the cases show, proved: the function's source read for every size, and held against every case that was run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from symconv.algebra.comparisons import in_words
from symconv.audits.called import Function, as_settled, name_of
from symconv.audits.inference.settle import Settled
from symconv.audits.result import Outcome
from symconv.layer.conv import Conv
from symconv.proof.assumptions import assumptions
from symconv.reading.calls import INPUTS, KERNELS, TRANSPOSED_INPUTS
from symconv.reading.theorem import ProvedCondition, condition_for

__all__ = ["with_proof"]

#: seconds for each stride
MAX_SECONDS = 20.0

Found = TypeVar("Found", bound=Outcome)


def with_proof(audit: Found, function: Function, call: Settled, forward: Any = None) -> Found:
    """The audit, with what is proved when the function can be read; as it was where it cannot.

    Of functions that are given themselves, not by name, those can be read that a file defines at its top. A call that was
    inferred is written out below the source and read with it. The audit's cases are the replay: a single one that came out
    otherwise than was read, and nothing is said to be proved. Cases of several groups, with output padding, or with other
    strides or paddings on each side, are no part of it.
    """
    cases = [(case.conv, case.statuses(audit.outputs)) for case in audit.documented if _is_plain(case.conv)]
    steps = {(conv.stride[0], conv.dilation[0]) for conv, _ in cases}
    layers = {(conv.ndim, conv.transposed, conv.padding_mode) for conv, _ in cases}
    if audit.mode != "backward" or len(layers) != 1 or audit.unjudged:
        return audit
    strides, dilations = sorted({s for s, _ in steps}), sorted({d for _, d in steps})
    ndim, transposed, padding_mode = layers.pop()
    try:
        said = as_settled(function, replace(call, ndim=ndim), None if forward is None else name_of(forward))
    except ValueError:
        return audit
    if said.padding == "none":
        cases = [(conv, statuses) for conv, statuses in cases if not conv.padding[0][0]]
    found = condition_for(said.source, said.name, said.convention, strides, dilations, forward=audit.truth or said.forward,
                          adjoint=False, ndim=ndim, targets=audit.outputs, seconds=MAX_SECONDS, transposed=transposed,
                          padding_mode=padding_mode, padding=said.padding, square=said.square, one=said.one)  # fmt: skip
    if found is None or not all(_agrees(found, audit.outputs, conv, statuses) for conv, statuses in cases):
        return audit
    if audit.assumed:
        found = found.under(assumptions(audit.assumed))
    return replace(audit, proved=_told(found, strides, dilations, said.only, audit.assumed))


def _told(
    found: ProvedCondition, strides: list[int], dilations: list[int], only: Sequence[str] = (), assumed: str = ""
) -> str:
    """One condition for all, or one for each stride where the outputs of a stride share it; what the function cannot be asked and
    what was assumed stand in front of what they restrict."""
    d = "" if dilations == [1] else f", dilation {', '.join(map(str, dilations))}"
    every = " ".join(["for every size", *only]) + (f" with {in_words(assumptions(assumed))}" if assumed else "")
    whole = f"{every} at stride {', '.join(map(str, strides))}{d}"
    if found.text is not None:
        return f"{_said(found.text)}, {whole}"
    by_stride: dict[int, set[str | None]] = {}
    for proof in found.proofs:
        if proof.condition != "always":
            by_stride.setdefault(proof.stride, set()).add(proof.condition if proof.condition_exact else None)
    if all(len(told) == 1 and None not in told for told in by_stride.values()):
        parts = [f"stride {s}: {_said(next(iter(by_stride.get(s, {'always'}))) or '')}" for s in strides]
        return f"{every}{d}: {'; '.join(parts)}"
    return f"in which sizes each output is right, {whole}; the cases agree"


def _said(condition: str) -> str:
    words = {"always": "right", "never": "never right"}
    return words.get(condition, f"right exactly when {condition}")


def _is_plain(conv: Conv) -> bool:
    """One stride, dilation and padding for all sides, no groups: what a reading has names for."""
    pads = {p for pair in conv.padding for p in pair}
    one = len(set(conv.stride)) == 1 and len(set(conv.dilation)) == 1 and len(pads) == 1
    return one and conv.groups == 1 and not any(conv.output_padding)


def _agrees(found: ProvedCondition, outputs: Sequence[str], conv: Conv, statuses: Sequence[str]) -> bool:
    sizes = {"N": conv.batch, "C": conv.in_channels, "F": conv.out_channels, "p": conv.padding[0][0]}
    sizes |= dict(zip(TRANSPOSED_INPUTS if conv.transposed else INPUTS, conv.input, strict=False))
    sizes |= dict(zip(KERNELS, conv.kernel, strict=False))
    for output, status in zip(outputs, statuses, strict=True):
        if found.right(output, conv.stride[0], conv.dilation[0], sizes) is not (status == "ok"):
            return False
    return True
