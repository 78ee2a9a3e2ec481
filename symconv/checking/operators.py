"""Operator statements that are written with indices, ``d_{ij} = e_{ij} * rot180(w_{kl})``: whole arrays are meant."""

from __future__ import annotations

from typing import Any

from symconv.algebra.trees import rebuilt
from symconv.checking.terms import Call, Entry, Grid, Name, Star, Statement, SumOver, Term, walk

__all__ = ["apart", "slides", "stars_of", "with_mode"]


def slides(star: Star) -> bool:
    """Whether whole arrays stand on either side: between entries a star multiplies."""
    return not any(
        isinstance(each, Entry) for side in (star.left, star.right) if not isinstance(side, Grid) for each in walk(side)
    )


def stars_of(statement: Statement) -> list[Star]:
    """The stars of a statement that slide one array over another."""
    return [e for side in statement.sides for e in walk(side) if isinstance(e, Star) and e.sign != "⊙" and slides(e)]


def apart(statement: Statement) -> list[Statement]:
    """The sides that state entries, and those that state whole arrays, with the same left side written as either."""
    left = statement.sides[0]
    meant = [_operates(side) for side in statement.sides[1:]]
    if not any(meant) or isinstance(left, (Grid, SumOver)):
        return [statement]
    whole = _whole(left)
    if any(isinstance(each, Entry) for each in walk(whole)):
        return [statement]
    entries = [side for side, each in zip(statement.sides[1:], meant, strict=True) if not each]
    arrays = [_whole(side) for side, each in zip(statement.sides[1:], meant, strict=True) if each]
    told = [Statement((left, *entries), ("=",) * len(entries), statement.notes)] if entries else []
    return [*told, Statement((whole, *arrays), ("=",) * len(arrays), statement.notes)]


def _operates(side: Term) -> bool:
    """Whether a side has a star between a whole array, or what a word makes of one, and something else."""
    if any(isinstance(each, SumOver) and each.bounds for each in walk(side)):
        return False
    for star in walk(side):
        if not isinstance(star, Star) or star.sign == "⊙":
            continue
        if isinstance(star.left, Grid) or isinstance(star.right, Grid):
            continue
        if star.mode or star.sign == "conv2" or any(_is_whole(operand) for operand in (star.left, star.right)):
            return True
    return False


def _is_whole(term: Term) -> bool:
    return any(isinstance(each, Call) and each.word == "flip" for each in walk(term)) or isinstance(term, Name)


def _whole(term: Any) -> Any:
    """Entries at letters, each once, become their arrays."""
    if isinstance(term, Entry):
        letters = [i.text for i in term.at if isinstance(i, Name)]
        return Name(term.array) if len(set(letters)) == len(term.at) else term
    return rebuilt(term, _whole)


def with_mode(term: Any, mode: str) -> Any:
    """A side with a mode for its stars, where they have none."""
    if isinstance(term, Star):
        return Star(term.sign, with_mode(term.left, mode), with_mode(term.right, mode), term.mode or mode)
    return rebuilt(term, lambda each: with_mode(each, mode))
