"""How fast deriving and verifying is, against SymPy's ``Expr.diff`` by every entry, and how it grows with the loss.

Each measurement is the median of several runs in a process of its own, so that peak memory is its own too.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from symconv.algebra.symbols import symbols
from symconv.formulas.verify import verify
from symconv.layer.conv import Conv
from symconv.layer.loss import loss

__all__ = ["REFERENCE", "SCALES", "DeriveBenchmark", "Measurement", "run"]

#: the layer on which SymPy's way is timed: about 12,000 terms
REFERENCE = Conv(input=(8, 8), kernel=(3, 3), batch=2, in_channels=3, out_channels=4, padding=1)

#: layers of about 10^4, 10^5 and 10^6 terms
SCALES = tuple(
    Conv(input=(n, n), kernel=(3, 3), batch=2, in_channels=3, out_channels=4, padding=1) for n in (8, 23, 70)
)


@dataclass(frozen=True)
class Measurement:
    """Deriving and verifying one layer: terms of the loss, median seconds, peak memory of the process in MiB."""

    terms: int
    seconds: float
    peak_mib: float

    @property
    def microseconds_per_term(self) -> float:
        return self.seconds / self.terms * 1e6


@dataclass(frozen=True)
class DeriveBenchmark:
    """Derive and verify against the slow reference, in one run, and the growth with the number of terms.

    ``reference_seconds`` is the time of ``[L.diff(v) for v in every entry of x and w]``; if only ``measured`` of the
    ``variables`` derivatives were taken, it is scaled up from these.
    """

    reference_seconds: float
    variables: int
    measured: int
    reference: Measurement
    scales: tuple[Measurement, ...]

    @property
    def ratio(self) -> float:
        """How many times faster deriving and verifying is than the reference."""
        return self.reference_seconds / self.reference.seconds

    @property
    def spread_per_term(self) -> float:
        """Largest over smallest time for each term, over the scales."""
        each = [m.microseconds_per_term for m in self.scales]
        return max(each) / min(each)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio, "spread_per_term": self.spread_per_term}

    def __repr__(self) -> str:
        return f"<derive + verify {self.ratio:,.0f} times faster than Expr.diff; {self.spread_per_term:.2f} over the scales>"


def run(sample: int | None = None, runs: int = 5) -> DeriveBenchmark:
    """Measure; ``sample`` limits the reference to so many of its derivatives (all when None)."""
    count, measured, seconds = _reference(sample)
    results = [_in_child(conv, runs) for conv in (REFERENCE, *SCALES)]
    return DeriveBenchmark(seconds, count, measured, results[0], tuple(results[1:]))


def _reference(sample: int | None) -> tuple[int, int, float]:
    expression = loss(REFERENCE)[()]
    variables = [v for array in ("x", "w") for v in symbols(REFERENCE, array).reshape(len(symbols(REFERENCE, array)))]
    step = 1 if sample is None else max(1, len(variables) // max(1, sample))
    chosen = variables[::step]
    start = time.perf_counter()
    for variable in chosen:
        expression.diff(variable)
    elapsed = time.perf_counter() - start
    return len(variables), len(chosen), elapsed * len(variables) / len(chosen)


def _in_child(conv: Conv, runs: int) -> Measurement:
    done = subprocess.run(
        [sys.executable, "-m", "symconv.bench.derive", json.dumps(conv.to_dict()), str(runs)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Measurement(**json.loads(done.stdout))


def _measure(conv: Conv, runs: int) -> Measurement:
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        result = verify(conv)
        seconds.append(time.perf_counter() - start)
        assert result.ok
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    import resource  # optional: not on every system

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    return Measurement(conv.terms, statistics.median(seconds), peak)


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(Conv(**json.loads(sys.argv[1])), int(sys.argv[2])))))
