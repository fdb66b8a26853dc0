"""A scalar autograd engine with which people see how backpropagation works."""

from micrograd_es.anomaly import detect_anomaly
from micrograd_es.derivative import grad
from micrograd_es.draw import draw_graph
from micrograd_es.engine import Value
from micrograd_es.errors import (
    AnomalyError,
    ConvergenceWarning,
    ElementwiseWarning,
    GradientError,
    ModelFormatError,
    RendererMissingError,
)
from micrograd_es.explain import Explanation, explain
from micrograd_es.functions import custom, dot, maximum, minimum, vsum, where
from micrograd_es.gradcheck import check_gradient
from micrograd_es.i18n import set_language
from micrograd_es.losses import binary_cross_entropy, cross_entropy, hinge, mse, sum_squares
from micrograd_es.net import Net, d_sigmoid, sigmoid
from micrograd_es.network import draw_network
from micrograd_es.nn import MLP, Layer, Module, Neuron
from micrograd_es.optim import SGD, Adam
from micrograd_es.steps import BackwardPass
from micrograd_es.tape import Tape
from micrograd_es.train import fit

__all__ = [
    "Adam",
    "AnomalyError",
    "BackwardPass",
    "ConvergenceWarning",
    "ElementwiseWarning",
    "Explanation",
    "GradientError",
    "Layer",
    "MLP",
    "ModelFormatError",
    "Module",
    "Net",
    "Neuron",
    "RendererMissingError",
    "SGD",
    "Tape",
    "Value",
    "binary_cross_entropy",
    "check_gradient",
    "cross_entropy",
    "custom",
    "d_sigmoid",
    "detect_anomaly",
    "dot",
    "draw_graph",
    "draw_network",
    "explain",
    "fit",
    "grad",
    "hinge",
    "maximum",
    "minimum",
    "mse",
    "set_language",
    "sigmoid",
    "sum_squares",
    "vsum",
    "where",
]
