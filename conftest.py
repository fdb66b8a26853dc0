"""Examples that need an extra run where it is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["micrograd_es/nn/pytorch.py"]
