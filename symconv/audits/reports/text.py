"""An audit as text for a terminal: verdict lines, tables, the smallest failure, causes, conditions."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from symconv.audits.reports.table import outputs_shown, table_of
from symconv.audits.result import Failure, Outcome, Tally, size_of

__all__ = ["as_text", "render", "verdict_lines"]

#: expressions longer than this are one below the other
SIDE_BY_SIDE = 100

#: the width of a label
LABEL = 11

#: kinds of exceptions that are listed
MAX_ERRORS = 5


def verdict_lines(audit: Outcome) -> list[tuple[str, bool]]:
    """One line for each output, and whether it is right."""
    lines = []
    for output in audit.outputs:
        tally = audit.tally_of(output)
        judged = tally.judged
        share = f"{tally.right} of {judged} judged" if judged < tally.cases else f"{tally.right}/{judged}"
        nowhere = "refused everywhere" if tally.refused == tally.cases else "not judged"
        told = f"{output} right in {share}" if judged else f"{output} {nowhere}"
        if tally.wrong:
            told += f", wrong in {tally.wrong}"
        if tally.refused:
            told += f", refused in {tally.refused}"
        if tally.unjudged:
            told += f", not judged in {tally.unjudged}"
        words = {"shape": "of the wrong shape", "error": "with an error"}
        kinds = {status: count for status, count in audit.status_counts(output).items() if status in words}
        if kinds:
            told += f" ({', '.join(f'{n} {words[kind]}' for kind, n in sorted(kinds.items(), reverse=True))})"
        lines.append((told, tally.wrong == 0 and tally.right > 0 and not audit.limits and not tally.unjudged))
    return lines


def render(audit: Outcome) -> RenderableType:
    """The whole report."""
    return Group(*_parts(audit))


def _parts(audit: Outcome) -> Iterator[RenderableType]:
    how = {"forward": ", the forward pass", "adjoint": ", against its own forward pass"}.get(audit.mode, "")
    how += f", against {audit.truth}" if audit.truth else ""
    yield Text.assemble((audit.label, "bold"), f" ({audit.convention} convention{how})")
    for told in audit.inferred:
        yield Text(f"  {told}", style="dim")
    for line, right in verdict_lines(audit):
        yield Text.assemble(("  ✓ " if right else "  ✗ ", "green" if right else "bold red"), line)
    if audit.outside:
        tally = audit.outside_tally
        example = audit.outside[0].outside
        told = f"{tally.right} right, {tally.wrong} wrong, {tally.refused} refused of {tally.cases}"
        yield Text(
            f"  outside what the convention documents, not counted above: {told} ({example}, for one)", style="dim"
        )
    for limit in audit.limits:
        yield Text.assemble(
            ("  ✗ ", "bold red"), f"{limit}: ordinary geometries, which the function has a parameter for"
        )
    if audit.challenge:
        yield from _challenge(audit)
    for output in outputs_shown(audit):
        yield Text()
        yield _table(audit, output)
    for failure, outputs, causes in audit.told:
        yield Text()
        yield from _failure(failure, outputs)
        for cause in causes:
            yield Text.assemble(("  likely cause: ", "bold"), str(cause))
        if failure.output in audit.own_forward:
            consistent = audit.own_forward[failure.output]
            yield Text(
                f"  {failure.output} is {'' if consistent else 'not '}the derivative of its own forward pass there"
                + (": the forward pass is another layer" if consistent else "")
            )
    yield Text()
    if len(audit.errors) > 1:
        for (message, where), count in list(audit.errors.items())[:MAX_ERRORS]:
            yield _labelled("error", f"in {count} cases: {message}" + (f"  ({where})" if where else ""))
    if audit.proved is not None:  # says more than any rule that was observed
        yield _labelled("proved", audit.proved)
    else:
        yield _labelled("condition", str(audit.condition))
        for output, condition in audit.further_conditions.items():
            yield _labelled("", f"{output}: {condition}")
    if audit.refusal is not None:
        yield _labelled("refusals", str(audit.refusal))
        message = next(case.verdict.message for case in audit.documented if case.refuses())
        yield _labelled("", message)
    if audit.unjudged:
        yield _labelled("not judged", unjudged(audit))
    for finding, count in audit.findings.items():
        yield _labelled("finding", f"{finding} ({count} of {audit.tried} cases)")
    yield _labelled("scope", audit.scope)


def unjudged(audit: Outcome) -> str:
    """Why cases have no verdict, and what to do about it."""
    message = next(case.verdict.message for case in audit.documented if case.verdict.status == "limit")
    option = "--time-limit" if "time limit" in message else "--memory-limit"
    return f"{audit.unjudged} of {audit.tally.cases} cases: {message}; raise {option}"


def _challenge(audit: Outcome) -> Iterator[RenderableType]:
    tally = audit.challenge_tally
    told = f"of {tally.cases} geometries drawn with seed {audit.seed}, {tally.right} right, {tally.wrong} wrong"
    told += f", {tally.refused} refused" if tally.refused else ""
    yield Text("  " + told, style="dim")
    if tally.wrong and not audit.wrong:
        case = min(
            (c for c in audit.challenge if not c.right(audit.outputs) and c.answered()),
            key=lambda c: size_of(c.conv),
        )
        yield Text.assemble(("  ✗ ", "bold red"), f"wrong at {case.conv!r}, which is not in the grid")


def _table(audit: Outcome, output: str | None) -> RenderableType:
    table = table_of(audit, output)
    shown = RichTable(show_edge=False, pad_edge=False)
    shown.add_column(table.down, justify="right")
    for column in table.columns:
        shown.add_column(f"{table.across} {column}", justify="right")
    for row in table.rows:
        shown.add_row(row, *(_cell(table.cell(row, column)) for column in table.columns))
    return Group(Text(table.title), shown)


def _labelled(label: str, told: str, style: str = "bold") -> RenderableType:
    """A line with its label before it; where it is wrapped, what follows stands below what it belongs to."""
    line = RichTable.grid()
    line.add_column(width=LABEL, no_wrap=True)
    line.add_column(overflow="fold")
    line.add_row(Text(label, style=style), Text(told))
    return line


def _cell(tally: Tally | None) -> Text:
    if tally is None:
        return Text("–", style="dim")
    judged = tally.judged
    style = "green" if tally.right == judged and judged else "red" if not tally.right and judged else "yellow"
    return Text(f"{tally.right}/{judged}" + (f" +{tally.refused} refused" if tally.refused else ""), style=style)


def _failure(failure: Failure, outputs: str) -> Iterator[RenderableType]:
    yield Text.assemble(("smallest failure  ", "bold"), f"{outputs} at {failure.conv!r}")
    if failure.status == "error":
        yield Text.assemble(("  error  ", "red"), failure.message, f"  ({failure.where})" if failure.where else "")
        return
    name = f"{failure.entry} = " if failure.entry else ""
    yours = mark_terms(failure.yours, failure.extra, "bold red")
    true = mark_terms(failure.true, failure.missing, "bold green")
    if not failure.yours and not failure.true:
        pass  # the note says what there is to say
    elif len(failure.yours) + len(failure.true) + 2 * len(name) > SIDE_BY_SIDE:
        yield Text.assemble("  yours  ", name, yours)
        yield Text.assemble("  true   ", name, true)
    else:
        yield Text.assemble("  yours  ", name, yours, "    true  ", name, true)
    for word, terms in (("missing", failure.missing), ("extra", failure.extra)):
        if terms:
            yield Text(f"  {word}  {', '.join(terms)}")
    if failure.entries > 1:
        yield Text(f"  {failure.entries} entries of {failure.output} are wrong here", style="dim")
    if failure.note:
        yield Text(f"  {failure.note}", style="dim")


def split_terms(expression: str, marked: Sequence[str]) -> list[tuple[str, bool]]:
    """An expression in pieces, each with whether it is one of the marked terms (given with their signs)."""
    wanted = {re.sub(r"\s", "", term) for term in marked}
    pieces: list[tuple[str, bool]] = []
    for piece in re.split(r"(?= [+-] )", expression):
        bare = piece.replace(" ", "").removeprefix("+")
        pieces.append((piece, bare in wanted))
    return pieces


def mark_terms(expression: str, marked: Sequence[str], style: str) -> Text:
    """The expression with the marked terms set off."""
    return Text.assemble(*((piece, style if differs else "") for piece, differs in split_terms(expression, marked)))


def as_text(audit: Outcome, width: int = 118) -> str:
    """The report without colour."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, highlight=False)
    console.print(render(audit), soft_wrap=False)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())
