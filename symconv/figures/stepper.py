"""Writers: a film as one SVG or one HTML page whose steps are gone through by buttons and keys, with nothing from outside."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from symconv.figures.palette import BACKGROUND, STYLES
from symconv.figures.scene import Film
from symconv.figures.svg import SCALE, drawn, escape, number, opening
from symconv.mathematics.markup import html_text, plain
from symconv.prose import Words

__all__ = ["page", "stepping_page", "stepping_svg"]

#: what can be done, and its sign
SIGNS = {"first": "«", "previous": "‹", "next": "›", "last": "»", "play": "►"}


@cache
def page(name: str) -> str:
    """A file of the pages that are written, as it stands in the package."""
    return resources.files("symconv.figures").joinpath("pages", name).read_text(encoding="utf-8")


#: seconds for which a step is seen where the picture moves by itself
SECONDS = 1.2


def groups(film: Film, moves: bool = False) -> str:
    """What is always there, then one group for each step, the first shown; where it ``moves``, each with its time."""
    parts = [drawn(film.backdrop)]
    steps = len(film.scenes)
    for step, scene in enumerate(film.scenes):
        hidden = ' visibility="hidden"' if step else ""
        title = plain(scene.title[len(film.caption) + 1 :])
        # of a round that never began and never ends: at the start the first is seen, and nothing else
        time = f' style="animation-delay:{number((step - steps) * SECONDS)}s"' if moves else ""
        parts.append(f'<g class="step" data-title="{escape(title)}"{hidden}{time}>\n{drawn(film.changing(step))}\n</g>')
    return "\n".join(parts)


def stepping_svg(film: Film, words: Words) -> str:
    """A film as one SVG file with its buttons in it.

    It steps where scripts run: opened by itself, or as an object or iframe. In ``<img>``, where they do not, it moves by itself,
    without the buttons; for readers who want less motion it stands still.
    """
    first = film.scenes[0]
    width, height = first.width * SCALE, first.height * SCALE
    bar = 52.0
    lines = [*opening(first, True, bar, "group"), f"<style>{moving(len(film.scenes))}</style>"]
    middle, top = width / 2, height + 4
    places = {"first": -150.0, "previous": -98.0, "next": 54.0, "last": 106.0, "play": -202.0}
    controls = []
    for action, x in places.items():
        extra = (
            f' aria-pressed="false" data-play="{escape(words.text("play"))}" data-pause="{escape(words.text("pause"))}"'
        )
        controls.append(
            f'<g data-action="{action}" role="button" tabindex="0" style="cursor:pointer" '
            f'aria-label="{escape(words.text(action))}"'
            f'{extra if action == "play" else ""}><rect class="sc-ground" x="{number(middle + x)}" y="{number(top)}" width="44" '
            f'height="40" rx="8"/><text class="sc-ink-ink" x="{number(middle + x + 22)}" y="{number(top + 26)}" font-size="18" '
            f'text-anchor="middle">{SIGNS[action]}</text></g>'
        )
    counter = (f'<text class="sc-ink-ink" data-counter="" x="{number(middle)}" y="{number(top + 26)}" font-size="17" '
               f'text-anchor="middle"></text>')  # fmt: skip
    script = f"<script><![CDATA[\n{page('stepper.js')}]]></script>"
    buttons = ['<g class="controls" visibility="hidden">', *controls, counter, "</g>"]
    return "\n".join([*lines, groups(film, True), *buttons, script, "</svg>", ""])


def moving(steps: int) -> str:
    """The rules by which one group after another is seen, until a script takes over; each group has its own delay."""
    if steps < 2:
        return ""
    return (
        f"@keyframes sc-step{{0%{{visibility:visible}}{number(100 / steps)}%,100%{{visibility:hidden}}}}"
        "@media(prefers-reduced-motion:no-preference){svg:not(.stepped)>.step{animation-name:sc-step;"
        f"animation-duration:{number(steps * SECONDS)}s;animation-timing-function:step-end;animation-iteration-count:infinite}}}}"
    )


def stepping_page(film: Film, words: Words, narrow: Film | None = None) -> str:
    """A film as one HTML page; on narrow screens ``narrow`` in its place, the same steps laid out for fewer cells across."""
    films = [film] if narrow is None or narrow.scenes[0].width >= film.scenes[0].width else [film, narrow]
    pictures = [
        Markup("\n".join([*opening(each.scenes[0], False, least=True), groups(each), "</svg>"])) for each in films
    ]
    # the title is the picture's tooltip; the page has a caption and says each step
    template = Environment(undefined=StrictUndefined, autoescape=True, keep_trailing_newline=True).from_string(
        page("stepper.html.j2")
    )
    return template.render(
        lang=words.language.code, title=plain(film.caption), ground=BACKGROUND, pictures=pictures,
        caption=Markup(html_text(film.caption)), faint=STYLES["faint"].ink,
        buttons=[(action, SIGNS[action], words.text(action)) for action in ("play", "first", "previous", "next", "last")],
        pause=words.text("pause"), keys=words.text("keys"), script=Markup(page("stepper.js")),
    )  # fmt: skip
