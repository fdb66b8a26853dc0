"""Curves, points and maps as SVG."""
