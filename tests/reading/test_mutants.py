"""Emitted kernels with one token changed: whatever is said of them, running them says the same."""

from __future__ import annotations

import io
import random
import tokenize
from pathlib import Path

import pytest

from symconv.reading import Call, read
from symconv.reading.replay import replay

KERNELS = Path(__file__).parents[2] / "generated" / "kernels"

#: token -> what takes its place
SWAPS = {
    "+": "-", "-": "+", "*": "+", "//": "*", "<": "<=", "<=": "<", ">": ">=", "!=": "==", "+=": "-=", "0": "1", "1": "0",
    "2": "1",
    "K": "H", "H": "K", "s": "d", "d": "s", "p": "q", "q": "p", "s0": "d0", "d0": "s0", "p0": "s0", "o0": "k0", "k0": "o0",
    "H0": "K0", "K0": "H0", "O0": "K0", "N": "G", "F": "C", "C": "F", "f": "c", "c": "f", "dy": "x", "dx": "x", "dw": "w",
    "min": "max", "max": "min", "zeros": "ones", "first": "last", "start": "step",
}  # fmt: skip


def mutant(source: str, function: str, rng: random.Random) -> str:
    """The source with one token changed, from ``function`` on."""
    start = source.index(f"def {function}")
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source[start:]).readline) if t.string in SWAPS]
    token = rng.choice(tokens)
    lines = source[start:].splitlines(keepends=True)
    row, column = token.start[0] - 1, token.start[1]
    line = lines[row]
    lines[row] = line[:column] + SWAPS[token.string] + line[column + len(token.string) :]
    return source[:start] + "".join(lines)


def check(kernel: str, seed: int) -> str:
    """The verdicts on a mutant, after the replay."""
    rng = random.Random(seed)
    ndim = int(kernel[4])
    text = mutant((KERNELS / f"{kernel}.py").read_text(), f"conv{ndim}d_backward", rng)
    call = Call("kernel", rng.choice([1, 2]), rng.choice([1, 2]), ndim, "free", groups=rng.random() < 0.5)
    try:
        reading = read(text, f"conv{ndim}d_backward", call)
    except SyntaxError:
        return "REFUTED"
    played = replay(reading, text, f"conv{ndim}d_backward", 14, seed)
    if played.disagreement is not None and "could not be run" not in played.disagreement:
        said_nothing = not reading.regions and not reading.raises
        assert said_nothing, f"{kernel}, mutant {seed}: {played.disagreement}"
    if not reading.undecided.is_empty():
        return "UNKNOWN"
    wrong = any(not output.wrong.is_empty() for output in reading.outputs.values())
    return "REFUTED" if wrong or not reading.raising.is_empty() else "PROVED"


@pytest.mark.parametrize(("kernel", "seed"), [("conv1d_loops", 22), ("conv1d_taps", 7), ("conv1d_formulas", 3)])
def test_a_mutant(kernel, seed):
    check(kernel, seed)


@pytest.mark.sweep
def test_two_hundred_mutants():
    verdicts = [check(kernel, seed) for kernel in ("conv1d_loops", "conv1d_taps", "conv1d_formulas", "conv2d_loops")
                for seed in range(50)]  # fmt: skip
    assert verdicts.count("REFUTED") > 60
