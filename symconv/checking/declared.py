"""Letters that an article declares in a table, ``K | kernel``: undone before anything of it is read, and put back in what is
said of it.

What reads the mathematics knows ``x w b y dy`` and the usual sizes. Letters whose place these take move aside, so that nothing is
lost and the way back is the same table.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from symconv.checking.bars import bars_of, unbarred
from symconv.checking.documents import Block
from symconv.mathematics.letters import GREEK
from symconv.mathematics.notation import OPERATORS

__all__ = ["ARRAYS", "Letters", "declared", "first_index", "signs"]

ARRAYS = ("x", "w", "b", "y")

#: letter -> what a cell of a table says of it
MEANINGS = {
    "dx": r"gradient .*(input|entrée|Eingabe)", "dw": r"gradient .*(kernel|filter|weights|noyau|filtre|poids|Kern|Gewichte)",
    "dy": r"upstream gradient|gradient reçu|ankommender Gradient|gradient .*(output|sortie|Ausgabe)",
    "db": r"gradient .*(bias|biais)", "x": r"input|entrée|Eingabe",
    "w": r"kernel|filter|weights?|noyau|filtre|poids|Kern|Gewichte",
    "b": r"bias|biais", "y": r"output|sortie|Ausgabe", "H": r"size of the input|input size|taille de l.entrée|Größe der Eingabe",
    "K": r"size of the (kernel|filter)|(kernel|filter) size|taille du (noyau|filtre)|Größe des (Kerns|Filters)",
    "O": r"size of the output|output size|taille de la sortie|Größe der Ausgabe", "s": r"stride|(pas|Schrittweite)( \(stride\))?",
    "d": r"dilation|dilatation", "p": r"(padding|marge)( before| avant| davor)?( \(padding\))?(\s*:.*)?",
    "q": r"(padding|marge) (after|après|dahinter|danach)(\s*:.*)?",
    "r": r"(remainder|reste|rest|output.padding|marge de sortie)(\s*:.*)?", "N": r"((number|nombre) (of|d.) ?)?images|Bilder",
    "C": r"(number of )?input channels|(nombre de )?canaux d.entrée|Eingangskanäle", "G": r"(number of )?groups|groupes|Gruppen",
    "F": r"(number of )?(output channels|filters)|(nombre de )?(canaux de sortie|filtres)|Ausgangskanäle",
}  # fmt: skip
_MEANINGS = {letter: re.compile(pattern, re.IGNORECASE) for letter, pattern in MEANINGS.items()}
_LOSS = re.compile(r"(?:\bloss|\bperte|\bVerlust)\s+\$([^$]+)\$")
_STAR = re.compile(r"(?<!\^)(?<!\^\{)(\\star|\\ast|\\circledast|\\otimes|\*|⋆|∗|⊛|⊗)(?![A-Za-z])")
_VALUE = re.compile(r"\$([^$=]+?)(?: = ([^$=\d]+?))? = -?\d+\$\s*\(([^()$]+)\)")
_SLIDES = re.compile(r"(cross-?|Kreuz)?(correlation|corrélation|Korrelation)\b", re.IGNORECASE)
_FIRST = re.compile(r"indices (?:begin|start) (?:at|with)|indices commencent à|Indizes beginnen bei", re.IGNORECASE)
_MATHS = re.compile(r"(?<![\\$])\$([^$]+)\$")

_SIGNS = {sign: name for name, sign in GREEK.items()}
_ONE = "A-Za-z" + "".join(_SIGNS)

#: pieces of LaTeX that are no letters: words in braces, second derivatives, ends of lines, commands
_STILL = re.compile(
    r"\\(?:begin|end)\s*\{\w+\*?\}(?:\{[lcr|]+\})?|\\mathit\{dd[xwby]\}|\\(?:operatorname\*?|text\w*|mbox|mathrm|label|tag\*?|ref|eqref)\s*\{[^{}]*\}"
    r"|\\\\(?:\[[^\]]*\])?|\\[A-Za-z]+ ?|\\.|.", re.DOTALL)  # fmt: skip


def declared(blocks: Sequence[Block]) -> Letters:
    """The letters that an article declares, in a table or by a bar that only some of them have."""
    return replace(_declared(blocks), bars=bars_of(blocks))


def _declared(blocks: Sequence[Block]) -> Letters:
    """The letters that the tables of an article declare where they are others than those that are read.

    >>> said = [Block("text", text, 1) for text in ("$K$", "kernel", "$V$", "input", "$W$", "size of the kernel")]
    >>> declared(said).read("K_{W} V_{1}")
    'w_{K} x_{1}'
    """
    words = [block.text for block in blocks if block.kind == "text"]
    meant: dict[str, str] = {}
    for row, letter in _rows(words):
        if meant.setdefault(row, letter) != letter or any(n != row and m == letter for n, m in meant.items()):
            return Letters()  # said twice, differently
    if len(set(meant.values()) & {"x", "w", "y"}) < 2:
        return Letters()
    loss = next((name for text in words for m in _LOSS.finditer(text) if (name := _name(m[1]))), "L")
    if loss not in meant and "L" not in meant.values():
        meant[loss] = "L"
    above = any(re.search(r"\\delta\s*\^", b.text) for b in blocks if b.kind in ("display", "inline"))
    if not above and all(name == letter for name, letter in meant.items()):
        return Letters()
    return Letters(_aside(meant, " ".join(block.text for block in blocks)), above)


def signs(blocks: Sequence[Block]) -> set[str]:
    """The signs of which a table says, beside an example, that they are correlations.

    >>> signs([Block("text", text, 1) for text in (r"$[1, 2, 3] \\otimes [5, 7]$", "correlation: $w$ slides over $x$")])
    {'⊗'}
    """
    pairs = _pairs([block.text for block in blocks if block.kind == "text"])
    return {
        OPERATORS[m[1]] for cell, said in pairs if _SLIDES.match(said) and "$" in cell for m in _STAR.finditer(cell)
    }


def first_index(words: str) -> int | None:
    """Where words say that indices begin.

    >>> first_index("All indices begin at 0.")
    0
    """
    found = _FIRST.search(words)
    number = re.match(r"\s*\$?([01])(?!\d)", words[found.end() :]) if found else None
    return int(number[1]) if number else None


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """The first two cells of the rows of tables."""
    pairs = list(pairwise(words))
    for text in words:
        kept = re.sub(r"\$[^$]*\$", lambda m: m[0].replace("&", "\0").replace(r"\\", "\1"), text)
        for row in re.split(r"\\tabularnewline|\\\\", kept):
            cells = [
                cell.rpartition("\n")[2].strip().replace("\0", "&").replace("\1", r"\\") for cell in row.split("&")
            ]
            pairs += list(pairwise(cells))[:1]
    return pairs


def _rows(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The names in the rows of tables, each with the letter that its meaning has."""
    values = [m for text in words for m in _VALUE.finditer(text.replace("~", " "))]
    said_beside = [(f"${m[1]}$", m[3]) for m in values]
    for m in values:  # p = q = 0 (padding): before and after
        if m[2] and _MEANINGS["p"].fullmatch(m[3]) and (name := _name(m[2])) is not None:
            yield name, "q"
    for cell, said in [*_pairs(words), *said_beside]:  # s = 1 (stride)
        if not re.fullmatch(r"\$[^$]+\$", cell.strip()):
            continue
        names = [_name(piece) for piece in cell.strip(" $").split(",")]
        said = re.sub(r"^(the|l['’]|le|la|les|der|die|das)\s*", "", said.replace("~", " ").strip(), flags=re.IGNORECASE)
        readings = (said, re.sub(r"\s*\([^()]*\)$", "", said))  # noyau (kernel): the word alone, too
        letter = next(
            (each for text in readings for each, pattern in _MEANINGS.items() if pattern.fullmatch(text)), None
        )
        if letter is None or None in names:
            continue
        for axis, name in enumerate(names, 1):
            yield str(name), letter if len(names) == 1 else f"{letter}_{axis}"


def _name(latex: str) -> str | None:
    r"""The letters of a name that is set as ``latex``: ``\mathit{out}`` is ``out``, ``\theta`` is ``θ``."""
    text = re.sub(r"\\(?:math\w+|boldsymbol|text|operatorname)\s*\{([^{}]*)\}", r"\1", latex.strip())
    text = re.sub(r"\\([A-Za-z]+) ?", lambda m: GREEK.get(m[1], "?"), text).replace(r"^{\prime}", "'")
    return text if re.fullmatch(rf"[{_ONE}][{_ONE}0-9]{{0,8}}'?", text) else None


def _aside(meant: dict[str, str], article: str) -> dict[str, str]:
    """The same with another letter for each whose place is taken: the one that took it, or one that does not occur."""
    spare = [sign for sign, name in _SIGNS.items() if rf"\{name}" not in article and sign not in meant]
    result = dict(meant)
    for letter in [each for each in meant.values() if len(each) == 1 and each not in meant]:
        origin = next(name for name, m in meant.items() if m == letter)
        while origin in meant.values():
            origin = next(name for name, m in meant.items() if m == origin)
        result[letter] = origin if len(origin) == 1 and origin not in result.values() else spare.pop()
    for array in ARRAYS:  # dout in one word; dx where x is not another array's
        name = next((n for n, m in meant.items() if m == array), array)
        if f"d{array}" not in result.values() and (len(name) > 1 or name == array):
            result.setdefault(f"d{name}", f"d{array}")
    return result


@dataclass(frozen=True)
class Letters:
    """``meant`` from the author's names to those that are read; ``above`` where a letter above δ tells whose gradient it is."""

    meant: Mapping[str, str] = field(default_factory=dict)
    above: bool = False
    #: what a letter with a bar is
    bars: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.meant or self.bars)

    def own(self, block: Block) -> Block:
        """A block with the author's letters undone: in words the mathematics between dollars."""
        if not self or block.kind in ("code", "front", "comment"):
            return block
        if block.kind in ("display", "inline"):
            return replace(block, text=self.read(block.text))
        return replace(block, text=_MATHS.sub(lambda m: f"${self.read(m[1])}$", block.text))

    def read(self, latex: str) -> str:
        """The author's LaTeX in the letters that are read."""
        latex = unbarred(latex, self.bars)
        if not self.meant:
            return latex
        if self.above:
            latex = self._above.sub(lambda m: f"d{m[1]}", latex)
        moved = [] if self.meant.get("d", "d") in MEANINGS else ["[A-Za-z]"]  # then only a d that stands alone is meant
        return _set(latex, self._forth, self.meant, [*map(_spelled, self._arrays), *moved])

    def written(self, latex: str) -> str:
        """LaTeX that was made here in the author's letters."""
        for letter, meant in self.bars.items():
            latex = re.sub(rf"(?<![A-Za-z\\]){re.escape(meant.strip())}(?![A-Za-z])", rf"\\bar{{{letter}}}", latex)
        if not self.meant:
            return latex
        latex = _set(latex, self._back, self._of, [*ARRAYS, "z"])
        return re.sub(rf"(?<![A-Za-z\\])d({self._array})(?![A-Za-z])", r"\\delta^{\1}", latex) if self.above else latex

    def told(self, text: str | None) -> str | None:
        """Words about entries and sizes in the author's letters."""
        if text is None or not self.meant:
            return text
        names = "|".join(sorted(map(re.escape, self._of), key=len, reverse=True))
        signs = re.compile(rf"(?!a [a-z]{{2}})(?<![A-Za-z0-9'\\])(?<!\d )(d(?=[xwby])|)({names})(?![A-Za-z0-9])")
        return signs.sub(lambda m: self._of.get(m[1] + m[2], m[1] + self._of[m[2]]), text)

    @cached_property
    def _of(self) -> dict[str, str]:
        return {meant: name for name, meant in self.meant.items()}

    @cached_property
    def _arrays(self) -> tuple[str, ...]:
        return tuple(name for name, meant in self.meant.items() if meant in (*ARRAYS, "L"))

    @property
    def _array(self) -> str:
        return "|".join(_spelled(self._of.get(letter, letter)) for letter in "xwb")

    @cached_property
    def _above(self) -> re.Pattern[str]:
        return re.compile(rf"\\delta\s*\^\s*\{{?\s*({self._array})\s*\}}?")

    @cached_property
    def _forth(self) -> re.Pattern[str]:
        return _any_of(self.meant)

    @cached_property
    def _back(self) -> re.Pattern[str]:
        return _any_of(self._of)


def _spelled(name: str) -> str:
    """A pattern for a name in LaTeX."""
    stem, _, axis = name.partition("_")
    letters = "".join(rf"\\{_SIGNS[c]}(?![A-Za-z]) ?" if c in _SIGNS else re.escape(c) for c in stem)
    if axis:
        return rf"{letters}_(?:{axis}|\{{{axis}\}})"
    return rf"\\math\w+\s*\{{{stem}\}}|{letters}" if stem.isalpha() and len(stem) > 1 else letters


def _any_of(names: Collection[str]) -> re.Pattern[str]:
    ordered = sorted(names, key=len, reverse=True)
    return re.compile("|".join(f"(?P<n{ordered.index(name)}>{_spelled(name)})" for name in ordered))


def _set(latex: str, pattern: re.Pattern[str], by: Mapping[str, str], after: Sequence[str]) -> str:
    """``latex`` with one name for another; a d before one of the patterns in ``after`` stays."""
    ordered = sorted(by, key=len, reverse=True)
    before = re.compile(rf"d(?=\s*(?:{'|'.join(after)}))")
    text, at = "", 0
    while at < len(latex):
        found = pattern.match(latex, at)
        name = ordered[int((found.lastgroup or "n0")[1:])] if found else None
        if found is None or (name == "d" and before.match(latex, at)):
            found = _STILL.match(latex, at)
            assert found is not None
            piece = found[0]
        else:
            piece = _latex(by[str(name)])
        text += " " if re.search(r"\\[A-Za-z]+$", text) and piece[:1].isalpha() else ""
        text += piece
        at = found.end()
    return text


def _latex(name: str) -> str:
    """A name as it is set."""
    stem, _, axis = name.partition("_")
    if re.fullmatch("[A-Za-z]{3,}", stem):
        return rf"\mathit{{{stem}}}"
    text = "".join(rf"\{_SIGNS[c]} " if c in _SIGNS else c for c in stem)
    return f"{text}_{{{axis}}}" if axis else text
