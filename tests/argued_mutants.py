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
        ("symconv/proof/vocabulary.py", "balanced", "left = {n: c for n, c in coefficients.items() if n != \"K\" and c > 0}", "c > 0 -> c >= 0"),
        ("symconv/proof/vocabulary.py", "balanced", "right = {n: -c for n, c in coefficients.items() if n == \"K\" or c < 0}", "c < 0 -> c <= 0"),
    ),
    "where nothing differs the groups that are gone through hold no failure; leaving them out only costs less time": (
        ("symconv/formulas/by_axes.py", "_compared", "reached_everywhere = all(axis.claimed >= axis.length for axis in axes)", "axis.claimed >= axis.length -> axis.claimed > axis.length"),
    ),
    "a constant that is zero was left out one line above": (
        ("symconv/algebra/integers.py", "additive_terms", "negative = isinstance(e, Const) and e.value < 0", "0 -> 1"),
    ),
    "how much work or time is spent before a search is given up is free": (
        ("symconv/proof/solver.py", "ask", "solver.set(\"timeout\", max(1, int(1000 * seconds_left())))", "1000 * seconds_left() -> 1000 + seconds_left()"),
        ("symconv/proof/conditions.py", "condition_of", "with limited(decision.context, 3 * max_operations):", "3 -> 4"),
    ),
    "both ways find the same first element, one by going through small totals, one by isl's search": (
        ("symconv/proof/counterexample.py", "_smallest_sizes", "first = _first_by_total(failing, claim.sizes) or _first_by_order(context, failing, claim.sizes)", "_first_by_total(failing, claim.sizes) or _first_by_order(context, failing, claim -> _first_by_total(failing, claim.sizes) and _first_by_order(context, failing, clai"),
    ),
    "a condition is searched at a stride and a dilation that are given": (
        ("symconv/proof/conditions.py", "_Search.ordinary", "s, d = self.claim.stride or 1, self.claim.dilation or 1", "1 -> 2"),
    ),
    "how much of a text that is too long is quoted is free": (
        ("symconv/formulas/expressions.py", "ExpressionReader.__init__", "raise FormulaError(f\"{len(text):,} characters, more than {MAX_LENGTH:,}\", text[:60], 1)", "60 -> 61"),
    ),
    "how large the layers are that are drawn is free": (
        ("symconv/proof/replay.py", "drawn_layers", "H = generator.randint(1, 9) if claim.formula.transposed else generator.randint(1, 2 * s + d * (K - 1) + 3)", "9 -> 10"),
        ("symconv/proof/replay.py", "drawn_layers", "H = generator.randint(1, 9) if claim.formula.transposed else generator.randint(1, 2 * s + d * (K - 1) + 3)", "2 * s -> 2 + s"),
    ),
    "slack mod 1 is zero, and p <= 0 costs less as p == 0": (
        ("symconv/proof/vocabulary.py", "vocabulary", "if claim.mode.counts_outside and stride > 1:  # a border that no window reaches", "stride > 1 -> stride >= 1"),
    ),
    "how far a sample of sizes reaches before a rule is looked for is free": (
        ("symconv/proof/conditions.py", "_Search.condition", "if not longest.is_int() or longest.to_python() > (self.claim.stride or 1) + (self.claim.dilation or 1):", "self.claim.dilation or 1 -> self.claim.dilation and 1"),
    ),
    "how deep a text may nest is free": (
        ("symconv/formulas/pointwise.py", "PointwiseReader.index_sum", "inner = self.index_sum(each, ranges, where, depth + 1)", "1 -> 2"),
    ),
    "the group and its filters are one index of v_b wherever it is shown": (
        ("symconv/layer/loss.py", "channel_labels", "\"v_x\": x, \"ddx\": x, \"v_w\": _WEIGHTS, \"ddw\": _WEIGHTS, \"v_b\": y[1:], \"v_dy\": y, \"ddy\": y, FILLER: \"\"}  # fmt: skip", "1 -> 2"),
    ),
    "of two phrases as long as the bound either may be printed": (
        ("symconv/proof/conditions.py", "_Search.and_degenerate", "if \"floor\" not in plain and len(plain) <= (len(degenerate) - 10 if exact else 90):", "len(plain) <= (len(degenerate) - 10 if exact else 90) -> len(plain) < (len(degenerate) - 10 if exact else 90)"),
    ),
}  # fmt: skip

ARGUED: dict[Key, str] = {key: reason for reason, keys in REASONS.items() for key in keys}
