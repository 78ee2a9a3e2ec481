"""The verdict on one statement, given what the article means by its letters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from symconv.algebra.polynomials import Polynomial, TooManyTerms, start_counting
from symconv.algebra.trees import rebuilt
from symconv.checking.borders import border_of
from symconv.checking.columns import judge_columns
from symconv.checking.comparison import Outcome, free_indices
from symconv.checking.context import SIZES, Context
from symconv.checking.directions import DIRECTIONS, letter_of
from symconv.checking.elided import judge_elided
from symconv.checking.equations import equation
from symconv.checking.general import NotGeneral, is_flip
from symconv.checking.letters import LOSS
from symconv.checking.losses import judge_loss
from symconv.checking.model import Unreadable, constant
from symconv.checking.numbers import judge_numbers
from symconv.checking.printed import printed
from symconv.checking.result import (
    AMBIGUOUS,
    DEFINITION,
    HOLDS,
    ILL_FORMED,
    INCONSISTENT,
    NO_CLAIM,
    NOT_READ,
    PROVED,
    WRONG,
)
from symconv.checking.roles import activated
from symconv.checking.second_loss import judge_second_loss
from symconv.checking.sizes import models_for
from symconv.checking.terms import (
    Diff,
    Dots,
    Entry,
    Grid,
    Mul,
    Name,
    Num,
    Seq,
    Star,
    Statement,
    SumOver,
    Term,
    Transpose,
    names_in,
    walk,
)
from symconv.checking.values import Past, Shapes, Twice, evaluate

__all__ = ["judge"]


def judge(statement: Statement, context: Context) -> Outcome:
    """The verdict on a statement; it never raises for what an author may write."""
    start_counting()
    try:
        return _judge(statement, context)
    except Twice as error:
        return Outcome(ILL_FORMED, "equation", reason=str(error))
    except Shapes as error:
        return _misshapen(statement, context, str(error))
    except (Unreadable, NotGeneral) as error:
        return Outcome(NOT_READ, "equation", reason=str(error))
    except TooManyTerms as error:
        return Outcome(NOT_READ, "equation", reason=f"too large: {error}")
    except (ValueError, ZeroDivisionError, ArithmeticError) as error:
        return Outcome(NOT_READ, "equation", reason=f"not followed: {error}")


def _judge(statement: Statement, context: Context) -> Outcome:
    sides = statement.sides
    if any(isinstance(each, Dots) for each in sides) and len(sides) == 1:
        return Outcome(NO_CLAIM, "dots", reason="what the dots stand for is not checked")
    if statement.signs[:1] == ("∈",):
        return _range(statement, context)
    if len(sides) == 1:
        return _alone(sides[0], context)
    if activated(statement):
        return Outcome(DEFINITION, "activation")
    if statement.signs == ("+=",) and _unplaced(statement, context):
        reason = "which entries of the gradient each term is added to is not said, nor which window it is of"
        return Outcome(ILL_FORMED, "update", reason=reason)
    if any(sign != "=" for sign in statement.signs):
        return Outcome(
            NOT_READ, "relation", reason=f"the relation {next(s for s in statement.signs if s != '=')} is not judged"
        )
    if "continues" in statement.notes:
        return Outcome(NOT_READ, "equation", reason="the left side is missing")
    if (told := judge_columns(statement, context)) is not None:
        return told
    if (told := judge_second_loss(statement, context) or judge_loss(statement, context)) is not None:
        return told
    if isinstance(sides[0], Name) and sides[0].text in LOSS and sides[0].text not in context.roles:
        found = _loss(statement, context)
        if found is not None:
            return found
    if context.second.chosen(statement):
        return Outcome(DEFINITION, "direction", "a direction is whatever one takes")
    if context.second.roles.get(letter_of(sides[0])) in DIRECTIONS:
        return Outcome(
            NOT_READ, "direction", reason=f"{printed(sides[0])} is a direction, which nothing else determines"
        )
    if not isinstance(sides[0], Dots) and not any(_of_arrays(side, context) for side in sides):
        return judge_numbers(statement, context)
    found = border_of(statement, context) or _definition(statement, context) or judge_elided(statement, context)
    if found is not None:
        return found
    return equation(statement, context)


def _unplaced(statement: Statement, context: Context) -> bool:
    """Whether a gradient is added to as a whole by a sum over entries of dy of something that has none of their indices."""
    left, right = statement.sides
    name = left.text if isinstance(left, Name) else left.array.partition("_")[0] if isinstance(left, Entry) else ""
    bound = {b.name for each in walk(right) if isinstance(each, SumOver) for b in each.bounds}
    spatial = isinstance(left, Entry) and any(names_in(i) & bound for i in left.at)
    return bool(bound) and not spatial and name[:1] == "d" and context.roles.get(name[1:]) in ("x", "w")


def _loss(statement: Statement, context: Context) -> Outcome | None:
    """A loss put as the sum of dy times y, which has dy as its derivative; None where it is put as something else."""
    parts = [each for side in statement.sides[1:] for each in walk(side) if isinstance(each, (Entry, Name))]
    names = {each.array if isinstance(each, Entry) else each.text for each in parts}
    roles = {context.roles.get(n) or "d" + context.roles.get(n.removeprefix("d"), "") for n in names}
    if len(statement.sides) != 2 or not ("dy" in roles or {"y"} < roles & {"x", "w", "y"}):
        return None
    setting = None
    for model in models_for(statement, context):
        setting = model.setting
        if free := free_indices(statement.sides[1], setting):
            return (
                None if setting.einstein else Outcome(ILL_FORMED, "loss", reason=f"{', '.join(free)} free on the right")
            )
        due = constant(0)
        for y, dy in zip(model.arrays["y"].reshape(-1), model.arrays["dy"].reshape(-1), strict=True):
            due = due + y * dy
        try:
            found = evaluate(model, statement.sides[1], {})
        except Past as error:
            return Outcome(ILL_FORMED, "loss", reason=str(error))
        if not isinstance(found, Polynomial) or found.terms != due.terms:
            return Outcome(WRONG, "loss", "its derivative with respect to y is not dy")
    return Outcome(DEFINITION, "loss", "its derivative with respect to y is dy") if setting else None


def _of_arrays(term: Term, context: Context) -> bool:
    """Whether anything in it is an array, a matrix or an entry."""
    return any(
        isinstance(each, (Entry, Grid, Seq, Diff, Star, SumOver))
        or (isinstance(each, Name) and _is_array(each.text, context))
        for each in walk(term)
    )


def _is_array(name: str, context: Context) -> bool:
    return (
        name in context.roles
        or (name.startswith("d") and context.roles.get(name[1:]) is not None)
        or name in context.definitions
    )


def _misshapen(statement: Statement, context: Context, error: str) -> Outcome:
    """A product whose shapes do not fit clashes with another display where it holds without its transposes."""
    plain = Statement(tuple(_untransposed(side) for side in statement.sides), statement.signs, statement.notes)
    if plain != statement:
        try:
            found = _judge(plain, context)
        except (Unreadable, NotGeneral):
            found = None
        if found is not None and found.verdict in (PROVED, HOLDS):
            fix = " = ".join(printed(side) for side in plain.sides)
            reason = f"shapes: {error}" + ("; dy was set as a row" if context.row_gradient else "")
            return Outcome(INCONSISTENT, found.kind, "right without the transpose", reason, fix)
    slid = Statement(tuple(_slid(side) for side in statement.sides), statement.signs, statement.notes)
    if slid != statement:
        found = judge(slid, context)
        if found.verdict in (PROVED, HOLDS):
            reason = f"shapes of a product of matrices: {error}"
            return Outcome(AMBIGUOUS, found.kind, "right if the product is a correlation", reason)
    return Outcome(NOT_READ, "equation", reason=f"shapes do not fit: {error}")


def _slid(term: Any) -> Any:
    """The product of two arrays with the one sliding over the other."""
    if isinstance(term, Mul) and len(term.factors) == 2 and not any(isinstance(f, Num) for f in term.factors):
        return Star("⋆corr", *term.factors)
    return rebuilt(term, _slid)


def _untransposed(term: Any) -> Any:
    return _untransposed(term.body) if isinstance(term, Transpose) else rebuilt(term, _untransposed)


def _alone(term: Term, context: Context) -> Outcome:
    if isinstance(term, Grid) and context.mention is not None and context.base is not None:
        return _mentioned(term, context)
    return Outcome(NO_CLAIM, "expression", reason="nothing is claimed")


def _mentioned(grid: Grid, context: Context) -> Outcome:
    """A matrix after words about one entry of dx: the part of w that dy meets there, or the indices of it."""
    assert context.mention is not None
    array, at = context.mention
    models = list(models_for(Statement((grid,), ()), context))
    if not models or len(at) != models[0].dims or models[0].dims != 2:
        return Outcome(NO_CLAIM, "matrix", reason="nothing is claimed")
    model = models[0]
    upstream = model.arrays["dy"]
    if (len(grid.rows), len(grid.rows[0])) != upstream.shape:
        return Outcome(NO_CLAIM, "matrix", reason="nothing is claimed")
    base = model.setting.base
    name = f"{array}_{''.join(map(str, at))}"
    shape = model.arrays["dx"].shape
    pairs = all(isinstance(cell, Seq) for row in grid.rows for cell in row)

    def right(target: tuple[int, ...]) -> list[list[Term]]:
        rows: list[list[Term]] = []
        for i, j in itertools.product(*map(range, upstream.shape)):
            index = (target[0] - i, target[1] - j)
            inside = all(0 <= index[a] - base < model.conv.kernel[a] for a in (0, 1))
            numbers = tuple(Num(n) for n in index)
            w = next(letter for letter, role in model.setting.roles.items() if role == "w")
            rows += [[]] if j == 0 else []
            rows[-1].append(Seq(numbers) if pairs else Entry(w, numbers) if inside else Num(0))
        return rows

    def values(rows: Sequence[Sequence[Term]]) -> list[Any]:
        if pairs:
            return [tuple(model.number(n, {}) for n in cell.items) for row in rows for cell in row]  # type: ignore[attr-defined]
        return [evaluate(model, cell, {}).terms for row in rows for cell in row]

    given = values(grid.rows)
    if given == values(right(at)):
        return Outcome(HOLDS, "matrix", f"{len(given)} entries: with dy they make {name}")
    instead = next(
        (t for t in itertools.product(*(range(base, n + base) for n in shape)) if given == values(right(t))), None
    )
    told = f"this is {array}_{''.join(map(str, instead))}, not {name}" if instead else f"this is not {name}"
    fix = printed(Grid(tuple(tuple(row) for row in right(at))))
    return Outcome(WRONG, "matrix", told, fix=fix, counterexample=told)


def _range(statement: Statement, context: Context) -> Outcome:
    left, right = statement.sides
    assert isinstance(left, Seq)
    assert isinstance(right, Seq)
    models = list(models_for(statement, context))
    if not models or len(right.items) != 2:
        return Outcome(NO_CLAIM, "range", reason="nothing is claimed")
    model = models[0]
    ends = tuple(int(model.number(end, {})) for end in right.items)
    judged = 0
    for item in left.items:
        kind = context.axes.get(item.text) if isinstance(item, Name) else None
        if kind is None:
            continue
        judged += 1
        shape = model.arrays[kind].shape[-1] if model.arrays[kind].ndim else 1
        if ends != (model.setting.base, shape - 1 + model.setting.base):
            return Outcome(
                WRONG, "range", f"{printed(item)} runs from {model.setting.base} to {shape - 1 + model.setting.base}"
            )
    return (
        Outcome(HOLDS, "range", "the sizes of the part")
        if judged
        else Outcome(NO_CLAIM, "range", reason="nothing is claimed")
    )


def _definition(statement: Statement, context: Context) -> Outcome | None:
    left, right = statement.sides[0], statement.sides[-1]
    roles = context.roles
    if len(statement.sides) == 2 and left == right:
        return Outcome(DEFINITION, "definition")
    name = left.text if isinstance(left, Name) else left.array if isinstance(left, Entry) else None
    if name is None:
        return None
    role = roles.get(name) or ("d" + roles[name[1:]] if name.startswith("d") and roles.get(name[1:]) else None)
    basic = role in ("x", "w", "b", "dy") or role == "y"
    if isinstance(left, Name) and basic and isinstance(right, (Grid, Seq)) and len(statement.sides) == 2:
        cells = [c for row in right.rows for c in row] if isinstance(right, Grid) else list(right.items)
        if all(isinstance(c, Entry) and c.array == name for c in cells) and len({c.at for c in cells}) == len(cells):  # type: ignore[attr-defined]
            if role == "dy" and isinstance(right, Grid) and len(right.rows) == 1 and len(cells) > 1:
                context.row_gradient = True
            return Outcome(DEFINITION, "definition", f"{name} has {len(cells)} entries")
    if (
        name.startswith("d")
        and name.endswith("′")
        and roles.get(name[1:].rstrip("′")) in ("x", "w", "b", "y")
        and role is None
    ):
        raise Unreadable(f"nothing says what {name} is")  # of a gradient, which is not put as one likes
    unknown = role is None and name not in SIZES and not statement.system and name not in context.definitions
    if unknown and isinstance(left, Entry) and all(isinstance(i, Name) for i in left.at) and len(statement.sides) == 2:
        context.definitions[name] = (tuple(i.text for i in left.at), right)  # type: ignore[attr-defined]
        _note_flip(name, statement, context)
        return Outcome(DEFINITION, "definition")
    return None


def _note_flip(name: str, statement: Statement, context: Context) -> None:
    """Remember that what was defined is w turned round, so that its numbers are read as sizes elsewhere."""
    try:
        model = next(models_for(Statement((statement.sides[1],), ()), context), None)
        if model is not None and not model.channels and is_flip(context.definitions[name], model):
            context.flipped.add(name)
    except (Unreadable, NotGeneral):
        return
