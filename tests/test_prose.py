"""Languages: a folder for each, found by looking, with the same keys in each."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import symconv
from symconv.prose import LANGUAGES, prose, reworded, words
from symconv.prose.languages import language, table


@pytest.mark.parametrize("name", ["article", "figures", "language"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_same_keys_in_each_language(lang, name):
    optional = {"babel", "setup"}
    assert set(table(lang, name)) - optional == set(table("en", name)) - optional


def test_no_such_language():
    with pytest.raises(ValueError, match=r"no language 'xx'; there are de, en, fr"):
        prose("xx")
    with pytest.raises(ValueError, match=r"no language 'xx'"):
        words("xx")


def test_thousands_and_babel():
    assert prose("en").number(1234567) == "1,234,567"
    assert prose("fr").number(1234567) == "1\u202f234\u202f567"
    assert [language(lang).babel.partition(",")[0] for lang in ("en", "fr", "de")] == ["", "french", "german"]


def test_a_third_language_is_one_folder(tmp_path):
    """A copy of the package with one folder more offers that language everywhere, and sets it."""
    source = Path(symconv.__file__).parent
    shutil.copytree(source, tmp_path / "symconv", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "symconv" / "prose" / "la"
    shutil.copytree(source / "prose" / "fr", folder)
    (folder / "language.toml").write_text('name = "Latina"\nthousands = "."\ncolon = ": "\nbabel = "latin"\n')
    code = (
        "from symconv import Conv; from symconv.article import render; from symconv.figures import figure; "
        "from symconv.prose import LANGUAGES; print(*LANGUAGES); text = render(Conv(input=4, kernel=2), lang='la'); "
        "print([line for line in text.splitlines() if 'babel' in line or 'frenchsetup' in line]); "
        "figure(Conv(input=4, kernel=2), 'relation', lang='la').to_svg()"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert out.stdout.split("\n")[:2] == ["de en fr la", r"['\\usepackage[latin]{babel}']"], out.stderr


def test_other_words_for_the_same_things() -> None:
    own, other = (prose(lang).words for lang in ("fr", reworded("fr", "padding=remplissage, kernel=filtre")))
    assert own.keys() == other.keys()
    assert not any(re.search(r"\b(?:marges?|noyaux?)\b", text, re.I) for text in other.values())
    assert other["size.p"] == "remplissage avant (padding)"
    assert other["subtitle.kernel"] == "filtre {size}"
    changed = [text for key, text in other.items() if text != own[key]]
    assert len(changed) > 30
    # what agreed with the feminine word agrees with the other one
    assert not any(
        re.search(r"(?:\b[Ll]a|\b[Uu]ne|\b[Ss]a|\b[Cc]ette|à la|de la) (?:remplissage|filtre)", text)
        for text in changed
    )
    assert words(reworded("fr", "padding=remplissage")).text("padding_before") == "remplissage avant"
    with pytest.raises(
        ValueError, match=r"no words 'padding=bord' in the vocabulary of fr; there are padding=remplissage, kernel"
    ):
        reworded("fr", "padding=bord")
    with pytest.raises(ValueError, match=r"no words 'kernel=filter' in the vocabulary of en; there are none"):
        reworded("en", "kernel=filter")
