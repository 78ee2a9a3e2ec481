"""What commands share: the options that describe a convolution, ranges, JSON and one-line errors."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from symconv.layer.conv import Conv
from symconv.layer.padding import MODES, WORDS

__all__ = [
    "ALGORITHMS",
    "FiniteRange",
    "MAX_VALUES",
    "as_value_errors",
    "build_conv",
    "conv_options",
    "echo_json",
    "grid",
    "usage_errors",
    "whole_numbers",
]

#: a grid with more cases than this is refused before any work
MAX_VALUES = 100_000

#: fast algorithms that can be derived
ALGORITHMS = ("winograd",)

F = TypeVar("F", bound=Callable[..., Any])

#: option -> (default, help); each takes a value for every axis and, where a command allows it, ranges
PER_AXIS: dict[str, tuple[str | None, str]] = {
    "input": (None, "Spatial size of x: 4x4."),
    "kernel": (None, "Spatial size of w: 2x2."),
    "stride": ("1", "Stride: 2 or 2x1."),
    "padding": ("0", f"Padding: 1, 1x0, 1,2x0,1 (before,after), or {', '.join(WORDS)}."),
    "dilation": ("1", "Dilation: 1 or 1x2."),
    "output_padding": ("0", "Rows added after the output of a transposed convolution."),
}
COUNTS: dict[str, tuple[int, str]] = {
    "batch": (1, "Images in the batch."),
    "in_channels": (1, "Channels of x."),
    "out_channels": (1, "Channels of y: the number of filters."),
    "groups": (1, "Groups of channels."),
}


class FiniteRange(click.FloatRange):
    """A number in a range, which neither infinity nor what is no number is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no finite number.", param, ctx)
        return found


@contextmanager
def usage_errors(about: str = "") -> Iterator[None]:
    """Turns the ValueError or TypeError of what is called inside into one line of bad usage (exit status 2), after ``about``."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise click.UsageError(f"{about}{error}") from error


@contextmanager
def as_value_errors() -> Iterator[None]:
    """The other way round, for what parses a command line outside of it: bad usage as ValueError."""
    try:
        yield
    except click.ClickException as error:
        raise ValueError(error.format_message()) from error


def conv_options(ranges: bool, required: bool = True) -> Callable[[F], F]:
    """The options --input, --kernel, ... of a command; with ``ranges`` each per-axis one may be ``1..3``.

    They arrive as strings under their own names; :func:`build_conv` or :func:`grid` makes Convs of them.
    """

    def decorate(function: F) -> F:
        options = []
        for name, (axis_default, text) in PER_AXIS.items():
            note = " Ranges (1..3) make a grid." if ranges and name == "stride" else ""
            # a default of None would count as a value given, and the option as not required
            presence: dict[str, Any] = {"default": axis_default, "show_default": True} if axis_default else {}
            flag = f"--{name.replace('_', '-')}"
            needed = required and axis_default is None
            options.append(click.option(flag, name, required=needed, metavar="SIZE", help=text + note, **presence))
        for name, (count_default, text) in COUNTS.items():
            options.append(
                click.option(
                    f"--{name.replace('_', '-')}", name, default=count_default, show_default=True, type=int, help=text
                )
            )
        options.append(click.option("--bias/--no-bias", default=True, show_default=True, help="With or without b."))
        options.append(click.option("--padding-mode", type=click.Choice(tuple(MODES)), default="zeros", show_default=True,
                                    help="What the border holds."))  # fmt: skip
        options.append(click.option("--padding-value", type=float, default=None, metavar="NUMBER",
                                    help="With --padding-mode constant; left out, it is the letter v."))  # fmt: skip
        options.append(click.option("--transposed", is_flag=True, help="A transposed convolution."))
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def build_conv(options: dict[str, Any]) -> Conv:
    """The one Conv that the options describe; bad usage if they hold a range or do not make a convolution."""
    choices = {name: alternatives(name, options[name]) for name in PER_AXIS}
    for name, values in choices.items():
        if len(values) != 1:
            raise click.UsageError(f"--{name.replace('_', '-')} {options[name]}: one size, not a range")
    with usage_errors():
        return Conv(**{name: values[0] for name, values in choices.items()}, **_rest(options))


def grid(options: dict[str, Any], max_cases: int = MAX_VALUES) -> tuple[list[Conv], list[tuple[dict[str, Any], str]]]:
    """The Convs of the grid that the options span, and those that cannot be, each with its parameters and the reason."""
    choices = {name: alternatives(name, options[name]) for name in PER_AXIS}
    count = 1
    for values in choices.values():
        count *= len(values)
    if count > max_cases:
        raise click.UsageError(f"the grid has {count:,} cases, more than {max_cases:,}")
    convs, impossible = [], []
    for combination in itertools.product(*choices.values()):
        parameters = dict(zip(choices, combination, strict=True)) | _rest(options)
        try:
            convs.append(Conv(**parameters))
        except (ValueError, TypeError) as error:
            impossible.append((parameters, str(error)))
    return convs, impossible


def _rest(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in (*COUNTS, "bias", "transposed", "padding_mode", "padding_value")}


def alternatives(name: str, text: str) -> list[Any]:
    """The values an option stands for: ``1..3`` -> [1, 2, 3]; ``1..2x5`` -> [(1, 5), (2, 5)]; ``1,2x0,1`` -> [((1, 2), (0, 1))].

    A single number stands for every axis.
    """
    if name == "padding" and text in WORDS:
        return [text]
    axes: list[list[Any]] = []
    for part in text.split("x"):
        numbers = [whole_numbers(name, piece, text) for piece in part.split(",")]
        if len(numbers) == 1:
            axes.append(numbers[0])
        elif len(numbers) == 2 and name == "padding":
            axes.append(list(itertools.product(*numbers)))
        else:
            raise click.UsageError(f"--{name.replace('_', '-')} {text}: values for the axes are joined by x, as in 3x2")
    if len(axes) == 1:
        return [(value,) if isinstance(value, tuple) else value for value in axes[0]]
    size = 1
    for axis in axes:
        size *= len(axis)
    if size > MAX_VALUES:
        raise click.UsageError(f"--{name.replace('_', '-')} {text}: {size:,} values, more than {MAX_VALUES:,}")
    return list(itertools.product(*axes))


def whole_numbers(name: str, piece: str, text: str | None = None) -> list[int]:
    """``"3"`` -> [3], ``"1..3"`` -> [1, 2, 3]; bad usage for anything else."""
    where = f"--{name.replace('_', '-')} {text or piece}"
    first, dots, last = piece.partition("..")
    try:
        low, high = int(first), int(last if dots else first)
    except ValueError:
        raise click.UsageError(f"{where}: {piece!r} is not a whole number or a range such as 1..3") from None
    if high < low:
        raise click.UsageError(f"{where}: the range {piece} is empty")
    if high - low >= MAX_VALUES:
        raise click.UsageError(f"{where}: the range {piece} has more than {MAX_VALUES:,} values")
    return list(range(low, high + 1))


def echo_json(value: Any) -> None:
    """``value`` as JSON on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
