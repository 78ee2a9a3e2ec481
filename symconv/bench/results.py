"""What the kernels' benchmark measured, layer by layer."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, log
from typing import Any

__all__ = ["TARGETS", "KernelBenchmark", "LayerResult", "ScheduleResult", "Timing", "geometric_mean"]

TARGETS = ("y", "dx", "dw")


@dataclass(frozen=True)
class Timing:
    """Median milliseconds of a call, and the quartiles of the rounds."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(rounds: Sequence[float]) -> Timing:
        ordered = sorted(1e3 * seconds for seconds in rounds)
        quarter = len(ordered) // 4
        return Timing(statistics.median(ordered), ordered[quarter], ordered[-1 - quarter])

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a part of the median."""
        return (self.high - self.low) / 2 / self.median


@dataclass(frozen=True)
class ScheduleResult:
    """One schedule for y, dx or dw of a layer: what the model says, what was measured (milliseconds), its relative error."""

    target: str
    schedule: str
    predicted: float
    measured: float
    error: float
    chosen: bool


@dataclass(frozen=True)
class LayerResult:
    """One layer: the time of forward and all gradients by every way, and what the default choice is worth.

    ``times`` has "fast" (the library's default choice), "columns" (the emitted file), "pytorch" (autograd), "pytorch kernels"
    (its forward and backward functions called directly), "im2col" and "taps", as far as they were measured; ``forward`` the
    forward pass alone.
    ``errors`` are ||err|| / ||ref||
    of the default choice against float64, for float32, and for float64 against plain summation in float64; ``workspace`` is
    the most memory that a forward and backward pass held beside its results, in bytes.
    """

    name: str
    conv: dict[str, Any]
    times: Mapping[str, Timing]
    forward: Mapping[str, Timing]
    flops: int
    errors: Mapping[str, float]
    workspace: int
    schedules: tuple[ScheduleResult, ...]

    def ratio(self, reference: str, ours: str = "fast") -> float | None:
        """Our time over the reference's; ``ours`` is "fast" or "columns"."""
        return self.times[ours].median / self.times[reference].median if reference in self.times else None

    @property
    def gflops(self) -> float:
        """Speed of forward and backward together, counted in operations of the plain sums."""
        return 3 * self.flops / self.times["fast"].median / 1e6

    @property
    def regret(self) -> float:
        """The chosen schedules' time over the best ones', for y, dx and dw together; 1 when all are the best."""
        if not self.schedules:
            return 1.0
        chosen = sum(s.measured for s in self.schedules if s.chosen)
        best = sum(min(s.measured for s in self.schedules if s.target == target) for target in TARGETS)
        return chosen / best


@dataclass(frozen=True)
class KernelBenchmark:
    """All layers, the machine's measured matrix-product peak (GFLOP/s, float32) and what the libraries run on."""

    layers: tuple[LayerResult, ...]
    peak: float
    cores: int
    libraries: Mapping[str, str]
    set_aside: tuple[str, ...]
    rounds: int
    load: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether other work was under way when the measurement began."""
        return self.load > 0.25 * self.cores

    def mean(self, reference: str, ours: str = "fast") -> float | None:
        """Geometric mean of the ratios to a reference."""
        return geometric_mean([r for r in (each.ratio(reference, ours) for each in self.layers) if r is not None])

    def to_dict(self) -> dict[str, Any]:
        references = ("pytorch", "pytorch kernels", "im2col", "taps")
        return {
            **asdict(self),
            "layers": [
                asdict(each) | {"ratios": {r: each.ratio(r) for r in references}, "of_peak": each.gflops / self.peak,
                                "columns_ratios": {r: each.ratio(r, "columns") for r in references}, "regret": each.regret}
                for each in self.layers
            ],
            "geometric_means": {reference: self.mean(reference) for reference in references},
            "columns_geometric_means": {reference: self.mean(reference, "columns") for reference in references},
        }  # fmt: skip

    @staticmethod
    def from_dict(found: Mapping[str, Any]) -> KernelBenchmark:
        layers = []
        for each in found["layers"]:
            fields = {key: each[key] for key in LayerResult.__dataclass_fields__}
            fields["times"] = {way: Timing(**t) for way, t in each["times"].items()}
            fields["forward"] = {way: Timing(**t) for way, t in each["forward"].items()}
            fields["schedules"] = tuple(ScheduleResult(**s) for s in each["schedules"])
            layers.append(LayerResult(**fields))
        rest = {key: found[key] for key in ("peak", "cores", "libraries", "rounds", "load")}
        return KernelBenchmark(tuple(layers), set_aside=tuple(found["set_aside"]), **rest)

    def __repr__(self) -> str:
        mean = self.mean("pytorch")
        text = (
            f"{mean:.2f} times PyTorch's time, columns {self.mean('pytorch', 'columns'):.2f}"
            if mean
            else "without PyTorch"
        )
        return f"<kernels on {len(self.layers)} layers: {text}>"


def geometric_mean(ratios: Sequence[float]) -> float | None:
    """None of no ratios."""
    return exp(sum(map(log, ratios)) / len(ratios)) if ratios else None
