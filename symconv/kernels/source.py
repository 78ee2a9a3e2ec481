"""Python source as trees: build expressions and statements, attach the comments, lay the whole out for a reader.

Expressions and statements are the standard ``ast``'s. That has no comments and no line breaks, so a statement may be
``noted`` with the reason it is there, and :func:`render` breaks long lines. Functions that say the same in every file are
real functions (:mod:`symconv.kernels.helpers`) whose text is :func:`copied`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from symconv.algebra.integers import Integer

__all__ = [
    "WIDTH", "assign", "augment", "call", "copied", "docstring", "expression", "expression_statement", "function", "indexed",
    "loop", "method", "name", "names_in", "narrowed", "noted", "number", "operation", "render", "returned", "tuple_of", "when",
]  # fmt: skip

#: lines of emitted files are no longer than this
WIDTH = 120

#: lines are broken below the bracket where no more than this stands before it
HANGING = 24

Expr = ast.expr
Like = ast.expr | Integer | str | int


def expression(value: Like) -> ast.expr:
    """An expression from a tree, an integer expression, Python text (``*a`` included) or a number."""
    if isinstance(value, ast.expr):
        return value
    text = str(value)
    if text.startswith("*"):
        return ast.Starred(expression(text[1:]))
    return ast.parse(text, mode="eval").body


def name(identifier: str) -> ast.Name:
    return ast.Name(identifier)


def number(value: int) -> ast.expr:
    return expression(value)


def tuple_of(items: Sequence[Like]) -> ast.expr:
    """``a, b, c``; a single item stands for itself."""
    parts = [expression(item) for item in items]
    return parts[0] if len(parts) == 1 else ast.Tuple(parts)


def indexed(array: Like, items: Sequence[Like]) -> ast.expr:
    """``array[a, b, c]``; without items the array itself."""
    return ast.Subscript(expression(array), tuple_of(items)) if items else expression(array)


def call(function: str, *arguments: Like, **options: Like) -> ast.expr:
    """``function(a, b, option=c)``; a dotted name is fine."""
    keywords = [ast.keyword(key, expression(value)) for key, value in options.items()]
    return ast.Call(expression(function), [expression(a) for a in arguments], keywords)


def method(value: Like, called: str, *arguments: Like, **options: Like) -> ast.expr:
    """``value.called(a, b)``."""
    result = call("f", *arguments, **options)
    assert isinstance(result, ast.Call)
    result.func = ast.Attribute(expression(value), called)
    return result


def operation(left: Like, operator: str, right: Like) -> ast.expr:
    """``left operator right`` for a binary operator of Python."""
    shape = expression(f"a {operator} b")
    assert isinstance(shape, ast.BinOp)
    return ast.BinOp(expression(left), shape.op, expression(right))


def assign(target: Like, value: Like) -> ast.stmt:
    return ast.Assign([expression(target)], expression(value), lineno=0)


def augment(target: Like, value: Like) -> ast.stmt:
    """``target += value``."""
    place: Any = expression(target)
    return ast.AugAssign(place, ast.Add(), expression(value))


def loop(targets: Sequence[str], over: Like, body: Sequence[ast.stmt]) -> ast.stmt:
    return ast.For(tuple_of(targets), expression(over), list(body), [], lineno=0)


def when(tests: Sequence[Like], body: Sequence[ast.stmt]) -> ast.stmt:
    """``if a and b and c: body``."""
    # spelled out as one name, because ast.unparse brackets the third of three comparisons
    both = " and ".join(ast.unparse(expression(test)) for test in tests)
    return ast.If(name(both), list(body), [])


def returned(*values: Like) -> ast.stmt:
    return ast.Return(tuple_of(values))


def expression_statement(value: Like) -> ast.stmt:
    """A call for its effect."""
    return ast.Expr(expression(value))


def docstring(text: str) -> ast.stmt:
    return ast.Expr(ast.Constant(text))


def function(signature: str, doc: str, body: Sequence[ast.stmt]) -> ast.stmt:
    """``def signature:`` with a docstring."""
    (result,) = ast.parse(f"def {signature}: pass").body
    assert isinstance(result, ast.FunctionDef)
    result.body = [docstring(doc), *body]
    return result


def noted(statement: ast.stmt, comment: str) -> ast.stmt:
    """The statement with a comment above it."""
    statement.comment = comment  # type: ignore[attr-defined]  # the standard trees have no comments
    return statement


def names_in(source: str) -> list[str]:
    """The names that a piece of source reads, in order of appearance, each once."""
    result = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name))
    return list(dict.fromkeys(n.id for n in sorted(result, key=lambda n: (n.lineno, n.col_offset))))


# layout --------------------------------------------------------------------------------------------------------------


def render(statements: Sequence[ast.stmt], depth: int = 0) -> str:
    """The statements as source text, comments above them, long lines broken, ending in a newline."""
    return "".join(_statement(statement, "    " * depth, depth) for statement in statements)


def narrowed(text: str, width: int) -> str:
    """Source whose lines are broken where they are longer than ``width``, in a way that keeps its meaning.

    >>> print(narrowed("    kept = [slice(max(0, -u), n) for n, u in zip(space, before)]", 50))
        kept = [
            slice(max(0, -u), n)
            for n, u in zip(space, before)
        ]
    """
    more = " " * (WIDTH - width)  # lines are laid out as if they began further to the right
    result = []
    for line in text.splitlines():
        body = line.lstrip()
        indent = line[: len(line) - len(body)]
        if len(line) <= width or not (_balanced(body) or body.startswith("#")):
            result.append(line)
        elif body.startswith("#"):
            result += textwrap.wrap(body[2:], width, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        else:
            rows = [each.removeprefix(more) for each in _fitted(body, more + indent).splitlines()]
            # what stands in the bracket may be too long as well
            result += (
                [line] if len(rows) == 1 else [narrowed(each, width) if _balanced(each) else each for each in rows]
            )
    return "\n".join(result)


def _statement(statement: ast.stmt, indent: str, depth: int) -> str:
    comment = getattr(statement, "comment", "")
    above = textwrap.fill(comment, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
    text = above + "\n" if comment else ""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return text + _docstring(str(statement.value.value), indent)
    if isinstance(statement, (ast.For, ast.If, ast.FunctionDef)):
        body, statement.body = statement.body, [ast.Pass()]
        head = ast.unparse(ast.fix_missing_locations(statement)).splitlines()[0]
        statement.body = body
        return text + _fitted(head, indent) + render(body, depth + 1)
    return text + _fitted(ast.unparse(ast.fix_missing_locations(statement)), indent)


def _docstring(text: str, indent: str) -> str:
    lines = text.splitlines()
    end = '"""\n' if len(lines) == 1 else f'\n{indent}"""\n'
    prefix = 'r"""' if "\\" in text else '"""'
    return "\n".join(f"{indent}{line}".rstrip() for line in (prefix + lines[0], *lines[1:])) + end


def _fitted(line: str, indent: str) -> str:
    """The line as it is, or broken: before the plus signs of a sum, else inside the longest bracket, after commas."""
    line = _without_outer_brackets(line)
    if '"' not in line:
        line = line.replace("'", '"')
    if len(indent) + len(line) <= WIDTH:
        return f"{indent}{line}\n"
    if line.startswith("def "):
        opening, _, rest = line.partition("(")
        rows = _rows([f"{part}," for part in _split(rest, ", ")], WIDTH - len(opening) - 1)
        rows[-1] = rows[-1].removesuffix(",")
        return f"{opening}(" + f"\n{' ' * (len(opening) + 1)}".join(rows) + "\n"
    left, equals, right = line.partition(" = ")
    if equals and len(left) > WIDTH // 2:
        return _spread("(", [f"{part}," for part in _split(left, ", ")], f") = {right}", indent)
    terms = _split(right, " + ") if equals else []
    room = WIDTH - len(indent) - 4
    values = _split(right, ", ") if equals else []
    if len(values) > 1:
        return _spread(f"{left} = (", [f"{value}," for value in values], ")", indent)
    if len(terms) > 1 and max(map(len, terms)) + 2 <= room:
        return _spread(f"{left} = (", [terms[0], *(f"+ {term}" for term in terms[1:])], ")", indent)
    start = _outer_bracket(line)
    opening, inner, closing = line[: start + 1], line[start + 1 : _closing(line, start)], line[_closing(line, start) :]
    pieces = []
    element, *loops = _split(inner, " for ")
    if loops:  # a comprehension: what is taken, and over what, on lines of their own
        rows = [element, *(f"for {each}" for each in loops)]
        return f"{indent}{opening}\n" + "".join(f"{indent}    {row}\n" for row in rows) + f"{indent}{closing}\n"
    for part in _split(inner, ", "):
        terms = _split(part, " + ") if len(part) >= room else [part]
        pieces += [terms[0], *(f"+ {term}" for term in terms[1:])]
        pieces[-1] += ","
    return _spread(opening, pieces, closing, indent)


def _spread(opening: str, pieces: Sequence[str], closing: str, indent: str) -> str:
    """``pieces`` on lines of their own between the brackets, as many on each as fit."""
    room = WIDTH - len(indent) - len(opening) - len(closing) + 1
    hanging = _rows(pieces, room)
    if (
        len(opening) <= HANGING
        and len(hanging) == 2
        and max(map(len, hanging)) <= room
        and not any(piece.startswith("+ ") for piece in pieces)
    ):
        below = " " * len(indent + opening)
        return f"{indent}{opening}{hanging[0]}\n{below}{hanging[1].removesuffix(',')}{closing}\n"
    rows = _rows(pieces, WIDTH - len(indent) - 4)
    if len(rows) == 1:
        rows[0] = rows[0].removesuffix(",")
    inside = "".join(f"{indent}    {row}\n" for row in rows)
    return f"{indent}{opening}\n{inside}{indent}{closing}\n"


def _rows(pieces: Sequence[str], width: int) -> list[str]:
    """As many pieces in each row as ``width`` has room for."""
    rows = [""]
    for piece in pieces:
        if rows[-1] and len(rows[-1]) + 1 + len(piece) > width:
            rows.append(piece)
        else:
            rows[-1] = f"{rows[-1]} {piece}".strip()
    return rows


def _without_outer_brackets(line: str) -> str:
    """``for (a, b) in``, ``(a, b) =``, ``= (a, b)`` and ``return (a, b)`` without the brackets that ``ast.unparse`` adds."""
    left, _, right = line.partition(" = ")
    if (
        ", " in left
        and right.startswith("(")
        and _closing(right, 0) == len(right) - 1
        and len(_split(right[1:-1], " for ")) == 1
    ):
        line = f"{left} = {right[1:-1]}"
    for lead, end in (("for ", " in "), ("", " = "), ("return ", "")):
        if line.startswith(f"{lead}("):
            close = _closing(line, len(lead))
            if line.startswith(end, close + 1) and (end or close + 1 == len(line)):
                return lead + line[len(lead) + 1 : close] + line[close + 1 :]
    return line


def _outer_bracket(line: str) -> int:
    """Where the longest bracketed part begins that is not inside another."""
    spans, position = [], 0
    while position < len(line):
        if line[position] in "([{":
            spans.append((_closing(line, position) - position, position))
            position = _closing(line, position)
        position += 1
    return max(spans)[1]


def _balanced(line: str) -> bool:
    return all(line.count(a) == line.count(b) for a, b in ("()", "[]", "{}"))


def _closing(line: str, start: int) -> int:
    level = 0
    for position in range(start, len(line)):
        level += (line[position] in "([{") - (line[position] in ")]}")
        if level == 0:
            return position
    raise ValueError(f"the bracket at {start} of {line!r} is not closed")


def _split(text: str, separator: str) -> list[str]:
    """The parts of ``text`` between separators that are outside all brackets."""
    parts, level, start = [], 0, 0
    for position, character in enumerate(text):
        level += (character in "([{") - (character in ")]}")
        if level == 0 and text.startswith(separator, position):
            parts.append(text[start:position])
            start = position + len(separator)
    return [*parts, text[start:]]


# copies --------------------------------------------------------------------------------------------------------------


def copied(original: Callable[..., Any]) -> str:
    """The source text of a function, comments and all, without its type annotations."""
    text = textwrap.dedent(inspect.getsource(original))
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def at(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    cuts: list[tuple[int, int]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg) and node.annotation is not None:
            cuts.append((at(node.lineno, node.col_offset) + len(node.arg), at(*_end(node.annotation))))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            cuts.append((at(*_end(node.target)), at(*_end(node.annotation))))
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            end = at(*_end(node.returns))
            cuts.append((text.rindex(")", 0, text.rindex("->", 0, end)) + 1, end))
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    # without annotations the head fits on fewer lines
    (plain,) = ast.parse(text).body
    assert isinstance(plain, ast.FunctionDef)
    body = text.splitlines(keepends=True)[plain.body[0].lineno - 1 :]
    return _fitted(f"def {plain.name}({ast.unparse(plain.args)}):", "") + "".join(body)


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset
