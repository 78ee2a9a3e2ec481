"""Reads printed mathematics back, so that a misprint in a derivation cannot pass.

An independent second opinion on the article: a parser for the LaTeX it prints and an evaluator that knows textbook notation
(sums, floors, indices) and the layer's shapes, and nothing of the article's code. Values are polynomials:
``{(sorted symbol names): coefficient}``.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from symconv import Conv
from symconv.algebra.symbols import symbols
from symconv.layer.gradients import by_sympy
from symconv.layer.loss import loss

ARRAYS = ("x", "w", "b", "y", "dx", "dw", "db", "dy")
TOKEN = re.compile(r"\\(?:delta|mu)(?=_)|\\[A-Za-z]+|dx|dw|dy|db|[A-Za-z]|\d+|[-+/=(){},_^;&\[\]]")
SILENT = {r"\left", r"\right", r"\thinspace", r"\cdot"}

Poly = Counter


# the derivative ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def derivative(conv: Conv) -> dict[str, np.ndarray]:
    """y, dx, dw, db as object arrays of polynomials, by plain loops over the layer's definition.

    A deliberate second opinion, so it shares no index arithmetic with symconv; ``test_the_loops_equal_sympy`` holds it against
    ``Expr.diff``.
    """
    names = {array: entry_names(conv, array) for array in ("x", "w", "b", "dy")}
    total = {name: np.empty(conv.shapes[name], dtype=object) for name in ("y", "dx", "dw", "db")}
    for array in total.values():
        for place in np.ndindex(*array.shape):
            array[place] = Poly()

    def add(at: dict[str, tuple[int, ...]]) -> None:
        for target, left_out in (("y", "dy"), ("dx", "x"), ("dw", "w"), ("db", "b")):
            if left_out in at:
                total[target][at[left_out]][
                    tuple(sorted(str(names[a][i]) for a, i in at.items() if a != left_out))
                ] += 1

    small, large = ("x", "dy") if conv.transposed else ("dy", "x")
    per_group = {a: conv.shapes[a][1] // conv.groups for a in (small, large)}
    for n, g, a, c in itertools.product(
        range(conv.batch), range(conv.groups), range(per_group[small]), range(per_group[large])
    ):
        for o in np.ndindex(*conv.shapes[small][2:]):
            for k in np.ndindex(*conv.kernel):
                axes = zip(o, k, conv.stride, conv.dilation, conv.padding, strict=True)
                m = tuple(i * s + j * d - p for i, j, s, d, (p, _) in axes)
                if all(0 <= i < size for i, size in zip(m, conv.shapes[large][2:], strict=True)):
                    add({small: (n, g * per_group[small] + a, *o), large: (n, g * per_group[large] + c, *m),
                         "w": (g * per_group[small] + a, c, *k)})  # fmt: skip
    if conv.bias:
        for place in np.ndindex(*conv.y_shape):
            add({"dy": place, "b": (place[1],)})
    return total


@lru_cache(maxsize=256)
def entry_names(conv: Conv, array: str) -> np.ndarray:
    """The symbols' names, in the array's shape."""
    return np.array([str(v) for v in flat(symbols(conv, array))]).reshape(conv.shapes[array])


def derivative_by_sympy(conv: Conv) -> dict[str, np.ndarray]:
    """The same by ``Expr.diff``, slowly."""
    form = loss(conv)[()]
    y = sympy.ImmutableDenseNDimArray([form.diff(v) for v in flat(symbols(conv, "dy"))], conv.y_shape)
    return {name: polynomials(array) for name, array in {"y": y, **by_sympy(conv)}.items()}


def flat(array: Any) -> list[Any]:
    return list(array.reshape(len(array)))


def polynomials(array: Any) -> np.ndarray:
    result = np.empty(len(array), dtype=object)
    for i, entry in enumerate(flat(array)):
        result[i] = polynomial(entry)
    return result.reshape(array.shape)


def polynomial(expression: sympy.Expr) -> Poly:
    return Poly({
        tuple(sorted(str(v) for v in term.free_symbols)): int(coefficient)
        for term, coefficient in expression.as_coefficients_dict().items() if coefficient
    })  # fmt: skip


# displays ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gap:
    count: int


@dataclass(frozen=True)
class Line:
    """``left = side = side ...`` as printed; ``terms`` is the count printed beside it."""

    left: str
    sides: tuple[str, ...]
    terms: int | None


def displays(text: str) -> list[list[Line | Gap]]:
    """The displayed equations of a Markdown or LaTeX document."""
    found = re.findall(r"\\begin\{(aligned|align\*?)\}\n(.*?)\n\\end\{\1\}", text, re.S)
    return [list(lines(re.sub(r" \\(?:notag|label\{[^{}]*\})", "", body))) for _, body in found]


def lines(body: str) -> Iterator[Line | Gap]:
    """The equations of one display, their broken lines put together again."""
    inner = r"\\begin\{(bmatrix|array)\}.*?\\end\{\1\}|\\substack\{(?:[^{}]|\{[^{}]*\})*\}"
    body = re.sub(inner, lambda found: found[0].replace(r"\\", ";"), body, flags=re.S)
    whole: list[str] = []
    for row in in_order([row.strip() for row in re.split(r"\\\\\*?(?:\[\d+pt\])?", body)]):
        if re.match(r"&\s*(\\q?quad \{\}|=)", row):
            whole[-1] += re.sub(r"^&\s*(\\q?quad \{\})?", " ", row)
        else:
            whole.append(row.removeprefix("{}& "))
    for row in whole:
        gap = re.match(rf"& \\quad \\vdots \\quad \\text\{{\({NUMBER} (?:more|autres)\)\}}$", row)
        if gap:
            yield Gap(whole_number(gap[1]))
            continue
        noted = re.search(rf" \\quad \\text\{{\({NUMBER} term(?:e?s)\)\}}$", row)
        row = row[: noted.start()] if noted else row
        left, *sides = outside(row.replace("&=", "="))
        yield Line(left.strip(), tuple(side.strip() for side in sides), whole_number(noted[1]) if noted else None)


def in_order(rows: list[str]) -> list[str]:
    """The rows of a display; where two equations stand side by side, the left ones before the right ones."""
    pairs = [re.fullmatch(r"([^&]*&=[^&]*)&([^&]*&=[^&]*|\s*&)", row) for row in rows]
    if not any(pairs):
        return rows
    assert all(pairs), rows
    return [text for i in (1, 2) for pair in pairs if pair and (text := pair[i].strip()) != "&"]


#: a whole number with its thousands set apart, as English and French print it
NUMBER = r"(\d[\d,\u202f\\]*)"


def whole_number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def outside(row: str) -> list[str]:
    """``row`` split at those equality signs that stand in no braces."""
    parts, depth = [""], 0
    for character in row:
        depth += (character == "{") - (character == "}")
        if character == "=" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


# the grammar ------------------------------------------------------------------------------------------------------------


class Parser:
    """LaTeX to nested tuples; ValueError on anything that the article does not print."""

    def __init__(self, text: str) -> None:
        left_over = TOKEN.sub("", text).strip()
        if left_over:
            raise ValueError(f"{left_over!r} in {text!r}")
        self.tokens = [token for token in TOKEN.findall(text) if token not in SILENT]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            raise ValueError(f"{token!r} where {wanted} is due, in {' '.join(self.tokens)}")
        self.at += 1
        return token

    def all(self) -> Any:
        result = self.expression()
        if self.peek():
            raise ValueError(f"{self.tokens[self.at :]} left over in {' '.join(self.tokens)}")
        return result

    def expression(self) -> Any:
        terms = []
        sign = self.take() if self.peek() == "-" else "+"
        while True:
            terms.append((-1 if sign == "-" else 1, self.term()))
            if self.peek() not in ("+", "-"):
                return ("add", terms)
            sign = self.take()

    def term(self) -> Any:
        factors = []
        while self.peek() and self.peek() not in ("+", "-", "=", ")", "}", ",", ";", r"\rfloor", "&", "]"):
            if self.peek() == "/":
                self.take()
                factors.append(("over", factors.pop(), self.factor()))
            elif self.peek() == r"\sum":
                factors.append(self.sum())
            else:
                factors.append(self.factor())
        if not factors:
            raise ValueError(f"nothing where a term is due, in {' '.join(self.tokens)}")
        return ("mul", factors)

    def sum(self) -> Any:
        self.take(r"\sum")
        conditions, over = [], None
        if self.peek() == "_":
            self.take()
            self.take("{")
            stacked = self.peek() == r"\substack"
            if stacked:
                self.take()
                self.take("{")
            while True:
                left = self.expression()
                self.take("=")
                conditions.append((left, self.expression()))
                if self.peek() != ";":
                    break
                self.take()
            self.take("}")
            if stacked:
                self.take("}")
        if self.peek() == "^":
            self.take()
            self.take("{")
            over = self.expression()
            self.take("}")
        return ("sum", conditions, over, self.term())

    def factor(self) -> Any:
        token = self.take()
        if token.isdigit():
            return ("number", int(token))
        if token == "(":
            inner = self.expression()
            self.take(")")
            return inner
        if token == r"\lfloor":
            inner = self.expression()
            self.take(r"\rfloor")
            return ("floor", inner)
        if token == r"\frac":
            self.take("{")
            top = self.expression()
            self.take("}")
            self.take("{")
            bottom = self.expression()
            self.take("}")
            return ("over", top, bottom)
        if token == r"\cdots":
            return ("dots",)
        if token == r"\cancel":  # crossed out, so zero, whatever it would be called
            depth = 0
            while True:
                depth += {"{": 1, "}": -1}.get(brace := self.take(), 0)
                if brace == "}" and depth == 0:
                    return ("number", 0)
        if token in (r"\delta", r"\mu"):
            token = token[1:]
        if not token.isalpha():
            raise ValueError(f"{token!r} in {' '.join(self.tokens)}")
        index: list[Any] = []
        if self.peek() == "_":
            self.take()
            self.take("{")
            index.append(self.expression())
            while self.peek() == ",":
                self.take()
                index.append(self.expression())
            self.take("}")
        return ("name", token, index)


# entries as printed -----------------------------------------------------------------------------------------------------


def plain_sum(text: str) -> tuple[Poly, bool]:
    """A written-out sum ``dy_{11} w_{22} + ...`` as a polynomial, and whether dots stand in it."""
    total: Poly = Poly()
    dotted = False
    for sign, (kind, factors) in Parser(text).all()[1]:
        assert kind == "mul"
        if factors == [("dots",)]:
            dotted = True
            continue
        names, coefficient = [], sign
        for factor in factors:
            if factor[0] == "number":
                coefficient *= factor[1]
            else:
                names.append(entry_name(factor))
        total[tuple(sorted(names))] += coefficient
    return Poly({names: n for names, n in total.items() if n}), dotted


def entry_name(factor: Any) -> str:
    """``("name", "x", [1, 12])`` as the symbol's name ``x_{1,12}``."""
    kind, name, index = factor
    assert kind == "name", factor
    numbers = []
    for expression in index:
        [(sign, (_, [number]))] = expression[1]
        assert (sign, number[0]) == (1, "number"), factor
        numbers.append(str(number[1]))
    return f"{name}_{{{','.join(numbers)}}}" if numbers else name


# index equations --------------------------------------------------------------------------------------------------------


class Fraction(ValueError):
    """An index that is no whole number."""


class Reader:
    """Evaluates printed index equations for one layer."""

    def __init__(self, conv: Conv) -> None:
        self.conv = conv
        self.sizes: dict[str, int] = {
            "N": conv.batch, "G": conv.groups, "C": conv.in_channels, "F": conv.out_channels}  # fmt: skip
        for axis in range(conv.ndim):
            for name, value in conv.sizes(axis).items():
                self.sizes[f"{name}{axis + 1}"] = value
                if len({conv.sizes(a)[name] for a in range(conv.ndim)}) == 1:
                    self.sizes[name] = value
        self.where: dict[str, Any] = {}

    def integer(self, node: Any, env: Mapping[str, int]) -> int:
        kind = node[0]
        if kind == "add":
            return sum(sign * self.integer(term, env) for sign, term in node[1])
        if kind == "mul":
            result = 1
            for factor in node[1]:
                result *= self.integer(factor, env)
            return result
        if kind == "number":
            return int(node[1])
        if kind == "floor":
            return self._floor(node[1], env)
        if kind == "over":
            top, bottom = (self.integer(part, env) for part in node[1:])
            if top % bottom:
                raise Fraction(node)
            return top // bottom
        assert kind == "name", node
        key = key_of(node)
        if key in env:
            return env[key]
        return self.sizes[key] if key in self.sizes else self.integer(self.where[key], env)

    def _floor(self, node: Any, env: Mapping[str, int]) -> int:
        [(sign, (_, [(kind, top, bottom)]))] = node[1]
        assert (sign, kind) == (1, "over")
        return self.integer(top, env) // self.integer(bottom, env)

    def value(self, node: Any, env: Mapping[str, int]) -> Poly:
        """A side of an index equation: sums of products of entries."""
        kind = node[0]
        if kind == "add":
            total: Poly = Poly()
            for sign, term in node[1]:
                for names, n in self.value(term, env).items():
                    total[names] += sign * n
            return Poly({names: n for names, n in total.items() if n})
        if kind == "mul":
            result: Poly = Poly({(): 1})
            for factor in node[1]:
                result = times(result, self.value(factor, env))
                if not result:
                    break
            return result
        if kind == "sum":
            total = Poly()
            for bound in self.solutions(node[1], node[2], env):
                for names, n in self.value(node[3], {**env, **bound}).items():
                    total[names] += n
            return total
        if kind == "name" and node[1] == "delta":
            first, second = (self.integer(index, env) for index in node[2])
            return Poly({(): 1}) if first == second else Poly()
        if kind == "name" and node[1] in ARRAYS:
            try:
                return self.entry(node[1], [self.integer(index, env) for index in node[2]])
            except Fraction:  # there is no entry between two
                return Poly()
        return Poly({(): self.integer(node, env)})

    def solutions(self, conditions: Any, over: Any, env: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """What the indices below a summation sign run through."""
        each: list[list[dict[str, int]]] = []
        for left, right in conditions:
            if over is not None:
                [(_, (_, [name]))] = left[1]
                first, last = self.integer(right, env), self.integer(over, env)
                each.append([{key_of(name): value} for value in range(first, last + 1)])
                continue
            free = sorted({key for key in names_in(left) | names_in(right) if key not in env and key not in self.sizes})
            ranges = [range(1, self.extent(key) + 1) for key in free]
            candidates = (dict(zip(free, values)) for values in itertools.product(*ranges))
            each.append(
                [c for c in candidates if self.integer(left, {**env, **c}) == self.integer(right, {**env, **c})]
            )
        for chosen in itertools.product(*each):
            yield {key: value for part in chosen for key, value in part.items()}

    def extent(self, key: str) -> int:
        letter = {"o": "O", "k": "K", "m": "H"}[key[0]]
        return self.sizes[letter + (key[1:] or "1")]

    def entry(self, array: str, index: list[int]) -> Poly:
        """The entry that 1-based indices name; nothing outside the array."""
        place = self.place(array, index)
        if not all(0 <= i < n for i, n in zip(place, self.conv.shapes[array], strict=True)):
            return Poly()
        return Poly({(str(entry_names(self.conv, array)[tuple(place)]),): 1})

    def place(self, array: str, index: list[int]) -> list[int]:
        """0-based place in the array of what is written as image, group, channels, space, those of one value left out."""
        conv, given = self.conv, iter(index)
        several = (conv.in_channels, conv.out_channels) != (1, 1)
        kind = array.removeprefix("d")
        image = [next(given) - 1 if conv.batch > 1 else 0] if kind in "xy" else []
        group = next(given) - 1 if conv.groups > 1 else 0
        first = next(given) - 1 if several else 0
        in_group = conv.shapes[array][len(image)] // conv.groups
        second = ([next(given) - 1] if several else [0]) if kind == "w" else []
        return [*image, group * in_group + first if first < in_group else -1, *second, *(i - 1 for i in given)]

    def check(self, line: Line, where: list[Line], target: str) -> int:
        """The equation held against the derivative in every entry of its target; how many entries there were."""
        [(_, (_, [left]))] = Parser(line.left).all()[1]
        assert left[0] == "name"
        assert left[1] == target
        self.know(where)
        body = Parser(line.sides[0]).all()
        names = [key_of(index[1][0][1][1][0]) for index in left[2]]
        ranges = [range(1, self.label_extent(name) + 1) for name in names]
        truth = derivative(self.conv)[target]
        count = 0
        for values in itertools.product(*ranges):
            expected = truth[tuple(self.place(target, list(values)))]
            found = self.value(body, dict(zip(names, values)))
            assert found == expected, f"{line}: {dict(zip(names, values))}"
            count += 1
        assert count == truth.size
        return count

    def know(self, where: list[Line]) -> None:
        """Take equations that say what an index is."""
        for each in where:
            [(_, (_, [name]))] = Parser(each.left).all()[1]
            self.where[key_of(name)] = Parser(each.sides[0]).all()

    def label_extent(self, key: str) -> int:
        conv = self.conv
        labels = {
            "n": conv.batch,
            "g": conv.groups,
            "c": conv.in_channels // conv.groups,
            "f": conv.out_channels // conv.groups,
        }
        return labels[key] if key in labels else self.extent(key)


def times(a: Poly, b: Poly) -> Poly:
    result: Poly = Poly()
    for (left, m), (right, n) in itertools.product(a.items(), b.items()):
        result[tuple(sorted(left + right))] += m * n
    return result


def key_of(node: Any) -> str:
    """``o_{1}`` as ``o1``."""
    kind, name, index = node
    assert kind == "name", node
    return str(name) + "".join(str(number[1]) for e in index for _, (_, [number]) in e[1])


def names_in(node: Any) -> set[str]:
    if node[0] == "name":
        return {key_of(node)}
    if node[0] == "add":
        return set().union(*(names_in(term) for _, term in node[1]))
    if node[0] == "mul":
        return set().union(*(names_in(factor) for factor in node[1]))
    return set()


# matrices ---------------------------------------------------------------------------------------------------------------


def matrices(text: str) -> list[np.ndarray]:
    """The matrices in a side, as object arrays of polynomials; None stands for dots."""
    found = re.findall(r"\\begin\{(bmatrix|array)\}(?:\{c+\})?(.*?)\\end\{\1\}", text, re.S)
    return [matrix(body) for _, body in found]


def matrix(body: str) -> np.ndarray:
    rows = [[cell.strip() for cell in row.split("&")] for row in body.split(";")]
    result = np.empty((len(rows), len(rows[0])), dtype=object)
    for i, row in enumerate(rows):
        assert len(row) == len(rows[0]), body
        for j, cell in enumerate(row):
            result[i, j] = None if "dots" in cell else constant_or_entry(cell)
    return result


def constant_or_entry(cell: str) -> Poly:
    return plain_sum(cell)[0] if cell != "0" and not cell.startswith(r"\cancel{") else Poly()


# closed formulas --------------------------------------------------------------------------------------------------------


class FormulaParser(Parser):
    """The operators of closed formulas; gives the text that symconv's own parser takes."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"\\operatorname\{(\w+)\}", lambda found: {"pad": "P", "flip": "F"}[found[1]], text)
        super().__init__(text)

    def formula(self) -> str:
        result = self.row()
        while self.peek() == "+":
            self.take()
            result += " + " + self.row()
        if self.peek():
            raise ValueError(f"{self.tokens[self.at :]} left over")
        return result

    def row(self, inner: bool = False) -> str:
        """``a``, ``a up t``, ``a star b`` or ``(a star b) down t``."""
        if self.peek() == r"\sum":
            self.take()
            return f"sum({self.single()})"
        left = self.single()
        while self.peek() in (r"\uparrow", r"\star", r"\downarrow"):
            sign = self.take()
            if sign == r"\uparrow":
                left = f"dilate({left}, {self.amount()})"
            elif sign == r"\star":
                right = self.single()
                spread = re.fullmatch(r"dilate\((.*), ([^,]*)\)", right)
                # taps that stand apart are a dilation of the correlation; dy with zeros inserted is one all the same
                left = (
                    f"correlate({left}, {spread[1]}, dilation={spread[2]})" if spread else f"correlate({left}, {right})"
                )
            else:
                left = f"{left.removesuffix(')')}, stride={self.amount()})"
        return left

    def single(self) -> str:
        token = self.take()
        if token == "(":
            inner = self.row()
            self.take(")")
            return inner
        if token == "P":
            self.take("_")
            self.take("{")
            amounts = [plain(self.expression())]
            while self.peek() == ",":
                self.take()
                amounts.append(plain(self.expression()))
            self.take("}")
            self.take("(")
            inner = self.row()
            self.take(")")
            return f"pad({inner}, {amounts[0]}, {amounts[-1]})"
        if token == "F":
            self.take("(")
            inner = self.row()
            self.take(")")
            return f"flip({inner})"
        if token not in ("x", "w", "b", "dy"):
            raise ValueError(f"{token!r} in {' '.join(self.tokens)}")
        return token

    def amount(self) -> str:
        return self.take()


def plain(node: Any) -> str:
    """An integer expression as symconv writes it."""
    if node[0] == "add":
        signed = ((" - " if sign < 0 else " + " if i else "") + plain(term) for i, (sign, term) in enumerate(node[1]))
        return "".join(signed).strip()
    if node[0] == "mul":
        return "*".join(f"({plain(factor)})" if factor[0] == "add" else plain(factor) for factor in node[1])
    return str(node[1])
