"""``symconv audit``: somebody's function against the derivative, on a grid of geometries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from symconv.audits import Audit, audit
from symconv.audits.calls import MODES
from symconv.audits.conventions import CONVENTIONS, GRADIENTS, convention_named
from symconv.audits.grids import NAMED, Grid, any_grid, enough
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.settle import Settled, adapter_named, adapter_text, said_by_hand, settled
from symconv.audits.judge import ENGINES
from symconv.audits.limits import check_limits
from symconv.audits.program import placeholder
from symconv.audits.program import program as program_of
from symconv.audits.reports.findings import findings
from symconv.audits.reports.junit import junit_xml
from symconv.audits.reports.page import page
from symconv.audits.reports.repro import repro
from symconv.audits.reports.text import render
from symconv.audits.spread import BACKENDS
from symconv.audits.truth import said_as_formula
from symconv.cli.options import alternatives, echo_json, usage_errors, whole_numbers
from symconv.files import check_writable, write_whole
from symconv.layer.conv import Conv
from symconv.layer.padding import MODES as BORDERS
from symconv.layer.padding import WORDS
from symconv.sarif import sarif

__all__ = ["command"]

#: option -> help; ranges allowed, left out they are those of the grid
SIZES = {
    "input": "Spatial sizes of x: 5x6, 4..6x5; left out, those of the grid.",
    "kernel": "Spatial sizes of w: 3x2; left out, those of the grid.",
    "stride": "Strides: 1..3 unless given.",
    "padding": "Paddings: 0..2 unless given; 1,2 before and after, 1x2 by axis, " + ", ".join(WORDS) + ".",
    "dilation": "Dilations: 1 unless given.",
    "output_padding": "Output paddings of a transposed convolution: 0 unless given.",
}
COUNTS = {"batch": "Images in the batch.", "in_channels": "Channels of x.", "out_channels": "Channels of y."}


def _size_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for name, text in reversed(COUNTS.items()):
        function = click.option(f"--{name.replace('_', '-')}", name, type=click.IntRange(1), help=text)(function)
    function = click.option("--groups", metavar="N", help="Groups of channels: 2, 1..2.")(function)
    for name, text in reversed(SIZES.items()):
        function = click.option(f"--{name.replace('_', '-')}", name, metavar="SIZE", help=text)(function)
    return function


#: what --help says
HELP = """Hold dx, dw and db of a function of yours against the derivative, on a grid of geometries.

The file is executed, as a test suite would execute it: audit code that you would run. Each case runs in a process of
its own, under a time and a memory limit; a crash, a hang or an exit is that case's verdict.

\b
plain     fn(x, w, b, dy, stride, padding) -> dx, dw, db      NCHW, OIHW
cs231n    fn(dout, cache) -> dx, dw, db; cache = (x, w, b, {"stride": s, "pad": p})
coursera  fn(dZ, cache) -> dA_prev, dW, db; cache = (A_prev, W, b, {"stride": s, "pad": p}); NHWC, W (f, f, C, F)
layer     a class called with (W, b, stride, pad); forward(x), backward(dout) -> dx, leaving dW and db
double-backward   fn(v_x, v_w, v_b, dy, x, w, stride, padding) -> ddy, ddx, ddw; v_x, v_w, v_b are directions of dx, dw, db

An adapter is called with arrays as PyTorch lays them out: x (N, C, *H), w (F, C/groups, *K), b (F,), dy like y (None
in the modes forward and adjoint, where y is wanted). conv has stride (1, 1), padding ((0, 0), (0, 0)): pairs, before and
after, by axis; dilation, groups. It returns a dict with some of y, dx, dw, db; NotImplementedError is a refusal.

\b
def adapter(fn, x, w, b, dy, conv):
    dx, dw = fn(np.moveaxis(dy, 1, -1), x, w, conv.stride[0], conv.padding[0][0])
    return {"dx": dx, "dw": dw}

\b
symconv audit layers.py:conv_backward
symconv audit layers.py:conv_backward_naive --convention cs231n --forward conv_forward_naive
symconv audit mine.py:backward --input 8x9 --kernel 3x2 --stride 1..2 --dilation 1..2 --groups 1..2
symconv audit --command './backward' --grid quick

Exit status: 0 every judged case is right (refusals set aside); 1 some are not; 2 bad usage.
"""


@click.command("audit", help=HELP, short_help="Hold somebody's function against the derivative.")
@click.argument("function", metavar="FILE.py[:NAME]", required=False)
@click.option("--command", "program", metavar="COMMAND",
              help="In place of a function: a program that reads a case as JSON and answers in JSON.")  # fmt: skip
@click.option(
    "--convention", type=click.Choice(["auto", *CONVENTIONS]), default="auto", show_default=True,
    help="How it is called: auto finds out, by names and by a call with sizes that all differ.",
)  # fmt: skip
@click.option("--args", metavar="NAMES", help="For auto: what parameters are, as q=dy,t=x,s=stride.")
@click.option(
    "--layout", metavar="WORDS", help="For auto: NCHW or NHWC, CHW or HWC without a batch; OIHW, HWIO, OHWI or IOHW."
)
@click.option("--no-bias", is_flag=True, help="For auto: db is not judged.")
@click.option("--save-adapter", metavar="FILE", help="Write what auto inferred as an adapter, to be changed and used.")
@click.option("--forward", metavar="FORWARD",
              help='The forward function in the same file: it builds the cache (cs231n, coursera). Or one as a formula, "y[i] = '
              'sum(w[K-1-k] * x[i+k], k)": its derivative is due in place of the layer\'s.')  # fmt: skip
@click.option("--adapter", metavar="NAME",
              help="For any other convention: adapter(fn, x, w, b, dy, conv) -> dict, here or FILE.py:NAME.")  # fmt: skip
@click.option("--definitions", is_flag=True,
              help="Execute imports, functions, classes and constants of the file alone: scripts that train.")  # fmt: skip
@click.option("--mode", type=click.Choice(MODES), default="backward", show_default=True,
              help="Judge dx, dw, db; y of a forward pass; a backward against its own --forward; ddy, ddx, ddw.")  # fmt: skip
@click.option("--outputs", metavar="NAMES", help="What is returned, in order, if not dx,dw,db: dx,dw.")
@click.option("--grid", type=click.Choice(NAMED), default="default", show_default=True,
              help="180 cases in 2-D, 45, or the 2 on which every known mistake shows; and those for dilation, groups, a stride "
              "for each axis where the function takes them.")  # fmt: skip
@click.option("--ndim", type=click.IntRange(1, 4), help="Spatial axes of the grid: 2 unless --input says so.")
@_size_options
@click.option("--assume", metavar="COMPARISONS", default="",
              help='Only geometries in which these hold on every axis: "p == 0, K odd".')  # fmt: skip
@click.option("--padding-mode", type=click.Choice(tuple(BORDERS)), default="zeros", show_default=True,
              help="What the border holds; but for zeros a parameter padding_mode gets it.")  # fmt: skip
@click.option("--padding-value", type=float, metavar="NUMBER",
              help="With --padding-mode constant: the function gets it as padding_value; left out, three in turn.")  # fmt: skip
@click.option("--transposed", is_flag=True, help="Transposed convolutions; w is (C, F/groups, *K).")
@click.option("--square", is_flag=True, help="Leave out oblong kernels and what the convention does not document.")
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True,
              help="Symbols where they can follow the function, else exact integers; or one of them.")  # fmt: skip
@click.option("--jobs", "-j", type=click.IntRange(1), help="Worker processes: all cores unless given.")
@click.option("--time-limit", type=float, default=10.0, show_default=True, metavar="SECONDS", help="For one case.")
@click.option("--memory-limit", type=int, default=1024, show_default=True, metavar="MB", help="For one case.")
@click.option(
    "--backend", type=click.Choice(BACKENDS), default="local", show_default=True, help="Here, or a Dask cluster."
)
@click.option("--scheduler", metavar="ADDRESS", help="Of the Dask cluster: tcp://10.0.0.1:8786.")
@click.option("--results", metavar="FILE", help="Append each verdict to this file of JSON lines as it comes.")
@click.option("--resume", is_flag=True, help="Continue --results after an interruption.")
@click.option("--seed", type=click.IntRange(0), help="Of points and further geometries: drawn, and told, unless given.")
@click.option("--once", is_flag=True,
              help="Call a case in one process and one order only: what depends on earlier calls is not seen.")  # fmt: skip
@click.option(
    "--strict",
    is_flag=True,
    help="A refusal is a failure, and so is a look at frames or /proc, and a timer that is set: exit status 1.",
)
@click.option("--bulk/--no-bulk", default=None,
              help="Most cases briefly: numbers in one process. Above 2,000 cases unless said; the report says.")  # fmt: skip
@click.option("--html", metavar="FILE", help="Write a report as one page of HTML.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML, one test for each case and output.")
@click.option("--repro", is_flag=True, help="Print a test of NumPy alone that fails, to paste into an issue.")
@click.option("--no-proof", is_flag=True, help="The cases alone: do not try to prove them for every size.")
@click.option("--format", "shape", type=click.Choice(("text", "json", "sarif")), default="text", show_default=True,
              help="What is printed; SARIF has each wrong output as a finding on the function's line.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
              help="As --format json: ok, cases, right, wrong, refused, by_case, smallest_failure, condition.")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, /, function: str | None, program: str | None, **options: Any) -> None:
    files = {name: options.pop(name) for name in ("html", "junit")}
    strict, wants_repro = options.pop("strict"), options.pop("repro")
    as_json, shape, options["proof"] = options.pop("as_json"), options.pop("shape"), not options.pop("no_proof")
    with usage_errors():
        options["forward"], truth = said_as_formula(options["forward"], options["mode"])
        check_limits(*(options[name] for name in ("time_limit", "memory_limit", "jobs", "seed")))
        target = _target(function, program, options)
        call = _called(target, program, options)
        options["ndim"] = options["ndim"] or (call.ndim if call.ndim != 2 and not options["input"] else None)
        convs = _grid(options, call)
        for name, path in files.items():
            if path is not None:
                _check_file(f"--{name}", path)
        names = _names(options.pop("outputs"))
        given = options | ({"forward": truth} if truth else {})
        with _progress(len(convs) if isinstance(convs, list) else None) as progress:
            result = audit(target, grid=convs, outputs=names, progress=progress, **given)
        result = replace(result, inferred=call.lines)
        if program is not None:
            result = replace(result, label=program)
        _write(result, files)
        reading = None if call.convention == "plain" else call.reading
    test = _test_of(result, options["forward"], reading, names) if wants_repro and result.failures else None
    if test is not None:
        click.echo(test, nl=False)
    elif as_json or shape == "json":
        echo_json(result.to_dict())
    elif shape == "sarif":
        click.echo(sarif("symconv audit", findings(result)), nl=False)
    else:
        Console().print(render(result))
    ctx.exit(0 if (result.ok_strictly if strict else result.ok) else 1)


def _test_of(result: Audit, forward: str | None, reading: Reading | None, names: list[str] | None) -> str | None:
    """The test of a failure; None, with the reason on standard error, where none can be written."""
    try:
        return repro(result, forward, reading, names or GRADIENTS)
    except ValueError as error:
        click.echo(str(error), err=True)
        return None


def _names(text: str | None) -> list[str] | None:
    return [name.strip() for name in text.split(",")] if text else None


def _called(target: Any, program: str | None, options: dict[str, Any]) -> Settled:
    """How the target is called; the options that say so are taken out, and ``convention`` and ``adapter`` put in."""
    fixed = said_by_hand(options.pop("args"), options.pop("layout"))
    no_bias, save = options.pop("no_bias"), options.pop("save_adapter")
    if program is not None or options["adapter"] is not None or options["convention"] != "auto":
        if fixed or no_bias or save:
            raise ValueError("--args, --layout, --no-bias and --save-adapter are for --convention auto")
        if options["convention"] == "auto":
            options["convention"] = "plain"
        if program is None and options["adapter"] is not None:
            options["adapter"] = adapter_named(options["adapter"])
        return Settled(options["convention"])
    if save is not None:
        _check_file("--save-adapter", save)
    outputs = _names(options["outputs"])
    call = settled(target, options["forward"], options["mode"], fixed, not no_bias, options["definitions"], outputs)
    options["convention"] = call.convention
    if call.reading is not None and call.reading.forward_name and options["forward"] is None:
        options["forward"] = call.reading.forward_name
    if save is not None and call.reading is not None:
        write_whole(save, adapter_text(call.reading, str(target).rpartition(":")[2]))
    return call


def _target(function: str | None, program: str | None, options: dict[str, Any]) -> Any:
    """What is audited: the function's name, or a placeholder for a program, which is then the adapter."""
    if (function is None) == (program is None):
        raise ValueError("name one of FILE.py:NAME and --command")
    if program is None:
        return function

    if options["adapter"] is not None or options["forward"] is not None:
        raise ValueError("--command takes no --adapter and no --forward: the program is given every number of a case")
    options["adapter"], options["engine"] = program_of(program), "exact"
    return placeholder


def _grid(options: dict[str, Any], call: Settled) -> list[Conv] | Grid:
    """The grid of the options, which are taken out of them; where none is given, with the cases for what the function takes."""
    name, ndim = options.pop("grid"), options.pop("ndim")
    choices: dict[str, Any] = {}
    for option in SIZES:
        text = options.pop(option)
        if text is not None:
            choices[option] = alternatives(option, text)
    groups = options.pop("groups")
    if groups is not None:
        choices["groups"] = whole_numbers("groups", groups)
    for option in (*COUNTS, "padding_mode", "padding_value"):
        choices[option] = options.pop(option)
    transposed = options.pop("transposed")
    axes = {len(v) for option in ("input", "kernel") for v in choices.get(option, ()) if isinstance(v, tuple)}
    if ndim and axes and axes != {ndim}:
        raise ValueError(f"--ndim {ndim}, but the sizes given have {', '.join(map(str, sorted(axes)))} axes")
    for option in ("input", "kernel"):
        if ndim and choices.get(option):
            choices[option] = [v if isinstance(v, tuple) else (v,) * ndim for v in choices[option]]
    asked = {key for key, value in choices.items() if value not in (None, "zeros")}
    more = call.takes if not asked and not transposed else ()
    convs = any_grid(name, more, ndim=ndim or next(iter(axes), 2), transposed=transposed, **choices)
    named = not asked and not transposed and options["adapter"] is None
    return enough(convs, convention_named(call.convention).outside) if named and isinstance(convs, list) else convs


def _check_file(option: str, path: str) -> None:
    """ValueError when a file could not be written there, found before any work."""

    if not Path(path).parent.is_dir() or Path(path).is_dir():
        raise ValueError(f"{option} {path}: there is no folder {Path(path).parent} or {path} is one")
    check_writable(path)


def _write(result: Audit, files: dict[str, str | None]) -> None:
    if files["html"]:
        write_whole(files["html"], page(result))
    if files["junit"]:
        write_whole(files["junit"], junit_xml(result))


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error, when that is a terminal."""

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("auditing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("auditing", total=total)
        yield lambda done, count: bar.update(task, completed=done, total=count)
