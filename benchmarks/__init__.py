"""How fast the engine and the replay are, beside others that do the same work.

``python -m benchmarks`` measures every row of the table and writes it down; ``--help``
lists the rows. Each row checks that all contestants agree before it takes the time.
"""

import os

# One thread each, for all alike: what several threads gain at these sizes is less than
# what they lose where other programs keep the processors busy.
for _setting in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_setting, "1")
