r"""Reader: LaTeX mathematics becomes the tree that the printers print from.

Written for what people write: unbalanced spacing, ``\left`` and ``\right``, colours, tags, several lines without an environment.
Nothing is executed; size and depth are bounded, and what cannot be read raises :class:`LatexError` with the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from symconv.mathematics.latex_words import (
    ACCENTS,
    ALIGNED,
    CLOSE,
    DROPPED,
    GREEK_BY_COMMAND,
    MARKS,
    MATRICES,
    NAMES,
    OPEN,
    OPERATORS,
    PLAIN,
    SIGNS,
    SKIPPED,
    WORDS,
)
from symconv.mathematics.tree import Above, Below, Fence, Fraction, Math, Matrix, Operator, Row, Struck, Total, Word

__all__ = ["MAX_LATEX", "MAX_NESTING", "WIDE", "LatexError", "Lines", "Text", "read_latex"]

#: longer texts and deeper nesting are refused
MAX_LATEX, MAX_NESTING = 50_000, 60


class LatexError(ValueError):
    """LaTeX that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Lines(Math):
    """Lines of cells: an aligned environment, a list of cases, or lines broken by hand."""

    kind: str
    rows: tuple[tuple[Math, ...], ...]


#: a wide space, which may stand between two equations
WIDE = "\u2003"


@dataclass(frozen=True, slots=True)
class Text(Math):
    """Words between mathematics."""

    text: str


_TOKEN = re.compile(
    r"\\(?:begin|end)\s*\{[A-Za-z]+\*?\}|\\[A-Za-z]+|\\\\\*?(?:\[[^\]\n]*\])?|\\.|\d+(?:\.\d+)?|(?:"
    + "|".join(WORDS)
    + r")(?![A-Za-z])|[^\s]",
    re.DOTALL,
)

#: a name of a program, zero\_pad, that is not set as text
_NAME = re.compile(r"(?<![A-Za-z\\{])(?:zero\\_pad(?:ding)?|pad\\_zeros)(?![A-Za-z])")


def read_latex(text: str) -> tuple[Math, str | None]:
    r"""The tree that ``text`` sets, and its tag; several lines are :class:`Lines`.

    >>> read_latex(r"y_{1} = w_1 \tag{2}")[1]
    '2'
    >>> read_latex(r"\frac{1}{2")
    Traceback (most recent call last):
    symconv.mathematics.of_latex.LatexError: a brace is left open
    """
    if len(text) > MAX_LATEX:
        raise LatexError(f"{len(text):,} characters, more than {MAX_LATEX:,}")
    text = re.sub(r"['`’](full|valid|same)['’]", r"\\text{\1}", re.sub(r"(?<!\\)%.*", "", text))
    text = _NAME.sub(lambda name: rf"\text{{{name[0].replace(chr(92) + '_', ' ')}}}", text)
    reader = _Reader(_TOKEN.findall(text))
    body = reader.lines(None)
    return body, reader.tag


def _below_each_other(under: Math) -> tuple[Math, ...]:
    r"""What stands below a sum: the lines of a ``\substack``, or one thing."""
    parts = under.parts if isinstance(under, Row) else (under,)
    if len(parts) == 2 and parts[0] == Word("substack") and isinstance(parts[1], Lines):
        return tuple(Row(cells) if len(cells) > 1 else cells[0] for cells in parts[1].rows)
    return (under,)


def _side_by_side(body: Math) -> Math:
    r"""An alignment whose rows hold several equations, ``a &= b & c &= d``, with a row for each of them."""
    if not isinstance(body, Lines):
        return body
    rows: list[tuple[Math, ...]] = []
    for row in body.rows:
        pairs = [pair for i in range(0, len(row), 2) if (pair := row[i : i + 2]) != (Row(()),)]
        each = len(pairs) > 1 and all(len(pair) == 2 and pair[0] != Row(()) and _related(pair[1]) for pair in pairs)
        rows += pairs if each else [row]
    return Lines(body.kind, tuple(rows))


def _related(cell: Math) -> bool:
    """Whether a cell begins with an equality sign."""
    return isinstance(cell, Row) and bool(cell.parts) and cell.parts[0] == Operator("=")


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.tag: str | None = None

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        if not token:
            raise LatexError("the formula ends too early")
        self.at += 1
        return token

    def lines(self, end: str | None, kind: str = "lines") -> Math:
        """Rows of cells up to ``end``; one row of one cell is that cell."""
        rows: list[tuple[Math, ...]] = []
        cells: list[Math] = []
        while True:
            cells.append(self.row())
            token = self.peek()
            if token == "&":
                self.at += 1
                continue
            if any(cell != Row(()) for cell in cells):
                rows.append(tuple(cells))
            cells = []
            if token.startswith("\\\\") or token in (r"\newline", r"\cr"):
                self.at += 1
                continue
            if end is None and token:
                raise LatexError(
                    "a brace is closed that was not opened" if token == "}" else f"{token} has nothing before it"
                )
            break
        if end is not None and self.next() != end:
            raise LatexError(f"{end.removeprefix(chr(92))} is missing")
        if len(rows) == 1 and len(rows[0]) == 1 and kind == "lines":
            return rows[0][0]
        return Lines(kind, tuple(rows))

    def row(self) -> Math:
        """Things side by side, up to something that ends them."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise LatexError(f"nested more than {MAX_NESTING} deep")
        parts: list[Math] = []
        while (token := self.peek()) and not (
            token in ("}", "&", r"\newline", r"\cr") or token in CLOSE or token.startswith(("\\\\", r"\end"))
        ):
            part = self.scripted(parts)
            if part is not None:
                parts.append(part)
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def scripted(self, before: list[Math]) -> Math | None:
        base = Row(()) if self.peek() in ("_", "^", "'", "’") else self.atom()
        if base is None:
            return None
        while (token := self.peek()) in ("_", "^", "'", "’", r"\limits", "′") or (
            token in (r"\,", r"\!") and self.after() in ("_", "^")
        ):
            if token in (r"\limits", r"\,", r"\!"):
                self.at += 1
                continue
            base = self.script(base)
        return base

    def after(self) -> str:
        return self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ""

    def script(self, base: Math) -> Math:
        token = self.next()
        if token in ("'", "’", "′"):
            marks = "′"
            while self.peek() in ("'", "’", "′"):
                self.at += 1
                marks += "′"
            return Above(base, Word(marks))
        inner = self.argument()
        if isinstance(base, Total):
            return Total(_below_each_other(inner), base.over) if token == "_" else Total(base.under, inner)
        return Below(base, inner) if token == "_" else Above(base, inner)

    def argument(self) -> Math:
        """What a command applies to: a group or one token."""
        while self.peek() in SKIPPED:
            self.at += 1
        if self.peek() == "{":
            return self.group()
        result = self.atom()
        return Row(()) if result is None else result

    def group(self) -> Math:
        self.at += 1
        body = self.lines("}") if self.peek() != "}" else Row(())
        if body == Row(()) and self.peek() == "}":
            self.at += 1
        return body

    def raw(self) -> str:
        """The text of a group, as it stands."""
        if self.peek() != "{":
            return self.next()
        self.at += 1
        depth, words = 1, []
        while depth:
            token = self.peek()
            if not token:
                raise LatexError("a brace is left open")
            self.at += 1
            depth += {"{": 1, "}": -1}.get(token, 0)
            words.append(token)
        return " ".join(words[:-1])

    def atom(self) -> Math | None:
        token = self.next()
        if token in (r"\quad", r"\qquad"):
            return Text(WIDE)
        if token in SKIPPED:
            if token in (r"\left", r"\right", r"\middle") and self.peek() == ".":
                self.at += 1
            return None
        if token == "{":
            self.at -= 1
            return self.group()
        rule = RULES.get(token)
        if rule is not None:
            return rule(self)
        if token in DROPPED:
            self.argument()
            return None
        if token in PLAIN:
            return self.argument()
        if token in NAMES:
            return self.name(token)
        if token in ACCENTS:
            inner = self.argument()
            return Word(inner.text + ACCENTS[token]) if isinstance(inner, Word) else inner
        if token in OPEN:
            return self.fence(token)
        if token in OPERATORS:
            return Operator(OPERATORS[token])
        if token.startswith(r"\begin"):
            return self.environment(token[token.index("{") + 1 : -1])
        if token in SIGNS:
            return Word(SIGNS[token])
        if token in GREEK_BY_COMMAND:
            return Word(GREEK_BY_COMMAND[token])
        return self.word(token)

    def struck(self) -> Math:
        """What is crossed out."""
        return Struck(self.argument())

    def word(self, token: str) -> Math:
        if token.startswith("\\"):
            if re.fullmatch(r"\\(var)?[A-Za-z]+", token) and token[1:] not in UNKNOWN_REFUSED:
                return Word(token[1:])
            raise LatexError(f"{token} is not known here")
        while self.peek() == r"\_":  # a name with an underscore in it
            self.at += 1
            token += "_" + (self.next() if self.peek() and self.peek()[0].isalnum() else "")
        return Word(token)

    def name(self, command: str) -> Math:
        text = self.raw().replace(r"\ ", " ").replace(r"\_", "_")
        joined = re.sub(r"(?<=[A-Za-z0-9_]) (?=[A-Za-z0-9_])", "", text).strip()
        spelled = re.sub(r"\W", "", joined)
        if joined in (">", ""):
            return Text(joined)
        is_name = command in (r"\mathrm", r"\operatorname", r"\mathtt") or spelled.lower() in SPELLED_WORDS
        return Word(spelled) if is_name and spelled else Text(joined)

    def fence(self, left: str) -> Math:
        body = self.inside()
        right = self.next() if self.peek() in CLOSE else ""
        if not right:
            if left == r"\{":  # \left\{ ... \right.
                return body
            raise LatexError(f"the bracket {MARKS.get(left, left)} is left open")
        if isinstance(body, Matrix):
            return body
        return Fence(body, MARKS.get(left, left), MARKS.get(right, right))

    def inside(self) -> Math:
        rows: list[Math] = [self.row()]
        while self.peek().startswith("\\\\"):
            self.at += 1
            rows.append(self.row())
        return rows[0] if len(rows) == 1 else Lines("lines", tuple((row,) for row in rows))

    def environment(self, name: str) -> Math:
        if name == "array" and (self.peek() == "{" or (self.peek() in tuple("lcra") and self.after() not in "_^&")):
            self.raw()  # without braces TeX takes the next token for the columns
        if name.startswith("alignat") or name == "alignedat":
            self.raw()
        if name not in MATRICES | ALIGNED:
            raise LatexError(f"the environment {name} is not known here")
        end = rf"\end{{{name}}}"
        body = self.lines(end, name)
        if name in MATRICES:
            assert isinstance(body, Lines)
            return Matrix(body.rows)
        return _side_by_side(body)

    # the commands with a rule of their own

    def fraction(self) -> Math:
        return Fraction(self.argument(), self.argument())

    def total(self) -> Math:
        return Total()

    def tagged(self) -> None:
        self.tag = re.sub(r"\s", "", self.raw())

    def second(self) -> Math:
        self.raw()
        return self.argument()

    def under(self) -> Math:
        body = self.argument()
        if self.peek() == "_":
            self.at += 1
            self.argument()
        return body

    def infix(self) -> None:
        raise LatexError(r"\over is not read")

    def root(self) -> None:
        raise LatexError("roots are not read")


SPELLED_WORDS = {word.lower() for word in WORDS} | {"padding", "rot", "stride", "tr", "vec", "reshape", "upsample"}
UNKNOWN_REFUSED = {"def", "let", "input", "include", "write", "newcommand", "renewcommand", "csname", "catcode", "end"}
RULES: dict[str, Callable[[_Reader], Math | None]] = {
    r"\frac": _Reader.fraction, r"\dfrac": _Reader.fraction, r"\tfrac": _Reader.fraction, r"\cfrac": _Reader.fraction,
    r"\sum": _Reader.total, "∑": _Reader.total, r"\tag": _Reader.tagged, r"\underbrace": _Reader.under,
    r"\overbrace": _Reader.under, r"\over": _Reader.infix, r"\sqrt": _Reader.root, r"\stackrel": _Reader.second,
    r"\overset": _Reader.second, r"\underset": _Reader.second,
    r"\cancel": _Reader.struck, r"\bcancel": _Reader.struck, r"\xcancel": _Reader.struck,
}  # fmt: skip
