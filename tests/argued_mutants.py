"""Mutants of the core that no test can kill, by the reason; tests/core_mutants.py leaves them out."""

# ruff: noqa: E501
from __future__ import annotations

Key = tuple[str, str, str, str]

#: why nothing that is promised depends on it -> (file, function, changed line, change)
REASONS: dict[str, tuple[Key, ...]] = {
    "a term whose coefficient is zero is gone from every difference, so that none is compared with zero here": (
        ("symconv/formulas/verify.py", "_by_axes", "extra = tuple((-c, factors) for c, factors in terms if c < 0)", "c < 0 -> c <= 0"),
        ("symconv/formulas/verify.py", "_by_axes", "missing = tuple(term for term in terms if term[0] > 0)", "term[0] > 0 -> term[0] >= 0"),
        ("symconv/formulas/verify.py", "_check", "extra=tuple((-c, factors) for c, factors in terms if c < 0),", "c < 0 -> c <= 0"),
        ("symconv/formulas/verify.py", "_check", "missing=tuple(term for term in terms if term[0] > 0),", "term[0] > 0 -> term[0] >= 0"),
    ),
    "taps and places are gone through in either order with the same terms; the order only costs time": (
        ("symconv/formulas/values.py", "Reading.correlate", "over_taps = np.prod(b.space) <= np.prod(space)", "np.prod(b.space) <= np.prod(space) -> np.prod(b.space) < np.prod(space)"),
    ),
    "an operation has one way of being done or six, never two": (
        ("symconv/formulas/parser.py", "_Parser.moved", 'given = self.arguments(node, ("operand", *names, *(["mode"] if len(modes) > 1 else [])), required)', "1 -> 2"),
    ),
    "a range has both ends or none": (
        ("symconv/formulas/indices.py", "ranges", "if each.start is not None and each.stop is not None:", "each.start is not None and each.stop is not None -> each.start is not None or each.stop is not None"),
        ("symconv/formulas/indices.py", "axis_links", "if each.start is not None and each.stop is not None", "each.start is not None and each.stop is not None -> each.start is not None or each.stop is not None"),
    ),
    "K stands in a form with a coefficient that is not zero, or not at all": (
        ("symconv/proof/vocabulary.py", "balanced", 'if left and right == {"K": -coefficients.get("K", 0)} and right["K"] < 0:', "right['K'] < 0 -> right['K'] <= 0"),
    ),
    "a divisor whose interval holds zero is refused three lines above": (
        ("symconv/formulas/indices.py", "interval", "return (0, d - 1) if c > 0 else (c + 1, 0)", "c > 0 -> c >= 0"),
    ),
    "a size with the coefficient zero adds nothing, wherever it is put": (
        ("symconv/proof/vocabulary.py", "affine", "elif c < 0:", "0 -> 1"),
        ("symconv/proof/vocabulary.py", "affine", "elif c < 0:", "c < 0 -> c <= 0"),
        ("symconv/proof/vocabulary.py", "affine", "if c > 0:", "c > 0 -> c >= 0"),
        ("symconv/proof/vocabulary.py", "affine", "for name, c in sorted(coefficients.items(), key=lambda item: item[1] < 0):", "item[1] < 0 -> item[1] <= 0"),
    ),
}  # fmt: skip

ARGUED: dict[Key, str] = {key: reason for reason, keys in REASONS.items() for key in keys}
