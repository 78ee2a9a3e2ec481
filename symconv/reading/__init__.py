"""A NumPy function read as relations on integers: what it computes at every size, against the derivative of the loss.

    numbers, world            affine integers; what holds, floors and choices, divisions of the sizes
    terms, arrays, views      sums of products of entries; buffers and grids over them; slices, axes merged and split
    products, numpy_*         NumPy, one row for each function; vectors: short arrays of integers
    merged, rewrites          merged axes broadcast; Python said as other Python
    passes, blocks            what arrays hold after all passes; loops by a step that is a size
    python_rows, arithmetic   Python's builtins and operators; values: what else names hold
    control, masks            while, break, try; conditions on index arrays
    expressions, statements   Python, one row for each construct; loops: all passes at once; reader: the interpreter
    calls, truth, verdict     how a function is called; what is due, by R; what was read, against that
    regions                   ``read``: region by region of the sizes
    replay, child             the function run, in a process of its own, and held against what was read
    second                    z3 on what was read, R said anew
    prove, result, words      ``prove_code``; what it says; conditions; steps: any stride; theorem: for kernels and audits;
                              api: ``prove``

What is claimed: for the convention said, at every size with an output and the strides and dilations said, in exact arithmetic,
the function returns the gradient, returns something else, or raises, exactly as said. Every product of entries is followed from
the arguments to the result, with N, C, F, groups, H, W, K, L and the padding free, and counted: it must stand in the entry where
R puts it exactly once. Nothing is approximated: a construct, a function or a form of arguments that has no row makes the
verdict UNKNOWN, with its line.

What is assumed. Entries are of a field: no rounding, no overflow, no infinities or NaN; integer dtypes are not read. The
names of NumPy and of Python's builtins mean what they say, and nobody changes them. Arguments do not share memory, lie in C
order and have the shapes that the convention says. Memory and time suffice.

What is trusted. isl, for questions about sets of integers. The reader, for what Python and NumPy do: therefore every verdict is
replayed: the function is run on random geometries, small and larger, and on one of every set that was found, and all entries and
exceptions must come out as they were read; one that does not makes the verdict UNKNOWN.
"""

from symconv.reading.calls import Call
from symconv.reading.prove import prove_code, prove_source
from symconv.reading.regions import Reading, read
from symconv.reading.result import CodeProof, CodeProofs

__all__ = ["Call", "CodeProof", "CodeProofs", "Reading", "prove_code", "prove_source", "read"]
