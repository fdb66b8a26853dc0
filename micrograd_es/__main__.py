"""``python -m micrograd_es`` is the command ``micrograd-es``."""

import sys

from micrograd_es.cli import main

sys.exit(main())
