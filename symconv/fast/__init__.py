"""Convolutions in NumPy, fast on every kind of layer: ``from symconv.fast import conv2d, conv2d_backward``.

    conv1d, conv2d, conv3d                    y of x, w and b
    conv1d_backward, ...                      dx, dw, db of dy, x and w
    conv1d_double_backward, ...               ddy, ddx, ddw of directions v_x, v_w, v_b and dy, x, w
    conv_transpose1d, ..., conv_transpose1d_backward, ..., conv_transpose1d_double_backward, ...

Layouts are PyTorch's: x (N, C, *H), w (F, C/groups, *K), b (F,), y and dy (N, F, *O); w of a transposed convolution is
(C, F/groups, *K). stride, dilation, output_padding: a number, or one for each axis; padding also (before, after) pairs, or
"same" or "valid". padding_mode: zeros, constant (padding_value), reflect, replicate, circular or symmetric: that border is made
first, and its gradient folded back last. The dtype of the arguments is that of the results. ValueError, with the shapes, where
these make no layer.

algorithm
    "auto": a model of what each schedule costs chooses by the layer (:mod:`symconv.fast.costs`). One of
    :data:`~symconv.fast.schedules.FAST`: blocked, scatter, rows, windows, pointwise, depthwise, winograd, fft; ValueError where
    it cannot make the layer. "direct": auto among those that add the very terms of each sum.
workspace
    Bytes of working memory at most, which the calling thread keeps for its next call; a single row of one image that needs more
    is taken apart from it.
threads
    How many share out images, rows or filters in rows, depthwise and winograd (None: as many as there are cores); the matrix
    products of the other schedules use the threads of NumPy's own library.

Infinities and NaN: with "direct" they reach the entries whose sums have them (zeros of the padding times infinity included), as
in a plain sum. winograd and fft transform whole tiles and images, so one infinity in x turns all of its tile, or all of its
image, into NaN, and "auto" may choose them; rows and depthwise multiply zeros that no sum has, which NaN survives.

>>> import numpy as np
>>> x, w = np.ones((2, 4, 5, 6)), np.ones((6, 2, 3, 2))
>>> conv2d(x, w, stride=(2, 1), padding=(1, 0), groups=2, algorithm="direct").shape
(2, 6, 3, 5)

Only NumPy is needed. Every schedule is checked on symbols against the derivative of the loss in the test-suite; that covers the
layers tried there, and is no proof for every size.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from symconv.fast import layers
from symconv.fast.limits import WORKSPACE

__all__ = [
    "conv1d", "conv1d_backward", "conv1d_double_backward",
    "conv2d", "conv2d_backward", "conv2d_double_backward",
    "conv3d", "conv3d_backward", "conv3d_double_backward",
    "conv_transpose1d", "conv_transpose1d_backward", "conv_transpose1d_double_backward",
    "conv_transpose2d", "conv_transpose2d_backward", "conv_transpose2d_double_backward",
    "conv_transpose3d", "conv_transpose3d_backward", "conv_transpose3d_double_backward",
]  # fmt: skip

Array = NDArray[Any]

# fmt: off


def conv1d(
    x: Any, w: Any, b: Any = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> Array:
    """y in 1-D: every filter of w slid over x, plus b."""
    return layers.forward(1, x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups,
                          padding_mode=padding_mode, padding_value=padding_value,
                          algorithm=algorithm, workspace=workspace, threads=threads)


def conv1d_backward(
    dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy; parameters as for conv1d."""
    return layers.backward(1, dy, x, w, stride=stride, padding=padding, dilation=dilation, groups=groups,
                           padding_mode=padding_mode, padding_value=padding_value,
                           algorithm=algorithm, workspace=workspace, threads=threads)


def conv1d_double_backward(
    v_x: Any, v_w: Any, v_b: Any, dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; parameters as for conv1d."""
    return layers.double_backward(1, (v_x, v_w, v_b), dy, x, w, stride=stride, padding=padding, dilation=dilation,
        groups=groups, padding_mode=padding_mode, padding_value=padding_value,
        algorithm=algorithm, workspace=workspace, threads=threads)


def conv2d(
    x: Any, w: Any, b: Any = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> Array:
    """y in 2-D: every filter of w slid over x, plus b."""
    return layers.forward(2, x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups,
                          padding_mode=padding_mode, padding_value=padding_value,
                          algorithm=algorithm, workspace=workspace, threads=threads)


def conv2d_backward(
    dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy; parameters as for conv2d."""
    return layers.backward(2, dy, x, w, stride=stride, padding=padding, dilation=dilation, groups=groups,
                           padding_mode=padding_mode, padding_value=padding_value,
                           algorithm=algorithm, workspace=workspace, threads=threads)


def conv2d_double_backward(
    v_x: Any, v_w: Any, v_b: Any, dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; parameters as for conv2d."""
    return layers.double_backward(2, (v_x, v_w, v_b), dy, x, w, stride=stride, padding=padding, dilation=dilation,
        groups=groups, padding_mode=padding_mode, padding_value=padding_value,
        algorithm=algorithm, workspace=workspace, threads=threads)


def conv3d(
    x: Any, w: Any, b: Any = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> Array:
    """y in 3-D: every filter of w slid over x, plus b."""
    return layers.forward(3, x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups,
                          padding_mode=padding_mode, padding_value=padding_value,
                          algorithm=algorithm, workspace=workspace, threads=threads)


def conv3d_backward(
    dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy; parameters as for conv3d."""
    return layers.backward(3, dy, x, w, stride=stride, padding=padding, dilation=dilation, groups=groups,
                           padding_mode=padding_mode, padding_value=padding_value,
                           algorithm=algorithm, workspace=workspace, threads=threads)


def conv3d_double_backward(
    v_x: Any, v_w: Any, v_b: Any, dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, *,
    padding_mode: str = "zeros", padding_value: Any = 0, algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; parameters as for conv3d."""
    return layers.double_backward(3, (v_x, v_w, v_b), dy, x, w, stride=stride, padding=padding, dilation=dilation,
        groups=groups, padding_mode=padding_mode, padding_value=padding_value,
        algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose1d(
    x: Any, w: Any, b: Any = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> Array:
    """y in 1-D: every entry of x spread over y through w, plus b."""
    return layers.transposed_forward(1, x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups,
                                     output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose1d_backward(
    dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy; parameters as for conv_transpose1d."""
    return layers.transposed_backward(1, dy, x, w, stride=stride, padding=padding, dilation=dilation, groups=groups,
                                      output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose1d_double_backward(
    v_x: Any, v_w: Any, v_b: Any, dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; parameters as for conv_transpose1d."""
    return layers.transposed_double_backward(1, (v_x, v_w, v_b), dy, x, w, stride=stride, padding=padding, dilation=dilation,
        groups=groups, output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose2d(
    x: Any, w: Any, b: Any = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> Array:
    """y in 2-D: every entry of x spread over y through w, plus b."""
    return layers.transposed_forward(2, x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups,
                                     output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose2d_backward(
    dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy; parameters as for conv_transpose2d."""
    return layers.transposed_backward(2, dy, x, w, stride=stride, padding=padding, dilation=dilation, groups=groups,
                                      output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose2d_double_backward(
    v_x: Any, v_w: Any, v_b: Any, dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; parameters as for conv_transpose2d."""
    return layers.transposed_double_backward(2, (v_x, v_w, v_b), dy, x, w, stride=stride, padding=padding, dilation=dilation,
        groups=groups, output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose3d(
    x: Any, w: Any, b: Any = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> Array:
    """y in 3-D: every entry of x spread over y through w, plus b."""
    return layers.transposed_forward(3, x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups,
                                     output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose3d_backward(
    dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy; parameters as for conv_transpose3d."""
    return layers.transposed_backward(3, dy, x, w, stride=stride, padding=padding, dilation=dilation, groups=groups,
                                      output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)


def conv_transpose3d_double_backward(
    v_x: Any, v_w: Any, v_b: Any, dy: Any, x: Any, w: Any,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1, output_padding: Any = 0, *,
    algorithm: str = "auto", workspace: Any = WORKSPACE, threads: Any = None,
) -> tuple[Array, Array, Array]:
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; parameters as for conv_transpose3d."""
    return layers.transposed_double_backward(3, (v_x, v_w, v_b), dy, x, w, stride=stride, padding=padding, dilation=dilation,
        groups=groups, output_padding=output_padding, algorithm=algorithm, workspace=workspace, threads=threads)
