"""A display with one token changed: what an author may have meant who slipped once, in the author's own words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

__all__ = ["neighbours", "rows_of", "tokens_of"]

#: environments' names, tags and words are no mathematics
_STILL = re.compile(
    r"\\(?:begin|end)\{[^}]*\}(?:\{[clr|]+\})?|\\(?:tag|label|text|operatorname|mathrm|mathit)\*?\{[^{}]*\}|\\\\\[\d+pt\]|\\\\\*?"
)
_TOKEN = r"\\[A-Za-z]+|[A-Za-z]|\d|[-+<>]"
_SWAPS: Mapping[str, tuple[str, ...]] = {
    "+": ("-",), "-": ("+",), "<": (">",), ">": ("<",), r"\uparrow": (r"\downarrow",), r"\downarrow": (r"\uparrow",),
}  # fmt: skip
#: commands that are letters
_LETTER = re.compile(r"\\(?:alpha|beta|gamma|delta|epsilon|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|varphi|chi|psi|omega|"
                     r"Delta|Theta|Lambda|Phi|Psi|Omega|ell)")  # fmt: skip


def tokens_of(text: str, arrays: Collection[str] = ()) -> Iterator[re.Match[str]]:
    """The tokens of LaTeX that may be slips: letters, digits, signs, and the names of ``arrays`` that are several letters.

    >>> [m[0] for m in tokens_of(r"dx_{m} = \\sum_k dy_{m-k} w_k \\tag{2}", ["dx", "dy"])]
    ['dx', 'm', '\\\\sum', 'k', 'dy', 'm', '-', 'k', 'w', 'k']
    """
    names = [rf"{re.escape(name)}(?![A-Za-z])" for name in arrays if len(name) > 1 and name.isalpha()]
    still = [m.span() for m in _STILL.finditer(text)]
    found = re.finditer("|".join([*names, _TOKEN]), text)
    return (m for m in found if not any(a <= m.start() < b for a, b in still))


def rows_of(text: str) -> list[tuple[int, int]]:
    """Where the lines of a display begin and end: between double backslashes inside one environment and no other.

    >>> text = r"\\begin{align} a &= b \\\\ c &= d \\end{align}"
    >>> [text[a:b] for a, b in rows_of(text)]
    ['\\\\begin{align} a &= b ', ' c &= d \\\\end{align}']
    """
    cuts: list[tuple[int, int, int]] = []
    depth = 0
    for m in re.finditer(r"\\begin\b|\\end\b|\\\\|[{}]", text):
        if m[0] == "\\\\":
            cuts.append((depth, m.start(), m.end()))
        else:
            depth += {"{": 1, "\\begin": 1}.get(m[0], -1)
    least = min((d for d, _, _ in cuts), default=0)
    ends = [(a, b) for d, a, b in cuts if d == least]
    starts = [0, *(b for _, b in ends)]
    return list(zip(starts, [*(a for a, _ in ends), len(text)], strict=True))


def neighbours(
    text: str, spans: Collection[tuple[int, int]], arrays: Collection[str], sizes: Collection[str]
) -> Iterator[str]:
    """Every display that differs from ``text`` in one token inside ``spans``, what stands right of the equals sign first.

    A letter becomes one of its kind: ``arrays`` are the names of the layer's, ``sizes`` letters of sizes beside those that are
    written; every other letter is an index.
    """
    found = [m for m in tokens_of(text, arrays) if any(a <= m.start() < b for a, b in spans)]
    letters = list(dict.fromkeys(m[0] for m in tokens_of(text, arrays) if m[0][0] != "\\" or _LETTER.fullmatch(m[0])))
    own = [t for t in letters if t.lstrip("\\")[:1].isalpha()]
    kinds = [list(dict.fromkeys([*(t for t in own if t in arrays), *arrays])),
             list(dict.fromkeys([*(t for t in own if t in sizes), *sizes]))]  # fmt: skip
    kinds.append([t for t in own if t not in arrays and t not in sizes])
    equals = {span: text.find("=", *span) for span in spans}

    def others(token: str) -> list[str]:
        if token.isdigit():
            n = int(token)
            return list(dict.fromkeys(str(each) for each in (n - 1, n + 1, 0, 1, 2) if 0 <= each <= 9 and each != n))
        if token in _SWAPS:
            return list(_SWAPS[token])
        kind = next((kind for kind in kinds if token in kind), [])
        alike = [each for each in kind if each != token]
        if kind is kinds[1]:
            return [*alike, *kinds[2]]
        return [*alike, *kinds[1]] if kind is kinds[2] else alike

    def left(m: re.Match[str]) -> bool:
        return any(a <= m.start() < b and m.start() < equals[a, b] for a, b in spans)

    places = [(m, others(m[0])) for m in sorted(found, key=left)]
    for rank in range(
        max((len(new) for _, new in places), default=0)
    ):  # the likeliest of each token before the second of any
        for m, each in places:
            if rank < len(each):
                new = each[rank]
                apart = " " if new[0] == "\\" and text[m.end() : m.end() + 1].isalpha() else ""
                yield text[: m.start()] + new + apart + text[m.end() :]
