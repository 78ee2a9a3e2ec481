"""Conformance vectors: cases in exact small integers, as files, for implementations in any language.

Every number, and every sum of products in any order, is an integer of at most 256 in size: exact in float16, bfloat16,
float32, float64 and int16. A file says the layer, the arrays, what is right, and which known mistakes it shows.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.grids import default_grid
from symconv.audits.minimal import EXTRA, minimal_cases
from symconv.audits.program import layer_of, plain
from symconv.audits.truth import READINGS, Derivative
from symconv.courses.cover import fails
from symconv.courses.mistakes import MISTAKES
from symconv.files import write_all
from symconv.layer.conv import Conv
from symconv.layer.padding import MODES
from symconv.layer.second import SECOND_READINGS, second_loss

__all__ = ["SETS", "Vector", "vectors", "write_vectors"]

Array = NDArray[Any]

#: the largest integer up to which bfloat16 has all
LIMIT = 256

SETS = ("minimal", "quick")


@dataclass(frozen=True)
class Vector:
    """One case: ``arrays`` x, w, b, dy and the directions v_x, v_w, v_b of the second derivatives; ``expected`` y, dx, dw,
    db, ddy, ddx, ddw; ``catches`` the keys of the known mistakes that it shows.

    >>> case = Vector(Conv(input=3, kernel=2))
    >>> case.arrays["x"].tolist(), case.arrays["w"].tolist(), case.expected["y"].tolist()
    ([[[-3.0, -2.0, 1.0]]], [[[3.0, -2.0]]], [[[-8.0, -11.0]]])
    """

    conv: Conv

    @cached_property
    def _drawn(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Arrays with entries up to 3, or fewer where a sum would pass LIMIT, and the results."""
        for largest in (3, 2, 1):
            for density in (1.0, 0.5, 0.25, 0.1):
                arrays = self._arrays(largest, density)
                sizes = self._results({name: np.abs(array) for name, array in arrays.items()})
                if all(array.max(initial=0) <= LIMIT for array in sizes.values()):
                    return arrays, self._results(arrays)
        raise ValueError(f"{self.conv!r} has sums too long for integers up to {LIMIT}")

    def _arrays(self, largest: int, density: float) -> dict[str, Array]:
        generator = np.random.default_rng([zlib.crc32(self.conv.slug.encode()), largest])
        shapes = {name: self.conv.shapes[name] for name in ("x", "w", "b", "dy")}
        shapes |= {f"v_{name}": shapes[name] for name in ("x", "w", "b")}
        drawn = {}
        for name, shape in shapes.items():
            whole = generator.integers(1, largest + 1, shape) * generator.choice([-1, 1], shape)
            drawn[name] = np.where(generator.random(shape) < density, whole, 0).astype(np.float64)
        return drawn

    def _results(self, arrays: dict[str, Array]) -> dict[str, Array]:
        first, second = Derivative(self.conv), second_loss(self.conv)
        result = {name: first.numbers(arrays, name) for name in READINGS}
        return result | {name: second.differentiate(by).substitute(arrays) for name, by in SECOND_READINGS.items()}

    @property
    def arrays(self) -> dict[str, Array]:
        return self._drawn[0]

    @property
    def expected(self) -> dict[str, Array]:
        return self._drawn[1]

    @cached_property
    def catches(self) -> list[str]:
        """Keys of the mistakes in a backward pass that this case shows (zeros borders, not transposed: others are not made)."""
        conv = self.conv
        if conv.transposed or conv.mode.counts_outside:
            return []
        true = [self.expected[name] for name in ("dx", "dw", "db")]
        arrays = [self.arrays[name] for name in ("x", "w", "b", "dy")]
        return [key for key, mistake in MISTAKES.items() if fails(mistake.backward, conv, arrays, true)]

    def to_dict(self) -> dict[str, Any]:
        """``layer``, ``arrays``, ``expected`` (each array as shape and entries in C order) and ``catches``."""
        return {
            "symconv_vector": 1, "name": self.name, "layer": layer_of(self.conv),
            "arrays": {name: plain(array) for name, array in self.arrays.items()},
            "expected": {name: plain(array) for name, array in self.expected.items()},
            "catches": self.catches,
        }  # fmt: skip

    @property
    def name(self) -> str:
        return self.conv.slug

    def __repr__(self) -> str:
        return f"<vector {self.name}: shows {len(self.catches)} mistakes>"


def vectors(name: str = "minimal") -> list[Vector]:
    """The cases of a set, "minimal" or "quick": 1-D to 3-D, then transposed ones and every padding mode.

    "minimal" has the fewest cases for every parameter; "quick" the quick grid. ValueError for another name.

    >>> len(vectors()), len(vectors("quick")) > 100
    (29, True)
    """
    if name not in SETS:
        raise ValueError(f"no set {name!r} of vectors; there are {', '.join(SETS)}")
    convs: list[Conv] = []
    for ndim in (1, 2, 3):
        convs += (
            [conv for conv, _ in minimal_cases(ndim, EXTRA)] if name == "minimal" else default_grid(name, ndim=ndim)
        )
    if name == "quick":
        convs += [conv for ndim in (1, 2, 3) for conv, _ in minimal_cases(ndim, EXTRA)]
        convs += default_grid(name, ndim=2, dilation=(2,), groups=(2,), stride=(1, 2))
    convs += _transposed(name) + _bordered()
    return [Vector(conv) for conv in dict.fromkeys(convs) if not conv.mode.filled]


def _transposed(name: str) -> list[Conv]:
    two: dict[str, Any] = {"batch": 2, "in_channels": 2, "out_channels": 3}
    few = [
        Conv(input=4, kernel=3, stride=2, padding=1, output_padding=1, transposed=True, **two),
        Conv(input=(3, 4), kernel=(3, 2), stride=(2, 3), padding=1, transposed=True, **two),
        Conv(input=(2, 3), kernel=2, dilation=2, groups=2, in_channels=2, out_channels=4, transposed=True),
        Conv(input=(2, 3, 2), kernel=(2, 1, 3), stride=2, transposed=True),
    ]
    return few if name == "minimal" else few + default_grid(name, ndim=2, transposed=True)


def _bordered() -> list[Conv]:
    """A case for each way to fill the border but zeros, on one axis and on two."""
    modes = [mode.name for mode in MODES.values() if mode.counts_outside and not mode.filled]
    layers: list[dict[str, Any]] = [
        {"input": 5, "kernel": 3, "stride": 2, "padding": [(2, 1)], "batch": 2},
        {
            "input": (4, 5),
            "kernel": (3, 2),
            "stride": (1, 2),
            "padding": [(1, 2), (2, 0)],
            "in_channels": 2,
            "out_channels": 2,
        },
    ]
    return [Conv(**layer, padding_mode=mode) for mode in modes for layer in layers]


def write_vectors(folder: Path, cases: Sequence[Vector], formats: Sequence[str] = ("npz", "json")) -> list[Path]:
    """Write each case as NAME.npz (arrays and results by name) and NAME.json, and ``index.json``; returns the paths.

    All files are written or none. ValueError where one cannot be.
    """
    contents: dict[Path, str | bytes] = {}
    index = []
    for case in cases:
        told = case.to_dict()
        if "json" in formats:
            contents[folder / f"{case.name}.json"] = json.dumps(told, separators=(",", ":")) + "\n"
        if "npz" in formats:
            contents[folder / f"{case.name}.npz"] = _npz(
                case.arrays | {f"{k}_expected": v for k, v in case.expected.items()}
            )
        index.append({"name": case.name, "layer": told["layer"], "catches": case.catches})
    mistakes = {key: mistake.text for key, mistake in MISTAKES.items()}
    contents[folder / "index.json"] = (
        json.dumps({"symconv_vectors": 1, "cases": index, "mistakes": mistakes}, indent=1) + "\n"
    )
    write_all(contents)
    return list(contents)


def _npz(arrays: dict[str, Array]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()
