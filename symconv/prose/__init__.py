"""Words in every language: a folder for each, with ``article.toml``, ``figures.toml`` and ``language.toml`` (its typography).

The keys are the same in each. A further language is a further folder; nothing else names the languages.
"""

from symconv.prose.captions import Words, words
from symconv.prose.languages import LANGUAGES, Language, reworded
from symconv.prose.phrases import Cited, Literal, Phrase, Prose, Reference, Run, Value, prose

__all__ = [
    "LANGUAGES", "Cited", "Language", "Literal", "Phrase", "Prose", "Reference", "Run", "Value", "Words", "prose", "reworded",
    "words",
]  # fmt: skip
