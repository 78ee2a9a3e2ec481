"""Padding: a map P from the rows of the padded input to the rows of the input, and words for its amounts.

A window reads the padded row ``t = s*o + d*k - p``, counted from the first row of x. Inside, 0 <= t < H, it is row t of x;
beyond the border the mode says which row stands there, if one does:

    R = { (o, k, m) :  m = P(s*o + d*k - p) }

A mode is one row of ``MODES``, as expressions of :mod:`symconv.algebra.integers`; the loss, formulas, proofs, kernels and
articles read it there. Only :mod:`symconv.layer.differences`, the second opinion, pads by other means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.algebra.comparisons import Comparison, compare
from symconv.algebra.integers import Const, Integer, Name
from symconv.layer import relation

__all__ = ["FILLER", "MODES", "OUTSIDE", "WORDS", "Mode", "Word", "amounts_of_word", "check_amounts", "mode_named"]

H, K, t, s, d, total = (Name(n) for n in ("H", "K", "t", "s", "d", "total"))

#: what stands for a row that no row of x feeds, in arrays of row numbers
OUTSIDE = -1

#: the array of one entry that a constant border shows: v, the constant
FILLER = "v"


@dataclass(frozen=True, slots=True)
class Mode:
    """``before`` and ``after``: the row of x that stands at row t < 0 and t >= H; None where none does.

    ``most`` is the largest amount on one side and ``reason`` why there are no more. ``filled`` says that what no row feeds is
    the constant v, not nothing. ``numpy`` and ``torch`` are the names of the mode there.
    """

    name: str
    before: Integer | None
    after: Integer | None
    numpy: Any  # a string; np.pad is annotated with literals
    torch: str | None
    most: Integer | None = None
    reason: str = ""
    filled: bool = False

    @property
    def moves_rows(self) -> bool:
        """Whether rows of x stand outside it."""
        return self.before is not None

    @property
    def counts_outside(self) -> bool:
        """Whether a tap outside x adds a term."""
        return self.moves_rows or self.filled

    @property
    def pieces(self) -> tuple[tuple[tuple[Comparison, ...], Integer], ...]:
        """P piece by piece: conditions on t and H, and the row of x that stands there."""
        inside = (compare(0, "<=", t), compare(t, "<", H))
        result: list[tuple[tuple[Comparison, ...], Integer]] = [(inside, t)]
        if self.before is not None:
            result.insert(0, ((compare(t, "<", 0),), self.before))
        if self.after is not None:
            result.append(((compare(t, ">=", H),), self.after))
        return tuple(result)

    def rows(self, at: Any, size: int) -> Any:
        """P on an array of padded rows: rows of an input of ``size``, OUTSIDE where none stands.

        >>> import numpy as np
        >>> MODES["reflect"].rows(np.arange(-2, 6), 4).tolist()
        [2, 1, 0, 1, 2, 3, 2, 1]
        """
        import numpy as np  # heavy: proofs read the table without arrays

        at = np.asarray(at)
        result = np.full(at.shape, OUTSIDE, dtype=np.int64)
        for conditions, row in self.pieces:
            here = np.ones(at.shape, dtype=bool)
            for condition in conditions:
                here &= np.asarray(condition.evaluate({"t": at, "H": size}))
            result = np.where(here, row.evaluate({"t": at, "H": size}), result)
        return np.where((result >= 0) & (result < size), result, OUTSIDE)


#: every mode, by its name in PyTorch (``symmetric``: in NumPy)
MODES: dict[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode("zeros", None, None, "constant", "zeros"),
        Mode("constant", None, None, "constant", "constant", filled=True),
        Mode("reflect", -t, 2 * (H - 1) - t, "reflect", "reflect", H - 1,
             "the edge is not repeated, so there are H - 1 rows to mirror"),
        Mode("replicate", Const(0), H - 1, "edge", "replicate"),
        Mode("circular", t + H, t - H, "wrap", "circular", H, "there are H rows to go round once"),
        Mode("symmetric", -t - 1, 2 * H - 1 - t, "symmetric", None, H, "there are H rows to mirror"),
    )
}  # fmt: skip


def mode_named(name: Any) -> Mode:
    """The mode of this name; ValueError for another.

    >>> mode_named("wrap")
    Traceback (most recent call last):
    ValueError: padding_mode 'wrap' is unknown; there are zeros, constant, reflect, replicate, circular, symmetric
    """
    if not isinstance(name, str) or name not in MODES:
        raise ValueError(f"padding_mode {name!r} is unknown; there are {', '.join(MODES)}")
    return MODES[name]


def check_amounts(mode: Mode, size: int, pair: Sequence[int], axis: int) -> None:
    """ValueError where a side has more padding than the mode can fill."""
    if mode.most is None:
        return
    most = mode.most.evaluate({"H": size})
    if max(pair) > most:
        raise ValueError(
            f"padding ({pair[0]}, {pair[1]}) on axis {axis}: {mode.name} padding of an input of {size} is at most "
            f"{mode.most} = {most} on each side; {mode.reason}"
        )


# words for amounts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """Amounts of padding said in a word: ``before`` of ``total`` rows stand before, the others after.

    A total below zero is none. ``refusal`` says why the word has no meaning with a stride; ``transposable`` whether it has one
    for a transposed convolution.
    """

    total: Integer
    before: Integer
    transposable: bool = True
    refusal: str = ""

    def amounts(self, sizes: Mapping[str, int]) -> tuple[int, int]:
        """Rows before and after, for H, K, s and d in ``sizes``."""
        rows = max(0, int(self.total.evaluate(sizes)))
        before = int(self.before.evaluate({**sizes, "total": rows}))
        return before, rows - before

    @property
    def expressions(self) -> tuple[Integer, Integer] | None:
        """The amounts as expressions of K and d; None where they need a case distinction."""
        if not self.total.names() <= {"K", "d"}:
            return None
        before = self.before.substitute({"total": self.total})
        return before, self.total - before


WORDS: dict[str, Word] = {
    "valid": Word(Const(0), Const(0)),
    "same": Word(
        d * (K - 1), total // 2, transposable=False, refusal="frameworks disagree on it (PyTorch refuses it, TensorFlow pads by "
        "the stride, here 'same_tf'); give the padding in numbers"
    ),
    "full": Word(2 * (d * (K - 1)), d * (K - 1)),
    "causal": Word(d * (K - 1), total),
    # as many outputs as rows divided by the stride, rounded up
    "same_tf": Word(((H + s - 1) // s - 1) * s + relation.SPAN - H, total // 2, transposable=False),
}  # fmt: skip


def amounts_of_word(word: str, known: Mapping[str, Sequence[int]], transposed: bool) -> tuple[tuple[int, int], ...]:
    """The amounts on each axis that ``word`` stands for; ValueError for an unknown word or one without meaning here.

    >>> amounts_of_word("same_tf", {"input": (7,), "kernel": (4,), "stride": (2,), "dilation": (1,)}, False)
    ((1, 2),)
    """
    if word not in WORDS:
        raise ValueError(f"padding {word!r} is unknown; give numbers, (before, after) pairs, or {_listed(WORDS)}")
    meaning = WORDS[word]
    if transposed and not meaning.transposable:
        raise ValueError(f"padding {word!r} is not defined for a transposed convolution; give the padding in numbers")
    if meaning.refusal and any(step != 1 for step in known["stride"]):
        raise ValueError(f"padding {word!r} with stride {known['stride']}: {meaning.refusal}")
    letters = zip(known["input"], known["kernel"], known["stride"], known["dilation"], strict=True)
    return tuple(meaning.amounts(dict(zip("HKsd", sizes, strict=True))) for sizes in letters)


def _listed(words: Mapping[str, Word]) -> str:
    quoted = [repr(word) for word in words]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"
