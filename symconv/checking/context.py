"""What an article means by its letters: roles, base, sizes, stride and padding, each with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from symconv.checking.declared import Letters
from symconv.checking.directions import Directions, shaped
from symconv.checking.documents import Block
from symconv.checking.spelling import SIZE_WORDS
from symconv.checking.terms import Entry, Grid, Name, Seq, Statement, Term, walk
from symconv.checking.written_out import Steps
from symconv.layer.padding import MODES

__all__ = ["SIZES", "SLOTS", "Context", "Layout"]

#: name of a size -> which one, and on which axis
SIZES = {
    "H": ("H", 0), "W": ("H", 1), "HH": ("K", 0), "WW": ("K", 1), "K": ("K", 0), "O": ("O", 0), "H′": ("O", 0), "W′": ("O", 1),
    "s": ("s", 0), "S": ("s", 0), "stride": ("s", 0), "p": ("p", 0), "P": ("p", 0), "pad": ("p", 0), "d": ("d", 0), "C": ("C", 0),
    "F": ("F", 0), "N": ("N", 0), "k_1": ("K", 0), "k_2": ("K", 1), "H_out": ("O", 0), "W_out": ("O", 1), "C_in": ("C", 0),
    "C_out": ("F", 0), "K_1": ("K", 0), "K_2": ("K", 1), "O_1": ("O", 0), "O_2": ("O", 1), "H_1": ("H", 0), "H_2": ("H", 1),
    **{f"{letter}_{axis + 1}": (letter, axis) for letter in "HKOspqdr" for axis in range(3)}, "q": ("q", 0), "r": ("r", 0),
    **{f"{name}_{side}": (letter, axis) for name, letter in (("pad", "p"), ("d", "d"), ("stride", "s"), ("dilation", "d"))
       for axis, sides in enumerate(("Hh", "Ww")) for side in sides},
    **{name: (letter, 0) for name, letter in SIZE_WORDS.items()}, "H_in": ("H", 0), "W_in": ("H", 1),
    **{f"{name}_{axis + 1}": (letter, axis) for name, letter in SIZE_WORDS.items() for axis in range(3)},
    **{f"{name}_{side}": (letter.upper() if letter in "kK" else letter, axis) for name, letter in zip("kKpPsS", "KKppss")
       for axis, side in enumerate("hw")},
    "G": ("G", 0), "f_h": ("K", 0), "f_w": ("K", 1), "stride_H": ("s", 0), "stride_W": ("s", 1), "p_1": ("p", 0), "p_2": ("p", 1),
}  # fmt: skip

#: what a person may set: slot -> what it takes
SLOTS = {
    "base": "0 or 1", "star": "correlation or convolution", "stride": "a number", "padding": "a number or any", "x": "a letter",
    "w": "a letter", "b": "a letter", "y": "a letter", "dy": "a letter", "einstein": "yes or no",
}  # fmt: skip

SIZE = r"\s*(?:of|de|:|=)?\s*(\d+(?:\s*x\s*\d+)*)"
WORDS = {"input": r"(?:input|entrée|Eingabe)", "kernel": r"(?:kernel|filter|noyau|filtre|Kern)",
         "stride": r"(?:stride|pas|Schrittweite)",
         "padding": r"(?<!output )(?<!output-)(?:padding|remplissage|marge)", "dilation": r"dilat(?:ion|ation)",
         "output_padding": r"(?:output[ -]padding|(?:marge|remplissage) de sortie)"}  # fmt: skip
COUNTS = {"in_channels": r"(\d+)\s*(?:input channels|canaux d.entrée|Eingabekanäle)",
          "out_channels": r"(\d+)\s*(?:output channels|canaux de sortie|Ausgabekanäle)",
          "groups": r"(\d+)\s*(?:groups|groupes|Gruppen)",
          "batch": r"(?:batch of|lot de)\s*(\d+)|(\d+)\s*Bilder je Batch"}  # fmt: skip

_BORDER = re.compile(
    rf"\(({'|'.join(name for name, mode in MODES.items() if mode.counts_outside)})\)"
    rf"|\b({'|'.join(name for name, mode in MODES.items() if mode.moves_rows)})\s+padding"
)
_EINSTEIN = re.compile(r"einstein|アインシュタイン|爱因斯坦|아인슈타인", re.IGNORECASE)
_PAD_ZERO = re.compile(
    r"(?:pad(?:ding)?\s*=\s*\$?0|no padding|without padding|sans padding|pas de padding|valid convolution|无填充|ohne padding)",
    re.IGNORECASE,
)
_STRIDE = re.compile(
    r"(?:\b(?:stride|Schrittweite|pas)\s*(?:=|of|de|is|von|(?:is |are )?set to|:)?|步长[为=]?)\s*\$?(?:s\s*=\s*)?(\d+)"
    r"|\b(?:stride|Schrittweite)\s+(?:of\s+|von\s+)?(one|two|three|eins|zwei|drei)\b|\b(unit)[ -]stride\b", re.IGNORECASE
)  # fmt: skip
_NUMBERS = {"one": 1, "two": 2, "three": 3, "eins": 1, "zwei": 2, "drei": 3, "unit": 1}
_UNTRANSPOSED = re.compile(r"transposed|transposée|transponiert|deconv|转置|upsampl", re.IGNORECASE)
_FLIPPED = re.compile(r"true convolution|(?<!no )convolution \(flipped", re.IGNORECASE)
_FRAMED = re.compile(
    r"\$\s*([pP])\s*(\\?[A-Za-z]+)[^$]*\$[^.]*?(?:pad|zeros|zéros|null|umrand|ceros|bord|填充)", re.IGNORECASE
)
_SAME = re.compile(
    r"[\"'`“]?\bsame\b[\"'`”]?[ -](?:padding|layer|convolution|size|mode)|padding\s*=\s*[\"']same", re.IGNORECASE
)
_EXAMPLE = re.compile(r"\bexample|\bexemple|\bBeispiel|\bshorter one\b|plus courte? de même|\bkürzere", re.IGNORECASE)
_ENTRY = re.compile(r"\$?dx_\{?(\d)(?:,)?(\d)?\}?\$?")


#: the order of the axes of x, w and y: channels c and f, space S
Layout = tuple[str, str, str]


@dataclass
class Context:
    """The state of a reading, from block to block."""

    roles: dict[str, str] = field(default_factory=dict)
    base: int | None = None
    star: str = "correlation"
    star_said: bool = False
    einstein: bool = False
    stride: int = 1
    padding: int | None = 0
    #: words say that there is none
    padding_said: bool = False
    dims: int | None = None
    channels: bool = False
    #: one output, which has no channel of its own
    single: bool = False
    #: channels are each by itself
    apart: bool = False
    images: bool = False
    sizes: dict[int, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    definitions: dict[str, tuple[tuple[str, ...], Term]] = field(default_factory=dict)
    padded: set[str] = field(default_factory=set)
    flipped: set[str] = field(default_factory=set)
    row_gradient: bool = False
    transposed: bool = False
    border: str = "zeros"
    filling: float | None = None
    #: layers, axes, channels and images as they were before an example
    before_example: tuple[dict[int, dict[str, tuple[int, ...]]], int | None, bool, bool] | None = None
    #: the name of x with its border, once the article wrote it out
    extended: str = ""
    mention: tuple[str, tuple[int, ...]] | None = None
    axes: dict[str, str] = field(default_factory=dict)
    system: tuple[Statement, ...] = ()
    said: list[dict[str, Any]] = field(default_factory=list)
    fixed: set[str] = field(default_factory=set)
    layers: dict[int, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    relations: dict[str, Term] = field(default_factory=dict)
    #: gradient -> the indices that the last equation for it had on its left
    targets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: names of sizes that a display which holds gave
    named: dict[str, tuple[str, int]] = field(default_factory=dict)
    #: s, p and d where the forward pass has them as letters: what follows is about every value of theirs
    free: frozenset[str] = frozenset()
    #: letters of sizes that are the same on every axis, as the forward pass writes one name for all
    square: frozenset[str] = frozenset()
    #: whether the padding before has one letter and that after another
    sided: bool = False
    #: by how much the article pads, in letters
    pads: tuple[str, ...] = ()
    dilation: int = 1
    stride_said: bool = False
    #: what the display at hand states, all of it
    beside: tuple[Statement, ...] = ()
    #: how often each letter stands with a prime in the article
    primes: Mapping[str, int] = field(default_factory=dict)
    #: the formulas for gradients so far, with what each is about
    covered: list[Any] = field(default_factory=list)
    #: words speak of a transposed layer somewhere
    unlike: bool = False
    #: what the forward pass is where it is no correlation: "full" or "valid", a true convolution
    forward: str = ""
    forward_seen: bool = False
    #: a forward equation that is not the layer's, and whether it is what gradients are taken of
    own: tuple[Term, Term] | None = None
    by_own: bool = False
    #: what the derivative of a squared loss multiplies the distance to the target with, once the loss is there
    loss: Fraction | int | None = None
    #: a star's sign -> what the article defines it as; "" where it defines it twice
    stars: dict[str, str] = field(default_factory=dict)
    framed: set[str] = field(default_factory=set)
    same: bool = False
    #: the size of the kernel in letters, as words say it
    kernel_said: str = ""
    highest: int | None = None
    #: first indices, and orders of channels and space, in which the displays so far hold; no order where none had channels
    bases: tuple[int, ...] = (1, 0)
    layouts: tuple[Layout, ...] = ()
    #: the author's letters where a table declares them; everything else here is about those that are read
    letters: Letters = field(default_factory=Letters)
    #: a display near the author's is looked at: that it is wrong is all there is to know of it
    tried: bool = False
    #: line -> the layer that entries of y written out there have
    written_out: dict[int, Steps] = field(default_factory=dict)
    #: the matrices of x's windows and of whole layers by name, and which ways matrices may lie; none yet: any
    columns: set[str] = field(default_factory=set)
    matrices: set[str] = field(default_factory=set)
    lying: tuple[tuple[bool, bool, bool], ...] = ()
    #: what second derivatives are called
    second: Directions = field(default_factory=Directions)

    def border_given(self) -> dict[str, Any]:
        """What the border holds, as a layer takes it."""
        filled = {"padding_value": self.filling} if self.border == "constant" else {}
        return {"padding_mode": self.border, **filled}

    def note(self, slot: str, value: Any, line: int | None) -> None:
        """A slot with the value it now has and where that comes from."""
        if not any(each["slot"] == slot and each["value"] == value for each in self.said):
            self.said.append({"slot": slot, "value": value, "line": line})

    def override(self, settings: Mapping[str, str], line: int | None = None) -> None:
        """What a person sets; ValueError names a slot or a value that there is not."""
        for slot, value in settings.items():
            value = str(value).strip().strip("\"'")
            if slot not in SLOTS:
                raise ValueError(f"there is no setting {slot!r}; there are {', '.join(SLOTS)}")
            try:
                if slot == "base":
                    self.base = {"0": 0, "1": 1}[value]
                elif slot == "star":
                    self.star = {"correlation": "correlation", "convolution": "convolution"}[value]
                    self.star_said = True
                elif slot == "stride":
                    self.stride = int(value)
                elif slot == "padding":
                    self.padding = None if value == "any" else int(value)
                elif slot == "einstein":
                    self.einstein = {"yes": True, "no": False, "true": True, "false": False}[value.lower()]
                else:
                    self.roles[value.lstrip("\\")] = slot
            except (KeyError, ValueError):
                raise ValueError(f"{slot}={value} is not understood; {slot} is {SLOTS[slot]}") from None
            self.fixed.add(slot)
            self.note(slot, value, line)

    def block(self, block: Block) -> None:
        """What headings and words say."""
        text = block.text
        if (
            _EINSTEIN.search(text)
            and "einstein" not in self.fixed
            and not re.search(r"\b(no|without|sans)\s+einstein", text, re.IGNORECASE)
        ):
            self.einstein = True
            self.note("einstein", True, block.line)
        if _PAD_ZERO.search(text) and "padding" not in self.fixed:
            self.padding, self.free, self.padding_said = 0, self.free - {"p"}, True
            self.note("padding", 0, block.line)
        self.unlike = self.unlike or bool(_UNTRANSPOSED.search(text))
        self._strides(text, block.line)
        if _FLIPPED.search(text) and "star" not in self.fixed:
            self.note("star", self.star, block.line)
        if (
            (
                found := re.search(
                    r"\$?([A-Za-z])'\s*=\s*([A-Za-z])\$?\s*(?:avec|with|mit|con|,)?\s*(?:zero\s*)?padd", text
                )
            )
            or (found := re.search(r"\$([A-Za-z])'\s*=\s*([A-Za-z])\$[^.]*padding", text))
        ) and self.roles.get(found[2]):
            self.roles[found[1] + "′"] = self.roles[found[2]]
            self.padded.add(found[1] + "′")
            self.note(found[1] + "'", f"{found[2]} padded", block.line)
        if found := _FRAMED.search(text):
            self.framed.add(found[1] + {r"\delta": "δ"}.get(found[2], found[2]))
            self.note(found[1] + found[2], f"{found[2]} with K - 1 zeros around it", block.line)
        if found := re.search(
            r"(?:kernel|filter|noyau|filtre|卷积核)[^.$]*\$([^$]*(?:\\times|×)[^$]*)\$", text, re.IGNORECASE
        ):
            self.kernel_said = re.sub(r"\\times\s*", "x", found[1])
        if _SAME.search(text) and "padding" not in self.fixed:
            self.same = True
            self.note("padding", "same: K odd, p = (K - 1)/2", block.line)
        for found in _ENTRY.finditer(text):
            self.mention = ("dx", tuple(int(g) for g in found.groups() if g))
        if block.kind == "heading":
            self.transposed = self.transposed or bool(
                re.search(r"transposed|transposée|transponiert", text, re.IGNORECASE)
            )
            self.mention = None
            self.relations = {}
            if self.before_example is not None:
                self.layers, self.dims, self.channels, self.images = self.before_example
                self.before_example = None
        if found := _BORDER.search(text):
            self.border = found[1] or found[2]
            self.note("border", self.border, block.line)
            if held := re.search(r"\$(-?[\d.]+|\\?[A-Za-z]+)\$\s*\(constant\)", text):
                number = re.fullmatch(r"-?[\d.]+", held[1])
                self.filling = float(held[1]) if number else None
                if not number:
                    self.roles[held[1].lstrip("\\")] = "v"
        self.words(block)

    def take(self, steps: Steps, line: int) -> None:
        """The layer that a forward pass written out has, as far as no words say another."""
        rank = len(steps.input)
        if rank in self.layers or self.transposed or self.border != "zeros" or self.channels:
            return
        if "stride" not in self.fixed and not self.stride_said:
            self.stride = steps.stride
            self.note("stride", steps.stride, line)
        if "padding" not in self.fixed and not self.padding_said:
            self.padding = steps.padding
            self.note("padding", steps.padding, line)
        self.dilation, self.dims = steps.dilation, rank
        known = self.sizes.setdefault(rank, {})
        known.setdefault("x", steps.input)
        known.setdefault("w", steps.kernel)

    def _strides(self, text: str, line: int) -> None:
        """A stride in digits or as a word."""
        if (found := _STRIDE.search(text)) and "stride" not in self.fixed:
            word = (found[1] or found[2] or found[3]).lower()
            self.stride, self.free, self.stride_said = _NUMBERS.get(word) or int(word), self.free - {"s"}, True
            self.note("stride", self.stride, line)

    def words(self, block: Block) -> None:
        """Sizes in words, ``input 5 x 6, kernel 3 x 2, stride 2``, or in letters, ``H = 5, K = 3, s = 2``."""
        text = re.sub(r"\\(?:times|cdot)", "x", block.text).replace("$", "").replace("×", "x")
        found = {what: m for what, pattern in WORDS.items() if (m := re.search(pattern + SIZE, text, re.IGNORECASE))}
        if "input" in found and "kernel" in found:
            given = {what: tuple(int(n) for n in re.findall(r"\d+", m[1])) for what, m in found.items()}
            rank = len(given["input"])
            if after := re.search(r"(?:before and|avant et|davor und)\s*(\d+(?:\s*x\s*\d+)*)", text):
                given["after"] = tuple(int(n) for n in re.findall(r"\d+", after[1]))
            for what, match in COUNTS.items():
                if number := re.search(match, text, re.IGNORECASE):
                    given[what] = (int(number[1] or number[number.re.groups]),)
            self._layer(rank, given, block.line)
        letters = dict(re.findall(r"(?<![A-Za-z_])([HKspqdrNCF])(?:_\{1\})?\s*=\s*(\d+)(?![\w(])", text))
        if {"H", "K"} <= set(letters):
            names = {"H": "input", "K": "kernel", "s": "stride", "p": "padding", "q": "after", "d": "dilation"}
            names |= {"r": "output_padding"} if self.transposed else {}
            names |= {"N": "batch", "C": "in_channels", "F": "out_channels"}
            instead = 1 in self.layers and _EXAMPLE.search(text) is not None
            if letters.keys() & set("NCF") or instead:  # an example, until the next heading
                self.before_example = self.before_example or (dict(self.layers), self.dims, self.channels, self.images)
            letters = {k: v for k, v in letters.items() if k in names}
            given = {names[k]: (int(v),) for k, v in letters.items()}
            if self.transposed and "output_padding" not in given:  # that of the whole layer
                axis = re.search(r"(?:axis|axe|Achse)\s*(\d)", text)
                extra = self.layers.get(max(self.layers, default=0), {}).get("output_padding", (0,))
                widest = extra[min(int(axis[1]) if axis else 1, len(extra)) - 1]
                fits = not instead and widest < max(int(letters.get("s", 1)), int(letters.get("d", 1)))
                given["output_padding"] = (widest if fits else 0,)
            if "after" not in given and any("after" in layer for layer in self.layers.values()):
                given["after"] = (0,)  # an article that tells the two sides apart leaves out what is zero
            self._layer(1, given, block.line)

    def _layer(self, rank: int, given: dict[str, tuple[int, ...]], line: int) -> None:
        channels = {k: v for k, v in self.layers.get(rank, {}).items() if k in COUNTS}
        self.layers[rank] = {**channels, **given}
        self.dims, self.channels = rank, bool({"in_channels", "out_channels"} & set(given))
        self.images = "batch" in given
        self.note(f"layer, {rank} axes", ", ".join(f"{k} {'x'.join(map(str, v))}" for k, v in given.items()), line)

    def shapes(self, statement: Statement, line: int) -> None:
        """What matrices and vectors written out say about sizes."""
        sides = statement.sides
        if len(sides) < 2 or not isinstance(sides[0], Name) or not isinstance(sides[1], (Grid, Seq)):
            return
        role = self.roles.get(sides[0].text)
        if role not in ("x", "w", "y"):
            return
        grid = sides[1] if isinstance(sides[1], Grid) else Grid((sides[1].items,))
        cells = [cell for row in grid.rows for cell in row]
        if not all(isinstance(cell, Entry) and self.roles.get(cell.array) == role for cell in cells):
            return
        rank = len(cells[0].at)  # type: ignore[attr-defined]
        shape = (len(cells),) if rank == 1 else (len(grid.rows), len(grid.rows[0])) if rank == 2 else None
        if shape is None:
            return
        self.dims, self.channels = rank, False
        known = self.sizes.setdefault(rank, {})
        known[role] = shape
        self.note(f"size of {sides[0].text}", " x ".join(map(str, shape)), line)

    def remember(self, statement: Statement) -> None:
        """Which axis each index runs along: where it stands by itself."""
        found: dict[str, str] = {}
        for side in statement.sides:
            for each in walk(side):
                if isinstance(each, Entry):
                    role = self.roles.get(each.array) or (
                        "d" + self.roles[each.array[1:]] if self.roles.get(each.array[1:]) else None
                    )
                    if role is None or each.array in self.padded:
                        continue
                    for index in each.at:
                        if isinstance(index, Name):
                            kind = shaped(role)
                            if kind != "x" or index.text not in found:
                                found[index.text] = kind
        self.axes.update(found)
