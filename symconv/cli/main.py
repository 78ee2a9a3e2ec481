"""``symconv``: the map of commands and the rules they share: exit status and one-line errors."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from symconv import __version__

__all__ = ["COMMANDS", "brief", "main"]

#: command -> what it does, said here so that ``symconv --help`` imports nothing else
COMMANDS: dict[str, str] = {
    "derive": "Derive y, dx, dw, db of one convolution and show the derivation.",
    "verify": "Hold the closed formulas against the derivative, on one size or a grid.",
    "prove": "Decide whether a formula holds for every size, or show where it fails.",
    "audit": "Hold somebody's NumPy function against the derivative.",
    "check": "Judge every equation and code block of an article.",
    "generate": "Write checked NumPy kernels and derivations.",
    "figure": "Draw a convolution, its gradients or its Jacobian: SVG, TikZ, PNG, GIF, HTML.",
    "explore": "Write a page on which sizes are slid and entries pointed at.",
    "algorithm": "Derive a fast algorithm: its matrices, exact check and count of multiplications.",
    "bench": "Measure symconv against slower ways, as ratios.",
    "grade": "Give points for a backward pass, output by output.",
    "vectors": "Write test cases in exact small integers, for any language.",
    "site": "Write the static site: documentation, derivations, explorer, playground.",
    "cite": "Say how symconv is cited.",
}


#: longer words and lines of an error are shortened
MAX_WORD, MAX_LINE = 160, 800


class LazyGroup(click.Group):
    """A group whose commands live in ``symconv.cli.<name>`` and are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"symconv.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command {args[0]!r}; there are: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="symconv")
def group() -> None:
    """Convolution gradients: derived, verified, proved for every size, typeset, and turned into checked NumPy code.

    Values for each axis are joined by x (--stride 2x1), padding before and after by a comma (--padding 1,2x0,1), and ranges
    are inclusive (--stride 1..3).

    Exit status: 0 it holds; 1 it does not (mismatch, refuted, wrong, stale); 2 bad usage.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (on ``sys.argv`` unless ``args`` are given) and exit; a bad call ends in one line on standard
    error and exit status 2."""
    try:
        status = group.main(args, standalone_mode=False, prog_name="symconv")
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 0
    except click.ClickException as error:
        status = _complain(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo("symconv: interrupted", err=True)
        status = 130
    except BrokenPipeError:  # the reader of our output went away (``| head``); nothing is wrong
        sys.stderr.close()
        status = 0
    except OSError as error:
        _forget_output()
        where = f"{str(error.filename)!r}" if error.filename is not None else "the output"
        status = _complain(f"cannot read or write {where}: {(error.strerror or str(error)).lower()}")
    except ImportError as error:
        status = _complain(str(error))
    except MemoryError:
        status = _complain("there is not enough memory for this; take a smaller layer")
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str) -> int:
    click.echo(f"symconv: {brief(message)}", err=True)
    return 2


def brief(message: str) -> str:
    """A message as one line, its long words and the whole shortened: a value that somebody gave is told, not repeated at length.

    >>> brief("--stride " + "9" * 500 + " is too large")
    '--stride 999999999999999999999999... (500 characters) is too large'
    """
    words = (w if len(w) <= MAX_WORD else f"{w[:24]}... ({len(w):,} characters)" for w in message.split())
    line = " ".join(words)
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE // 2]} ... {line[-MAX_LINE // 2 :]}"


def _forget_output() -> None:
    """What standard output still holds back cannot be written; it is not tried again when the process ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
