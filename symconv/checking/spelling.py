"""Other ways of writing what the reader knows: words set as text, gradients with a nabla or an upright d, sizes with an axis."""

from __future__ import annotations

from typing import Any

from symconv.algebra.trees import rebuilt
from symconv.checking.letters import LOSS
from symconv.mathematics.of_latex import Text
from symconv.mathematics.tree import Above, Below, Fence, Fraction, Math, Row, Word

__all__ = ["SIZE_WORDS", "spelled"]

#: words that are sizes of a layer -> the letter of each
SIZE_WORDS = {"stride": "s", "padding": "p", "pad": "p", "dilation": "d", "kernel_size": "K", "kernel": "K", "filter_size": "K",
              "output_padding": "r", "input_size": "H", "output_size": "O"}  # fmt: skip
#: what a word in a text is as a function
FUNCTION_WORDS = {"FullConv": "full_conv", "fullconv": "full_conv", "full_conv": "full_conv", "conv_full": "full_conv",
                  "fullConv": "full_conv", "Full_Conv": "full_conv", "Conv": "conv", "conv": "conv", "convolution": "conv",
                  "Convolution": "conv", "conv2d": "conv", "Conv2d": "conv", "Conv2D": "conv", "corr": "correlate",
                  "correlation": "correlate", "xcorr": "correlate", "rotate_180": "rot180", "rot_180": "rot180",
                  "Rotate180": "rot180", "rotate180": "rot180", "Rot180": "rot180", "rot180": "rot180", "rot": "rot180",
                  "flip": "flip", "Flip": "flip", "pad": "pad", "Pad": "pad",
                  **dict.fromkeys(("zero_pad", "zeropad", "ZeroPad", "zero_padding", "pad_zeros"), "pad")}  # fmt: skip

#: the same of words that are modes where nothing in brackets follows
MODE_WORDS = {"full": "full_conv", "valid": "conv"}


def spelled(math: Any) -> Any:
    """The same formula in the words that the reader of statements knows."""
    if isinstance(math, tuple):
        return tuple(map(spelled, math))
    if isinstance(math, (Text, Word)):
        return _word(math)
    if isinstance(math, Row):  # braces inside do not show: what they hold stands among the rest
        inside = [spelled(each) for each in math.parts]
        return _row(
            [part for each in inside for part in (each.parts if isinstance(each, Row) and each.parts else (each,))]
        )
    if isinstance(math, Fraction):
        top, bottom = spelled(math.top), spelled(math.bottom)
        above, below = (_parts(each) for each in (top, bottom))
        if len(above) > 1 and len(below) > 1 and above[0] == below[0] == Word("d"):
            return Fraction(Row((Word("∂"), *above[1:])), Row((Word("∂"), *below[1:])))
        return Fraction(top, bottom)
    if isinstance(math, Math):
        found: Math = rebuilt(math, spelled)
        return found
    return math


def _is_word(math: Math | None) -> bool:
    """Whether it is the name of a function, with amounts below it or not: what is in brackets after it is its argument."""
    while isinstance(math, (Below, Above)):
        math = math.base
    return isinstance(math, (Word, Text)) and len(math.text) > 1


def _bare(math: Math) -> Math:
    """A letter that stands in brackets before its indices, ``(w')^l_{m,n}``, without them."""
    if isinstance(math, Below):
        return Below(_bare(math.base), math.sub)
    if isinstance(math, Above):
        return Above(_bare(math.base), math.sup)
    if not isinstance(math, Fence) or (math.left, math.right) != ("(", ")"):
        return math
    inside = math.body.base if isinstance(math.body, Above) and math.body.sup == Word("′") else math.body
    return math.body if isinstance(inside, Word) and len(inside.text) == 1 else math


def _parts(math: Math) -> tuple[Math, ...]:
    return math.parts if isinstance(math, Row) else (math,)


def _word(math: Math) -> Math:
    assert isinstance(math, (Text, Word))
    name = "_".join(math.text.split())
    if name in FUNCTION_WORDS and (isinstance(math, Text) or name not in ("rot",)):
        return Word(FUNCTION_WORDS[name])
    if isinstance(math, Text) and (name in SIZE_WORDS or name in LOSS - {"C", "J", "E", "L"}):
        return Word(name)
    return math


def _row(parts: list[Math]) -> Math:
    """A row, with ``∇_w L`` as a fraction and ``stride[0]`` as one name."""
    found: list[Math] = []
    at = 0
    while at < len(parts):
        part, after = parts[at], parts[at + 1] if at + 1 < len(parts) else None
        if isinstance(part, Below) and not _is_word(parts[at - 1] if at else None):
            part = _bare(part)
        if isinstance(part, Below) and part.base == Word("∇") and isinstance(after, Word) and after.text in LOSS:
            found.append(Fraction(Row((Word("∂"), after)), Row((Word("∂"), part.sub))))
            at += 2
        elif (
            isinstance(part, (Text, Word))
            and part.text in MODE_WORDS
            and isinstance(after, Fence)
            and after.left == "("
        ):
            found.append(Word(MODE_WORDS[part.text]))
            at += 1
        elif isinstance(part, Word) and part.text in SIZE_WORDS and isinstance(after, Fence) and after.left == "[":
            axis = after.body.text if isinstance(after.body, Word) else ""
            found.append(Below(part, Word(str(int(axis) + 1))) if axis.isdigit() else part)
            at += 2
        else:
            found.append(part)
            at += 1
    return found[0] if len(found) == 1 else Row(tuple(found))
