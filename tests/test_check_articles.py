"""Articles as strangers write them, with what is right and what is subtly wrong: no right display is called wrong, and the
wrong ones are found with a correction that holds."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")
pytest.importorskip("bs4")

from symconv.checking import check
from symconv.checking.result import BAD

#: article -> its displays in order: right (r), wrong (w), wrong and without a correction (o), not read (?)
TRUTH = {"kernels.md": "rrrrrwrrrrwrwrrrrwrwrrrrww"}
FOLDER = Path(__file__).parent / "articles"


@pytest.mark.parametrize("name", TRUTH)
def test_an_article(name: str) -> None:
    displays = [each for each in check(FOLDER / name, code=False).displays if each.verdict != "NO CLAIM"]
    found = "".join("w" if each.verdict in BAD and each.fix else "o" if each.verdict in BAD else
                    "r" if each.verdict in ("PROVED", "HOLDS", "DEFINITION") else "?" for each in displays)  # fmt: skip
    assert found == TRUTH[name], [(each.line, each.verdict, each.reason) for each in displays]
