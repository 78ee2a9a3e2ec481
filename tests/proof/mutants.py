"""Random formulas: the standard ones with something changed here and there, and now and then unchanged."""

from __future__ import annotations

import random

SEED = 7

AMOUNTS = {
    "dx": ("d*(K - 1) - p", "d*(K - 1) - q + r"),
    "y": ("p", "q"),
    "dw": ("p", "q - r"),
}
CHANGES = ["{} + 1", "{} - 1", "{} + r", "{} - r", "{} + p", "{} - q", "2*({})", "0"]
WHOLE = ["p", "q", "K - 1 - p", "K - 1", "d*(K - 1) - q", "d*(K - 1) - p", "K // 2", "H % 2", "r", "s - 1", "d*K - p"]


def formulas(count: int) -> list[str]:
    """``count`` different texts, always the same ones."""
    chance = random.Random(SEED)
    found: dict[str, None] = {}
    while len(found) < count:
        found[_formula(chance)] = None
    return list(found)


def _amount(chance: random.Random, standard: str) -> str:
    roll = chance.random()
    if roll < 0.75:
        return standard
    if roll < 0.9:
        return chance.choice(CHANGES).format(standard)
    return chance.choice(WHOLE)


def _formula(chance: random.Random) -> str:
    target = chance.choice(["dx", "dx", "dw", "y"])
    return _sum(chance, target) if chance.random() < 0.3 else _closed(chance, target)


def _closed(chance: random.Random, target: str) -> str:
    before, after = (_amount(chance, a) for a in AMOUNTS[target])
    if chance.random() < 0.25:
        amounts = before  # one amount for both ends
    else:
        amounts = f"{before}, {after}"
    steps = {"s": "s", "d": "d"}
    for step in steps:
        if chance.random() < 0.12:
            steps[step] = chance.choice(["1", "s", "d", "2"])
    flip = "flip({})" if chance.random() < 0.15 else "{}"
    if target == "dx":
        flip = "{}" if flip != "{}" else "flip({})"
        body = f"correlate(pad(dilate(dy, {steps['s']}), {amounts}), {flip.format('w')}, dilation={steps['d']})"
    elif target == "y":
        body = f"correlate(pad(x, {amounts}), {flip.format('w')}, stride={steps['s']}, dilation={steps['d']})"
    else:
        body = f"correlate(pad(x, {amounts}), {flip.format('dilate(dy, ' + steps['s'] + ')')}, stride={steps['d']})"
    roll = chance.random()
    if roll < 0.06:
        body = f"crop({body}, 0, {chance.choice(['r', '1', 'r // d'])})"
    elif roll < 0.10:
        body = f"2*{body}"
    elif roll < 0.14:
        body = f"{body} + {body}"
    elif roll < 0.18:
        body = f"2*{body} - {body}"
    return f"{target} = {body}"


def _sum(chance: random.Random, target: str) -> str:
    shift = lambda: "" if chance.random() < 0.6 else chance.choice([" + 1", " - 1", " + s - 1", " + r", " - q", " + p"])  # noqa: E731
    s, d = (name if chance.random() < 0.88 else "1" for name in "sd")
    if target == "y":
        return f"y[i] = sum(w[k{shift()}] * x[{s}*i + {d}*k - p{shift()}], k)"
    if target == "dw":
        return f"dw[k] = sum(dy[i] * x[{s}*i + {d}*k - p{shift()}], i)"
    # with a dilation the index of w is a quotient; the remainder has to vanish, which the plain text forgets
    return chance.choice([
        f"dx[m] = sum(dy[i] * w[m - {s}*i + p{shift()}], i)",
        f"dx[m] = sum(w[k] * dy[(m + p - {d}*k{shift()}) // {s}], k)",
        f"dx[m] = sum(dy[i] * w[(m + p - {s}*i) // {d}], i)",
    ])  # fmt: skip
