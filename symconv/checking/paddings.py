"""What all the mathematics of an article tells of its borders, before any of it is read."""

from __future__ import annotations

import re

__all__ = ["is_sided", "pad_texts"]

_SIDED = re.compile(
    r"H(?:_\{?\d\}?)?\s*\+\s*p(?:_\{?\d\}?)?\s*\+\s*q(?![A-Za-z])|pad\}?_\{\s*p(?:_\{?\d\}?)?\s*,\s*q(?![A-Za-z])"
)
_PAD = re.compile(r"pad\}?_\{((?:[^{}]|\{[^{}]*\})*)\}")


def is_sided(maths: str) -> bool:
    """Whether the padding before has the letter p and that after the letter q.

    >>> is_sided(r"O = H + p + q - K + 1"), is_sided("x_{i+p, j+q}")
    (True, False)
    """
    return bool(_SIDED.search(maths))


def pad_texts(maths: str) -> tuple[str, ...]:
    r"""What stands below the word pad, in letters.

    >>> pad_texts(r"\operatorname{pad}_{d(K - 1) - p, q}(dy) + \operatorname{pad}_{1,2}(x)")
    ('d(K - 1) - p', 'q')
    """
    found = dict.fromkeys(piece.strip() for each in _PAD.findall(maths) for piece in re.split(r",(?![^{]*\})", each))
    return tuple(text for text in found if re.search("[A-Za-z]", text))
