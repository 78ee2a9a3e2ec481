"""Grades of right and wrong solutions in the style of each course."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from symconv.audits.sandbox.supervisor import shared_workers
from symconv.courses.grade import FORMATS, KINDS, LEVELS, grade
from tests.commands import assert_bad_usage, run


@pytest.fixture(autouse=True, scope="module")
def _workers():
    with shared_workers():
        yield


SOLUTIONS = Path(__file__).with_name("solutions.py")

#: solution -> convention, mode, and the outputs that are not right
STYLES = {
    "conv_backward_naive": ("cs231n", "backward", ()),
    "conv_backward_wrong": ("cs231n", "backward", ("dx",)),
    "conv_backward": ("coursera", "backward", ()),
    "conv_backward_mean": ("coursera", "backward", ("dw",)),
    "Conv2d": ("mytorch", "backward", ()),
    "Conv2dFlipped": ("mytorch", "backward", ("dx",)),
    "Convolution2D": ("cs7643", "backward", ()),
    "Convolution2DOverwriting": ("cs7643", "backward", ("dw",)),
    "Convolution": ("ufal", "backward", ()),
    "ConvolutionSwapped": ("ufal", "backward", ("db",)),
    "Conv": ("needle", "backward", ()),
    "ConvForgetful": ("needle", "backward", ("dw",)),
    "corr2d_multi_in_out": ("d2l", "forward", ()),
    "corr2d_first_channel": ("d2l", "forward", ("y",)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STYLES)
def test_each_style(name):
    convention, mode, wrong = STYLES[name]
    found = grade(f"{SOLUTIONS}:{name}", convention, mode=mode, once=True)
    assert {mark.output for mark in found.marks if not mark.full} == set(wrong)
    assert (found.points == found.maximum) == (not wrong)
    assert {mark.output for mark in found.marks} == (
        {"y"} if mode == "forward" else {"dx", "dw"} if convention == "needle" else {"dx", "dw", "db"}
    )
    if convention not in ("d2l", "ufal"):
        assert {mark.kind for mark in found.marks} == {"plain", "padding", "stride", "stride-padding", "remainder"}


def test_credit_is_partial():
    """A backward pass that fails at padding 0 alone keeps the points for padding."""
    found = grade(f"{SOLUTIONS}:conv_backward_wrong", "cs231n", maximum=15, once=True)
    lost = {mark.kind for mark in found.marks if not mark.full}
    assert lost == {"plain", "stride", "remainder"}
    assert found.points == pytest.approx(15 - 3)
    assert sum(row["points"] for row in found.to_dict()["marks"]) == pytest.approx(found.points)


@pytest.mark.parametrize("level", LEVELS)
def test_messages_do_not_give_the_answer_away(level):
    found = grade(f"{SOLUTIONS}:conv_backward_mean", "coursera", level=level, once=True)
    messages = [mark.message for mark in found.marks if not mark.full]
    assert messages
    for message in messages:
        for failure in found.audit.failures:
            assert failure.true not in message
            assert str(failure.true).lstrip("-") not in message
        assert (message == "not right") == (level == "hidden")
        assert ("Conv(" in message) == (level == "full")
    if level == "hint":
        assert "when there are several images" in messages[0]


def test_formats():
    found = grade(f"{SOLUTIONS}:conv_backward_wrong", "cs231n", maximum=30, once=True)
    scope = json.loads(found.render("gradescope"))
    assert scope["score"] == pytest.approx(sum(test["score"] for test in scope["tests"]))
    assert sum(test["max_score"] for test in scope["tests"]) == pytest.approx(30)
    assert {test["status"] for test in scope["tests"]} == {"passed", "failed"}
    otter = json.loads(found.render("otter"))
    assert sum(row["score"] for row in otter["results"].values()) == pytest.approx(otter["total"])
    cell = found.render("nbgrader")
    assert ast.literal_eval(cell.splitlines()[-1]) == pytest.approx(found.points)
    compile(cell, "cell", "exec")
    assert json.loads(found.render("json"))["points"] == found.points
    assert found.render("text").endswith(f"{found.points:g} of 30 points\n")
    assert set(FORMATS) == {"text", "json", "gradescope", "otter", "nbgrader"}
    with pytest.raises(ValueError, match="no format 'xml'"):
        found.render("xml")


def test_command(tmp_path):
    made = tmp_path / "results.json"
    ran = run(
        "grade", f"{SOLUTIONS}:conv_backward_naive", "--convention", "cs231n", "--format", "gradescope", "-o", str(made)
    )
    assert ran.status == 0, ran
    assert json.loads(made.read_text())["score"] == 100
    ran = run("grade", f"{SOLUTIONS}:conv_backward_wrong", "--convention", "cs231n", "--outputs", "dx", "--points", "5")
    assert ran.status == 1
    assert ran.out.splitlines()[-1] == "2 of 5 points"
    assert_bad_usage(run("grade", "nowhere.py:f"), "nowhere.py")
    assert_bad_usage(run("grade", f"{SOLUTIONS}:conv_backward", "--outputs", "dz"), "no output 'dz'")
    assert_bad_usage(run("grade", f"{SOLUTIONS}:conv_backward", "--points", "0"), "points")


def test_kinds_cover_every_geometry():
    assert list(KINDS)[-1] == "plain"
    assert KINDS["plain"][1](None)
