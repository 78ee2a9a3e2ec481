"""Emitted kernels with one token changed: what is said of them at every size is what running them says."""

from __future__ import annotations

import ast
import io
import keyword
import random
import signal
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symconv.layer.relation import OUTPUT_SIZE, PADDED_SIZE
from symconv.reading import prove_source
from symconv.reading.replay import within
from symconv.reading.scopes import names_bound

GENERATED = Path(__file__).parents[2] / "generated"
KINDS_OF_LAYER = [(name, ndim, name != "conv") for name in ("conv", "conv_transpose") for ndim in (1, 2, 3)]

#: a token's text -> what may take its place; numbers and names are changed by rule
SWAPS = {
    "+": "-*", "-": "+*", "*": "+-", "/": ["//"], "//": ["*"], "%": ["//"], "<": ["<=", ">"], "<=": ["<"], ">": [">=", "<"],
    ">=": [">"], "==": ["!="], "!=": ["=="], "+=": ["-=", "="], "-=": ["+="], "@": "*", ":": "", "and": ["or"],
    "or": ["and"], "not": [""], "is": [], "in": [], "=": [], ",": [], "(": [], ")": [], "[": [], "]": [],
}  # fmt: skip


def text_of(kernel: str) -> str:
    """The file of a kernel: ``conv2d`` is the one by columns, ``conv2d_taps`` and others say their schedule."""
    file = f"{kernel}.py"
    return (GENERATED / file if "d_" not in kernel else GENERATED / "kernels" / file).read_text("utf-8")


def mutant(source: str, function: str, rng: random.Random) -> tuple[str, str]:
    """The source with one token changed, of ``function`` and what it calls, and what was changed."""
    spans = reached(source, function)
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline)
              if any(first < t.start[0] <= last for first, last in spans) and choices(t, source, spans)]  # fmt: skip
    token = rng.choice(tokens)
    other = rng.choice(choices(token, source, spans))
    lines = source.splitlines(keepends=True)
    (row, column), line = token.start, token.line
    lines[row - 1] = line[:column] + other + line[column + len(token.string) :]
    return "".join(lines), f"line {row}: {line.strip()!r}, {token.string!r} -> {other!r}"


@cache
def reached(source: str, function: str) -> tuple[tuple[int, int], ...]:
    """The first and last line of each function that is called from ``function``, without its docstring."""
    tree = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    waiting, seen = [function], []
    while waiting:
        name = waiting.pop()
        if name in tree and name not in seen:
            seen.append(name)
            waiting += [node.id for node in ast.walk(tree[name]) if isinstance(node, ast.Name)]
    bodies = [tree[name].body for name in seen]
    told = [
        body[1:] if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else body
        for body in bodies
    ]
    return tuple((body[0].lineno - 1, body[-1].end_lineno or 0) for body in told)


def choices(token: tokenize.TokenInfo, source: str, spans: Any) -> list[str]:
    """What may stand in a token's place."""
    if token.type == tokenize.NUMBER and token.string.isdigit():
        return [str(int(token.string) + 1), str(max(int(token.string) - 1, 0))] if token.string != "0" else ["1"]
    if token.type == tokenize.OP or token.string in SWAPS:
        return list(SWAPS.get(token.string, []))
    if token.type == tokenize.NAME and not keyword.iskeyword(token.string) and token.string not in ("np", "self"):
        return [name for name in names(source, token.start[0]) if name != token.string]
    return []


@cache
def names(source: str, row: int) -> list[str]:
    """The names that the function around a line binds, those of its parameters too: what a slip of the pen writes."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.lineno <= row <= (node.end_lineno or 0):
            return sorted(name for name in names_bound(node) if name != node.name and len(name) < 8)
    return []


class TooLong(Exception):
    """A mutant that runs too long."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def drawn(rng: random.Random, ndim: int, transposed: bool, s: int, d: int) -> tuple[dict[str, int], dict[str, Any]]:
    """Sizes by name, and the arrays and parameters of a layer with them."""
    while True:
        rows, kernels = ("OPQ" if transposed else "HWZ")[:ndim], "KLM"[:ndim]
        sizes = {"N": rng.randint(1, 2), "C": rng.randint(1, 2), "F": rng.randint(1, 3), "G": rng.randint(1, 2)}
        sizes |= {name: rng.randint(1, 5) for name in rows} | {name: rng.randint(1, 3) for name in kernels}
        pads = [("p", "q"), ("u", "v"), ("a", "b")][:ndim]
        sizes |= {name: rng.randint(0, 3) for pair in pads for name in pair}
        if transposed:
            sizes |= {name: rng.randrange(max(s, d)) for name in ("r", "r2", "r3")[:ndim]}
        size = PADDED_SIZE if transposed else OUTPUT_SIZE
        out = [size.evaluate({"O" if transposed else "H": sizes[row], "K": sizes[k], "p": sizes[p], "q": sizes[q], "s": s, "d": d,
                              "r": sizes.get(r, 0)})
               for row, k, (p, q), r in zip(rows, kernels, pads, ("r", "r2", "r3"))]  # fmt: skip
        if min(out) < 1:
            continue
        groups, given = sizes["G"], np.random.default_rng(rng.randrange(2**32))
        channels, filters = sizes["C"] * groups, sizes["F"] * groups
        first, second = (channels, sizes["F"]) if transposed else (filters, sizes["C"])
        shapes = {
            "dy": (sizes["N"], filters, *out),
            "x": (sizes["N"], channels, *(sizes[row] for row in rows)),
            "w": (first, second, *(sizes[k] for k in kernels)),
        }
        layer: dict[str, Any] = {key: given.integers(1, 50, shape).astype(float) for key, shape in shapes.items()}
        layer |= {"stride": s, "padding": tuple((sizes[p], sizes[q]) for p, q in pads), "dilation": d, "groups": groups}
        if transposed:
            layer["output_padding"] = tuple(sizes[r] for r in ("r", "r2", "r3")[:ndim])
        return sizes, layer


def check(kernel: str, seed: int, points: int = 25) -> tuple[str, list[str]]:
    """The verdicts on one mutant, and every size at which running it says something else."""
    rng = random.Random(f"{kernel} {seed}")
    name = kernel.partition("d_")[0].removesuffix("d") + "d"
    ndim, transposed = int(name[-2]), name.startswith("conv_transpose")
    original = text_of(kernel)
    text, change = mutant(original, f"{name}_backward", rng)
    s, d = rng.choice([1, 2, 3]), rng.choice([1, 2])
    try:
        compile(text, kernel, "exec")
    except SyntaxError:
        return "NO PROGRAM", []
    options = {"ndim": ndim, "padding": "free", "groups": True, "transposed": transposed, "replays": 0}
    proofs = prove_source(text, f"{name}_backward", "kernel", s, d, **options)
    truth, found = namespace_of(original)[f"{name}_backward"], []
    function = namespace_of(text).get(f"{name}_backward")
    for _ in range(points):
        sizes, layer = drawn(rng, ndim, transposed, s, d)
        due = truth(**layer)
        blocks = {} if "d_" in kernel else {"workspace": rng.choice([1, 500, 2 << 20])}
        try:
            with warnings.catch_warnings(), at_most(20):
                warnings.simplefilter("ignore")
                got = function(**{k: v.copy() if isinstance(v, np.ndarray) else v for k, v in layer.items()}, **blocks)
                got = got if isinstance(got, tuple) and len(got) == 3 else None
        except Exception:
            got = None
        for proof in proofs:
            if proof.right is None:
                continue
            at = ("dx", "dw", "db").index(proof.target)
            array, wanted = None if got is None else np.asarray(got[at]), due[at]
            is_right = array is not None and array.shape == wanted.shape and np.array_equal(array, wanted)
            if within(proof.right, sizes) != is_right:
                where = f"{kernel}, seed {seed}, {change}: {proof.target} at {sizes}, stride {s}, dilation {d}"
                found.append(f"{where}: {proof.verdict}, and {'right' if is_right else 'wrong'} when run")
    return ", ".join(proof.verdict for proof in proofs), found


def namespace_of(text: str) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "mutant"}
    try:
        exec(text, space)
    except Exception:
        return {}
    return space


def kernels(schedules: tuple[str, ...] = ("", "_loops", "_taps", "_formulas")) -> list[tuple[str, int]]:
    return [(f"{name}{ndim}d{schedule}", ndim) for name, ndim, _ in KINDS_OF_LAYER for schedule in schedules]


@pytest.mark.parametrize(
    ("kernel", "seed"), [("conv1d", 1), ("conv1d_loops", 22), ("conv1d_taps", 7), ("conv_transpose1d", 3)]
)
def test_a_mutant(kernel, seed):
    _, found = check(kernel, seed, 10)
    assert not found, found[0]


@pytest.mark.sweep
def test_mutants_of_every_kernel():
    """At least two hundred, fewer of those that take long."""
    verdicts: Counter[str] = Counter()
    for kernel, ndim in kernels():
        for seed in range({1: 16, 2: 8, 3: 2}[ndim]):
            told, found = check(kernel, seed)
            assert not found, "\n".join(found[:3])
            verdicts[told] += 1
    assert verdicts.total() >= 200
    assert sum(count for told, count in verdicts.items() if "REFUTED" in told or "REFUSES" in told) > 60
