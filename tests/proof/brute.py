"""A second opinion on formulas, written for the tests alone: their text run as Python, on every small size.

Nothing of symconv's parser, trees or provers is used. Entry i of dy and entry k of the other factor are whole numbers
2**(8*i) and 2**(8*64*k), so that a sum of products spells out how often each product occurs, eight binary digits for each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache

Sizes = dict[str, int]
FACTORS = {"y": ("w", "x"), "dx": ("dy", "w"), "dw": ("dy", "x")}


def row(t: int, n: int, mode: str) -> int | None:
    """The row, out of n, that stands at place t of a border; None where none does."""
    if not 0 <= t < n:
        before = t < 0
        places = {"zeros": n, "reflect": -t if before else 2 * n - 2 - t, "replicate": 0 if before else n - 1,
                  "circular": t + n if before else t - n, "symmetric": -1 - t if before else 2 * n - 1 - t}  # fmt: skip
        t = places[mode]
    return t if 0 <= t < n else None


def pad(a: list[int], u: int, v: int | None = None, mode: str = "zeros") -> list[int]:
    v = u if v is None else v
    rows = [row(i - u, len(a), mode) for i in range(max(0, u + len(a) + v))]
    return type(a)(0 if at is None else a[at] for at in rows)


def fold(a: list[int], u: int, v: int | None = None, mode: str = "zeros") -> Result:
    n = max(0, len(a) - u - (u if v is None else v))
    sums = Result([0] * n)
    for j, value in enumerate(a):
        at = row(j - u, n, mode)
        if at is not None:
            sums[at] += value
    return sums


def crop(a: list[int], u: int, v: int | None = None) -> list[int]:
    return pad(a, -u, -u if v is None else -v)


def dilate(a: list[int], t: int) -> list[int]:
    return [a[i // t] if i % t == 0 else 0 for i in range(max(0, t * (len(a) - 1) + 1))]


def flip(a: list[int]) -> list[int]:
    return list(reversed(a))


class Result(list):
    """An array of sums; adds and multiplies entry by entry."""

    def __add__(self, other: Result) -> Result:
        if len(self) != len(other):
            raise ValueError("lengths differ")
        return Result(a + b for a, b in zip(self, other, strict=True))

    def __sub__(self, other: Result) -> Result:
        return self + -1 * other

    def __rmul__(self, factor: int) -> Result:
        return Result(factor * a for a in self)


def correlate(a: list[int], b: list[int], stride: int = 1, dilation: int = 1) -> Result:
    slack = len(a) - dilation * (len(b) - 1) - 1
    count = slack // stride + 1 if slack >= 0 and b else 0
    taps = [(dilation * j, value) for j, value in enumerate(b) if value]
    return Result(sum(a[stride * t + at] * value for at, value in taps) for t in range(count))


class Zero(list):
    """An array that is zero outside its range."""

    def __getitem__(self, i: int) -> int:  # type: ignore[override]
        return list.__getitem__(self, i) if 0 <= i < len(self) else 0


@cache
def arrays(target: str, H: int, K: int, O: int) -> dict[str, list[int]]:
    first, second = FACTORS[target]
    lengths = {"x": H, "w": K, "dy": O}
    return {
        first: Zero(1 << (8 * i) for i in range(lengths[first])),
        second: Zero(1 << (8 * 64 * i) for i in range(lengths[second])),
    }


@cache
def truth(target: str, H: int, K: int, O: int, p: int, s: int, d: int, mode: str = "zeros") -> list[int]:
    """The sums by the definition: every (o, k, m) with m the row that stands at s*o + d*k - p."""
    a = arrays(target, H, K, O)
    sums = [0] * {"y": O, "dx": H, "dw": K}[target]
    for o, k in itertools.product(range(O), range(K)):
        m = row(s * o + d * k - p, H, mode)
        if m is not None:
            index = {"y": (o, a.get("w"), a.get("x"), k, m), "dx": (m, a.get("dy"), a.get("w"), o, k),
                     "dw": (k, a.get("dy"), a.get("x"), o, m)}[target]  # fmt: skip
            t, one, other, i, j = index
            sums[t] += one[i] * other[j]
    return sums


@cache
def sizes(s: int, d: int, symmetric: bool) -> tuple[Sizes, ...]:
    """All layers with H <= 7, K <= 4, p, q <= 3."""
    return tuple(_sizes(s, d, symmetric))


def _sizes(s: int, d: int, symmetric: bool) -> Iterator[Sizes]:
    for H, K, p, q in itertools.product(range(1, 8), range(1, 5), range(4), range(4)):
        slack = H + p + q - d * (K - 1) - 1
        if slack >= 0 and (p == q or not symmetric):
            yield {"H": H, "K": K, "p": p, "q": q, "O": slack // s + 1, "r": slack % s, "s": s, "d": d}


def compiled(text: str) -> tuple[str, str | None, Callable[[dict], object]]:
    """Target, index and body of a formula's text. In ``sum(a[..] * b[..], i)`` the index runs well beyond the arrays."""
    left, _, right = text.partition(" = ")
    target, bracket, index = left.rstrip("]").partition("[")
    if bracket:
        summand, _, variable = right.removeprefix("sum(").removesuffix(")").rpartition(", ")
        right = f"sum({summand} for {variable} in range(-4, O + 4))"
    code = compile(right, text, "eval")
    return target, index or None, lambda names: eval(code, names)


MODES = ("reflect", "replicate", "circular", "symmetric")
MOST = {"reflect": -1, "circular": 0, "symmetric": 0}  # how many more than H rows of padding there may be
WORDS = {**{mode: mode for mode in MODES}, "fold": fold, "pad": pad, "crop": crop,
         "dilate": dilate, "flip": flip, "correlate": correlate, "sum": sum, "range": range,
         "__builtins__": {}}  # fmt: skip


def failures(text: str, s: int, d: int, symmetric: bool, mode: str = "zeros") -> set[tuple[int, int, int, int]]:
    """The sizes (H, K, p, q) at which the formula is wrong."""
    target, index, body = compiled(text)
    wrong = set()
    for at in sizes(s, d, symmetric):
        H, K, O, p, q = (at[n] for n in "HKOpq")
        if mode in MOST and max(p, q) > H + MOST[mode]:
            continue
        names = {**WORDS, **at, **arrays(target, H, K, O)}
        due = truth(target, H, K, O, p, s, d, mode)
        try:
            built = body(names) if index is None else [body({**names, index: t}) for t in range(len(due))]
        except ValueError:
            built = None
        if built != due:
            wrong.add((H, K, p, q))
    return wrong
