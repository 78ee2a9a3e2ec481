"""Proves a function: :func:`prove_code` reads it, decides it, replays it and says the verdict."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from symconv import isl
from symconv.algebra.comparisons import Comparison
from symconv.algebra.comparisons import in_words as said
from symconv.proof.assumptions import assumptions
from symconv.proof.decide import points
from symconv.reading.arrays import Grid
from symconv.reading.calls import GRADIENTS, Call, Layer
from symconv.reading.numbers import affine
from symconv.reading.regions import MAX_SECONDS, Output, Reading, read
from symconv.reading.replay import Replay, at_sizes, term_points, within
from symconv.reading.replay import replays as replayed
from symconv.reading.result import PROVED, REFUSES, REFUTED, UNKNOWN, CodeProof, CodeProofs, Failure
from symconv.reading.second import second_opinion
from symconv.reading.steps import steps_of
from symconv.reading.words import Words, in_words, worded

__all__ = ["prove_code", "prove_source", "source_of"]


def prove_code(
    function: str | Callable[..., Any],
    convention: str = "plain",
    stride: int | str | Sequence[int] = (1, 2, 3),
    dilation: int | str | Sequence[int] = 1,
    *,
    forward: str | Callable[..., Any] | None = None,
    targets: Sequence[str] | None = None,
    ndim: int = 2,
    padding: str = "one",
    groups: bool = False,
    transposed: bool = False,
    padding_mode: str = "zeros",
    assume: str | None = None,
    replays: int = 20,
    seconds: float = MAX_SECONDS,
    second: bool = False,
) -> CodeProofs:
    """Whether a NumPy function computes the gradients (or y) of a convolution at every size.

    ``function`` is "FILE.py:NAME", or a function whose source can be found. Its source is read, never run to be read; then it is
    replayed on ``replays`` random geometries at each stride, in a process of its own, and one disagreement with what was read
    makes the verdict UNKNOWN. ``convention`` says how it is called (plain, cs231n, coursera, layer, kernel), ``padding`` "one" p
    for all sides, "free" amounts before and after on each axis, or "none"; ``transposed`` makes the layer a transposed one.
    ``padding_mode`` is what the layer's border holds (reflect, replicate, circular, symmetric, constant); a function with a
    parameter of that name is told it, and ``padding_value`` with a constant. ``forward`` makes the truth the adjoint of
    that forward function in place of the derivative of a convolution; a formula, ``"y[i] = sum(w[k] * x[i + K - 1 - k],
    k)"``, makes it the derivative of that on every axis. ``assume`` ("p == 0, K odd") restricts what is claimed.
    ``targets`` says which outputs are returned, ("y",) for a forward pass. ``stride`` or ``dilation`` "any" is 1 to 8, or 1
    to 4, each proved apart; ``common`` of the result is then the one condition, with s and d in it, that was found to be
    exact at all of them. ``second`` puts what was read before z3 as well.
    ValueError for what cannot be found or called so.

    >>> source = '''
    ... import numpy as np
    ... def bias(x, w, b, dy, stride, padding):
    ...     return dy.sum(axis=(0, 2, 3))
    ... '''
    >>> from symconv.reading import prove_source
    >>> prove_source(source, "bias", stride=2, targets=("db",), replays=0)
    <1 PROVED: bias>
    """
    source, name, shown = source_of(function)
    own = forward if isinstance(forward, str) and is_formula(forward) else None
    if forward is not None and own is None:
        own_source, own, _ = source_of(forward)
        if own_source != source:
            raise ValueError(f"the forward function {own} must stand in the same file as {name}")
    return prove_source(
        source, name, convention, stride, dilation, forward=own, targets=targets, ndim=ndim, padding=padding, groups=groups,
        replays=replays, seconds=seconds, shown=shown, transposed=transposed,
        second=second, padding_mode=padding_mode, assume=assume,
    )  # fmt: skip


def is_formula(forward: Any) -> bool:
    """Whether a forward pass is said as a formula, y[i] = ..., not as a function."""
    return isinstance(forward, str) and "=" in forward


def source_of(function: str | Callable[..., Any]) -> tuple[str, str, str]:
    """The source of the file, the function's name in it, and what it is called."""
    if isinstance(function, str):
        path, colon, name = function.rpartition(":")
        if not colon or not path.endswith(".py") or not name.isidentifier():
            raise ValueError(f"{function!r} is not FILE.py:FUNCTION")
        try:
            return Path(path).read_text(encoding="utf-8"), name, f"{Path(path).name}:{name}"
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} cannot be read: {error}") from None
    file = inspect.getsourcefile(function)
    if file is None:
        raise ValueError(f"the source of {function!r} cannot be found")
    return Path(file).read_text(encoding="utf-8"), function.__name__, f"{Path(file).name}:{function.__name__}"


def prove_source(
    source: str, function: str, convention: str = "plain", stride: int | str | Sequence[int] = 1,
    dilation: int | str | Sequence[int] = 1,
    *, forward: str | None = None, targets: Sequence[str] | None = None, ndim: int = 2, padding: str = "one",
    groups: bool = False, replays: int = 20, seconds: float = MAX_SECONDS, shown: str | None = None,
    adjoint: bool | None = None, transposed: bool = False, second: bool = False, padding_mode: str = "zeros",
    assume: str | None = None, square: bool = False, one: Sequence[str] = (),
) -> CodeProofs:  # fmt: skip
    """:func:`prove_code` for source text; without ``adjoint`` the forward function only makes the cache.

    ``square`` and ``one`` are those of :class:`symconv.reading.Call`.
    """
    readings: list[Reading] = []
    written = is_formula(forward)
    own = None if written else forward
    assumed = () if assume is None else assumptions(assume)
    named = _targets(targets)
    for s, d in steps_of(stride, dilation):
        call = Call(
            convention,
            s,
            d,
            ndim,
            padding,
            groups,
            named,
            named == ("y",),
            own,
            own is not None if adjoint is None else adjoint and not written,
            transposed,
            padding_mode,
            forward if written else None,
            square,
            tuple(one),
        )
        readings.append(read(source, function, call, seconds, assumed=assumed))
    runs = replayed(readings, source, function, replays) if replays else [Replay()] * len(readings)
    found: list[CodeProof] = []
    for reading, played in zip(readings, runs, strict=True):
        for proof in _proofs(reading, played, shown or function, assumed):
            asked = second and proof.verdict in (PROVED, REFUTED)
            told = second_opinion(reading, proof.target, proof.proved, not assumed) if asked else None
            found.append(replace(proof, second_opinion=told))
    return CodeProofs(tuple(found))


def _targets(targets: Sequence[str] | None) -> tuple[str, ...]:
    """The outputs, y alone or gradients, each once; ValueError for others."""
    named = tuple(targets or GRADIENTS)
    if named != ("y",) and (len(set(named)) < len(named) or not set(named) <= set(GRADIENTS)):
        raise ValueError(
            f"a function returns y, or of {', '.join(GRADIENTS)} each once, not {', '.join(map(str, named))}"
        )
    return named


def _proofs(reading: Reading, played: Replay, shown: str, assumed: Sequence[Comparison]) -> Iterable[CodeProof]:
    call = reading.layer.call
    names = list(reading.outputs) or list(call.targets)
    nowhere = reading.possible.subtract(reading.possible)
    for name in names:
        output = reading.outputs.get(name, Output(nowhere, nowhere, nowhere))
        proof = _proof(reading, output, name, played, shown, reading.seconds / len(names))
        yield replace(proof, scope=f"{proof.scope}; with {said(assumed)}") if assumed else proof


def _proof(reading: Reading, output: Output, name: str, played: Replay, shown: str, seconds: float) -> CodeProof:
    layer, possible = reading.layer, reading.possible
    undecided = reading.undecided.union(output.undecided)
    raising = reading.raising
    missing = possible.subtract(raising).subtract(undecided).subtract(output.returned)
    wrong = output.wrong.union(missing).subtract(raising).coalesce()
    known: dict[str, Any] = {"formula": shown, "target": name, "stride": layer.call.stride, "dilation": layer.call.dilation,
             "scope": _scope(layer), "seconds": seconds, "replayed": _replayed(played), "layer": layer,
             "possible": possible}  # fmt: skip
    if played.disagreement is not None:
        return CodeProof(**known, verdict=UNKNOWN, reason=f"what was read and the run disagree: {played.disagreement}")
    raises = {kind: _raising(layer, where, possible) for kind, where in reading.raises.items()}
    decided = bool(undecided.is_empty())
    right = possible.subtract(wrong).subtract(raising).coalesce()
    if not wrong.is_empty():
        said = worded(layer, right, possible) if decided else Words("", False)
        return CodeProof(
            **known, verdict=REFUTED, condition=said.text or None, condition_exact=said.exact, general=said.general,
            raises=raises, right=right if decided else None, counterexample=_failure(reading, name, wrong),
            reason=None if decided else _reason(reading, output),
        )  # fmt: skip
    if not decided:
        return CodeProof(**known, verdict=UNKNOWN, reason=_reason(reading, output), raises=raises)
    if not raising.is_empty():
        said = worded(layer, right, possible)
        return CodeProof(**known, verdict=REFUSES, condition=said.text, condition_exact=said.exact, general=said.general,
                         raises=raises, right=right)  # fmt: skip
    return CodeProof(**known, verdict=PROVED, condition="always", condition_exact=True, general=(), right=right)


def _raising(layer: Layer, where: isl.Set, possible: isl.Set) -> str:
    """When it raises, or unless what, whichever can be said in words."""
    text, exact = in_words(layer, where, possible)
    if not exact:
        other, said = in_words(layer, possible.subtract(where).coalesce(), possible)
        if said:
            return f"unless {other}"
    return text


def _reason(reading: Reading, output: Output) -> str:
    return output.reason or "; ".join(dict.fromkeys(reading.reasons))


def _replayed(played: Replay) -> str | None:
    if not played.geometries:
        return None
    told = f"{played.geometries} geometries: {played.arrays} arrays"
    return told + (f" and {played.exceptions} exceptions" if played.exceptions else "") + " as read"


def _scope(layer: Layer) -> str:
    call = layer.call
    sizes = ", ".join(name for name in layer.sizes if name not in (*layer.padding, *layer.extra, *call.one))
    pads = f", {', '.join(layer.padding)} >= 0" if layer.padding else ", no padding,"
    if layer.extra:
        pads += f", 0 <= {', '.join(layer.extra)} < {max(call.stride, call.dilation)} (output padding)"
    transposed = "transposed layers, " if call.transposed else ""
    steps = f"stride {call.stride}, dilation {call.dilation}"
    if call.forward_formula is not None:
        steps = f"held against the derivative of {call.forward_formula}, {steps}"
    if call.mode.counts_outside:
        most = "" if call.mode.most is None else f", at most {call.mode.most} on its axis"
        steps = f"a border of mode {call.padding_mode}{most}; {steps}"
    one = f", {' = '.join(call.one)} = 1" if call.one else ""
    return f"{transposed}every {sizes} >= 1{pads} with an output{one}; {steps}; exact arithmetic"


# the smallest failure ------------------------------------------------------------------------------------------------------


def smallest(found: isl.Set, names: tuple[str, ...]) -> dict[str, int]:
    """The point with the least sum, then the first in order of ``names``."""
    coordinates = ", ".join(f"_{name} = {name}" for name in names)
    told = isl.Set.read_from_str(
        found.get_ctx(), f"[{', '.join(names)}] -> {{ [_sum = {' + '.join(names)}, {coordinates}] }}"
    )
    told = told.intersect_params(found)
    told = told.project_out(isl.dim_type.param, 0, told.dim(isl.dim_type.param))
    (point,) = points(told.lexmin())
    return dict(zip(names, point[1:], strict=True))


def _failure(reading: Reading, name: str, wrong: isl.Set) -> Failure:
    layer = reading.layer
    sizes = smallest(wrong, layer.sizes)
    for here, world, outputs in reading.regions:
        if not within(here, sizes):
            continue
        if layer.call.adjoint:
            return Failure(sizes, None, f"{name} as read", "the adjoint of the forward pass")
        grid = outputs.get(name)
        if not isinstance(grid, Grid):
            return Failure(sizes, None, f"{name} is not returned", "the gradient")
        due = layer.native(world, name)
        shape, wanted = (
            tuple(_product(at_sizes(world, part, sizes) for part in axis) for axis in axes) for axes in (grid.axes, due)
        )
        if shape != wanted:
            return Failure(sizes, None, f"{name} has shape {shape}", f"{wanted}")
        world.deadline = float("inf")  # one size: what is left to say of a verdict is short
        given = term_points(world, reading.entries(world, grid), grid.axes, sizes)
        index = tuple(tuple(affine(f"z{at}_{n}") for n in range(len(axis))) for at, axis in enumerate(due))
        truth = term_points(world, reading.truth(world, name, index), due, sizes)
        for place in sorted({*given, *truth}):
            a, b = given.get(place, Counter()), truth.get(place, Counter())
            if a != b:
                return Failure(sizes, place, _text(a), _text(b))
        return Failure(sizes, None, f"{name} as read", "the gradient")
    return Failure(sizes, None, f"{name} is not returned", "the gradient")


def _product(values: Iterable[Any]) -> int:
    found = 1
    for value in values:
        found *= int(value)
    return found


def _text(products: Counter[str]) -> str:
    shown = [f"{'' if c == 1 else f'{c}*'}{text}" for text, c in sorted(products.items()) if c]
    return (" + ".join(shown[:6]) + (" + ..." if len(shown) > 6 else "")) or "0"
