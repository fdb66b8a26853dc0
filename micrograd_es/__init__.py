"""A scalar autograd engine with which people see how backpropagation works."""

from micrograd_es.anomaly import detect_anomaly
from micrograd_es.derivative import grad
from micrograd_es.engine import Value
from micrograd_es.errors import (
    AnomalyError,
    ConvergenceWarning,
    ElementwiseWarning,
    GradientError,
    ModelFormatError,
    RendererMissingError,
)
from micrograd_es.functions import custom, dot, maximum, minimum, vsum, where
from micrograd_es.i18n import set_language
from micrograd_es.steps import BackwardPass

__all__ = [
    "AnomalyError",
    "BackwardPass",
    "ConvergenceWarning",
    "ElementwiseWarning",
    "GradientError",
    "ModelFormatError",
    "RendererMissingError",
    "Value",
    "custom",
    "detect_anomaly",
    "dot",
    "grad",
    "maximum",
    "minimum",
    "set_language",
    "vsum",
    "where",
]
