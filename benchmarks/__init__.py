"""How fast the engine and the replay are, beside others that do the same work.

``python -m benchmarks`` measures every row of the table and writes it down; ``--help``
lists the rows. Each row checks that all contestants agree before it takes the time.
"""
