"""The forms in which one reading may hand its numbers over, and the roles that they leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from symconv.audits.inference.reading import Reading

__all__ = ["plain_roles", "styles", "variants"]


def plain_roles(reading: Reading) -> set[str]:
    return {role.partition("/")[0].removeprefix("only ") for role in reading.roles}


def variants(reading: Reading) -> Iterator[Reading]:
    """The reading with the forms that a bias, a kernel size and a padding may have."""
    # where none is handed over, too: then db has the form of a bias that the author has
    forms = {"NCHW": ["F", "F1", "1F", "1F11", "F11"], "NHWC": ["F", "111F", "1F", "F1"]}[reading.layout]
    if reading.bias != "F":
        forms = [reading.bias]
    for form in forms:
        yield from styles(replace(reading, bias=form))


def styles(reading: Reading) -> Iterator[Reading]:
    """The reading with the forms that numbers may be given in."""
    yield reading
    if "padding" in plain_roles(reading) and reading.padding in ("number", "word"):
        yield from (replace(reading, padding=form) for form in ("number", "pairs", "word") if form != reading.padding)
    if any(role in ("kernel", "stride") for role in reading.roles):

        def pairs(names: Any) -> Any:
            return tuple(
                (p, f"{role}/pair" if role in ("kernel", "stride", "padding", "dilation") else role)
                for p, role in names
            )

        yield replace(
            reading,
            build=pairs(reading.build),
            backward=pairs(reading.backward),
            forward=pairs(reading.forward),
            keys=pairs(reading.keys),
        )
        kernels = tuple((p, "kernel/pair" if role == "kernel" else role) for p, role in reading.build)
        if kernels != reading.build:
            yield replace(reading, build=kernels)
    if any(role == "input_shape" for _, role in (*reading.build, *reading.backward)):

        def whole(names: Any) -> Any:
            return tuple((p, "input_shape/batch" if role == "input_shape" else role) for p, role in names)

        yield replace(reading, build=whole(reading.build), backward=whole(reading.backward))
