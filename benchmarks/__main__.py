"""``python -m benchmarks [ROW …] [--quick]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from time import perf_counter

from benchmarks import define_by_run, explaining, on_jax, pages, replay, site
from benchmarks.table import Missing, Row, write

ROWS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "micrograd": define_by_run.beside_micrograd,
    "slots": define_by_run.beside_slots,
    "xad": define_by_run.beside_xad,
    "moons": replay.moons_step,
    "moons-peers": replay.moons_peers,
    "moons-micrograd": replay.moons_micrograd,
    "written-out": replay.written_out,
    "digits": replay.digits_step,
    "gpt": replay.gpt_step,
    "moons-on-jax": on_jax.moons,
    "digits-on-jax": on_jax.digits_batches,
    "gpt-on-jax": on_jax.gpt_batch,
    "random": replay.random_graph,
    "random-heyoka": replay.random_heyoka,
    "recording": replay.recording,
    "flat": define_by_run.flat,
    "linear": define_by_run.linear,
    "explain": explaining.explaining,
    "pages": pages.stepping,
    "site": site.opened,
    "site-train": site.trained,
}


def measure(chosen: list[str], quick: bool) -> list[Row]:
    """The rows, each printed when it is there; one whose contestant is absent is left out."""
    rows = []
    for name in chosen:
        start = perf_counter()
        try:
            for row in ROWS[name](quick):
                rows.append(row)
                print(f"{name:16}", *filter(None, row.cells()[1:]), row.work, sep="  ")
        except (Missing, ImportError) as absent:
            print(f"{name:16}  left out: {absent}", file=sys.stderr)
        print(f"{name:16}  ({perf_counter() - start:.0f} s)", file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Measures what the command line names, and writes the table if that was everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {unknown[0]}; there are {', '.join(ROWS)}")
    rows = measure(options.rows or list(ROWS), options.quick)
    if not options.rows and not options.quick:
        print(*write(rows), sep="\n")


if __name__ == "__main__":
    main()
