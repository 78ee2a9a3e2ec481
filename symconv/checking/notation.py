"""A correction in the notation of what it corrects: partial derivatives, layers in brackets, entries in square brackets."""

from __future__ import annotations

import re

__all__ = ["in_notation", "whole_display"]

_LOSS = re.compile(
    r"\\(?:d?frac)\s*\{\s*(\\partial|\\mathrm\{d\}|d)\s*(\\mathcal\s*\{?\s*[LEJC]\s*\}?|\\ell|[LEJC])\s*\}"
)
_GRADIENT = re.compile(
    r"(?<![A-Za-z\\{])d(\\[a-z]+ |[A-Za-z])((?:'|\^\{[^{}]*\})*)(_\{(?:[^{}]|\{[^{}]*\})*\}|\[[^\[\]]*\])?(?![A-Za-z])"
)
_AROUND = "(?:equation|align|aligned|gather|gathered|split|eqnarray|multline|displaymath)"
_ENTRY = re.compile(r"(?<![A-Za-z])(d?[A-Za-z]'?)_\{([^{}]*)\}")


def in_notation(fix: str, source: str) -> str:
    """``fix`` as the author of ``source`` would write it.

    >>> in_notation("dw_{k} = \\\\sum_{i} dy_{i}", "\\\\frac{\\\\partial L}{\\\\partial w_k} = 0")
    '\\\\frac{\\\\partial L}{\\\\partial w_{k}} = \\\\sum_{i} \\\\frac{\\\\partial L}{\\\\partial y_{i}}'
    """
    fix = fix.replace("−", "-")
    if (factor := _activation(source)) and factor not in fix and " = " in fix:  # that the judge leaves aside
        left, _, right = fix.partition(" = ")
        fix = f"{left} = {factor} {right}"
    if re.search(r"[A-Za-z]\s*\[\s*[a-z0-9]", source) and not re.search(
        r"[A-Za-z]_\{?\w+(?:,\w+)*\}?", _without_sums(source)
    ):
        fix = "".join(_called(piece) for piece in re.split(r"(\\sum_\{[^{}]*\})", fix))
    if re.search(r"\^\s*\{?\s*\[", source):
        fix = re.sub(r"\^\{((?:l|L|\d)(?:[-+]\d)?)\}", r"^{[\1]}", fix)
    elif re.search(r"\^\s*\{?\s*\(", source):
        fix = re.sub(r"\^\{((?:l|L|\d)(?:[-+]\d)?)\}", r"^{(\1)}", fix)
    loss = _LOSS.search(source)
    if loss is None or re.search(r"\\nabla", source):
        return fix
    sign, letter = loss[1], loss[2]

    def told(found: re.Match[str]) -> str:
        if re.search(rf"(?<![A-Za-z\\])d{re.escape(found[1].strip())}", _LOSS.sub("", source)) and sign != "d":
            return found[0]  # the author writes it so
        gap = " " if sign.startswith("\\p") else ""
        return rf"\frac{{{sign}{gap}{letter}}}{{{sign}{gap}{found[1]}{found[2] or ''}{found[3] or ''}}}"

    return _GRADIENT.sub(told, fix)


def whole_display(pieces: list[str], source: str) -> str:
    """Equations in the environment of ``source``, or on lines as it has them."""
    source = source.strip()
    found = re.match(rf"\\begin\s*\{{({_AROUND}\*?)\}}", source)
    rows = source.split(r"\\")
    if len(rows) == len(pieces):  # each keeps its label
        labels = [re.search(r"\\label\s*\{[^{}]*\}", row) for row in rows]
        pieces = [piece + (f" {label[0]}" if label else "") for piece, label in zip(pieces, labels, strict=True)]
    if found is None or not re.search(rf"\\end\s*\{{{re.escape(found[1])}\}}$", source):
        return (" \\\\\n" if len(rows) > 1 else r", \quad ").join(pieces)
    if "&" in source:
        pieces = [piece.replace(" = ", " &= ", 1) for piece in pieces]
    return rf"\begin{{{found[1]}}}" + "\n" + " \\\\\n".join(pieces) + "\n" + rf"\end{{{found[1]}}}"


def _activation(source: str) -> str | None:
    """The derivative of an activation at what stands in its brackets, as it is written."""
    found = re.search(r"(?:\\sigma|\\phi|\\varphi|[fgh])\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)\s*(?:\\left\s*)?\(", source)
    if found is None:
        return None
    depth = 1
    for at in range(found.end(), len(source)):
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        if depth == 0:
            return source[found.start() : at + 1]
    return None


def _called(piece: str) -> str:
    return piece if piece.startswith(r"\sum") else _ENTRY.sub(r"\1[\2]", piece)


def _without_sums(source: str) -> str:
    return re.sub(r"\\sum(?:\\limits)?\s*_\s*(?:\{[^{}]*\}|\w)", "", source)
