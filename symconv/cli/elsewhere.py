"""What Sphinx, pandoc and notebooks ask for in the words of the command line, and how a verdict is put to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from symconv.article import Document
from symconv.cli.derive import document_of
from symconv.cli.prove import proofs_of
from symconv.proof.result import Proof, Proofs

__all__ = ["as_words", "derived", "pieces", "proved", "said_proved"]

_MATHEMATICS = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)


def as_words(options: Mapping[str, str | None]) -> list[str]:
    """Options as words of a command line; one without a value is a flag.

    >>> as_words({"stride": "1..4", "second-opinion": ""})
    ['--stride', '1..4', '--second-opinion']
    """
    return [word for name, value in options.items() for word in ([f"--{name}", value] if value else [f"--{name}"])]


def derived(words: Sequence[str]) -> Document:
    """The derivation that the words ask for; ValueError where they ask for none, or a formula and the derivative differ."""
    article = document_of(words)
    if not article.ok:
        raise ValueError(f"{' '.join(words)}: a formula and the derivative differ")
    return article


def proved(words: Sequence[str]) -> Proofs:
    """The proofs of a formula, the first of the words, with options; ValueError, with the condition, where it is not proved."""
    result = proofs_of(words)
    for proof in result:
        if not proof.proved:
            at = f"; it holds when {proof.condition}" if proof.condition else ""
            raise ValueError(f"{proof.verdict} at stride {proof.stride}, dilation {proof.dilation}: {words[0]}{at}")
    return result


def said_proved(proof: Proof) -> str:
    """What follows a proved formula in a sentence."""
    return f" (proved for every size, stride {proof.stride}, dilation {proof.dilation})"


def pieces(text: str) -> Iterator[list[tuple[str, str]]]:
    """The paragraphs of a text, each as runs of ("text" or "math", what it is); a display is a paragraph of its own, ("display",
    TeX).

    >>> list(pieces("So $x$ is $$y$$ here."))
    [[('text', 'So '), ('math', 'x'), ('text', ' is ')], [('display', 'y')], [('text', ' here.')]]
    """
    for paragraph in text.split("\n\n"):
        runs: list[tuple[str, str]] = []
        at = 0
        for match in _MATHEMATICS.finditer(paragraph):
            runs += [("text", paragraph[at : match.start()])] if match.start() > at else []
            at = match.end()
            if match[1] is None:
                runs.append(("math", match[2]))
                continue
            yield from [runs] if runs else []
            yield [("display", match[1].strip())]
            runs = []
        runs += [("text", paragraph[at:])] if paragraph[at:] else []
        yield from [runs] if runs else []
