"""Replay: the recorded graph as a program on arrays.

`recording` turns the graph into integers, `program` finds steps and matrix products in
it, `replay` runs them on `rows` of arrays, `exact` does over what arrays get wrong, and
`tape` is what users see.
"""

from micrograd_es.tape.tape import Tape

__all__ = ["Tape"]
