"""How long kumolog takes, as a multiple of compressing the same bytes with ``zstd -3 -T1``.

Without arguments: cases A to F, other programs on case A (G) and the start, by turns with the floor, so
that a busy machine slows both. What is written is compared with an independent reading after every run.
--sizes, --jobs and --profile measure that alone, unless --case is given too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import extras
from .cases import CASES
from .records import Shape
from .report import Table, machine, write
from .running import Bench
from .verify import WrongOutputError

NAMES = [*CASES, "G", "start"]
SHAPES: dict[str, dict[str, Any]] = {
    "default": {},
    "meta": {"extras": 24},
    "non-ascii": {"is_ascii": False},
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    made.add_argument(
        "--case", type=_names, action="extend", help="of A to G and start: several, or with commas"
    )
    made.add_argument("--megabytes", type=float, default=210, help="of records (default: 210)")
    made.add_argument("--pairs", type=int, default=5, help="rounds (default: 5)")
    made.add_argument(
        "--record-bytes", type=int, default=Shape.record_bytes, help="(default: 1050)"
    )
    made.add_argument("--shape", choices=SHAPES, default="default", help="what is in the records")
    made.add_argument(
        "--sizes", type=_sizes, metavar="GB,GB", help="case A against size, such as 0.1,1,5"
    )
    made.add_argument("--jobs", action="store_true", help="case B by one process and by two")
    made.add_argument("--profile", action="store_true", help="case A with --profile and without")
    style = made.add_mutually_exclusive_group()
    for name in ("json", "markdown"):
        style.add_argument(f"--{name}", dest="style", action="store_const", const=name)
    made.set_defaults(style="text")
    return made


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"no case {', '.join(unknown)}: {', '.join(NAMES)}")
    return names


def _sizes(text: str) -> list[float]:
    return [float(size) for size in text.split(",")]


def tables(options: argparse.Namespace, directory: Path) -> list[Table]:
    """Measures what the options ask for."""
    shape = Shape(options.record_bytes, **SHAPES[options.shape])
    bench = Bench(directory, options.megabytes, options.pairs, shape)
    others = options.sizes or options.jobs or options.profile
    names = options.case or ([] if others else NAMES)
    chosen = [name for name in CASES if name in names]
    bench.warm_up(chosen or ["A"])
    made = []
    if chosen:
        made.append(bench.cases(chosen))
    if "G" in names:
        made.append(bench.peers())
    if "start" in names:
        made.append(bench.start())
    if options.jobs:
        made.append(extras.jobs(bench))
    if options.profile:
        made.append(extras.profile(bench))
    if options.sizes:  # last, because it changes the input
        made.append(extras.sizes(bench, options.sizes))
    return made


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    options = parser().parse_args(arguments)
    if shutil.which("zstd") is None:
        raise SystemExit("the floor is the zstd program, which is not installed")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="kumolog-bench-") as directory:
        try:
            made = tables(options, Path(directory))
        except WrongOutputError as error:
            raise SystemExit(str(error)) from None
    about = machine() | {
        "megabytes": options.megabytes if [table.name for table in made] != ["sizes"] else None,
        "rounds": options.pairs,
        "record_bytes": options.record_bytes,
        "shape": options.shape,
        "load": round(load, 2),
    }
    print(write(made, about, options.style))


if __name__ == "__main__":
    main(sys.argv[1:])
