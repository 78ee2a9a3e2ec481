"""``explorer``: a page on which sizes are slid and entries pointed at, in one file that needs no network and no server.

Its index arithmetic is not written by hand: it is :mod:`symconv.layer.relation` and the standard formulas, printed as JavaScript
by :mod:`symconv.figures.javascript`. The page enumerates the relation as :func:`symconv.layer.loss.enumerate_axis` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from symconv.figures.javascript import arrow, formula_template, pieces, template
from symconv.figures.palette import BACKGROUND, STYLES, TAPS
from symconv.figures.stepper import page
from symconv.formulas.standard import standard
from symconv.formulas.tree import TARGETS, Formula
from symconv.layer import relation
from symconv.layer.conv import Conv
from symconv.layer.kind import KINDS
from symconv.layer.padding import MODES, check_amounts, mode_named
from symconv.mathematics.markup import html_text
from symconv.mathematics.of_formulas import of_formula
from symconv.mathematics.of_integers import of_integer
from symconv.prose import Words, words

__all__ = ["LIMITS", "MAX_AXES", "START", "address", "explorer", "start_of"]

#: size -> least, most with one axis, with two and with three; e is the output padding of a transposed layer
LIMITS: dict[str, tuple[int, int, int, int]] = {
    "H": (1, 12, 8, 5), "K": (1, 7, 7, 3), "s": (1, 4, 4, 3), "p": (0, 4, 3, 2), "q": (0, 4, 3, 2), "d": (1, 3, 3, 2),
    "e": (0, 3, 3, 2),
}  # fmt: skip

#: what the page shows first
START: dict[str, int] = {"H": 5, "K": 3, "s": 2, "p": 1, "q": 1, "d": 1, "e": 0, "axes": 2}

#: the most axes that are shown
MAX_AXES = 3

#: sizes by their letters, each one number or one for each axis; and how many axes
Sizes = Mapping[str, int | Sequence[int]]

#: size -> the word for it
NAMES = {
    "H": "input_size",
    "K": "kernel_size",
    "s": "stride",
    "p": "padding_before",
    "q": "padding_after",
    "d": "dilation",
    "e": "output_padding",
}

#: the arrays, the gradients in the second row under what they are of
BOARDS = (("x", "w", "y"), ("dx", "dw", "dy"), ("b", "db"))


#: what is computed by a closed formula
FORMULAS = ("y", "dx", "dw")


def explorer(
    start: Sizes | None = None, lang: str = "en", padding_mode: str = "zeros", transposed: bool = False
) -> str:
    """The page, as HTML. ``start`` sets H, K, s, p, q, d (one number, or one for each axis), the output padding e and axes (1 to
    3) at first, ``padding_mode`` what stands on the border, ``transposed`` the kind of layer; in an address
    ``#H=7x5&s=3&axes=2&mode=reflect`` does.

    Raises ValueError for a size that its slider does not reach, for an unknown mode and for a language there is none of.
    """

    chosen = START | dict(start or {})
    sizes = by_axis(chosen)
    check(sizes, padding_mode, transposed)
    told = words(lang)
    environment = Environment(undefined=StrictUndefined, autoescape=True, keep_trailing_newline=True, trim_blocks=True)
    return environment.from_string(page("explorer.html.j2")).render(
        lang=lang,
        t=told.text,
        sliders=[(name, "r" if name == "e" else name, told.text(key), LIMITS[name]) for name, key in NAMES.items()],
        start=sizes[0],
        axes=len(sizes),
        tied=all(size["p"] == size["q"] for size in sizes),
        counts=list(enumerate((told.text(key) for key in ("one", "two", "three")), 1)),
        boards=BOARDS,
        results=list(TARGETS),
        modes=[(name, told.text(f"mode_{name}")) for name in MODES],
        mode=padding_mode,
        transposed=transposed,
        targets=FORMULAS,
        db=Markup(letters(standard("db"))),
        remainder=Markup(html_text((of_integer(relation.REMAINDER),))),
        style=Markup(page("explorer.css").replace("/* colours */", colours())),
        arithmetic=Markup(arithmetic()),
        settings=Markup(json.dumps(settings(told, sizes), ensure_ascii=False, sort_keys=True)),
        script=Markup(page("explorer_layer.js") + page("explorer.js")),
    )


def by_axis(start: Sizes) -> list[dict[str, int]]:
    """The sizes on each axis; ValueError where there are none for some."""
    axes = start["axes"]
    if not isinstance(axes, int) or not 1 <= axes <= MAX_AXES:
        raise ValueError(f"the explorer shows one, two or three axes, not {axes}")
    found = []
    for axis in range(axes):
        size = {}
        for name in LIMITS:
            given = start[name]
            if not isinstance(given, int) and len(given) != axes:
                raise ValueError(f"{name} {tuple(given)}: one number, or one for each of {axes} axes")
            size[name] = given if isinstance(given, int) else given[axis]
        found.append(size)
    return found


def check(sizes: Sequence[Mapping[str, int]], padding_mode: str = "zeros", transposed: bool = False) -> None:
    """ValueError if the page cannot begin with these sizes."""
    mode = mode_named(padding_mode)
    if transposed and mode.counts_outside:
        raise ValueError(f"padding_mode {padding_mode!r}: a transposed convolution knows zeros only")
    for axis, size in enumerate(sizes):
        for name, (least, *most) in LIMITS.items():
            if not least <= size[name] <= most[len(sizes) - 1]:
                raise ValueError(
                    f"{NAMES[name].replace('_', ' ')} {size[name]}: the explorer's slider with {len(sizes)} "
                    f"axes goes from {least} to {most[len(sizes) - 1]}"
                )
        if transposed:
            pads = (size["p"], size["q"])
            Conv(size["H"], size["K"], stride=size["s"], padding=(pads,), dilation=size["d"], output_padding=size["e"],
                 transposed=True)  # fmt: skip
        elif relation.SLACK.evaluate(size) < 0:
            span, room = relation.SPAN.evaluate(size), size["H"] + size["p"] + size["q"]
            raise ValueError(
                f"kernel {size['K']} with dilation {size['d']} spans {span}, but input {size['H']} with padding "
                f"({size['p']}, {size['q']}) has only {room}"
            )
        check_amounts(mode, size["H"], (size["p"], size["q"]), axis)


def start_of(conv: Conv) -> dict[str, int | Sequence[int]]:
    """The sizes of a layer as ``explorer`` takes them.

    >>> start_of(Conv((5, 6), 3, stride=2, padding=1))
    {'H': (5, 6), 'K': 3, 's': 2, 'p': 1, 'q': 1, 'd': 1, 'e': 0, 'axes': 2}
    """
    sides = {"p": [p for p, _ in conv.padding], "q": [q for _, q in conv.padding]}
    along = {"H": conv.input, "K": conv.kernel, "s": conv.stride, **sides, "d": conv.dilation, "e": conv.output_padding}
    short = {name: values[0] if len(set(values)) == 1 else tuple(values) for name, values in along.items()}
    return {**short, "axes": conv.ndim}


def address(conv: Conv) -> str | None:
    """What follows the explorer's address for a layer's sizes; None for one that it does not show."""
    start = start_of(conv)
    try:
        check(by_axis(start), conv.padding_mode, conv.transposed)
    except ValueError:
        return None
    told = {name: value if isinstance(value, int) else "x".join(map(str, value)) for name, value in start.items()}
    if not conv.transposed:
        del told["e"]
    more = ["transposed=1"] if conv.transposed else [f"mode={conv.padding_mode}"] if conv.mode.counts_outside else []
    return "#" + "&".join([*(f"{name}={value}" for name, value in told.items()), *more])


def letters(formula: Formula) -> str:
    """A closed formula in letters, as HTML."""
    return html_text((of_formula(formula).steps[0][1],))


def closed(transposed: bool = False, padding_mode: str = "zeros") -> str:
    """The closed formulas as fields of a JavaScript object: with their amounts computed, and in letters."""
    found = {target: standard(target, transposed, padding_mode) for target in FORMULAS}
    computed = ", ".join(f"{target}: {formula_template(each)}" for target, each in found.items())
    texts = ", ".join(f"{target}: {json.dumps(letters(each), ensure_ascii=False)}" for target, each in found.items())
    return f"formulas: {{{computed}}}, letters: {{{texts}}}"


def borders() -> str:
    """The modes of padding as one JavaScript object: the row that stands at a padded row t, the largest amount, the formulas."""
    told = []
    for name, mode in MODES.items():
        parts = [
            f"row: {pieces(mode.pieces)}",
            f"filled: {str(mode.filled).lower()}",
            f"moves: {str(mode.moves_rows).lower()}",
            f"most: {arrow(mode.most) if mode.most is not None else '(v) => Infinity'}",
            closed(padding_mode=name),
        ]
        told.append(f"{name}: {{{', '.join(parts)}}}")
    return "modes: {\n    " + ",\n    ".join(told) + "\n  }"


def kinds() -> str:
    """The kinds of layer as one JavaScript object: the array on each side of R, and the size of y; a transposed one has its own
    formulas, the formulas of the other go with the modes."""
    told = []
    for transposed, kind in KINDS.items():
        size, sides = kind.output_size, {array: kind.side(array) for array in ("x", "w", "y")}
        parts = [f"sides: {json.dumps(sides)}", f"padded: {json.dumps(kind.factors[1])}", f"O: {arrow(size)}",
                 f"told: {template(size)}", f"exchanged: {str(transposed).lower()}"]  # fmt: skip
        shown = json.dumps(html_text((of_integer(size),)), ensure_ascii=False)
        parts += (
            [closed(True).replace("letters: {", f"size: {shown}, letters: {{")] if transposed else [f"size: {shown}"]
        )
        told.append(f"{kind.name}: {{{', '.join(parts)}}}")
    return "kinds: {\n    " + ",\n    ".join(told) + "\n  }"


def arithmetic() -> str:
    """The relation, the sizes and the closed formulas as one JavaScript object."""
    extents = ", ".join(f"{index}: {arrow(size)}" for index, size in relation.EXTENTS.items())
    parts = [
        f"inputIndex: {arrow(relation.INPUT_INDEX)}",
        f"extents: {{{extents}}}",
        f"span: {arrow(relation.SPAN)}",
        f"slack: {arrow(relation.SLACK)}",
        f"r: {arrow(relation.REMAINDER)}",
        f"told: {{r: {template(relation.REMAINDER)}}}",
        borders(),
        kinds(),
    ]
    return "const n = (i) => String(i).replace('-', '−');\nconst R = {\n  " + ",\n  ".join(parts) + "\n};\n"


def settings(told: Words, sizes: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    """What the script is told besides: the factors of each result, the limits, the words."""
    keys = ("impossible", "impossible_extra", "impossible_crop", "too_much", "empty", "empty_tap", "empty_cropped", "remainder",
            "no_remainder", "legend_zero", "legend_border", "legend_constant", "legend_hatched", "legend_unwritten", "feeds",
            "feeds_nothing", "feeds_cropped", "play", "pause", "axes_alike", "of_axis")  # fmt: skip
    return {
        "targets": {target: list(factors) for target, factors in TARGETS.items()},
        "limits": {name: list(values) for name, values in LIMITS.items()},
        "start": {"axes": len(sizes), "sizes": [dict(sizes[min(axis, len(sizes) - 1)]) for axis in range(MAX_AXES)]},
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
