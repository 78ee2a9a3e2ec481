"""Layers as products of matrices: im2col's columns, the kernel and the output flattened, and the one matrix of a whole layer."""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import Polynomial
from symconv.checking.calls import derivative, folded, windows
from symconv.checking.comparison import Outcome
from symconv.checking.context import SIZES, Context
from symconv.checking.letters import MARKS
from symconv.checking.model import Model, Setting, Unreadable, constant
from symconv.checking.printed import printed
from symconv.checking.result import DEFINITION, HOLDS, NO_CLAIM, WRONG
from symconv.checking.terms import Add, Call, Mul, Name, Statement, Term, Transpose, walk
from symconv.layer.conv import Conv

__all__ = ["Lying", "judge_columns", "judge_shape"]

#: which way the matrices lie: windows as columns or rows, kernels as rows or columns, output channels as rows or columns
Lying = tuple[bool, bool, bool]
EVERY: tuple[Lying, ...] = tuple((a, b, c) for a, b, c in itertools.product((True, False), repeat=3))

#: what below x makes it the matrix of its windows
WINDOWS = {"col", "cols", "row", "rows", "unf", "unfold", "unfolded", "im2col"}
#: words that lay the entries of an array out otherwise, and change none
LAYING = {"vec", "reshape", "mat", "flatten", "unvec"}
#: letters of arrays where the article gives them no role
USUAL = {"X": "x", "x": "x", "W": "w", "w": "w", "Y": "y", "y": "y", "Z": "y", "b": "b"}

#: rows, kernels and windows in numbers that are all different, so that no two shapes fit by chance
_LAYER = {"input": (3, 4), "kernel": (2, 2), "in_channels": 2, "out_channels": 3}
_AT = "at 2 channels, 3 filters, input 3x4, kernel 2x2"


def judge_columns(statement: Statement, context: Context) -> Outcome | None:
    """The verdict on a product of matrices that has the columns of im2col in it or a matrix that stands for the layer.

    None where neither occurs: then it is read as any other statement. What the forward product says of how the matrices lie
    holds for those that follow.
    """
    if len(statement.sides) < 2 or any(sign != "=" for sign in statement.signs) or context.transposed:
        return None
    sides = tuple(_plainly(side) for side in statement.sides)
    if (found := _layer_matrix(sides, context)) is not None:
        return found
    if (found := _declared(sides, context)) is not None:
        return found
    if not all(isinstance(each, (Name, Mul, Add, Transpose, Call)) for side in sides for each in walk(side)):
        return None
    names = {each.text for side in sides for each in walk(side) if isinstance(each, Name)}
    calls = {each.word for side in sides for each in walk(side) if isinstance(each, Call)}
    if not any(_kind(name, context)[0] in ("columns", "matrix") for name in names) and not (
        context.lying and calls & {"im2col", "col2im"}
    ):
        return None
    if not calls and not any(isinstance(each, Mul) for side in sides for each in walk(side)):
        return None  # numbers of rows
    return _product(sides, context)


def _declared(sides: tuple[Term, ...], context: Context) -> Outcome | None:
    """``X_col = im2col(X)``."""
    left, right = sides[0], sides[-1]
    if len(sides) != 2 or not isinstance(left, Name) or not isinstance(right, Call) or right.word != "im2col":
        return None
    if not isinstance(right.args[0], Name) or _kind(right.args[0].text, context) != ("x", False):
        return None
    if left.text == right.args[0].text or context.roles.get(left.text, "x") != "x":
        return None
    context.columns.add(left.text)
    return Outcome(DEFINITION, "definition", "a column or a row for each window")


def _layer_matrix(sides: tuple[Term, ...], context: Context) -> Outcome | None:
    """``y = T x``, by which T is the matrix of the layer."""
    if len(sides) != 2 or not isinstance(sides[0], Name) or _kind(sides[0].text, context) != ("y", False):
        return None
    right = sides[1]
    if isinstance(right, Add) and len(right.terms) == 2 and right.terms[1] == (1, Name("b")) and right.terms[0][0] == 1:
        right = right.terms[0][1]
    if not isinstance(right, Mul) or len(right.factors) != 2 or not all(isinstance(f, Name) for f in right.factors):
        return None
    matrix, array = (f.text for f in right.factors if isinstance(f, Name))
    free = matrix not in context.roles and matrix not in context.definitions and matrix not in context.columns
    if not free or not re.fullmatch(r"[A-Z](_\w+)?", matrix) or _kind(array, context) != ("x", False):
        return None
    if _kind(matrix, context)[0]:
        return None
    context.matrices.add(matrix)
    return Outcome(DEFINITION, "definition", f"{matrix} is the matrix of the layer")


def _product(sides: tuple[Term, ...], context: Context) -> Outcome:
    ways = context.lying or EVERY
    forward = isinstance(sides[0], Name) and _kind(sides[0].text, context) == ("y", False)
    right = tuple(way for way in (EVERY if forward else ways) if _holds(sides, context, way))
    if right:
        context.lying = right
        return Outcome(HOLDS, "matrix", f"{_told(right, sides, context)}{_AT}")
    fix = _fix(sides, context, ways)
    return Outcome(WRONG, "matrix", reason=f"the product is another matrix, or none, {_AT}", fix=fix)


def _told(ways: tuple[Lying, ...], sides: tuple[Term, ...], context: Context) -> str:
    """Which way the windows lie, where they occur and lie one way."""
    names = {each.text for side in sides for each in walk(side) if isinstance(each, Name)}
    first = {way[0] for way in ways}
    if len(first) > 1 or any(_kind(name, context)[0] == "matrix" for name in names):
        return ""
    return f"with {'a column' if first == {True} else 'a row'} for each window, "


def _holds(sides: tuple[Term, ...], context: Context, way: Lying) -> bool:
    values = []
    kinds = {_kind(each.text, context) for side in sides for each in walk(side) if isinstance(each, Name)}
    bias, flat = ("b", False) in kinds, ("matrix", False) in kinds
    for side in sides:
        try:
            values.append(_value(side, context, {**_matrices(way, bias), "flat": flat}))
        except _Unfit:
            return False
    return all(
        a.shape == b.shape and all(p.terms == q.terms for p, q in zip(a.reshape(-1), b.reshape(-1), strict=True))
        for a, b in itertools.pairwise(values)
    )


def _fix(sides: tuple[Term, ...], context: Context, ways: tuple[Lying, ...]) -> str | None:
    """The same two factors in the order and with the transposes that are due; None where there are none."""
    last = sides[-1]
    inner = last.args[0] if isinstance(last, Call) and last.word == "col2im" else last
    if not isinstance(inner, Mul) or len(inner.factors) != 2:
        return None
    bare = [f.body if isinstance(f, Transpose) else f for f in inner.factors]
    for a, b in (bare, bare[::-1]):
        for left, right in itertools.product((a, Transpose(a)), (b, Transpose(b))):
            product: Term = Mul((left, right))
            again = Call("col2im", (product,)) if inner is not last else product
            if any(_holds((sides[0], again), context, way) for way in ways):
                return f"{printed(sides[0])} = {printed(again)}"
    return None


class _Unfit(Exception):
    """Matrices whose shapes do not fit."""


def _plainly(term: Any) -> Any:
    """A side without the words that only lay entries out otherwise."""
    if isinstance(term, Mul):
        left = tuple(f for f in map(_plainly, term.factors) if not (isinstance(f, Name) and f.text in LAYING))
        return left[0] if len(left) == 1 else Mul(left)
    if isinstance(term, Transpose):
        return Transpose(_plainly(term.body))
    if isinstance(term, Call) and term.word in ("im2col", "col2im") and len(term.args) == 1:
        inner = _plainly(term.args[0])
        if term.word == "im2col" and isinstance(inner, Transpose):
            return Transpose(Call("im2col", (inner.body,)))
        return Call(term.word, (inner,))
    return term


def _kind(name: str, context: Context) -> tuple[str, bool]:
    """What a name is, x, w, b, y, the columns or the matrix of the layer, and whether its gradient; '' for none of these."""
    gradient = name.startswith("d") and len(name) > 1
    name = name[1:] if gradient else name
    if name in context.columns:
        return "columns", gradient
    if name in context.matrices:
        return "matrix", gradient
    stem, _, mark = name.partition("_")
    if mark and mark not in MARKS | WINDOWS:
        return "", gradient
    role = context.roles.get(name) or context.roles.get(stem) or USUAL.get(stem, "")
    if role == "x" and mark:
        return ("columns" if mark in WINDOWS else ""), gradient
    if role in ("dx", "dw", "dy", "db") and not gradient:
        return role[1:], True
    return (role if role in ("x", "w", "b", "y") else ""), gradient


def _value(term: Term, context: Context, given: dict[str, Any]) -> NDArray[Any]:
    if isinstance(term, Transpose):
        return _value(term.body, context, given).T
    if isinstance(term, Mul):
        result: Any = None
        for factor in term.factors:
            value = _value(factor, context, given)
            if result is not None and result.shape[1] != value.shape[0]:
                raise _Unfit
            result = value if result is None else result @ value
        return np.asarray(result, dtype=object)
    if isinstance(term, Add):
        parts = [(sign, _value(each, context, given)) for sign, each in term.terms]
        total: Any = None
        for sign, value in parts:
            if total is not None and any(m != n and m != 1 for m, n in zip(value.shape, total.shape, strict=True)):
                raise _Unfit
            value = value if sign == 1 else -value
            total = value if total is None else total + value
        return np.asarray(total, dtype=object)
    if isinstance(term, Call) and term.word == "im2col":
        if isinstance(term.args[0], Name) and _kind(term.args[0].text, context) == ("x", False):
            return np.asarray(given["columns"])
        raise Unreadable("im2col of something that is not x")
    if isinstance(term, Call) and term.word == "col2im" and len(term.args) == 1:
        return _image(_value(term.args[0], context, given), given)
    if isinstance(term, Name):
        kind, gradient = _kind(term.text, context)
        flat = "flat " if given["flat"] and kind in ("x", "y") else ""
        key = flat + ("d" if gradient else "") + kind
        if key in given:
            return np.asarray(given[key])
    raise Unreadable(f"{printed(term)} is no matrix of the layer's")


def _image(columns: NDArray[Any], given: dict[str, Any]) -> NDArray[Any]:
    """col2im, as an image in one column of entries."""
    if columns.shape != given["columns"].shape:
        raise _Unfit
    rows = columns.T if given["way"][0] else columns
    channels = np.split(rows, given["model"].conv.in_channels, axis=1)
    return np.concatenate([folded(given["model"], each).reshape(-1, 1) for each in channels])


@cache
def _matrices(way: Lying, bias: bool) -> dict[str, Any]:
    """The layer's arrays as matrices that lie one way; those of the whole layer as columns of entries."""
    conv = Conv(**_LAYER)  # type: ignore[arg-type]
    model = Model(conv, Setting({}), channels=True)
    arrays = {name: np.asarray(array) for name, array in model.arrays.items()}
    filters = conv.out_channels
    columns = np.concatenate([windows(model, channel) for channel in arrays["x"]], axis=1).T
    kernel, upstream = arrays["w"].reshape(filters, -1), arrays["dy"].reshape(filters, -1)
    output = arrays["y"].reshape(filters, -1) if bias else kernel @ columns
    upright = {"columns": columns, "dcolumns": kernel.T @ upstream, "w": kernel, "dw": arrays["dw"].reshape(filters, -1),
               "y": output, "dy": upstream, "b": arrays["b"].reshape(-1, 1), "db": arrays["db"].reshape(-1, 1)}  # fmt: skip
    axis = {"columns": 0, "w": 1, "y": 2, "b": 2}
    found: dict[str, Any] = {n: m if way[axis[n.removeprefix("d")]] else m.T for n, m in upright.items()}
    found |= {"flat " + n: arrays[n].reshape(-1, 1) for n in ("x", "dx", "dy")}
    found |= {"dx": found["flat dx"], "flat y": output.reshape(-1, 1), "way": way, "model": model}
    found["matrix"] = _matrix_of(output - (arrays["b"].reshape(-1, 1) if bias else constant(0)), arrays["x"])
    return found


def _matrix_of(output: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """The derivative of every output by every input."""
    result = np.empty((output.size, x.size), dtype=object)
    for (i, y), (j, m) in itertools.product(enumerate(output.reshape(-1)), enumerate(x.reshape(-1))):
        assert isinstance(y, Polynomial)
        result[i, j] = derivative(y, m)
    return result


_SHAPE = re.compile(r"^\s*(.+?)\s*\\in\s*\\(?:mathbb|mathbf|R)\s*\{?\s*R?\s*\}?\s*\^\s*\{(.*)\}\s*[.,]?\s*$", re.DOTALL)
_FACTOR = re.compile(r"([A-Za-z]{1,2}(?:_\{?(?:\\(?:text|mathrm)\{)?\w+\}*)?'?)(?:\^\{?(\d)\}?)?")
#: what rows and columns of a matrix are as long as, where it lies the first way
DUE = {"columns": ("CKK", "OO"), "w": ("F", "CKK"), "y": ("F", "OO")}


def judge_shape(text: str, context: Context) -> Outcome | None:
    r"""The verdict on ``X_{col} \in \mathbb{R}^{C K^2 \times O^2}``, and which way the matrix lies; None for anything else."""
    found = _SHAPE.match(text)
    if found is None or len(text) > 200:
        return None
    name = re.sub(r"\\(?:text|mathrm|mathbf|mathit|operatorname)|[{}\s\\]", "", found[1])
    kind, _ = _kind(name, context)
    pieces = re.split(r"\\times", found[2])
    if not kind or kind in ("b", "matrix"):
        return None
    if len(pieces) != 2 or (kind != "columns" and "_" not in name):
        return Outcome(NO_CLAIM, "shape", reason="a shape, which claims nothing of the layer")
    letters = [_lengths(piece) for piece in pieces]
    due = DUE[kind]
    if None in letters or context.dims != 2:
        return None
    rows, columns = (str(each).replace("N", "") for each in letters)
    if not context.channels and "C" not in rows + columns:
        due = tuple(each.replace("C", "") for each in due)  # type: ignore[assignment]
    axis = list(DUE).index(kind)
    if (rows, columns) in (due, due[::-1]):
        if due[0] != due[1]:
            upright = (rows, columns) == due
            context.lying = tuple(w for w in context.lying or EVERY if w[axis] == upright) or context.lying
        return Outcome(HOLDS, "shape", "every size")
    if "H" in rows + columns:
        return None
    return Outcome(WRONG, "shape", reason=f"it has {' x '.join(_product_of(each) for each in due)} entries")


def _product_of(letters: str) -> str:
    return " ".join(
        f"{each}^{letters.count(each)}" if letters.count(each) > 1 else each for each in dict.fromkeys(letters)
    )


def _lengths(piece: str) -> str | None:
    """The letters of the sizes that are multiplied, in order; None where one is not known."""
    found = ""
    rest = re.sub(r"\\cdot|\\,|[()\s]|\\left|\\right|\\ast", " ", piece)
    for each in _FACTOR.finditer(rest):
        name = re.sub(r"\\(?:text|mathrm)|[{}]", "", each[1]).replace("'", "′")
        letter = SIZES.get(name, SIZES.get(name.upper(), ("", 0)))[0]
        if letter not in ("C", "K", "O", "F", "H", "N"):
            return None
        found += letter * int(each[2] or 1)
    return "".join(sorted(found)) if found and not _FACTOR.sub("", rest).strip() else None
