"""Graphs and charts as pictures."""
