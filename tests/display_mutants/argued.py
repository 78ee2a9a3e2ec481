"""Mutants of displays that no verdict can find, by the reason: what they say is true as well."""

# ruff: noqa: E501
from __future__ import annotations

import re

__all__ = ["argument"]

#: kind of change, how the mutant is told, why it is as true as the display was
KINDS: tuple[tuple[str, str, str], ...] = (
    ("order", r"\\delta_\{\[", "Kronecker's symbol is the same with its indices exchanged"),
    ("scope", r"^scope: \(([\\a-z{}_]+ \\(?:up|down)arrow \S+|\\operatorname.*) -> .*(?:&=|= ?|\+)\[",
     "what comes first is done first, with or without brackets"),
    ("scope", r"^scope: \((\w+) \\star (\w+)\) -> \(\1\) \\star \2: \w+ (?:&)?=\[",
     "what comes first is done first, with or without brackets"),
    ("scope", r"(?<![\d.])1\[\(?\d+\)? - 1\]", "the factor before the brackets is one"),
    ("scope", r" d\[\(?K(?:_\{\d\})?\)? - 1\].*= 1\(", "the factor before the brackets is one in this layer"),
    ("order", r"\\sum_\{o_\{\d\} = 1\}\^\{(\w+)\} \\sum_\{o_\{\d\} = 1\}\^\{\1\} .*_\{(?:o_\{\d\},)?\[o_",
     "the sum of all entries, whichever index is which: both run to the same number"),
    ("floor", r"^floor: \\left\\lfloor \\frac\{[\d +()-]+\}\{\d+\} ", "a division that comes out even has no need of its floor"),
    ("term", r"^term:  [-+] 0 -> ", "nothing was added"),
    ("prime",
     r": (?:\\begin\{\w+\} |\\\\\*? |\} )*[a-z]\['\]_\{o[^=]*&= ",
     "the output by another name, which this equation gives it"),
)  # fmt: skip

#: the other factor of the product
ZERO = "it is multiplied by zero"

#: page, mutant -> why
ONE_BY_ONE: dict[tuple[str, str], str] = {
    ('input 7, kernel 2, dilation 3, stride 2, padding (0, 1), fr, bishop',
     'cells:  z_{51} & z_{52}  ->  z_{52} & z_{51} : z_{42} & z_{43} & z_{44} & z_{45} & z_{46} & z_{47} \\\\ 0 &[ z_{52} & z_{51} ]& z_{53} & z_{54} & z_{55} & z_{56} & z_'): ZERO,
    ('input 5, kernel 3, padding 1, in_channels 4, out_channels 4, groups 2, batch 2, fr, own',
     'letter: dy -> w: _{115} &= \\sum \\left( \\begin{bmatrix} dy_{111} & dy_{112} &[w]_{113} & dy_{114} & dy_{115} \\end{bmatri'): ZERO,
    ("input 6, kernel 2, stride 3, padding 1, fr, {'gradient': 'delta', 'index': 'parentheses'}",
     'letter: x -> w: \\begin{align*} \\delta^{w} &= \\begin{bmatrix} 0 & x(1) &[w](2) & x(3) & x(4) & x(5) & x(6) & 0 \\end'): ZERO,
    ('input 8, kernel 2, dilation 2, stride 3, padding 1, en, own',
     'cells:  dy_{1}  ->  0 : \\begin{aligned} dx_{1} &= \\sum \\left( \\begin{bmatrix}[ 0 ]& dy_{2} & dy_{3} \\end{bmatrix} \\odot \\b'): ZERO,
    ("input 6, kernel 2, stride 3, padding 1, fr, {'gradient': 'delta', 'index': 'parentheses'}",
     'cells:  \\cancel{w(-4)}  ->  0 : \\end{bmatrix} \\odot \\begin{bmatrix} w(2) & \\cancel{w(-1)} &[ 0 ]\\end{bmatrix} \\right) \\\\*[6pt] &= \\sum'): "what is crossed out is zero",
    ('input 6, kernel 3, stride 2, padding 1, en, cs231n',
     'cells:  \\mathit{dout}\\left[ 1 \\right]  ->  0 : \\sum \\left( \\begin{bmatrix} \\mathit{dout}\\left[ 0 \\right] &[ 0 ]& \\mathit{dout}\\left[ 2 \\right] \\end{bma'): ZERO,
    ('input 5, kernel 2, batch 2, stride 2, en, own',
     'order: 12 -> 21: \\[6pt] dx_{15} &= \\sum \\left( \\begin{bmatrix} dy_{11} & dy_{[21]} \\end{bmatrix} \\odot \\begin{bmatrix} 0'): ZERO,
    ('input 3, kernel 2, stride 2, output_padding 1, transposed True, en, own',
     'number: 1 -> 0: peratorname{flip}(w) + b \\\\ dx &= (\\operatorname{pad}_{0,-[0]}(dy) \\star w) \\downarrow 2 \\\\ dw &= \\o'): "one entry in two is kept, and not the last one",
}  # fmt: skip


def argument(page: str, mutant: str) -> str | None:
    """Why a mutant is true; None where nothing is said for it."""
    kind = mutant.partition(":")[0]
    by_kind = (why for each, told, why in KINDS if each == kind and re.search(told, mutant))
    return ONE_BY_ONE.get((page, mutant)) or next(by_kind, None)
