"""Digits beside each other in an index: ``y_{10}`` is the tenth entry where its array has one axis."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Any

from symconv.algebra.trees import rebuilt
from symconv.checking.context import Context
from symconv.checking.model import Unreadable
from symconv.checking.ranks import ranks_of
from symconv.checking.sizes import layer_of
from symconv.checking.terms import Entry, Num, Statement

__all__ = ["in_numbers"]


def in_numbers(told: list[Statement], context: Context) -> list[Statement]:
    """The statements of a display, with digits beside each other as one number where its other entries have one index.

    That is so of an array that the display has with a single index as well, and of one with ten entries or more in a layer of one
    axis where another array has a single index.
    """
    ranks: dict[str, set[int]] = {}
    for each in told:
        for role, found in ranks_of(each, context).items():
            ranks.setdefault(role, set()).update(found)
    single = {role for role in "xwy" if 1 in ranks.get(role, ())}
    if not single or all(found == {1} for found in ranks.values()):
        return told
    one = not context.layers and context.dims in (None, 1)
    joined = _long(context) | ({role for role in single if 2 in ranks[role]} if one else set())
    return [_joined(each, joined, context) for each in told] if joined else told


def _long(context: Context) -> set[str]:
    """The arrays of ten entries and more in the article's layer of one axis."""
    with suppress(Unreadable, KeyError):
        layer = layer_of(context, 1)
        sizes = {"x": layer.input[0], "w": layer.kernel[0], "y": layer.output[0]}
        return {role for role, size in sizes.items() if size >= 10}
    return set()


def _joined(term: Any, arrays: set[str], context: Context) -> Any:
    if isinstance(term, Entry) and term.run:
        role = context.roles.get(term.array) or context.roles.get(term.array.removeprefix("d"), "")
        if role.removeprefix("d") in arrays:
            text = "".join(str(i.value) for i in term.at if isinstance(i, Num))
            return replace(term, at=(Num(Fraction(text)),))
    return rebuilt(term, lambda each: _joined(each, arrays, context))
