"""The files that figures are written to: well formed, the same bytes every time, whole or not at all; words; the command."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from symconv import Conv
from symconv.cli.figure import command
from symconv.cli.main import main
from symconv.figures import KINDS, figure
from symconv.figures.kinds import FORMATS
from symconv.figures.palette import STYLES
from symconv.figures.svg import SCALE
from symconv.files import write_whole
from symconv.prose import LANGUAGES
from tests.chromium import ask, too_wide

WIDE = Conv(input=9, kernel=3, stride=2, padding=((1, 2),), dilation=2)
FLAT = Conv(input=(5, 6), kernel=(3, 2), stride=(2, 1), padding=((1, 0), (0, 1)), in_channels=2)
DEEP = Conv(input=(2, 3, 3), kernel=(2, 1, 2), stride=(1, 2, 1), transposed=True, padding=(0, 0, 1))
FOLDED = Conv(input=(4, 3), kernel=(3, 2), padding=((1, 2), (1, 0)), padding_mode="reflect")
LAYERS = [WIDE, FLAT, DEEP, FOLDED]
EVERY = [(conv, kind) for conv in LAYERS for kind in KINDS if KINDS[kind].made_for(conv)]

SVG = "{http://www.w3.org/2000/svg}"


def named(value: object) -> str:
    return value.slug if isinstance(value, Conv) else str(value)


@pytest.mark.parametrize(("conv", "kind"), EVERY, ids=named)
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_tikz_has_no_sign_that_latex_sets_as_another(conv: Conv, kind: str, lang: str) -> None:
    """Without a word pdflatex sets → as ß, which stands at its place in the fonts of text. Comments are not set."""
    lines = figure(conv, kind, lang=lang).to_tikz().splitlines()
    assert not [line for line in lines if line[:1] != "%" and re.search(r"[^\x00-\xff’œŒ–—]", line)]


@pytest.mark.parametrize(("conv", "kind"), EVERY, ids=named)
def test_svg_is_well_formed(conv: Conv, kind: str) -> None:
    drawn = figure(conv, kind)
    root = ElementTree.fromstring(drawn.to_svg())
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title") is not None
    shown = [element.get("data-entry") for element in root.iter() if element.get("data-entry")]
    wanted = [entry for item in drawn.scene.items if (entry := getattr(item, "entry", None))]
    assert shown == wanted
    classes = {element.get("class", "") for element in root.iter() if element.get("class", "").startswith("sc-")}
    known = {f"sc-{name}{end}" for name in STYLES for end in ("", "-ink", "-head")} | {"sc-background"}
    assert classes <= known
    bare = ElementTree.fromstring(drawn.to_svg(background=False))
    assert len(list(root.iter())) == len(list(bare.iter())) + 1
    plain = ElementTree.fromstring(drawn.to_svg(background=False, styles=False))
    assert len(list(root.iter())) == len(list(plain.iter())) + 2


def test_stepping_svg_and_page_hold_every_step() -> None:
    drawn = figure(FLAT, "backward", lang="fr")
    root = ElementTree.fromstring(drawn.to_stepping_svg())
    groups = [element for element in root.iter(f"{SVG}g") if element.get("class") == "step"]
    assert len(groups) == len(drawn.steps) == 30
    assert [g.get("visibility") for g in groups] == [None] + ["hidden"] * 29
    assert "Étape suivante" in drawn.to_stepping_svg()
    page = drawn.to_html()
    assert page.count('<g class="step"') == 2 * 30  # for wide and for narrow screens
    for text in (page, drawn.to_stepping_svg()):
        assert not re.search(r"https?:(?!//www\.w3\.org/2000/svg)|src=|@import|url\(", text)


def test_what_follows_an_exponent_stands_on_the_line() -> None:
    """Up and down again: an exponent after an index leaves the line where it was."""
    drawn = figure(Conv(input=(4, 4), kernel=2, in_channels=2, out_channels=3), "depth").to_svg()
    texts = [text for text in re.findall(r"<text.*?</text>", drawn) if "⊤" in text]
    assert texts
    for text in texts:
        size = float(re.search(r'font-size="([\d.]+)"', text)[1])  # type: ignore[index]
        heights = [0.0]
        for piece in re.findall(r"<tspan[^>]*>", text):
            moved = re.search(r'dy="([-\d.]+)"', piece)
            heights.append(heights[-1] + (float(moved[1]) if moved else 0.0))
        assert max(heights) <= 0.21 * size
        assert min(heights) >= -0.36 * size


@pytest.mark.slow
def test_png_and_gif_frames() -> None:
    image_module = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    drawn = figure(WIDE, "backward")
    picture = image_module.open(io.BytesIO(drawn.to_png()))
    assert picture.size == (round(drawn.scene.width * 2 * SCALE), round(drawn.scene.height * 2 * SCALE))
    film = image_module.open(io.BytesIO(drawn.to_gif(scale=1, seconds=0.5)))
    assert (film.format, film.n_frames, film.info["loop"], film.info["duration"]) == ("GIF", 9, 0, 500)
    frames = []
    for step in range(film.n_frames):
        film.seek(step)
        frames.append(film.convert("RGB").tobytes())
    assert len(set(frames)) == 9
    assert all(frame[:3] == b"\xff\xff\xff" for frame in frames)
    # a step of the film is the picture of its entry
    third = image_module.open(io.BytesIO(figure(WIDE, "backward", entry=(2,)).to_png(scale=1)))
    film.seek(2)
    # palettes round colours; a wrong cell would differ by far more, over far more
    far = [max(abs(a - b) for a, b in zip(p, q, strict=True)) for p, q in zip(pixels(film), pixels(third), strict=True)]
    assert sum(d > 40 for d in far) < 0.002 * len(far)
    film.seek(5)
    far = [max(abs(a - b) for a, b in zip(p, q, strict=True)) for p, q in zip(pixels(film), pixels(third), strict=True)]
    assert sum(d > 40 for d in far) > 0.002 * len(far)
    with pytest.raises(ValueError, match="has more than 40,000,000; take a smaller scale"):
        drawn.to_png(scale=200)


def pixels(image: object) -> list[tuple[int, int, int]]:
    data = image.convert("RGB").tobytes()  # type: ignore[attr-defined]
    return list(zip(data[::3], data[1::3], data[2::3], strict=True))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tikz_compiles(tmp_path: Path) -> None:
    pictures = [
        figure(conv, kind, lang=lang).to_tikz()
        for (conv, kind), lang in zip(EVERY, ["en", "fr", "de"] * len(EVERY), strict=False)
    ]
    body = "\n\n".join(rf"\noindent {picture}" for picture in pictures)
    preamble = r"\documentclass{article}\usepackage{amsmath,tikz}\begin{document}"
    log = compiled(f"{preamble}{body}\\end{{document}}", tmp_path)
    assert "Overfull" not in log
    compiled(figure(FLAT, "window").to_tex(), tmp_path)


def compiled(source: str, folder: Path) -> str:
    """The log of pdflatex on ``source``; fails with its own error line."""
    (folder / "figure.tex").write_text(source, encoding="utf-8")
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "figure.tex"],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=120,
    )
    log = (folder / "figure.log").read_text(encoding="utf-8", errors="replace")
    errors = [line for line in log.splitlines() if line.startswith("!")]
    assert errors == []
    assert (folder / "figure.pdf").stat().st_size > 2000
    return log


def test_tikz_keeps_to_the_width() -> None:
    picture = figure(FLAT, "backward")
    for limit in (6.0, 14.0):
        unit = float(re.search(r"\[x=([\d.]+)cm, y=-\1cm", picture.to_tikz(limit)).group(1))  # type: ignore[union-attr]
        assert unit * picture.scene.width <= limit + 0.02
    with pytest.raises(ValueError, match="a picture cannot be 0 cm wide"):
        picture.to_tikz(0)


WRITE = """
import hashlib
from dataclasses import replace
from symconv import Conv
from symconv.figures import KINDS, figure
from symconv.figures.explorer import explorer
conv = Conv(input=(4, 3), kernel=2, stride=(2, 1), padding=1)
sums = [hashlib.sha256(explorer().encode()).hexdigest()]
for kind, each in KINDS.items():
    drawn = figure(conv if each.made_for(conv) else replace(conv, padding_mode="reflect"), kind)
    for text in (drawn.to_svg(), drawn.to_tikz(), drawn.to_html(), drawn.to_stepping_svg()):
        sums.append(hashlib.sha256(text.encode()).hexdigest())
sums.append(hashlib.sha256(figure(Conv(4, 2), "window").to_gif()).hexdigest())
sums.append(hashlib.sha256(figure(Conv(4, 2), "window").to_png()).hexdigest())
print(*sums)
"""


@pytest.mark.slow
def test_the_same_bytes_whatever_the_hash_seed() -> None:
    pytest.importorskip("matplotlib")
    runs = [
        subprocess.run(
            [sys.executable, "-c", WRITE],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(set(runs[0].stdout.split())) == 4 * len(KINDS) + 3


def test_stepper_in_a_browser(tmp_path: Path) -> None:
    drawn = figure(Conv(input=5, kernel=3, stride=2, padding=1), "backward")
    script = """
    const steps = [...document.querySelectorAll("g.step")];
    const shown = () => steps.flatMap((g, i) => (g.style.display === "none" ? [] : [i + 1]));
    const said = () => shown().join() + "|" + document.querySelector("[data-counter]").textContent;
    const button = (action) => document.querySelector(`[data-action="${action}"]`);
    const click = (action) => { button(action).dispatchEvent(new MouseEvent("click")); return said(); };
    const press = (key) => {
      document.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
      return said();
    };
    answer.start = said();
    answer.clicks = ["next", "next", "last", "next", "previous", "first"].map(click);
    answer.keys = ["ArrowRight", "ArrowLeft", "End", "Home", "x"].map(press);
    press(" "); answer.playing = button("play").getAttribute("aria-pressed");
    press(" "); answer.still = button("play").getAttribute("aria-pressed");
    """
    answer = ask(drawn.to_html(), script, tmp_path)
    assert answer["problems"] == []
    assert answer["start"] == "1|1 / 5"
    assert answer["clicks"] == ["2|2 / 5", "3|3 / 5", "5|5 / 5", "1|1 / 5", "5|5 / 5", "1|1 / 5"]
    assert answer["keys"] == ["2|2 / 5", "1|1 / 5", "5|5 / 5", "1|1 / 5", "1|1 / 5"]
    assert (answer["playing"], answer["still"]) == ("true", "false")


def test_a_picture_that_moves_by_itself_shows_one_step_at_a_time(tmp_path: Path) -> None:
    """Where no script runs: its animations set to a time, one step is seen, from the first moment on; without them, the first."""
    drawn = figure(Conv(input=5, kernel=3, stride=2, padding=1), "backward")
    still = re.sub(r"<script>.*?</script>", "", drawn.to_stepping_svg(), flags=re.DOTALL)
    page = f"<!DOCTYPE html><html><head></head><body>{still}</body></html>"
    script = """
    const steps = [...document.querySelectorAll("g.step")];
    const shown = () => steps.flatMap((g, i) => (getComputedStyle(g).visibility === "visible" ? [i + 1] : []));
    const all = document.getAnimations();
    all.forEach((each) => each.pause());
    answer.seen = [20, 100, 1100, 1300, 2500, 5900, 6100, 7300].map((time) => {
      all.forEach((each) => { each.currentTime = time; });
      return shown();
    });
    all.forEach((each) => each.cancel());
    answer.still = shown();
    """
    answer = ask(page, script, tmp_path)
    assert answer["problems"] == []
    assert answer["seen"] == [[1], [1], [1], [2], [3], [5], [1], [2]]
    assert answer["still"] == [1]


def test_pages_do_not_scroll_sideways(tmp_path: Path) -> None:
    pages = {
        f"{kind}-{lang}": figure(FLAT, kind, lang=lang).to_html()
        for kind, lang in zip(KINDS, ["en", "fr", "de"] * 3, strict=False)
        if KINDS[kind].made_for(FLAT)
    }
    assert too_wide(pages, [390, 1280], tmp_path) == []


# words ---------------------------------------------------------------------------------------------------------------


def test_languages_have_the_same_phrases() -> None:
    tables = {}
    for lang in LANGUAGES:
        source = resources.files("symconv.prose").joinpath(lang, "figures.toml").read_text(encoding="utf-8")
        tables[lang] = {key: sorted(re.findall(r"\{\w+\}", phrase)) for key, phrase in tomllib.loads(source).items()}
    assert all(each == tables["en"] for each in tables.values())
    folder = resources.files("symconv.figures")
    sources = [
        path.read_text(encoding="utf-8")
        for path in Path(str(folder)).rglob("*")
        if path.suffix in (".py", ".js", ".j2")
    ]
    sources.append((Path(str(folder)).parent / "article/pictures.py").read_text(encoding="utf-8"))
    code = "\n".join(sources)
    unused = [
        key
        for key in tables["en"]
        if not re.search(rf"""["'.]{key}\b""", code) and not key.startswith(("array_", "mode_"))
    ]
    assert unused == []


# files and the command -------------------------------------------------------------------------------------------------


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_whole(target, "né")
    target.chmod(0o640)
    write_whole(target, b"new")
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o640)
    (tmp_path / "link.txt").symlink_to(target)
    write_whole(tmp_path / "link.txt", "through")
    assert (target.read_text(), (tmp_path / "link.txt").is_symlink()) == ("through", True)
    for wrong in (tmp_path, tmp_path / "none" / "a.txt", target / "a.txt"):
        with pytest.raises(ValueError, match="cannot write"):
            write_whole(wrong, "x")
    with pytest.raises(UnicodeEncodeError):
        write_whole(target, "\udc80")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "link.txt"]


def test_saved_files_are_the_formats(tmp_path: Path) -> None:
    drawn = figure(Conv(4, 2), "backward")
    for suffix, made in FORMATS.items():
        content = drawn.save(tmp_path / f"figure{suffix}").read_bytes()
        wanted = made(drawn)
        assert content == (wanted.encode() if isinstance(wanted, str) else wanted)
    assert drawn.save(tmp_path / "steps.svg", animate=True).read_text(encoding="utf-8") == drawn.to_stepping_svg()
    assert json.dumps(drawn.to_dict())
    assert drawn._repr_svg_() == drawn.to_svg()


CALLS = {
    "svg": ["backward", "--input", "5x5", "--kernel", "3x3", "--stride", "2", "--padding", "1", "-o", "{}/a.svg"],
    "gif": ["window", "--input", "4", "--kernel", "2", "-o", "{}/a.gif"],
    "entry": ["weights", "--input", "5x4", "--kernel", "2", "--entry", "2,1", "-o", "{}/a.tikz"],
    "frame": ["weights", "--input", "5x4", "--kernel", "2", "--frame", "3", "-o", "{}/a.tikz"],
    "axis": ["relation", "--input", "5x4", "--kernel", "2", "--axis", "1", "--lang", "fr", "-o", "{}/a.html"],
    "animate": ["jacobian", "--input", "4", "--kernel", "2", "--animate", "-o", "{}/a.svg"],
}


@pytest.mark.parametrize("case", CALLS)
def test_command_writes(case: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [a.format(tmp_path) for a in CALLS[case]])
    assert result.exit_code == 0, result.output
    written = result.output.strip()
    assert Path(written).stat().st_size > 500
    assert list(tmp_path.iterdir()) == [Path(written)]


def test_command_entry_and_frame_are_one_thing(tmp_path: Path) -> None:
    sums = []
    for case in ("entry", "frame"):
        assert CliRunner().invoke(command, [a.format(tmp_path) for a in CALLS[case]]).exit_code == 0
        sums.append(hashlib.sha256((tmp_path / "a.tikz").read_bytes()).hexdigest())
    assert sums[0] == sums[1]
    result = CliRunner().invoke(command, ["window", "--input", "4", "--kernel", "2", "--entry", "3", "--json"])
    assert json.loads(result.output)["entry"] == [2]


COMMAND_MISTAKES = {
    "kind": (
        ["movie", "-o", "{}/a.svg"],
        "no figure 'movie'; there are window, backward, weights, jacobian, depth, relation",
    ),
    "format": (["window", "-o", "{}/a.bmp"], "no figure format '.bmp'; there are .tikz"),
    "no-ending": (["window", "-o", "{}/a"], "no figure format '(no ending)'"),
    "nowhere": (["window"], "say where to: -o FILE"),
    "folder": (["window", "-o", "{}/none/a.svg"], "cannot write"),
    "range": (["window", "--stride", "1..2", "-o", "{}/a.svg"], "--stride 1..2: one size, not a range"),
    "none": (["window", "--dilation", "5", "-o", "{}/a.svg"], "kernel 2 with dilation 5 spans 6, but input 4"),
    "entry": (["window", "--entry", "9", "-o", "{}/a.svg"], "no entry 9 of y: its size is 3, counted from 1"),
    "entry-text": (["window", "--entry", "a", "-o", "{}/a.svg"], "--entry a: one number for each axis"),
    "frame": (["window", "--frame", "4", "-o", "{}/a.svg"], "--frame 4: there are 3 steps, counted from 1"),
    "both": (["window", "--frame", "1", "--entry", "1", "-o", "{}/a.svg"], "both pick an entry; give one"),
    "animate": (["window", "--animate", "-o", "{}/a.png"], ".png holds one picture; what steps is .gif, .html, .svg"),
    "axis": (["relation", "--axis", "2", "-o", "{}/a.svg"], "no axis 2"),
}


@pytest.mark.parametrize("case", COMMAND_MISTAKES)
def test_command_mistakes(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, message = COMMAND_MISTAKES[case]
    sizes = ["--input", "4", "--kernel", "2"]
    monkeypatch.setattr(sys, "argv", ["symconv", "figure", *(a.format(tmp_path) for a in arguments), *sizes])
    with pytest.raises(SystemExit) as stopped:
        main()
    said = capsys.readouterr()
    assert stopped.value.code == 2
    assert message in said.err
    assert said.err.startswith("symconv: ")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []
