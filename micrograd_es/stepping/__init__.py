"""A backward pass step by step: as events, as a page, in a terminal."""
