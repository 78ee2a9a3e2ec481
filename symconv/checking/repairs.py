"""What is wrong with a statement, and the nearest one that holds: a counterexample, a condition, a correction."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symconv.algebra.polynomials import Polynomial, array_of, expression_text
from symconv.checking.calls import derivative
from symconv.checking.comparison import Failure, Outcome, agreement, by_x, first_failure, free_indices
from symconv.checking.context import Context
from symconv.checking.corrections import corrections
from symconv.checking.directions import DIRECTIONS
from symconv.checking.general import NotGeneral
from symconv.checking.model import Model, Unreadable
from symconv.checking.printed import printed
from symconv.checking.proofs import formula_texts, general_verdict
from symconv.checking.result import (
    ILL_FORMED,
    WRONG,
)
from symconv.checking.terms import (
    Add,
    Bound,
    Call,
    Diff,
    Entry,
    Grid,
    Mul,
    Name,
    Num,
    SumOver,
    Term,
    names_in,
    replaced,
    substituted,
    walk,
)
from symconv.checking.values import Jacobian, evaluate

__all__ = ["ill_formed", "nearest", "wrong"]

#: so many statements near a wrong one are looked at
MAX_TRIES = 150


def wrong(
    failed: Failure, sides: Sequence[Term], target: Sequence[str], models: Sequence[Model], context: Context, kind: str
) -> Outcome:
    if context.tried:
        return Outcome(WRONG, kind)
    where = ", ".join(f"{name} = {value}" for name, value in failed.env.items())
    conv = failed.model.conv
    told = (
        f"input {by_x(conv.input)}, kernel {by_x(conv.kernel)}, stride {conv.stride[0]}, padding {conv.padding[0][0]}"
        + (f", {where}" if where else "")
    )
    if failed.shapes:
        fix = _holding(_reaching(sides[0], sides[failed.at]), target, models, context)
        even = "right only where a window reaches every row" if fix else None
        return Outcome(WRONG, kind, even, f"shapes: {failed.shapes}", fix, told)
    left, right = _text(failed.left, failed.model), _text(failed.right, failed.model)
    example = f"{told}: {printed(sides[0])} is {left}, not {right}"
    condition = _when(_condition(sides, failed, models, context))
    instead = _instead(failed, sides)
    fix = _fix(failed, sides, target, models, context)
    return Outcome(WRONG, kind, condition or instead, reason=instead, fix=fix, counterexample=example)


def _when(condition: str | None) -> str | None:
    """The condition as a sentence about the statement."""
    if condition is None or condition.startswith("right"):
        return condition
    return (
        condition.replace("never", "never right", 1)
        if condition.startswith("never")
        else f"right only when {condition}"
    )


def _condition(sides: Sequence[Term], failed: Failure, models: Sequence[Model], context: Context) -> str | None:
    try:
        texts = formula_texts(sides[0], sides[failed.at], models[0], context.axes)
        found = general_verdict(texts, models, context)
    except (NotGeneral, ValueError, IndexError):
        return None
    return None if found.holds else found.condition


def _text(value: Any, model: Model) -> str:
    if isinstance(value, Polynomial):
        places = _places(model)
        letters = _directions(model)

        def name(array: str, flat: int) -> str:
            at = [i + model.setting.base for i in places.get((array, flat), ())]
            array = letters.get(array, array)
            if not at:
                return array if not flat else f"{array}[{flat}]"
            return f"{array}_{''.join(map(str, at)) if max(at) < 10 else ','.join(map(str, at))}"

        return expression_text(value.terms, name)
    flat = (value.matrix if isinstance(value, Jacobian) else value).reshape(-1)
    return "(" + ", ".join(_text(each, model) for each in flat[:12]) + (", ..." if flat.size > 12 else "") + ")"


def _places(model: Model) -> dict[tuple[str, int], tuple[int, ...]]:
    """Where in the author's layout each entry of x, w, b and dy stands, by array and number in C order of the layer's."""
    found: dict[tuple[str, int], tuple[int, ...]] = {}
    for role in ("x", "w", "b", "dy", *_directions(model)):
        array: Any = model.arrays[role]
        for at in np.ndindex(array.shape):
            found |= {array_of(monomial[0]): at for monomial in array[at].terms if len(monomial) == 1}
    return found


def _directions(model: Model) -> dict[str, str]:
    """The directions that have a letter, and it."""
    return {role: letter for letter, role in model.setting.roles.items() if role in DIRECTIONS and model.role(letter)}


def _instead(failed: Failure, sides: Sequence[Term]) -> str | None:
    """Another entry of the same array that the right side is."""
    left = sides[0]
    if not isinstance(left, Entry) or not all(isinstance(i, Num) for i in left.at):
        return None
    role = failed.model.role(left.array)
    if role is None or not hasattr(failed.right, "terms"):
        return None
    array: Any = failed.model.arrays[role]
    for at in np.ndindex(array.shape):
        if array[at].terms == failed.right.terms:
            index = "".join(str(i + failed.model.setting.base) for i in at)
            return f"this is {left.array}_{index}, not {printed(left)}"
    return None


def _fix(
    failed: Failure, sides: Sequence[Term], target: Sequence[str], models: Sequence[Model], context: Context
) -> str | None:
    """A correction in the author's letters that holds wherever this was looked at."""
    left = sides[0]
    if (
        isinstance(left, Entry)
        and all(isinstance(i, Num) for i in left.at)
        and hasattr(failed.left, "terms")
        and not failed.model.channels
    ):
        return f"{printed(left)} = {_latex_terms(failed.left, failed.model, context)}"
    if isinstance(left, Diff) and hasattr(failed.left, "terms") and not target and not failed.model.channels:
        return f"{printed(left)} = {_latex_terms(failed.left, failed.model, context)}"
    if (grid := _cells(failed, sides[failed.at], context)) is not None:
        return f"{printed(left)} = {grid}"
    return nearest(left, sides[failed.at], target, models, context)


def nearest(left: Term, right: Term, target: Sequence[str], models: Sequence[Model], context: Context) -> str | None:
    """The first of the statements near this one that holds wherever it is looked at."""
    return _holding(
        itertools.chain(corrections(left, right, models, context), _candidates(left, right)), target, models, context
    )


def _holding(
    near: Iterable[tuple[Term, Term]], target: Sequence[str], models: Sequence[Model], context: Context
) -> str | None:
    """The first of these statements that holds wherever it is looked at."""
    for new_left, new_right in itertools.islice(near, MAX_TRIES):
        try:
            if first_failure([new_left, new_right], target, models, context) is None:
                return f"{printed(new_left)} = {printed(new_right)}"
        except (Unreadable, ValueError, KeyError, IndexError):
            continue
    return None


def _cells(failed: Failure, right: Term, context: Context) -> str | None:
    """The matrix that makes the left side: alone on the right, or times a column of entries."""
    values = failed.left.matrix if isinstance(failed.left, Jacobian) else failed.left
    if failed.model.channels or not isinstance(values, np.ndarray):
        return None

    def told(cells: Any) -> str:
        rows = (" & ".join(_latex_terms(cell, failed.model, context) for cell in row) for row in cells)
        return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"

    if isinstance(right, Grid):
        shape = (len(right.rows), len(right.rows[0]))
        return told(values.reshape(shape)) if values.size == shape[0] * shape[1] else None
    factors = right.factors if isinstance(right, Mul) else ()
    if len(factors) != 2 or not isinstance(factors[1], Grid) or len(factors[1].rows[0]) != 1:
        return None
    column = [evaluate(failed.model, row[0], {}) for row in factors[1].rows]
    if any(len(each.terms) != 1 or len(next(iter(each.terms))) != 1 for each in column):
        return None
    return f"{told([[derivative(value, by) for by in column] for value in values.reshape(-1)])} {printed(factors[1])}"


def _latex_terms(value: Any, model: Model, context: Context) -> str:
    letters = {role: letter for letter, role in reversed(list(context.roles.items())) if letter not in context.padded}
    upstream = letters.get("dy") or "d" + letters.get("y", "y")
    text, own = _text(value, model), set(_directions(model).values())

    def name(m: re.Match[str]) -> str:
        letter = m[1] if m[1] in own else upstream if m[1] == "dy" else letters.get(m[1], m[1])
        return printed(Name(letter)) + f"_{{{m[2]}}}"

    return re.sub(rf"({'|'.join(map(re.escape, own))}|dy|x|w)_([\d,]+)".replace("(|", "("), name, text).replace(
        "*", " "
    )


def _reaching(left: Term, right: Term) -> Iterator[tuple[Term, Term]]:
    """With zeros for the rows that no window reaches, behind the entries that a stride sets apart."""
    for each in walk(right):
        if isinstance(each, Call) and each.word == "dilate":
            yield left, replaced(right, each, Call("pad", (each, Num(Fraction(0)), Name("r"))))


def _candidates(left: Term, right: Term) -> Iterator[tuple[Term, Term]]:
    """Neighbours of a statement: the indices of one array moved by one, by the stride or the padding, on every axis."""
    one, s, p = Num(Fraction(1)), Name("s"), Name("p")
    moves: list[list[tuple[int, Term]]] = [[(sign, each)] for each in (one, s, p) for sign in (1, -1)]
    moves += [[(1, one), (-1, s)], [(-1, one), (1, s)]]
    entries = list(dict.fromkeys(e for e in (*walk(right), *walk(left)) if isinstance(e, Entry)))
    for entry, move in itertools.product(entries, moves):
        if all(isinstance(i, (Name, Num)) for i in entry.at):
            continue
        at = tuple(
            Add((*(i.terms if isinstance(i, Add) else ((1, i),)), *move)) if not isinstance(i, (Name, Num)) else i
            for i in entry.at
        )
        yield (
            replaced(left, entry, Entry(entry.array, tuple(map(_tidy, at)))),
            replaced(right, entry, Entry(entry.array, tuple(map(_tidy, at)))),
        )


def _tidy(term: Term) -> Term:
    """A sum with its numbers added up."""
    if not isinstance(term, Add):
        return term
    number = sum((Fraction(sign * each.value) for sign, each in term.terms if isinstance(each, Num)), Fraction(0))
    rest = [(sign, each) for sign, each in term.terms if not isinstance(each, Num)]
    for sign, each in list(rest):
        if (-sign, each) in rest and (sign, each) in rest:
            rest.remove((sign, each))
            rest.remove((-sign, each))
    if number:
        rest.append((1 if number > 0 else -1, Num(abs(number))))
    return rest[0][1] if len(rest) == 1 and rest[0][0] == 1 else Add(tuple(rest)) if rest else Num(Fraction(0))


def ill_formed(
    sides: Sequence[Term], target: Sequence[str], loose: Sequence[str], models: Sequence[Model], context: Context, kind: str,
    stray: str | None,
) -> Outcome:  # fmt: skip
    """An index that nothing binds, with the nearest reading that holds."""
    letters = ", ".join(loose)
    reason = f"{letters} free on the right" + (f"; {stray}" if stray else "")
    right = (
        sides[-1]
        if len(sides) == 2
        else next(s for s in sides[1:] if set(free_indices(s, models[0].setting)) & set(loose))
    )
    used = set(free_indices(right, models[0].setting))
    unused = [n for n in target if n not in used]
    options: list[tuple[str, Term]] = []
    if len(unused) >= len(loose):
        for chosen in itertools.permutations(unused, len(loose)):
            by: dict[str, Term] = {a: Name(b) for a, b in zip(loose, chosen, strict=True)}
            options.append((f"with {letters} read as {', '.join(chosen)}", substituted(right, by)))
    bounds = tuple(Bound(n) for n in loose)
    options.append((f"with the sum over {letters}", _with_sum(right, bounds)))
    for told, candidate in options:
        try:
            if first_failure([sides[0], candidate], target, models, context) is None:
                found = agreement([sides[0], candidate], target, models, context, kind, ())
                if candidate == right:
                    continue
                extent = f", {found.condition}" if found.condition else ""
                return Outcome(
                    ILL_FORMED, kind, f"right {told}{extent}", reason, fix=f"{printed(sides[0])} = {printed(candidate)}"
                )
        except (Unreadable, ValueError, KeyError):
            continue
    return Outcome(ILL_FORMED, kind, reason=reason)


def _with_sum(term: Term, bounds: tuple[Bound, ...]) -> Term:
    if isinstance(term, SumOver):
        return SumOver((*bounds, *term.bounds), term.body)
    if isinstance(term, Add):
        names = {b.name for b in bounds}
        return Add(
            tuple((sign, _with_sum(each, bounds) if names & _index_names(each) else each) for sign, each in term.terms)
        )
    return SumOver(bounds, term)


def _index_names(term: Term) -> set[str]:
    return {n for e in walk(term) if isinstance(e, Entry) for i in e.at for n in names_in(i)}
