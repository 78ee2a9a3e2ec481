r"""Letters with a bar, where the same letter stands without one, too: ``\bar{x}`` beside ``x`` is another array.

Texts on automatic differentiation call it the adjoint, the gradient by x. A bar that every x has says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from symconv.checking.documents import Block

__all__ = ["bars_of", "unbarred"]

_FACE = r"\\(?:mathbf|boldsymbol|bm|mathrm|mathit)\s*"
_BAR = re.compile(
    rf"\\(?:bar|overline)\s*(?:\{{\s*([A-Za-z])\s*\}}|\{{\s*{_FACE}(?:\{{\s*([A-Za-z])\s*\}}|([A-Za-z]))\s*\}}|([A-Za-z])(?![A-Za-z]))"
)
_MATHS = re.compile(r"(?<![\\$])\$([^$]+)\$")
_ADJOINT = re.compile(
    r"adjoint|cotangent|kotangent|adjungiert|reverse[- ](?:mode|accumulation)|automatic differentiation|autodiff"
    r"|différentiation automatique|automatische[ns]? Differen|伴随", re.IGNORECASE
)  # fmt: skip
_GRADIENT = re.compile(r"=\s*\\d?t?frac\s*\{\s*\\partial\s*(?:\\mathcal\s*\{?\s*)?[LEJC]|=\s*\\nabla")


def bars_of(blocks: Sequence[Block]) -> dict[str, str]:
    """What each letter with a bar is read as: the gradient by it where the article calls it so, else a name that is no array.

    >>> bars_of([Block("text", "the adjoint of $x$", 1), Block("display", r"\\bar{x}_m = \\sum_k \\bar y_{m-k} w_k, y = x", 2)])
    {'x': ' dx', 'y': ' dy'}
    """
    words = " ".join(block.text for block in blocks if block.kind in ("text", "heading"))
    maths = [block.text for block in blocks if block.kind in ("display", "inline")] + _MATHS.findall(words)
    whole = " ; ".join(maths)
    barred = dict.fromkeys(_letter(m) for m in _BAR.finditer(whole))
    rest = _BAR.sub(" ", whole)
    both = [letter for letter in barred if re.search(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z])", rest)]
    said = bool(_ADJOINT.search(words)) or any(
        _GRADIENT.match(text[m.end() :].lstrip("_{}()[],0123456789abcdefghijklmnopqrstuvwxyz "))
        for text in maths for m in _BAR.finditer(text)
    )  # fmt: skip
    return {letter: f" d{letter}" if said else rf"\mathrm{{bar{letter}}}" for letter in both}


def _letter(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group)


def unbarred(latex: str, bars: Mapping[str, str]) -> str:
    r"""LaTeX without these bars.

    >>> unbarred(r"\bar{x}_m + \bar u", {"x": " dx"})
    ' dx_m + \\bar u'
    >>> unbarred(r"{\bar{x}} \bar{\mathbf{x}}", {"x": " dx"})
    '{ dx}  dx'
    """

    def told(found: re.Match[str]) -> str:
        return bars.get(_letter(found), found[0])

    return _BAR.sub(told, latex)
