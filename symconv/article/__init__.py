"""The article: the derivation of a layer as a document: text, LaTeX, Markdown, HTML, a notebook.

    from symconv.article import document, render

A document is a tree (:mod:`~symconv.article.blocks`) of phrases and mathematics; its sections are computed from the case at hand,
its words are in :mod:`~symconv.prose`, and a printer for each format (:mod:`~symconv.article.formats`) sets it.
"""

from __future__ import annotations

from symconv.article.write import Document, document, render

__all__ = ["Document", "document", "render"]
