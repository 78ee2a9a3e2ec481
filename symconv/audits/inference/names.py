"""What names of parameters, attributes and keys stand for in convolution code, as a table.

A name may stand for several things; the likeliest comes first. What a name says is never more than an order of attempts: calls
decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["PLAIN", "ROLES", "gradient_of", "is_second", "roles_of", "setting_of"]

#: the parameters of the convention "plain", where nothing is to be inferred
PLAIN = ("x", "w", "b", "dy", "stride", "padding")

#: role -> names, in lower case without underscores
ROLES: dict[str, str] = {
    "x": "x inp input inputs inputtensor data a aprev prev img image images imgs batch feature features featuremap "
         "featuremaps fmap layerinput inputdata z0 a0 xin signal src source activation activations aprevious "
         "inputimage inputx xdata previnput previousinput lastinput inputvolume volume xb aslice xpad inputlayer xs",
    "w": "w weight weights kernel kernels filter filters filt filts theta k wt conv convw ww filterweights "
         "kernelweights convweight weightmatrix wmat f wconv filterbank filtersweights coeffs wgt ker omega kernels",
    "b": "b bias biases bia beta intercept offset bb convb offsets biasvector biasweights",
    "dy": "dy dout dz grad delta deltas gradoutput gradoutputs gradout outgrad outputgrad upstream upstreamgrad "
          "upstreamgradient dl dldy dldz dldout dldoutput gy g grady gradz dh error err errors dloss lossgrad "
          "lossgradient gradient gradients outputgradient dnext dcdy dconv dconvout djdz gradoutputtensor topgrad "
          "topdiff dedy dyout doutput dvalues accumgrad eta residual sensitivity gout cotangent ct nextgrad dprev "
          "gradfromnext backpropgrad outgradient outputsgradient do outputdelta dlout dlossdy dupstream incoming "
          "incominggradient gradin ybar dznext nextdz nextdelta nextgradient",
    "stride": "stride strides s step steps st subsample subsampling hop stridesize",
    "padding": "padding pad p pads padsize paddingsize zeropad zeropadding padwidth border padamount padmode paddingtype "
               "mode",
    "dilation": "dilation dilations d dil dilate rate dilationrate",
    "groups": "groups group g ngroups numgroups featuregroupcount",
    "kernel": "kernelsize kernelshape ksize filtersize filtershape kernel k ks fsize size f hf fs kern filterdim "
              "kernelsizes windowsize field",
    "kernel0": "kh hh filterheight kernelheight fh kernelh flth filth wh ksizeh",
    "kernel1": "kw filterwidth kernelwidth fw kernelw fltw filtw ww ksizew",
    "input0": "xh inh inputheight imageheight imgh height hin ih inheight nhprev h",
    "input1": "xw inw inputwidth imagewidth imgw width win iw inwidth nwprev",
    "in_channels": "inchannels inputchannels cin inch inc indepth inputdepth channels nin numinputchannels inputchannel "
                   "nchannels inplanes indim channelsin c ninput numchannels infeatures inputdim depth infilters ic ci xch "
                   "xchannels",
    "out_channels": "outchannels outputchannels cout outch outc outdepth outputdepth nfilters numfilters filters nout filternum "
                    "numkernels nkernels outplanes kernels outdim channelsout noutput outputchannel nfilter units nf outfeatures "
                    "nflt numflt nfilt ych filternumber numberoffilters outputdim numfilter f oc co m features depth",
    "input_shape": "inputshape inshape inputsize inputsizes xshape xsize shape imageshape inputdims indims imgshape insize",
    "w_shape": "wshape weightshape weightsshape filtersshape kerneldims weightsize weightsizes filtersizes wsize",
    "cache": "cache caches context memory saved stored residuals tape ctx state tmp aux inputscache linearcache",
    "hparams": "hparams hparameters hyperparameters hyperparams convparam convparams param params hp config cfg options opts "
               "settings parameters conf args attrs meta",
    "y": "y out output outputs yhat z top result zout",
    "rate": "lr learningrate alpha eta stepsize learnrate",
    "on": "bias usebias hasbias withbias biasterm",
    "last": "dataformat dataformats format layout",
}  # fmt: skip

#: direction of a double backward -> names; PyTorch's kernels have ggI, ggW, ggb
DIRECTIONS: dict[str, str] = {
    "v_x": "vx ux ggi ggx ggradx gradgradx gradgradinput gradgradinp ddx",
    "v_w": "vw uw ggw ggradw gradgradw gradgradweight gradgradkernel ddw",
    "v_b": "vb ub ggb ggradb gradgradb gradgradbias ddb",
}

_TABLE: dict[str, list[str]] = {}
for _role, _names in ROLES.items():
    for _name in _names.split():
        _TABLE.setdefault(_name, []).append(_role)

#: what may stand before the name of an array to make it the name of its gradient
_BEFORE = re.compile(
    r"^(?:dldl|dld|dloss|djd|dcd|ded|gradients?|grads?|deltas?|delta|nabla|del|der|partial|dl|d|g)_*(?:wrt_*)?"
)
_AFTER = re.compile(r"_*(?:grads?|gradients?|deltas?|diff|dot|bar)$")


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "").replace("self.", "")


def roles_of(name: str) -> list[str]:
    """What a name may stand for, the likeliest first; empty for a name that says nothing."""
    plain = _plain(name)
    if plain in _TABLE:
        return list(_TABLE[plain])
    shorter = re.sub(r"(?:\d+|tensor|matrix|array|arr|np|data|layer|2d|1d|3d|val|values?)$", "", plain)
    if shorter and shorter in _TABLE:
        return list(_TABLE[shorter])
    if re.match(r"^(?:grad|dl|dout|delta|upstream|err)", plain):
        return ["dy"]
    return []


def gradient_of(name: str) -> str | None:
    """The output, dx, dw or db, that a name of a gradient stands for: dW, grad_weight, weights_gradient; None for others."""
    lower = name.lower().strip("_")
    for pattern in (_BEFORE, _AFTER):
        rest = pattern.sub("", lower, count=1)
        if rest != lower and rest:
            for role in roles_of(rest):
                if role in ("x", "w", "b"):
                    return f"d{role}"
    if _plain(name) in ("inputerror", "dprev", "gradin", "gradinput", "dinputs", "dlower"):
        return "dx"
    return None


def setting_of(key: str) -> str | None:
    """The number that a key of a dict of settings stands for."""
    for role in roles_of(key):
        if role in ("stride", "padding", "dilation", "groups", "kernel", "in_channels", "out_channels"):
            return role
    return None


def is_second(names: Sequence[str]) -> bool:
    """Whether parameters are those of a double backward: directions first, in order, then dy, x and w.

    >>> is_second(["ggI", "ggW", "ggb", "grad_output", "input", "weight", "stride"]), is_second(["x", "w", "b", "dy"])
    (True, False)
    """
    found = [_plain(name) for name in names[:6]]
    directions = len(found) == 6 and all(
        name in known.split() for name, known in zip(found, DIRECTIONS.values(), strict=False)
    )
    return directions and all(role in roles_of(name) for name, role in zip(names[3:], ("dy", "x", "w"), strict=False))
