"""A reading written out as a function of the convention "plain", for those who read code and do not run it: proofs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symconv.audits.inference.layouts import UNTIED, weight_axes
from symconv.audits.inference.reading import Names, Reading, handed_over, value_of
from symconv.layer.conv import Conv

__all__ = ["CALLED", "called", "written"]

#: the name of the function that is written
CALLED = "called_as_inferred"

#: roles whose value a layer says
NUMBERS = ("stride", "padding", "dilation", "groups", "kernel", "kernel0", "kernel1", "in_channels", "out_channels",
           "input_shape", "input0", "input1", "w_shape")  # fmt: skip

#: parameters that say what a layer's border holds, told by their names where a function has them
BORDER = {"padding_mode": '"zeros"', "padding_value": "0"}

_CONTEXT = """
class ContextAsInferred:
    def __init__(self):
        self.saved_tensors = ()
    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors
"""


def written(reading: Reading, name: str, ndim: int, source: str) -> str | None:
    """``def called_as_inferred(x, w, b, dy, stride, padding, dilation=1)``, which returns a dict, to stand below ``source``.

    A forward pass is told no dy and returns y. Of a function of one image N is 1, of one without channels C and F are; square
    kernels have K entries on each axis, and a padding in words is that of none. None for calls that no code of this kind makes.

    >>> print(written(Reading("function", (("g", "dy"), ("a", "x")), layout="NHWC", outputs=(("dx", ("return",)),)), "f", 2, ""))
    def called_as_inferred(x, w, b, dy, stride, padding, dilation=1):
        back = f(dy.transpose(0, 2, 3, 1), x.transpose(0, 2, 3, 1))
        return {"dx": back.transpose(0, 3, 1, 2)}
    <BLANKLINE>
    """
    if reading.warm or reading.tensors or (reading.bias == UNTIED and "y" in dict(reading.outputs)):
        return None
    writer = _Writer(reading, name, ndim, source)
    try:
        lines = writer.lines()
    except LookupError:
        return None
    given = "x, w, b" if writer.forward else "x, w, b, dy"
    border = "".join(f", {name}={value}" for name, value in BORDER.items() if name in writer.told)
    head = _CONTEXT if reading.kind == "autograd" else ""
    return (
        head
        + f"def {CALLED}({given}, stride, padding, dilation=1{border}):\n"
        + "".join(f"    {line}\n" for line in lines)
    )


def called(reading: Reading, name: str, conv: Conv, source: str, output: str) -> Iterator[tuple[str, list[str]]]:
    """What must stand above, and the statements that end with ``dx = ...``, for arrays of the names x, w, b, dy and the numbers
    of one layer, written as the audit hands them over; LookupError for calls that no code makes.

    Where the source does not say whether a name is an attribute or a key of a dict, the likelier first:

    >>> reading = Reading("function", (("dy", "dy"), ("s", "stride/pair")), outputs=(("dx", ("return", "x")),))
    >>> [lines for _, lines in called(reading, "f", Conv((5, 4), (2, 2), stride=(2, 1)), "", "dx")]
    [['back = f(dy, (2, 1))', 'dx = back.x'], ['back = f(dy, (2, 1))', 'dx = back["x"]']]
    """
    seen: list[list[str]] = []
    for keys in (False, True):
        writer = _Writer(reading, name, conv.ndim, source, conv, keys)
        *made, _ = writer.lines()
        lines = [*made, f"{output} = {writer.result(output, dict(reading.outputs)[output])}"]
        if lines not in seen:
            seen.append(lines)
            above = "import torch\n" if reading.tensors else ""
            if reading.tensors:
                lines.insert(0, "x, w, b, dy = map(torch.from_numpy, (x, w, b, dy))")
            yield above + (_CONTEXT if reading.kind == "autograd" else ""), lines


class _Writer:
    def __init__(
        self, reading: Reading, name: str, ndim: int, source: str, conv: Conv | None = None, keys: bool = False
    ) -> None:
        self.reading, self.name, self.ndim, self.source, self.conv, self.keys = reading, name, ndim, source, conv, keys
        self.updates = any(path[0] == "updated" for _, path in reading.outputs)
        self.forward = "y" in dict(reading.outputs)
        self.told: set[str] = set()

    def lines(self) -> list[str]:
        """The statements."""
        made = {"class": self._class, "autograd": self._autograd, "closure": self._closure}.get(
            self.reading.kind, self._function
        )()
        if self.forward:
            made = [*made[:-1], "y = y[0] if isinstance(y, tuple) else y"]
        outputs = [f'"{output}": {self.result(output, path)}' for output, path in self.reading.outputs]
        return [*made, f"return {{{', '.join(outputs)}}}"]

    def _function(self) -> list[str]:
        reading, made = self.reading, []
        if self.forward:
            return [f"y = {self.name}({self._arguments(reading.forward or reading.backward)})", ""]
        roles = {role for _, role in reading.backward}
        if reading.forward_name and reading.forward:
            made.append(f"y = {reading.forward_name}({self._arguments(reading.forward)})")
            if "cache" in roles:
                made.append("cache = y[1] if len(y) == 2 else y[1:]")
            if "y" in roles and "cache" in roles:
                made.append("y = y[0]")
        elif reading.cache:
            parts = [(key, self._value(role)) for key, role in reading.cache]
            if reading.cache_form == "dict":
                made.append("cache = {" + ", ".join(f'"{key}": {value}' for key, value in parts) + "}")
            elif reading.cache_form == "one":
                made.append(f"cache = {parts[0][1]}")
            else:
                made.append("cache = (" + "".join(f"{value}, " for _, value in parts) + ")")
        return [*made, f"back = {self.name}({self._arguments(reading.backward)})"]

    def _class(self) -> list[str]:
        reading = self.reading
        before, after = reading.methods
        made = ["before_w, before_b = w, b", "w, b = w.copy(), b.copy()"] if self.updates else []
        made.append(f"layer = {self.name}({self._arguments(reading.build)})")
        if reading.warm:
            made.append(f"layer.{before}({self._arguments(reading.forward)})  # makes its weights")
            made += [f"layer.{name} = []" for name in reading.clears]
        made += [f"layer{self._within(path.split('.'))} = {self._value(role)}" for path, role in reading.sets]
        made.append(f"y = layer.{before}({self._arguments(reading.forward)})")
        if any(role == "cache" for _, role in reading.backward) and not self.forward:
            made.append("cache = y[1]")
        return [*made, f"back = layer.{after}({self._arguments(reading.backward)})"]

    def _autograd(self) -> list[str]:
        given = self._arguments(tuple((p, r) for p, r in self.reading.forward if r != "cache"))
        return ["context = ContextAsInferred()", f"y = {self.name}.forward(context, {given})",
                f"back = {self.name}.backward(context, {self._value('dy')})"]  # fmt: skip

    def _closure(self) -> list[str]:
        given = self._arguments(self.reading.forward)
        return [f"y, pull = {self.name}({given})", f"back = pull({self._value('dy')})"]

    # arguments ----------------------------------------------------------------------------------------------------------

    def _arguments(self, names: Names) -> str:
        told, gap = [], False
        for parameter, role in names:
            if role == "left out" and parameter in BORDER and self.conv is None:
                self.told.add(parameter)
                told.append(f"{parameter}={parameter}")
                gap = True
                continue
            if role == "left out" or (self.conv is not None and not handed_over(role, self.conv)):
                gap = True
                continue
            value = self._value(role.removeprefix("only "))
            told.append(f"{parameter.lstrip('*')}={value}" if gap else value)
        return ", ".join(told)

    def _value(self, role: str) -> str:
        if self.conv is not None and role.partition("/")[0] in NUMBERS:
            return repr(value_of(self.reading, role, self.conv, {}))
        role, _, form = role.partition("/")
        if role in ("x", "w", "b", "dy"):
            return role + self._native(role)
        if role == "padding" and self.reading.padding == "pairs":
            return self._repeated("(padding, padding)")
        if role == "padding" and self.reading.padding == "word":
            return '"VALID"' if form == "upper" else '"valid"'
        if form == "less":
            return f"{role} - 1"
        if role in ("stride", "padding", "dilation"):
            return self._repeated(role) if form == "pair" else role
        sizes = [f"w.shape[{2 + i}]" for i in range(self.ndim)]
        space = [f"x.shape[{2 + i}]" for i in range(self.ndim)]
        shape = [*space, "x.shape[1]"] if self.reading.layout == "NHWC" else ["x.shape[1]", *space]
        known = {
            "kernel": sizes[0] if self.ndim == 1 or self.reading.square else f"({', '.join(sizes)})",
            "kernel0": sizes[0], "kernel1": sizes[-1], "input0": space[0], "input1": space[-1],
            "in_channels": "x.shape[1]", "out_channels": "w.shape[0]", "groups": "1", "rate": "1.0", "on": "True",
            "None": "None", "y": "y", "cache": "cache", "last": repr(self.reading.layout),
            "input_shape": f"({', '.join(['x.shape[0]', *shape] if form == 'batch' else shape)})",
            "w_shape": f"w{self._native('w')}.shape",
        }  # fmt: skip
        if role == "hparams":
            return "{" + ", ".join(f'"{key}": {self._value(each)}' for key, each in self.reading.keys) + "}"
        return known[role]

    def _repeated(self, value: str) -> str:
        return "(" + f"{value}, " * self.ndim + ")"

    def _order(self, name: str) -> list[int] | None:
        """The axes of PyTorch's layout in the reading's order; None where they are the same."""
        space = list(range(2, 2 + self.ndim))
        if name == "w":
            return list(weight_axes(self.reading.weights, self.ndim)) if self.reading.weights != "OIHW" else None
        return [0, *space, 1] if self.reading.layout == "NHWC" else None

    def _native(self, name: str) -> str:
        if name == "b" and self.reading.bias == UNTIED:
            sizes = self.conv.output if self.conv is not None else [f"dy.shape[{2 + i}]" for i in range(self.ndim)]
            return f".reshape(-1{', 1' * self.ndim}) * np.ones((1, {', '.join(map(str, sizes))}))"
        if name == "b":
            forms = {"F1": "-1, 1", "1F": "1, -1", "F11": "-1, 1, 1", "111F": "1, 1, 1, -1", "1F11": "1, -1, 1, 1",
                     "F111": "-1, 1, 1, 1"}  # fmt: skip
            return f".reshape({forms[self.reading.bias]})" if self.reading.bias != "F" else ""
        order = self._order(name)
        turned = f".transpose({', '.join(map(str, order))})" if order else ""
        if not self.reading.channel:  # nothing is left to be put in another order
            return "[0, 0]" if name == "w" or not self.reading.batch else "[:, 0]"
        return turned + ("" if self.reading.batch or name == "w" else "[0]")

    # results ------------------------------------------------------------------------------------------------------------

    def result(self, output: str, path: Sequence[object]) -> str:
        """Where an output is, in PyTorch's layout."""
        name = output.removeprefix("d")
        keys = [str(key) for key in path[1:]]
        if output == "y":
            value = "y"
        else:
            value = f"back{self._place(keys)}" if path[0] == "return" else f"layer{self._within(keys)}"
        if path[0] == "updated":
            value = f"(before_{name}{self._native(name)} - {value})"
        if name == "b":
            if self.reading.bias == UNTIED:
                return f"({value}).sum(axis={tuple(range(1, self.ndim + 1))})"
            if not self.reading.channel:
                return f"np.reshape({value}, -1)"
            return value if self.reading.bias == "F" else f"{value}.reshape(-1)"
        order = self._order("dy" if name in ("x", "y") else name)
        if not self.reading.channel:
            return value + ("[None, None]" if name == "w" or not self.reading.batch else "[:, None]")
        value += "" if self.reading.batch or name == "w" else "[None]"
        return value + (f".transpose({', '.join(str(order.index(i)) for i in range(len(order)))})" if order else "")

    def _within(self, keys: Sequence[str]) -> str:
        """Where something of an object is: in an attribute, or in what that holds."""
        return f".{keys[0]}{self._place(keys[1:])}"

    def _place(self, keys: Sequence[str]) -> str:
        """Where something is: an item of a list, of a dict whose key the source writes as a word, or an attribute."""
        told = ""
        for key in keys:
            if key.isdigit():
                told += f"[{key}]"
            elif self.keys or f'"{key}"' in self.source or f"'{key}'" in self.source:
                told += f'["{key}"]'
            else:
                told += f".{key}"
        return told
