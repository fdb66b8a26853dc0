"""Replay: the recorded graph as a program on arrays.

`recording` turns the graph into integers, and `program` finds steps and matrix products
in it, which read and write `rows` of arrays. `bound` runs them on NumPy, as calls that
`expressions` writes from the operation table; `exact` does over what arrays get wrong.
`replay` and `elsewhere` run them on JAX and PyTorch. `tape` is what users see.
"""

from micrograd_es.tape.tape import Tape

__all__ = ["Tape"]
