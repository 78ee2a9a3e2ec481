# ruff: noqa: E501
"""What people write about convolutions, right and wrong, in three languages and many notations, with the verdict on each claim.

An article is what comes first, the verdicts on its displays, and claims that follow it with theirs.
"""

from __future__ import annotations

from functools import cache

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")
pytest.importorskip("bs4")

from symconv.checking import CheckResult, check
from symconv.checking.result import BAD

ARTICLES = [
    ('english, from 1', r"""Let $X$ be the input, $F$ the filter, stride 1, no padding.

$$O_{i,j} = \sum_{m=1}^{k_1}\sum_{n=1}^{k_2} X_{i+m-1,j+n-1} F_{m,n}$$

""", ['PROVED'], [
        (r"$$\frac{\partial L}{\partial F_{m,n}} = \sum_{i}\sum_{j} \frac{\partial L}{\partial O_{i,j}} X_{i+m-1,j+n-1}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial F_{m,n}} = \sum_{i}\sum_{j} \frac{\partial L}{\partial O_{i,j}} X_{i+m,j+n}$$", 'WRONG'),
        (r"$$\frac{\partial L}{\partial X_{a,b}} = \sum_{m}\sum_{n} \frac{\partial L}{\partial O_{a-m+1,b-n+1}} F_{m,n}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial X_{a,b}} = \sum_{m}\sum_{n} \frac{\partial L}{\partial O_{a+m-1,b+n-1}} F_{m,n}$$", 'WRONG'),
        (r"$$\frac{\partial L}{\partial F} = \operatorname{conv}\left(X, \frac{\partial L}{\partial O}\right)$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial X} = \text{FullConv}\left(\text{rot180}(F), \frac{\partial L}{\partial O}\right)$$", 'PROVED'),
        (r"$$\frac{\partial O_{i,j}}{\partial F_{m,n}} = X_{i+m-1,j+n-1}$$", 'PROVED'),
        (r"$$\frac{\partial O_{i,j}}{\partial X_{m,n}} = F_{i-m+1,j-n+1}$$", 'WRONG'),
        (r"$$\frac{\partial O_{i,j}}{\partial X_{p,q}} = F_{p-i+1,q-j+1}$$", 'PROVED'),
        (r"$$\nabla_F L = X \star \nabla_O L$$", 'PROVED'),
        (r"$$\frac{dL}{dF_{m,n}} = \sum_{i,j} \frac{dL}{dO_{i,j}} \frac{dO_{i,j}}{dF_{m,n}}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial F_{m,n}} = \sum_{i,j} \frac{\partial L}{\partial O_{i,j}} \frac{\partial O_{m,n}}{\partial F_{i,j}}$$", 'WRONG'),
        (r"$$\frac{\partial L}{\partial X_{p,q}} = \sum_{i,j} \frac{\partial L}{\partial O_{i,j}} \frac{\partial O_{i,j}}{\partial X_{p,q}}$$", 'PROVED'),
    ]),
    ('german, from 0', r"""Die Faltungsschicht, Schrittweite 1, ohne Padding:

$$z_{i,j} = \sum_{u=0}^{k-1}\sum_{v=0}^{k-1} w_{u,v}\, a_{i+u,j+v} + b$$

Mit $\delta_{i,j} = \frac{\partial L}{\partial z_{i,j}}$:

""", ['PROVED'], [
        (r"$$\frac{\partial L}{\partial w_{u,v}} = \sum_{i,j} \delta_{i,j}\, a_{i+u,j+v}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial b} = \sum_{i,j} \delta_{i,j}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial a_{m,n}} = \sum_{u=0}^{k-1}\sum_{v=0}^{k-1} \delta_{m-u,n-v}\, w_{u,v}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial a_{m,n}} = \sum_{u=0}^{k-1}\sum_{v=0}^{k-1} \delta_{m+u,n+v}\, w_{k-1-u,k-1-v}$$", 'WRONG'),
        (r"$$\frac{\partial L}{\partial w_{u,v}} = \sum_{i,j} \delta_{i,j}\, a_{i-u,j-v}$$", 'WRONG'),
        (r"$$\frac{\partial L}{\partial w_{u,v}} = \delta_{i,j}\, a_{i+u,j+v}$$", 'ILL-FORMED'),
        (r"$$\frac{\partial L}{\partial w_{u,v}} = \sum_{u}\sum_{v} \delta_{u,v}\, a_{u+u,v+v}$$", 'ILL-FORMED'),
        (r"$$\frac{\partial z_{i,j}}{\partial a_{m,n}} = \sum_{u}\sum_{v} w_{u,v}\, \delta_{i+u,m}\, \delta_{j+v,n}$$", 'PROVED'),
        (r"""Sei $p\delta$ das mit $k-1$ Nullen umrandete $\delta$.

$$\frac{\partial L}{\partial a} = p\delta * \operatorname{rot180}(w)$$""", 'PROVED'),
        (r"$$\frac{\partial L}{\partial a} = p\delta * \operatorname{rot180}(w)$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial w_{u,v}} = \sum_{i=0}^{H-1}\sum_{j=0}^{W-1} \delta_{i,j}\, a_{i+u,j+v}$$", 'ILL-FORMED'),
        (r"$$\frac{\partial L}{\partial w_{u,v}} = \sum_{i=0}^{H-k}\sum_{j=0}^{W-k} \delta_{i,j}\, a_{i+u,j+v}$$", 'PROVED'),
    ]),
    ('french, any stride', r"""La couche : pas de padding, pas $s$.

$$y_i = \sum_{k=0}^{K-1} w_k x_{si+k} + b$$

""", ['PROVED'], [
        (r"$$\frac{\partial \mathcal{L}}{\partial w_k} = \sum_{i=0}^{O-1} \frac{\partial \mathcal{L}}{\partial y_i} x_{si+k}$$", 'PROVED'),
        (r"$$\frac{\partial \mathcal{L}}{\partial w_k} = \sum_{i=0}^{O-1} \frac{\partial \mathcal{L}}{\partial y_i} x_{i+k}$$", 'WRONG'),
        (r"$$\frac{\partial \mathcal{L}}{\partial x_m} = \sum_{i=0}^{O-1} \frac{\partial \mathcal{L}}{\partial y_i} w_{m-si}$$", 'PROVED'),
        (r"$$\frac{\partial \mathcal{L}}{\partial x_m} = \sum_{i=0}^{O-1} \frac{\partial \mathcal{L}}{\partial y_i} w_{si-m}$$", 'WRONG'),
    ]),
    ('fr-size', r"", [], [
        (r"Taille de sortie : $$O = \left\lfloor \frac{H + 2p - K}{s} \right\rfloor + 1$$", 'HOLDS'),
    ]),
    ('fr-size-wrong', r"", [], [
        (r"Taille de sortie : $$O = \left\lfloor \frac{H + 2p - K + 1}{s} \right\rfloor$$", 'WRONG'),
    ]),
    ('fr-size-dil', r"", [], [
        (r"$$O = \left\lfloor \frac{H + 2p - d(K-1) - 1}{s} \right\rfloor + 1$$", 'HOLDS'),
    ]),
    ('fr-size-nofloor', r"", [], [
        (r"$$O = \frac{H + 2p - K}{s} + 1$$", 'WRONG'),
    ]),
    ('fr-size-names', r"", [], [
        (r"$$W_{out} = \left\lfloor \frac{W_{in} + 2P - K}{S} \right\rfloor + 1$$", 'HOLDS'),
    ]),
    ('en-size-transposed', r"", [], [
        (r"""# Transposed convolution

$$H_{out} = (H_{in} - 1)\times \text{stride} - 2\times\text{padding} + \text{dilation}\times(\text{kernel\_size} - 1) + \text{output\_padding} + 1$$""", 'HOLDS'),
    ]),
    ('en-size-transposed-bad', r"", [], [
        (r"""# Transposed convolution

$$H_{out} = (H_{in} - 1)\times \text{stride} + 2\times\text{padding} + \text{dilation}\times(\text{kernel\_size} - 1) + \text{output\_padding} + 1$$""", 'WRONG'),
    ]),
    ('en-size-simple', r"", [], [
        (r"$$o = i - k + 1$$", 'DEFINITION'),
    ]),
    ('en-size-o', r"", [], [
        (r"The output size, for input size $i$, kernel size $k$, padding $p$ and stride $s$, is $$o = \left\lfloor\frac{i + 2p - k}{s}\right\rfloor + 1$$", 'HOLDS'),
    ]),
    ('en-size-o-bad', r"", [], [
        (r"The output size, for input size $i$, kernel size $k$, padding $p$ and stride $s$, is $$o = \left\lfloor\frac{i + p - k}{s}\right\rfloor + 1$$", 'WRONG'),
    ]),
    ('channels and images', r"""With channels $c$ and filters $f$, stride 1, no padding, 0-based:

$$y_{n,f,i,j} = b_f + \sum_{c}\sum_{k}\sum_{l} w_{f,c,k,l}\, x_{n,c,i+k,j+l}$$

""", ['PROVED'], [
        (r"$$\frac{\partial L}{\partial b_f} = \sum_{n}\sum_{i}\sum_{j} \frac{\partial L}{\partial y_{n,f,i,j}}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial b_f} = \sum_{n}\sum_{i} \frac{\partial L}{\partial y_{n,f,i,j}}$$", 'ILL-FORMED'),
        (r"$$\frac{\partial L}{\partial w_{f,c,k,l}} = \sum_{n,i,j} \frac{\partial L}{\partial y_{n,f,i,j}} x_{n,c,i+k,j+l}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial x_{n,c,p,q}} = \sum_{f}\sum_{i}\sum_{j} \frac{\partial L}{\partial y_{n,f,i,j}} w_{f,c,p-i,q-j}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial x_{n,c,p,q}} = \sum_{i}\sum_{j} \frac{\partial L}{\partial y_{n,f,i,j}} w_{f,c,p-i,q-j}$$", 'ILL-FORMED'),
        (r"$$\frac{\partial L}{\partial w_{f,c,k,l}} = \sum_{i,j} \frac{\partial L}{\partial y_{n,f,i,j}} x_{n,c,i+k,j+l}$$", 'ILL-FORMED'),
        (r"$$\frac{\partial L}{\partial x_{n,c,p,q}} = \sum_{f}\sum_{i}\sum_{j} \frac{\partial L}{\partial y_{n,f,i,j}} w_{c,f,p-i,q-j}$$", 'WRONG'),
    ]),
    ('written out', r"""$$X = \begin{pmatrix} X_{11} & X_{12} & X_{13} \\ X_{21} & X_{22} & X_{23} \\ X_{31} & X_{32} & X_{33} \end{pmatrix}, \quad F = \begin{pmatrix} F_{11} & F_{12} \\ F_{21} & F_{22} \end{pmatrix}$$

$$O_{11} = X_{11}F_{11} + X_{12}F_{12} + X_{21}F_{21} + X_{22}F_{22}$$

""", ['DEFINITION', 'HOLDS'], [
        (r"$$\frac{\partial L}{\partial F_{11}} = \frac{\partial L}{\partial O_{11}} X_{11} + \frac{\partial L}{\partial O_{12}} X_{12} + \frac{\partial L}{\partial O_{21}} X_{21} + \frac{\partial L}{\partial O_{22}} X_{22}$$", 'HOLDS'),
        (r"$$\frac{\partial L}{\partial F_{11}} = \frac{\partial L}{\partial O_{11}} * X_{11} + \frac{\partial L}{\partial O_{12}} * X_{12} + \frac{\partial L}{\partial O_{21}} * X_{21} + \frac{\partial L}{\partial O_{22}} * X_{22}$$", 'HOLDS'),
        (r"$$\frac{\partial L}{\partial X_{22}} = \frac{\partial L}{\partial O_{11}} F_{22} + \frac{\partial L}{\partial O_{12}} F_{21} + \frac{\partial L}{\partial O_{21}} F_{12} + \frac{\partial L}{\partial O_{22}} F_{11}$$", 'HOLDS'),
        (r"$$\frac{\partial L}{\partial X_{22}} = \frac{\partial L}{\partial O_{11}} F_{11} + \frac{\partial L}{\partial O_{12}} F_{12} + \frac{\partial L}{\partial O_{21}} F_{21} + \frac{\partial L}{\partial O_{22}} F_{22}$$", 'WRONG'),
        (r"$$\frac{\partial L}{\partial F_i} = \sum_{k=1}^{M} \frac{\partial L}{\partial O_k} * \frac{\partial O_k}{\partial F_i}$$", 'HOLDS'),
        (r"$$\frac{\partial O_{11}}{\partial X_{11}} = F_{11}, \quad \frac{\partial O_{11}}{\partial X_{12}} = F_{12}, \quad \frac{\partial O_{11}}{\partial X_{21}} = F_{21}$$", 'HOLDS'),
        (r"$$\frac{\partial O_{11}}{\partial X_{11}} = F_{11}, \quad \frac{\partial O_{11}}{\partial X_{12}} = F_{21}$$", 'WRONG'),
        (r"$$\begin{bmatrix} O_{11} \\ O_{12} \\ O_{21} \\ O_{22} \end{bmatrix} = \begin{bmatrix} F_{11} & F_{12} & 0 & F_{21} & F_{22} & 0 & 0 & 0 & 0 \\ 0 & F_{11} & F_{12} & 0 & F_{21} & F_{22} & 0 & 0 & 0 \\ 0 & 0 & 0 & F_{11} & F_{12} & 0 & F_{21} & F_{22} & 0 \\ 0 & 0 & 0 & 0 & F_{11} & F_{12} & 0 & F_{21} & F_{22} \end{bmatrix} \begin{bmatrix} X_{11} \\ X_{12} \\ X_{13} \\ X_{21} \\ X_{22} \\ X_{23} \\ X_{31} \\ X_{32} \\ X_{33} \end{bmatrix}$$", 'HOLDS'),
        (r"$$\begin{bmatrix} O_{11} \\ O_{12} \\ O_{21} \\ O_{22} \end{bmatrix} = \begin{bmatrix} F_{11} & F_{12} & 0 & F_{21} & F_{22} & 0 & 0 & 0 & 0 \\ 0 & F_{11} & F_{12} & 0 & F_{21} & F_{22} & 0 & 0 & 0 \\ 0 & 0 & F_{11} & F_{12} & 0 & F_{21} & F_{22} & 0 & 0 \\ 0 & 0 & 0 & 0 & F_{11} & F_{12} & 0 & F_{21} & F_{22} \end{bmatrix} \begin{bmatrix} X_{11} \\ X_{12} \\ X_{13} \\ X_{21} \\ X_{22} \\ X_{23} \\ X_{31} \\ X_{32} \\ X_{33} \end{bmatrix}$$", 'WRONG'),
        (r"$$\begin{bmatrix} O_{11} \\ O_{12} \\ O_{21} \\ O_{22} \end{bmatrix} = \begin{bmatrix} X_{11} & X_{12} & X_{21} & X_{22} \\ X_{12} & X_{13} & X_{22} & X_{23} \\ X_{21} & X_{22} & X_{31} & X_{32} \\ X_{22} & X_{23} & X_{32} & X_{33} \end{bmatrix} \begin{bmatrix} F_{11} \\ F_{12} \\ F_{21} \\ F_{22} \end{bmatrix}$$", 'HOLDS'),
        (r"$$\frac{\partial L}{\partial X} = \begin{bmatrix} 0 & 0 & 0 & 0 \\ 0 & \delta_{11} & \delta_{12} & 0 \\ 0 & \delta_{21} & \delta_{22} & 0 \\ 0 & 0 & 0 & 0 \end{bmatrix} * \begin{bmatrix} F_{22} & F_{21} \\ F_{12} & F_{11} \end{bmatrix}$$ where $\delta_{ij} = \frac{\partial L}{\partial O_{ij}}$", 'HOLDS'),
        (r"$$\frac{\partial L}{\partial X} = \begin{bmatrix} 0 & 0 & 0 & 0 \\ 0 & \delta_{11} & \delta_{12} & 0 \\ 0 & \delta_{21} & \delta_{22} & 0 \\ 0 & 0 & 0 & 0 \end{bmatrix} * \begin{bmatrix} F_{11} & F_{12} \\ F_{21} & F_{22} \end{bmatrix}$$ where $\delta_{ij} = \frac{\partial L}{\partial O_{ij}}$", 'WRONG'),
    ]),
    ('layers', r"""Forward: $$z^{[l]}_{i,j} = \sum_{u}\sum_{v} w^{[l]}_{u,v}\, a^{[l-1]}_{i+u,j+v} + b^{[l]}$$ with $a^{[l]} = \sigma(z^{[l]})$ and $\delta^{[l]} = \partial L/\partial z^{[l]}$.

""", ['PROVED'], [
        (r"$$\delta^{[l-1]}_{i,j} = \sigma'(z^{[l-1]}_{i,j}) \sum_u\sum_v w^{[l]}_{u,v}\, \delta^{[l]}_{i-u,j-v}$$", 'PROVED'),
        (r"$$\delta^{[l-1]}_{i,j} = \sigma'(z^{[l-1]}_{i,j}) \sum_u\sum_v w^{[l]}_{u,v}\, \delta^{[l]}_{i+u,j+v}$$", 'WRONG'),
        (r"$$\delta^{[l-1]} = \left(\operatorname{rot}_{180}(w^{[l]}) *_{full} \delta^{[l]}\right) \odot \sigma'(z^{[l-1]})$$", 'HOLDS'),
        (r"$$\frac{\partial L}{\partial w^{[l]}_{u,v}} = \sum_{i,j} \delta^{[l]}_{i,j}\, a^{[l-1]}_{i+u,j+v}$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial w^{[l]}_{u,v}} = \sum_{i,j} \delta^{[l]}_{i,j}\, z^{[l-1]}_{i+u,j+v}$$", 'INCONSISTENT'),
        (r"$$\frac{\partial L}{\partial b^{[l]}} = \sum_{i}\sum_j \delta^{[l]}_{i,j}$$", 'PROVED'),
    ]),
    ('st-fwd', r"", [], [
        (r"""Stride $s$, padding $p$, dilation $d$, 0-based.

$$y[i] = \sum_{k=0}^{K-1} w[k]\, x[s i + d k - p]$$""", 'PROVED'),
    ]),
    ('stride $s$, padding $p$, dilation $d$, 0', r"""Stride $s$, padding $p$, dilation $d$, 0-based.

$$y[i] = \sum_{k=0}^{K-1} w[k]\, x[s i + d k - p]$$""", ['PROVED'], [
        (r"""

$$dw[k] = \sum_i dy[i]\, x[s i + d k - p]$$""", 'PROVED'),
        (r"""

$$dw[k] = \sum_i dy[i]\, x[d i + s k - p]$$""", 'WRONG'),
    ]),
    ('stride 2, no padding', r"""Stride 2, no padding.

$$y_i = \sum_{k=0}^{K-1} w_k x_{2i+k}$$""", ['PROVED'], [
        (r"""

$$dx_m = \sum_i dy_i w_{m-2i}$$""", 'PROVED'),
        (r"""

$$dx_m = \sum_i dy_i w_{m-i}$$""", 'WRONG'),
        (r"""

$$dx_m = \sum_{i,k:\ 2i+k=m} dy_i w_k$$""", 'PROVED'),
    ]),
    ('st-zeros', r"", [], [
        (r"""Stride 2.

$$y_i = \sum_{k} w_k x_{2i+k}$$""", 'PROVED'),
        (r"""$$\frac{\partial L}{\partial x} = \operatorname{full}(\operatorname{dilate}(dy, 2), \operatorname{flip}(w))$$""", 'WRONG'),
    ]),
    ('true convolution', r"""A true convolution: $$y[n] = \sum_{k} h[k]\, x[n-k]$$

""", ['DEFINITION'], [
        (r"$$\frac{\partial L}{\partial h[k]} = \sum_n \frac{\partial L}{\partial y[n]} x[n-k]$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial x[m]} = \sum_n \frac{\partial L}{\partial y[n]} h[n-m]$$", 'PROVED'),
        (r"$$\frac{\partial L}{\partial x[m]} = \sum_n \frac{\partial L}{\partial y[n]} h[m-n]$$", 'WRONG'),
    ]),
    ('same', r"", [], [
        (r"""Zero padding keeps the size ('same' padding), K odd.

$$y_i = \sum_{k=0}^{K-1} w_k x_{i+k-\lfloor K/2 \rfloor}$$""", 'PROVED'),
    ]),
    ("zero padding keeps the size ('same' padd", r"""Zero padding keeps the size ('same' padding), K odd.

$$y_i = \sum_{k=0}^{K-1} w_k x_{i+k-\lfloor K/2 \rfloor}$$""", ['PROVED'], [
        (r"""

$$dw_k = \sum_i dy_i x_{i+k-\lfloor K/2 \rfloor}$$""", 'PROVED'),
    ]),
    ('es', r"", [], [
        (r"$$\mathrm{d}w_{fckl} = \mathrm{d}y_{nfij}\, x_{nc,i+k,j+l} \quad\text{(Einstein)}$$", 'PROVED'),
    ]),
    ('# one axis', r"""# One axis

$$y = T x,\quad T = \begin{bmatrix} w_1 & w_2 & 0 & 0 \\ 0 & w_1 & w_2 & 0 \\ 0 & 0 & w_1 & w_2 \end{bmatrix}$$""", ['NOT READ'], [
        (r"""

$$dx = T^\top dy$$""", 'HOLDS'),
    ]),
]  # fmt: skip

NAMES = [name for name, *_ in ARTICLES]


@cache
def checked(name: str) -> tuple[CheckResult, tuple[str, ...]]:
    """An article read as a whole, and the verdict that each of its displays is due."""
    text, due, claims = next(rest for known, *rest in ARTICLES if known == name)
    verdicts = [v for _, found in claims for v in ([found] if isinstance(found, str) else found)]
    return check(text + "\n\n".join(claim for claim, _ in claims)), (*due, *verdicts)


@pytest.mark.parametrize("name", NAMES)
def test_claims(name):
    found, due = checked(name)
    told = [(each.latex, each.verdict) for each in found.displays]
    assert told == [(each.latex, verdict) for each, verdict in zip(found.displays, due, strict=True)]


def test_there_are_claims_of_every_kind():
    kinds = {each.kind for name in NAMES for each in checked(name)[0].displays}
    assert kinds >= {
        "index equation",
        "entry",
        "matrix",
        "local derivative",
        "chain rule",
        "operator statement",
        "size",
    }
    assert sum(len(checked(name)[0].displays) for name in NAMES) > 80


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_has_a_correction_that_holds_in_its_place(name):
    text = "".join([(rest := next(r for known, *r in ARTICLES if known == name))[0], *(c + "\n\n" for c, _ in rest[2])])
    faults = [each for each in checked(name)[0].displays if each.verdict in BAD]
    for each in faults:
        assert each.fix, (each.latex, each.reason)
        assert text.count(each.latex) == 1
        text = text.replace(each.latex, each.fix)
    if faults:
        again = check(text)
        assert [v for v in again.displays if v.verdict in (*BAD, "NOT READ")] == []
