"""The size of a transposed layer's output, where an article speaks of such layers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from symconv.checking.comparison import Outcome
from symconv.checking.context import Context
from symconv.checking.model import Model, Setting
from symconv.checking.printed import printed
from symconv.checking.result import HOLDS, WRONG
from symconv.checking.terms import Name, Statement, names_in
from symconv.layer.conv import Conv

__all__ = ["size_text", "transposed_size"]


def transposed_size(statement: Statement, context: Context, names: Mapping[str, tuple[str, int]]) -> Outcome | None:
    """The verdict for transposed layers; None where it is wrong of them and the article may mean another layer."""
    letters = {names[n][0] for side in statement.sides for n in names_in(side)}
    layers = list(_layers(letters))
    for conv in layers:
        model = Model(conv, Setting(roles=context.roles, sizes=dict(names)))
        found = [model.number(side, {}) for side in statement.sides]
        if len(set(found)) > 1:
            told = f"transposed, input {conv.input[0]}, kernel {conv.kernel[0]}, stride {conv.stride[0]}"
            told += f", padding {conv.padding[0][0]}"
            example = f"{told}: {printed(statement.sides[0])} is {found[0]}, not {found[-1]}"
            return (
                Outcome(WRONG, "size", fix=size_text(statement, names, True), counterexample=example)
                if context.transposed
                else None
            )
    return Outcome(HOLDS, "size", f"at {len(layers)} sizes of transposed layers")


def _layers(letters: set[str]) -> Iterator[Conv]:
    """Layers that differ in what has a letter, and are plain in what has none."""
    for h, k, s, d, p, r in itertools.product(range(1, 5), range(1, 4), (1, 2, 3), (1, 2), (0, 1), (0, 1)):
        plain = {"s": (s, 1), "d": (d, 1), "p": (p, 0), "r": (r, 0)}
        if any(value != default for letter, (value, default) in plain.items() if letter not in letters):
            continue
        if r < max(s, d) and s * (h - 1) + d * (k - 1) + 1 + r - 2 * p >= 1:
            yield Conv(h, k, stride=s, dilation=d, padding=p, output_padding=r, transposed=True)


def size_text(statement: Statement, names: Mapping[str, tuple[str, int]], transposed: bool = False, sided: bool = False
              ) -> str | None:  # fmt: skip
    """The size of the output in the author's letters, as LaTeX; None where the left side is not that size."""
    left = statement.sides[0]
    if not isinstance(left, Name) or names.get(left.text, ("",))[0] != "O":
        return None
    own = left.text.partition("_")[2]  # the axis
    letters = sorted({n for side in statement.sides for n in names_in(side)} & set(names))
    letters.sort(key=lambda n: n.partition("_")[2] == own)
    at = {n: n.partition("_")[0] + f"_{own}" if own and "_" in n else n for n in letters}
    used = {names[n][0]: printed(Name(at[n])) for n in letters}
    if left.text[0] == "O":
        missing = {"H": "K", "K": "H"} | ({"q": "p", "p": "q"} if sided else {})
        used |= {a: used[b].replace(b, a) for a, b in missing.items() if a not in used and b in used}
    if not {"H", "K"} <= set(used):
        return None
    s, p, q, d, r = (used.get(letter, "") for letter in "spqdr")
    widths = ([p, q] if q else [f"2{p}"]) if p else []
    if transposed:
        first = f"{s}({used['H']} - 1)" if s else f"{used['H']} - 1"
        kernel = f"{d}({used['K']} - 1) + 1" if d else used["K"]
        text = first + "".join(f" - {width}" for width in widths) + f" + {kernel}" + (f" + {r}" if r else "")
    else:
        kernel = f"{d}({used['K']} - 1) - 1" if d else used["K"]
        inner = used["H"] + "".join(f" + {width}" for width in widths) + f" - {kernel}"
        text = rf"\left\lfloor \frac{{{inner}}}{{{s}}} \right\rfloor + 1" if s else f"{inner} + 1"
    return f"{printed(left)} = {text}"
