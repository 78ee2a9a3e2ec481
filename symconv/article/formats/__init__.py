"""What prints an article: a module for each format, each taking the article and giving the whole text."""

from __future__ import annotations

from collections.abc import Callable

from symconv.article.blocks import Article
from symconv.article.formats import html, latex, markdown, notebook, text

__all__ = ["FRAGMENTS", "PRINTERS"]

#: format -> what prints it
PRINTERS: dict[str, Callable[[Article], str]] = {
    "text": text.printed,
    "latex": latex.printed,
    "markdown": markdown.printed,
    "html": html.printed,
    "ipynb": notebook.printed,
}

#: format -> what prints it without the frame of a document
FRAGMENTS: dict[str, Callable[[Article], str]] = {"latex": latex.fragment, "html": html.fragment}
