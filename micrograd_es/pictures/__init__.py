"""Graphs, networks and charts as pictures."""
