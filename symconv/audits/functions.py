"""Proofs of functions, however they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from symconv.audits.called import Called, call_to_prove, called_otherwise
from symconv.reading.prove import is_formula, prove_code, prove_source
from symconv.reading.replay import within
from symconv.reading.result import CodeProof, CodeProofs
from symconv.reading.steps import steps_of

__all__ = ["prove_function"]

#: sizes that all differ, without padding and with it: who is right at neither may have been called wrongly
APART = [{"N": 2, "C": 3, "F": 4, "H": 9, "W": 11, "Z": 13, "K": 3, "L": 2, "M": 1, "p": p, "O": 5, "P": 6, "Q": 7}
         for p in (0, 1)]  # fmt: skip

Each = Callable[[Callable[[tuple[int, int]], Any], Sequence[tuple[int, int]]], Sequence[Any]]


def prove_function(
    function: str | Callable[..., Any], convention: str = "auto", stride: int | str | Sequence[int] = (1, 2, 3),
    dilation: int | str | Sequence[int] = 1, *, each: Each | None = None, **options: Any,
) -> CodeProofs:  # fmt: skip
    """Whether a NumPy function computes the gradients (or y) of a convolution at every size.

    The options are those of :func:`symconv.reading.prove_code`. ``convention`` "auto" finds out how the function is called, as an
    audit does: by the names of its parameters, and where these do not say it by calls of it in processes of their own; ``called``
    of the result says what was found. What it does not take is not asked: a function without a stride is proved at stride 1, and
    the scope says so of one image, of none of the channels, and of square kernels. ``each(one, steps)`` proves the strides and
    dilations, in an order of its own. ValueError for what cannot be found or called.
    """
    steps = steps_of(stride, dilation)
    run = each or (lambda one, asked: [one(at) for at in asked])
    targets = options.get("targets")
    call = call_to_prove(function, targets) if convention == "auto" else None
    if call is not None and call.lines:
        return _proved(call, steps, run, options)
    found = run(partial(_as_named, function, call.convention if call else convention, options), steps)
    proofs = CodeProofs(tuple(proof for each_one in found for proof in each_one))
    if call is not None and not any(_right_somewhere(proof) for proof in proofs):
        try:
            other = called_otherwise(function, targets)
        except ValueError:
            return proofs  # no other call is known: it is called so, and wrong
        if other.lines:
            return _proved(other, steps, run, options)
    return proofs


def _right_somewhere(proof: CodeProof) -> bool:
    """Whether it is, or was not decided."""
    return proof.right is None or any(within(proof.right, sizes) for sizes in APART)


def _as_named(function: Any, convention: str, options: dict[str, Any], at: tuple[int, int]) -> Any:
    return prove_code(function, convention, *at, **options)


def _proved(call: Called, steps: Sequence[tuple[int, int]], run: Each, options: dict[str, Any]) -> CodeProofs:
    """The proofs of a function whose call was found out."""
    for n, name in enumerate(("stride", "dilation")):
        asked = sorted({at[n] for at in steps} - {1})
        if name not in call.steps and asked:
            raise ValueError(f"{name} {', '.join(map(str, asked))}: {call.shown} takes no {name} ({call.lines[0]})")
    if options.get("transposed"):
        raise ValueError(f"{call.shown}: how a transposed layer is called is not found out; --convention says it")
    forward = options.get("forward")
    if forward is not None and not is_formula(forward):
        raise ValueError(f"{call.shown}: to be held against a forward function it needs a --convention")
    known = {name: value for name, value in options.items() if name not in ("ndim", "padding", "targets")}
    found = run(partial(_as_found, call, known), steps)
    return CodeProofs(tuple(proof for proofs in found for proof in proofs), call.lines)


def _as_found(call: Called, options: dict[str, Any], at: tuple[int, int]) -> Any:
    return prove_source(
        call.source, call.name, call.convention, *at, targets=call.targets, ndim=call.ndim, padding=call.padding,
        square=call.square, one=call.one, shown=call.shown, **options,
    )  # fmt: skip
