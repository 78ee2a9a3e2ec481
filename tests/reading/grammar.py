"""Backward passes by a grammar: correct ones in many styles, and slightly wrong ones; plain convention, two axes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

HEAD = "import numpy as np\n\n\ndef backward(x, w, b, dy, stride, padding):\n"


@dataclass
class Writer:
    """Chooses at random; with the chance ``slip`` it takes one of the wrong choices in place of the right one."""

    rng: random.Random
    slip: float
    lines: list[str] = field(default_factory=list)

    def right_or(self, right: str, *wrong: str) -> str:
        return self.rng.choice(wrong) if wrong and self.rng.random() < self.slip else right

    def one_of(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def say(self, line: str, depth: int = 0) -> None:
        self.lines.append("    " * (depth + 1) + line)

    def loops(self, *ranges: tuple[str, str]) -> int:
        """Nested loops in a random order; their depth."""
        order = list(ranges)
        self.rng.shuffle(order)
        if len(order) > 1 and self.rng.random() < 0.25:
            names, sizes = ", ".join(n for n, _ in order), ", ".join(s for _, s in order)
            self.say(f"for {names} in np.ndindex({sizes}):")
            return 1
        for depth, (name, size) in enumerate(order):
            self.say(f"for {name} in range({size}):", depth)
        return len(order)


def source(seed: int, slip: float = 0.06) -> str:
    """One function's text."""
    out = Writer(random.Random(seed), slip)
    _sizes(out)
    style = out.rng.choice([_windows, _entries, _guarded, _taps, _columns, _einsums, _gathers])
    _padded(out)
    style(out)
    _returned(out)
    return HEAD + "\n".join(out.lines) + "\n"


def _sizes(out: Writer) -> None:
    out.say("s, p = stride, padding")
    out.say("N, C, H, W = x.shape")
    out.say("F, _, K, L = w.shape")
    if out.rng.random() < 0.5:
        out.say("O, P = dy.shape[2], dy.shape[3]")
    else:
        slack = out.right_or("H + 2 * p - K", "H + 2 * p - K + 1", "H + p - K", "H + 2 * p - L")
        out.say(f"O = ({slack}) // s + 1")
        out.say(
            f"P = {out.one_of('(W + 2 * p - L) // s + 1', 'int((W + 2 * p - L) / s + 1)', '1 + (W - L + 2 * p) // s')}"
        )


def _padded(out: Writer) -> None:
    before, after = out.right_or("p", "p + 1", "0"), out.right_or("p", "p + 1")
    pads = f"((0, 0), (0, 0), ({before}, {after}), (p, p))"
    if out.rng.random() < 0.3:
        out.say("xp = np.zeros((N, C, H + 2 * p, W + 2 * p))")
        out.say(f"xp[:, :, {out.right_or('p:p + H', 'p:H', 'p:-p')}, p:p + W] = x")
    else:
        out.say(f"xp = np.pad(x, {pads})")
    out.say(
        out.one_of(
            "dxp = np.zeros_like(xp)", "dxp = np.zeros(xp.shape)", "dxp = np.zeros((N, C, H + 2 * p, W + 2 * p))"
        )
    )
    out.say("dw = np.zeros(w.shape)")


def _adds(out: Writer) -> str:
    return out.right_or("+=", "=", "-=")


def _windows(out: Writer) -> None:
    """A window of the padded image for each output."""
    depth = out.loops(("n", "N"), ("f", "F"), ("i", out.right_or("O", "P", "O - 1")), ("j", "P"))
    step = out.right_or("s", "1", "2")
    rows = f"i * {step}:i * {step} + {out.right_or('K', 'L', 'K - 1')}"
    columns = f"{out.right_or('j', 'i')} * s:j * s + L"
    at = f"n, :, {rows}, {columns}"
    if out.rng.random() < 0.4:
        out.say(f"window = xp[{at}]", depth)
        out.say(f"dw[f] {_adds(out)} window * dy[n, f, i, j]", depth)
    else:
        out.say(f"dw[f] {_adds(out)} dy[n, f, i, j] * xp[{at}]", depth)
    turned = out.right_or("w[f]", "w[f, :, ::-1, :]", "w[f, :, ::-1, ::-1]")
    out.say(f"dxp[{at}] {_adds(out)} {turned} * dy[n, f, {out.right_or('i, j', 'j, i')}]", depth)


def _entries(out: Writer) -> None:
    """Entry by entry in the padded image."""
    rows = ("k", out.right_or("K", "L", "K - 1"))
    depth = out.loops(("n", "N"), ("f", "F"), ("c", "C"), ("i", "O"), ("j", "P"), rows, ("l", "L"))
    row, column = (
        out.right_or("i * s + k", "i + k", "i * s + l", "i * s + k + 1"),
        out.right_or("j * s + l", "j * s + k"),
    )
    out.say(f"dxp[n, c, {row}, {column}] {_adds(out)} w[f, c, k, l] * dy[n, f, i, j]", depth)
    out.say(f"dw[f, c, {out.right_or('k, l', 'l, k')}] += xp[n, c, {row}, {column}] * dy[n, f, i, j]", depth)


def _guarded(out: Writer) -> None:
    """Entry by entry in the image itself, inside its borders."""
    depth = out.loops(("n", "N"), ("f", "F"), ("c", "C"), ("i", "O"), ("j", "P"), ("k", "K"), ("l", "L"))
    out.say(f"h = i * s + k - {out.right_or('p', '0', 'p - 1')}", depth)
    out.say(f"v = j * {out.right_or('s', '1')} + l - p", depth)
    low = out.right_or("0 <= h < H", "0 < h < H", "h < H", "0 <= h < H - 1")
    if out.rng.random() < 0.5:
        out.say(f"if {low} and 0 <= v < W:", depth)
        depth += 1
    else:
        out.say("if h < 0 or h >= H or v < 0 or v >= W:", depth)
        out.say("continue", depth + 1)
    out.say(f"dxp[n, c, h + p, v + p] {_adds(out)} w[f, c, k, l] * dy[n, f, i, j]", depth)
    out.say("dw[f, c, k, l] += x[n, c, h, v] * dy[n, f, i, j]", depth)


def _taps(out: Writer) -> None:
    """A strided slice of the padded image for each position of the kernel."""
    depth = out.loops(("k", "K"), ("l", out.right_or("L", "K")))
    rows = f"k:k + {out.right_or('s * O', 'O', 's * (O - 1) + 1', 's * O - s')}:{out.right_or('s', '1')}"
    at = f":, :, {rows}, l:l + s * P:s"
    out.say(f"part = xp[{at}]", depth)
    if out.rng.random() < 0.5:
        out.say("dw[:, :, k, l] = np.tensordot(dy, part, axes=((0, 2, 3), (0, 2, 3)))", depth)
        out.say(f"dxp[{at}] += np.tensordot(dy, w[:, :, k, l], axes=(1, 0)).transpose(0, 3, 1, 2)", depth)
    else:
        out.say(f"dw[:, :, {out.right_or('k, l', 'l, k')}] += np.einsum('nfij,ncij->fc', dy, part)", depth)
        out.say(
            f"dxp[{at}] {_adds(out)} np.einsum('nfij,fc->ncij', dy, w[:, :, {out.right_or('k, l', '-k, l')}])", depth
        )


def _columns(out: Writer) -> None:
    """im2col in a loop, one matrix product each, col2im."""
    out.say("cols = np.zeros((N, C, K, L, O, P))")
    step = out.right_or("s", "1")
    at = f":, :, k:k + s * O:{step}, l:l + s * P:s"
    out.say("for k in range(K):")
    out.say("for l in range(L):", 1)
    out.say(f"cols[:, :, k, l] = xp[{at}]", 2)
    order = out.right_or("(1, 2, 3, 0, 4, 5)", "(1, 3, 2, 0, 4, 5)")
    out.say(f"flat = cols.transpose{order}.reshape(C * K * L, -1)")
    out.say("rows = dy.transpose(1, 0, 2, 3).reshape(F, -1)")
    out.say("dw = (rows @ flat.T).reshape(w.shape)")
    out.say("dcols = (w.reshape(F, -1).T @ rows).reshape(C, K, L, N, O, P)")
    out.say("for k in range(K):")
    out.say("for l in range(L):", 1)
    out.say(f"dxp[{at}] {_adds(out)} dcols[:, k, l].transpose(1, 0, 2, 3)", 2)


def _einsums(out: Writer) -> None:
    """Windows in one view; dx by zeros inserted and the turned kernel."""
    windows = "np.lib.stride_tricks.sliding_window_view(xp, (K, L), axis=(2, 3))"
    out.say(f"windows = {windows}[:, :, ::{out.right_or('s', '1')}, ::s]")
    out.say(f"dw = np.einsum('ncijkl,nfij->{out.right_or('fckl', 'fclk')}', windows, dy)")
    out.say("spread = np.zeros((N, F, s * (O - 1) + 1, s * (P - 1) + 1))")
    out.say("spread[:, :, ::s, ::s] = dy")
    edge = out.right_or("K - 1", "K", "p")
    rest = out.right_or("(H + 2 * p - K) % s", "0")
    out.say(f"wide = np.pad(spread, ((0, 0), (0, 0), ({edge}, {edge} + {rest}), (L - 1, L - 1 + (W + 2 * p - L) % s)))")
    out.say("turned = " + out.right_or("w[:, :, ::-1, ::-1]", "w", "w[:, :, ::-1]"))
    out.say("around = np.lib.stride_tricks.sliding_window_view(wide, (K, L), axis=(2, 3))")
    out.say("dxp = np.einsum('nfijkl,fckl->ncij', around, turned)")


def _gathers(out: Writer) -> None:
    """im2col with index arrays, np.add.at."""
    out.say("i0 = np.repeat(np.arange(K), L)")
    out.say(f"j0 = np.tile(np.arange(L), {out.right_or('K', 'L')})")
    out.say(f"i1 = {out.right_or('s', '1')} * np.repeat(np.arange(O), P)")
    out.say("j1 = s * np.tile(np.arange(P), O)")
    out.say("i, j = i0.reshape(-1, 1) + i1, j0.reshape(-1, 1) + j1")
    out.say("cols = xp[:, :, i, j].reshape(N, C * K * L, -1)")
    out.say("rows = dy.reshape(N, F, -1)")
    out.say("dw = np.einsum('nfo,nko->fk', rows, cols).reshape(w.shape)")
    out.say("dcols = (w.reshape(F, -1).T @ rows).reshape(N, C, K * L, -1)")
    out.say(f"np.add.at(dxp, (slice(None), slice(None), {out.right_or('i, j', 'j, i')}), dcols)")


def _returned(out: Writer) -> None:
    crop = out.right_or("p:p + H", "p:-p", "p:H", ":H", "p:")
    dx = f"dxp[:, :, {crop}, {out.one_of('p:p + W', 'p:W + p')}]"
    db = out.one_of(
        out.right_or("dy.sum(axis=(0, 2, 3))", "dy.sum(axis=(0, 1, 2))", "dy.mean(axis=(0, 2, 3))", "dy[0].sum(axis=(1, 2))"),
        "np.sum(dy, axis=(0, 2, 3))", "np.einsum('nfij->f', dy)", "dy.reshape(N, F, -1).sum(axis=(0, 2))",
    )  # fmt: skip
    out.say(f"return {dx}, dw, {db}")
