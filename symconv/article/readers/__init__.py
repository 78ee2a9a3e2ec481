"""The readers of a document: one for each format, each taking a Document and giving the whole text."""

from __future__ import annotations

from collections.abc import Callable

from symconv.article.document import Document
from symconv.article.readers import html, latex, markdown, notebook, text

__all__ = ["FRAGMENTS", "READERS"]

#: format -> the reader that sets it
READERS: dict[str, Callable[[Document], str]] = {
    "text": text.read,
    "latex": latex.read,
    "markdown": markdown.read,
    "html": html.read,
    "ipynb": notebook.read,
}

#: format -> the reader that sets it without the frame of a document
FRAGMENTS: dict[str, Callable[[Document], str]] = {"latex": latex.fragment, "html": html.fragment}
