"""The command line: parse, call, show. One module for each command, loaded when it is used."""

from symconv.cli.main import main

__all__ = ["main"]
