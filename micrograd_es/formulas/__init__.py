"""What a graph says in symbols: names, formulas, text and LaTeX."""
