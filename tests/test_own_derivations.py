"""What ``derive`` writes is read by ``check``: every display holds in every format and language; one changed token is found."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")
pytest.importorskip("bs4")

from symconv import Conv
from symconv.article import document
from symconv.article.formats.markdown import DIALECTS
from symconv.article.layout import CODE, Layout
from symconv.checking import check
from symconv.checking.result import DEFINITION, HOLDS, PROVED, CheckResult
from symconv.prose.languages import reworded
from tests.display_mutants import FINE, FOUND, MORE, PAGES, Page, mutants, page, sample, whole
from tests.display_mutants.argued import argument
from tests.layers import random_layer

SUFFIX = {"markdown": "md", "latex": "tex", "html": "html", "ipynb": "ipynb"}
LANGUAGES = ("en", "fr", "de")


def faults(found: CheckResult) -> list[tuple[Any, ...]]:
    """The displays that do not hold or are not read."""
    assert found.displays
    return [
        (each.line, each.verdict, each.reason, each.counterexample, each.latex[:200])
        for each in found.displays
        if each.verdict not in (PROVED, HOLDS, DEFINITION)
    ]


def written(layer: Mapping[str, Any], kind: str, lang: str, folder: Path, **options: Any) -> CheckResult:
    path = folder / f"page.{SUFFIX[kind]}"
    path.write_text(document(Conv(**layer), lang, **options).render(kind), encoding="utf-8")
    return check(path, code=False)


#: each axis of what a page may be, in few pages
QUICK: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"input": 4, "kernel": 2}, "latex", "fr"),
    ({"input": 4, "kernel": 3, "padding": 1, "padding_mode": "reflect"}, "html", "de"),
    ({"input": 3, "kernel": 2, "stride": 2, "transposed": True}, "ipynb", "en"),
    ({"input": 3, "kernel": 2, "in_channels": 2, "out_channels": 2, "groups": 2}, "markdown", "fr"),
    ({"input": 3, "kernel": 2, "in_channels": 2, "out_channels": 2, "groups": 2, "batch": 2}, "markdown", "en"),
)


@pytest.mark.parametrize(("layer", "kind", "lang"), QUICK, ids=lambda value: value if isinstance(value, str) else "")
def test_a_page_holds(layer: dict[str, Any], kind: str, lang: str, tmp_path: Path) -> None:
    assert not faults(written(layer, kind, lang, tmp_path, sections=whole(Conv(**layer))))


@pytest.mark.parametrize(("layer", "kind", "lang"), [
    ({"input": 4, "kernel": 2}, "markdown", "en"),
    ({"input": 3, "kernel": 2, "stride": 2, "output_padding": 1, "transposed": True}, "latex", "fr"),
    ({"input": 3, "kernel": 2, "in_channels": 2}, "html", "de"),
], ids=["plain", "transposed", "channels"])  # fmt: skip
def test_examples_of_other_layers_are_over_at_the_next_heading(
    layer: dict[str, Any], kind: str, lang: str, tmp_path: Path
) -> None:
    assert not faults(written(layer, kind, lang, tmp_path, sections=["setting", "steps", "summary"], detail="all"))


GENERATED = Path(__file__).parents[1] / "generated" / "derivations"


@pytest.mark.parametrize("path", sorted(p for p in GENERATED.iterdir() if p.suffix != ".png"), ids=lambda p: p.name)
def test_every_page_that_is_kept_holds(path: Path) -> None:
    assert not faults(check(path, code=False))


#: what a page of each layer is besides: formats and languages that are not kept
@pytest.mark.sweep
@pytest.mark.parametrize("number", range(len(PAGES)))
def test_every_format_and_language(number: int, tmp_path: Path) -> None:
    for kind in SUFFIX:
        for lang in LANGUAGES:
            layer = PAGES[number][0]
            assert not faults(written(layer, kind, lang, tmp_path, sections=whole(Conv(**layer)))), (kind, lang)  # type: ignore[arg-type]


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(40))
def test_random_layers(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    layer = random_layer(source)
    sections = whole(Conv(**layer))
    assert not faults(
        written(layer, source.choice(list(SUFFIX)), source.choice(LANGUAGES), tmp_path, sections=sections)
    ), layer


#: what a page is besides its layer, each as likely as the others
OPTIONS: dict[str, tuple[Any, ...]] = {
    "loss": ("upstream", "squared"), "code": CODE, "detail": ("full", "brief"), "gradient_check": (False, True),
    "notation": (None, {"index_base": 0}, {"gradient": "partial"}, {"operator": "*"}, {"letters": {"o": "i"}}),
}  # fmt: skip


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(n, marks=pytest.mark.sweep) for n in range(6, 18))])
def test_random_pages(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    layer = {**random_layer(source), "bias": source.random() < 0.8} if seed > 5 else {
        "input": source.randint(3, 5), "kernel": source.randint(1, 2), "padding": (source.randint(0, 1), 1)}  # fmt: skip
    layout = Layout(width=source.choice((None, 88.5, 60)), level=source.randint(1, 3))
    kind, dialect = source.choice(list(SUFFIX)), source.choice(list(DIALECTS))
    lang = reworded("fr", "kernel=filtre,padding=remplissage") if source.random() < 0.2 else source.choice(LANGUAGES)
    chosen = {name: source.choice(values) for name, values in OPTIONS.items()}
    made = document(Conv(**layer), lang, layout=layout, **chosen)
    path = tmp_path / f"page.{SUFFIX[kind]}"
    path.write_text(made.render(kind, dialect=dialect), encoding="utf-8")
    assert not faults(check(path, code=False)), (layer, lang, layout, kind, dialect, chosen)


# one token changed ------------------------------------------------------------------------------------------------------


def test_a_mutant_differs_in_one_token() -> None:
    found = [each.text for each in mutants(r"dx_{1} &= \sum_{o = 1}^{O} dy_{o} - b \tag{2}")]
    assert len(found) == len(set(found))
    assert r"dx_{2} &= \sum_{o = 1}^{O} dy_{o} - b \tag{2}" in found
    assert r"dx_{1} &= \sum_{o = 1}^{K} dy_{o} + b \tag{2}" not in found
    assert not any(r"\tag{1}" in each for each in found)


def test_mutants_are_found() -> None:
    alive = [
        str(mutant) for one, number, mutant in sample([page(*PAGES[0])], 10, 3) if not _found(one, number, mutant.text)
    ]
    assert not alive


def _found(one: Page, number: int, text: str) -> bool:
    verdict = one.judged(number, text)
    return verdict is not None and verdict.verdict in FOUND


#: what once was taken for the display without it: a letter that nothing declares, a sum with one limit or none, a term left out
KILLED = (
    (r"\sum_{o_{1} = 1}^{O_{1}}", r"\sum_{o_{1} = 1}^{O_{0}}"),
    (r"\sum_{o_{1} = 1}^{O_{1}}", r"\sum_{o_{1} = 1}"),
    (r"\sum_{o_{1} = 1}^{O_{1}}", r"\sum_{o_{1} = O_{1}}^{1}"),
    (r"\sum_{k_{1} = 1}^{K_{1}}", r"\sum_{k_{0} = 1}^{K_{1}}"),
    (r"O_{1} &=", "O &="),
    ("dy_{11}", "dy'_{11}"),
    (r"\frac{\partial y}{\partial w}", r"\frac{\partial w}{\partial y}"),
    (" + b \\\\\n", " \\\\\n"),
)  # fmt: skip


@pytest.fixture(scope="module")
def oblong() -> Page:
    return page({"input": (4, 3), "kernel": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1))}, "markdown", "en")


@pytest.mark.parametrize(("old", "new"), KILLED)
def test_a_slip_is_found_wherever_it_stands(oblong: Page, old: str, new: str) -> None:
    displays = [n for n in oblong.verdicts if old in oblong.blocks[n].text and oblong.blocks[n].kind == "display"]
    assert displays
    missed = [n for n in displays if not _found(oblong, n, oblong.blocks[n].text.replace(old, new, 1))]
    assert not missed, [oblong.blocks[n].text for n in missed]


@pytest.mark.slow
def test_alone_or_in_its_article_the_verdict_is_the_same() -> None:
    text = document(Conv(**PAGES[3][0]), "en").render("markdown")  # type: ignore[arg-type]
    one = Page(text, "markdown")
    once = [each for each in sample([one], 8, 5) if text.count(one.blocks[each[1]].text) == 1]
    assert len(once) >= 4
    for _, number, mutant in once[:4]:
        old = one.blocks[number].text
        whole = {each.line: each for each in check(text.replace(old, mutant.text), code=False).displays}
        alone = one.judged(number, mutant.text)
        assert whole[alone.line].verdict == alone.verdict, str(mutant)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(3))
def test_five_hundred_mutants(seed: int) -> None:
    """Hardly anything is alive but what is argued for: equal in value, as a rule."""
    pages = [page(*each) for each in (*PAGES, *MORE)]
    alive = []
    for one, number, mutant in sample(pages, 500, seed):
        found = one.judged(number, mutant.text)
        if found is not None and found.verdict in FINE and not argument(one.name, str(mutant)):
            alive.append(f"{one.name}: {mutant}")
    assert len(alive) <= 5, "\n".join(alive)
