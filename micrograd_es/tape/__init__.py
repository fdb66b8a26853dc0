"""Replay: the recorded graph as a program on arrays.

`recording` turns the graph into integers, and `program` finds steps and matrix products
in it, which read and write `rows` of arrays. `tape`, which is what users see, has them run:

* by `native` code, as a table of integers that `assembly` and `returning` make;
* else, and where a sample is not finite, on NumPy in `batches`: `bound` makes calls that
  `expressions` writes from the operation table, and `exact` does over what arrays get wrong;
* by `elsewhere`, on JAX and PyTorch: `replay` runs the steps on a `library` of arrays
  (`on_jax`, `on_torch`), and `loop` a graph without repetition;
* without any of them, as the text that `source` writes (`plain`).
"""
