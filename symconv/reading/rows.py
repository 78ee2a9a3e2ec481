"""How a row of the tables of known functions is written: a name, its parameters, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symconv.reading.values import Row
from symconv.reading.world import Raised, Unreadable

__all__ = ["Needed", "table"]


class Needed:
    """A parameter that has no default."""


def table(rows: dict[str, Row]) -> Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """A decorator that puts a function into ``rows``: ``@row("zeros", shape=Needed, dtype=None)``.

    The function gets the reader and one value for each parameter. A keyword that is not named makes the call unreadable.
    """

    def row(*names: str, **parameters: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def taken(function: Callable[..., Any]) -> Callable[..., Any]:
            for name in names:
                rows[name] = Row(name, _bound(name, function, parameters))
            return function

        return taken

    return row


def _bound(name: str, function: Callable[..., Any], parameters: dict[str, Any]) -> Callable[..., Any]:
    def run(reader: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
        starred = next((p for p in parameters if p.startswith("each_")), None)
        found = dict(parameters)
        plain = [p for p in parameters if p != starred]
        if starred is not None:
            first = list(parameters).index(starred)
            found |= dict(zip(plain[:first], args))
            found[starred] = tuple(args[first:])
        elif len(args) > len(plain):
            raise Raised("TypeError")
        else:
            found |= dict(zip(plain, args))
        for keyword, value in keywords.items():
            if keyword not in parameters:
                raise Unreadable(f"{name} with {keyword}=")
            found[keyword] = value
        if any(value is Needed for value in found.values()):
            raise Raised("TypeError")
        return function(reader, *found.values())

    return run
