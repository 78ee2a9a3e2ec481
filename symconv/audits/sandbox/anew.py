"""A process that loads the audited code itself, where those forked from one that had loaded it would wait for ever.

Libraries that start threads when they are imported can leave locks held in a fork, by threads that are not there. Such code gets
a new interpreter for each process of its cases.
"""

from __future__ import annotations

import os
import pickle
import sys

from symconv.audits.sandbox import runner
from symconv.audits.sandbox.target import Loaded, Source

__all__ = ["main"]


def main() -> None:
    """Load the source and call the function, as standard input says; arguments are the descriptors that a child has."""
    answer, printing = map(int, sys.argv[1:3])
    source: Source
    task: runner.Fork
    source, task = pickle.load(sys.stdin.buffer)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    runner.child(Loaded(source), task, answer, printing)


if __name__ == "__main__":
    from symconv.audits.sandbox import anew

    anew.main()
