"""``check``: an article in, a verdict on every displayed equation and every block of code out."""

from __future__ import annotations

import copy
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from symconv.checking.alphabet import letters_of
from symconv.checking.beside import beside, covered
from symconv.checking.columns import judge_shape
from symconv.checking.comparison import Outcome
from symconv.checking.context import SIZES, Context
from symconv.checking.declared import declared, signs
from symconv.checking.digits import in_numbers
from symconv.checking.documents import Block, DocumentError, blocks_of, format_of
from symconv.checking.inlines import claims, worth_telling
from symconv.checking.inputs import with_inputs
from symconv.checking.judge import judge
from symconv.checking.losses import target_in
from symconv.checking.model import Unreadable
from symconv.checking.neighbours import neighbours, rows_of
from symconv.checking.notation import in_notation, whole_display
from symconv.checking.preactivation import before_activation
from symconv.checking.printed import name_text, printed
from symconv.checking.programs import judge_program, python_of
from symconv.checking.result import (
    BAD,
    DEFINITION,
    HOLDS,
    ILL_FORMED,
    INCONSISTENT,
    NO_CLAIM,
    NOT_READ,
    ORDER,
    PROVED,
    CheckResult,
    CodeVerdict,
    Verdict,
)
from symconv.checking.roles import highest_layer, kronecker, layer_roles
from symconv.checking.second import directions_of
from symconv.checking.second_moved import told_unmoved
from symconv.checking.slips import INDEXLESS, MOST, indexed, unnumbered, without_bias, without_slip
from symconv.checking.statements import ReadingError, UnfinishedError, statements
from symconv.checking.systems import judge_system
from symconv.checking.terms import Entry, Name, Statement, names_in, walk
from symconv.checking.written_out import steps_of
from symconv.mathematics.of_latex import LatexError, read_latex

__all__ = ["check", "in_sentence", "opened", "read"]

#: so many displays with one token changed are read for a correction
MAX_NEIGHBOURS = 120


def check(
    article: str | os.PathLike[str], settings: Mapping[str, str] | None = None, *, code: bool = True
) -> CheckResult:
    """Every display and every block of code of ``article`` (a path, or the text itself) with its verdict.

    ``settings`` say what the article means where that is not to be inferred: ``{"base": "0", "star": "convolution"}``. Blocks of
    code run under the audit's supervision only, and not at all without ``code``. Raises ValueError for a document that cannot be
    read or a setting that there is not, OSError for a file that is not there.

    >>> check("$$db = \\\\sum_i dy_i$$").displays[0].verdict
    'PROVED'
    """
    text, name = _source(article)
    kind = format_of(name or "", text)
    blocks = blocks_of(with_inputs(text, Path(name).parent) if kind == "latex" and name else text, kind)
    context = opened(blocks, settings)
    verdicts: list[Verdict] = []
    sentences: list[Verdict] = []
    programs: list[CodeVerdict] = []
    for block in blocks:
        if block.kind == "code":
            programs.append(beside(judge_program(block, code), python_of(block), context.covered))
        elif block.kind == "inline":
            sentences += in_sentence(block, context)
        elif (found := read(block, context)) is not None:
            verdicts.append(found)
    return CheckResult(tuple(verdicts), tuple(programs), tuple(context.said), name, text, tuple(sentences))


def opened(blocks: Sequence[Block], settings: Mapping[str, str] | None = None) -> Context:
    """What an article means by its letters before its first block is read."""
    context = Context()
    for block in blocks:
        if block.kind == "front":
            context.override(_front_matter(block.text), block.line)
    context.override(settings or {})
    context.letters = declared(blocks)
    context.stars = dict.fromkeys(sorted(signs(blocks)), "correlation")
    context.roles = {context.letters.meant.get(letter, letter): role for letter, role in context.roles.items()}
    own = [context.letters.own(block) for block in blocks]
    letters_of(own, context)
    context.second = directions_of(own, context.roles)
    context.roles |= context.second.roles
    context.primes = Counter(found for block in blocks for found in re.findall(r"(\\?[A-Za-z]+)'", block.text))
    for letter, role in context.roles.items():
        context.note(role, letter, None)
    context.note("base", context.base, None)
    context.written_out = steps_of(own, context.roles, 1 if context.base is None else context.base)
    return context


def read(block: Block, context: Context) -> Verdict | None:
    """The verdict on a display; of any other block what it says is kept in the context."""
    if block.kind in ("text", "heading"):
        context.block(context.letters.own(block))
    elif block.kind == "comment" and block.text.startswith("symconv:"):
        context.override(_pairs(block.text.removeprefix("symconv:")), block.line)
    if block.kind == "display" and block.line in context.written_out:
        context.take(context.written_out[block.line], block.line)
    return _in_letters(block, context) if block.kind == "display" else None


def in_sentence(block: Block, context: Context) -> list[Verdict]:
    """The verdict on what stands between the dollars of a sentence, where that is a claim; what it says of indices is kept.

    What else it says is not: a sentence may tell what does not hold.
    """
    if "=" not in block.text:
        return []
    own = context.letters.own(block)
    try:
        told, _ = _statements(own, context)
    except (LatexError, ReadingError, Unreadable):
        return []
    known = dict(context.relations)
    _relate(told, context)
    context.relations |= known
    if not claims(told, context):
        return []
    found = _in_letters(block, copy.deepcopy(context))
    return [replace(found, inline=True)] if worth_telling(found) else []


def _in_letters(block: Block, context: Context) -> Verdict:
    """The verdict on a display, told in the letters of its author."""
    letters = context.letters
    found = _display(letters.own(block), context)
    if context.second:
        written = context.second.written
        found = replace(found, fix=written(found.fix), counterexample=written(found.counterexample))
    if not letters:
        return found
    fix = letters.written(found.fix) if found.fix else None
    return replace(found, latex=block.text, fix=fix, condition=letters.told(found.condition), reason=letters.told(found.reason),
                   counterexample=letters.told(found.counterexample))  # fmt: skip


def _source(article: str | os.PathLike[str]) -> tuple[str, str | None]:
    if isinstance(article, str) and ("\n" in article or "$" in article or "\\" in article):
        return article, None
    path = Path(article)
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except UnicodeDecodeError:
        with path.open("rb") as file:
            pdf = file.read(5) == b"%PDF-"
        what = "a PDF; give the LaTeX or Markdown that it was made from" if pdf else "not text in UTF-8"
        raise DocumentError(f"this is {what}") from None


def _front_matter(text: str) -> dict[str, str]:
    """``symconv: {base: 0, star: convolution}`` or the same on indented lines, parsed as no more than that."""
    found = re.search(r"^symconv:\s*(\{.*\})?\s*$((?:\n[ \t]+.*)*)", text, re.MULTILINE)
    if found is None:
        return {}
    inline = (found[1] or "").strip("{} \t")
    lines = [line.strip() for line in (found[2] or "").splitlines() if line.strip()]
    return dict(_split(piece, ":") for piece in [*filter(None, (p.strip() for p in inline.split(","))), *lines])


def _pairs(text: str) -> dict[str, str]:
    return dict(_split(piece, "=") for piece in re.split(r"[\s,]+", text.strip()) if piece)


def _split(piece: str, sign: str) -> tuple[str, str]:
    name, found, value = piece.partition(sign)
    if not found:
        raise ValueError(f"{piece!r} is no setting; write name{sign}value")
    return name.strip(), value.strip()


def _display(block: Block, context: Context) -> Verdict:
    """The verdict on a display; its correction is read and judged as the author's own would be, and kept where it holds."""
    before = copy.deepcopy(context)
    found = _judged(block, context)
    if found.verdict == NOT_READ and (slip := _slip(block, before, found)):
        return slip
    if found.verdict not in BAD:
        return found
    if found.fix:
        again = _judged(replace(block, text=found.fix), copy.deepcopy(before))
        if again.verdict in (PROVED, HOLDS, DEFINITION) and found.fix != block.text:
            return found
    if (fix := _neighbour(block, found, before)) is not None:
        return replace(found, fix=fix)
    told = "no correction near it was found that holds"
    reason = f"{found.reason}; {told}" if found.reason else told
    return replace(found, fix=None, reason=reason)


def _slip(block: Block, before: Context, found: Verdict) -> Verdict | None:
    """The verdict on a display that is not read for a slip of one sign: that it holds without it."""
    near = without_slip(block.text, before)
    if (found.reason or "").startswith(INDEXLESS):
        near = itertools.chain(near, indexed(block.text, before))
    for told, text in itertools.islice(near, MOST):
        again = _judged(replace(block, text=text), copy.deepcopy(before))
        if again.verdict in (PROVED, HOLDS, DEFINITION):
            return replace(found, verdict=ILL_FORMED, condition="right without it", reason=told, fix=text)
    return None


def _neighbour(block: Block, found: Verdict, before: Context) -> str | None:
    """The nearest display that holds and says the same kind of thing, with one token changed: in the lines that are wrong, or in
    those that say what their indices are."""
    try:
        told, _ = _statements(block, copy.deepcopy(before))
    except (LatexError, ReadingError):
        return None
    rows = rows_of(block.text)
    before = replace(before, tried=True)
    wrong = _wrong(told, range(len(told)), block, before)
    if len(rows) == len(told) > 1:
        first = [rows[at] for at in wrong] + [row for row, each in zip(rows, told, strict=True) if _names_index(each)]
        rows = list(dict.fromkeys(first)) or rows
    letters = list(before.roles)
    arrays = [*letters, *("d" + each for each in letters if f"d{each}" not in letters and len(each) == 1)]
    names = [name_text(each).strip() for each in arrays]
    for text in itertools.islice(neighbours(block.text, rows, names, [*"HKOsdpqr"]), MAX_NEIGHBOURS):
        near = replace(block, text=text)
        try:
            read, _ = _statements(near, copy.deepcopy(before))
        except (LatexError, ReadingError):
            continue
        if len(read) == len(told) and _wrong(read, wrong, near, before):
            continue
        again = _judged(near, copy.deepcopy(before))
        if again.verdict in (PROVED, HOLDS) or (again.verdict == DEFINITION and again.kind == found.kind):
            return text
    return None


def _wrong(told: list[Statement], at: Iterable[int], block: Block, before: Context) -> list[int]:
    """Which statements of a display are wrong, of those at these places."""
    context = copy.deepcopy(before)
    _relate(told, context)
    return [n for n in at if not told[n].system and _one(told[n], context, block).verdict in BAD]


def _names_index(statement: Statement) -> bool:
    """Whether a statement says what an index is."""
    return isinstance(statement.sides[0], Name) and len(statement.sides) > 1


def _judged(block: Block, context: Context) -> Verdict:
    tag = None
    if re.search("einstein", block.text, re.IGNORECASE) and "einstein" not in context.fixed:
        context.einstein = True
    try:
        told, tag = _statements(block, context)
    except (LatexError, ReadingError) as error:
        if (shape := judge_shape(block.text, context)) is not None:
            return _together(block, tag, [shape], [])
        unfinished = isinstance(error, UnfinishedError)
        return Verdict(block.line, block.text, ILL_FORMED if unfinished else NOT_READ, tag=tag, reason=str(error))
    _relate(told, context)
    context.beside = tuple(told)
    outcomes = (
        [judge_system(told, context)]
        if told and all(each.system for each in told)
        else [_one(s, context, block) for s in told]
    )
    if not outcomes:
        return Verdict(block.line, block.text, NO_CLAIM, "empty", tag)
    return _together(block, tag, outcomes, told)


def _statements(block: Block, context: Context) -> tuple[list[Statement], str | None]:
    """What a block states, and its tag; LatexError or ReadingError where it cannot be read."""
    math, tag = read_latex(block.text)
    math = context.second.read(math)
    if (target := target_in(math, context.roles)) is not None:
        context.roles[target] = "t"
    primed = {letter + "′" for letter in context.roles}
    arrays = {*context.roles, *context.padded, *context.framed, *context.definitions, *primed}
    delta = {"δ"} if re.search(r"\\partial y|(?<![A-Za-z])dy", block.text) else set()
    return in_numbers(statements(math, arrays | delta), context), tag


def _relate(told: list[Statement], context: Context) -> None:
    """Remember what a display says that an index is: m = s(o - 1) + k."""
    entries = [e for each in told for side in each.sides for e in walk(side) if isinstance(e, Entry)]
    indices = {i.text for e in entries for i in e.at if isinstance(i, Name)} | set(context.axes)
    for each in told:
        left = each.sides[0]
        if not isinstance(left, Name) or not (
            re.fullmatch(r"[a-z](_\d)?′*|μ(_\d)?", left.text) or left.text in indices
        ):
            continue
        named = any(left.text in names_in(side) for side in each.sides[1:])
        if (SIZES.get(left.text, ("",))[0] == "r" or named) and all(
            names_in(side) <= set(SIZES) for side in each.sides
        ):
            continue  # a size
        array = left.text in context.roles and left.text not in context.axes  # b may be an index
        if len(each.sides) > 1 and not each.system and not array and names_in(each.sides[1]):
            context.relations[left.text] = each.sides[1]


def _one(statement: Statement, context: Context, block: Block) -> Outcome:
    general = context.roles
    statement = context.second.stilled(statement)
    if mixed := unnumbered(statement, context):
        return Outcome(ILL_FORMED, "equation", reason=mixed)
    try:
        layered = layer_roles(statement, general)
        context.roles = {**general, **layered, **context.second.meant(statement)}
        context.highest = highest_layer(layered)
        if kronecker(statement):
            context.roles = {letter: role for letter, role in context.roles.items() if letter != "δ"}
        context.shapes(statement, block.line)
        context.remember(statement)
        outcome = told_unmoved(judge(statement, context), statement, context)
        if formula := covered(statement, outcome, context, block.line):
            context.covered.append(formula)
        if outcome.verdict in (PROVED, HOLDS) and (clash := before_activation(statement, general)):
            outcome = Outcome(
                INCONSISTENT, outcome.kind, "right with the layer's input in its place", clash[0], clash[1]
            )
        if outcome.verdict in (PROVED, HOLDS) and (bias := without_bias(statement, context)):
            outcome = Outcome(INCONSISTENT, outcome.kind, "right without a bias", bias)
    except Unreadable as error:
        outcome = Outcome(NOT_READ, "equation", reason=str(error))
    context.roles = {**general, context.extended: "z"} if context.extended else general
    context.system = ()
    return outcome


def _together(block: Block, tag: str | None, outcomes: list[Outcome], told: list[Statement]) -> Verdict:
    """The verdict on a display of several statements: the worst, and how many hold."""
    all_of = outcomes
    skipped = [o for o in outcomes if o.kind == "dots"]
    outcomes = [o for o in outcomes if o.kind != "dots"] or outcomes
    worst = min(outcomes, key=lambda o: ORDER.index(o.verdict))
    condition = worst.condition
    if worst.verdict == HOLDS and len(outcomes) > 1:
        good = sum(o.verdict not in (NO_CLAIM, DEFINITION) for o in outcomes)
        condition = f"{good} of {good} entries written" if worst.kind == "entry" else condition
    if skipped:
        condition = f"{condition}; what the dots stand for is not checked"
    return Verdict(block.line, block.text, worst.verdict, worst.kind, tag, condition, worst.reason, _fix(block, all_of, told),
                   worst.counterexample)  # fmt: skip


def _fix(block: Block, outcomes: list[Outcome], told: list[Statement]) -> str | None:
    """The display with what is wrong in it corrected and what is right as it was; None where a part has no correction."""
    bad = [o for o in outcomes if o.verdict in BAD]
    if not bad or not all(o.fix for o in bad):
        return None
    if len(told) == 1 or len(outcomes) != len(told):
        return whole_display([in_notation(o.fix, block.text) for o in bad if o.fix], block.text)
    if any(each.notes or each.system for each in told):
        return None
    pieces = []
    for outcome, each in zip(outcomes, told, strict=True):
        try:
            text = outcome.fix if outcome.verdict in BAD else " = ".join(printed(side) for side in each.sides)
        except (ValueError, KeyError):
            return None
        if text is None or any(sign != "=" for sign in each.signs):
            return None
        pieces.append(in_notation(text, block.text))
    return whole_display(pieces, block.text)
