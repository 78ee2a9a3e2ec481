"""Mutants of printed displays: one thing changed (a letter, a number, a sign, a limit, a bracket ...), and the verdict on each.

A display is judged in the context that the article has come to before it, which is kept; where the mutant changes what the
article's letters mean before anything is read, the whole article is read anew. ``python -m tests.display_mutants`` runs as many
as it is asked for, and lists those that nothing finds and nothing argues for (:mod:`tests.display_mutants.argued`).
"""

from tests.display_mutants.mutations import Mutant, mutants
from tests.display_mutants.pages import FINE, FOUND, MORE, PAGES, SUFFIX, Page, page, sample, whole

__all__ = ["FINE", "FOUND", "MORE", "PAGES", "SUFFIX", "Mutant", "Page", "mutants", "page", "sample", "whole"]
