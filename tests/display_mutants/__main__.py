"""``python -m tests.display_mutants --seed 0 --count 500``: how many are found, argued for, not judged, and alive."""

from __future__ import annotations

import argparse
from collections import Counter

from tests.display_mutants import FINE, FOUND, MORE, PAGES, page, sample
from tests.display_mutants.argued import argument


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--unread", action="store_true", help="list those that are not judged as well")
    given = parser.parse_args()
    told: Counter[str] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()
    for one, number, mutant in sample([page(*each) for each in (*PAGES, *MORE)], given.count, given.seed):
        found = one.judged(number, mutant.text)
        verdict = found.verdict if found is not None else "NO CLAIM"
        if verdict in FOUND:
            what = "found"
        elif verdict not in FINE:
            what = "not judged"
        else:
            what = "argued" if argument(one.name, str(mutant)) else "alive"
        told[what] += 1
        kinds[mutant.kind, what] += 1
        if what == "alive" or (given.unread and what == "not judged"):
            more = (found.condition or found.reason) if found is not None else "no claim in a sentence"
            print(f"{one.name}: {verdict} {more}\n    {mutant}", flush=True)
    for kind in sorted({kind for kind, _ in kinds}):
        print(f"  {kind:10}", ", ".join(f"{kinds[kind, what]} {what}" for what in told if kinds[kind, what]))
    print(f"{given.count} mutants: {told['found']} found, {told['argued']} argued for, {told['not judged']} not judged, "
          f"{told['alive']} alive")  # fmt: skip
    return 1 if told["alive"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
