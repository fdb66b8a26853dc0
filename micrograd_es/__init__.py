"""A scalar autograd engine with which people see how backpropagation works."""

import importlib
import typing

from micrograd_es.base import arrays as _arrays
from micrograd_es.base.errors import (
    AnomalyError,
    ConvergenceWarning,
    DetachedWarning,
    ElementwiseWarning,
    GradientError,
    ModelFormatError,
    RecordingError,
    RendererMissingError,
)
from micrograd_es.base.languages import set_language
from micrograd_es.engine.derivative import grad, hessian, jacobian
from micrograd_es.engine.forward import jvp
from micrograd_es.engine.functions import (
    arctan2,
    custom,
    dot,
    hypot,
    log_softmax,
    logsumexp,
    maximum,
    minimum,
    softmax,
    vsum,
    where,
)
from micrograd_es.engine.value import Value
from micrograd_es.engine.watching import detect_anomaly, no_grad
from micrograd_es.explaining.explanation import Explanation, explain
from micrograd_es.gradcheck import check_gradient
from micrograd_es.nn.drawing import draw_network
from micrograd_es.nn.images import Conv2d, MaxPool2d
from micrograd_es.nn.layers import Dropout, Embedding, LayerNorm, Sequential
from micrograd_es.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    mse,
    sum_squares,
)
from micrograd_es.nn.module import Module
from micrograd_es.nn.modules import MLP, Layer, Neuron
from micrograd_es.nn.optim import SGD, Adam, AdamW, clip_norm
from micrograd_es.nn.pytorch import from_torch
from micrograd_es.nn.sequences import GRU, RNN, SelfAttention
from micrograd_es.pictures.graphs import draw_graph
from micrograd_es.pictures.plots import plot_boundary, plot_costs
from micrograd_es.stepping.steps import BackwardPass, ForwardPass

if typing.TYPE_CHECKING:
    from micrograd_es import data as data
    from micrograd_es.nn.fit import fit
    from micrograd_es.nn.net import Net, d_sigmoid, sigmoid
    from micrograd_es.tape.recorded import recorded
    from micrograd_es.tape.tape import Tape

__version__ = "0.1.0"

__all__ = [
    "Adam",
    "AdamW",
    "AnomalyError",
    "BackwardPass",
    "Conv2d",
    "ConvergenceWarning",
    "DetachedWarning",
    "Dropout",
    "ElementwiseWarning",
    "Embedding",
    "Explanation",
    "ForwardPass",
    "GRU",
    "GradientError",
    "Layer",
    "LayerNorm",
    "MLP",
    "MaxPool2d",
    "ModelFormatError",
    "Module",
    "Net",
    "Neuron",
    "RNN",
    "RecordingError",
    "RendererMissingError",
    "SGD",
    "SelfAttention",
    "Sequential",
    "Tape",
    "Value",
    "arctan2",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "check_gradient",
    "clip_norm",
    "cross_entropy",
    "custom",
    "d_sigmoid",
    "detect_anomaly",
    "dot",
    "draw_graph",
    "draw_network",
    "explain",
    "fit",
    "from_torch",
    "grad",
    "hessian",
    "hinge",
    "hypot",
    "jacobian",
    "jvp",
    "log_softmax",
    "logsumexp",
    "maximum",
    "minimum",
    "mse",
    "no_grad",
    "plot_boundary",
    "plot_costs",
    "recorded",
    "set_language",
    "sigmoid",
    "softmax",
    "sum_squares",
    "vsum",
    "where",
]

# What works on arrays is imported when it is asked for, and NumPy with it: by its name from a
# module, or that module.
_ON_ARRAYS = {
    "Net": "nn.net",
    "Tape": "tape.tape",
    "d_sigmoid": "nn.net",
    "data": "data",
    "fit": "nn.fit",
    "recorded": "tape.recorded",
    "sigmoid": "nn.net",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _ON_ARRAYS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _arrays.needing(name):
        module = importlib.import_module(f"{__name__}.{_ON_ARRAYS[name]}")
    globals()[name] = found = getattr(module, name, module)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
