"""Networks of Values: neurons, layers, losses, optimisers, training."""

from micrograd_es.nn.module import Module
from micrograd_es.nn.modules import ACTIVATIONS, MLP, Layer, Neuron

__all__ = ["ACTIVATIONS", "MLP", "Layer", "Module", "Neuron"]
