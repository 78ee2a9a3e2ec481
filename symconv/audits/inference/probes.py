"""The layers on which calls are tried: sizes that tell every axis apart, exact numbers, and what should come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symconv.audits.truth import Derivative, point, point_size
from symconv.layer.conv import Conv

__all__ = ["NotInferred", "Probe", "layer_like", "probes"]


class NotInferred(ValueError):
    """No reading fits; the message says what the nearest one came to.

    ``plain`` says that the parameters are those of the convention "plain": there is nothing to infer, and what the function
    raises is its verdict. ``second`` says that they are those of a double backward.
    """

    def __init__(self, message: str, plain: bool = False, second: bool = False) -> None:
        super().__init__(message)
        self.plain, self.second = plain, second


@dataclass
class Probe:
    """A geometry with exact numbers and what should come out."""

    conv: Conv

    def __post_init__(self) -> None:
        self.at = point(self.conv, 7, 0, min(20, point_size(self.conv)))
        truth = Derivative(self.conv)
        self.truth = {name: truth.numbers(self.at, name) for name in ("y", "dx", "dw", "db")}

    def right(self, output: str, value: Any) -> bool:
        return value.shape == self.truth[output].shape and np.allclose(
            value.astype(float), self.truth[output], rtol=1e-9, atol=1e-6
        )


def layer_like(like: Conv, size: Any, kernel: Any, stride: Any, padding: Any) -> Conv:
    """A layer of as many images and channels as another."""
    return Conv(input=size, kernel=kernel, stride=stride, padding=padding, batch=like.batch, in_channels=like.in_channels,
                out_channels=like.out_channels)  # fmt: skip


def probes(ndim: int, batch: bool, channel: bool) -> list[Probe]:
    """An oblong layer without stride and padding, a square one, and one with both."""
    n, (c, f) = 2 if batch else 1, (4, 5) if channel else (1, 1)
    made = []
    for size, kernel, stride, pad in (
        ((8, 9, 7), (3, 2, 2), 1, 0),
        ((8, 8, 8), (3, 3, 3), 1, 0),
        ((7, 11, 7), (3, 3, 3), 2, 1),
    ):
        made.append(
            Probe(
                Conv(
                    input=size[:ndim],
                    kernel=kernel[:ndim],
                    stride=stride,
                    padding=pad,
                    batch=n,
                    in_channels=c,
                    out_channels=f,
                )
            )
        )
    return made
