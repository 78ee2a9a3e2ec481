"""The kernels' benchmark for people: tables and a picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.table import Table

from symconv.bench.results import KernelBenchmark, LayerResult

__all__ = ["choices_table", "layers_table", "picture"]

#: column -> what it says of a layer
COLUMNS: tuple[tuple[str, Callable[[LayerResult, float], str]], ...] = (
    ("ms", lambda each, peak: f"{each.times['fast'].median:.3g}"),
    ("±", lambda each, peak: f"{each.times['fast'].spread:.0%}"),
    ("forward ms", lambda each, peak: f"{each.forward['fast'].median:.3g}"),
    ("÷ PyTorch", lambda each, peak: _ratio(each.ratio("pytorch"))),
    ("± ", lambda each, peak: f"{each.times['pytorch'].spread:.0%}" if "pytorch" in each.times else ""),
    ("columns ÷ PyTorch", lambda each, peak: _ratio(each.ratio("pytorch", "columns"))),
    ("÷ its kernels", lambda each, peak: _ratio(each.ratio("pytorch kernels"))),
    ("÷ im2col", lambda each, peak: _ratio(each.ratio("im2col"))),
    ("÷ taps", lambda each, peak: _ratio(each.ratio("taps"))),
    ("of peak", lambda each, peak: f"{each.gflops / peak:.0%}"),
    ("error 32", lambda each, peak: f"{each.errors['float32']:.0e}"),
    ("error 64", lambda each, peak: f"{each.errors['float64']:.0e}"),
    ("MiB", lambda each, peak: f"{each.workspace / 2**20:.0f}"),
    ("y, dx, dw by", lambda each, peak: ", ".join(s.schedule for s in each.schedules if s.chosen)),
)


def layers_table(result: KernelBenchmark) -> Table:
    """One row for each layer: forward and all gradients, float32."""
    table = _table("layer", *(name.strip() for name, _ in COLUMNS))
    for each in result.layers:
        table.add_row(each.name, *(value(each, result.peak) for _, value in COLUMNS))
    means = {reference: result.mean(reference) for reference in ("pytorch", "pytorch kernels", "im2col", "taps")}
    table.add_section()
    table.add_row("geometric mean", "", "", "", _ratio(means["pytorch"]), "", _ratio(result.mean("pytorch", "columns")),
                  _ratio(means["pytorch kernels"]), _ratio(means["im2col"]), _ratio(means["taps"]))  # fmt: skip
    return table


def choices_table(result: KernelBenchmark) -> Table:
    """What the model says of each schedule beside what was measured, milliseconds; the chosen one is marked."""
    table = _table("layer", "array", "schedule", "predicted", "measured", "error", "")
    for each in result.layers:
        for s in each.schedules:
            measured = f"{s.measured:.3g}"
            best = min(o.measured for o in each.schedules if o.target == s.target)
            note = "chosen" if s.chosen else ""
            if s.chosen and s.measured > best:
                note += f", the best is {s.measured / best:.2f} times faster"
            table.add_row(each.name, s.target, s.schedule, f"{s.predicted:.3g}", measured, f"{s.error:.0e}", note)
    return table


def picture(result: KernelBenchmark) -> bytes:
    """Our time over each reference's, layer by layer, as a PNG; ImportError without matplotlib."""
    from matplotlib.figure import Figure  # heavy, and of the extra "figures"

    figure = Figure(figsize=(9.5, 0.42 * len(result.layers) + 2.2), dpi=140, layout="constrained")
    axes = figure.add_subplot()
    places = range(len(result.layers))
    styles: dict[str, dict[str, Any]] = {
        "pytorch": {"label": "PyTorch (autograd)", "marker": "o", "color": "#c0392b", "s": 60, "zorder": 4},
        "pytorch kernels": {
            "label": "PyTorch's kernels alone",
            "marker": "D",
            "color": "#e59866",
            "s": 34,
            "zorder": 3,
        },
        "taps": {"label": "taps, one matrix product a tap", "marker": "s", "color": "#2471a3", "s": 34},
        "im2col": {"label": "full column matrix", "marker": "^", "color": "#1e8449", "s": 40},
    }
    for reference, style in styles.items():
        points = [(each.ratio(reference), place) for place, each in zip(places, result.layers, strict=True)]
        shown = [(r, place) for r, place in points if r is not None]
        if shown:
            axes.scatter(*zip(*shown, strict=True), **style)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    ticks = [0.05, 0.1, 0.2, 0.5, 1, 2, 4]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_yticks(list(places), [each.name for each in result.layers])
    axes.invert_yaxis()
    axes.grid(axis="x", color="#dddddd", zorder=0)
    axes.set_xlabel("our time ÷ theirs; left of 1 symconv.fast is faster")
    axes.set_title(f"Forward and all gradients, float32, {result.cores} cores", loc="left")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="left" if name in ("y, dx, dw by", "array", "schedule", "") else "right")
    return table
