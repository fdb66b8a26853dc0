"""The core: the operation table, the recorded graph and its chain rule, `Value`."""

from micrograd_es.engine.value import Value

__all__ = ["Value"]
