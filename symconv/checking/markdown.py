"""The Markdown that articles are written in, as markdown-it parses it (extra ``check``): with mathematics and front matter."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

__all__ = ["between_words", "parser"]


def parser() -> MarkdownIt:
    """CommonMark with tables, ``$`` and ``$$``, environments of amsmath and front matter."""
    result = MarkdownIt("commonmark").use(dollarmath_plugin, double_inline=True, allow_blank_lines=True)
    return result.use(amsmath_plugin).use(front_matter_plugin).enable("table")


def between_words(tokens: Sequence[Token]) -> bool:
    """Whether two dollars stand around mathematics in words, as in kramdown: around letters alone, and one dollar never."""
    found = [child for token in tokens if token.type == "inline" for child in token.children or ()]
    letters = any(child.type == "math_inline_double" and "=" not in child.content for child in found)
    return letters and all(child.type != "math_inline" for child in found)
