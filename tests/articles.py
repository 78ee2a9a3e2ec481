"""Random articles about one layer in random letters, as people write them: every equation is right, or one is spoiled.

What is right is put down here from the relation ``m = s*o + d*k - p`` by hand, as text, and shares no code with what reads it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

__all__ = ["Article", "article"]

LETTERS = (
    {"x": "x", "w": "w", "y": "y", "b": "b"}, {"x": "a", "w": r"\theta", "y": "z", "b": r"\beta"},
    {"x": "X", "w": "W", "y": "Y", "b": "b"}, {"x": "I", "w": "K", "y": "S", "b": "b"},
    {"x": "X", "w": "F", "y": "O", "b": "b"}, {"x": "x", "w": "h", "y": "y", "b": "b"},
    {"x": "u", "w": "k", "y": "v", "b": "c"}, {"x": "A", "w": "W", "y": "Z", "b": "b"},
    {"x": "x", "w": "f", "y": "z", "b": "b"}, {"x": "x", "w": r"\omega", "y": "o", "b": "b"},
)  # fmt: skip
#: indices of y, w and x
INDICES = ("ij kl mn", "ij uv mn", "ij mn pq", "tr kl ij", "nm kl ij", "ij ab rt")
#: the indices of channels that x, w and y have
CHANNELS = {"none": ("", "", ""), "all": ("c", "fc", "f"), "each": ("c", "c", "c"), "one output": ("c", "c", "")}


@dataclass(frozen=True)
class Article:
    """``text`` is Markdown; of ``equations``, in order, ``spoiled`` is the number of the one that is wrong, if any is."""

    text: str
    equations: tuple[str, ...]
    spoiled: int | None


def article(seed: int, spoil: bool = False) -> Article | None:
    """The article of that number; None where its letters clash."""
    pick = random.Random(seed)
    writer = _Writer(pick)
    if writer.clash():
        return None
    forward, *others = writer.right()
    pick.shuffle(others)
    spoiled = None
    if spoil:
        others, spoiled = [pick.choice(writer.wrong())], 1
    equations = (forward, *others)
    text = writer.words() + "".join(f"$$ {each} $$\n\n" for each in equations)
    return Article(text, equations, spoiled)


class _Writer:
    def __init__(self, pick: random.Random) -> None:
        self.pick = pick
        self.letters = pick.choice(LETTERS)
        self.axes = pick.choice([1, 1, 2])
        outer, taps, inner = pick.choice(INDICES).split()
        self.o, self.k, self.m = ([*each[: self.axes]] for each in (outer, taps, inner))
        self.mode = pick.choice(list(CHANNELS))
        self.channels = dict(zip("xwy", CHANNELS[self.mode], strict=True))
        self.base = pick.choice([0, 0, 1])
        self.s = pick.choice(["1", "1", "s", "2", "S"])
        self.p = pick.choice(["0", "0", "p", "P", "1"])
        self.d = pick.choice(["1", "1", "1", "d"])
        self.style = pick.choice(["plain", "plain", "commas", "[]", "()"])
        self.gradient = pick.choice(["partial", "partial", "d", "delta"])
        self.limits = pick.random() < 0.5
        self.bias = pick.random() < 0.5
        self.taps = "R" if "K" in self.letters.values() else "K"

    def clash(self) -> bool:
        indices = [*self.o, *self.k, *self.m, *set("".join(self.channels.values()))]
        used = [*self.letters.values(), *indices, *{self.s, self.p, self.d} - {"0", "1", "2"}]
        return len(set(used)) < len(used)

    @property
    def sized(self) -> bool:
        """Whether the size of the output can be written: its letters are free, and something says what the kernel's is."""
        return not {"O", "H"} & set(self.letters.values()) and (self.limits or self.taps == "K")

    # pieces

    def at(self, array: str, role: str, indices: list[str]) -> str:
        indices = [*self.channels[role], *indices] if role != "b" else [*self.channels["y"]]
        if not indices:
            return array
        if self.style in ("[]", "()"):
            return f"{array}{self.style[0]}{','.join(indices)}{self.style[1]}"
        joint = "" if self.style == "plain" and all(len(i) == 1 for i in indices) else ","
        return f"{array}_{{{joint.join(indices)}}}"

    def grad(self, role: str, indices: list[str]) -> str:
        letter = self.letters[role]
        if self.gradient == "d":
            return self.at("d" + letter, role, indices)
        if self.gradient == "delta" and role == "y":
            return self.at(r"\delta", role, indices)
        return rf"\frac{{\partial L}}{{\partial {self.at(letter, role, indices)}}}"

    def row(self, o: str, k: str) -> str:
        """``s*o + d*k - p``, from the base."""
        if not self.base:
            return _sum(_times(self.s, o), _times(self.d, k), "-" + self.p)
        stepped = [self.s != "1", self.d != "1"]
        parts = [f"{self.s}({o}-1)" if stepped[0] else o, f"{self.d}({k}-1)" if stepped[1] else k]
        return _sum(*parts, ("-1", "0", "1")[sum(stepped)], "-" + self.p)

    def tap(self, m: str, o: str) -> str:
        """``m - s*o + p``, where d is 1."""
        if not self.base:
            return _sum(m, "-" + _times(self.s, o), self.p)
        return _sum(m, "-" + o, "1", self.p) if self.s == "1" else _sum(m, f"-{self.s}({o}-1)", self.p)

    def window(self, m: str, k: str) -> str:
        """``m - d*k + p``, where s is 1."""
        if not self.base:
            return _sum(m, "-" + _times(self.d, k), self.p)
        return _sum(m, "-" + k, "1", self.p) if self.d == "1" else _sum(m, f"-{self.d}({k}-1)", self.p)

    def over(self, names: list[str] | str) -> str:
        return "".join(rf"\sum_{{{name}}} " for name in names)

    def over_taps(self) -> str:
        if not self.limits:
            return self.over(self.k)
        last = self.taps + ("" if self.base else "-1")
        return "".join(rf"\sum_{{{name}={self.base}}}^{{{last}}} " for name in self.k)

    # equations

    def product(self, role: str, sums: str, a: str, b: str) -> str:
        """The gradient by an array of what is summed of a times b."""
        indices = {"x": self.m, "w": self.k}[role]
        return f"{self.grad(role, indices)} = {sums}{a} {b}"

    def rows(self) -> list[str]:
        return [self.row(o, k) for o, k in zip(self.o, self.k, strict=True)]

    def right(self) -> list[str]:
        x, w = self.at(self.letters["x"], "x", self.rows()), self.at(self.letters["w"], "w", self.k)
        summed = self.over("c") if self.mode in ("all", "one output") else ""
        bias = " + " + self.at(self.letters["b"], "b", []) if self.bias else ""
        told = [f"{self.at(self.letters['y'], 'y', self.o)} = {summed}{self.over_taps()}{w} {x}{bias}"]
        upstream = self.grad("y", self.o)
        told.append(self.product("w", self.over(self.o), upstream, x))
        filters = self.over("f") if self.mode == "all" else ""
        if self.d == "1":
            taps = [self.tap(m, o) for m, o in zip(self.m, self.o, strict=True)]
            told.append(self.product("x", filters + self.over(self.o), upstream, self.at(self.letters["w"], "w", taps)))
        if self.s == "1":
            told.append(self.product("x", filters + self.over_taps(), self.grad("y", self.windows()), w))
        if self.bias:
            told.append(f"{self.grad('b', [])} = {self.over(self.o)}{upstream}")
        if self.sized:
            told.append(self.size("1"))
        return told

    def windows(self) -> list[str]:
        return [self.window(m, k) for m, k in zip(self.m, self.k, strict=True)]

    def size(self, plus: str) -> str:
        both = {"0": "0", "1": "2"}.get(self.p, "2" + self.p)
        extent = [f"-{self.taps}"] if self.d == "1" else [f"-{self.d}({self.taps}-1)", "-1"]
        top = _sum("H", both, *extent)
        return (
            f"O = {top} + {plus}"
            if self.s == "1"
            else rf"O = \left\lfloor \frac{{{top}}}{{{self.s}}} \right\rfloor + {plus}"
        )

    def wrong(self) -> list[str]:
        """Slips that people make."""
        x, w = self.at(self.letters["x"], "x", self.rows()), self.at(self.letters["w"], "w", self.k)
        upstream, filters = self.grad("y", self.o), self.over("f") if self.mode == "all" else ""
        moved = self.at(self.letters["x"], "x", [_sum(each, "1") for each in self.rows()])
        told = [self.product("w", self.over(self.o), upstream, moved)]
        if self.s == "1":
            ahead = [self.row(m, k) for m, k in zip(self.m, self.k, strict=True)]
            told.append(self.product("x", filters + self.over_taps(), self.grad("y", ahead), w))
        if self.d == "1":
            taps = [_sum(self.tap(m, o), "1") for m, o in zip(self.m, self.o, strict=True)]
            told.append(self.product("x", filters + self.over(self.o), upstream, self.at(self.letters["w"], "w", taps)))
        if self.mode == "all":
            told.append(self.product("w", self.over("f") + self.over(self.o), upstream, x))
        if self.mode == "all" and self.s == "1":
            told.append(self.product("x", self.over_taps(), self.grad("y", self.windows()), w))
        if self.sized:
            told.append(self.size("2"))
        return told

    def words(self) -> str:
        head = self.pick.choice(["# A convolution layer\n\n", "# Backpropagation\n\nThe layer computes\n\n", ""])
        said = [f"stride {self.s}"] if self.s == "2" else []
        said += ["padding 1"] if self.p == "1" else []
        return head + (f"It has {' and '.join(said)}.\n\n" if said and self.pick.random() < 0.7 else "")


def _times(a: str, b: str) -> str:
    return b if a == "1" else a + b


def _sum(*terms: str) -> str:
    """The terms in a row, without zeros."""
    told = "+".join(each for each in terms if each.lstrip("-") != "0")
    return re.sub(r"\+-", "-", told) or "0"
