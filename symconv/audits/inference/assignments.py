"""Which parameter is what: the assignments that names, defaults and the source allow, the likeliest first."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from symconv.audits.inference.names import roles_of, setting_of

__all__ = [
    "LEFT_OUT",
    "assignments",
    "cache_parts",
    "keys_used",
    "parameters",
    "repeats_kernel_side",
    "shape_names",
    "source_of",
]

LEFT_OUT = "left out"

#: names are believed: no assignment that costs so much more than the likeliest is tried
FAR = 2.6

#: roles that a parameter may have in each kind of call
NUMBERS = ("stride", "padding", "dilation", "groups", "kernel", "kernel0", "kernel1", "in_channels", "out_channels",
           "input_shape", "w_shape", "hparams", "rate", "on", "last")  # fmt: skip
ALLOWED = {
    "backward": ("dy", "x", "w", "b", "cache", "y", *NUMBERS),
    "forward": ("x", "w", "b", "cache", *NUMBERS),
    "build": ("w", "b", "input0", "input1", *NUMBERS),
}
#: what a parameter with a name that says nothing may be
UNNAMED = {
    "backward": ("dy", "x", "w", "b", "stride", "padding", "cache"),
    "forward": ("x", "w", "b", "stride", "padding"),
    "build": ("in_channels", "out_channels", "kernel", "stride", "padding", "w", "b"),
}


def parameters(function: Callable[..., Any], bound: bool = False) -> list[inspect.Parameter]:
    """The parameters, without self or ctx when ``bound``; empty for what has no signature."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    found = [p for p in found if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return found[1:] if bound else found


def _options(parameter: inspect.Parameter, context: str) -> list[tuple[float, str]]:
    named = [role for role in roles_of(parameter.name) if role in ALLOWED[context]]
    if named == ["y"]:  # z or out: most take no output, whatever it is called
        named = []
    optional = parameter.default is not inspect.Parameter.empty
    if context == "build" and not re.match(r"^(w|weights?|bias|b)$", parameter.name.lower()):
        named.sort(key=lambda role: role in ("w", "b"))
    if isinstance(parameter.default, bool) and "on" in roles_of(parameter.name):
        named = [role for role in named if role != "b"]
    if (
        isinstance(parameter.default, str)
        and "padding" in named
        and "mode" in parameter.name.lower()
        and "padding" not in parameter.default
    ):
        named = [role for role in named if role == "padding"]
    found: list[tuple[float, str]] = []
    for number, role in enumerate(named):
        told = f"only {role}" if optional and role in ("dilation", "groups") else role
        if role == "dilation" and parameter.default == 0 and optional:  # zeros between taps, not a distance
            told += "/less"
        if role in ("stride", "padding", "dilation", "kernel") and isinstance(parameter.default, tuple | list):
            told += "/pair"
        found.append((float(number), told))
    if optional:
        found.append((3.0 if named else 0.2, LEFT_OUT))
    elif not named:
        found += [(4.0 + 0.01 * number, role) for number, role in enumerate(UNNAMED[context])]
        found += [(4.5, "y")] if "y" in roles_of(parameter.name) and context == "backward" else []
    else:
        found += [(6.0, role) for role in UNNAMED[context] if role not in named]
    if parameter.default is None and named and named[0] == "b":
        found.append((1.0, LEFT_OUT))
    return sorted(found)


def assignments(
    found: Sequence[inspect.Parameter], context: str, most: int = 800
) -> Iterator[tuple[float, tuple[tuple[str, str], ...]]]:
    """(cost, parameter and role of each), no role twice, cheapest first."""
    choices = [_options(parameter, context) for parameter in found]
    if (
        sum(1 for parameter in found if parameter.default is inspect.Parameter.empty) > 3
    ):  # all is handed over one by one
        choices = [[each for each in choice if each[0] < 4 or each[1] != "cache"] for choice in choices]
    if any(not each for each in choices):
        return
    for bound in (FAR, 100.0):
        whole = _whole(choices, sum(each[0][0] for each in choices) + bound)
        if whole:
            break
    whole.sort(key=lambda each: each[0])
    for cost, roles in whole[:most]:
        yield cost, tuple((parameter.name, role) for parameter, role in zip(found, roles, strict=True))


def _whole(choices: Sequence[Sequence[tuple[float, str]]], bound: float) -> list[tuple[float, list[str]]]:
    """Every choice of roles, none twice, that costs no more than the bound; the first 20,000 of them."""
    least = [0.0] * (len(choices) + 1)
    for i in reversed(range(len(choices))):
        least[i] = least[i + 1] + choices[i][0][0]
    made: list[tuple[float, list[str]]] = []

    def further(cost: float, roles: list[str]) -> None:
        if len(made) >= 20_000:
            return
        if len(roles) == len(choices):
            made.append((cost, roles))
            return
        for more, role in choices[len(roles)]:
            if cost + more + least[len(roles) + 1] > bound:
                break
            if role == LEFT_OUT or role not in roles:
                further(cost + more, [*roles, role])

    further(0.0, [])
    return made


# what the source says -----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def source_of(function: Any) -> str:
    """The source of a function or class; empty where there is none."""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return ""


@functools.lru_cache(maxsize=64)
def _tree(function: Any) -> ast.AST:
    try:
        return ast.parse(source_of(function))
    except SyntaxError:
        return ast.Module([], [])


def cache_parts(function: Any, cache: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """("tuple" or "dict", names and roles) of what a function takes out of its cache; empty where it does not say."""
    named: list[tuple[str, str]] = []
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == cache:
            target = node.targets[0]
            if isinstance(target, ast.Tuple | ast.List) and all(isinstance(each, ast.Name) for each in target.elts):
                names = [each.id for each in target.elts if isinstance(each, ast.Name)]
                return "tuple", _roles(names)
    for key in keys_used(function, cache):
        named.append((key, key))
    if named:
        return "dict", _roles([key for key, _ in named])
    return "", ()


def _roles(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    taken: set[str] = set()
    found = []
    for name in names:
        role = next((each for each in roles_of(name) if each not in taken and each not in ("cache", "on")), "None")
        taken.add(role)
        found.append((name, role))
    return tuple(found)


def keys_used(function: Any, name: str | None = None) -> list[str]:
    """Keys that are read by a word in brackets or by get, of a variable or of any."""
    found: list[str] = []
    for node in ast.walk(_tree(function)):
        owner, key = None, None
        if isinstance(node, ast.Subscript):
            owner, key = node.value, node.slice
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and node.args
        ):
            owner, key = node.func.value, node.args[0]
        whose = name is None or (isinstance(owner, ast.Name) and owner.id == name)
        if whose and isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.append(key.value)
    return list(dict.fromkeys(found))


def shape_names(function: Any) -> dict[str, tuple[str, ...]]:
    """What the axes of a parameter are called, where its shape is taken apart: ``n, c, h, w = x.shape``."""
    found: dict[str, tuple[str, ...]] = {}
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            target, owner = node.targets[0], node.value.value
            if isinstance(target, ast.Tuple) and isinstance(owner, ast.Name):
                found.setdefault(owner.id, tuple(getattr(each, "id", "_") for each in target.elts))
    return found


def settings(functions: Sequence[Any]) -> tuple[tuple[str, str], ...]:
    """Keys of dicts of settings in some functions, with what they stand for."""
    keys = dict.fromkeys(key for function in functions if function is not None for key in keys_used(function))
    return tuple((key, role) for key in keys if (role := setting_of(key)))


def repeats_kernel_side(functions: Sequence[Any]) -> bool:
    """Whether a shape is taken apart with one name for both sides of the kernel: ``(f, f, C, F) = W.shape``."""
    for function in functions:
        for node in ast.walk(_tree(function)) if function is not None else ():
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
                names = [each.id for each in node.targets[0].elts if isinstance(each, ast.Name) and each.id != "_"]
                if len(set(names)) < len(names):
                    return True
    return False
