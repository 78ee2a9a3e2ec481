"""The case list: which kernels and derivations there are to be, and the layers they are checked on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from symconv.article.evidence import numbered
from symconv.kernels.nest import Kind
from symconv.kernels.schedules import MAX_UNROLLED_TERMS, SCHEDULES
from symconv.layer.conv import Conv
from symconv.prose import LANGUAGES

__all__ = ["Order", "Plan", "case_plan", "neighbours", "project_plan"]


@dataclass(frozen=True)
class Order:
    """One kernel to be made: its schedule, for any layer of a kind or for one layer, and the layers to check it on."""

    schedule: str
    layer: Kind | Conv
    checked_on: tuple[Conv, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be written: kernels and derivations, these in ``languages``; ``peers`` says whether PyTorch is asked too,
    where it is installed."""

    kernels: tuple[Order, ...]
    derivations: tuple[Conv, ...]
    peers: bool = False
    languages: tuple[str, ...] = LANGUAGES


def project_plan(text: str | None = None) -> Plan:
    """The project's own case list, or that in ``text`` (TOML). ValueError for a list that cannot be read."""
    listed = tomllib.loads(
        resources.files(__package__).joinpath("cases.toml").read_text("utf-8") if text is None else text
    )
    kernels, schedules = listed["kernels"], listed["kernels"]["schedules"]
    standing = [_layer(entry) for entry in listed["check"]]
    orders = [
        Order(schedule, kind, _of_kind(standing, kind))
        for transposed in (False, True)
        for kind in (Kind(ndim, transposed) for ndim in kernels["axes"])
        for schedule in schedules
    ]
    cases = []
    for entry in listed["case"]:
        conv = _layer({key: value for key, value in entry.items() if key != "unrolled"})
        cases.append(conv)
        if entry.get("unrolled"):
            orders.append(_unrolled("unrolled", conv))
    return Plan(tuple(orders), tuple(cases), True, tuple(listed["languages"]))


def case_plan(conv: Conv, schedules: Sequence[str] = (), languages: Sequence[str] = ()) -> Plan:
    """One layer's derivation, and its kernels: those of ``schedules``, or all that can be made for it.

    ``languages`` are those of the derivation; left out, the project's.

    Kernels of any size are checked on the layer and on its :func:`neighbours`. ValueError for an unknown schedule, or for one
    that the layer is too large for.
    """
    kind = Kind(conv.ndim, conv.transposed)
    chosen = list(dict.fromkeys(schedules)) or [
        name for name, each in SCHEDULES.items() if each.any_size or _one_image(conv).terms <= MAX_UNROLLED_TERMS
    ]
    tried = numbered(conv)
    orders = []
    for name in chosen:
        if name not in SCHEDULES:
            raise ValueError(f"no schedule {name!r}; there are {', '.join(SCHEDULES)}")
        if SCHEDULES[name].any_size:
            orders.append(Order(name, kind, (tried, *neighbours(tried))))
        else:
            orders.append(_unrolled(name, conv))
    return Plan(tuple(orders), (conv,), languages=tuple(dict.fromkeys(languages)) or project_plan().languages)


def neighbours(conv: Conv) -> tuple[Conv, ...]:
    """Small layers beside ``conv``, for which the same code must hold: its kernel on no more rows than show every edge.

    One has several images, groups and channels, and rows left over where the stride allows; the other another stride,
    dilation and padding on each axis.

    >>> [each.slug for each in neighbours(Conv(input=(50, 60), kernel=(3, 2), stride=2, padding=1))]
    ['in4x5-k3x2-n2c4f6-s2x2-p1x1-g2', 'in4x6-k3x2-s3x2-p2_1x1-d1x2']
    """
    groups = conv.groups if conv.groups > 1 else 2
    several = {"batch": 2, "groups": groups, "in_channels": 2 * groups, "out_channels": 3 * groups}
    single = {"batch": 1, "groups": 1, "in_channels": 1, "out_channels": 1}
    odd = [axis % 2 for axis in range(conv.ndim)]
    changed = {
        "stride": tuple(s + 1 - o for s, o in zip(conv.stride, odd)),
        "dilation": tuple(d + o for d, o in zip(conv.dilation, odd)),
        "padding": tuple((p + 1 - o, q) for (p, q), o in zip(conv.padding, odd)),
    }
    result = []
    for given in (several, {**single, **changed}):
        sizes = {**conv.to_dict(), **given}
        rows = []
        for axis, ((p, q), s, d, K) in enumerate(
            zip(sizes["padding"], sizes["stride"], sizes["dilation"], conv.kernel)
        ):
            least = d * (K - 1) + 1 - p - q  # one output
            reach = max(p, q) + 1 if conv.mode.counts_outside else 0
            rows.append(2 + axis if conv.transposed else max(1, reach, least + (1 + odd[axis]) * s + (s > 1)))
        try:
            result.append(Conv(**{**sizes, "input": tuple(rows)}))
        except ValueError:  # padding that leaves no row, or that the border's mode does not reach
            continue
    return tuple(each for each in dict.fromkeys(result) if each != conv)


def _unrolled(schedule: str, conv: Conv) -> Order:
    one = _one_image(conv)
    if one.terms > MAX_UNROLLED_TERMS:
        raise ValueError(
            f"{schedule} code is written for losses of at most {MAX_UNROLLED_TERMS} terms; that of {one!r} has {one.terms:,}"
        )
    # with several images too: the code holds for any number
    several = Conv(**{**conv.to_dict(), "batch": max(2, conv.batch)})
    return Order(schedule, one, (numbered(one), numbered(several)))


def _one_image(conv: Conv) -> Conv:
    return Conv(**{**conv.to_dict(), "batch": 1})


def _of_kind(layers: Sequence[Conv], kind: Kind) -> tuple[Conv, ...]:
    return tuple(conv for conv in layers if (conv.ndim, conv.transposed) == (kind.ndim, kind.transposed))


def _layer(entry: Mapping[str, Any]) -> Conv:
    try:
        return Conv(**entry)
    except TypeError as error:
        raise ValueError(f"the case list has a layer {dict(entry)} that Conv does not take: {error}") from error
