"""The closed formulas of one layer as a short program that runs as it stands under ``import numpy as np``.

Its lines are the formulas in the words of NumPy (:mod:`symconv.kernels.formula_source`); the operations are those of the emitted
kernels, which their checks cover. Stride, padding, dilation and groups are constants at the top, so there is nothing to convert
and nothing left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from symconv.algebra.integers import Integer
from symconv.article.closed import formula_for, trimmed
from symconv.article.evidence import numbered
from symconv.formulas import tree
from symconv.kernels import Kind, helpers, source
from symconv.kernels.formula_source import formula_source
from symconv.layer import relation
from symconv.layer.conv import Conv
from symconv.layer.padding import FILLER
from symconv.mathematics.notation import OWN, Notation
from symconv.mathematics.of_integers import simplified
from symconv.prose import Prose

__all__ = ["WIDTH", "gradient_check", "listing"]

#: lines are no longer than this: set in, they fit a terminal of 80 columns
WIDTH = 78

#: the operations of the formulas, in the order in which they are shown
OPERATIONS: dict[str, Callable[..., Any]] = {
    "correlate": helpers.correlate, "border": helpers.border, "filled": helpers.filled, "fold": helpers.fold,
    "pad": helpers.pad, "crop": helpers.crop, "dilate": helpers.dilate, "flip": helpers.flip,
    "total": helpers.total,
}  # fmt: skip


def listing(conv: Conv, words: Prose, own: Notation = OWN, brief: bool = False) -> str:
    """``forward`` and ``backward`` of the layer in NumPy, its comments in the language of ``words``; where it is ``brief`` and
    the axes are alike, stride, padding and dilation are put in, and what they leave nothing to do for is left out.

    x (N, C, *H), w (F, C/groups, *K) and b (F,) as everywhere; of a transposed layer w (C, F/groups, *K). Any sizes of x and w go
    that fit these constants.

    >>> from symconv.prose import prose
    >>> print(listing(Conv(input=4, kernel=2), prose("en")).partition("\\n\\n")[0])
    # stride, dilation, padding before and after, one number for each axis
    s, d, p, q = np.array([[1], [1], [0], [0]])
    """
    formulas = {target: formula_for(conv, target) for target in ("y", "dx", "dw", "db")}
    known = _known(conv) if brief else {}
    if known:
        formulas = {name: replace(each, body=trimmed(each.body, known)) for name, each in formulas.items()}
    functions = "\n\n".join([_forward(conv, formulas, words), _backward(conv, formulas, words, known)])
    used = [name for name in OPERATIONS if f"{name}(" in functions]
    operations = [_comment(words, name) + _bare(source.copied(OPERATIONS[name])) for name in used]
    head = "\n".join(_constants(conv, words, not known))
    parts = [*(_renamed(text, own) for text in (head, functions) if text), *operations]
    return "\n\n".join(source.narrowed(part, WIDTH) for part in parts)


def _known(conv: Conv) -> dict[str, int]:
    """The constants of a layer whose axes are alike; r too where it is not for the sizes of x to say."""
    names = ["s", "d", "p", "q", *(["r"] if conv.transposed else [])]
    columns = [tuple(conv.sizes(axis)[name] for name in names) for axis in range(conv.ndim)]
    if len(set(columns)) > 1:
        return {}
    known = dict(zip(names, columns[0], strict=True))
    return known if conv.transposed or known["s"] > 1 else {**known, "r": 0}


def gradient_check(conv: Conv, words: Prose, own: Notation = OWN) -> str:
    """Lines to paste below the listing: they print, for each gradient, the relative error of a central difference."""
    bias = ", b" if conv.bias else ""
    arrays = ["x", "w", *(["b"] if conv.bias else [])]
    shapes = ", ".join(str(conv.shapes[array]) for array in arrays)
    text = "\n".join(
        [
            "rng = np.random.default_rng(0)",
            f"{', '.join(arrays)} = (rng.standard_normal(shape) for shape in ({shapes}))",
            f"dy = rng.standard_normal(forward(x, w{bias}).shape)",
            f"for name, array, gradient in zip({tuple(f'd{array}' for array in arrays)}, (x, w{bias}), backward(dy, x, w)):",
            f"    {_comment(words, 'direction').strip()}",
            "    v, eps = rng.standard_normal(array.shape), 1e-6",
            "    array += eps * v",
            f"    above = (dy * forward(x, w{bias})).sum()",
            "    array -= 2 * eps * v",
            f"    below = (dy * forward(x, w{bias})).sum()",
            "    array += eps * v",
            "    numeric, exact = (above - below) / (2 * eps), (gradient * v).sum()",
            '    print(f"{name}: {abs(numeric - exact) / max(abs(numeric), abs(exact)):.1e}")',
        ]
    )
    return source.narrowed(_renamed(text, own), WIDTH)


#: what is renamed in code where an author's letters differ
_RENAMED = ("x", "w", "b", "y", "dx", "dw", "db", "dy", "H", "K", "O", "s", "d", "p", "q", "r", "G")


def _renamed(text: str, own: Notation) -> str:
    """The author's letters for arrays and sizes; names of attributes and of arguments stay."""
    names = {name: own.identifier(name) for name in _RENAMED if own.identifier(name) != name}
    if not names:
        return text
    pattern = rf"(?<![\w.\"])({'|'.join(sorted(names, key=len, reverse=True))})\b(?!\")"
    return re.sub(pattern, lambda m: names.get(m.group(1), m.group(1)), text)


def _comment(words: Prose, key: str) -> str:
    # spaces and apostrophes of typography are none of a program's
    return "# " + words.words[f"listing.{key}"].translate({0xA0: " ", 0x202F: " ", 0x2019: "'"}) + "\n"


def _constants(conv: Conv, words: Prose, sizes: bool) -> Iterator[str]:
    """The numbers of the layer that the formulas need: s, d, p, q, of a transposed layer r, where they are not put in; and G
    where there are groups."""
    names = ["s", "d", "p", "q", *(["r"] if conv.transposed else [])]
    columns = [[conv.sizes(axis)[name] for axis in range(conv.ndim)] for name in names]
    if sizes:
        yield _comment(words, "constants_transposed" if conv.transposed else "constants").rstrip()
        yield f"{', '.join(names)} = np.array({columns})"
    if conv.mode.filled:
        yield _comment(words, "filler").rstrip()
        yield f"{FILLER} = {numbered(conv).padding_value:g}"
    if conv.groups > 1:
        yield _comment(words, "groups").rstrip()
        yield f"G = {conv.groups}"


def _prepared(
    conv: Conv, arrays: Sequence[str], formulas: Sequence[tree.Formula], words: Prose, known: Mapping[str, int]
) -> Iterator[str]:
    """Sizes that the formulas name, then every array with its groups on an axis of their own."""
    needed = {name for formula in formulas for name in formula.sizes()}
    if "K" in needed or ("r" in needed and not conv.transposed):
        yield "K = np.array(w.shape[2:])"
    if "r" in needed and not conv.transposed:
        yield _comment(words, "remainder").rstrip()
        r = simplified(relation.REMAINDER, known) if known else relation.REMAINDER
        yield f"H, O = np.array(x.shape[2:]), np.array(dy.shape[2:])\nr = {_text(r)}"
    groups = "G" if conv.groups > 1 else "1"
    if len(formulas) == 1:  # said once, in the forward pass
        yield _comment(words, "group_axis").rstrip()
    for array in arrays:
        # filters (of a transposed layer input channels) and channels count inside one group
        lead = f"{groups}, -1, *w.shape[1:]" if array == "w" else f"len({array}), {groups}, -1, *{array}.shape[2:]"
        yield f"{array} = {array}.reshape({lead})"


def _text(e: Integer) -> str:
    return source.render([source.assign("r", e)]).partition(" = ")[2].strip()


def _line(conv: Conv, target: str, formula: tree.Formula) -> str:
    labels = {array: each[:-1] for array, each in Kind(conv.ndim, conv.transposed).labels.items()}
    body = formula.body
    if target == "y" and isinstance(body, tree.Add):
        body = body.left
    value = formula_source(tree.Formula(target, body, transposed=conv.transposed), labels)
    return ast.unparse(ast.fix_missing_locations(source.assign(target, value))).replace("'", '"')


def _forward(conv: Conv, formulas: dict[str, tree.Formula], words: Prose) -> str:
    bias = ", b" if conv.bias else ""
    lines = [*_prepared(conv, ("x", "w"), [formulas["y"]], words, {}), _line(conv, "y", formulas["y"])]
    lines.append("y = y.reshape(len(y), -1, *y.shape[3:])")
    returned = f"y + b.reshape(-1{', 1' * conv.ndim})" if conv.bias else "y"
    return _function(f"forward(x, w{bias})", [*lines, f"return {returned}"])


def _backward(conv: Conv, formulas: dict[str, tree.Formula], words: Prose, known: Mapping[str, int]) -> str:
    targets = ("dx", "dw", *(["db"] if conv.bias else []))
    used = [formulas[target] for target in targets]
    lines = ["x_shape, w_shape = x.shape, w.shape", *_prepared(conv, ("dy", "x", "w"), used, words, known)]
    lines += [_line(conv, target, formulas[target]) for target in targets]
    shapes = {"dx": "dx.reshape(x_shape)", "dw": "dw.reshape(w_shape)", "db": "db.reshape(-1)"}
    return _function("backward(dy, x, w)", [*lines, f"return {', '.join(shapes[target] for target in targets)}"])


def _function(signature: str, lines: Sequence[str]) -> str:
    body = "\n".join(lines)
    return f"def {signature}:\n" + "\n".join(f"    {line}" if line else line for line in body.splitlines())


def _bare(text: str) -> str:
    """A function without its docstring."""
    lines = text.splitlines()
    [node] = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    doc = node.body[0]
    assert isinstance(doc, ast.Expr)
    del lines[doc.lineno - 1 : doc.end_lineno]
    return "\n".join(lines).strip("\n")
