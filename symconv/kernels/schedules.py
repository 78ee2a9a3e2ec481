"""Schedules: what is done with every index of the sum over R.

The indices are n (image), g (group), f (filter of the group), c (channel of the group) and, on each spatial axis, o
(strided side) and k (tap); m, the row on the padded side, follows from o and k. A schedule says which of them are Python
loops, which spatial one is a slice, which are left to an array product, and which are written out. A row here and a
lowering in the table of :mod:`symconv.kernels.lowerings` are all that a schedule is.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAX_UNROLLED_TERMS", "SCHEDULES", "Schedule"]

#: a loss with more terms than this is not written out as straight-line code
MAX_UNROLLED_TERMS = 400


@dataclass(frozen=True)
class Schedule:
    """One way through the sum.

    ``loops`` are the Python loops, outermost first, the indices of one loop run through together; ``slices`` is the spatial
    index taken as a slice for each round; ``product`` is how what remains is multiplied ("scalar", "matmul" or "einsum");
    ``gathered`` is the spatial index copied beside the channels; ``written_out`` are the indices that become code.
    ``lowering`` names the way from here to source. ``summary`` and ``method`` say the same to the reader of a file.
    ``to_use`` marks the one whose file is named for the layer alone.
    """

    name: str
    summary: str
    method: str
    lowering: str = "nest"
    loops: tuple[str, ...] = ()
    slices: str = ""
    product: str = "scalar"
    gathered: str = ""
    written_out: str = ""
    to_use: bool = False

    @property
    def any_size(self) -> bool:
        """Whether the file holds for every size, or for the one it was written for."""
        return not self.written_out


SCHEDULES: dict[str, Schedule] = {
    schedule.name: schedule
    for schedule in (
        Schedule(
            "columns",
            summary="one matrix product for an image",
            method="For a block of outputs of one image the taps are gathered beside the channels; y is then one matrix product, "
            "dw another with the same columns, and for dx the product comes first and is added back where they were gathered. "
            "One tap is multiplied without a copy. Padding comes first, and its gradient is folded back last.",
            lowering="columns",
            loops=("n",),
            slices="o",
            product="matmul",
            gathered="k",
            to_use=True,
        ),
        Schedule(
            "loops",
            summary="the sum as nested loops",
            method="The loops run over every pair (o, k); m follows from them. What is outside the array counts as zero, so it "
            "is passed over. The gradients are the same loops with another factor left out. For reading, not for speed.",
            loops=("ngfc", "o", "k"),
        ),
        Schedule(
            "taps",
            summary="one matrix product for each tap of the kernel",
            method="A Python loop runs over the taps (kernel positions) only. For one tap the outputs that it serves, and the "
            "inputs that they read, are slices; channels are the inner dimension of a matrix product. Nothing is padded: the "
            "slices stop at the edge. The gradients are the same taps with another factor left out.",
            loops=("k",),
            slices="o",
            product="matmul",
        ),
        Schedule(
            "formulas",
            summary="the closed formulas, word for word",
            method="Each gradient is one correlation: pad, dilate (insert zeros), flip, correlate. r counts the rows that no "
            "window reaches; without it dx would be too short when the stride does not divide. For reading and for comparing "
            "with other texts: the zeros that are inserted are multiplied too.",
            lowering="formulas",
            loops=("k",),
            slices="o",
            product="einsum",
        ),
        Schedule(
            "unrolled",
            summary="straight-line code for one size",
            method="Every product is written out; a name stands for one entry in all images of the batch. Each entry is read "
            "once.",
            lowering="unrolled",
            written_out="gfcok",
        ),
    )
}
