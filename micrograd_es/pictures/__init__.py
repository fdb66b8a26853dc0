"""Graphs and networks as pictures."""
