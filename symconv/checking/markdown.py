"""The Markdown that articles are written in, as markdown-it parses it (extra ``check``): with mathematics and front matter."""

from __future__ import annotations

from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

__all__ = ["parser"]


def parser() -> MarkdownIt:
    """CommonMark with tables, ``$`` and ``$$``, environments of amsmath and front matter."""
    result = MarkdownIt("commonmark").use(dollarmath_plugin, double_inline=True, allow_blank_lines=True)
    return result.use(amsmath_plugin).use(front_matter_plugin).enable("table")
