"""A layer's output taken for the next one's input although an activation stands between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from symconv.algebra.trees import parts_of, rebuilt
from symconv.checking.letters import LAYER, stem_of
from symconv.checking.printed import printed
from symconv.checking.roles import offset_of
from symconv.checking.terms import Call, Diff, Entry, Name, Statement, Term, walk

__all__ = ["before_activation"]


def before_activation(statement: Statement, roles: Mapping[str, str]) -> tuple[str, str] | None:
    """What is wrong, and its correction, where the output's letter one layer lower stands for an input with its own letter."""
    found = {name for side in statement.sides[1:] for name in _values(side)}
    layers = {name: offset_of(mark[0]) for name in found if (mark := LAYER.search(name))}
    entries = (each for side in statement.sides for each in walk(side) if isinstance(each, Entry))
    indices = {i.text for entry in entries for i in entry.at if isinstance(i, Name)}
    inputs = [letter for letter, role in roles.items() if role == "x" and letter not in indices]
    outputs = {letter for letter, role in roles.items() if role == "y"}
    if not layers or not inputs or not outputs:
        return None
    marks = [mark for side in statement.sides for name in _names(side) if (mark := LAYER.search(name))]
    top = max(offset_of(mark[0]) for mark in marks)
    low = [name for name, layer in layers.items() if stem_of(name) in outputs and layer < top]
    if len(low) != 1:
        return None
    instead = inputs[0] + low[0][len(stem_of(low[0])) :] if low[0].startswith(stem_of(low[0])) else None
    if instead is None:
        return None
    fixed = " = ".join(printed(_renamed(side, low[0], instead)) for side in statement.sides)
    said, meant = (printed(Name(name)) for name in (low[0], instead))
    return f"{said} is what comes before the activation; the layer's input is {meant}", fixed


def _names(term: Any) -> list[str]:
    """The letters of a term, those of derivatives too."""
    if isinstance(term, tuple):
        return [name for each in term for name in _names(each)]
    if isinstance(term, Entry):
        return [term.array]
    if isinstance(term, Name):
        return [term.text]
    return [n for each in parts_of(term) for n in _names(each)] if isinstance(term, Term) else []


def _values(term: Any) -> list[str]:
    """The letters whose values a term has: not those by which or of which it takes a derivative."""
    if isinstance(term, tuple):
        return [name for each in term for name in _values(each)]
    if isinstance(term, Diff) or (isinstance(term, Call) and term.word == "activation"):
        return []
    if isinstance(term, Entry):
        return [term.array]
    if isinstance(term, Name):
        return [term.text] if re.search(r"\^", term.text) else []
    return [n for each in parts_of(term) for n in _values(each)] if isinstance(term, Term) else []


def _renamed(term: Any, old: str, new: str) -> Any:
    if isinstance(term, Entry) and term.array == old:
        return Entry(new, term.at)
    if isinstance(term, Name) and term.text == old:
        return Name(new)
    return rebuilt(term, lambda each: _renamed(each, old, new))
