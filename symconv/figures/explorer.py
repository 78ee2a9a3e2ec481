"""``explorer``: a page on which sizes are slid and entries pointed at, in one file that needs no network and no server.

Its index arithmetic is not written by hand: it is :mod:`symconv.layer.relation` and the standard formulas, printed as JavaScript
by :mod:`symconv.figures.javascript`. The page enumerates the relation as :func:`symconv.layer.loss.enumerate_axis` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from symconv.figures.javascript import arrow, formula_template, pieces, template
from symconv.figures.palette import BACKGROUND, STYLES, TAPS
from symconv.figures.stepper import page
from symconv.formulas.standard import standard
from symconv.formulas.tree import TARGETS
from symconv.layer import relation
from symconv.layer.padding import MODES, check_amounts, mode_named
from symconv.mathematics.markup import html_text
from symconv.mathematics.of_formulas import of_formula
from symconv.mathematics.of_integers import of_integer
from symconv.prose import Words, words

__all__ = ["LIMITS", "SIDES", "START", "explorer"]

#: size -> least, most with one axis, most with two
LIMITS: dict[str, tuple[int, int, int]] = {
    "H": (1, 12, 8), "K": (1, 7, 7), "s": (1, 4, 4), "p": (0, 4, 3), "q": (0, 4, 3), "d": (1, 3, 3),
}  # fmt: skip

#: what the page shows first
START: dict[str, int] = {"H": 5, "K": 3, "s": 2, "p": 1, "q": 1, "d": 1, "axes": 2}

#: array -> its index in the relation
SIDES = {"x": "m", "w": "k", "y": "o"}

#: size -> the word for it
NAMES = {
    "H": "input_size",
    "K": "kernel_size",
    "s": "stride",
    "p": "padding_before",
    "q": "padding_after",
    "d": "dilation",
}

#: the arrays, the results in the second row under what they are gradients of
BOARDS = (("x", "w", "y"), ("dx", "dw", "dy"))


#: what is computed by a closed formula
FORMULAS = ("y", "dx", "dw")


def explorer(start: Mapping[str, int] | None = None, lang: str = "en", padding_mode: str = "zeros") -> str:
    """The page, as HTML. ``start`` sets H, K, s, p, q, d and axes (1 or 2) at first, ``padding_mode`` what stands on the border;
    in an address ``#H=7&s=3&mode=reflect`` does.

    Raises ValueError for a size that its slider does not reach, for an unknown mode and for a language there is none of.
    """

    chosen = START | dict(start or {})
    check(chosen, padding_mode)
    told = words(lang)
    environment = Environment(undefined=StrictUndefined, autoescape=True, keep_trailing_newline=True, trim_blocks=True)
    return environment.from_string(page("explorer.html.j2")).render(
        lang=lang,
        t=told.text,
        sliders=[(name, told.text(key), LIMITS[name]) for name, key in NAMES.items()],
        start=chosen,
        boards=BOARDS,
        results=list(TARGETS),
        modes=[(name, told.text(f"mode_{name}")) for name in MODES],
        mode=padding_mode,
        targets=FORMULAS,
        db=Markup(letters("db")),
        sizes={name: Markup(html_text((of_integer(e),))) for name, e in SIZES.items()},
        style=Markup(page("explorer.css").replace("/* colours */", colours())),
        arithmetic=Markup(arithmetic()),
        settings=Markup(json.dumps(settings(told, chosen), ensure_ascii=False, sort_keys=True)),
        script=Markup(page("explorer.js")),
    )


SIZES = {"O": relation.OUTPUT_SIZE, "r": relation.REMAINDER}


def check(start: Mapping[str, int], padding_mode: str = "zeros") -> None:
    """ValueError if the page cannot begin with these sizes."""
    if start["axes"] not in (1, 2):
        raise ValueError(f"the explorer shows one or two axes, not {start['axes']}")
    for name, (least, *most) in LIMITS.items():
        if not least <= start[name] <= most[start["axes"] - 1]:
            raise ValueError(
                f"{relation.SIZES[name]} {start[name]}: the explorer's slider with {start['axes']} "
                f"axes goes from {least} to {most[start['axes'] - 1]}"
            )
    if relation.SLACK.evaluate(start) < 0:
        span, room = relation.SPAN.evaluate(start), start["H"] + start["p"] + start["q"]
        raise ValueError(
            f"kernel {start['K']} with dilation {start['d']} spans {span}, but input {start['H']} with padding "
            f"({start['p']}, {start['q']}) has only {room}"
        )
    check_amounts(mode_named(padding_mode), start["H"], (start["p"], start["q"]), 0)


def letters(target: str, padding_mode: str = "zeros") -> str:
    """The closed formula in letters, as HTML."""
    return html_text((of_formula(standard(target, padding_mode=padding_mode)).steps[0][1],))


def borders() -> str:
    """The modes of padding as one JavaScript object: the row that stands at a padded row t, the largest amount, the formulas."""
    told = []
    for name, mode in MODES.items():
        formulas = [f"{target}: {formula_template(standard(target, padding_mode=name))}" for target in FORMULAS]
        texts = [f"{target}: {json.dumps(letters(target, name), ensure_ascii=False)}" for target in FORMULAS]
        parts = [
            f"row: {pieces(mode.pieces)}",
            f"filled: {str(mode.filled).lower()}",
            f"moves: {str(mode.moves_rows).lower()}",
        ]
        parts.append(f"most: {arrow(mode.most) if mode.most is not None else '(v) => Infinity'}")
        parts += [f"formulas: {{{', '.join(formulas)}}}", f"letters: {{{', '.join(texts)}}}"]
        told.append(f"{name}: {{{', '.join(parts)}}}")
    return "modes: {\n    " + ",\n    ".join(told) + "\n  }"


def arithmetic() -> str:
    """The relation, the sizes and the closed formulas as one JavaScript object."""
    extents = ", ".join(f"{index}: {arrow(size)}" for index, size in relation.EXTENTS.items())
    parts = [
        f"inputIndex: {arrow(relation.INPUT_INDEX)}",
        f"extents: {{{extents}}}",
        f"span: {arrow(relation.SPAN)}",
        f"slack: {arrow(relation.SLACK)}",
        *(f"{name}: {arrow(e)}" for name, e in SIZES.items()),
        "told: {" + ", ".join(f"{name}: {template(e)}" for name, e in SIZES.items()) + "}",
        borders(),
    ]
    return "const n = (i) => String(i).replace('-', '−');\nconst R = {\n  " + ",\n  ".join(parts) + "\n};\n"


def settings(told: Words, start: Mapping[str, int]) -> dict[str, Any]:
    """What the script is told besides: the arrays, the limits, the words."""
    keys = ("impossible", "too_much", "empty", "empty_tap", "remainder", "no_remainder",
            "legend_zero", "legend_border", "legend_constant", "feeds", "feeds_nothing", "play", "pause")  # fmt: skip
    return {
        "sides": SIDES,
        "targets": {target: list(factors) for target, factors in TARGETS.items() if target != "db"},
        "limits": {name: list(values) for name, values in LIMITS.items()},
        "start": dict(start),
        "words": {key: told.text(key) for key in keys},
        "taps": len(TAPS),
    }


def colours() -> str:
    """The palette as custom properties, for light and for dark pages."""
    kinds = ("x", "w", "y", "inserted", "border", "unreached")
    halves = []
    for half in (0, 1):
        rules = [
            f"--ground: {BACKGROUND[half]}",
            f"--ink: {STYLES['ink'].ink[half]}",
            f"--faint: {STYLES['faint'].ink[half]}",
        ]
        for name in kinds:
            style = STYLES[name]
            rules += [f"--{name}: {style.fill[half]}"] if style.fill else []
            rules += [f"--{name}-edge: {style.stroke[half]}"] if style.stroke else []
        for i, (light, dark, line, line_dark) in enumerate(TAPS):
            rules += [f"--tap{i}: {(light, dark)[half]}", f"--tap{i}-edge: {(line, line_dark)[half]}"]
        halves.append(":root { " + "; ".join(rules) + " }")
    return halves[0] + "\n@media (prefers-color-scheme: dark) { " + halves[1] + " }"
