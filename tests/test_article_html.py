"""The page of a derivation: its MathML is read back and held against the derivative, and Chromium shows it whole.

The reading goes from the markup alone to LaTeX, by a table of its own, and from there through the checks of the article.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from click.testing import CliRunner

from symconv import Conv
from symconv.article import Document, blocks, document
from symconv.article.blocks import Code, Equations, Paragraph, Section, Table
from symconv.article.companions import is_line, line_of
from symconv.article.formats.html import words
from symconv.cli.derive import command
from symconv.mathematics.entries import entry
from symconv.mathematics.latex import latex
from symconv.mathematics.mathml import mathml
from symconv.mathematics.tree import Equation, Math, Product, Row, Sum, Total, Word
from symconv.prose import LANGUAGES, Phrase, Value, prose
from tests.cases import SMALL
from tests.chromium import ask, ask_each, too_wide
from tests.reread import Gap, Line, Poly, Reader, derivative, plain_sum

#: layers whose lists are too long to be shown whole
LONG = [
    Conv(input=(11, 9), kernel=(3, 2), stride=(4, 1), padding=(1, 0), in_channels=2, out_channels=3),
    Conv(input=40, kernel=9, stride=2, padding=4, dilation=2),
]

XHTML, MATHML, SVG = (
    "{http://www.w3.org/1999/xhtml}",
    "{http://www.w3.org/1998/Math/MathML}",
    "{http://www.w3.org/2000/svg}",
)


def slug(conv: Conv) -> str:
    return conv.slug


@cache
def whole(conv: Conv, lang: str = "en") -> Document:
    return document(conv, lang)


@cache
def page(conv: Conv, lang: str = "en") -> str:
    return whole(conv, lang).render("html")


def parsed(text: str) -> Element:
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))


def plain(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


# reading MathML back --------------------------------------------------------------------------------------------------

SIGNS = {
    "−": "-", "⋆": r"\star", "×": r"\times", "⋅": r"\cdot", "↑": r"\uparrow", "↓": r"\downarrow", "…": r"\dots", "⋯": r"\cdots",
    "⋮": r"\vdots", "⋱": r"\ddots", "∂": r"\partial", "⊤": r"\top", "⌊": r"\lfloor", "⌋": r"\rfloor", "≤": r"\le", "≥": r"\ge",
    "≠": r"\ne", "mod": r"\bmod", "∑": r"\sum", "\N{INVISIBLE TIMES}": "", "·": r"\cdot", "⇔": r"\iff", "∈": r"\in",
    "δ": r"\delta", "μ": r"\mu", "⊙": r"\odot",
}  # fmt: skip


def together(pieces: list[str]) -> str:
    text = ""
    for piece in pieces:
        text += (" " if re.search(r"\\[A-Za-z]+$", text) and piece[:1].isalnum() else "") + piece
    return text


def tex(element: Element) -> str:
    """An element of MathML as LaTeX; ValueError for what a page has no business to hold."""
    tag, parts = element.tag.removeprefix(MATHML), [tex(child) for child in element]
    if tag in ("mi", "mn", "mo"):
        text = element.text or ""
        if tag == "mn" and not text.isdigit():
            raise ValueError(f"number {text!r}")
        if tag == "mi" and len(text) > 1:
            return rf"\operatorname{{{text}}}"
        return SIGNS.get(text, text)
    if tag == "semantics":
        if element[1].tag != MATHML + "annotation":
            raise ValueError(f"<{element[1].tag}> in <semantics>")
        return parts[0]
    if tag == "annotation":
        return ""
    if element.get("class") == "struck":
        return rf"\cancel{{{together(parts)}}}"
    if tag in ("math", "mrow"):
        return together(parts)
    if tag == "msub":
        return f"{parts[0]}_{{{parts[1]}}}"
    if tag == "msup":
        return f"{parts[0]}^{{{parts[1]}}}"
    if tag == "mfrac":
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if tag == "munder":
        return f"{parts[0]}_{{{parts[1]}}}"
    if tag == "munderover":
        return f"{parts[0]}_{{{parts[1]}}}^{{{parts[2]}}}"
    if tag == "mtable":
        cells = [[together([tex(child) for child in cell]) for cell in row] for row in element]
        inner = " ; ".join(" & ".join(row) for row in cells)
        return (
            rf"\substack{{{inner}}}"
            if element.get("class") == "limits"
            else rf"\begin{{bmatrix}} {inner} \end{{bmatrix}}"
        )
    if tag in ("mtr", "mtd", "mspace"):
        return ""
    raise ValueError(f"<{tag}>")


def with_class(element: Element, name: str) -> list[Element]:
    return [each for each in element.iter() if name in each.get("class", "").split()]


def shown(text: str, section: str | None = None) -> list[list[Line | Gap]]:
    """The displays of a page, or of one section of it, their equations as LaTeX; rows of matrices are set apart by ``;``."""
    result = []
    root = parsed(text)
    for display in with_class(root if section is None else only(root, section), "display"):
        lines: list[Line | Gap] = []
        for line in with_class(display, "line"):
            [note] = with_class(line, "note") or [None]
            count = None if note is None else int(re.sub(r"\D", "", plain(note)))
            if "gap" in line.get("class", ""):
                assert count is not None
                lines.append(Gap(count))
                continue
            [left] = with_class(line, "left")
            sides = [
                together([tex(piece) for piece in step.findall(MATHML + "math")]) for step in with_class(line, "step")
            ]
            assert all(side.startswith("=") for side in sides)
            lines.append(Line(tex(left[0]), tuple(side[1:] for side in sides), count))
        result.append(lines)
    return result


def only(root: Element, section: str) -> Element:
    [found] = (each for each in root.iter(XHTML + "section") if each.get("id") == section)
    return found


def tokens(text: str) -> list[str]:
    """LaTeX without what is layout: the growth of brackets, spaces, the way a wide matrix is written."""
    text = re.sub(r"\\left\[\\begin\{array\}\{c+\}", r"\\begin{bmatrix}", text)
    text = re.sub(r"\\end\{array\}\\right\]", r"\\end{bmatrix}", text).replace(r"\\", ";")
    found = re.findall(r"\\[A-Za-z]+|\\.|\S", text)
    return [token for token in found if token not in (r"\left", r"\right", r"\thinspace", r"\ ", r"\,")]


@pytest.mark.parametrize("conv", SMALL + LONG, ids=slug)
def test_every_equation_is_that_of_the_document(conv: Conv) -> None:
    """Read back from the MathML it is what the LaTeX of the tree says, which the tests of the article hold to the derivative."""
    expected = [block for block in whole(conv).blocks() if isinstance(block, Equations)]
    displays = shown(page(conv))
    assert len(displays) == len(expected) > 5
    for display, block in zip(displays, expected, strict=True):
        assert len(display) == len(block.lines)
        for line, equation in zip(display, block.lines, strict=True):
            if isinstance(line, Gap) or isinstance(equation, blocks.Gap):
                assert line == Gap(equation.count)
                continue
            assert {sign for sign, _ in equation.steps} == {"="}
            assert tokens(line.left) == tokens(latex(equation.left))
            assert [tokens(side) for side in line.sides] == [tokens(latex(side)) for _, side in equation.steps]
            assert line.terms == equation.note


#: where the index equations of each array are, and its entries unless the layer is one that is written out in one dimension
HOME = {"y": "forward", "dx": "gradients", "dw": "gradients", "db": "gradients"}


def targets(conv: Conv) -> list[str]:
    return [target for target in HOME if target != "db" or conv.bias]


def entries(conv: Conv, text: str, target: str) -> int:
    """The written-out entries of ``target`` held against the derivative; those that are said to be left out are counted in."""
    truth = derivative(conv)[target]
    where = {latex(entry(conv, target, index)): index for index in np.ndindex(*truth.shape)}
    other = re.compile(r"\\(sum|star|operatorname|partial|begin|frac)")
    lists = [
        lines
        for lines in shown(
            text, "jacobians" if target != "y" and is_line(conv) and line_of(conv) == conv else HOME[target]
        )
        if isinstance(lines[0], Line) and lines[0].left in where and not other.search(lines[0].sides[0])
    ]
    [lines] = lists
    following = 0
    for line in lines:
        if isinstance(line, Gap):
            following += line.count
            continue
        index = where[line.left]
        assert int(np.ravel_multi_index(index, truth.shape)) == following, line
        following += 1
        [side] = line.sides
        found, dotted = (Poly(), False) if side == "0" else plain_sum(side)
        if dotted:
            assert found.items() <= truth[index].items(), line
        else:
            assert found == truth[index], line
        assert line.terms == (len(truth[index]) if dotted else None)
    return following


@pytest.mark.parametrize("conv", SMALL + LONG, ids=slug)
def test_entries_equal_the_derivative(conv: Conv) -> None:
    for target in targets(conv):
        assert entries(conv, page(conv), target) == np.prod(conv.shapes[target])


def index_equations(conv: Conv, text: str, target: str) -> int:
    """The sums in letters and with numbers held against the derivative in every entry; how many there were."""
    found: list[tuple[Line, list[Line]]] = []
    for lines in shown(text, HOME[target]):
        where: list[Line] = []
        for line in lines:
            if (
                isinstance(line, Line)
                and re.fullmatch(rf"{target}(_\{{.*\}})?", line.left)
                and r"\sum" in line.sides[0]
            ):
                where = []
                found.append((line, where))
            elif isinstance(line, Line) and re.match(r"[omk](_\{\d\})?$", line.left):
                where.append(line)
    checked = 0
    for line, where in found:
        if re.search(r"\\(partial|star|begin|odot|frac)", "".join([line.sides[0], *(each.sides[0] for each in where)])):
            continue
        try:
            Reader(conv).check(line, where, target)
        except KeyError:  # w extended by zero at an index that another display gives
            continue
        checked += 1
    return checked


@pytest.mark.parametrize("conv", SMALL, ids=slug)
def test_index_equations_equal_the_derivative(conv: Conv) -> None:
    for target in targets(conv):
        assert index_equations(conv, page(conv), target) >= 2


CHANGES = {
    "index": ("<mn>21</mn>", "<mn>12</mn>"),
    "sign": ('form="infix">+</mo>', 'form="infix">−</mo>'),
    "array": ("<mi>w</mi>", "<mi>x</mi>"),
    "term": ("<mo ", "<mn>2</mn><mo "),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_misprint_is_noticed(change: str) -> None:
    """In the entry dx_22, the last that the section on gradients prints."""
    right, wrong = CHANGES[change]
    head, mark, tail = page(SMALL[5]).partition('id="steps"')
    before, name, written = head.rpartition("<msub><mrow><mi>d</mi><mi>x</mi></mrow><mn>22</mn></msub>")
    assert right in written
    changed = "".join([before, name, written.replace(right, wrong, 1), mark, tail])
    assert entries(SMALL[5], page(SMALL[5]), "dx") == 16
    with pytest.raises((AssertionError, ValueError)):
        entries(SMALL[5], changed, "dx")


INDEX_CHANGES = [
    ("<mi>s</mi><mo>\N{INVISIBLE TIMES}</mo>", ""),
    ("<mi>K</mi>", "<mn>1</mn>"),
]


@pytest.mark.parametrize(("right", "wrong"), INDEX_CHANGES, ids=["stride", "limit"])
def test_a_misprinted_index_is_noticed(right: str, wrong: str) -> None:
    conv = Conv(input=(5, 5), kernel=2, stride=2, padding=1)
    text = page(conv)
    assert index_equations(conv, text, "y") == 2
    head, mark, tail = text.partition('id="forward"')
    assert right in tail
    with pytest.raises(AssertionError):
        index_equations(conv, head + mark + tail.replace(right, wrong, 1), "y")


def values(block: Section | Paragraph | Table | Equations | Code) -> Iterator[Value]:
    """What stands in words in a block and those inside it, in the order of the page."""
    if isinstance(block, Section):
        yield block.title
        for inner in block.blocks:
            yield from values(inner)
    elif isinstance(block, Paragraph):
        yield block.phrase
    elif isinstance(block, Table):
        yield from block.head
        for row in block.rows:
            yield from row


@pytest.mark.parametrize("conv", [SMALL[1], SMALL[6], SMALL[9], SMALL[12]], ids=slug)
def test_mathematics_in_words_is_that_of_the_document(conv: Conv) -> None:
    told = whole(conv)
    root = parsed(page(conv))
    elsewhere = {id(each) for name in ("display", "captioned") for box in with_class(root, name) for each in box.iter()}
    elsewhere |= {id(each) for name in ("nav", "figcaption") for box in root.iter(XHTML + name) for each in box.iter()}
    found = together([tex(each) for each in root.iter(MATHML + "math") if id(each) not in elsewhere])
    expected = [run for value in (told.title, *told.subtitle) for run in prose("en").runs(value)]
    expected += [run for section in told.sections for value in values(section) for run in prose("en").runs(value)]
    mathematics = together([latex(run) for run in expected if isinstance(run, Math)])
    assert len(tokens(mathematics)) > 100
    assert tokens(found) == tokens(mathematics)


# mathematics ----------------------------------------------------------------------------------------------------------


def test_names_of_two_letters_are_one_name() -> None:
    told = mathml(entry(SMALL[5], "dx", [0, 0, 1, 2]))
    assert "<msub><mrow><mi>d</mi><mi>x</mi></mrow><mn>23</mn></msub>" in told


def test_signs_in_indices_have_no_space() -> None:
    inner = Sum(((1, Word("o")), (-1, Word("1"))))
    [sign] = (each for each in ElementTree.fromstring(mathml(Total((inner,)))).iter(MATHML + "mo") if each.text == "−")
    assert (sign.get("lspace"), sign.get("rspace")) == ("0", "0")


def test_a_formula_holds_its_comma() -> None:
    told = words(prose("en"), Phrase("setting.sought.bias"))
    assert told.count('<span class="held">') == 7
    assert re.search(r"</math>,</span>", told)
    assert not re.search(r"</math>[,.;]", told.replace(",</span>", "").replace(";</span>", "").replace(".</span>", ""))


def test_a_long_formula_among_words_may_be_broken() -> None:
    from symconv.article.formats.html import set_runs

    long = Sum(tuple((1, Word(name * 3)) for name in "abcdefg"))
    told = set_runs(["(", long, "), ", Word("x"), "."])
    assert told.count("<math ") == 8
    assert re.match(r'<span class="held">\(<math [^>]*><semantics><mrow><mi>a</mi>', told)
    last = re.escape("<mrow><mi>g</mi><mi>g</mi><mi>g</mi></mrow></mrow></math>),</span>")
    assert re.search(rf'<span class="held"><math [^>]*><mrow><mo [^>]*>\+</mo>{last} ', told)


def test_products_of_numbers_are_dotted() -> None:
    product = Product((Word("2"), Row((Word("3"),))))
    assert ">⋅<" in mathml(product)
    assert ">⋅<" not in mathml(Product((Word("2"), Word("o"))))


def test_an_equation_is_one_piece_of_mathematics() -> None:
    assert plain(ElementTree.fromstring(mathml(Equation.of(Word("dx"), Word("0"))))) == "dx=0"


# the page -------------------------------------------------------------------------------------------------------------

PAGES = {
    f"{conv.slug}-{lang}": (conv, lang)
    for conv, lang in [
        (SMALL[0], "fr"),
        (SMALL[6], "en"),
        (SMALL[9], "en"),
        (SMALL[12], "de"),
        (LONG[1], "en"),
    ]
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_stands_alone(name: str) -> None:
    text = page(*PAGES[name])
    root = parsed(text)
    assert root.get("lang") == PAGES[name][1]
    names = {element.tag for element in root.iter()}
    assert not names & {XHTML + name for name in ("script", "img", "link", "iframe", "object")}
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not re.fullmatch("src(set)?|on.*", name), (name, value)
            assert name != "href" or value.startswith("#"), value
    assert "url(" not in text
    assert "@import" not in text
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {
        "http://www.w3.org/1999/xhtml", "http://www.w3.org/1998/Math/MathML", "http://www.w3.org/2000/svg"}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_the_page_can_be_heard(name: str) -> None:
    """Headings in steps, tables with heads, pictures with words, names that links lead to, each once."""
    root = parsed(page(*PAGES[name]))
    levels = [int(element.tag[-1]) for element in root.iter() if re.fullmatch(re.escape(XHTML) + r"h\d", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in root.iter(XHTML + "table"):
        assert {head.get("scope") for head in table.iter(XHTML + "th")} == {"col", "row"}
    pictures = list(root.iter(SVG + "svg"))
    assert all(picture.get("role") == "img" and picture.get("aria-label") for picture in pictures)
    figures = list(root.iter(XHTML + "figure"))
    assert len(pictures) >= len(figures) == len(list(root.iter(XHTML + "figcaption")))
    assert all(list(each.iter(SVG + "svg")) for each in figures)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    targets = [link.get("href", "")[1:] for link in root.iter(XHTML + "a")]
    assert targets
    assert set(targets) <= set(ids)


@pytest.mark.slow
def test_pictures_fit_the_layer() -> None:
    kinds = {
        conv: [each.get("class") for each in parsed(page(conv)).iter(XHTML + "figure")] for conv in [*SMALL, *LONG]
    }
    assert kinds[SMALL[0]] == [
        "window",
        "jacobian",
        "weights",
        "backward",
    ]  # no stride, no padding: no relation to show
    assert kinds[SMALL[6]] == ["window", "weights", "jacobian", "backward", "relation", "depth"]
    # forty places across: a shorter layer of the same kind stands for it
    assert kinds[LONG[1]] == ["window", "jacobian", "weights", "backward", "relation"]
    assert "Drawn for a shorter layer of the same kind" in "".join(parsed(page(LONG[1])).itertext())


def test_pages_are_looked_at_in_every_language() -> None:
    assert {lang for _, lang in PAGES.values()} == set(LANGUAGES)


@pytest.mark.slow
def test_the_same_layer_gives_the_same_bytes() -> None:
    code = f"from symconv import Conv; from symconv.article import render; print(render({SMALL[6]!r}, 'html'), end='')"
    environment = {"PYTHONHASHSEED": "7", "PYTHONUTF8": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, env=environment
    )
    assert other.stdout == page(SMALL[6])


def test_the_command_writes_a_page(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    size = ["--input", "5x6", "--kernel", "3x2", "--stride", "2x1", "--padding", "1x0"]
    result = CliRunner().invoke(command, [*size, "-o", str(target)])
    assert result.exit_code == 0, result.output
    conv = Conv(input=(5, 6), kernel=(3, 2), stride=(2, 1), padding=(1, 0))
    assert target.read_text(encoding="utf-8") == page(conv)
    result = CliRunner().invoke(command, [*size, "--format", "html"])
    assert result.stdout == page(conv)


# in another page -----------------------------------------------------------------------------------------------------


def test_a_fragment_keeps_to_itself(tmp_path: Path) -> None:
    """It is the article of the page, and every rule of its style speaks of the article or of its pictures alone."""
    target = tmp_path / "part.html"
    size = ["--input", "4", "--kernel", "2", "--fragment"]
    result = CliRunner().invoke(command, [*size, "-o", str(target)])
    assert result.exit_code == 0, result.output
    text = target.read_text(encoding="utf-8")
    assert text == whole(SMALL[0]).render("html", fragment=True)
    root = ElementTree.fromstring(text)
    assert (root.tag, root.get("class"), root.get("lang")) == ("article", "symconv-article", "en")
    style = re.sub(r"/\*.*?\*/", "", "".join(each.text or "" for each in root.iter("style")))
    style = re.sub(r":is\([^()]*\)", ":is()", style)
    selectors = [each.strip() for rule in re.findall(r"([^{}]+)\{", style) for each in rule.split(",")]
    assert len(selectors) > 50
    assert {
        each
        for each in selectors
        if not re.match(r"\.symconv-|\.sc-|@media|@supports|@keyframes symconv-|(from|to|\d+%)$", each)
    } == set()
    pieces = [tex(each) for each in root.iter(MATHML + "math")]
    assert pieces == [tex(each) for each in parsed(page(SMALL[0])).iter(MATHML + "math")]


# in a browser ---------------------------------------------------------------------------------------------------------

#: what cannot be seen from the markup: text left over, mathematics without extent (dots are 2 px high) or cut off, boxes too wide
LOOK = """
const math = [...document.querySelectorAll("math")];
answer.errors = document.querySelectorAll("merror, parsererror").length;
answer.shown = math.map((each) => each.textContent).join("");
answer.flat = math.map((each) => each.getBoundingClientRect()).filter((box) => !(box.width > 2 && box.height > 1)).length;
answer.strange = [...document.querySelectorAll("math *, mrow, mi, mn, mo, msub, msup, mfrac, mtable, mtd, munder, munderover")]
    .filter((each) => each.namespaceURI !== math[0].namespaceURI).length;
const boxes = [...document.querySelectorAll(".display, .wide, pre")];
answer.cut = boxes.filter((each) => each.scrollHeight > each.clientHeight + 1).length;
document.querySelectorAll("pre").forEach((each) => { each.style.display = "none"; });
answer.words = document.body.innerText;
answer.loaded = performance.getEntriesByType("resource").length;
"""


def unrendered(text: str) -> list[str]:
    return re.findall(r"\\[A-Za-z(\[]?|\$|\{\w+\}|_\{|&\w+;|<m\w+", text)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    return ask_each({name: page(*case) for name, case in PAGES.items()}, LOOK, tmp_path_factory.mktemp("chromium"))


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_chromium_renders_all_mathematics(name: str, seen: dict[str, dict[str, object]]) -> None:
    found = seen[name]
    assert found["problems"] == []
    assert found["loaded"] == 0
    assert (found["errors"], found["flat"], found["strange"], found["cut"]) == (0, 0, 0, 0)
    assert unrendered(str(found["words"])) == []
    root = parsed(page(*PAGES[name]))
    assert found["shown"] == "".join("".join(each.itertext()) for each in root.iter(MATHML + "math"))


@pytest.mark.slow
def test_no_page_scrolls_sideways(tmp_path: Path) -> None:
    pages = {name: page(*case) for name, case in PAGES.items()}
    part = whole(SMALL[6]).render("html", fragment=True)
    pages["part"] = f"<!DOCTYPE html><html><head></head><body><p>before</p>{part}</body></html>"
    assert too_wide(pages, [390, 1280], tmp_path) == []


BROKEN = {
    "words": lambda text: text.replace("<p>", r"<p>\alpha $x$ ", 1),
    "errors": lambda text: text.replace("<math ", "<math><merror></merror></math><math ", 1),
    "strange": lambda text: text.replace("<mrow>", "<mrow><span>x</span>", 1),
    "flat": lambda text: text.replace(
        "</style>", "math { font-size: 0 !important; display: none !important }</style>", 1
    ),
    "cut": lambda text: text.replace("</style>", ".display { height: 3px }</style>", 1),
    "script": lambda text: text.replace("<body>", "<body><script>nothing.at.all()</script>", 1),
}


@pytest.mark.slow
def test_what_the_browser_is_asked_can_fail(tmp_path: Path) -> None:
    whole = page(SMALL[0])
    found = ask_each({name: break_(whole) for name, break_ in BROKEN.items()}, LOOK, tmp_path)
    assert unrendered(str(found["words"]["words"])) == [r"\a", "$", "$"]
    for name in ("errors", "strange", "flat", "cut"):
        assert found[name][name], name
    assert found["script"]["problems"]
    scrolling = ".display { overflow-x: auto; overflow-y: hidden"
    wide = page(SMALL[6]).replace(scrolling, ".display { overflow: visible")
    assert wide != page(SMALL[6])
    (tmp_path / "wide").mkdir()
    assert too_wide({"wide": wide}, [390], tmp_path / "wide")


def test_a_wide_equation_scrolls_in_its_own_box(tmp_path: Path) -> None:
    text = page(SMALL[6])
    frame = f'<iframe width="390" height="800" srcdoc="{escape(text)}"></iframe>'
    found = ask(f"<!DOCTYPE html><html><head></head><body>{frame}</body></html>", """
        const inner = document.querySelector("iframe").contentDocument;
        answer.wide = [...inner.querySelectorAll(".display")].filter((each) => each.scrollWidth > each.clientWidth).length;
        answer.hidden = [...inner.querySelectorAll(".display")].filter((each) => each.scrollWidth > each.clientWidth &&
            !["auto", "scroll"].includes(inner.defaultView.getComputedStyle(each).overflowX)).length;
    """, tmp_path)  # fmt: skip
    assert found["wide"] > 0
    assert found["hidden"] == 0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_holds_the_tex_of_every_display(lang: str) -> None:
    """What ``symconv check`` reads from the page is what it reads from Markdown, display by display."""
    pytest.importorskip("bs4")
    pytest.importorskip("mdit_py_plugins")
    from symconv.checking.documents import blocks_of as read

    told = whole(SMALL[6], lang)
    found, wanted = (
        [
            re.sub(r"\\tag\{\d+\}|\\boxed\{|\s|[{}]", "", block.text)
            for block in read(text, kind)
            if block.kind == "display"
        ]
        for text, kind in ((told.render("html"), "html"), (told.render("markdown"), "markdown"))
    )
    assert len(found) > 10
    assert found == wanted
    assert all(block.text for block in read(told.render("html"), "html") if block.kind in ("display", "inline"))


def test_our_own_page_is_judged_as_its_markdown_is(tmp_path: Path) -> None:
    pytest.importorskip("bs4")
    pytest.importorskip("mdit_py_plugins")
    from symconv.checking import check

    told = document(SMALL[0], sections=["setting", "forward", "gradients"])
    found = []
    for kind, suffix in (("html", "html"), ("markdown", "md")):
        path = tmp_path / f"a.{suffix}"
        path.write_text(told.render(kind), encoding="utf-8")
        found.append([row.verdict for row in check(path, code=False).displays])
    assert len(found[0]) > 5
    assert found[0] == found[1]
