"""A proof as LaTeX: a theorem environment with its condition, and a paragraph with the change of index behind it.

Fit for a paper that loads amsmath and amsthm and says ``\\newtheorem{theorem}{Theorem}``. Indices are 1-based, as in textbooks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from symconv.formulas import tree
from symconv.layer import relation
from symconv.layer.padding import MODES
from symconv.mathematics.latex import latex
from symconv.mathematics.of_integers import from_one, one_based, simplified
from symconv.proof.argument import (
    AXES,
    BORDER,
    RANGES,
    existing,
    in_latex,
    lengths,
    matching,
    most_padding,
    paddings,
)
from symconv.proof.claim import Claim
from symconv.proof.positions import plain_length
from symconv.proof.verdicts import PROVED, REFUTED

if TYPE_CHECKING:
    from symconv.proof.conditions import Condition
    from symconv.proof.counterexample import Counterexample

__all__ = ["Decided", "in_notebook", "theorem"]


class Decided(Protocol):
    """What a theorem is made of: a claim, the verdict on it, and what was found where it does not hold."""

    @property
    def claim(self) -> Claim: ...
    @property
    def verdict(self) -> str: ...
    @property
    def counterexample(self) -> Counterexample | None: ...
    @property
    def validity(self) -> Condition | None: ...
    @property
    def reason(self) -> str | None: ...


#: what a target is called, and with respect to what it is a gradient
TITLES = {"y": "Output", "dx": "Input gradient", "dw": "Weight gradient", "db": "Bias gradient",
          "ddy": "Double backward, by the upstream gradient", "ddx": "Double backward, by the input",
          "ddw": "Double backward, by the weights"}  # fmt: skip
VARIABLES = {"dx": "x", "dw": "w", "db": "b", "ddy": "dy", "ddx": "x", "ddw": "w"}

#: the signs of a closed formula and what they mean; used where they occur
NOTATION = {
    r"\star": r"$a \star b$ is the correlation with entries $\sum_j a_{i+j-1} b_j$",
    r"\uparrow": r"$a \uparrow t$ is $a$ with $t - 1$ zeros between neighbouring entries",
    r"\downarrow": r"$a \downarrow t$ keeps every $t$-th entry of $a$, beginning with the first",
    r"{pad}": r"$\operatorname{pad}_{u,v}$ puts $u$ zeros before and $v$ behind (a negative number takes entries away)",
    r"{crop}": r"$\operatorname{crop}_{u,v}$ takes away the first $u$ and the last $v$ entries",
    r"{fold}": r"$\operatorname{fold}_{u,v}$, the transpose of $\operatorname{pad}_{u,v}$, adds the border to the entries that "
    r"fill it",
    r"{flip}": r"$\operatorname{flip}$ reverses the order",
}
NOTATION |= {
    f"{{{name}}}": rf"with $\operatorname{{{name}}}$ the border is of that kind instead of zeros"
    for name, mode in MODES.items()
    if mode.counts_outside
}


def theorem(proof: Decided) -> str:
    """The theorem that ``proof`` amounts to, and its proof, as environments of a paper; if undecided, a remark."""
    if proof.claim.forward is not None:
        raise ValueError("a theorem is written about the layer's own forward pass only")
    if proof.verdict not in (PROVED, REFUTED):
        return "% undecided: " + " ".join((proof.reason or "").split()) + "\n" + _open(proof.claim)
    return "\n".join(
        [
            r"% needs amsmath, amsthm and \newtheorem{theorem}{Theorem}; indices begin with 1",
            rf"\begin{{theorem}}[{_title(proof.claim)}]",
            *_said(proof),
            r"\end{theorem}",
            r"\begin{proof}",
            *_shown(proof),
            r"\end{proof}",
        ]
    )


def in_notebook(proof: Decided) -> str:
    """The same without environments that MathJax does not have: paragraphs, with mathematics between dollars."""
    if proof.claim.forward is not None:
        lines = [
            rf"{proof.verdict}: \[ {latex(proof.claim.formula)} \] with the forward pass \[ {latex(proof.claim.forward)} \]"
        ]
    elif proof.verdict not in (PROVED, REFUTED):
        lines = [_open(proof.claim)]
    else:
        lines = [rf"Theorem ({_title(proof.claim)}).", *_said(proof), "Proof.", *_shown(proof)]
    return re.sub(r"\\\[ ?(.*?) ?\\\]", r"$$\1$$", "\n\n".join(lines))


def _open(claim: Claim) -> str:
    return rf"It is not decided whether \[ {latex(claim.formula)}. \]"


def _title(claim: Claim) -> str:
    layer = f", {claim.formula.kind.called}" if claim.formula.transposed else ""
    return f"{TITLES[claim.formula.target]}{layer}, stride {_any(claim.stride)}, dilation {_any(claim.dilation)}"


def _said(proof: Decided) -> list[str]:
    return [_setting(proof.claim), _statement(proof)]


def _shown(proof: Decided) -> list[str]:
    return _argument(proof.claim) if proof.verdict == PROVED else _refutation(proof)


def _any(step: int | None) -> str:
    return "arbitrary" if step is None else str(step)


# the statement -----------------------------------------------------------------------------------------------------------


def _setting(claim: Claim) -> str:
    steps = [f"{name} = {claim.numbers[name]}" if name in claim.numbers else rf"{name} \ge 1" for name in "sd"]
    bias = " + b" if claim.with_bias or claim.formula.target == "db" else ""
    read = latex(from_one(relation.INPUT_INDEX))
    gradient = claim.formula.target != "y"
    after = "," if gradient else "."
    upstream = " and let $dy$ be the gradient of a scalar function of $y$." if gradient else ""
    if claim.formula.target not in tree.TARGETS:
        upstream += r" For $v_x$, $v_w$, $v_b$ of the shapes of $x$, $w$, $b$ let $L_2 = \langle v_x, dx \rangle + \langle v_w, "
        upstream += r"dw \rangle + \langle v_b, db \rangle$."
    sizes = [latex(each) for each in (lengths(), paddings(claim.symmetric), existing(claim.formula.kind))]
    first = rf"Let ${sizes[0]}$ and ${sizes[1]}$ be integers, ${steps[0]}$ and ${steps[1]}$,"
    if claim.formula.transposed:
        return (
            rf"{first} $0 \le r < \max(s, d)$ and ${sizes[2]}$. For $x$ of length $H$ and $w$ of length $K$ "
            rf"let $y$, of length $O$, have the entries \[ y_m = \sum_{{{read} = m}} x_o w_k{bias}{after} \]{upstream}"
        )
    remainder = rf", and put $r = {latex(claim.remainder)}$" if "r" in claim.formula.sizes() else ""
    return (
        rf"{first} with ${sizes[2]}${remainder}. For $x$ of length $H$ and $w$ of length $K$ let $y$, of length $O$, "
        rf"have the entries \[ y_o = \sum_{{k = 1}}^{{K}} w_k x_{{{read}}}{bias}, \] "
        rf"where {_border(claim)}{after}{upstream}"
    )


def _border(claim: Claim) -> str:
    """What stands for entries of x outside its range."""
    mode = claim.mode
    if mode.filled:
        return "entries of $x$ outside its range are a constant $v$"
    if mode.before is None or mode.after is None:
        return "entries of $x$ outside its range are zero"
    rows = [latex(simplified(one_based(row, ("t",)))) for row in (mode.before, mode.after)]
    largest = most_padding(mode)
    most = "" if largest is None else f", and ${latex(largest)}$"
    return rf"$x_t$ stands for $x_{{{rows[0]}}}$ where $t < 1$ and for $x_{{{rows[1]}}}$ where $t > H${most}"


def _statement(proof: Decided) -> str:
    target, shown = proof.claim.formula.target, latex(proof.claim.formula)
    what = "the output" if target == "y" else f"the gradient with respect to ${VARIABLES[target]}$"
    what = what if target in tree.TARGETS else what.replace("gradient", "gradient of $L_2$")
    used = [meaning for sign, meaning in NOTATION.items() if sign in shown]
    where = f" Here {'; '.join(used)}." if used else ""
    outside = (
        " Entries outside an array are zero." if proof.claim.formula.index or "sum" in str(proof.claim.formula) else ""
    )
    display = rf"\[ {shown} \]"
    if proof.verdict == PROVED:
        return f"Then {what} is {display.replace(' ' + chr(92) + ']', '. ' + chr(92) + ']')}{where}{outside}"
    # a condition of every stride is observed at some, and no part of a theorem
    validity = proof.validity if len(proof.claim.numbers) == 2 else None
    if validity is None:
        when = "does not hold for all of these sizes."
    elif validity.generic == "never":
        when = "does not hold at any of these sizes"
        when += (
            "."
            if validity.degenerate is None
            else f", apart from degenerate ones: {_mathematics(validity.degenerate)}."
        )
    else:
        when = f"holds if and only if {_mathematics(validity.generic)}"
        when += (
            "." if validity.degenerate is None else f", or at a degenerate size: {_mathematics(validity.degenerate)}."
        )
    return f"Then for {what} the equation {display} {when}{where}{outside}"


def _mathematics(condition: str) -> str:
    """A condition's text with its formulas set as mathematics: what is written in single letters, numbers and signs."""
    pieces = []
    for piece in re.split(r"( and | or |[()]?\b(?:[a-z]{2,}|[a-z]{2,} )+\b[()]?)", condition.replace(" mod ", " % ")):
        if re.search(r"[a-z]{2,}", piece) or not piece.strip(" (),"):
            pieces.append(piece)
        elif piece.strip():
            inner = piece.strip()
            for sign, command in (
                ("==", "="),
                ("<=", r"\le"),
                (">=", r"\ge"),
                ("!=", r"\ne"),
                ("%", r"\bmod"),
                ("*", " "),
            ):
                inner = inner.replace(sign, command)
            pieces.append(f"{' ' * piece.startswith(' ')}${inner}${' ' * piece.endswith(' ')}")
    return "".join(pieces)


# the proof ---------------------------------------------------------------------------------------------------------------


def _argument(claim: Claim) -> list[str]:
    body = claim.formula.body
    if isinstance(body, tree.Add) and body.right == tree.Array("b"):
        body = body.left
    spread = any(isinstance(node, tree.Move) and node.operation.spreads for node in body.walk())
    bordered = claim.mode.counts_outside and claim.formula.target in ("y", "dx", "dw")
    told = _bordered if bordered else None if spread else _ARGUMENTS.get(type(body))
    lines = [_due(claim)]
    lines += told(claim, body) if told else [
        "With multiplicity, the products that the formula adds up in every entry of the result are these.",
    ]  # fmt: skip
    how = (
        "by Presburger arithmetic"
        if len(claim.numbers) == 2
        else "as an unsatisfiable system of polynomial constraints over the integers, by an SMT solver"
    )
    lines.append(f"{in_latex(RANGES)} It was decided for all of the sizes at once, {how}.")
    if claim.products == 1:
        lines.append(in_latex(AXES))
    return lines


def _due(claim: Claim) -> str:
    """Which products belong in an entry of the target."""
    if claim.formula.target == "db":
        return "Every entry of $y$ holds $b$ once, so the gradient is the sum of all entries of $dy$, each taken once."
    kinds = (tuple(_entry(claim, array) for array in arrays) for arrays in tree.PRODUCTS[claim.formula.target])
    products = " and ".join(f"${first} {second}$" for first, second in kinds)
    at = _entry(claim, claim.formula.target)
    link = rf"m = {latex(from_one(relation.INPUT_INDEX))}"
    why = "By definition" if claim.formula.target == "y" else "By the chain rule"
    if claim.mode.counts_outside:
        link = rf"$x_m$ standing for $x_{{{latex(from_one(relation.INPUT_INDEX))}}}$"
        return rf"{why} ${at}$ is the sum of the products {products} over all indices with {link}."
    return rf"{why} ${at}$ is the sum of the products {products} over all indices with ${link}$."


def _entry(claim: Claim, array: str) -> str:
    named = f"{{{array}}}" if "_" in array else array
    return f"{named}_{{{claim.index(array)}}}"


def _correlation(claim: Claim, node: tree.Correlate) -> list[str]:
    due, built = claim.length, latex(plain_length(node, claim.extents))
    assert due is not None
    return [
        f"{in_latex(matching(claim.formula.target, node, claim.index, claim.extents))} With $P$ and $Q$ put in, this is the same "
        "equation between $o$, $k$ and $m$; and since the places determine the entries, every product occurs once.",
        rf"The result has ${built} = {latex(due)}$ entries.",
    ]


def _substitution(claim: Claim, node: tree.IndexSum) -> list[str]:
    indices = [*([claim.formula.index] if claim.formula.index else []), *(each.index for each in node.ranges)]
    equations = [
        rf"{claim.index(factor.name)} = {latex(simplified(one_based(factor.index, indices)))}"
        for factor in node.factors
    ]
    names = ", ".join(f"${each.index}$" for each in node.ranges)
    product = " ".join(_entry(claim, factor.name) for factor in node.factors)
    target = claim.index(claim.formula.target)
    of = "" if claim.formula.index in (None, target) else rf", with ${claim.formula.index} = {target}$,"
    determined = f" Its entries determine {names}, so it occurs once." if names else ""
    if claim.formula.target == "db":
        return [rf"The summand is ${product}$ for ${' , '.join(equations)}$.{determined}"]
    return [
        rf"In the formula entry ${target}$ holds ${product}$ exactly if{of} ${'$ and $'.join(equations)}$; with the first put "
        rf"into the others this is the same equation between $o$, $k$ and $m$.{determined}"
    ]


def _bordered(claim: Claim, node: tree.Node) -> list[str]:
    """Where the border holds something, padding is a linear map, or an affine one, apart from the correlation."""
    return [in_latex(BORDER)]


def _total(claim: Claim, node: tree.Sum) -> list[str]:
    return ["That is what the formula says."]


_ARGUMENTS: dict[type[tree.Node], Callable[[Claim, Any], list[str]]] = {
    tree.Correlate: _correlation,
    tree.IndexSum: _substitution,
    tree.Sum: _total,
}


def _refutation(proof: Decided) -> list[str]:
    lines = []
    found = proof.counterexample
    if found is not None:
        sizes = ", ".join(f"{n} = {v}" for n, v in found.sizes.items() if n != "r" or proof.claim.formula.transposed)
        text = rf"Take ${sizes}$."
        if found.index is None:
            text += " There the formula has no meaning."
        else:
            where = "" if proof.claim.formula.target == "db" else f" of entry {found.index + 1}"
            for whose, value in (("formula's", found.formula), ("true", found.truth)):
                if value != "no entry":
                    text += f" The {whose} value{where} is {_expression(value)}."
            if found.lengths is not None and found.lengths[0] != found.lengths[1]:
                entries = "entry" if found.lengths[0] == 1 else "entries"
                text += f" The formula has {found.lengths[0]} {entries} instead of {found.lengths[1]}."
        lines.append(text)
    if proof.validity is not None and len(proof.claim.numbers) == 2:
        lines.append(
            "The sizes at which the equation holds are those outside the projection of the difference between two sets of "
            "integers, the products in the formula and those in the derivative; they were computed exactly, by Presburger "
            "arithmetic."
        )
    return lines


def _expression(text: str) -> str:
    """``dy[0]*w[1]`` as ``$dy_{1} w_{2}$``."""
    typeset = re.sub(r"\b(v_[xw])\[", r"{\1}[", text)  # a subscript of its own
    typeset = re.sub(r"\[(\d+)\]", lambda match: f"_{{{int(match[1]) + 1}}}", typeset)
    return f"${typeset.replace('*', ' ')}$"
