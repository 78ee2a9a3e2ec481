"""Random index sums with floor division, remainders, ranges that move, negative and zero divisors; and what they mean, by loops.

Nothing of symconv's parser, trees or provers is used: a sum is built as text and as a Python function side by side.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass

FACTORS = {"y": ("w", "x"), "dx": ("dy", "w"), "dw": ("dy", "x"), "db": ("dy",)}
LENGTHS = {"x": "H", "dx": "H", "w": "K", "dw": "K", "y": "O", "dy": "O"}
INDEX = {"y": "t", "dx": "m", "dw": "k", "db": None}
#: an index without a range is tried this far out
FAR = 60


@dataclass(frozen=True)
class IndexSum:
    """``target[index] = sum(factors, ranges)``; a range is (name, start, stop), None where it is left out."""

    target: str
    factors: tuple[tuple[str, str], ...]
    ranges: tuple[tuple[str, str | None, str | None], ...]

    def __str__(self) -> str:
        index = INDEX[self.target]
        left = self.target if index is None else f"{self.target}[{index}]"
        product = " * ".join(f"{array}[{e}]" for array, e in self.factors)
        said = ", ".join(name if start is None else f"{name}=({start}, {stop})" for name, start, stop in self.ranges)
        return f"{left} = sum({product}, {said})"

    def entries(self, sizes: dict[str, int]) -> list[Counter[tuple[int, ...]]]:
        """For each entry how often each product of factor entries stands in it; ZeroDivisionError where it says nothing."""
        index = INDEX[self.target]
        count = 1 if index is None else sizes[LENGTHS[self.target]]
        indices = [compile(e, e, "eval") for _, e in self.factors]
        lengths = [sizes[LENGTHS[array]] for array, _ in self.factors]
        result = []
        for t in range(count):
            names = dict(sizes) if index is None else {**sizes, index: t}
            found: Counter[tuple[int, ...]] = Counter()
            spans = [
                range(-FAR, FAR) if start is None else range(eval(start, names), eval(stop, names))
                for _, start, stop in self.ranges
            ]
            for values in itertools.product(*spans):
                at = {**names, **{name: v for (name, _, _), v in zip(self.ranges, values, strict=True)}}
                where = tuple(eval(code, at) for code in indices)
                if all(0 <= i < n for i, n in zip(where, lengths, strict=True)):
                    found[where] += 1
            result.append(found)
        return result

    def due(self, sizes: dict[str, int]) -> list[Counter[tuple[int, ...]]]:
        """The same of the derivative, by the definition."""
        s, d, p = (sizes[name] for name in "sdp")
        if self.target == "db":
            return [Counter({(o,): 1 for o in range(sizes["O"])})]
        result = [Counter() for _ in range(sizes[LENGTHS[self.target]])]
        for o, k in itertools.product(range(sizes["O"]), range(sizes["K"])):
            m = s * o + d * k - p
            if 0 <= m < sizes["H"]:
                entry, product = {"y": (o, (k, m)), "dx": (m, (o, k)), "dw": (k, (o, m))}[self.target]
                result[entry][product] += 1
        return result

    def right(self, sizes: dict[str, int]) -> bool:
        try:
            return self.entries(sizes) == self.due(sizes)
        except ZeroDivisionError:
            return False


def random_sum(generator: random.Random) -> IndexSum:
    """A right sum with something changed, or a wild one."""
    target = generator.choice(list(FACTORS))
    index = INDEX[target]

    def number() -> str:
        return generator.choice(
            ["1", "2", "3", "s", "d", "p", "K", "H", "O", "(-2)", "(-1)", "(s - 1)", "(2 - s)", "(K % 3)"]
        )

    def size() -> str:
        a, b = number(), number()
        return generator.choice([a, f"{a} + {b}", f"{a} - {b}", f"{a} // {b}", f"{a} % {b}", f"O - {a}", f"{a} % 2"])

    def changed(e: str) -> str:
        form = generator.randrange(9)
        if form < 4:
            return e
        n = generator.choice(["2", "3", "(-2)", "(-3)", "s", "d", "(s - 1)"])
        return [f"({e}) // {n}", f"({e}) % {n}", f"{e} + {size()}", f"{e} - {size()}", f"{n} - ({e})"][form - 4]

    right = {"y": [("w", "i"), ("x", "s*t + d*i - p")], "dx": [("dy", "i"), ("w", "m + p - s*i")],
             "dw": [("dy", "i"), ("x", "s*i + d*k - p")], "db": [("dy", "i")]}[target]  # fmt: skip
    kept = generator.randrange(len(right))
    factors = [(array, e if number == kept else changed(e)) for number, (array, e) in enumerate(right)]
    full = {"y": "K", "dx": "O", "dw": "O", "db": "O"}[target]
    form = generator.randrange(6)
    start, stop = ("0", full) if form < 2 else (size(), full) if form < 4 else ("0", size())
    if index is not None and generator.randrange(5) == 0:
        start = generator.choice([f"{index} % 2", f"{index} // 2", f"{index} - 2"])
    ranges: list[tuple[str, str | None, str | None]] = [("i", start, stop)]
    if generator.randrange(4) == 0 and target != "db":
        ranges = [("i", None, None)]
    if generator.randrange(8) == 0:
        ranges.append(("j", generator.choice(["0", "1"]), generator.choice(["1", "2", "s"])))
    return IndexSum(target, tuple(factors), tuple(ranges))


def layers(steps: tuple[tuple[int, int], ...] = ((1, 1), (2, 1), (3, 2), (1, 2))) -> list[dict[str, int]]:
    """Small layers that differ on every axis and leave remainders."""
    result = []
    for (s, d), (H, K, p, q) in itertools.product(
        steps, ((1, 1, 0, 0), (3, 2, 0, 1), (4, 3, 1, 0), (5, 2, 2, 1), (6, 3, 3, 2))
    ):
        slack = H + p + q - d * (K - 1) - 1
        if slack >= 0:
            result.append({"H": H, "K": K, "p": p, "q": q, "O": slack // s + 1, "r": slack % s, "s": s, "d": d})
    return result
